//! Q1_0: `±d`, one bit a weight. A block of 128 is `d: f16 | 128 bits`, 1.125 bits a weight; d is the mean magnitude, a set bit is
//! `+d`, and stands for x ≥ 0. An importance changes nothing.

use super::half::{from_half, to_half};
use crate::block::layout::Layout;
use crate::block::one_scale::{OneScale, best_row, nearest_f16};
use crate::kernel::{self, each_block};

const LEN: usize = 128;
const BYTES: usize = 18;
const _: () = assert!(BYTES == size_of::<[u8; 2]>() + LEN / 8, "an f16 scale and 128 bits");

pub(crate) const Q1_0: Layout = Layout {
    name: "q1_0",
    len: LEN,
    bytes: BYTES,
    id: Some(41),
    quantize: Some(quantize),
    dequantize,
    best: Some(best),
};

fn quantize(x: &[f32], _importance: Option<&[f32]>, out: &mut [u8]) {
    each_block(kernel::detect(), x, out, block);
}

#[inline(always)]
fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
    let sum = x.iter().fold(0.0_f32, |sum, x| sum + x.abs());
    out[..2].copy_from_slice(&to_half(sum / LEN as f32));
    for (out, x) in out[2..].iter_mut().zip(x.as_chunks::<8>().0) {
        *out = x.iter().rev().fold(0, |bits, &x| bits << 1 | u8::from(x >= 0.0));
    }
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    each_block(kernel::detect(), bytes, out, restore);
}

#[inline(always)]
fn restore(block: &[u8; BYTES], out: &mut [f32; LEN]) {
    let d = from_half(block, 0);
    for (out, byte) in out.as_chunks_mut::<8>().0.iter_mut().zip(&block[2..]) {
        for (i, out) in out.iter_mut().enumerate() {
            *out = if byte >> i & 1 == 1 { d } else { -d };
        }
    }
}

fn best(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    let one = OneScale { levels: &const { [-1.0, 1.0] }, nearest: nearest_f16, signed: false };
    best_row(
        &Q1_0,
        &one,
        |d, places, out| {
            out[..2].copy_from_slice(&to_half(d));
            for (out, places) in out[2..].iter_mut().zip(places.as_chunks::<8>().0) {
                *out = places.iter().rev().fold(0, |bits, place| bits << 1 | place);
            }
        },
        x,
        importance,
        out,
    );
}
