//! Reals to codes of one byte by any rounding, a user's included.
//!
//! ```text
//! code = round(clamp(x / scale, qmin − zero_point, qmax − zero_point)) + zero_point
//! ```
//!
//! This is the one loop with a user's code in it.
//!
//! 1. Quotient, bounds and rounding are scalar and branch-free, in a loop over a block of 64 that the compiler vectorises. The
//!    block stays in registers, or next to them, and is packed as in [`bytes`](super::bytes).
//! 2. Codes are signed bytes here, those of `u8` less 128 until the top bit is flipped at the end: one loop is compiled for each
//!    rounding, not one for each type.
//! 3. Scales by which only a division divides take a pass of their own before, and 1 as their reciprocal after it.

use super::bytes::Shifted;
use super::elementwise::{Positions, for_each_run};
use super::level::{dispatch, has_fma};
use super::narrow::{nearest, pack_i8, pack_i16};
use super::quotient::{BOUND, Method, One, quotients};
use crate::num::{Grid, Rounding};
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16, i8x64, i16x32};

/// Elements in a block: one vector of bytes.
const BLOCK: usize = 64;
/// Elements that are divided beforehand.
const TILE: usize = 512;

/// Which codes are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Codes {
    pub(super) grid: Grid,
    pub(super) shifted: Shifted,
}

/// What [`quantize`] is given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BytesOf<'a> {
    pub(super) method: Method,
    pub(super) x: &'a [f32],
    pub(super) scale: One,
    pub(super) codes: Codes,
    pub(super) first_index: u64,
}

/// Writes the shifted code of each element; `x` and `out` are equally long.
pub(super) fn quantize<R: Rounding>(level: Level, rounding: R, run: BytesOf<'_>, out: &mut [i8]) {
    let BytesOf { method, x, scale, first_index, .. } = run;
    if method == Method::Divide {
        let mut tile = [0.0; TILE];
        for (k, (x, out)) in x.chunks(TILE).zip(out.chunks_mut(TILE)).enumerate() {
            let tile = &mut tile[..x.len()];
            quotients(level, method, x, scale, tile);
            let first_index = first_index.wrapping_add((k * TILE) as u64);
            loops(level, rounding, BytesOf { x: tile, scale: One::new(1.0), first_index, ..run }, false, out);
        }
        return;
    }
    loops(level, rounding, run, method == Method::Markstein, out);
}

fn loops<R: Rounding>(level: Level, rounding: R, run: BytesOf<'_>, divide: bool, out: &mut [i8]) {
    let BytesOf { x, scale, codes, first_index, .. } = run;
    for_each_run(first_index, x.len(), |range, positions| {
        let (x, out) = (&x[range.clone()], &mut out[range]);
        if divide {
            dispatch!(level, simd => body::<_, R, true>(simd, x, scale, codes, rounding, positions, out));
        } else {
            dispatch!(level, simd => body::<_, R, false>(simd, x, scale, codes, rounding, positions, out));
        }
    });
}

#[inline(always)]
fn body<S: Simd, R: Rounding, const DIVIDE: bool>(
    simd: S,
    x: &[f32],
    scale: One,
    codes: Codes,
    rounding: R,
    positions: Positions,
    out: &mut [i8],
) {
    let n = x.len().min(out.len());
    let mut start = 0;
    while start < n {
        let end = n.min(start + BLOCK);
        let (x, out) = (&x[start..end], &mut out[start..end]);
        if let (Some(x), Some(out)) = (x.first_chunk(), out.first_chunk_mut()) {
            block::<S, R, DIVIDE>(simd, x, scale, codes, rounding, positions, start, out);
        } else {
            // Filled up; what is too many is left out.
            let (mut filled, mut all) = ([0.0; BLOCK], [0; BLOCK]);
            filled[..x.len()].copy_from_slice(x);
            block::<S, R, DIVIDE>(simd, &filled, scale, codes, rounding, positions, start, &mut all);
            out.copy_from_slice(&all[..x.len()]);
        }
        start = end;
    }
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "what one block of the loop needs")]
fn block<S: Simd, R: Rounding, const DIVIDE: bool>(
    simd: S,
    x: &[f32; BLOCK],
    scale: One,
    Codes { grid, shifted }: Codes,
    rounding: R,
    positions: Positions,
    start: usize,
    out: &mut [i8; BLOCK],
) {
    let mut whole = [0.0_f32; BLOCK];
    for i in 0..BLOCK {
        let quotient = if DIVIDE { divided::<S>(x[i], scale) } else { x[i] * scale.inverse };
        whole[i] = rounding.round(grid.clamp(quotient), positions.of(start + i));
    }
    let a = nearest(simd, f32x16::from_slice(simd, &whole[..16]));
    let b = nearest(simd, f32x16::from_slice(simd, &whole[16..32]));
    let c = nearest(simd, f32x16::from_slice(simd, &whole[32..48]));
    let d = nearest(simd, f32x16::from_slice(simd, &whole[48..]));
    let zero_point = i16x32::splat(simd, shifted.zero_point);
    let ab = pack_i16(simd, a, b).saturating_add(zero_point);
    let cd = pack_i16(simd, c, d).saturating_add(zero_point);
    let (min, max) = (i8x64::splat(simd, shifted.min), i8x64::splat(simd, shifted.max));
    (pack_i8(simd, ab, cd).max(min).min(max) ^ i8x64::splat(simd, shifted.flipped)).store_slice(out);
}

/// Returns x / scale, by the multiply-adds of [`quotient`](super::quotient) where there are some; without `std` there are none for
/// single numbers.
#[inline(always)]
fn divided<S: Simd>(x: f32, One { scale, inverse }: One) -> f32 {
    #[cfg(feature = "std")]
    if const { has_fma::<S>() } {
        // One bound keeps +∞ from becoming NaN; −∞ may become it, and then the smallest code. NaN stays.
        let bound = scale * BOUND;
        let x = if x > bound { bound } else { x };
        let q = x * inverse;
        let r = (-q).mul_add(scale, x);
        return r.mul_add(inverse, q);
    }
    #[cfg(not(feature = "std"))]
    let _ = (inverse, BOUND, has_fma::<S>());
    x / scale
}
