//! IQ3_XXS and IQ3_S: four weights at a time are a point of a lattice, with signs and a scale of 4 bits; only read here.
//!
//! | type | super-block of 256, bytes | layout; value | bits a weight |
//! | --- | --- | --- | --- |
//! | IQ3_XXS | 98 | d: f16, 64 bytes of points, of each 32 weights a u32: signs 4 × 7 bits, scale 4 bits; `d · (s + ½) / 2 · point` | 3.0625 |
//! | IQ3_S | 110 | d: f16, 64 low bytes of points, 8 bytes of high bits, 32 bytes of signs, 4 bytes of scales; `d · (2 s + 1) · point` | 3.4375 |

use super::grids_3;
use super::half::from_half;
use super::lattice::{even_signs, of_three_bits, write_signed};
use crate::block::layout::Layout;

const LEN: usize = 256;
const _: () = assert!(98 == 2 + LEN / 4 + LEN / 32 * 4 && 110 == 2 + LEN / 4 + LEN / 32 + LEN / 8 + LEN / 64);

pub(crate) const IQ3_XXS: Layout =
    Layout { name: "iq3_xxs", len: LEN, bytes: 98, id: Some(18), quantize: None, dequantize: xxs, best: None };
pub(crate) const IQ3_S: Layout =
    Layout { name: "iq3_s", len: LEN, bytes: 110, id: Some(21), quantize: None, dequantize: s, best: None };

const OF_XXS: [f32; 8] = [4.0, 12.0, 20.0, 28.0, 36.0, 44.0, 52.0, 62.0];
const OF_S: [f32; 8] = [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0];

fn xxs(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.as_chunks::<98>().0.iter().zip(out.as_chunks_mut::<LEN>().0) {
        let d = from_half(block, 0);
        let (points, signs) = block[2..].split_at(64);
        for (k, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let signs = &signs[k / 4 * 4..];
            let signs = u32::from_le_bytes([signs[0], signs[1], signs[2], signs[3]]);
            let points = [points[2 * k], points[2 * k + 1]].map(|point| grids_3::IQ3_XXS[usize::from(point)]);
            let scale = d * (0.5 + (signs >> 28) as f32) * 0.5;
            write_signed(out, scale, of_three_bits(points, OF_XXS), even_signs(signs >> (7 * (k % 4))));
        }
    }
}

fn s(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.as_chunks::<110>().0.iter().zip(out.as_chunks_mut::<LEN>().0) {
        let d = from_half(block, 0);
        let (low, high, signs, scales) = (&block[2..66], &block[66..74], &block[74..106], &block[106..]);
        for (k, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let bits = high[k / 4] >> (k % 4 * 2);
            let points = [(low[2 * k], bits & 1), (low[2 * k + 1], bits >> 1 & 1)]
                .map(|(low, high)| grids_3::IQ3_S[usize::from(low) | usize::from(high) << 8]);
            let s = scales[k / 8] >> (k / 4 % 2 * 4) & 15;
            write_signed(out, d * f32::from(1 + 2 * s), of_three_bits(points, OF_S), signs[k]);
        }
    }
}
