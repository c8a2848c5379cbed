//! A scale and a smallest value: `x ≈ d · q + m` with q in 0..=n and m ≤ 0, so that zero can be restored.
//!
//! ```text
//! for t in 0 … steps:
//!     1/d  = (first + step · t + n) / (max − min)
//!     q    = clamp(round((x − min) / d), 0, n)
//!     d, m = the weighted least squares of x over these codes; m ≤ 0
//!     kept, if Σ w |d q + m − x|ᵖ falls, p = 1 or 2
//! ```

use super::tile::{LANES, LONGEST, Tile, Weights, are_finite, code, load, small_code, store, store_one, weights};
use crate::kernel::level::{dispatch, is_avx512};
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16, mask32x16};

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
    dispatch!(level, simd => search_tiles(simd, x, w, affine, out));
}

#[inline(always)]
fn search_tiles<S: Simd>(simd: S, x: &[f32], w: Weights<'_>, affine: Affine, out: AffineOut<'_>) {
    // A try waits for the one before it: where there are registers for two tiles, one works while the other waits.
    if const { is_avx512::<S>() } && out.scales.len() > LANES {
        search_row::<S, 2>(simd, x, w, affine, out);
    } else {
        search_row::<S, 1>(simd, x, w, affine, out);
    }
}

#[inline(always)]
fn search_row<S: Simd, const K: usize>(simd: S, x: &[f32], w: Weights<'_>, affine: Affine, out: AffineOut<'_>) {
    let (n, together) = (affine.n.min(LONGEST), K * LANES);
    let numbers = out.scales.chunks_mut(together).zip(out.mins.chunks_mut(together)).zip(out.sums.chunks_mut(together));
    let tiles = x.chunks(together * n).zip(out.codes.chunks_mut(together * n)).zip(numbers);
    for (i, ((x, codes), ((scales, mins), sums))) in tiles.enumerate() {
        let w = w.part(i * together, scales.len(), n);
        search::<S, K>(simd, x, w, affine, AffineOut { codes, scales, mins, sums });
    }
}

/// The least squares of a try, one tile: Σ w q, Σ w q² and Σ w q x.
#[derive(Clone, Copy)]
struct Sums<S: Simd> {
    q: f32x16<S>,
    qq: f32x16<S>,
    xq: f32x16<S>,
}

/// What a tile is searched with, and the best that was found.
#[derive(Clone, Copy)]
struct Best<S: Simd> {
    min: f32x16<S>,
    max: f32x16<S>,
    constant: mask32x16<S>,
    sum_w: f32x16<S>,
    sum_x: f32x16<S>,
    /// The width and the smallest value of the elements, or 0.
    width: f32x16<S>,
    lowest: f32x16<S>,
    error: f32x16<S>,
    scale: f32x16<S>,
    /// What the codes that are kept were computed with.
    inverse: f32x16<S>,
    from: f32x16<S>,
}

#[inline(always)]
fn search<S: Simd, const K: usize>(simd: S, x: &[f32], w: Weights<'_>, affine: Affine, out: AffineOut<'_>) {
    let Affine { limit, first, step, steps, absolute, .. } = affine;
    let n = affine.n.min(LONGEST);
    let float = |x: f32| f32x16::splat(simd, x);
    let zero = float(0.0);
    let (mut tiles, mut finite) = ([[zero; LONGEST]; K], true);
    let (mut weights_of, mut codes) = (tiles, tiles);
    for k in 0..K {
        let (from, to) = ((k * LANES * n).min(x.len()), ((k + 1) * LANES * n).min(x.len()));
        tiles[k] = load(simd, &x[from..to], n);
        weights_of[k] = weights(simd, &tiles[k], w.part(from / n, (to - from) / n, n), n);
        finite &= are_finite(simd, &tiles[k], n);
    }
    let mut best = [Best::<S>::of(simd, &tiles[0], &weights_of[0], limit, n); K];
    for k in 1..K {
        best[k] = Best::of(simd, &tiles[k], &weights_of[k], limit, n);
    }
    for k in 0..K {
        let (x, w, best) = (&tiles[k], &weights_of[k], &mut best[k]);
        for i in 0..n {
            let q = code(simd, best.inverse * (x[i] - best.min), 0, limit);
            let difference = best.scale * q + best.min - x[i];
            best.error += w[i] * if absolute { difference.abs() } else { difference * difference };
        }
    }
    for t in 0..=steps {
        // From the smallest value that is the best so far, as ggml has it.
        let (mut inverses, mut small) = ([zero; K], finite);
        for (inverse, best) in inverses.iter_mut().zip(&best) {
            *inverse = float(first + step * t as f32 + limit as f32) / (best.max - best.min);
            let farthest = inverse.abs() * (best.width + (best.min - best.lowest).abs());
            small &= (farthest.simd_lt(float(2_097_152.0)) | best.constant).all_true();
        }
        let sums = if small {
            sums::<S, true, K>(simd, &tiles, &weights_of, &inverses, &best, limit, n, &mut codes)
        } else {
            sums::<S, false, K>(simd, &tiles, &weights_of, &inverses, &best, limit, n, &mut codes)
        };
        let (mut scales, mut mins, mut determinants) = ([zero; K], [zero; K], [zero; K]);
        for k in 0..K {
            let (sums, best) = (&sums[k], &best[k]);
            let determinant = best.sum_w * sums.qq - sums.q * sums.q;
            let scale = (best.sum_w * sums.xq - best.sum_x * sums.q) / determinant;
            let min = (sums.qq * best.sum_x - sums.q * sums.xq) / determinant;
            let positive = min.simd_gt(zero);
            // A division that hardly anything needs.
            scales[k] = if positive.any_true() { positive.select(sums.xq / sums.qq, scale) } else { scale };
            mins[k] = positive.select(zero, min);
            determinants[k] = determinant;
        }
        let errors = if absolute {
            errors::<S, true, K>(simd, &tiles, &weights_of, &codes, &scales, &mins, n)
        } else {
            errors::<S, false, K>(simd, &tiles, &weights_of, &codes, &scales, &mins, n)
        };
        for (k, best) in best.iter_mut().enumerate() {
            let better = determinants[k].simd_gt(zero) & errors[k].simd_lt(best.error);
            best.error = better.select(errors[k], best.error);
            best.inverse = better.select(inverses[k], best.inverse);
            best.from = better.select(best.min, best.from);
            best.scale = better.select(scales[k], best.scale);
            best.min = better.select(mins[k], best.min);
        }
    }
    let numbers = out.scales.chunks_mut(LANES).zip(out.mins.chunks_mut(LANES)).zip(out.sums.chunks_mut(LANES));
    let out = out.codes.chunks_mut(LANES * n).zip(numbers);
    for (k, (out, ((scales, mins), sums))) in out.enumerate().take(K) {
        let best = best[k];
        for (q, x) in codes[k][..n].iter_mut().zip(&tiles[k]) {
            *q = best.constant.select(zero, code(simd, best.inverse * (*x - best.from), 0, limit));
        }
        store(&codes[k], n, out);
        store_one(best.constant.select(zero, best.scale), scales);
        store_one(-best.constant.select(best.lowest, best.min), mins);
        store_one(best.sum_w, sums);
    }
}

impl<S: Simd> Best<S> {
    /// Returns what the search of a tile begins with.
    #[inline(always)]
    fn of(simd: S, x: &Tile<S>, w: &Tile<S>, limit: i32, n: usize) -> Self {
        let float = |x: f32| f32x16::splat(simd, x);
        let zero = float(0.0);
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
        let width = max - min;
        let inverse = float(limit as f32) / width;
        Self {
            min,
            max,
            constant: max.simd_eq(min),
            sum_w,
            sum_x,
            width,
            lowest: min,
            error: zero,
            scale: float(1.0) / inverse,
            inverse,
            from: min,
        }
    }
}

/// Writes the codes under a scale for each tile, and returns their sums.
#[expect(clippy::too_many_arguments, reason = "the state of a search, in registers")]
#[inline(always)]
fn sums<S: Simd, const SMALL: bool, const K: usize>(
    simd: S,
    x: &[Tile<S>; K],
    w: &[Tile<S>; K],
    inverses: &[f32x16<S>; K],
    best: &[Best<S>; K],
    limit: i32,
    n: usize,
    codes: &mut [Tile<S>; K],
) -> [Sums<S>; K] {
    let zero = f32x16::splat(simd, 0.0);
    let mut sums = [Sums { q: zero, qq: zero, xq: zero }; K];
    for i in 0..n {
        for k in 0..K {
            let quotient = inverses[k] * (x[k][i] - best[k].min);
            let q = if SMALL { small_code(simd, quotient, 0, limit) } else { code(simd, quotient, 0, limit) };
            codes[k][i] = q;
            let wq = w[k][i] * q;
            sums[k].q += wq;
            sums[k].qq += wq * q;
            sums[k].xq += wq * x[k][i];
        }
    }
    sums
}

/// Returns the weighted errors of each tile, as they are or squared.
#[inline(always)]
fn errors<S: Simd, const ABSOLUTE: bool, const K: usize>(
    simd: S,
    x: &[Tile<S>; K],
    w: &[Tile<S>; K],
    codes: &[Tile<S>; K],
    scales: &[f32x16<S>; K],
    mins: &[f32x16<S>; K],
    n: usize,
) -> [f32x16<S>; K] {
    let mut errors = [f32x16::splat(simd, 0.0); K];
    for i in 0..n {
        for k in 0..K {
            let difference = scales[k] * codes[k][i] + mins[k] - x[k][i];
            errors[k] += w[k][i] * if ABSOLUTE { difference.abs() } else { difference * difference };
        }
    }
    errors
}
