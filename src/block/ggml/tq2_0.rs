//! TQ2_0: `d · t`, t in −1, 0, 1. A block of 256 is `64 bytes of 2-bit codes t + 1 | d: f16`, 2.0625 bits a weight.
//!
//! Of each half of 128, byte m has elements m, m + 32, m + 64 and m + 96, the first in the low bits. d is the largest magnitude.

use super::half::{from_half, to_half};
use super::pairs::{pack, unpack};
use super::scalar::{half_away, largest_magnitude, reciprocal};
use crate::block::layout::Layout;
use crate::block::one_scale::{OneScale, best_row, nearest_f16, steps};
use crate::kernel::{self, each_block};

const LEN: usize = 256;
const BYTES: usize = 66;
const D: usize = LEN / 4;
const _: () = assert!(BYTES == D + size_of::<[u8; 2]>(), "256 codes of 2 bits and an f16 scale");

pub(crate) const TQ2_0: Layout = Layout {
    name: "tq2_0",
    len: LEN,
    bytes: BYTES,
    id: Some(35),
    quantize: Some(quantize),
    dequantize,
    best: Some(best),
};

fn quantize(x: &[f32], _importance: Option<&[f32]>, out: &mut [u8]) {
    each_block(kernel::detect(), x, out, block);
}

#[inline(always)]
fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
    let d = largest_magnitude(x);
    let inverse = reciprocal(d);
    let mut codes = [0; LEN];
    for (code, x) in codes.iter_mut().zip(x) {
        *code = (half_away(x * inverse) + 1) as u8;
    }
    pack(&codes, &mut out[..D]);
    out[D..].copy_from_slice(&to_half(d));
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    each_block(kernel::detect(), bytes, out, restore);
}

#[inline(always)]
fn restore(block: &[u8; BYTES], out: &mut [f32; LEN]) {
    let d = from_half(block, D);
    for (out, q) in out.iter_mut().zip(unpack(&block[..D])) {
        *out = (f32::from(q) - 1.0) * d;
    }
}

fn best(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    let one = OneScale { levels: &const { steps::<3>(-1) }, nearest: nearest_f16, signed: false };
    best_row(
        &TQ2_0,
        &one,
        |d, places, out| {
            if let Ok(codes) = places.try_into() {
                pack(codes, &mut out[..D]);
                out[D..].copy_from_slice(&to_half(d));
            }
        },
        x,
        importance,
        out,
    );
}
