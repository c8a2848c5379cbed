//! Q4_1: `d · q + m`, q in 0..16. A block of 32 is `d: f16 | m: f16 | 16 bytes of nibbles`, 5 bits a weight.
//!
//! Without importance m is the smallest element and m + 15 d the largest; with importance both are searched
//! ([`affine_search`]), with m ≤ 0.

use super::half::{from_half, to_half};
use super::nibbles::{pack, unpack};
use super::scalar::{reciprocal, sum_of_squares, truncated};
use crate::block::layout::Layout;
use crate::kernel::{self, Affine, AffineOut, Weights, affine_search};

const LEN: usize = 32;
const BYTES: usize = 20;
const _: () = assert!(BYTES == 2 * size_of::<[u8; 2]>() + LEN / 2, "two f16 and 32 nibbles");

pub(crate) const Q4_1: Layout =
    Layout { name: "q4_1", len: LEN, bytes: BYTES, id: Some(3), quantize: Some(quantize), dequantize, best: None };

/// Returns the smallest and the largest element; NaN is neither.
pub(super) fn extremes(x: &[f32]) -> (f32, f32) {
    x.iter().fold((f32::MAX, f32::MIN), |(min, max), &x| (if x < min { x } else { min }, if x > max { x } else { max }))
}

/// What is searched of Q4_1 and Q5_1 with importance.
pub(super) const fn searched(limit: i32) -> Affine {
    Affine { n: LEN, limit, first: -0.9, step: 0.05, steps: 36, absolute: false }
}

fn write(d: f32, m: f32, codes: &[u8; LEN], out: &mut [u8; BYTES]) {
    out[..2].copy_from_slice(&to_half(d));
    out[2..4].copy_from_slice(&to_half(m));
    pack(codes, &mut out[4..]);
}

fn quantize(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    let (blocks, out) = (x.as_chunks::<LEN>().0, out.as_chunks_mut::<BYTES>().0);
    if let Some(importance) = importance {
        return weighted(x, importance, out);
    }
    for (x, out) in blocks.iter().zip(out) {
        let (min, max) = extremes(x);
        let d = (max - min) / 15.0;
        let inverse = reciprocal(d);
        let mut codes = [0; LEN];
        for (code, x) in codes.iter_mut().zip(x) {
            *code = truncated((x - min) * inverse + 0.5).min(15) as u8;
        }
        write(d, min, &codes, out);
    }
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
    for (block, out) in bytes.as_chunks::<BYTES>().0.iter().zip(out.as_chunks_mut::<LEN>().0) {
        let (d, m) = (from_half(block, 0), from_half(block, 2));
        for (out, q) in out.iter_mut().zip(unpack(&block[4..])) {
            *out = f32::from(q) * d + m;
        }
    }
}
