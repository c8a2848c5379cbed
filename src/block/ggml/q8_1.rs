//! Q8_1: `d · q`, with the sum of the restored block beside it, for products with codes that have a smallest value.
//!
//! A block of 32 is `d: f16 | d · Σq: f16 | 32 codes: i8`, 9 bits a weight; codes as of Q8_0. It is a format of activations: no file
//! holds it.

use super::half::{from_half, to_half};
use super::scalar::{half_away, largest_magnitude, reciprocal};
use crate::block::layout::Layout;
use crate::kernel::{self, each_block};

const LEN: usize = 32;
const BYTES: usize = 36;
const _: () = assert!(BYTES == 2 * size_of::<[u8; 2]>() + size_of::<[i8; LEN]>(), "two f16 and 32 codes");

pub(crate) const Q8_1: Layout =
    Layout { name: "q8_1", len: LEN, bytes: BYTES, id: Some(9), quantize: Some(quantize), dequantize, best: None };

fn quantize(x: &[f32], _importance: Option<&[f32]>, out: &mut [u8]) {
    each_block(kernel::detect(), x, out, block);
}

#[inline(always)]
fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
    let d = largest_magnitude(x) / 127.0;
    let inverse = reciprocal(d);
    let mut sum = 0;
    for (code, x) in out[4..].iter_mut().zip(x) {
        let q = half_away(x * inverse);
        *code = q as u8;
        sum += i32::from(q);
    }
    out[..2].copy_from_slice(&to_half(d));
    out[2..4].copy_from_slice(&to_half(sum as f32 * d));
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    each_block(kernel::detect(), bytes, out, restore);
}

#[inline(always)]
fn restore(block: &[u8; BYTES], out: &mut [f32; LEN]) {
    let d = from_half(block, 0);
    for (out, q) in out.iter_mut().zip(&block[4..]) {
        *out = f32::from(*q as i8) * d;
    }
}
