//! Blocks of 32 small floats, or of bytes, under a power of two each.

use super::level::dispatch;
use super::sixteen::{LANES, Sixteen};
use crate::num::SmallFloat;
use fearless_simd::{Level, Simd};

/// Elements of a block.
const LEN: usize = 32;

/// Writes the codes of finite numbers times the factor of their block, rounded to the nearest, halves to even, and saturated: of a
/// small float, or without one of the multiples of 2⁻⁶ up to 127 of them.
pub(crate) fn block_codes(level: Level, x: &[f32], factors: &[f32], float: Option<SmallFloat>, out: &mut [u8]) {
    dispatch!(level, simd => encode(Sixteen(simd), x, factors, float, out));
}

#[inline(always)]
fn encode<S: Simd>(v: Sixteen<S>, x: &[f32], factors: &[f32], float: Option<SmallFloat>, out: &mut [u8]) {
    let blocks = x.as_chunks::<LEN>().0.iter().zip(out.as_chunks_mut::<LEN>().0).zip(factors);
    for ((x, out), factor) in blocks {
        for (x, out) in x.as_chunks().0.iter().zip(out.as_chunks_mut().0) {
            let x = v.load(x) * v.all(*factor);
            *out = v.bytes(match float {
                Some(float) => v.small_float(x, float),
                None => v.whole_between(x * v.all(64.0), 127.0),
            });
        }
    }
}

/// Writes what codes stand for, times the scale of their block: of a small float, or without one of bytes with a sign.
pub(crate) fn block_reals(level: Level, codes: &[u8], scales: &[f32], float: Option<SmallFloat>, out: &mut [f32]) {
    dispatch!(level, simd => decode(Sixteen(simd), codes, scales, float, out));
}

#[inline(always)]
fn decode<S: Simd>(v: Sixteen<S>, codes: &[u8], scales: &[f32], float: Option<SmallFloat>, out: &mut [f32]) {
    let blocks = codes.as_chunks::<LEN>().0.iter().zip(out.as_chunks_mut::<LEN>().0).zip(scales);
    for ((codes, out), scale) in blocks {
        for (codes, out) in codes.as_chunks::<LANES>().0.iter().zip(out.as_chunks_mut().0) {
            let reals = match float {
                Some(float) => {
                    let mut reals = [0.0; LANES];
                    for (real, code) in reals.iter_mut().zip(codes) {
                        *real = float.decode(*code);
                    }
                    v.load(&reals)
                }
                None => v.reals(v.of_i8(codes)),
            };
            v.store(reals * v.all(*scale), out);
        }
    }
}
