//! Q4_K: `d · s · q − dmin · m`, q in 0..16, s and m in 0..64 for each 32 elements.
//!
//! A super-block of 256 is the [header](super::k_scales) and 128 bytes: of each 64 elements byte l has element l low and l + 32 high;
//! 4.5 bits a weight.

use super::k_scales::{self, HEADER, LEN};
use crate::block::layout::Layout;
use crate::block::super_block::{Parts, SuperBlock, better_row};
use crate::kernel::{Affine, LANES, Levels, Restore, Simd, Sixteen};

const BYTES: usize = 144;
const _: () = assert!(BYTES == HEADER + LEN / 2, "scales, and 256 codes of 4 bits");

pub(crate) const Q4_K: Layout =
    Layout { quantize: Some(quantize), best: Some(best), ..Layout::read::<Block, BYTES, LEN>("q4_k", Some(12)) };

const PLAIN: Affine = Affine { n: 32, limit: 15, first: -1.0, step: 0.1, steps: 20, absolute: false };

/// Writes the low nibbles of 256 codes.
pub(super) fn pack(codes: &[u8; LEN], out: &mut [u8]) {
    for (out, codes) in out.as_chunks_mut::<32>().0.iter_mut().zip(codes.as_chunks::<64>().0) {
        for (l, out) in out.iter_mut().enumerate() {
            *out = codes[l] & 15 | codes[l + 32] << 4;
        }
    }
}

/// The codes, in order.
const CODES: [f32; LANES] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];

struct Block;

fn quantize(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    let out = out.as_chunks_mut::<BYTES>().0;
    k_scales::quantize(x, importance, PLAIN, |i, header, codes| {
        out[i][..HEADER].copy_from_slice(header);
        pack(codes, &mut out[i][HEADER..]);
    });
}

impl Restore<BYTES, LEN> for Block {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
        let Some((header, bytes)) = block.split_first_chunk() else { return };
        let steps = k_scales::steps_of(v, header);
        let fifteen = v.whole(15);
        for (k, (out, bytes)) in out.as_chunks_mut::<64>().0.iter_mut().zip(bytes.as_chunks::<32>().0).enumerate() {
            let bytes = v.pair_of_u8(bytes);
            for (i, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                let (scale, min) = (v.all(steps[2 * k + i]), v.all(steps[2 * k + i + 8]));
                let list = scale * v.load(&CODES) - min;
                for (both, out) in bytes.into_iter().zip(out.as_chunks_mut().0) {
                    let codes = if i == 0 { both } else { both >> 4 };
                    v.store(
                        if Sixteen::<S>::LOOKS_UP {
                            v.lookup(list, codes)
                        } else {
                            scale * v.reals(codes & fifteen) - min
                        },
                        out,
                    );
                }
            }
        }
    }
}

const SUPER_BLOCK: SuperBlock =
    SuperBlock { n: 32, levels: Levels::Steps(0, 15), scales: (0, 63), largest_min: 63, read, write };

fn best(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    better_row(&Q4_K, &SUPER_BLOCK, x, importance, out);
}

fn read(block: &[u8], parts: &mut Parts) {
    k_scales::read(block, parts);
    for (codes, bytes) in parts.codes.as_chunks_mut::<64>().0.iter_mut().zip(block[HEADER..].as_chunks::<32>().0) {
        for (l, byte) in bytes.iter().enumerate() {
            (codes[l], codes[l + 32]) = (byte & 15, byte >> 4);
        }
    }
}

fn write(parts: &Parts, out: &mut [u8]) {
    k_scales::write(parts, out);
    pack(&parts.codes, &mut out[HEADER..]);
}
