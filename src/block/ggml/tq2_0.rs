//! TQ2_0: `d · t`, t in −1, 0, 1. A block of 256 is `64 bytes of 2-bit codes t + 1 | d: f16`, 2.0625 bits a weight.
//!
//! Of each half of 128, byte m has elements m, m + 32, m + 64 and m + 96, the first in the low bits. d is the largest magnitude.

use super::half::{from_half, to_half};
use super::pairs::{pack, unpack};
use super::scalar::{half_away, largest_magnitude, reciprocal};
use crate::block::layout::Layout;

const LEN: usize = 256;
const BYTES: usize = 66;
const D: usize = LEN / 4;
const _: () = assert!(BYTES == D + size_of::<[u8; 2]>(), "256 codes of 2 bits and an f16 scale");

pub(crate) const TQ2_0: Layout =
    Layout { name: "tq2_0", len: LEN, bytes: BYTES, id: Some(35), quantize: Some(quantize), dequantize, best: None };

fn quantize(x: &[f32], _importance: Option<&[f32]>, out: &mut [u8]) {
    for (x, out) in x.as_chunks::<LEN>().0.iter().zip(out.as_chunks_mut::<BYTES>().0) {
        let d = largest_magnitude(x);
        let inverse = reciprocal(d);
        let mut codes = [0; LEN];
        for (code, x) in codes.iter_mut().zip(x) {
            *code = (half_away(x * inverse) + 1) as u8;
        }
        pack(&codes, &mut out[..D]);
        out[D..].copy_from_slice(&to_half(d));
    }
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.as_chunks::<BYTES>().0.iter().zip(out.as_chunks_mut::<LEN>().0) {
        let d = from_half(block, D);
        for (out, q) in out.iter_mut().zip(unpack(&block[..D])) {
            *out = (f32::from(q) - 1.0) * d;
        }
    }
}
