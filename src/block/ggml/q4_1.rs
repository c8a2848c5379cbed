//! Q4_1: `d · q + m`, q in 0..16. A block of 32 is `d: f16 | m: f16 | 16 bytes of nibbles`, 5 bits a weight.
//!
//! Without importance m is the smallest element and m + 15 d the largest; with importance both are searched
//! ([`affine_search`]), with m ≤ 0.

use super::half::{from_half, to_half};
use super::nibbles::{pack, unpack};
use super::scalar::{floor_code, reciprocal, sum_of_squares};
use crate::block::layout::Layout;
use crate::block::two_numbers::better_row;
use crate::kernel::{self, Affine, AffineOut, Weights, affine_search, each_block};

const LEN: usize = 32;
const BYTES: usize = 20;
const _: () = assert!(BYTES == 2 * size_of::<[u8; 2]>() + LEN / 2, "two f16 and 32 nibbles");

pub(crate) const Q4_1: Layout = Layout {
    name: "q4_1",
    len: LEN,
    bytes: BYTES,
    id: Some(3),
    quantize: Some(quantize),
    dequantize,
    best: Some(best),
};

/// Returns the smallest element, of zeros the first, and the largest; NaN is neither.
#[inline(always)]
pub(super) fn extremes(x: &[f32; LEN]) -> (f32, f32) {
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

#[inline(always)]
fn key(x: f32) -> i32 {
    let bits = x.to_bits() as i32;
    bits ^ ((bits >> 31) & i32::MAX)
}

/// What is searched of Q4_1 and Q5_1 with importance.
pub(super) const fn searched(limit: i32) -> Affine {
    Affine { n: LEN, limit, first: -0.9, step: 0.05, steps: 36, absolute: false }
}

fn write(d: f32, m: f32, codes: &[u8; LEN], out: &mut [u8]) {
    out[..2].copy_from_slice(&to_half(d));
    out[2..4].copy_from_slice(&to_half(m));
    pack(codes, &mut out[4..]);
}

fn quantize(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    match importance {
        Some(importance) => weighted(x, importance, out.as_chunks_mut::<BYTES>().0),
        None => each_block(kernel::detect(), x, out, block),
    }
}

#[inline(always)]
fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
    let (min, max) = extremes(x);
    let d = (max - min) / 15.0;
    let inverse = reciprocal(d);
    let mut codes = [0; LEN];
    for (code, x) in codes.iter_mut().zip(x) {
        *code = floor_code((x - min) * inverse + 0.5, 15.0);
    }
    write(d, min, &codes, out);
}

fn weighted(x: &[f32], importance: &[f32], out: &mut [[u8; BYTES]]) {
    let variances = [sum_of_squares(x) / x.len() as f32; 16];
    let (mut codes, [mut scales, mut mins, mut sums]) = ([0; 16 * LEN], [[0.0; 16]; 3]);
    for ((x, importance), out) in x.chunks(16 * LEN).zip(importance.chunks(16 * LEN)).zip(out.chunks_mut(16)) {
        let (n, blocks) = (x.len(), out.len());
        let w = Weights::Spread(importance, &variances[..blocks]);
        let numbers = (&mut scales[..blocks], &mut mins[..blocks], &mut sums[..blocks]);
        let found = AffineOut { codes: &mut codes[..n], scales: numbers.0, mins: numbers.1, sums: numbers.2 };
        affine_search(kernel::detect(), x, w, searched(15), found);
        for (i, (out, codes)) in out.iter_mut().zip(codes.as_chunks::<LEN>().0).enumerate() {
            write(scales[i], -mins[i], codes, out);
        }
    }
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    each_block(kernel::detect(), bytes, out, restore);
}

#[inline(always)]
fn restore(block: &[u8; BYTES], out: &mut [f32; LEN]) {
    let (d, m) = (from_half(block, 0), from_half(block, 2));
    for (out, q) in out.iter_mut().zip(unpack(&block[4..])) {
        *out = f32::from(q) * d + m;
    }
}

fn best(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    better_row(&Q4_1, 15, write, x, importance, out);
}
