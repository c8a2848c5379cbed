//! IQ3_XXS and IQ3_S: four weights at a time are a point of a lattice, with signs and a scale of 4 bits; only read here.
//!
//! | type | super-block of 256, bytes | layout; value | bits a weight |
//! | --- | --- | --- | --- |
//! | IQ3_XXS | 98 | d: f16, 64 bytes of points, of each 32 weights a u32: signs 4 × 7 bits, scale 4 bits; `d · (s + ½) / 2 · point` | 3.0625 |
//! | IQ3_S | 110 | d: f16, 64 low bytes of points, 8 bytes of high bits, 32 bytes of signs, 4 bytes of scales; `d · (2 s + 1) · point` | 3.4375 |

use super::grids;
use super::lattice::{even_signs, of_three_bits, three_bits, write_signed};
use crate::block::layout::Layout;
use crate::kernel::{Restore, Simd, Sixteen};

const LEN: usize = 256;
const _: () = assert!(98 == 2 + LEN / 4 + LEN / 32 * 4 && 110 == 2 + LEN / 4 + LEN / 32 + LEN / 8 + LEN / 64);

pub(crate) const IQ3_XXS: Layout = Layout::read::<Smallest, 98, LEN>("iq3_xxs", Some(18));
pub(crate) const IQ3_S: Layout = Layout::read::<Small, 110, LEN>("iq3_s", Some(21));

const OF_XXS: [f32; 8] = [4.0, 12.0, 20.0, 28.0, 36.0, 44.0, 52.0, 62.0];
const OF_S: [f32; 8] = [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0];

/// Returns the eight numbers of two points.
#[inline(always)]
fn eight(points: &[u16], first: usize, second: usize) -> u32 {
    u32::from(points[first]) | u32::from(points[second]) << 12
}

struct Smallest;

impl Restore<98, LEN> for Smallest {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; 98], out: &mut [f32; LEN]) {
        let d = v.half(block, 0);
        let (points, signs) = block[2..].split_at(64);
        for (k, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
            let signs = &signs[k / 2 * 4..];
            let signs = u32::from_le_bytes([signs[0], signs[1], signs[2], signs[3]]);
            let pair = |k: usize| eight(&grids::IQ3_XXS, points[k].into(), points[k + 1].into());
            let scale = d * (0.5 + (signs >> 28) as f32) * 0.5;
            let own = even_signs(signs >> (14 * (k % 2))) | even_signs(signs >> (14 * (k % 2) + 7)) << 8;
            write_signed(v, out, scale, of_three_bits(v, &OF_XXS), three_bits(v, pair(4 * k), pair(4 * k + 2)), own);
        }
    }
}

struct Small;

impl Restore<110, LEN> for Small {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; 110], out: &mut [f32; LEN]) {
        let d = v.half(block, 0);
        let (low, high, signs, scales) = (&block[2..66], &block[66..74], &block[74..106], &block[106..]);
        for (k, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
            let bits = usize::from(high[k / 2] >> (k % 2 * 4));
            let point = |k: usize, i: usize| usize::from(low[4 * k + i]) | (bits >> i & 1) << 8;
            let pair = |i: usize| eight(&grids::IQ3_S, point(k, i), point(k, i + 1));
            let s = scales[k / 4] >> (k / 2 % 2 * 4) & 15;
            let signs = u16::from_le_bytes([signs[2 * k], signs[2 * k + 1]]);
            write_signed(
                v,
                out,
                d * f32::from(1 + 2 * s),
                of_three_bits(v, &OF_S),
                three_bits(v, pair(0), pair(2)),
                signs,
            );
        }
    }
}
