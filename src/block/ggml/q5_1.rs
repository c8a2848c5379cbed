//! Q5_1: `d · q + m`, q in 0..32. A block of 32 is `d: f16 | m: f16 | fifth bits: u32 | 16 bytes of nibbles`, 6 bits a weight.
//!
//! As [`q4_1`](super::q4_1), with 31 for 15.

use super::half::{from_half, to_half};
use super::nibbles::{fifth_bits, pack, unpack_5};
use super::q4_1::{extremes, searched};
use super::scalar::{floor_code, reciprocal, sum_of_squares};
use crate::block::layout::Layout;
use crate::block::two_numbers::better_row;
use crate::kernel::{self, AffineOut, Weights, affine_search, each_block};

const LEN: usize = 32;
const BYTES: usize = 24;
const _: () = assert!(BYTES == 2 * size_of::<[u8; 2]>() + size_of::<u32>() + LEN / 2, "two f16 and 32 codes of 5 bits");

pub(crate) const Q5_1: Layout = Layout {
    name: "q5_1",
    len: LEN,
    bytes: BYTES,
    id: Some(7),
    quantize: Some(quantize),
    dequantize,
    best: Some(best),
};

fn write(d: f32, m: f32, codes: &[u8; LEN], out: &mut [u8]) {
    out[..2].copy_from_slice(&to_half(d));
    out[2..4].copy_from_slice(&to_half(m));
    out[4..8].copy_from_slice(&fifth_bits(codes));
    pack(codes, &mut out[8..]);
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
    let d = (max - min) / 31.0;
    let inverse = reciprocal(d);
    let mut codes = [0; LEN];
    for (code, x) in codes.iter_mut().zip(x) {
        *code = floor_code((x - min) * inverse + 0.5, 255.0);
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
        affine_search(kernel::detect(), x, w, searched(31), found);
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
    for (out, q) in out.iter_mut().zip(unpack_5(&block[8..], [block[4], block[5], block[6], block[7]])) {
        *out = f32::from(q) * d + m;
    }
}

fn best(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    better_row(&Q5_1, 31, write, x, importance, out);
}
