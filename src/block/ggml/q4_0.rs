//! Q4_0: `d · (q − 8)`, q in 0..16. A block of 32 is `d: f16 | 16 bytes of nibbles`, 4.5 bits a weight.
//!
//! Without importance d is the element of largest magnitude divided by −8, and nothing is searched; with importance it is
//! searched ([`signed_search`]), an element's error counting its importance times √(mean square of the row + x²).

use super::half::{from_half, to_half};
use super::nibbles::{pack, unpack};
use super::scalar::{floor_code, largest, reciprocal, sum_of_squares};
use crate::block::layout::Layout;
use crate::block::one_scale::{OneScale, best_row, nearest_f16, steps};
use crate::kernel::{self, Signed, SignedOut, Weights, each_block, signed_search};

const LEN: usize = 32;
const BYTES: usize = 18;
const _: () = assert!(BYTES == size_of::<[u8; 2]>() + LEN / 2, "an f16 scale and 32 nibbles");

pub(crate) const Q4_0: Layout = Layout {
    name: "q4_0",
    len: LEN,
    bytes: BYTES,
    id: Some(2),
    quantize: Some(quantize),
    dequantize,
    best: Some(best),
};

fn quantize(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    match importance {
        Some(importance) => weighted(x, importance, out.as_chunks_mut::<BYTES>().0),
        None => each_block(kernel::detect(), x, out, block),
    }
}

#[inline(always)]
fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
    let d = largest(x) / -8.0;
    let inverse = reciprocal(d);
    let mut codes = [0; LEN];
    for (code, x) in codes.iter_mut().zip(x) {
        *code = floor_code(x * inverse + 8.5, 15.0);
    }
    out[..2].copy_from_slice(&to_half(d));
    pack(&codes, &mut out[2..]);
}

fn weighted(x: &[f32], importance: &[f32], out: &mut [[u8; BYTES]]) {
    let variances = [sum_of_squares(x) / x.len() as f32; 16];
    let (mut codes, mut scales) = ([0; 16 * LEN], [0.0; 16]);
    for ((x, importance), out) in x.chunks(16 * LEN).zip(importance.chunks(16 * LEN)).zip(out.chunks_mut(16)) {
        let (n, blocks) = (x.len(), out.len());
        let w = Weights::Spread(importance, &variances[..blocks]);
        let found = SignedOut { codes: &mut codes[..n], scales: &mut scales[..blocks], sums: &mut [] };
        signed_search(kernel::detect(), x, w, Signed { n: LEN, limit: 8 }, found);
        for ((out, codes), d) in out.iter_mut().zip(codes.as_chunks::<LEN>().0).zip(scales) {
            out[..2].copy_from_slice(&to_half(d));
            pack(codes, &mut out[2..]);
        }
    }
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    each_block(kernel::detect(), bytes, out, restore);
}

#[inline(always)]
fn restore(block: &[u8; BYTES], out: &mut [f32; LEN]) {
    let d = from_half(block, 0);
    for (out, q) in out.iter_mut().zip(unpack(&block[2..])) {
        *out = (f32::from(q) - 8.0) * d;
    }
}

fn best(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    let one = OneScale { levels: &const { steps::<16>(-8) }, nearest: nearest_f16, signed: true };
    best_row(
        &Q4_0,
        &one,
        |d, codes, out| {
            if let Ok(codes) = codes.try_into() {
                out[..2].copy_from_slice(&to_half(d));
                pack(codes, &mut out[2..]);
            }
        },
        x,
        importance,
        out,
    );
}
