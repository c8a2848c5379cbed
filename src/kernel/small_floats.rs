//! Reals to the nearest codes of floats of 8 bits and fewer, halves to even, in one loop for all of them.
//!
//! ```text
//! e    = max(exponent of |x / scale|, that of the smallest normal number)       as the bits of a power of two
//! M    = 2^(e + dropped)                                                        whose last place is that of the code
//! code = bits(|x / scale| + M) − bits(M) + ((e − that of the smallest normal number) ≫ dropped)
//! ```
//!
//! 1. The sum with M has no place for the bits that the format drops, and so the addition rounds, halves to even; what it leaves
//!    in the low bits is the significand in steps of the last place. Subnormal numbers are those whose exponent is the
//!    smallest, and nothing else: they take no step of their own.
//! 2. What distinguishes the formats is a handful of numbers ([`SmallFloat`]), so that one loop is compiled, not one for each.
//! 3. The exponent's part is subtracted from 16-bit integers, where codes beyond the largest are seen to as well, and signs are
//!    put on in bytes: an instruction does the work of two, and of four.
//! 4. NaN costs nothing. M of its exponent overflows into a small negative number, so that the difference is far below
//!    all codes and saturates to −128 when it is packed, which no other code does.

use super::level::dispatch;
use super::narrow::{bytes_in_order, lesser, pack_i8_in_any_order, pack_i16, shifted_right};
use super::quotient::{BOUND, Each, Method, One, Scales, Shared, divided};
use crate::num::{Grid, Scaling, SmallFloat};
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16, i8x64, i16x32, i32x16, u8x64};

/// Elements in a block: one vector of bytes.
const BLOCK: usize = 64;
/// Elements that are divided beforehand, where multiply-adds do not divide exactly.
const TILE: usize = 512;
/// Beyond every code, and its M still a float.
const BEYOND: f32 = f32::from_bits((127 + 100) << 23);
/// Scales by which a quotient is exact where a code is not 0: a smaller one is below half of the smallest code, 2⁻¹⁸. Its
/// remainder is a multiple of 2⁻¹⁸⁻²³⁻²³ times the scale, and so a float down to scales of 2⁻⁸⁵.
const EXACT: core::ops::RangeInclusive<f32> = f32::from_bits((127 - 80) << 23)..=f32::from_bits((127 + 80) << 23);

/// What the codes of a run of elements are made with.
#[derive(Clone, Copy)]
pub(super) struct Format {
    float: SmallFloat,
    /// What quotients are clamped to; NaN stays.
    grid: Grid,
    method: Method,
}

impl Format {
    /// Returns how codes of a layout are made, if both ends of the grid are equally far from zero. `scales` are the smallest and
    /// the largest.
    pub(super) fn of(float: SmallFloat, scaling: Scaling, scales: (f32, f32), grid: Grid) -> Option<Self> {
        let method = match scaling {
            Scaling::Reciprocal => Method::Multiply,
            // A cast: x · 1 is x / 1.
            Scaling::Divide if scales == (1.0, 1.0) => Method::Multiply,
            Scaling::Divide if EXACT.contains(&scales.0) && EXACT.contains(&scales.1) => Method::Markstein,
            Scaling::Divide => Method::Divide,
        };
        (grid.lo == -grid.hi).then_some(Self { float, grid, method })
    }

    /// Returns how quotients that were clamped already become codes.
    pub(super) fn of_clamped(float: SmallFloat, grid: Grid) -> Self {
        let grid = Grid { lo: f32::NEG_INFINITY, hi: f32::INFINITY, ..grid };
        Self { float, grid, method: Method::Multiply }
    }
}

/// Writes the codes of `x`; `out` is as long.
pub(super) fn quantize_one(level: Level, x: &[f32], scale: One, format: Format, out: &mut [u8]) {
    quantize(level, x, scale, format, out);
}

/// Writes the codes of `x`, each element with a scale of its own.
pub(super) fn quantize_each(level: Level, x: &[f32], scales: Each<'_>, format: Format, out: &mut [u8]) {
    quantize(level, x, scales, format, out);
}

/// Writes the codes of `x`, of which runs share a scale: whole vectors of 16, at least a block.
pub(super) fn quantize_shared(level: Level, x: &[f32], scales: Shared<'_>, format: Format, out: &mut [u8]) {
    quantize(level, x, scales, format, out);
}

fn quantize<Q: Scales>(level: Level, x: &[f32], scales: Q, format: Format, out: &mut [u8]) {
    let n = x.len().min(out.len());
    let (x, out) = (&x[..n], &mut out[..n]);
    if n < BLOCK {
        let (mut block, mut codes) = ([0.0; BLOCK], [0; BLOCK]);
        // Quotients, which 1 does not change: a block of the scales would have to be filled up too.
        for (i, (block, x)) in block.iter_mut().zip(x).enumerate() {
            let quotient = match format.method {
                Method::Multiply => x * scales.inverse_of(i),
                Method::Markstein | Method::Divide => x / scales.scale_of(i),
            };
            *block = quotient.copysign(*x);
        }
        let format = Format { method: Method::Multiply, ..format };
        quantize(level, &block, One::new(1.0), format, &mut codes);
        out.copy_from_slice(&codes[..n]);
        return;
    }
    match format.method {
        Method::Multiply => dispatch!(level, simd => body::<_, Q, MULTIPLY>(simd, x, scales, format, out)),
        Method::Markstein => dispatch!(level, simd => body::<_, Q, MARKSTEIN>(simd, x, scales, format, out)),
        Method::Divide => {
            // Divided first; 1 as the scale changes nothing.
            let (mut tile, format) = ([0.0; TILE], Format { method: Method::Multiply, ..format });
            for start in (0..n).step_by(TILE) {
                let end = n.min(start + TILE);
                let tile = &mut tile[..end - start];
                for (i, (quotient, x)) in tile.iter_mut().zip(&x[start..end]).enumerate() {
                    *quotient = (x / scales.scale_of(start + i)).copysign(*x);
                }
                quantize(level, tile, One::new(1.0), format, &mut out[start..end]);
            }
        }
    }
}

const MULTIPLY: u8 = 0;
const MARKSTEIN: u8 = 1;

/// `x` and `out` are equally long, and at least a block. A last part that is shorter than a block is done with the elements
/// before it, once more.
#[inline(always)]
fn body<S: Simd, Q: Scales, const METHOD: u8>(simd: S, x: &[f32], scales: Q, format: Format, out: &mut [u8]) {
    let Format { float, grid, .. } = format;
    let bytes = |x: i8| i8x64::splat(simd, x);
    let (zero, nan) = (bytes(0), bytes(i8::MIN));
    let saturated = f64::from(grid.hi) <= float.max;
    let top_bit = float.sign == i8::MIN;
    // The exponent of the smallest normal number, as it is after the shift.
    let least = i16x32::splat(simd, (float.smallest_normal >> float.dropped) as i16);
    let last = x.len().min(out.len()).saturating_sub(BLOCK);
    let mut i = 0;
    loop {
        let (x, out) = (&x[i..i + BLOCK], &mut out[i..i + BLOCK]);
        let (a, a_bits) = magnitudes::<S, Q, METHOD>(simd, &x[..16], scales, i, format);
        let (b, b_bits) = magnitudes::<S, Q, METHOD>(simd, &x[16..32], scales, i + 16, format);
        let (ab, ab_bits) = (pack_i16(simd, a, b).saturating_sub(least), pack_i16(simd, a_bits, b_bits));
        let (c, c_bits) = magnitudes::<S, Q, METHOD>(simd, &x[32..48], scales, i + 32, format);
        let (d, d_bits) = magnitudes::<S, Q, METHOD>(simd, &x[48..], scales, i + 48, format);
        let (cd, cd_bits) = (pack_i16(simd, c, d).saturating_sub(least), pack_i16(simd, c_bits, d_bits));
        let (ab, cd) = if saturated { (ab, cd) } else { (or_beyond(simd, ab, float), or_beyond(simd, cd, float)) };
        let mut codes = pack_i8_in_any_order(simd, ab, cd);
        let signs = pack_i8_in_any_order(simd, ab_bits, cd_bits);
        let mut signs =
            if top_bit { signs & bytes(i8::MIN) } else { signs.simd_lt(zero).select(bytes(float.sign), zero) };
        if float.unsigned {
            let without = codes.simd_eq(zero) | codes.simd_eq(nan);
            signs = without.select(zero, signs);
        } else {
            codes = codes.simd_eq(nan).select(bytes(float.nan), codes);
        }
        let codes: u8x64<S> = bytes_in_order(simd, codes ^ signs).bitcast();
        codes.store_slice(out);
        if i == last {
            break;
        }
        i = (i + BLOCK).min(last);
    }
}

/// Returns the codes, or what the format has for what lies beyond the largest. (In bytes that may be no longer known.)
#[inline(always)]
fn or_beyond<S: Simd>(simd: S, codes: i16x32<S>, float: SmallFloat) -> i16x32<S> {
    let largest = i16x32::splat(simd, float.largest as i16);
    codes.simd_gt(largest).select(i16x32::splat(simd, float.beyond.into()), codes)
}

/// Returns the codes of 16 magnitudes, too large by the exponent of the smallest normal number, or of NaN an integer far
/// below −2¹⁵; and the bits of the elements, for their signs.
#[inline(always)]
fn magnitudes<S: Simd, Q: Scales, const METHOD: u8>(
    simd: S,
    x: &[f32],
    scales: Q,
    i: usize,
    format: Format,
) -> (i32x16<S>, i32x16<S>) {
    let Format { float, grid, .. } = format;
    let ints = |x: i32| i32x16::splat(simd, x);
    let bits: i32x16<S> = f32x16::from_slice(simd, x).bitcast();
    let x: f32x16<S> = (bits & ints(i32::MAX)).bitcast();
    // As written, NaN stays: `lesser` gives its second argument where it does not compare.
    let quotient = if METHOD == MULTIPLY {
        x * scales.inverse(simd, i)
    } else {
        let scale = scales.scale(simd, i);
        divided(lesser(scale * BOUND, x), scale, scales.inverse(simd, i))
    };
    let quotient = lesser(f32x16::splat(simd, grid.hi.min(BEYOND)), quotient);
    let quotient_bits = positive::<S, METHOD>(simd, quotient.bitcast());
    let quotient: f32x16<S> = quotient_bits.bitcast();
    let exponent = (quotient_bits & ints(0x7f80_0000)).max(ints(float.smallest_normal));
    let magic = exponent + ints((float.dropped << 23) as i32);
    let sum: i32x16<S> = (quotient + magic.bitcast::<f32x16<S>>()).bitcast();
    (positive::<S, MULTIPLY>(simd, sum) - magic + shifted_right(simd, exponent, float.dropped), bits)
}

/// Returns the bits of a float that is not negative, or of a NaN that was computed from one. The sign of such a NaN differs between
/// machines: x86 keeps that of the operand, where one operand is NaN.
#[inline(always)]
fn positive<S: Simd, const METHOD: u8>(simd: S, bits: i32x16<S>) -> i32x16<S> {
    let kept = cfg!(any(target_arch = "x86", target_arch = "x86_64")) && METHOD != MARKSTEIN;
    if kept { bits } else { bits & i32x16::splat(simd, i32::MAX) }
}
