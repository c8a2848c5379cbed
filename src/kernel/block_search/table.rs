//! Sixteen unevenly spaced values and a scale (`IQ4_NL`, `IQ4_XS`).
//!
//! ```text
//! for t in first, −tries … tries:
//!     1/d = (v₀ + t) / max              v₀ = −127, the smallest value; of the first try, ∓v₀ / max
//!     q   = the value nearest to x / d
//!     d   = Σ w x q / Σ w q²
//!     kept, if (Σ w x q)² / Σ w q² is the largest so far
//! ```
//!
//! The nearest value of a sorted list is the number of middles between neighbours that x / d does not lie below: comparisons that
//! need no order, fifteen of them, each of which adds a difference of two values to the smallest one.

use super::tile::{LANES, LONGEST, Tile, Weights, largest, load, store, store_one, weights};
use crate::kernel::level::dispatch;
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16};

const EPSILON: f32 = 1e-15;
const VALUES: usize = 16;

/// What is searched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TableSearch<'a> {
    /// The values, ascending.
    pub(crate) values: &'a [i8; VALUES],
    /// Steps to each side; −1 if nothing is searched, and the largest magnitude becomes the smallest value.
    pub(crate) tries: i32,
}

/// Writes the scale of each sub-block of 32, and the codes of the *first* try, of which only `_ref` paths make use.
pub(crate) fn table_search(
    level: Level,
    x: &[f32],
    w: Weights<'_>,
    search: TableSearch<'_>,
    codes: &mut [u8],
    scales: &mut [f32],
) {
    let blocks = x.chunks(LANES * LONGEST).zip(codes.chunks_mut(LANES * LONGEST)).zip(scales.chunks_mut(LANES));
    for (i, ((x, codes), scales)) in blocks.enumerate() {
        let w = w.part(i * LANES, scales.len(), LONGEST);
        dispatch!(level, simd => find(simd, x, w, search, codes, scales));
    }
}

/// Writes the codes of the values nearest to `x · inverse`, the inverses one a sub-block of 32.
pub(crate) fn table_codes(level: Level, x: &[f32], inverses: &[f32], values: &[i8; VALUES], codes: &mut [u8]) {
    let blocks = x.chunks(LANES * LONGEST).zip(codes.chunks_mut(LANES * LONGEST)).zip(inverses.chunks(LANES));
    for ((x, codes), inverses) in blocks {
        dispatch!(level, simd => nearest_codes(simd, x, inverses, values, codes));
    }
}

/// The middles between neighbours, and what lies between them.
pub(super) struct Steps {
    lowest: f32,
    middles: [f32; VALUES - 1],
    differences: [f32; VALUES - 1],
}

impl Steps {
    #[inline(always)]
    pub(super) fn of(values: &[i8; VALUES]) -> Self {
        let mut steps = Self { lowest: f32::from(values[0]), middles: [0.0; 15], differences: [0.0; 15] };
        for i in 0..VALUES - 1 {
            let (a, b) = (f32::from(values[i]), f32::from(values[i + 1]));
            (steps.middles[i], steps.differences[i]) = ((a + b) * 0.5, b - a);
        }
        steps
    }
}

#[inline(always)]
pub(super) fn nearest_value<S: Simd>(simd: S, x: f32x16<S>, steps: &Steps) -> f32x16<S> {
    let zero = f32x16::splat(simd, 0.0);
    let mut value = f32x16::splat(simd, steps.lowest);
    for i in 0..VALUES - 1 {
        // As written NaN has the largest.
        let below = x.simd_lt(f32x16::splat(simd, steps.middles[i]));
        value += below.select(zero, f32x16::splat(simd, steps.differences[i]));
    }
    value
}

#[inline(always)]
pub(super) fn nearest_code<S: Simd>(simd: S, x: f32x16<S>, steps: &Steps) -> f32x16<S> {
    let (zero, one) = (f32x16::splat(simd, 0.0), f32x16::splat(simd, 1.0));
    let mut code = zero;
    for middle in steps.middles {
        code += x.simd_lt(f32x16::splat(simd, middle)).select(zero, one);
    }
    code
}

#[inline(always)]
fn nearest_codes<S: Simd>(simd: S, x: &[f32], inverses: &[f32], values: &[i8; VALUES], codes: &mut [u8]) {
    let steps = Steps::of(values);
    let mut lanes = [0.0; LANES];
    lanes[..inverses.len()].copy_from_slice(inverses);
    let inverse = f32x16::from_slice(simd, &lanes);
    let mut x = load(simd, x, LONGEST);
    for x in &mut x {
        *x = nearest_code(simd, inverse * *x, &steps);
    }
    store(&x, LONGEST, codes);
}

#[inline(always)]
fn sums<S: Simd>(simd: S, x: &Tile<S>, w: &Tile<S>, inverse: f32x16<S>, steps: &Steps) -> (f32x16<S>, f32x16<S>) {
    let (mut sum_wqx, mut sum_wqq) = (f32x16::splat(simd, 0.0), f32x16::splat(simd, 0.0));
    for (x, w) in x.iter().zip(w) {
        let q = nearest_value(simd, inverse * *x, steps);
        let wq = *w * q;
        sum_wqx += wq * *x;
        sum_wqq += wq * q;
    }
    (sum_wqx, sum_wqq)
}

#[inline(always)]
fn find<S: Simd>(simd: S, x: &[f32], w: Weights<'_>, search: TableSearch<'_>, codes: &mut [u8], scales: &mut [f32]) {
    let TableSearch { values, tries } = search;
    let steps = Steps::of(values);
    let float = |x: f32| f32x16::splat(simd, x);
    let zero = float(0.0);
    let x = load(simd, x, LONGEST);
    let w = weights(simd, &x, w, LONGEST);
    let (max, magnitude) = largest(simd, &x, LONGEST);
    let divisor = if tries > 0 { -steps.lowest } else { steps.lowest };
    let inverse = float(1.0) / (max / divisor);
    let (sum_wqx, sum_wqq) = sums(simd, &x, &w, inverse, &steps);
    let nothing = magnitude.simd_lt(float(EPSILON));
    let mut first = x;
    for x in &mut first {
        *x = nothing.select(zero, nearest_code(simd, inverse * *x, &steps));
    }
    store(&first, LONGEST, codes);
    let mut scale = sum_wqq.simd_gt(zero).select(sum_wqx / sum_wqq, zero);
    let mut best = scale * sum_wqx;
    for t in -tries..=tries {
        let inverse = float(t as f32 + steps.lowest) / max;
        let (sum_wqx, sum_wqq) = sums(simd, &x, &w, inverse, &steps);
        let better = sum_wqq.simd_gt(zero) & (sum_wqx * sum_wqx).simd_gt(best * sum_wqq);
        let own = sum_wqx / sum_wqq;
        scale = better.select(own, scale);
        best = better.select(own * sum_wqx, best);
    }
    store_one(nothing.select(zero, scale), scales);
}
