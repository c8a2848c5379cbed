//! Q4_1 and Q5_1: `d · q + m`, a scale, a smallest value and codes of 4 or 5 bits ([`nibbles`](super::nibbles)).
//!
//! A block of 32 is `d: f16 | m: f16 | 16 bytes of nibbles`, 5 bits a weight, or `d: f16 | m: f16 | fifth bits: u32 | 16 bytes of nibbles`,
//! 6.
//!
//! Without importance m is the smallest element and d the width divided by the largest code; with importance both are searched
//! ([`affine_search`]), m ≤ 0 then.

use super::half::to_half;
use super::nibbles::{Bits, get, pack, put};
use super::scalar::{floor_code, reciprocal, sum_of_squares};
use crate::block::layout::Layout;
use crate::block::two_numbers::better_row;
use crate::kernel::{self, Affine, AffineOut, Restore, Simd, Sixteen, Weights, Write, affine_search, write_blocks};

/// Elements of a block.
const LEN: usize = 32;
/// Blocks that are searched together: they fill the lanes of two vectors.
const TOGETHER: usize = 32;
/// Bytes of both numbers.
const QS: usize = 2 * size_of::<[u8; 2]>();

/// Writes up to sixteen blocks without importance; returns whether it could.
#[inline(always)]
fn sixteen<S: Simd, const BYTES: usize>(v: Sixteen<S>, bits: Bits, x: &[[f32; LEN]], out: &mut [[u8; BYTES]]) -> bool {
    if !v.are_usual(v.magnitudes(x)) {
        return false;
    }
    let (max, min) = v.ends(x);
    let d = (max - min) / v.all(2.0 * bits.limit() - 1.0);
    // The first of two zeros counts, with its sign.
    if !v.are_usual(v.bits(d)) || v.any_zero(min) {
        return false;
    }
    let (halves, minima) = (v.halves(d), v.halves(min));
    let (inverses, min) = (<[f32; 16]>::from(v.reciprocals(d)), <[f32; 16]>::from(min));
    let (half, last) = (v.all(0.5), v.whole(2 * bits.limit() as i32 - 1));
    for (k, (x, out)) in x.iter().zip(out).enumerate() {
        let ([low, high], _) = x.as_chunks() else { continue };
        let (min, inverse) = (v.all(min[k]), v.all(inverses[k]));
        let low = v.at_most(v.truncated((v.load(low) - min) * inverse + half), last);
        let high = v.at_most(v.truncated((v.load(high) - min) * inverse + half), last);
        out[..2].copy_from_slice(&halves[k].to_le_bytes());
        out[2..QS].copy_from_slice(&minima[k].to_le_bytes());
        put(v, bits, [low, high], &mut out[QS..]);
    }
    true
}

/// Returns the smallest element, of zeros the first, and the largest; NaN is neither.
fn extremes(x: &[f32; LEN]) -> (f32, f32) {
    // As integers in the order of the numbers, of which the least and the greatest are taken in any order.
    let (mut min, mut max) = (key(f32::MAX), key(f32::MIN));
    for &x in x {
        min = min.min(if x.is_nan() { i32::MAX } else { key(x) });
        max = max.max(if x.is_nan() { i32::MIN } else { key(x) });
    }
    let min = f32::from_bits((min ^ ((min >> 31) & i32::MAX)) as u32);
    let max = f32::from_bits((max ^ ((max >> 31) & i32::MAX)) as u32);
    let min = if min == 0.0 { x.iter().copied().find(|x| *x == 0.0).unwrap_or(min) } else { min };
    (min, max)
}

fn key(x: f32) -> i32 {
    let bits = x.to_bits() as i32;
    bits ^ ((bits >> 31) & i32::MAX)
}

/// Writes a block without importance.
fn block(bits: Bits, x: &[f32; LEN], out: &mut [u8]) {
    let (min, max) = extremes(x);
    let d = (max - min) / (2.0 * bits.limit() - 1.0);
    let inverse = reciprocal(d);
    let mut codes = [0; LEN];
    for (code, x) in codes.iter_mut().zip(x) {
        *code = floor_code((x - min) * inverse + 0.5, if bits == Bits::Four { 15.0 } else { 255.0 });
    }
    write(bits, d, min, &codes, out);
}

fn write(bits: Bits, d: f32, m: f32, codes: &[u8; LEN], out: &mut [u8]) {
    out[..2].copy_from_slice(&to_half(d));
    out[2..QS].copy_from_slice(&to_half(m));
    pack(bits, codes, &mut out[QS..]);
}

/// Writes a row with importance.
fn weighted(layout: &Layout, bits: Bits, x: &[f32], importance: &[f32], out: &mut [u8]) {
    let limit = 2 * bits.limit() as i32 - 1;
    let search = Affine { n: LEN, limit, first: -0.9, step: 0.05, steps: 36, absolute: false };
    let variances = [sum_of_squares(x) / x.len() as f32; TOGETHER];
    let (mut codes, [mut scales, mut mins, mut sums]) = ([0; TOGETHER * LEN], [[0.0; TOGETHER]; 3]);
    let tiles = x.chunks(TOGETHER * LEN).zip(importance.chunks(TOGETHER * LEN));
    for ((x, importance), out) in tiles.zip(out.chunks_mut(TOGETHER * layout.bytes)) {
        let (n, blocks) = (x.len(), x.len() / LEN);
        let w = Weights::Spread(importance, &variances[..blocks]);
        let numbers = (&mut scales[..blocks], &mut mins[..blocks], &mut sums[..blocks]);
        let found = AffineOut { codes: &mut codes[..n], scales: numbers.0, mins: numbers.1, sums: numbers.2 };
        affine_search(kernel::detect(), x, w, search, found);
        for (i, (out, codes)) in out.chunks_exact_mut(layout.bytes).zip(codes.as_chunks::<LEN>().0).enumerate() {
            write(bits, scales[i], -mins[i], codes, out);
        }
    }
}

/// Restores a block.
#[inline(always)]
fn restore<S: Simd>(v: Sixteen<S>, bits: Bits, block: &[u8], out: &mut [f32; LEN]) {
    let (d, m) = (v.all_half(block, 0), v.all_half(block, 2));
    for (out, q) in out.as_chunks_mut().0.iter_mut().zip(get(v, bits, &block[QS..])) {
        v.store(v.reals(q) * d + m, out);
    }
}

/// Writes the best blocks of a row that are found.
fn best(layout: &Layout, bits: Bits, x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    let write = |d: f32, m: f32, codes: &[u8; LEN], out: &mut [u8]| write(bits, d, m, codes, out);
    better_row(layout, 2 * bits.limit() as u8 - 1, &write, x, importance, out);
}

macro_rules! formats {
    ($($name:ident, $block:ident, $label:literal, $id:literal, $bits:expr, $bytes:expr;)*) => {$(
        struct $block;

        impl Write<LEN, { $bytes }> for $block {
            #[inline(always)]
            fn sixteen<S: Simd>(v: Sixteen<S>, x: &[[f32; LEN]], out: &mut [[u8; $bytes]]) -> bool {
                sixteen(v, $bits, x, out)
            }

            fn block(x: &[f32; LEN], out: &mut [u8; $bytes]) {
                block($bits, x, out);
            }
        }

        impl Restore<{ $bytes }, LEN> for $block {
            #[inline(always)]
            fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; $bytes], out: &mut [f32; LEN]) {
                restore(v, $bits, block, out);
            }
        }

        pub(crate) const $name: Layout = Layout {
            quantize: Some(|x, importance, out| match importance {
                Some(importance) => weighted(&$name, $bits, x, importance, out),
                None => write_blocks::<$block, LEN, { $bytes }>(kernel::detect(), x, out),
            }),
            best: Some(|x, importance, out| best(&$name, $bits, x, importance, out)),
            ..Layout::read::<$block, { $bytes }, LEN>($label, Some($id))
        };
    )*};
}

formats! {
    Q4_1, OfFour, "q4_1", 3, Bits::Four, QS + LEN / 2;
    Q5_1, OfFive, "q5_1", 7, Bits::Five, QS + size_of::<u32>() + LEN / 2;
}
const _: () = assert!(Q4_1.bytes == 20 && Q5_1.bytes == 24, "two f16 and 32 codes of 4 or 5 bits");
