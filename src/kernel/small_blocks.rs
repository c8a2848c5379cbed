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
                Some(float) => v.of_small_float(v.of_u8(codes), float),
                None => v.reals(v.of_i8(codes)),
            };
            v.store(reals * v.all(*scale), out);
        }
    }
}

/// Bytes of a block of 32 codes of 6 bits, with its scale.
const SIX: usize = 1 + LEN * 6 / 8;

/// Writes the codes of blocks of a scale and 24 bytes, of 6 bits each, the first in the lowest bits.
pub(crate) fn six_bit_codes(level: Level, blocks: &[u8], codes: &mut [u8]) {
    dispatch!(level, simd => unpack_six(Sixteen(simd), blocks, codes));
}

#[inline(always)]
fn unpack_six<S: Simd>(v: Sixteen<S>, blocks: &[u8], codes: &mut [u8]) {
    const SHIFTS: [u32; LANES] = [0, 6, 12, 18, 0, 6, 12, 18, 0, 6, 12, 18, 0, 6, 12, 18];
    for (block, codes) in blocks.as_chunks::<SIX>().0.iter().zip(codes.as_chunks_mut::<LEN>().0) {
        for (half, codes) in codes.as_chunks_mut().0.iter_mut().enumerate() {
            // Four codes are three bytes.
            let mut words = [0; LANES];
            for (i, word) in words.iter_mut().enumerate() {
                let at = 1 + 3 * (4 * half + i / 4);
                *word = u32::from_le_bytes([block[at], block[at + 1], block[at + 2], 0]);
            }
            *codes = v.bytes(v.shifted_each(words, SHIFTS) & v.whole(63));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::levels;
    use crate::num::{F4E2M1Fn, F6E2M3Fn, F6E3M2Fn, F8E4M3Fn, F8E5M2, Stored};

    #[test]
    fn every_code_is_what_a_single_one_is() {
        let codes: [u8; 256] = core::array::from_fn(|i| i as u8);
        let scales = [1.0, 0.25, 8.0, 1.0, 2.0, 1.0, 0.5, 1.0];
        let floats = [
            F8E4M3Fn::SMALL_FLOAT,
            F8E5M2::SMALL_FLOAT,
            F6E2M3Fn::SMALL_FLOAT,
            F6E3M2Fn::SMALL_FLOAT,
            F4E2M1Fn::SMALL_FLOAT,
        ];
        for float in floats.into_iter().flatten() {
            for level in levels() {
                let mut out = [0.0; 256];
                block_reals(level, &codes, &scales, Some(float), &mut out);
                for (code, out) in codes.into_iter().zip(out) {
                    let want = float.decode(code) * scales[usize::from(code) / LEN];
                    let same = out.to_bits() == want.to_bits() || (out.is_nan() && want.is_nan());
                    // Of fewer bits than 8 only the lowest are a code.
                    let is_code = u32::from(code) <= float.magnitude | u32::from(float.sign as u8);
                    assert!(same || !is_code, "{level:?} {code:#x} {out} {want}");
                }
            }
        }
    }

    #[test]
    fn codes_of_six_bits_are_found_where_they_are() {
        let mut block = [0; 2 * SIX];
        for i in 0..2 * LEN {
            let (code, bit) = ((i * 37 % 64) as u32, i % LEN * 6);
            for k in (0..6).filter(|k| code >> k & 1 == 1) {
                block[i / LEN * SIX + 1 + (bit + k) / 8] |= 1 << ((bit + k) % 8);
            }
        }
        for level in levels() {
            let mut codes = [0; 2 * LEN];
            six_bit_codes(level, &block, &mut codes);
            assert!(codes.iter().enumerate().all(|(i, &code)| usize::from(code) == i * 37 % 64), "{level:?}");
        }
    }
}
