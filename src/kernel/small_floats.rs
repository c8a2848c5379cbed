//! Quotients to the nearest codes of floats of 8 bits and fewer, halves to even, in one loop for all of them.
//!
//! ```text
//! code = (bits − rebias + half of the last place − (1 if the place is even)) ≫ dropped           of a normal number
//! code = bits(|x| + base) − bits(base)                                                           below
//! ```
//!
//! 1. What distinguishes the formats is a handful of numbers ([`SmallFloat`]), so that one loop is compiled, not one for each.
//! 2. Magnitudes are packed to bytes as they are, and so are the quotients' signs: saturation leaves nothing else of their
//!    bits. What remains is done for 64 codes at a time.
//! 3. Saturated quotients do not overflow, so that only NaN is selected; whether infinities can come up is decided outside of the
//!    loop, and so is whether there are codes without a sign.

use super::narrow::{greater, lesser, pack_i8, pack_i16};
use crate::num::{Grid, SmallFloat};
use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, f32x16, i8x64, i32x16, u8x64};

/// Elements in a block: one vector of bytes.
const BLOCK: usize = 64;

/// Writes the code of each quotient; `out` is as long. `grid` clamps first, and keeps NaN.
pub(super) fn quantize(level: Level, quotients: &[f32], grid: Grid, float: SmallFloat, out: &mut [u8]) {
    let whole = quotients.len() / BLOCK * BLOCK;
    let (blocks, rest) = quotients.split_at(whole);
    let (out_blocks, out_rest) = out.split_at_mut(whole);
    let saturated = f64::from(grid.hi) <= float.max && f64::from(grid.lo) >= -float.max;
    match (float.unsigned, saturated) {
        (false, true) => dispatch!(level, simd => body::<_, false, true>(simd, blocks, grid, float, out_blocks)),
        (false, false) => dispatch!(level, simd => body::<_, false, false>(simd, blocks, grid, float, out_blocks)),
        (true, true) => dispatch!(level, simd => body::<_, true, true>(simd, blocks, grid, float, out_blocks)),
        (true, false) => dispatch!(level, simd => body::<_, true, false>(simd, blocks, grid, float, out_blocks)),
    }
    if !rest.is_empty() {
        let (mut block, mut codes) = ([0.0; BLOCK], [0; BLOCK]);
        block[..rest.len()].copy_from_slice(rest);
        quantize(level, &block, grid, float, &mut codes);
        out_rest.copy_from_slice(&codes[..rest.len()]);
    }
}

#[inline(always)]
fn body<S: Simd, const UNSIGNED: bool, const SATURATED: bool>(
    simd: S,
    quotients: &[f32],
    grid: Grid,
    float: SmallFloat,
    out: &mut [u8],
) {
    let zero = i8x64::splat(simd, 0);
    for (q, out) in quotients.chunks_exact(BLOCK).zip(out.chunks_exact_mut(BLOCK)) {
        let (a, a_bits) = magnitudes::<S, SATURATED>(simd, &q[..16], grid, float);
        let (b, b_bits) = magnitudes::<S, SATURATED>(simd, &q[16..32], grid, float);
        let (ab, ab_bits) = (pack_i16(simd, a, b), pack_i16(simd, a_bits, b_bits));
        let (c, c_bits) = magnitudes::<S, SATURATED>(simd, &q[32..48], grid, float);
        let (d, d_bits) = magnitudes::<S, SATURATED>(simd, &q[48..], grid, float);
        let (cd, cd_bits) = (pack_i16(simd, c, d), pack_i16(simd, c_bits, d_bits));
        let codes = pack_i8(simd, ab, cd);
        let negative = pack_i8(simd, ab_bits, cd_bits).simd_lt(zero);
        let mut signs = negative.select(i8x64::splat(simd, float.sign), zero);
        if UNSIGNED {
            let without = codes.simd_eq(zero) | codes.simd_eq(i8x64::splat(simd, float.nan));
            signs = without.select(zero, signs);
        }
        let codes: u8x64<S> = (codes ^ signs).bitcast();
        codes.store_slice(out);
    }
}

/// Returns the codes of 16 magnitudes as signed bytes, and the bits of the quotients.
#[inline(always)]
fn magnitudes<S: Simd, const SATURATED: bool>(
    simd: S,
    q: &[f32],
    grid: Grid,
    float: SmallFloat,
) -> (i32x16<S>, i32x16<S>) {
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
    let mut code = magnitude.simd_lt(ints(float.smallest_normal)).select(shifted - base, normal);
    if !SATURATED {
        code = code.simd_gt(ints(float.largest)).select(ints(float.beyond.into()), code);
    }
    let code = magnitude.simd_gt(ints(f32::INFINITY.to_bits() as i32)).select(ints(float.nan.into()), code);
    (code, bits)
}
