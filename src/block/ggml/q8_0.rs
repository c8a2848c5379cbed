//! Q8_0: `d · q`, q in −127..=127. A block of 32 is `d: f16 | 32 codes: i8`, 8.5 bits a weight.
//!
//! d is the largest magnitude divided by 127; codes are rounded with halves away from zero, as in files (llama.cpp's path for
//! activations rounds halves to even). An importance changes nothing.

use super::half::to_half;
use super::scalar::{half_away, largest_magnitude, reciprocal};
use super::scales::Scales;
use crate::block::layout::Layout;
use crate::block::one_scale::{OfOneScale, OneScale, best_row, steps};
use crate::block::scale_grid::ScaleGrid;
use crate::kernel::{Restore, Simd, Sixteen, Write};

const LEN: usize = 32;
const QS: usize = size_of::<[u8; 2]>();
const BYTES: usize = 34;
const _: () = assert!(BYTES == QS + size_of::<[i8; LEN]>(), "an f16 scale and 32 codes");

pub(crate) const Q8_0: Layout =
    Layout { best: Some(best_row::<Block>), ..Layout::written::<Block, BYTES, LEN>("q8_0", Some(8)) };

struct Block;

impl Write<LEN, BYTES> for Block {
    #[inline(always)]
    fn sixteen<S: Simd>(v: Sixteen<S>, x: &[[f32; LEN]], out: &mut [[u8; BYTES]]) -> bool {
        let Some(scales) = Scales::of_bytes(v, x) else { return false };
        for (k, (x, out)) in x.iter().zip(out).enumerate() {
            out[..QS].copy_from_slice(&scales.halves[k].to_le_bytes());
            scales.codes(v, k, x, &mut out[QS..]);
        }
        true
    }

    fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
        let d = largest_magnitude(x) / 127.0;
        let inverse = reciprocal(d);
        out[..2].copy_from_slice(&to_half(d));
        for (code, x) in out[2..].iter_mut().zip(x) {
            *code = half_away(x * inverse) as u8;
        }
    }
}

impl Restore<BYTES, LEN> for Block {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
        let d = v.all_half(block, 0);
        for (out, codes) in out.as_chunks_mut().0.iter_mut().zip(block[QS..].as_chunks().0) {
            v.store(v.reals(v.of_i8(codes)) * d, out);
        }
    }
}

impl OfOneScale for Block {
    const LAYOUT: Layout = Q8_0;
    const ONE: OneScale<'static> =
        OneScale { levels: &const { steps::<256>(-128) }, grid: Some(ScaleGrid::F16), signed: true };

    fn write(d: f32, places: &[u8], out: &mut [u8]) {
        out[..QS].copy_from_slice(&to_half(d));
        out[QS..].iter_mut().zip(places).for_each(|(code, place)| *code = place ^ 0x80);
    }
}
