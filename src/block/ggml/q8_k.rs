//! Q8_K: `d · q`, q in −127..=127, d an f32. A block of 256 is `d: f32 | 256 codes: i8 | 16 sums of 16 codes: i16`, 9.125 bits a
//! weight. It is a format of activations: no file holds it.
//!
//! d is the element of largest magnitude, with its sign, divided by −127; halves go to the even code.

use super::scalar::{largest, nearest};
use crate::block::layout::Layout;
use crate::kernel::{Restore, Simd, Sixteen, each_block};

const LEN: usize = 256;
const BYTES: usize = 292;
const QS: usize = size_of::<f32>();
const SUMS: usize = QS + LEN;
const _: () = assert!(BYTES == SUMS + size_of::<[i16; LEN / 16]>(), "an f32 scale, 256 codes and 16 sums");

pub(crate) const Q8_K: Layout =
    Layout { quantize: Some(quantize), ..Layout::read::<Block, BYTES, LEN>("q8_k", Some(15)) };

struct Block;

fn quantize(x: &[f32], _importance: Option<&[f32]>, out: &mut [u8]) {
    each_block(x, out, block);
}

fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
    let max = largest(x);
    if max == 0.0 {
        out.fill(0);
        return;
    }
    let inverse = -127.0 / max;
    out[..QS].copy_from_slice(&(1.0 / inverse).to_le_bytes());
    for (code, x) in out[QS..SUMS].iter_mut().zip(x) {
        *code = nearest(inverse * x).min(127) as u8;
    }
    let (codes, sums) = out[QS..].split_at_mut(LEN);
    for (sum, codes) in sums.as_chunks_mut::<2>().0.iter_mut().zip(codes.as_chunks::<16>().0) {
        *sum = codes.iter().map(|&q| i16::from(q as i8)).sum::<i16>().to_le_bytes();
    }
}

impl Restore<BYTES, LEN> for Block {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
        let d = v.all(f32::from_le_bytes([block[0], block[1], block[2], block[3]]));
        for (out, codes) in out.as_chunks_mut().0.iter_mut().zip(block[QS..SUMS].as_chunks().0) {
            v.store(d * v.reals(v.of_i8(codes)), out);
        }
    }
}
