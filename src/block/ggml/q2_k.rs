//! Q2_K: `d · s · q − dmin · m`, q in 0..4, s and m in 0..16 for each 16 elements.
//!
//! A super-block of 256 is `16 bytes of s (low nibble) and m | 64 bytes of 2-bit codes | d: f16 | dmin: f16`, 2.625 bits a weight.
//! Without importance an error counts |x| times its magnitude; with importance, importance · √(mean square + x²) times its square.

use super::half::{from_half, to_half};
use super::pairs::{pack, unpack};
use super::scalar::{nearest, sum_of_squares};
use super::scale_codes::scale_codes;
use crate::block::layout::Layout;
use crate::block::super_block::{Parts, SuperBlock, better_row};
use crate::kernel::{
    self, Affine, AffineOut, LANES, Levels, Restore, Simd, Sixteen, Step, Weights, affine_search, requantize_blocks,
};

const LEN: usize = 256;
const BYTES: usize = 84;
const QS: usize = 16;
const D: usize = QS + LEN / 4;
const _: () = assert!(BYTES == D + 2 * size_of::<[u8; 2]>(), "16 scales, 256 codes of 2 bits and two f16");

pub(crate) const Q2_K: Layout =
    Layout { quantize: Some(quantize), best: Some(best), ..Layout::read::<Block, BYTES, LEN>("q2_k", Some(10)) };

const PLAIN: Affine = Affine { n: 16, limit: 3, first: -0.5, step: 0.1, steps: 15, absolute: true };
const WEIGHTED: Affine = Affine { n: 16, limit: 3, first: -0.9, step: 0.05, steps: 36, absolute: false };

struct Block;

/// Super-blocks that are searched together: their sub-blocks fill the lanes of two vectors.
const TOGETHER: usize = 2;

fn quantize(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    let (mut codes, [mut scales, mut mins, mut sums]) = ([0; TOGETHER * LEN], [[0.0; 16 * TOGETHER]; 3]);
    let blocks = x.chunks(TOGETHER * LEN).zip(out.as_chunks_mut::<BYTES>().0.chunks_mut(TOGETHER));
    for (i, (x, out)) in blocks.enumerate() {
        let (codes, n) = (&mut codes[..x.len()], x.len() / 16);
        let mut variances = [0.0; 16 * TOGETHER];
        let (search, weights) = match importance {
            Some(w) => {
                for (variances, x) in variances.as_chunks_mut::<16>().0.iter_mut().zip(x.as_chunks::<LEN>().0) {
                    variances.fill(sum_of_squares(x) / LEN as f32);
                }
                let start = i * TOGETHER * LEN;
                (WEIGHTED, Weights::Spread(&w[start..start + x.len()], &variances[..n]))
            }
            None => (PLAIN, Weights::Magnitudes),
        };
        let numbers = (&mut scales[..n], &mut mins[..n], &mut sums[..n]);
        let found = AffineOut { codes, scales: numbers.0, mins: numbers.1, sums: numbers.2 };
        affine_search(kernel::detect(), x, weights, search, found);
        let numbers = scales.as_chunks::<16>().0.iter().zip(mins.as_chunks::<16>().0).zip(sums.as_chunks::<16>().0);
        let blocks = x.as_chunks::<LEN>().0.iter().zip(codes.as_chunks_mut::<LEN>().0).zip(out);
        for (((x, codes), out), ((scales, mins), sums)) in blocks.zip(numbers) {
            let (mut s, mut m) = ([0; 16], [0; 16]);
            let (d, dmin) = if importance.is_some() {
                (scale_codes(scales, 15, sums, &mut s), scale_codes(mins, 15, sums, &mut m))
            } else {
                (of_largest(scales, &mut s), of_largest(mins, &mut m))
            };
            for (out, (s, m)) in out.iter_mut().zip(s.iter().zip(m)) {
                *out = s | m << 4;
            }
            out[D..D + 2].copy_from_slice(&to_half(d));
            out[D + 2..].copy_from_slice(&to_half(dmin));
            let (d, dmin) = (from_half(out, D), from_half(out, D + 2));
            let mut steps = [Step { scale: 0.0, min: 0.0 }; 16];
            for (step, sm) in steps.iter_mut().zip(&out[..QS]) {
                *step = Step { scale: d * f32::from(sm & 15), min: dmin * f32::from(sm >> 4) };
            }
            requantize_blocks(kernel::detect(), x, &steps, 0, 3, codes);
            pack(codes, &mut out[QS..D]);
        }
    }
}

/// Writes codes of 4 bits under the scale that makes the largest number 15, and returns that scale.
fn of_largest(x: &[f32; 16], codes: &mut [u8; 16]) -> f32 {
    let max = x.iter().fold(0.0_f32, |max, &x| if x > max { x } else { max });
    if max > 0.0 {
        let inverse = 15.0 / max;
        for (code, x) in codes.iter_mut().zip(x) {
            *code = nearest(inverse * x) as u8;
        }
        max / 15.0
    } else {
        0.0
    }
}

impl Restore<BYTES, LEN> for Block {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
        let (d, dmin) = (v.half(block, D), v.half(block, D + 2));
        let (Some(scales), codes) = (block.first_chunk(), &block[QS..D]) else { return };
        let both = v.of_u8(scales);
        let scales: [f32; LANES] = (v.all(d) * v.reals(both & v.whole(15))).into();
        let mins: [f32; LANES] = (v.all(dmin) * v.reals(both >> 4)).into();
        for (half, out) in out.as_chunks_mut::<128>().0.iter_mut().enumerate() {
            let mut bits = v.pair_of_u8(&codes.as_chunks().0[half]);
            for (k, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                for (l, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
                    let (scale, min) = (scales[8 * half + 2 * k + l], mins[8 * half + 2 * k + l]);
                    v.store(v.all(scale) * v.reals(bits[l] & v.whole(3)) - v.all(min), out);
                    bits[l] >>= 2;
                }
            }
        }
    }
}

const SUPER_BLOCK: SuperBlock =
    SuperBlock { n: 16, levels: Levels::Steps(0, 3), scales: (0, 15), largest_min: 15, read, write };

fn best(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    better_row(&Q2_K, &SUPER_BLOCK, x, importance, out);
}

fn read(block: &[u8], parts: &mut Parts) {
    (parts.d, parts.dmin) = (from_half(block, D), from_half(block, D + 2));
    for (k, sm) in block[..QS].iter().enumerate() {
        (parts.scales[k], parts.mins[k]) = (i32::from(sm & 15), i32::from(sm >> 4));
    }
    parts.codes = unpack(&block[QS..D]);
}

fn write(parts: &Parts, out: &mut [u8]) {
    for (k, out) in out[..QS].iter_mut().enumerate() {
        *out = (parts.scales[k] | parts.mins[k] << 4) as u8;
    }
    out[D..D + 2].copy_from_slice(&to_half(parts.d));
    out[D + 2..].copy_from_slice(&to_half(parts.dmin));
    pack(&parts.codes, &mut out[QS..D]);
}
