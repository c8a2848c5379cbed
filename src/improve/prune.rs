//! Which weights become 0 when a share of them is to.
//!
//! Without samples those of the smallest magnitude (Han et al., "Learning both Weights and Connections for Efficient Neural Networks",
//! 2015). With samples those with the smallest w² Hₖₖ, by which an output's mean square changes if one weight alone is taken out;
//! rounding with feedback then lets the others make good of them (Hassibi and Stork, "Second order derivatives for network pruning:
//! Optimal Brain Surgeon", 1993, in the order of GPTQ: Frantar and Alistarh, "`SparseGPT`", 2023).

use ndarray::{Array2, ArrayD};

/// Returns which of so many elements stay when a share of them goes: those with the largest scores, of equal ones the first. NaN
/// counts most of all.
fn kept(scores: &[f64], share: f64) -> Vec<bool> {
    let goes = (scores.len() as f64 * share) as usize;
    let score = |i: usize| if scores[i].is_nan() { f64::INFINITY } else { scores[i] };
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| score(a).total_cmp(&score(b)).then(b.cmp(&a)));
    let mut kept = vec![true; scores.len()];
    for &i in order.iter().take(goes) {
        kept[i] = false;
    }
    kept
}

/// Returns a tensor of which a share, those elements with the smallest magnitude, is 0.
pub(crate) fn pruned(values: &ArrayD<f32>, share: f64) -> ArrayD<f32> {
    let scores: Vec<f64> = values.iter().map(|&x| f64::from(x.abs())).collect();
    let mut pruned = values.as_standard_layout().into_owned();
    for (x, is_kept) in pruned.iter_mut().zip(kept(&scores, share)) {
        if !is_kept {
            *x = 0.0;
        }
    }
    pruned
}

/// Returns which weights, [rows, elements], stay; `diagonals` are those of H, for each of equally many rows.
pub(crate) fn mask(weights: &Array2<f32>, diagonals: &[Vec<f64>], share: f64) -> Array2<bool> {
    let of_group = (weights.nrows() / diagonals.len().max(1)).max(1);
    let score = |((row, k), &w): ((usize, usize), &f32)| {
        let of_input = diagonals.get(row / of_group).and_then(|diagonal| diagonal.get(k)).copied().unwrap_or(1.0);
        f64::from(w) * f64::from(w) * of_input
    };
    let scores: Vec<f64> = weights.indexed_iter().map(score).collect();
    let kept = kept(&scores, share);
    Array2::from_shape_vec(weights.dim(), kept).unwrap_or_else(|_| Array2::from_elem(weights.dim(), true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr1;

    #[test]
    fn the_smallest_go_and_no_more_than_asked_for() {
        let x = arr1(&[0.5, -0.1, f32::NAN, 0.1, -3.0, 0.0]).into_dyn();
        let zeros = |share: f64| -> Vec<usize> {
            let pruned = pruned(&x, share);
            (0..6).filter(|&i| pruned[[i]] == 0.0).collect()
        };
        assert_eq!(zeros(0.0), [5]);
        assert_eq!((zeros(0.34), zeros(0.5)), (vec![3, 5], vec![1, 3, 5]));
        assert_eq!(zeros(0.99), [0, 1, 3, 4, 5]);
    }

    #[test]
    fn inputs_that_never_are_anything_cost_nothing() {
        let weights = ndarray::arr2(&[[1.0, 0.1], [0.2, 3.0]]);
        let mask = mask(&weights, &[vec![1e-6, 1.0]], 0.5);
        assert_eq!(mask, ndarray::arr2(&[[false, true], [false, true]]));
        let own = super::mask(&weights, &[vec![1.0, 1.0], vec![1.0, 1e-9]], 0.5);
        assert_eq!(own, ndarray::arr2(&[[true, false], [true, false]]));
    }
}
