//! A scale and a smallest value: `x ≈ d · q + m` with q in 0..=n and m ≤ 0, so that zero can be restored.
//!
//! ```text
//! for t in 0 … steps:
//!     1/d  = (first + step · t + n) / (max − min)
//!     q    = clamp(round((x − min) / d), 0, n)
//!     d, m = the weighted least squares of x over these codes; m ≤ 0
//!     kept, if Σ w |d q + m − x|ᵖ falls, p = 1 or 2
//! ```

use super::tile::{LANES, LONGEST, Weights, code, load, store, store_one, weights};
use crate::kernel::level::dispatch;
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16};

/// What is searched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Affine {
    /// Elements of a sub-block: 16 or 32.
    pub(crate) n: usize,
    /// The largest code.
    pub(crate) limit: i32,
    /// The first of the numbers that are added to the largest code.
    pub(crate) first: f32,
    /// The distance to the next.
    pub(crate) step: f32,
    /// How many follow the first.
    pub(crate) steps: i32,
    /// Errors count as they are, not squared.
    pub(crate) absolute: bool,
}

/// Where the results go: codes one an element, and of each sub-block the scale and the negated smallest value.
#[derive(Debug)]
pub(crate) struct AffineOut<'a> {
    pub(crate) codes: &'a mut [u8],
    pub(crate) scales: &'a mut [f32],
    pub(crate) mins: &'a mut [f32],
    /// The sum of the weights.
    pub(crate) sums: &'a mut [f32],
}

/// Writes what the sub-blocks of a row come to: `x ≈ scale · code − min`.
pub(crate) fn affine_search(level: Level, x: &[f32], w: Weights<'_>, affine: Affine, out: AffineOut<'_>) {
    let n = affine.n;
    let numbers = out.scales.chunks_mut(LANES).zip(out.mins.chunks_mut(LANES)).zip(out.sums.chunks_mut(LANES));
    let tiles = x.chunks(LANES * n).zip(out.codes.chunks_mut(LANES * n)).zip(numbers);
    for (i, ((x, codes), ((scales, mins), sums))) in tiles.enumerate() {
        let w = w.part(i * LANES, scales.len(), n);
        let out = AffineOut { codes, scales, mins, sums };
        dispatch!(level, simd => search(simd, x, w, affine, out));
    }
}

/// Returns what a difference counts for.
#[inline(always)]
fn measure<S: Simd>(difference: f32x16<S>, absolute: bool) -> f32x16<S> {
    if absolute { difference.abs() } else { difference * difference }
}

#[inline(always)]
fn search<S: Simd>(simd: S, x: &[f32], w: Weights<'_>, affine: Affine, out: AffineOut<'_>) {
    let Affine { limit, first, step, steps, absolute, .. } = affine;
    let n = affine.n.min(LONGEST);
    let float = |x: f32| f32x16::splat(simd, x);
    let zero = float(0.0);
    let x = load(simd, x, n);
    let w = weights(simd, &x, w, n);
    let (mut min, mut max) = (x[0], x[0]);
    let mut sum_w = w[0];
    let mut sum_x = w[0] * x[0];
    for (x, w) in x[1..n].iter().zip(&w[1..n]) {
        min = x.simd_lt(min).select(*x, min);
        max = x.simd_gt(max).select(*x, max);
        sum_w += *w;
        sum_x += *w * *x;
    }
    min = min.simd_gt(zero).select(zero, min);
    let constant = max.simd_eq(min);
    // What the codes that are kept were computed with.
    let (mut best_inverse, mut best_from) = (float(limit as f32) / (max - min), min);
    let lowest = min;
    let mut scale = float(1.0) / best_inverse;
    let mut best = zero;
    for i in 0..n {
        let q = code(simd, best_inverse * (x[i] - min), 0, limit);
        best += w[i] * measure(scale * q + min - x[i], absolute);
    }
    let mut codes = x;
    for t in 0..=steps {
        // From the smallest value that is the best so far, as ggml has it.
        let inverse = float(first + step * t as f32 + limit as f32) / (max - min);
        let (mut sum_q, mut sum_qq, mut sum_xq) = (zero, zero, zero);
        for i in 0..n {
            let q = code(simd, inverse * (x[i] - min), 0, limit);
            codes[i] = q;
            let wq = w[i] * q;
            sum_q += wq;
            sum_qq += wq * q;
            sum_xq += wq * x[i];
        }
        let determinant = sum_w * sum_qq - sum_q * sum_q;
        let own_scale = (sum_w * sum_xq - sum_x * sum_q) / determinant;
        let own_min = (sum_qq * sum_x - sum_q * sum_xq) / determinant;
        let positive = own_min.simd_gt(zero);
        let own_scale = positive.select(sum_xq / sum_qq, own_scale);
        let own_min = positive.select(zero, own_min);
        let mut error = zero;
        for i in 0..n {
            error += w[i] * measure(own_scale * codes[i] + own_min - x[i], absolute);
        }
        let better = determinant.simd_gt(zero) & error.simd_lt(best);
        best = better.select(error, best);
        best_inverse = better.select(inverse, best_inverse);
        best_from = better.select(min, best_from);
        scale = better.select(own_scale, scale);
        min = better.select(own_min, min);
    }
    scale = constant.select(zero, scale);
    min = constant.select(lowest, min);
    for i in 0..n {
        codes[i] = constant.select(zero, code(simd, best_inverse * (x[i] - best_from), 0, limit));
    }
    store(&codes, n, out.codes);
    store_one(scale, out.scales);
    store_one(-min, out.mins);
    store_one(sum_w, out.sums);
}
