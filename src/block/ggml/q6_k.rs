//! Q6_K: `d · s · (q − 32)`, q in 0..64, s an i8 for each 16 elements.
//!
//! A super-block of 256 is `128 bytes of low nibbles | 64 bytes of high bits | 16 of s: i8 | d: f16`, 6.5625 bits a weight. Of each half
//! of 128, low nibbles of elements l and l + 64 stand in byte l, of l + 32 and l + 96 in byte l + 32; the high bits of all four in byte
//! l. An error counts x², or the importance, times its square.

use super::half::{from_half, to_half};
use super::scalar::{largest, nearest};
use crate::block::layout::Layout;
use crate::block::super_block::{Parts, SuperBlock, better_row};
use crate::kernel::{
    self, LANES, Levels, Restore, Signed, SignedOut, Simd, Sixteen, Step, Weights, requantize_blocks, signed_search,
};

const LEN: usize = 256;
const BYTES: usize = 210;
const HIGH: usize = LEN / 2;
const SCALES: usize = HIGH + LEN / 4;
const D: usize = SCALES + 16;
const _: () = assert!(BYTES == D + size_of::<[u8; 2]>(), "256 codes of 6 bits, 16 scales and an f16");

pub(crate) const Q6_K: Layout =
    Layout { quantize: Some(quantize), best: Some(best), ..Layout::read::<Block, BYTES, LEN>("q6_k", Some(14)) };

struct Block;

fn quantize(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    let (mut codes, mut scales) = ([0; LEN], [0.0; 16]);
    for (i, (x, out)) in x.as_chunks::<LEN>().0.iter().zip(out.as_chunks_mut::<BYTES>().0).enumerate() {
        let w = importance.map_or(Weights::Squares, |w| Weights::Given(&w[i * LEN..(i + 1) * LEN]));
        let found = SignedOut { codes: &mut codes, scales: &mut scales, sums: &mut [] };
        signed_search(kernel::detect(), x, w, Signed { n: 16, limit: 32 }, found);
        let max = largest(&scales);
        if max.abs() < 1e-15 {
            out.fill(0);
            continue;
        }
        let inverse = -128.0 / max;
        out[D..].copy_from_slice(&to_half(1.0 / inverse));
        let d = from_half(out, D);
        let mut steps = [Step { scale: 0.0, min: 0.0 }; 16];
        for ((s, scale), step) in out[SCALES..D].iter_mut().zip(scales).zip(&mut steps) {
            let code = nearest(inverse * scale).min(127) as i8;
            *s = code as u8;
            step.scale = d * f32::from(code);
        }
        requantize_blocks(kernel::detect(), x, &steps, -32, 31, &mut codes);
        pack(&codes, out);
    }
}

fn pack(codes: &[u8; LEN], out: &mut [u8]) {
    let (low, high) = out.split_at_mut(HIGH);
    let halves = low.as_chunks_mut::<64>().0.iter_mut().zip(high.as_chunks_mut::<32>().0);
    for ((low, high), codes) in halves.zip(codes.as_chunks::<128>().0) {
        for l in 0..32 {
            let [a, b, c, d] = [codes[l], codes[l + 32], codes[l + 64], codes[l + 96]];
            low[l] = a & 15 | c << 4;
            low[l + 32] = b & 15 | d << 4;
            high[l] = a >> 4 | b >> 4 << 2 | c >> 4 << 4 | d >> 4 << 6;
        }
    }
}

fn unpack(block: &[u8]) -> [u8; LEN] {
    let (low, high) = block.split_at(HIGH);
    let mut codes = [0; LEN];
    let halves = low.as_chunks::<64>().0.iter().zip(high.as_chunks::<32>().0);
    for ((low, high), codes) in halves.zip(codes.as_chunks_mut::<128>().0) {
        for l in 0..32 {
            codes[l] = low[l] & 15 | (high[l] & 3) << 4;
            codes[l + 32] = low[l + 32] & 15 | (high[l] >> 2 & 3) << 4;
            codes[l + 64] = low[l] >> 4 | (high[l] >> 4 & 3) << 4;
            codes[l + 96] = low[l + 32] >> 4 | high[l] >> 6 << 4;
        }
    }
    codes
}

impl Restore<BYTES, LEN> for Block {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
        let d = v.half(block, D);
        let (low, rest) = block.split_at(HIGH);
        let (high, scales) = rest.split_at(LEN / 4);
        let Some(scales) = scales.first_chunk() else { return };
        let scales: [f32; LANES] = (v.all(d) * v.reals(v.of_i8(scales))).into();
        for (half, out) in out.as_chunks_mut::<128>().0.iter_mut().enumerate() {
            let (low, high) = (&low.as_chunks().0[2 * half..], &high.as_chunks().0[half]);
            let (low, high) = ([v.pair_of_u8(&low[0]), v.pair_of_u8(&low[1])], v.pair_of_u8(high));
            let (fifteen, upper) = (v.whole(15), v.whole(0x30));
            for (k, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                for (l, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
                    let (low, high) = (low[k % 2][l], high[l]);
                    let code = match k {
                        0 => (low & fifteen) | ((high << 4) & upper),
                        1 => (low & fifteen) | ((high << 2) & upper),
                        2 => (low >> 4) | (high & upper),
                        _ => (low >> 4) | ((high >> 2) & upper),
                    };
                    let scale = v.all(scales[8 * half + 2 * k + l]);
                    v.store(scale * (v.reals(code) - v.all(32.0)), out);
                }
            }
        }
    }
}

const SUPER_BLOCK: SuperBlock =
    SuperBlock { n: 16, levels: Levels::Steps(-32, 31), scales: (-128, 127), largest_min: 0, read, write };

fn best(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    better_row(&Q6_K, &SUPER_BLOCK, x, importance, out);
}

fn read(block: &[u8], parts: &mut Parts) {
    parts.d = from_half(block, D);
    for (scale, s) in parts.scales.iter_mut().zip(&block[SCALES..D]) {
        *scale = i32::from(*s as i8);
    }
    parts.codes = unpack(block);
}

fn write(parts: &Parts, out: &mut [u8]) {
    for (out, s) in out[SCALES..D].iter_mut().zip(parts.scales) {
        *out = s as u8;
    }
    out[D..].copy_from_slice(&to_half(parts.d));
    pack(&parts.codes, out);
}
