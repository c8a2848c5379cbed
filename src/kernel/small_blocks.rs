//! The codes of blocks of 32 small floats, or of bytes, under a power of two each.

use super::level::dispatch;
use super::sixteen::Sixteen;
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
