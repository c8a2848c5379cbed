//! TQ2_0: `d · t`, t in −1, 0, 1. A block of 256 is `64 bytes of 2-bit codes t + 1 | d: f16`, 2.0625 bits a weight.
//!
//! Of each half of 128, byte m has elements m, m + 32, m + 64 and m + 96, the first in the low bits. d is the largest magnitude.

use super::half::to_half;
use super::pairs::pack;
use super::scalar::{half_away, largest_magnitude, reciprocal};
use super::scales::Scales;
use crate::block::layout::Layout;
use crate::block::one_scale::{OfOneScale, OneScale, best_row, steps};
use crate::block::scale_grid::ScaleGrid;
use crate::kernel::{Restore, Simd, Sixteen, Write};

const LEN: usize = 256;
const BYTES: usize = 66;
const D: usize = LEN / 4;
const _: () = assert!(BYTES == D + size_of::<[u8; 2]>(), "256 codes of 2 bits and an f16 scale");

pub(crate) const TQ2_0: Layout =
    Layout { best: Some(best_row::<Block>), ..Layout::written::<Block, BYTES, LEN>("tq2_0", Some(35)) };

struct Block;

impl Write<LEN, BYTES> for Block {
    #[inline(always)]
    fn sixteen<S: Simd>(v: Sixteen<S>, x: &[[f32; LEN]], out: &mut [[u8; BYTES]]) -> bool {
        let Some(scales) = Scales::of_largest(v, x, 1.0) else { return false };
        for (k, (x, out)) in x.iter().zip(out).enumerate() {
            let mut codes = [0; LEN];
            for (x, codes) in x.as_chunks().0.iter().zip(codes.as_chunks_mut().0) {
                *codes = v.bytes(scales.code(v, k, x) + v.whole(1));
            }
            pack(&codes, &mut out[..D]);
            out[D..].copy_from_slice(&scales.halves[k].to_le_bytes());
        }
        true
    }

    fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
        let d = largest_magnitude(x);
        let inverse = reciprocal(d);
        Self::write(d, &x.map(|x| (half_away(x * inverse) + 1) as u8), out);
    }
}

impl Restore<BYTES, LEN> for Block {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
        let d = v.all_half(block, D);
        for (out, bytes) in out.as_chunks_mut::<128>().0.iter_mut().zip(block.as_chunks().0) {
            let mut bits = v.pair_of_u8(bytes);
            for out in out.as_chunks_mut::<32>().0 {
                for (bits, out) in bits.iter_mut().zip(out.as_chunks_mut().0) {
                    v.store((v.reals(*bits & v.whole(3)) - v.all(1.0)) * d, out);
                    *bits >>= 2;
                }
            }
        }
    }
}

impl OfOneScale for Block {
    const LAYOUT: Layout = TQ2_0;
    const ONE: OneScale<'static> =
        OneScale { levels: &const { steps::<3>(-1) }, grid: Some(ScaleGrid::F16), signed: false };

    fn write(d: f32, places: &[u8], out: &mut [u8]) {
        pack(places, &mut out[..D]);
        out[D..].copy_from_slice(&to_half(d));
    }
}
