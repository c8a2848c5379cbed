//! Q1_0: `±d`, one bit a weight. A block of 128 is `d: f16 | 128 bits`, 1.125 bits a weight; d is the mean magnitude, a set bit is
//! `+d`, and stands for x ≥ 0. An importance changes nothing.

use super::half::to_half;
use super::pairs::pack_neighbours;
use crate::block::layout::Layout;
use crate::block::one_scale::{OfOneScale, OneScale, best_row};
use crate::block::scale_grid::ScaleGrid;
use crate::kernel::{Restore, Simd, Sixteen, each_block};

const LEN: usize = 128;
const BYTES: usize = 18;
const _: () = assert!(BYTES == size_of::<[u8; 2]>() + LEN / 8, "an f16 scale and 128 bits");

pub(crate) const Q1_0: Layout = Layout {
    quantize: Some(quantize),
    best: Some(best_row::<Block>),
    ..Layout::read::<Block, BYTES, LEN>("q1_0", Some(41))
};

struct Block;

fn quantize(x: &[f32], _importance: Option<&[f32]>, out: &mut [u8]) {
    each_block(x, out, block);
}

fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
    let sum = x.iter().fold(0.0_f32, |sum, x| sum + x.abs());
    out[..2].copy_from_slice(&to_half(sum / LEN as f32));
    for (out, x) in out[2..].iter_mut().zip(x.as_chunks::<8>().0) {
        *out = x.iter().rev().fold(0, |bits, &x| bits << 1 | u8::from(x >= 0.0));
    }
}

impl Restore<BYTES, LEN> for Block {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
        let d = v.half(block, 0);
        let (set, clear) = (v.bits(v.all(d)), v.bits(v.all(-d)));
        for (out, bytes) in out.as_chunks_mut().0.iter_mut().zip(block[2..].as_chunks().0) {
            v.store(v.of_bits(v.choose(u16::from_le_bytes(*bytes), set, clear)), out);
        }
    }
}

impl OfOneScale for Block {
    const LAYOUT: Layout = Q1_0;
    const ONE: OneScale<'static> = OneScale { levels: &[-1.0, 1.0], grid: Some(ScaleGrid::F16), signed: false };

    fn write(d: f32, places: &[u8], out: &mut [u8]) {
        out[..2].copy_from_slice(&to_half(d));
        pack_neighbours::<8>(places, &mut out[2..]);
    }
}
