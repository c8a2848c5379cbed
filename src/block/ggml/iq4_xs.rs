//! IQ4_XS: `d · (s − 32) · v[q]`, the values of IQ4_NL, s in 0..64 for each 32 elements.
//!
//! A super-block of 256 is `d: f16 | high bits of s: u16, two each | 4 bytes of low nibbles of s | 128 bytes of nibbles`, 4.25 bits a
//! weight.

use super::half::{from_half, to_half};
use super::iq4_nl::{VALUES, levels};
use super::nibbles::{Bits, get, pack, unpack};
use super::scalar::{largest, nearest, reciprocal, sum_of_squares};
use crate::block::layout::Layout;
use crate::block::super_block::{Parts, SuperBlock, better_row};
use crate::kernel::{self, LANES, Levels, Restore, Simd, Sixteen, TableSearch, Weights, table_codes, table_search};

const LEN: usize = 256;
const BYTES: usize = 136;
const LOW: usize = 4;
const QS: usize = LOW + 4;
const _: () = assert!(BYTES == QS + LEN / 2, "an f16 scale, 8 of 6 bits, and 256 nibbles");

pub(crate) const IQ4_XS: Layout =
    Layout { quantize: Some(quantize), best: Some(best), ..Layout::read::<Block, BYTES, LEN>("iq4_xs", Some(23)) };

/// Super-blocks that are searched together: their sub-blocks fill the lanes of a vector.
const TOGETHER: usize = 2;

struct Block;

fn quantize(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    let table = TableSearch { values: &VALUES, tries: 7 };
    let (mut codes, mut scales) = ([0; TOGETHER * LEN], [0.0; 8 * TOGETHER]);
    let blocks = x.chunks(TOGETHER * LEN).zip(out.as_chunks_mut::<BYTES>().0.chunks_mut(TOGETHER));
    for (i, (x, out)) in blocks.enumerate() {
        let (codes, scales) = (&mut codes[..x.len()], &mut scales[..x.len() / 32]);
        let mut variances = [0.0; 8 * TOGETHER];
        let weights = match importance {
            Some(w) => {
                for (variances, x) in variances.chunks_mut(8).zip(x.as_chunks::<LEN>().0) {
                    variances.fill(sum_of_squares(x) * (2.0 / LEN as f32));
                }
                let start = i * TOGETHER * LEN;
                Weights::Spread(&w[start..start + x.len()], &variances[..x.len() / 32])
            }
            None => Weights::Squares,
        };
        table_search(kernel::detect(), x, weights, table, codes, scales);
        let mut inverses = [0.0; 8 * TOGETHER];
        for ((out, scales), inverses) in out.iter_mut().zip(scales.chunks(8)).zip(inverses.chunks_mut(8)) {
            let d = -largest(scales) / 32.0;
            out[..2].copy_from_slice(&to_half(d));
            let inverse = reciprocal(d);
            let mut s = [0; 8];
            for ((s, scale), own) in s.iter_mut().zip(scales).zip(inverses) {
                *s = nearest(inverse * scale).clamp(-32, 31);
                *own = reciprocal(d * *s as f32);
            }
            write_scales(&s, out);
        }
        table_codes(kernel::detect(), x, &inverses[..x.len() / 32], &VALUES, codes);
        for (out, codes) in out.iter_mut().zip(codes.as_chunks::<LEN>().0) {
            write_codes(codes, out);
        }
    }
}

fn write_scales(scales: &[i32], out: &mut [u8]) {
    let (mut high, mut low) = (0_u16, [0; 4]);
    for (k, s) in scales.iter().take(8).enumerate() {
        let s = (s + 32) as u8;
        low[k / 2] |= (s & 15) << (4 * (k % 2));
        high |= u16::from(s >> 4) << (2 * k);
    }
    out[2..LOW].copy_from_slice(&high.to_le_bytes());
    out[LOW..QS].copy_from_slice(&low);
}

fn write_codes(codes: &[u8; LEN], out: &mut [u8]) {
    for (out, codes) in out[QS..].as_chunks_mut::<16>().0.iter_mut().zip(codes.as_chunks::<32>().0) {
        pack(Bits::Four, codes, out);
    }
}

/// Returns s − 32 of a sub-block.
fn scale(block: &[u8], k: usize) -> i32 {
    let high = u16::from_le_bytes([block[2], block[3]]);
    let s = block[LOW + k / 2] >> (4 * (k % 2)) & 15 | ((high >> (2 * k) & 3) << 4) as u8;
    i32::from(s) - 32
}

impl Restore<BYTES, LEN> for Block {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
        let d = v.half(block, 0);
        let high = v.fields([u32::from(u16::from_le_bytes([block[2], block[3]])); 2], 2) & v.whole(3);
        let low = v.fields([u32::from_le_bytes([block[4], block[5], block[6], block[7]]); 2], 4) & v.whole(15);
        let scales: [f32; LANES] = (v.all(d) * v.reals((low | (high << 4)) - v.whole(32))).into();
        for (k, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
            let values = v.load(&const { levels() }) * v.all(scales[k]);
            for (out, places) in out.as_chunks_mut().0.iter_mut().zip(get(v, Bits::Four, &block[QS + 16 * k..])) {
                v.store(v.lookup(values, places), out);
            }
        }
    }
}

const SUPER_BLOCK: SuperBlock =
    SuperBlock { n: 32, levels: Levels::Table(&VALUES), scales: (-32, 31), largest_min: 0, read, write };

fn best(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    better_row(&IQ4_XS, &SUPER_BLOCK, x, importance, out);
}

fn read(block: &[u8], parts: &mut Parts) {
    parts.d = from_half(block, 0);
    for k in 0..8 {
        parts.scales[k] = scale(block, k);
        parts.codes[32 * k..32 * k + 32].copy_from_slice(&unpack(&block[QS + 16 * k..]));
    }
}

fn write(parts: &Parts, out: &mut [u8]) {
    out[..2].copy_from_slice(&to_half(parts.d));
    write_scales(&parts.scales, out);
    write_codes(&parts.codes, out);
}
