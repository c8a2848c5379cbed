//! Q2_0: `d · (q − 1)`, q in 0..4. A block of 64 is `d: f16 | 16 bytes of 2-bit codes`, 2.25 bits a weight; d is the largest
//! magnitude, so that of the four values −d, 0, d, 2d the last is written by nobody. An importance changes nothing.

use super::half::to_half;
use super::pairs::pack_neighbours;
use super::scalar::{half_away, largest_magnitude, reciprocal};
use super::scales::Scales;
use crate::block::layout::Layout;
use crate::block::one_scale::{OfOneScale, OneScale, best_row, steps};
use crate::block::scale_grid::ScaleGrid;
use crate::kernel::{Restore, Simd, Sixteen, Write};

const LEN: usize = 64;
const BYTES: usize = 18;
const _: () = assert!(BYTES == size_of::<[u8; 2]>() + LEN / 4, "an f16 scale and 64 codes of 2 bits");

pub(crate) const Q2_0: Layout =
    Layout { best: Some(best_row::<Block>), ..Layout::written::<Block, BYTES, LEN>("q2_0", Some(42)) };

struct Block;

impl Write<LEN, BYTES> for Block {
    #[inline(always)]
    fn sixteen<S: Simd>(v: Sixteen<S>, x: &[[f32; LEN]], out: &mut [[u8; BYTES]]) -> bool {
        let Some(scales) = Scales::of_largest(v, x, 1.0) else { return false };
        for (k, (x, out)) in x.iter().zip(out).enumerate() {
            out[..2].copy_from_slice(&scales.halves[k].to_le_bytes());
            for (x, out) in x.as_chunks().0.iter().zip(out[2..].as_chunks_mut::<4>().0) {
                let codes = v.bytes(scales.code(v, k, x) + v.whole(1));
                pack_neighbours::<4>(&codes, out);
            }
        }
        true
    }

    fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
        let d = largest_magnitude(x);
        let inverse = reciprocal(d);
        out[..2].copy_from_slice(&to_half(d));
        pack_neighbours::<4>(&x.map(|x| code(x * inverse)), &mut out[2..]);
    }
}

/// Returns the code of a quotient; 0 of ∞ and NaN, which the reciprocal of a subnormal scale gives.
fn code(quotient: f32) -> u8 {
    if quotient.is_finite() { (half_away(quotient) + 1).clamp(0, 3) as u8 } else { 0 }
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

impl OfOneScale for Block {
    const LAYOUT: Layout = Q2_0;
    const ONE: OneScale<'static> =
        OneScale { levels: &const { steps::<4>(-1) }, grid: Some(ScaleGrid::F16), signed: true };

    fn write(d: f32, places: &[u8], out: &mut [u8]) {
        out[..2].copy_from_slice(&to_half(d));
        pack_neighbours::<4>(places, &mut out[2..]);
    }
}
