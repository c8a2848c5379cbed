//! The optimal codebook: k-means in one dimension, exactly.
//!
//! In one dimension clusters are intervals of the sorted values, so that the least sum of squares for k values is
//!
//! ```text
//! D(k, j) = min over i ≤ j of  D(k − 1, i) + cost(i, j),      cost(i, j) = Σ w x² − (Σ w x)² / Σ w   over the values i … j − 1
//! ```
//!
//! The cost is a Monge array: the best i does not decrease with j. So a row is filled by divide and conquer: the best i of the middle
//! bounds those on both sides, O(n log n) for each of the k rows (Grønlund et al., "Fast Exact k-Means, k-Medians and Bregman
//! Divergence Clustering in 1D", 2017). Equal values are merged first; sums are taken in f64 of values relative to their mean.

use alloc::vec;
use alloc::vec::Vec;

/// How many starts of clusters are kept at once, of 4 bytes each. Where there are more, halves of the clusters are found one after the other,
/// in twice the time (Hirschberg, "A Linear Space Algorithm for Computing Maximal Common Subsequences", 1975).
const MOST_PLACES: usize = 1 << 24;

/// Returns the `k` values, ascending, for which the weighted sum of squared distances of `x` to the nearest of them is the least there
/// is; fewer, if `x` has fewer distinct values. NaN, infinities and what has no positive weight are left out.
///
/// It takes the time of sorting and of k · n · log n steps, for n distinct values, and memory that does not grow with k: 16 bytes for each
/// value, 60 for each distinct one, and at most 64 MB beside. More than 2³² − 2 distinct finite numbers f32 does not have.
///
/// # Examples
///
/// ```
/// use tensor_quant::block::optimal_codebook;
///
/// assert_eq!(optimal_codebook(&[1.0, 1.5, 8.0, 9.0, -4.0], None, 3), [-4.0, 1.25, 8.5]);
/// ```
pub fn optimal_codebook(x: &[f32], weights: Option<&[f32]>, k: usize) -> Vec<f32> {
    let sums = Sums::of(x, weights);
    let n = sums.values.len();
    if n <= k {
        return sums.values;
    }
    if k == 0 {
        return Vec::new();
    }
    let mut starts = Vec::with_capacity(k);
    cut(&sums, (0, n), k, MOST_PLACES, &mut starts);
    let ends = starts.iter().skip(1).copied().chain([n]);
    starts.iter().zip(ends).map(|(&start, end)| sums.mean(start, end)).collect()
}

/// Appends the starts of the `k` clusters with the least cost of the values `lo..hi`, which are more than k; `most` is how many places are
/// kept at once.
fn cut(sums: &Sums, (lo, hi): (usize, usize), k: usize, most: usize, starts: &mut Vec<usize>) {
    let n = hi - lo;
    // best[j]: the least cost of the first j values in as many clusters as rows were filled.
    let mut best: Vec<f64> = (0..=n).map(|j| sums.cost(lo, lo + j)).collect();
    let (mut next, mut from) = (vec![0.0; n + 1], vec![0_u32; n + 1]);
    // Two rows are no more than what halves take.
    if (n + 1).saturating_mul(k) <= most || k < 3 {
        let mut rows = vec![from];
        for row in 1..k {
            let mut from = vec![0_u32; n + 1];
            fill((sums, lo), &best, &mut next, &mut from, (row + 1, n), (row, n - 1));
            core::mem::swap(&mut best, &mut next);
            rows.push(from);
        }
        let (first, mut end) = (starts.len(), n);
        for from in rows.iter().rev() {
            end = from[end] as usize;
            starts.push(lo + end);
        }
        starts[first..].reverse();
        return;
    }
    // middle[j]: where the cluster in the middle begins, of the best of the first j values.
    let half = k / 2;
    let (mut middle, mut next_middle) = (vec![0_u32; n + 1], vec![0_u32; n + 1]);
    for row in 1..k {
        fill((sums, lo), &best, &mut next, &mut from, (row + 1, n), (row, n - 1));
        core::mem::swap(&mut best, &mut next);
        if row == half {
            middle.clone_from(&from);
        } else if row > half {
            for (next, &from) in next_middle.iter_mut().zip(&from) {
                *next = middle[from as usize];
            }
            core::mem::swap(&mut middle, &mut next_middle);
        }
    }
    let at = lo + middle[n] as usize;
    drop((best, next, from, middle, next_middle));
    for (part, k) in [((lo, at), half), ((at, hi), k - half)] {
        if part.1 - part.0 > k {
            cut(sums, part, k, most, starts);
        } else {
            starts.extend(part.0..part.1);
        }
    }
}

/// Fills `next[j]`, of the values from `lowest` on, for j in `lo..=hi`, whose best starts are known to lie in `first..=last`.
fn fill(
    (sums, lowest): (&Sums, usize),
    best: &[f64],
    next: &mut [f64],
    from: &mut [u32],
    (lo, hi): (usize, usize),
    (first, last): (usize, usize),
) {
    if lo > hi {
        return;
    }
    let j = usize::midpoint(lo, hi);
    let (mut least, mut start) = (f64::INFINITY, first);
    for (i, before) in best.iter().enumerate().take(j).skip(first).take(last + 1 - first) {
        let cost = before + sums.cost(lowest + i, lowest + j);
        if cost < least {
            (least, start) = (cost, i);
        }
    }
    (next[j], from[j]) = (least, start as u32);
    fill((sums, lowest), best, next, from, (lo, j - 1), (first, start));
    fill((sums, lowest), best, next, from, (j + 1, hi), (start, last));
}

/// The distinct values in order, and sums over the first i of them.
struct Sums {
    values: Vec<f32>,
    center: f64,
    w: Vec<f64>,
    wx: Vec<f64>,
    wxx: Vec<f64>,
}

impl Sums {
    fn of(x: &[f32], weights: Option<&[f32]>) -> Self {
        let weight = |i: usize| weights.map_or(1.0, |w| w.get(i).copied().unwrap_or(0.0));
        let mut pairs: Vec<(f32, f64)> = x.iter().enumerate().map(|(i, &x)| (x, f64::from(weight(i)))).collect();
        pairs.retain(|&(x, w)| x.is_finite() && w > 0.0 && w.is_finite());
        pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = pairs.iter().map(|pair| pair.1).sum();
        let center = if total > 0.0 { pairs.iter().map(|&(x, w)| f64::from(x) * w).sum::<f64>() / total } else { 0.0 };
        let mut sums = Self { values: Vec::new(), center, w: vec![0.0], wx: vec![0.0], wxx: vec![0.0] };
        let (mut w_sum, mut wx_sum, mut wxx_sum) = (0.0, 0.0, 0.0);
        for (i, &(x, w)) in pairs.iter().enumerate() {
            let shifted = f64::from(x) - center;
            w_sum += w;
            wx_sum += w * shifted;
            wxx_sum += w * shifted * shifted;
            if pairs.get(i + 1).is_none_or(|next| next.0 != x) {
                sums.values.push(x);
                sums.w.push(w_sum);
                sums.wx.push(wx_sum);
                sums.wxx.push(wxx_sum);
            }
        }
        sums
    }

    #[inline]
    fn cost(&self, i: usize, j: usize) -> f64 {
        let (w, wx) = (self.w[j] - self.w[i], self.wx[j] - self.wx[i]);
        if w > 0.0 { (self.wxx[j] - self.wxx[i] - wx * wx / w).max(0.0) } else { 0.0 }
    }

    fn mean(&self, i: usize, j: usize) -> f32 {
        ((self.wx[j] - self.wx[i]) / (self.w[j] - self.w[i]) + self.center) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(x: &[f32], w: &[f32], codebook: &[f32]) -> f64 {
        let nearest = |x: f32| codebook.iter().map(|c| (f64::from(*c) - f64::from(x)).powi(2)).fold(f64::MAX, f64::min);
        x.iter().zip(w).map(|(x, w)| f64::from(*w) * nearest(*x)).sum()
    }

    /// Every way to cut the sorted values.
    fn brute_force(x: &[f32], w: &[f32], k: usize) -> f64 {
        let sums = Sums::of(x, Some(w));
        let n = sums.values.len();
        let mut least = f64::MAX;
        for cuts in 0_u32..1 << (n - 1) {
            if (cuts.count_ones() as usize) < k {
                let (mut start, mut cost) = (0, 0.0);
                for end in 1..=n {
                    if end == n || cuts >> (end - 1) & 1 == 1 {
                        cost += sums.cost(start, end);
                        start = end;
                    }
                }
                least = least.min(cost);
            }
        }
        least
    }

    #[test]
    fn it_is_the_best_of_all_partitions() {
        for seed in 1..40_u32 {
            let number = |i: u32| ((i * 7 + seed).wrapping_mul(0x9e37_79b9) >> 20) as f32 / 100.0 - 20.0;
            let x: Vec<f32> = (0..10).map(number).collect();
            let w: Vec<f32> = (10..20).map(|i| number(i).abs() + 0.1).collect();
            for k in 1..=6 {
                let codebook = optimal_codebook(&x, Some(&w), k);
                let (got, want) = (error(&x, &w, &codebook), brute_force(&x, &w, k));
                assert!((got - want).abs() <= 1e-4 * want + 1e-6, "{seed} {k}: {got} {want}");
            }
        }
    }

    #[test]
    fn halves_one_after_the_other_are_as_good_as_all_at_once() {
        let number = |i: u32| (i.wrapping_mul(0x9e37_79b9) >> 16) as f32 / 997.0 - 30.0;
        let x: Vec<f32> = (0..300).map(number).collect();
        let sums = Sums::of(&x, None);
        let n = sums.values.len();
        for k in [3, 4, 7, 16, 100, n - 1] {
            let of = |most: usize| {
                let mut starts = Vec::new();
                cut(&sums, (0, n), k, most, &mut starts);
                assert!(starts.len() == k && starts[0] == 0 && starts.is_sorted_by(|a, b| a < b));
                let ends = starts.iter().skip(1).copied().chain([n]);
                starts.iter().zip(ends).map(|(&start, end)| sums.cost(start, end)).sum::<f64>()
            };
            let whole = of(MOST_PLACES);
            for most in [1, 2 * n, k * n / 2] {
                assert!((of(most) - whole).abs() <= 1e-9 * whole + 1e-9, "{k} {most}");
            }
        }
    }

    #[test]
    fn few_values_and_odd_ones() {
        assert_eq!(optimal_codebook(&[2.0, 2.0, f32::NAN, f32::INFINITY, 1.0], None, 4), [1.0, 2.0]);
        assert!(optimal_codebook(&[], None, 4).is_empty() && optimal_codebook(&[1.0, 2.0], None, 0).is_empty());
    }
}
