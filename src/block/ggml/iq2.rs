//! IQ2_XXS, IQ2_XS, IQ2_S: eight weights at a time are a point of a lattice, signs, and a scale of 4 bits; only read here.
//!
//! | type | super-block of 256, bytes | layout | bits a weight |
//! | --- | --- | --- | --- |
//! | IQ2_XXS | 66 | d: f16, of each 32 weights four bytes of points and a u32: signs 4 × 7 bits, scale 4 bits | 2.0625 |
//! | IQ2_XS | 74 | d: f16, of each 8 a u16: point 9 bits, signs 7 bits; 8 bytes, of each 32 two scales | 2.3125 |
//! | IQ2_S | 82 | d: f16, 32 low bytes of points, 32 bytes of signs, 8 bytes of 2 high bits each, 8 bytes of scales | 2.5625 |
//!
//! A weight is `d · (s + ½) / 4 · point · sign`. In the first two the number of negative signs of eight is even.

use super::grids_2;
use super::half::from_half;
use super::lattice::{even_signs, of_two_bits, write_signed};
use crate::block::layout::Layout;

const LEN: usize = 256;
const _: () = assert!(66 == 2 + LEN / 8 * 2 && 74 == 2 + LEN / 8 * 2 + 8 && 82 == 2 + LEN / 8 * 2 + 8 + 8);

pub(crate) const IQ2_XXS: Layout =
    Layout { name: "iq2_xxs", len: LEN, bytes: 66, id: Some(16), quantize: None, dequantize: xxs, best: None };
pub(crate) const IQ2_XS: Layout =
    Layout { name: "iq2_xs", len: LEN, bytes: 74, id: Some(17), quantize: None, dequantize: xs, best: None };
pub(crate) const IQ2_S: Layout =
    Layout { name: "iq2_s", len: LEN, bytes: 82, id: Some(22), quantize: None, dequantize: s, best: None };

/// Returns `d · (s + ½) / 4`.
fn scale(d: f32, s: u32) -> f32 {
    d * (0.5 + s as f32) * 0.25
}

fn xxs(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.as_chunks::<66>().0.iter().zip(out.as_chunks_mut::<LEN>().0) {
        let d = from_half(block, 0);
        for (part, out) in block[2..].as_chunks::<8>().0.iter().zip(out.as_chunks_mut::<32>().0) {
            let signs = u32::from_le_bytes([part[4], part[5], part[6], part[7]]);
            for (l, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
                let values = of_two_bits(grids_2::IQ2_XXS[usize::from(part[l])]);
                write_signed(out, scale(d, signs >> 28), values, even_signs(signs >> (7 * l)));
            }
        }
    }
}

fn xs(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.as_chunks::<74>().0.iter().zip(out.as_chunks_mut::<LEN>().0) {
        let d = from_half(block, 0);
        let (points, scales) = block[2..].split_at(64);
        for (k, (out, point)) in out.as_chunks_mut::<8>().0.iter_mut().zip(points.as_chunks::<2>().0).enumerate() {
            let point = u16::from_le_bytes(*point);
            let s = scales[k / 4] >> (k % 4 / 2 * 4) & 15;
            let values = of_two_bits(grids_2::IQ2_XS[usize::from(point & 511)]);
            write_signed(out, scale(d, s.into()), values, even_signs(u32::from(point >> 9)));
        }
    }
}

fn s(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.as_chunks::<82>().0.iter().zip(out.as_chunks_mut::<LEN>().0) {
        let d = from_half(block, 0);
        let (low, signs, high, scales) = (&block[2..34], &block[34..66], &block[66..74], &block[74..]);
        for (k, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let point = usize::from(low[k]) | usize::from(high[k / 4] >> (k % 4 * 2) & 3) << 8;
            let s = scales[k / 4] >> (k % 4 / 2 * 4) & 15;
            write_signed(out, scale(d, s.into()), of_two_bits(grids_2::IQ2_S[point]), signs[k]);
        }
    }
}
