//! Q5_K: `d · s · q − dmin · m`, q in 0..32, s and m in 0..64 for each 32 elements.
//!
//! A super-block of 256 is the [header](super::k_scales), 32 bytes of fifth bits (bit k of byte l that of element 32 k + l), and 128
//! bytes as of Q4_K; 5.5 bits a weight.

use super::k_scales::{self, HEADER, LEN};
use super::q4_k::pack;
use crate::block::layout::Layout;
use crate::block::super_block::{Parts, SuperBlock, better_row};
use crate::kernel::{Affine, Levels, Restore, Simd, Sixteen};

const BYTES: usize = 176;
const QS: usize = HEADER + LEN / 8;
const _: () = assert!(BYTES == QS + LEN / 2, "scales, and 256 codes of 5 bits");

pub(crate) const Q5_K: Layout =
    Layout { quantize: Some(quantize), best: Some(best), ..Layout::read::<Block, BYTES, LEN>("q5_k", Some(13)) };

const PLAIN: Affine = Affine { n: 32, limit: 31, first: -0.5, step: 0.1, steps: 15, absolute: false };

struct Block;

fn quantize(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    let out = out.as_chunks_mut::<BYTES>().0;
    k_scales::quantize(x, importance, PLAIN, |i, header, codes| {
        out[i][..HEADER].copy_from_slice(header);
        write_codes(codes, &mut out[i]);
    });
}

fn write_codes(codes: &[u8; LEN], out: &mut [u8]) {
    for (l, high) in out[HEADER..QS].iter_mut().enumerate() {
        *high = (0..8).fold(0, |bits, k| bits | (codes[32 * k + l] >> 4 & 1) << k);
    }
    pack(codes, &mut out[QS..]);
}

impl Restore<BYTES, LEN> for Block {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
        let Some((header, _)) = block.split_first_chunk() else { return };
        let (steps, fifth, bytes) = (k_scales::steps_of(v, header), &block[HEADER..QS], &block[QS..]);
        let Some(fifth) = fifth.first_chunk() else { return };
        let mut fifth = v.pair_of_u8(fifth);
        for (k, (out, bytes)) in out.as_chunks_mut::<64>().0.iter_mut().zip(bytes.as_chunks().0).enumerate() {
            let bytes = v.pair_of_u8(bytes);
            for (i, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                let (scale, min) = (v.all(steps[2 * k + i]), v.all(steps[2 * k + i + 8]));
                for ((both, fifth), out) in bytes.into_iter().zip(&mut fifth).zip(out.as_chunks_mut().0) {
                    let low = if i == 0 { both & v.whole(15) } else { both >> 4 };
                    v.store(scale * v.reals(low | ((*fifth & v.whole(1)) << 4)) - min, out);
                    *fifth >>= 1;
                }
            }
        }
    }
}

const SUPER_BLOCK: SuperBlock =
    SuperBlock { n: 32, levels: Levels::Steps(0, 31), scales: (0, 63), largest_min: 63, read, write };

fn best(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    better_row(&Q5_K, &SUPER_BLOCK, x, importance, out);
}

fn read(block: &[u8], parts: &mut Parts) {
    k_scales::read(block, parts);
    for (i, code) in parts.codes.iter_mut().enumerate() {
        let (k, l) = (i / 32, i % 32);
        *code = block[QS + k / 2 * 32 + l] >> (k % 2 * 4) & 15 | (block[HEADER + l] >> k & 1) << 4;
    }
}

fn write(parts: &Parts, out: &mut [u8]) {
    k_scales::write(parts, out);
    write_codes(&parts.codes, out);
}
