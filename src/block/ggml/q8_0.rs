//! Q8_0: `d · q`, q in −127..=127. A block of 32 is `d: f16 | 32 codes: i8`, 8.5 bits a weight.
//!
//! d is the largest magnitude divided by 127; codes are rounded with halves away from zero, as in files (llama.cpp's path for
//! activations rounds halves to even). An importance changes nothing.

use super::half::{from_half, to_half};
use super::scalar::{half_away, largest_magnitude, reciprocal};
use crate::block::layout::Layout;

const LEN: usize = 32;
const BYTES: usize = 34;
const _: () = assert!(BYTES == size_of::<[u8; 2]>() + size_of::<[i8; LEN]>(), "an f16 scale and 32 codes");

pub(crate) const Q8_0: Layout =
    Layout { name: "q8_0", len: LEN, bytes: BYTES, id: Some(8), quantize: Some(quantize), dequantize, best: None };

fn quantize(x: &[f32], _importance: Option<&[f32]>, out: &mut [u8]) {
    for (x, out) in x.as_chunks::<LEN>().0.iter().zip(out.as_chunks_mut::<BYTES>().0) {
        let d = largest_magnitude(x) / 127.0;
        let inverse = reciprocal(d);
        out[..2].copy_from_slice(&to_half(d));
        for (code, x) in out[2..].iter_mut().zip(x) {
            *code = half_away(x * inverse) as u8;
        }
    }
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.as_chunks::<BYTES>().0.iter().zip(out.as_chunks_mut::<LEN>().0) {
        let d = from_half(block, 0);
        for (out, q) in out.iter_mut().zip(&block[2..]) {
            *out = f32::from(*q as i8) * d;
        }
    }
}
