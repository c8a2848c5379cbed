//! Quotients to the nearest codes of floats of 8 bits and fewer, halves to even, in one loop for all of them.
//!
//! ```text
//! code = (bits − rebias + half of the last place − (1 if the place is even)) ≫ dropped           of a normal number
//! code = bits(|x| + base) − bits(base)                                                           below
//! ```
//!
//! 1. What distinguishes the formats is a handful of numbers ([`SmallFloat`]), so that one loop is compiled, not one for each.
//! 2. The format's own overflow and NaN are put in by selection; a sign is put on last, where there is one.
//! 3. Codes are packed as `u8`s are in [`bytes`](super::bytes): less 128, so that packing's saturation does not touch them.

use super::bytes::Byte;
use super::narrow::{greater, lesser, pack_i8, pack_i16};
use crate::num::{Grid, SmallFloat};
use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, f32x16, i32x16};

/// Elements in a block: one vector of bytes.
const BLOCK: usize = 64;

/// Writes the code of each quotient; `out` is as long. `grid` clamps first, and keeps NaN.
pub(super) fn quantize(level: Level, quotients: &[f32], grid: Grid, float: SmallFloat, out: &mut [u8]) {
    let whole = quotients.len() / BLOCK * BLOCK;
    let (blocks, rest) = quotients.split_at(whole);
    let (out_blocks, out_rest) = out.split_at_mut(whole);
    // Whether a code has no sign is decided outside of the loop: most formats do not ask.
    match float.unsigned {
        None => dispatch!(level, simd => body::<_, false>(simd, blocks, grid, float, out_blocks)),
        Some(_) => dispatch!(level, simd => body::<_, true>(simd, blocks, grid, float, out_blocks)),
    }
    if !rest.is_empty() {
        let (mut block, mut codes) = ([0.0; BLOCK], [0; BLOCK]);
        block[..rest.len()].copy_from_slice(rest);
        quantize(level, &block, grid, float, &mut codes);
        out_rest.copy_from_slice(&codes[..rest.len()]);
    }
}

#[inline(always)]
fn body<S: Simd, const UNSIGNED: bool>(simd: S, quotients: &[f32], grid: Grid, float: SmallFloat, out: &mut [u8]) {
    for (q, out) in quotients.chunks_exact(BLOCK).zip(out.chunks_exact_mut(BLOCK)) {
        let a = encode::<S, UNSIGNED>(simd, &q[..16], grid, float);
        let b = encode::<S, UNSIGNED>(simd, &q[16..32], grid, float);
        let c = encode::<S, UNSIGNED>(simd, &q[32..48], grid, float);
        let d = encode::<S, UNSIGNED>(simd, &q[48..], grid, float);
        u8::store(simd, pack_i8(simd, pack_i16(simd, a, b), pack_i16(simd, c, d)), out);
    }
}

/// Returns 16 codes, less 128.
#[inline(always)]
fn encode<S: Simd, const UNSIGNED: bool>(simd: S, q: &[f32], grid: Grid, float: SmallFloat) -> i32x16<S> {
    let ints = |x: i32| i32x16::splat(simd, x);
    let q = f32x16::from_slice(simd, q);
    // As written, NaN stays: each gives its second argument where it does not compare.
    let q = lesser(f32x16::splat(simd, grid.hi), greater(f32x16::splat(simd, grid.lo), q));
    let bits: i32x16<S> = q.bitcast();
    let magnitude = bits & ints(i32::MAX);
    let odd = (magnitude >> float.dropped) & ints(1);
    let half = (1 << (float.dropped - 1)) - 1;
    let normal = (magnitude + ints(half - float.rebias) + odd) >> float.dropped;
    let base = ints(float.base);
    let real: f32x16<S> = magnitude.bitcast();
    let shifted: i32x16<S> = (real + base.bitcast::<f32x16<S>>()).bitcast();
    let code = magnitude.simd_lt(ints(float.smallest_normal)).select(shifted - base, normal);
    let code = code.simd_gt(ints(float.largest)).select(ints(float.beyond), code);
    let code = magnitude.simd_gt(ints(f32::INFINITY.to_bits() as i32)).select(ints(float.nan), code);
    let mut sign = bits.simd_lt(ints(0)).select(ints(float.sign), ints(0));
    if UNSIGNED {
        let no_sign = code.simd_eq(ints(0)) | code.simd_eq(ints(float.sign));
        sign = no_sign.select(ints(0), sign);
    }
    (code ^ sign) - ints(128)
}
