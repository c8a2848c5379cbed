//! IQ1_S and IQ1_M: eight weights at a time are a point of a lattice of −1, 0, 1, moved by an eighth up or down; only read here.
//!
//! | type | super-block of 256, bytes | layout | bits a weight |
//! | --- | --- | --- | --- |
//! | IQ1_S | 50 | d: f16, 32 low bytes of points, of each 32 weights a u16: 4 × 3 high bits, scale 3 bits, sign of the move | 1.5625 |
//! | IQ1_M | 56 | 32 low bytes of points, 16 bytes of two times 3 high bits and a sign, four u16: of each 64 weights four scales of 3 bits; their high nibbles are d: f16 | 1.75 |
//!
//! A weight is `d · (2 s + 1) · (point ± ⅛)`.

use super::grids::IQ1 as POINTS;
use super::lattice::write_moved;
use crate::block::layout::Layout;
use crate::kernel::{self, Restore, Simd, Sixteen, restore_blocks};
use crate::num::f16_bits_to_f32;

const LEN: usize = 256;
const _: () = assert!(50 == 2 + LEN / 8 + LEN / 32 * 2 && 56 == LEN / 8 + LEN / 16 + LEN / 64 * 2);

pub(crate) const IQ1_S: Layout =
    Layout { name: "iq1_s", len: LEN, bytes: 50, id: Some(19), quantize: None, dequantize: s, best: None };
pub(crate) const IQ1_M: Layout =
    Layout { name: "iq1_m", len: LEN, bytes: 56, id: Some(29), quantize: None, dequantize: m, best: None };

struct Small;

impl Restore<50, LEN> for Small {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; 50], out: &mut [f32; LEN]) {
        let d = v.half(block, 0);
        let (low, high) = block[2..].split_at(32);
        for (k, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
            let high = u16::from_le_bytes([high[k / 2 * 2], high[k / 2 * 2 + 1]]);
            let point = |k: usize| u32::from(POINTS[usize::from(u16::from(low[k]) | (high >> (3 * (k % 4)) & 7) << 8)]);
            let scale = d * f32::from(2 * (high >> 12 & 7) + 1);
            write_moved(v, out, scale, [point(2 * k), point(2 * k + 1)], [high >> 15 == 1; 2]);
        }
    }
}

fn s(bytes: &[u8], out: &mut [f32]) {
    restore_blocks::<Small, 50, LEN>(kernel::detect(), bytes, out);
}

struct Medium;

impl Restore<56, LEN> for Medium {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; 56], out: &mut [f32; LEN]) {
        let (low, high) = (&block[..32], &block[32..48]);
        let mut scales = [0_u16; 4];
        for (scale, bytes) in scales.iter_mut().zip(block[48..].as_chunks::<2>().0) {
            *scale = u16::from_le_bytes(*bytes);
        }
        let d = scales.iter().enumerate().fold(0, |d, (i, scale)| d | (scale >> 12) << (4 * i));
        let d = f16_bits_to_f32(d);
        for (k, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
            let (first, second) = (high[k] & 15, high[k] >> 4);
            let point = |low: u8, high: u8| u32::from(POINTS[usize::from(low) | usize::from(high & 7) << 8]);
            let scale = d * f32::from(2 * (scales[k / 4] >> (k % 4 * 3) & 7) + 1);
            let points = [point(low[2 * k], first), point(low[2 * k + 1], second)];
            write_moved(v, out, scale, points, [first & 8 != 0, second & 8 != 0]);
        }
    }
}

fn m(bytes: &[u8], out: &mut [f32]) {
    restore_blocks::<Medium, 56, LEN>(kernel::detect(), bytes, out);
}
