//! Q2_0: `d · (q − 1)`, q in 0..4. A block of 64 is `d: f16 | 16 bytes of 2-bit codes`, 2.25 bits a weight; d is the largest
//! magnitude, so that of the four values −d, 0, d, 2d the last is written by nobody. An importance changes nothing.

use super::half::to_half;
use super::scalar::{half_away, largest_magnitude, reciprocal};
use super::scales::Scales;
use crate::block::layout::Layout;
use crate::block::one_scale::{OneScale, best_row, steps};
use crate::block::scale_grid::ScaleGrid;
use crate::kernel::{self, Restore, Simd, Sixteen, Write, restore_blocks, write_blocks};

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

struct Block;

fn quantize(x: &[f32], _importance: Option<&[f32]>, out: &mut [u8]) {
    write_blocks::<Block, LEN, BYTES>(kernel::detect(), x, out);
}

impl Write<LEN, BYTES> for Block {
    #[inline(always)]
    fn sixteen<S: Simd>(v: Sixteen<S>, x: &[[f32; LEN]], out: &mut [[u8; BYTES]]) -> bool {
        let Some(scales) = Scales::of_largest(v, x, 1.0) else { return false };
        for (k, (x, out)) in x.iter().zip(out).enumerate() {
            out[..2].copy_from_slice(&scales.halves[k].to_le_bytes());
            for (x, out) in x.as_chunks().0.iter().zip(out[2..].as_chunks_mut::<4>().0) {
                let codes = v.bytes(scales.code(v, k, x) + v.whole(1));
                for (out, [a, b, c, d]) in out.iter_mut().zip(codes.as_chunks::<4>().0) {
                    *out = a | b << 2 | c << 4 | d << 6;
                }
            }
        }
        true
    }

    fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
        let d = largest_magnitude(x);
        let inverse = reciprocal(d);
        out[..2].copy_from_slice(&to_half(d));
        for (out, x) in out[2..].iter_mut().zip(x.as_chunks::<4>().0) {
            *out = x.iter().rev().fold(0, |bits, x| bits << 2 | code(x * inverse));
        }
    }
}

/// Returns the code of a quotient; 0 of ∞ and NaN, which the reciprocal of a subnormal scale gives.
fn code(quotient: f32) -> u8 {
    if quotient.is_finite() { (half_away(quotient) + 1).clamp(0, 3) as u8 } else { 0 }
}

fn dequantize(bytes: &[u8], out: &mut [f32]) {
    restore_blocks::<Block, BYTES, LEN>(kernel::detect(), bytes, out);
}

impl Restore<BYTES, LEN> for Block {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
        let d = v.all_half(block, 0);
        for (out, bytes) in out.as_chunks_mut().0.iter_mut().zip(block[2..].as_chunks::<4>().0) {
            let bits = v.fields([u32::from_le_bytes(*bytes), u32::from(bytes[2]) | u32::from(bytes[3]) << 8], 2);
            v.store((v.reals(bits & v.whole(3)) - v.all(1.0)) * d, out);
        }
    }
}

fn best(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    let one = OneScale { levels: &const { steps::<4>(-1) }, grid: Some(ScaleGrid::F16), signed: true };
    best_row(
        &Q2_0,
        &one,
        &|d: f32, places: &[u8], out: &mut [u8]| {
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
