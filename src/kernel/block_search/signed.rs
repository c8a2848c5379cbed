//! A scale of either sign: `x ≈ d · q` with q in −n..n, n itself left out.
//!
//! ```text
//! for t in 0, −9 … −1, 1 … 9:
//!     1/d = −(n + t/10) / max           so that the largest magnitude becomes −n
//!     q   = clamp(round(x / d), −n, n − 1)
//!     d   = Σ w x q / Σ w q²            the best scale of these codes
//!     kept, if (Σ w x q)² / Σ w q² is the largest so far, which is the same as the least weighted error
//! ```

use super::tile::{
    LANES, LONGEST, Tile, Weights, are_finite, code, largest, load, small_code, store, store_one, weights,
};
use crate::kernel::level::dispatch;
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16};

/// Magnitudes below it count as zero.
const EPSILON: f32 = 1e-15;

/// What is searched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed {
    /// Elements of a sub-block: 16 or 32.
    pub(crate) n: usize,
    /// Codes are −limit..limit.
    pub(crate) limit: i32,
}

/// Where the results go: codes one an element, and numbers of each sub-block.
#[derive(Debug)]
pub(crate) struct SignedOut<'a> {
    pub(crate) codes: &'a mut [u8],
    pub(crate) scales: &'a mut [f32],
    pub(crate) sums: &'a mut [f32],
}

/// Writes the scale of each sub-block of `n` elements, and the codes, too large by `limit`, that stand for `scale · (code − limit)`.
///
/// `x`, the weights and `codes` are equally long, `scales` as many as there are sub-blocks; `sums` too, or empty: the sums of the
/// weights.
pub(crate) fn signed_search(level: Level, x: &[f32], w: Weights<'_>, signed: Signed, out: SignedOut<'_>) {
    let (n, mut sums) = (signed.n, out.sums);
    let tiles = x.chunks(LANES * n).zip(out.codes.chunks_mut(LANES * n)).zip(out.scales.chunks_mut(LANES));
    for (i, ((x, codes), scales)) in tiles.enumerate() {
        let w = w.part(i * LANES, scales.len(), n);
        let (own, rest) = sums.split_at_mut(scales.len().min(sums.len()));
        sums = rest;
        let out = SignedOut { codes, scales, sums: own };
        dispatch!(level, simd => search(simd, x, w, signed, out));
    }
}

/// Tries that are made side by side: elements and weights are loaded once for all of them.
const TOGETHER: usize = 3;

#[inline(always)]
fn search<S: Simd>(simd: S, x: &[f32], w: Weights<'_>, signed: Signed, out: SignedOut<'_>) {
    let n = signed.n.min(LONGEST);
    let x = load(simd, x, n);
    let w = weights(simd, &x, w, n);
    // Then no quotient is far beyond the limit.
    if are_finite(simd, &x, n) {
        search_tile::<S, true>(simd, &x, &w, signed, out);
    } else {
        search_tile::<S, false>(simd, &x, &w, signed, out);
    }
}

#[inline(always)]
fn search_tile<S: Simd, const SMALL: bool>(simd: S, x: &Tile<S>, w: &Tile<S>, signed: Signed, out: SignedOut<'_>) {
    let (n, limit) = (signed.n.min(LONGEST), signed.limit);
    let float = |x: f32| f32x16::splat(simd, x);
    let (max, magnitude) = largest(simd, x, n);
    let mut wx = *w;
    for (wx, x) in wx[..n].iter_mut().zip(x) {
        *wx *= *x;
    }
    let zero = float(0.0);
    let mut best_inverse = float(-(limit as f32)) / max;
    let [(sum_wxq, sum_wqq)] = sums::<S, SMALL, 1>(simd, x, w, &wx, [best_inverse], n, limit);
    let mut scale = sum_wqq.simd_eq(zero).select(zero, sum_wxq / sum_wqq);
    let mut best = scale * sum_wxq;
    for first in [-9, -6, -3, 1, 4, 7] {
        let mut inverses = [zero; TOGETHER];
        for (t, inverse) in (first..).zip(&mut inverses) {
            *inverse = float(-(limit as f32 + 0.1_f32 * t as f32)) / max;
        }
        let tried = sums::<S, SMALL, TOGETHER>(simd, x, w, &wx, inverses, n, limit);
        for ((sum_wxq, sum_wqq), inverse) in tried.into_iter().zip(inverses) {
            let better = sum_wqq.simd_gt(zero) & (sum_wxq * sum_wxq).simd_gt(best * sum_wqq);
            let own = sum_wxq / sum_wqq;
            scale = better.select(own, scale);
            best = better.select(own * sum_wxq, best);
            best_inverse = better.select(inverse, best_inverse);
        }
    }
    let nothing = magnitude.simd_lt(float(EPSILON));
    scale = nothing.select(zero, scale);
    let mut best_codes = *x;
    for (q, x) in best_codes[..n].iter_mut().zip(x) {
        *q = nothing.select(zero, code(simd, best_inverse * *x, -limit, limit - 1) + limit as f32);
    }
    store(&best_codes, n, out.codes);
    store_one(scale, out.scales);
    let mut sum_w = zero;
    for w in &w[..n] {
        sum_w += *w;
    }
    store_one(sum_w, out.sums);
}

/// Returns Σ w x q and Σ w q² of the codes under each of some scales.
#[inline(always)]
fn sums<S: Simd, const SMALL: bool, const K: usize>(
    simd: S,
    x: &Tile<S>,
    w: &Tile<S>,
    wx: &Tile<S>,
    inverses: [f32x16<S>; K],
    n: usize,
    limit: i32,
) -> [(f32x16<S>, f32x16<S>); K] {
    let zero = f32x16::splat(simd, 0.0);
    let mut sums = [(zero, zero); K];
    for ((x, w), wx) in x[..n].iter().zip(&w[..n]).zip(&wx[..n]) {
        for (sums, inverse) in sums.iter_mut().zip(inverses) {
            let quotient = inverse * *x;
            let q = if SMALL {
                small_code(simd, quotient, -limit, limit - 1)
            } else {
                code(simd, quotient, -limit, limit - 1)
            };
            sums.0 += *wx * q;
            sums.1 += *w * q * q;
        }
    }
    sums
}
