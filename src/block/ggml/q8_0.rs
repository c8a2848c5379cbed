//! Q8_0: `d · q`, q in −127..=127. A block of 32 is `d: f16 | 32 codes: i8`, 8.5 bits a weight.
//!
//! d is the largest magnitude divided by 127; codes are rounded with halves away from zero, as in files (llama.cpp's path for
//! activations rounds halves to even). An importance changes nothing.

use super::half::{from_half, to_half};
use super::scalar::{half_away, largest_magnitude, reciprocal};
use crate::block::layout::Layout;
use crate::block::one_scale::{OneScale, best_row, nearest_f16, steps};
use crate::kernel::{self, each_block};

const LEN: usize = 32;
const BYTES: usize = 34;
const _: () = assert!(BYTES == size_of::<[u8; 2]>() + size_of::<[i8; LEN]>(), "an f16 scale and 32 codes");

pub(crate) const Q8_0: Layout = Layout {
    name: "q8_0",
    len: LEN,
    bytes: BYTES,
    id: Some(8),
    quantize: Some(quantize),
    dequantize,
    best: Some(best),
};

fn quantize(x: &[f32], _importance: Option<&[f32]>, out: &mut [u8]) {
    each_block(kernel::detect(), x, out, block);
}

#[inline(always)]
fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
    let d = largest_magnitude(x) / 127.0;
    let inverse = reciprocal(d);
    out[..2].copy_from_slice(&to_half(d));
    for (code, x) in out[2..].iter_mut().zip(x) {
        *code = half_away(x * inverse) as u8;
    }
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    each_block(kernel::detect(), bytes, out, restore);
}

#[inline(always)]
fn restore(block: &[u8; BYTES], out: &mut [f32; LEN]) {
    let d = from_half(block, 0);
    for (out, q) in out.iter_mut().zip(&block[2..]) {
        *out = f32::from(*q as i8) * d;
    }
}

fn best(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    let one = OneScale { levels: &const { steps::<256>(-128) }, nearest: nearest_f16, signed: true };
    best_row(
        &Q8_0,
        &one,
        |d, places, out| {
            out[..2].copy_from_slice(&to_half(d));
            out[2..].iter_mut().zip(places).for_each(|(code, place)| *code = place ^ 0x80);
        },
        x,
        importance,
        out,
    );
}
