//! IQ2_XXS, IQ2_XS, IQ2_S: eight weights at a time are a point of a lattice, signs, and a scale of 4 bits; only read here.
//!
//! | type | super-block of 256, bytes | layout | bits a weight |
//! | --- | --- | --- | --- |
//! | IQ2_XXS | 66 | d: f16, of each 32 weights four bytes of points and a u32: signs 4 × 7 bits, scale 4 bits | 2.0625 |
//! | IQ2_XS | 74 | d: f16, of each 8 a u16: point 9 bits, signs 7 bits; 8 bytes, of each 32 two scales | 2.3125 |
//! | IQ2_S | 82 | d: f16, 32 low bytes of points, 32 bytes of signs, 8 bytes of 2 high bits each, 8 bytes of scales | 2.5625 |
//!
//! A weight is `d · (s + ½) / 4 · point · sign`. In the first two the number of negative signs of eight is even.

use super::grids;
use super::lattice::{even_signs, of_two_bits, two_bits, write_signed};
use crate::block::layout::Layout;
use crate::kernel::{LANES, Restore, Simd, Sixteen};

const LEN: usize = 256;
const _: () = assert!(66 == 2 + LEN / 8 * 2 && 74 == 2 + LEN / 8 * 2 + 8 && 82 == 2 + LEN / 8 * 2 + 8 + 8);

pub(crate) const IQ2_XXS: Layout = Layout::read::<Smallest, 66, LEN>("iq2_xxs", Some(16));
pub(crate) const IQ2_XS: Layout = Layout::read::<ExtraSmall, 74, LEN>("iq2_xs", Some(17));
pub(crate) const IQ2_S: Layout = Layout::read::<Small, 82, LEN>("iq2_s", Some(22));

/// Returns `d · (s + ½) / 4`.
fn scale(d: f32, s: u32) -> f32 {
    d * (0.5 + s as f32) * 0.25
}

/// Returns the scales of sixteen nibbles, those of the low ones first.
#[inline(always)]
fn scales_of<S: Simd>(v: Sixteen<S>, d: f32, nibbles: &[u8]) -> [f32; LANES] {
    let s = v.nibbles(*nibbles.first_chunk().unwrap_or(&[0; 8])) & v.whole(15);
    (v.all(d) * (v.all(0.5) + v.reals(s)) * v.all(0.25)).into()
}

struct Smallest;

impl Restore<66, LEN> for Smallest {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; 66], out: &mut [f32; LEN]) {
        let d = v.half(block, 0);
        for (part, out) in block[2..].as_chunks::<8>().0.iter().zip(out.as_chunks_mut::<32>().0) {
            let signs = u32::from_le_bytes([part[4], part[5], part[6], part[7]]);
            for (l, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
                let point = |byte: u8| grids::IQ2_XXS[usize::from(byte)];
                let numbers = two_bits(v, point(part[2 * l]), point(part[2 * l + 1]));
                let own = even_signs(signs >> (14 * l)) | even_signs(signs >> (14 * l + 7)) << 8;
                write_signed(v, out, scale(d, signs >> 28), of_two_bits(v), numbers, own);
            }
        }
    }
}

struct ExtraSmall;

impl Restore<74, LEN> for ExtraSmall {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; 74], out: &mut [f32; LEN]) {
        let d = v.half(block, 0);
        let (points, scales) = block[2..].split_at(64);
        let scales = scales_of(v, d, scales);
        for (k, (out, bytes)) in out.as_chunks_mut().0.iter_mut().zip(points.as_chunks::<4>().0).enumerate() {
            let (first, second) = (u16::from_le_bytes([bytes[0], bytes[1]]), u16::from_le_bytes([bytes[2], bytes[3]]));
            let point = |both: u16| grids::IQ2_XS[usize::from(both & 511)];
            let numbers = two_bits(v, point(first), point(second));
            let signs = even_signs(u32::from(first >> 9)) | even_signs(u32::from(second >> 9)) << 8;
            write_signed(v, out, scales[k % 2 * 8 + k / 2], of_two_bits(v), numbers, signs);
        }
    }
}

struct Small;

impl Restore<82, LEN> for Small {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; 82], out: &mut [f32; LEN]) {
        let d = v.half(block, 0);
        let (low, signs, high) = (&block[2..34], &block[34..66], &block[66..74]);
        let scales = scales_of(v, d, &block[74..]);
        for (k, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
            let high = high[k / 2] >> (k % 2 * 4);
            let point = |low: u8, high: u8| grids::IQ2_S[usize::from(low) | usize::from(high & 3) << 8];
            let numbers = two_bits(v, point(low[2 * k], high), point(low[2 * k + 1], high >> 2));
            let signs = u16::from_le_bytes([signs[2 * k], signs[2 * k + 1]]);
            write_signed(v, out, scales[k % 2 * 8 + k / 2], of_two_bits(v), numbers, signs);
        }
    }
}
