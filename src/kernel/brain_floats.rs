//! f32 to bfloat16, halves to even.
//!
//! ```text
//! code = (bits + 0x7fff + (1 if the last place that stays is odd)) ≫ 16
//! ```
//!
//! 1. The shift keeps the sign, so that the results are 16-bit integers as they are, and packing need not saturate.
//! 2. A NaN may become a number in the sum: such a chunk is converted once more. Σ x·0 shows it, which uses other units than
//!    integers do, and is NaN of infinities too.
//! 3. AVX-512 picks the upper halves of two vectors in one step, so that nothing is shifted; one comparison for both tells
//!    whether there was a NaN, and one bit of a mask where 1 is added.

use super::level::{dispatch, is_avx512};
use super::narrow::pack_i16_in_order;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use super::x86::narrow::{ordered_avx512, upper_halves_avx512};
use crate::num::{Real, bf16};
use fearless_simd::prelude::*;
use fearless_simd::{Level, f32x16, i32x16, u16x32};
use half::slice::HalfFloatSliceExt;

/// Elements that are converted before asking whether all were finite: from the first-level cache they are read once more.
const CHUNK: usize = 2048;
/// Elements in a block.
const BLOCK: usize = 64;

/// Writes the bfloat16 nearest to each element of `x` to `out`, which is as long.
pub(super) fn from_f32(level: Level, x: &[f32], out: &mut [bf16]) {
    dispatch!(level, simd => body(simd, x, out));
}

#[inline(always)]
fn body<S: Simd>(simd: S, x: &[f32], out: &mut [bf16]) {
    for (x, out) in x.chunks(CHUNK).zip(out.chunks_mut(CHUNK)) {
        let whole = x.len() / BLOCK * BLOCK;
        let (blocks, out_blocks) = (&x[..whole], &mut out[..whole]);
        let done = if finite_blocks(simd, blocks, out_blocks.reinterpret_cast_mut()) { whole } else { 0 };
        for i in done..x.len().min(out.len()) {
            out[i] = Real::from_f32(x[i]);
        }
    }
}

/// Takes every value to be a number, and returns whether they were, and finite where numbers are not told from ±∞.
#[inline(always)]
fn finite_blocks<S: Simd>(simd: S, x: &[f32], out: &mut [u16]) -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if const { is_avx512::<S>() }
        && let Level::Avx512(avx512) = simd.level()
    {
        let mut numbers = [u16::MAX; 2];
        for (x, out) in x.chunks_exact(BLOCK).zip(out.chunks_exact_mut(BLOCK)) {
            for (i, (x, out)) in x.chunks_exact(32).zip(out.chunks_exact_mut(32)).enumerate() {
                let (a, b) = (f32x16::from_slice(avx512, &x[..16]), f32x16::from_slice(avx512, &x[16..]));
                numbers[i] = ordered_avx512(avx512, numbers[i], a, b);
                upper_halves_avx512(avx512, a.bitcast(), b.bitcast()).store_slice(out);
            }
        }
        return numbers == [u16::MAX; 2];
    }
    let mut poison = [f32x16::splat(simd, 0.0); 2];
    for (x, out) in x.chunks_exact(BLOCK).zip(out.chunks_exact_mut(BLOCK)) {
        for (x, out) in x.chunks_exact(32).zip(out.chunks_exact_mut(32)) {
            let (a, b) = (f32x16::from_slice(simd, &x[..16]), f32x16::from_slice(simd, &x[16..]));
            poison = [a.mul_add(0.0, poison[0]), b.mul_add(0.0, poison[1])];
            let codes = pack_i16_in_order(simd, upper_half(simd, a), upper_half(simd, b));
            let codes: u16x32<S> = codes.bitcast();
            codes.store_slice(out);
        }
    }
    (poison[0] + poison[1]).simd_eq(0.0).all_true()
}

/// Returns the upper half of the bits, rounded by the lower, as integers.
#[inline(always)]
fn upper_half<S: Simd>(simd: S, x: f32x16<S>) -> i32x16<S> {
    let bits: i32x16<S> = x.bitcast();
    let odd = (bits >> 16) & i32x16::splat(simd, 1);
    (bits + i32x16::splat(simd, 0x7fff) + odd) >> 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::levels;
    use alloc::vec;
    use alloc::vec::Vec;

    #[test]
    fn a_chunk_that_is_not_finite_is_converted_like_the_others() {
        let x: Vec<f32> = (0..3 * CHUNK + 70).map(|i| (i as f32 - 3000.0) * 1.001).collect();
        for special in [f32::NAN, f32::INFINITY, f32::from_bits(0xffff_ffff), f32::from_bits(0x7f80_0001)] {
            for at in [0, 63, CHUNK, 2 * CHUNK + 77, 3 * CHUNK + 69] {
                let mut x = x.clone();
                x[at] = special;
                let want: Vec<u16> = x.iter().map(|&x| bf16::from_f32(x).to_bits()).collect();
                for level in levels() {
                    let mut got = vec![bf16::ZERO; x.len()];
                    from_f32(level, &x, &mut got);
                    assert!(got.iter().map(|x| x.to_bits()).eq(want.iter().copied()), "{special} at {at}, {level:?}");
                }
            }
        }
    }
}
