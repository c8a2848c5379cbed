//! Q2_0: `d · (q − 1)`, q in 0..4. A block of 64 is `d: f16 | 16 bytes of 2-bit codes`, 2.25 bits a weight; d is the largest
//! magnitude, so that of the four values −d, 0, d, 2d the last is written by nobody. An importance changes nothing.

use super::half::{from_half, to_half};
use super::scalar::{half_away, largest_magnitude, reciprocal};
use crate::block::layout::Layout;
use crate::block::one_scale::{OneScale, best_row, nearest_f16, steps};
use crate::kernel::{self, each_block};

const LEN: usize = 64;
const BYTES: usize = 18;
const _: () = assert!(BYTES == size_of::<[u8; 2]>() + LEN / 4, "an f16 scale and 64 codes of 2 bits");

pub(crate) const Q2_0: Layout = Layout {
    name: "q2_0",
    len: LEN,
    bytes: BYTES,
    id: Some(42),
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
    out[..2].copy_from_slice(&to_half(d));
    for (out, x) in out[2..].iter_mut().zip(x.as_chunks::<4>().0) {
        *out = x.iter().rev().fold(0, |bits, x| bits << 2 | code(x * inverse));
    }
}

/// Returns the code of a quotient; 0 of ∞ and NaN, which the reciprocal of a subnormal scale gives.
fn code(quotient: f32) -> u8 {
    if quotient.is_finite() { (half_away(quotient) + 1).clamp(0, 3) as u8 } else { 0 }
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    each_block(kernel::detect(), bytes, out, restore);
}

#[inline(always)]
fn restore(block: &[u8; BYTES], out: &mut [f32; LEN]) {
    let d = from_half(block, 0);
    for (out, byte) in out.as_chunks_mut::<4>().0.iter_mut().zip(&block[2..]) {
        for (i, out) in out.iter_mut().enumerate() {
            *out = (f32::from(byte >> (2 * i) & 3) - 1.0) * d;
        }
    }
}

fn best(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    let one = OneScale { levels: &const { steps::<4>(-1) }, nearest: nearest_f16, signed: true };
    best_row(
        &Q2_0,
        &one,
        |d, places, out| {
            out[..2].copy_from_slice(&to_half(d));
            for (out, places) in out[2..].iter_mut().zip(places.as_chunks::<4>().0) {
                *out = places.iter().rev().fold(0, |bits, place| bits << 2 | place);
            }
        },
        x,
        importance,
        out,
    );
}
