//! Q3_K: `d · (s − 32) · (q − 4)`, q in 0..8, s in 0..64 for each 16 elements.
//!
//! A super-block of 256 is `32 bytes of high bits | 64 bytes of low bits, two a code | 12 bytes of s | d: f16`, 3.4375 bits a weight.
//! High bit j of a byte is that of element 32 j and on. Of s the low nibbles stand in bytes 0–7 (of scales 8–15 in the high half), two
//! high bits of scale k in byte 8 + k mod 4, at bit 2 · (k div 4).

use super::half::{from_half, to_half};
use super::pairs::{pack, unpack};
use super::scalar::{nearest, sum_of_squares};
use crate::block::layout::Layout;
use crate::block::super_block::{Parts, SuperBlock, better_row};
use crate::kernel::{
    self, LANES, Levels, Restore, Signed, SignedOut, Simd, Sixteen, Step, Weights, descent_search, requantize_blocks,
    signed_search,
};

const LEN: usize = 256;
const BYTES: usize = 110;
const QS: usize = LEN / 8;
const SCALES: usize = QS + LEN / 4;
const D: usize = SCALES + 12;
const _: () = assert!(BYTES == D + size_of::<[u8; 2]>(), "256 codes of 3 bits, 16 of 6 bits, and an f16");

pub(crate) const Q3_K: Layout =
    Layout { quantize: Some(quantize), best: Some(best), ..Layout::read::<Block, BYTES, LEN>("q3_k", Some(11)) };

struct Block;

fn quantize(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    let (mut codes, [mut scales, mut sums]) = ([0; LEN], [[0.0; 16]; 2]);
    let mut s = [0; 16];
    for (i, (x, out)) in x.as_chunks::<LEN>().0.iter().zip(out.as_chunks_mut::<BYTES>().0).enumerate() {
        let d = if let Some(w) = importance {
            let variance = [2.0 * sum_of_squares(x) / LEN as f32; 16];
            let w = Weights::Spread(&w[i * LEN..(i + 1) * LEN], &variance);
            let found = SignedOut { codes: &mut codes, scales: &mut scales, sums: &mut sums };
            signed_search(kernel::detect(), x, w, Signed { n: 16, limit: 4 }, found);
            let mut d = [0.0];
            let found = SignedOut { codes: &mut s, scales: &mut d, sums: &mut [] };
            signed_search(kernel::detect(), &scales, Weights::Given(&sums), Signed { n: 16, limit: 32 }, found);
            d[0]
        } else {
            descent_search(kernel::detect(), x, &mut codes, &mut scales);
            of_largest(&scales, &mut s)
        };
        out[SCALES..D].copy_from_slice(&pack_scales(&s));
        out[D..].copy_from_slice(&to_half(d));
        let d = from_half(out, D);
        let mut steps = [Step { scale: 0.0, min: 0.0 }; 16];
        for (step, s) in steps.iter_mut().zip(unpack_scales(&out[SCALES..D])) {
            step.scale = d * s;
        }
        requantize_blocks(kernel::detect(), x, &steps, -4, 3, &mut codes);
        write_codes(&codes, out);
    }
}

fn write_codes(codes: &[u8; LEN], out: &mut [u8]) {
    for (l, high) in out[..QS].iter_mut().enumerate() {
        *high = (0..8).fold(0, |bits, k| bits | (codes[32 * k + l] >> 2 & 1) << k);
    }
    pack(codes, &mut out[QS..SCALES]);
}

fn read_codes(block: &[u8]) -> [u8; LEN] {
    let mut codes = unpack(&block[QS..SCALES]);
    for (k, codes) in codes.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        for (code, high) in codes.iter_mut().zip(block) {
            *code |= (high >> k & 1) << 2;
        }
    }
    codes
}

/// Writes codes of 6 bits, 32 too large, under the scale that makes the largest magnitude −32, and returns that scale. Of zeros all
/// codes are 0, as in ggml.
fn of_largest(x: &[f32; 16], codes: &mut [u8; 16]) -> f32 {
    let max = super::scalar::largest(x);
    if max == 0.0 {
        codes.fill(0);
        return 0.0;
    }
    let inverse = -32.0 / max;
    for (code, x) in codes.iter_mut().zip(x) {
        *code = (i32::from(nearest(inverse * x) as i8).clamp(-32, 31) + 32) as u8;
    }
    1.0 / inverse
}

fn pack_scales(s: &[u8; 16]) -> [u8; 12] {
    let mut bytes = [0; 12];
    for k in 0..16 {
        bytes[k % 8] |= (s[k] & 15) << (4 * (k / 8));
        bytes[8 + k % 4] |= (s[k] >> 4) << (2 * (k / 4));
    }
    bytes
}

/// Returns s − 32.
fn unpack_scales(bytes: &[u8]) -> [f32; 16] {
    let mut scales = [0.0; 16];
    for (k, scale) in scales.iter_mut().enumerate() {
        let low = bytes[k % 8] >> (4 * (k / 8)) & 15;
        let high = bytes[8 + k % 4] >> (2 * (k / 4)) & 3;
        *scale = f32::from(low | high << 4) - 32.0;
    }
    scales
}

/// Returns `d · (s − 32)`.
#[inline(always)]
fn scales_of<S: Simd>(v: Sixteen<S>, d: f32, bytes: &[u8]) -> [f32; LANES] {
    let Some((low, &[a, b, c, e])) = bytes.split_first_chunk() else { return [0.0; LANES] };
    let mut shifts = [0; LANES];
    for (k, shift) in shifts.iter_mut().enumerate() {
        *shift = 8 * (k as u32 % 4) + 2 * (k as u32 / 4);
    }
    let high = v.shifted([u32::from_le_bytes([a, b, c, e]); 2], shifts) & v.whole(3);
    let s = (v.nibbles(*low) & v.whole(15)) | (high << 4);
    (v.all(d) * (v.reals(s) - v.all(32.0))).into()
}

impl Restore<BYTES, LEN> for Block {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
        let d = v.half(block, D);
        let (high, codes, scales) = (&block[..QS], &block[QS..SCALES], scales_of(v, d, &block[SCALES..D]));
        let Some(high) = high.first_chunk() else { return };
        let mut high = v.pair_of_u8(high);
        let halves = out.as_chunks_mut::<128>().0.iter_mut().zip(codes.as_chunks().0);
        for ((out, codes), scales) in halves.zip(scales.as_chunks::<8>().0) {
            let mut bits = v.pair_of_u8(codes);
            for (out, scales) in out.as_chunks_mut::<32>().0.iter_mut().zip(scales.as_chunks::<2>().0) {
                for (l, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
                    let code = (bits[l] & v.whole(3)) | ((high[l] & v.whole(1)) << 2);
                    v.store(v.all(scales[l]) * (v.reals(code) - v.all(4.0)), out);
                    bits[l] >>= 2;
                    high[l] >>= 1;
                }
            }
        }
    }
}

const SUPER_BLOCK: SuperBlock =
    SuperBlock { n: 16, levels: Levels::Steps(-4, 3), scales: (-32, 31), largest_min: 0, read, write };

fn best(x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
    better_row(&Q3_K, &SUPER_BLOCK, x, importance, out);
}

fn read(block: &[u8], parts: &mut Parts) {
    parts.d = from_half(block, D);
    for (scale, s) in parts.scales.iter_mut().zip(unpack_scales(&block[SCALES..D])) {
        *scale = s as i32;
    }
    parts.codes = read_codes(block);
}

fn write(parts: &Parts, out: &mut [u8]) {
    out[SCALES..D].copy_from_slice(&pack_scales(&parts.scales.map(|s| (s + 32) as u8)));
    out[D..].copy_from_slice(&to_half(parts.d));
    write_codes(&parts.codes, out);
}
