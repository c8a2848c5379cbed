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
//! The nearest value of a sorted list is found by halving it: four comparisons with middles between neighbours, all but the first of
//! them looked up by the outcomes before ([`Halving`]).

use super::halving::Halving;
use super::tile::{LANES, LONGEST, Tile, Weights, largest, load, store, store_one, weights};
use crate::kernel::level::dispatch;
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16};

const EPSILON: f32 = 1e-15;
const VALUES: usize = 16;
/// Tries that are made side by side: elements and weights are loaded once for all of them.
const TOGETHER: usize = 3;

/// What is searched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TableSearch<'a> {
    /// The values, ascending.
    pub(crate) values: &'a [i8; VALUES],
    /// Steps to each side; −1 if nothing is searched, and the largest magnitude becomes the smallest value.
    pub(crate) tries: i32,
}

/// Writes the scale of each sub-block of 32, and, if nothing is searched, the codes: those of others follow from the scale that is stored
/// ([`table_codes`]).
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

/// Returns the values as reals.
#[inline(always)]
pub(super) fn reals(values: &[i8; VALUES]) -> [f32; VALUES] {
    let mut reals = [0.0; VALUES];
    for (real, value) in reals.iter_mut().zip(values) {
        *real = f32::from(*value);
    }
    reals
}

#[inline(always)]
fn nearest_codes<S: Simd>(simd: S, x: &[f32], inverses: &[f32], values: &[i8; VALUES], codes: &mut [u8]) {
    let halving = Halving::of(simd, &reals(values));
    let mut lanes = [0.0; LANES];
    lanes[..inverses.len()].copy_from_slice(inverses);
    let inverse = f32x16::from_slice(simd, &lanes);
    let mut x = load(simd, x, LONGEST);
    for x in &mut x {
        *x = halving.code(simd, inverse * *x);
    }
    store(&x, LONGEST, codes);
}

/// Returns Σ w q x and Σ w q² of the values under each of some scales.
#[inline(always)]
fn sums<S: Simd, const K: usize>(
    simd: S,
    x: &Tile<S>,
    w: &Tile<S>,
    inverses: [f32x16<S>; K],
    halving: &Halving<S>,
) -> [(f32x16<S>, f32x16<S>); K] {
    let zero = f32x16::splat(simd, 0.0);
    let mut sums = [(zero, zero); K];
    for (x, w) in x.iter().zip(w) {
        for (sums, inverse) in sums.iter_mut().zip(inverses) {
            let q = halving.value(simd, inverse * *x);
            let wq = *w * q;
            sums.0 += wq * *x;
            sums.1 += wq * q;
        }
    }
    sums
}

#[inline(always)]
fn find<S: Simd>(simd: S, x: &[f32], w: Weights<'_>, search: TableSearch<'_>, codes: &mut [u8], scales: &mut [f32]) {
    let TableSearch { values, tries } = search;
    let halving = Halving::of(simd, &reals(values));
    let lowest = f32::from(values[0]);
    let float = |x: f32| f32x16::splat(simd, x);
    let zero = float(0.0);
    let x = load(simd, x, LONGEST);
    let w = weights(simd, &x, w, LONGEST);
    let (max, magnitude) = largest(simd, &x, LONGEST);
    let divisor = if tries > 0 { -lowest } else { lowest };
    let inverse = float(1.0) / (max / divisor);
    let [(sum_wqx, sum_wqq)] = sums(simd, &x, &w, [inverse], &halving);
    let nothing = magnitude.simd_lt(float(EPSILON));
    if tries < 0 {
        let mut first = x;
        for x in &mut first {
            *x = nothing.select(zero, halving.code(simd, inverse * *x));
        }
        store(&first, LONGEST, codes);
    }
    let mut scale = sum_wqq.simd_gt(zero).select(sum_wqx / sum_wqq, zero);
    let mut best = scale * sum_wqx;
    for first in (-tries..=tries).step_by(TOGETHER) {
        let mut inverses = [zero; TOGETHER];
        for (t, inverse) in (first..).zip(&mut inverses) {
            // The last one again, where there are no more: it is not better than itself.
            *inverse = float(t.min(tries) as f32 + lowest) / max;
        }
        for (sum_wqx, sum_wqq) in sums(simd, &x, &w, inverses, &halving) {
            let better = sum_wqq.simd_gt(zero) & (sum_wqx * sum_wqx).simd_gt(best * sum_wqq);
            let own = sum_wqx / sum_wqq;
            scale = better.select(own, scale);
            best = better.select(own * sum_wqx, best);
        }
    }
    store_one(nothing.select(zero, scale), scales);
}
