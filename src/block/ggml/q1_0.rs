//! Q1_0: `±d`, one bit a weight. A block of 128 is `d: f16 | 128 bits`, 1.125 bits a weight; d is the mean magnitude, a set bit is
//! `+d`, and stands for x ≥ 0. An importance changes nothing.

use super::half::{from_half, to_half};
use crate::block::layout::Layout;

const LEN: usize = 128;
const BYTES: usize = 18;
const _: () = assert!(BYTES == size_of::<[u8; 2]>() + LEN / 8, "an f16 scale and 128 bits");

pub(crate) const Q1_0: Layout =
    Layout { name: "q1_0", len: LEN, bytes: BYTES, id: Some(41), quantize: Some(quantize), dequantize, best: None };

fn quantize(x: &[f32], _importance: Option<&[f32]>, out: &mut [u8]) {
    for (x, out) in x.as_chunks::<LEN>().0.iter().zip(out.as_chunks_mut::<BYTES>().0) {
        let sum = x.iter().fold(0.0_f32, |sum, x| sum + x.abs());
        out[..2].copy_from_slice(&to_half(sum / LEN as f32));
        for (out, x) in out[2..].iter_mut().zip(x.as_chunks::<8>().0) {
            *out = x.iter().rev().fold(0, |bits, &x| bits << 1 | u8::from(x >= 0.0));
        }
    }
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.as_chunks::<BYTES>().0.iter().zip(out.as_chunks_mut::<LEN>().0) {
        let d = from_half(block, 0);
        for (out, byte) in out.as_chunks_mut::<8>().0.iter_mut().zip(&block[2..]) {
            for (i, out) in out.iter_mut().enumerate() {
                *out = if byte >> i & 1 == 1 { d } else { -d };
            }
        }
    }
}
