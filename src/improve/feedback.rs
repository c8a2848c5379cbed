//! Rounding rows of weights one after the other, each with what the errors before it ask for: GPTQ.
//!
//! Rows (of weights, under a scale each) stand side by side, so that each step is the same for all of them: arrays are [elements, rows].
//!
//! 1. With a factor: errors of whole blocks of elements reach later ones by a product of matrices.
//! 2. In sample space, for fewer samples than elements: H = D + X Xᵀ needs no matrix of elements by elements. What has been lost is
//!    kept as its effect on each sample, and the inverse that belongs to the elements still to come is updated by rank 1.

use super::codes::Codes;
use super::factor::Factor;
use super::part::{part, part_mut};
use super::rate::Rate;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis};

/// Elements that are rounded before their errors reach all later ones.
const BLOCK: usize = 32;

/// What each element may become, and what its code costs besides its error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice<'a> {
    pub(crate) codes: Codes,
    /// What codes cost, if they are chosen for their bits, too.
    pub(crate) rate: Option<&'a Rate>,
    /// Which elements, [elements, rows], may be anything but 0, if not all may.
    pub(crate) kept: Option<ArrayView2<'a, bool>>,
}

impl Choice<'_> {
    /// Returns what an element becomes that is `t` in units of its scale, and whose error is weighed by `pivot`.
    #[inline(always)]
    fn code(&self, t: f64, pivot: f64, at: [usize; 2]) -> f64 {
        match (self.kept, self.rate) {
            (Some(kept), _) if !kept[at] => 0.0,
            (_, None) => self.codes.nearest(t),
            (_, Some(rate)) => rate.choose(self.codes, t, pivot),
        }
    }
}

/// Rows that were rounded.
#[derive(Clone, Debug)]
pub(crate) struct Rounded {
    /// The codes, [elements, rows].
    pub(crate) codes: Array2<f64>,
    /// eᵀHe of each row.
    pub(crate) costs: Vec<f64>,
    /// The mean of dⱼ.
    pub(crate) mean_pivot: f64,
}

/// Rounds rows with a factor of H. `weights` are [elements, rows], `scales` one a row.
pub(crate) fn with_factor(
    factor: &Factor,
    weights: ArrayView2<'_, f64>,
    scales: &[f64],
    choice: &Choice<'_>,
) -> Rounded {
    let (len, rows) = weights.dim();
    let mut errors = Array2::<f64>::zeros((len, rows));
    let mut rounded = Array2::<f64>::zeros((len, rows));
    let mut costs = vec![0.0; rows];
    let inverse: Vec<f64> = scales.iter().map(|scale| scale.recip()).collect();
    let mut target = Array2::<f64>::zeros((BLOCK, rows));
    for start in (0..len).step_by(BLOCK) {
        let end = (start + BLOCK).min(len);
        let mut target = part_mut(target.view_mut(), 0..end - start, 0..rows);
        target.assign(&part(weights, start..end, 0..rows));
        if start > 0 {
            let (lower, before) =
                (part(factor.lower.view(), start..end, 0..start), part(errors.view(), 0..start, 0..rows));
            general_mat_mul(1.0, &lower, &before, 1.0, &mut target);
        }
        for j in start..end {
            let (done, mut rest) = target.view_mut().split_at(Axis(0), j - start + 1);
            let t = done.row(j - start);
            let (mut error, mut code) = (errors.row_mut(j), rounded.row_mut(j));
            let (Some(t), Some(error), Some(code)) = (t.as_slice(), error.as_slice_mut(), code.as_slice_mut()) else {
                continue;
            };
            let (weight, pivot) = (weights.row(j), factor.pivots[j]);
            for (r, weight) in weight.iter().enumerate() {
                let q = choice.code(t[r] * inverse[r], pivot, [j, r]);
                let restored = q * scales[r];
                let missed = t[r] - restored;
                code[r] = q;
                error[r] = weight - restored;
                costs[r] += pivot * missed * missed;
            }
            for (i, mut later) in (j + 1..end).zip(rest.rows_mut()) {
                let factor = factor.lower[[i, j]];
                let Some(later) = later.as_slice_mut() else { continue };
                later.iter_mut().zip(&*error).for_each(|(t, &e)| *t += factor * e);
            }
        }
    }
    let mean_pivot = factor.pivots.iter().sum::<f64>() / len.max(1) as f64;
    Rounded { codes: rounded, costs, mean_pivot }
}

/// What rounding in sample space needs of each element, whatever the weights: of H = D + X Xᵀ with M = (I + Σ x xᵀ / d)⁻¹ over the
/// elements to come, u = M x and c = d − xᵀu.
#[derive(Clone, Debug)]
pub(crate) struct Updates {
    /// [elements, samples], in their order; zeros for an input that never was anything.
    u: Array2<f64>,
    c: Vec<f64>,
}

impl Updates {
    /// Returns the updates of elements in an order; `None` where rounding leaves no inverse. `x` is [elements, samples].
    pub(crate) fn new(diagonal: &[f64], x: ArrayView2<'_, f64>, order: &[usize]) -> Option<Self> {
        let mut m = inverse_of_all(diagonal, x)?;
        let mut all = Array2::<f64>::zeros(x.dim());
        let mut cs: Vec<f64> = Vec::with_capacity(order.len());
        for block in order.chunks(BLOCK) {
            let start = cs.len();
            let of_block = x.select(Axis(0), block);
            let mut us = part_mut(all.view_mut(), start..start + block.len(), 0..x.ncols());
            // M is symmetric; what the block's own elements have changed of it since is made good of below.
            general_mat_mul(1.0, &of_block, &m, 0.0, &mut us);
            for (k, (&j, column)) in block.iter().zip(of_block.rows()).enumerate() {
                let (before, mut rest) = us.view_mut().split_at(Axis(0), k);
                let (mut u, d) = (rest.row_mut(0), diagonal[j]);
                if column.iter().all(|&x| x == 0.0) {
                    cs.push(d);
                    continue;
                }
                for (before, c) in before.rows().into_iter().zip(&cs[start..]) {
                    u.scaled_add(before.dot(&column) / c, &before);
                }
                let c = d - column.dot(&u);
                if !(c > 0.0 && c.is_finite()) {
                    return None;
                }
                cs.push(c);
            }
            let mut scaled = us.to_owned();
            for (mut u, c) in scaled.rows_mut().into_iter().zip(&cs[start..]) {
                u.iter_mut().for_each(|u| *u /= c);
            }
            general_mat_mul(1.0, &us.t(), &scaled, 1.0, &mut m);
        }
        Some(Self { u: all, c: cs })
    }
}

/// Rounds rows with H = D + X Xᵀ; `x` is [elements, samples].
///
/// With the errors so far as a = Σ x e over samples, and M = (I + Σ x xᵀ / d)⁻¹ over the elements to come, element j is rounded from
/// w + xᵀ M a / d, where M is that with element j still in it.
pub(crate) fn in_sample_space(
    (diagonal, x, updates): (&[f64], ArrayView2<'_, f64>, &Updates),
    weights: ArrayView2<'_, f64>,
    scales: &[f64],
    order: &[usize],
    choice: &Choice<'_>,
) -> Rounded {
    let (len, rows) = weights.dim();
    // b = M a, which changes with M.
    let mut b = Array2::<f64>::zeros((x.ncols(), rows));
    let mut rounded = Array2::<f64>::zeros((len, rows));
    let (mut costs, mut pivots) = (vec![0.0; rows], 0.0);
    for (number, block) in order.chunks(BLOCK).enumerate() {
        let start = number * BLOCK;
        let of_block = x.select(Axis(0), block);
        let us = part(updates.u.view(), start..start + block.len(), 0..x.ncols());
        let mut feedback = Array2::<f64>::zeros((block.len(), rows));
        general_mat_mul(1.0, &of_block, &b, 0.0, &mut feedback);
        // What an element of the block does to the feedback of a later one.
        let inner = of_block.dot(&us.t());
        let mut pushes = Array2::<f64>::zeros((block.len(), rows));
        for (k, &j) in block.iter().enumerate() {
            let (d, c) = (diagonal[j], updates.c[start + k]);
            let pivot = d * d / c;
            pivots += pivot;
            let (before, mut rest) = pushes.view_mut().split_at(Axis(0), k);
            let mut feedback = feedback.row_mut(k);
            for (before, &factor) in before.rows().into_iter().zip(inner.row(k)) {
                feedback.scaled_add(factor, &before);
            }
            let (mut code, mut push) = (rounded.row_mut(j), rest.row_mut(0));
            let (Some(feedback), Some(code), Some(push)) =
                (feedback.as_slice(), code.as_slice_mut(), push.as_slice_mut())
            else {
                continue;
            };
            for (r, weight) in weights.row(j).iter().enumerate() {
                let t = weight + feedback[r] / d;
                let q = choice.code(t / scales[r], pivot, [j, r]);
                let missed = t - q * scales[r];
                code[r] = q;
                costs[r] += pivot * missed * missed;
                push[r] = missed * d / c;
            }
        }
        general_mat_mul(1.0, &us.t(), &pushes, 1.0, &mut b);
    }
    Rounded { codes: rounded, costs, mean_pivot: pivots / len.max(1) as f64 }
}

/// Returns (I + Xᵀ D⁻¹ X)⁻¹ over all elements, samples by samples.
pub(super) fn inverse_of_all(diagonal: &[f64], x: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
    let samples = x.ncols();
    let mut scaled = x.to_owned();
    for (mut row, d) in scaled.rows_mut().into_iter().zip(diagonal) {
        row.iter_mut().for_each(|x| *x /= d);
    }
    let mut inner = Array2::<f64>::eye(samples);
    general_mat_mul(1.0, &scaled.t(), &x, 1.0, &mut inner);
    let Factor { lower, pivots } = Factor::new(inner)?;
    // inner = LᵀDL, so its inverse is B D⁻¹ Bᵀ with B = L⁻¹, by substitution from the first row on.
    let mut inverse = Array2::<f64>::eye(samples);
    for i in 1..samples {
        let (before, mut rest) = inverse.view_mut().split_at(Axis(0), i);
        let lower = lower.row(i);
        let mut row = rest.row_mut(0);
        for (&factor, before) in lower.iter().zip(before.rows()) {
            row.scaled_add(-factor, &before);
        }
    }
    let mut scaled = inverse.clone();
    for (mut column, pivot) in scaled.columns_mut().into_iter().zip(&pivots) {
        column.iter_mut().for_each(|x| *x /= pivot);
    }
    let mut m = Array2::zeros((samples, samples));
    general_mat_mul(1.0, &scaled, &inverse.t(), 0.0, &mut m);
    Some(m)
}
