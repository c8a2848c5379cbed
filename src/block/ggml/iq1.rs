//! IQ1_S and IQ1_M: eight weights at a time are a point of a lattice of −1, 0, 1, moved by an eighth up or down; only read here.
//!
//! | type | super-block of 256, bytes | layout | bits a weight |
//! | --- | --- | --- | --- |
//! | IQ1_S | 50 | d: f16, 32 low bytes of points, of each 32 weights a u16: 4 × 3 high bits, scale 3 bits, sign of the move | 1.5625 |
//! | IQ1_M | 56 | 32 low bytes of points, 16 bytes of two times 3 high bits and a sign, four u16: of each 64 weights four scales of 3 bits; their high nibbles are d: f16 | 1.75 |
//!
//! A weight is `d · (2 s + 1) · (point ± ⅛)`.

use super::grids_2;
use super::half::from_half;
use super::lattice::of_trits;
use crate::block::layout::Layout;
use crate::num::f16_bits_to_f32;

const LEN: usize = 256;
const _: () = assert!(50 == 2 + LEN / 8 + LEN / 32 * 2 && 56 == LEN / 8 + LEN / 16 + LEN / 64 * 2);
const MOVE: f32 = 0.125;

pub(crate) const IQ1_S: Layout =
    Layout { name: "iq1_s", len: LEN, bytes: 50, id: Some(19), quantize: None, dequantize: s, best: None };
pub(crate) const IQ1_M: Layout =
    Layout { name: "iq1_m", len: LEN, bytes: 56, id: Some(29), quantize: None, dequantize: m, best: None };

fn write(out: &mut [f32; 8], scale: f32, point: u16, down: bool) {
    let moved = if down { -MOVE } else { MOVE };
    for (out, value) in out.iter_mut().zip(of_trits(grids_2::IQ1[usize::from(point)])) {
        *out = scale * (value + moved);
    }
}

fn s(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.as_chunks::<50>().0.iter().zip(out.as_chunks_mut::<LEN>().0) {
        let d = from_half(block, 0);
        let (low, high) = block[2..].split_at(32);
        for (k, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let high = u16::from_le_bytes([high[k / 4 * 2], high[k / 4 * 2 + 1]]);
            let point = u16::from(low[k]) | (high >> (3 * (k % 4)) & 7) << 8;
            write(out, d * f32::from(2 * (high >> 12 & 7) + 1), point, high >> 15 == 1);
        }
    }
}

fn m(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.as_chunks::<56>().0.iter().zip(out.as_chunks_mut::<LEN>().0) {
        let (low, high) = (&block[..32], &block[32..48]);
        let mut scales = [0_u16; 4];
        for (scale, bytes) in scales.iter_mut().zip(block[48..].as_chunks::<2>().0) {
            *scale = u16::from_le_bytes(*bytes);
        }
        let d = scales.iter().enumerate().fold(0, |d, (i, scale)| d | (scale >> 12) << (4 * i));
        let d = f16_bits_to_f32(d);
        for (k, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let high = high[k / 2] >> (k % 2 * 4);
            let scale = scales[k / 8] >> (k / 2 % 4 * 3) & 7;
            write(out, d * f32::from(2 * scale + 1), u16::from(low[k]) | u16::from(high & 7) << 8, high & 8 != 0);
        }
    }
}
