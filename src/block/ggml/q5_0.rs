//! Q5_0: `d · (q − 16)`, q in 0..32. A block of 32 is `d: f16 | fifth bits: u32 | 16 bytes of nibbles`, 5.5 bits a weight.
//!
//! As [`q4_0`](super::q4_0), with −16 for −8.

use super::half::{from_half, to_half};
use super::nibbles::{fifth_bits, pack, unpack_5};
use super::scalar::{floor_code, largest, reciprocal, sum_of_squares};
use crate::block::layout::Layout;
use crate::block::one_scale::{OneScale, best_row, nearest_f16, steps};
use crate::kernel::{self, Signed, SignedOut, Weights, each_block, signed_search};

const LEN: usize = 32;
const BYTES: usize = 22;
const _: () =
    assert!(BYTES == size_of::<[u8; 2]>() + size_of::<u32>() + LEN / 2, "an f16 scale and 32 codes of 5 bits");

pub(crate) const Q5_0: Layout = Layout {
    name: "q5_0",
    len: LEN,
    bytes: BYTES,
    id: Some(6),
    quantize: Some(quantize),
    dequantize,
    best: Some(best),
};

fn write(d: f32, codes: &[u8; LEN], out: &mut [u8]) {
    out[..2].copy_from_slice(&to_half(d));
    out[2..6].copy_from_slice(&fifth_bits(codes));
    pack(codes, &mut out[6..]);
}

fn quantize(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    match importance {
        Some(importance) => weighted(x, importance, out.as_chunks_mut::<BYTES>().0),
        None => each_block(kernel::detect(), x, out, block),
    }
}

#[inline(always)]
fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
    let d = largest(x) / -16.0;
    let inverse = reciprocal(d);
    let mut codes = [0; LEN];
    for (code, x) in codes.iter_mut().zip(x) {
        *code = floor_code(x * inverse + 16.5, 31.0);
    }
    write(d, &codes, out);
}

fn weighted(x: &[f32], importance: &[f32], out: &mut [[u8; BYTES]]) {
    let variances = [sum_of_squares(x) / x.len() as f32; 16];
    let (mut codes, mut scales) = ([0; 16 * LEN], [0.0; 16]);
    for ((x, importance), out) in x.chunks(16 * LEN).zip(importance.chunks(16 * LEN)).zip(out.chunks_mut(16)) {
        let (n, blocks) = (x.len(), out.len());
        let w = Weights::Spread(importance, &variances[..blocks]);
        let found = SignedOut { codes: &mut codes[..n], scales: &mut scales[..blocks], sums: &mut [] };
        signed_search(kernel::detect(), x, w, Signed { n: LEN, limit: 16 }, found);
        for ((out, codes), d) in out.iter_mut().zip(codes.as_chunks::<LEN>().0).zip(scales) {
            write(d, codes, out);
        }
    }
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    each_block(kernel::detect(), bytes, out, restore);
}

#[inline(always)]
fn restore(block: &[u8; BYTES], out: &mut [f32; LEN]) {
    let d = from_half(block, 0);
    for (out, q) in out.iter_mut().zip(unpack_5(&block[6..], [block[2], block[3], block[4], block[5]])) {
        *out = (f32::from(q) - 16.0) * d;
    }
}

fn best(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    let one = OneScale { levels: &const { steps::<32>(-16) }, nearest: nearest_f16, signed: true };
    best_row(
        &Q5_0,
        &one,
        |d, codes, out| {
            if let Ok(codes) = codes.try_into() {
                write(d, codes, out);
            }
        },
        x,
        importance,
        out,
    );
}
