//! IQ1_S and IQ1_M: eight weights at a time are a point of a lattice of −1, 0, 1, moved by an eighth up or down; only read here.
//!
//! | type | super-block of 256, bytes | layout | bits a weight |
//! | --- | --- | --- | --- |
//! | IQ1_S | 50 | d: f16, 32 low bytes of points, of each 32 weights a u16: 4 × 3 high bits, scale 3 bits, sign of the move | 1.5625 |
//! | IQ1_M | 56 | 32 low bytes of points, 16 bytes of two times 3 high bits and a sign, four u16: of each 64 weights four scales of 3 bits; their high nibbles are d: f16 | 1.75 |
//!
//! A weight is `d · (2 s + 1) · (point ± ⅛)`.

use super::grids::IQ1 as POINTS;
use super::lattice::{two_bits, write_moved};
use crate::block::layout::Layout;
use crate::kernel::{LANES, Restore, Simd, Sixteen};
use crate::num::f16_bits_to_f32;

const LEN: usize = 256;
const _: () = assert!(50 == 2 + LEN / 8 + LEN / 32 * 2 && 56 == LEN / 8 + LEN / 16 + LEN / 64 * 2);

pub(crate) const IQ1_S: Layout = Layout::read::<Small, 50, LEN>("iq1_s", Some(19));
pub(crate) const IQ1_M: Layout = Layout::read::<Medium, 56, LEN>("iq1_m", Some(29));

/// What is added to the numbers of a point.
const DOWN: f32 = -1.125;
const UP: f32 = -0.875;

struct Small;

impl Restore<50, LEN> for Small {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; 50], out: &mut [f32; LEN]) {
        let d = v.half(block, 0);
        let (low, high) = block[2..].split_at(32);
        let parts = low.as_chunks::<4>().0.iter().zip(high.as_chunks().0);
        for (out, (low, high)) in out.as_chunks_mut::<32>().0.iter_mut().zip(parts) {
            let high = u16::from_le_bytes(*high);
            let scale = d * f32::from(2 * (high >> 12 & 7) + 1);
            let moved = v.all(if high >> 15 == 1 { DOWN } else { UP });
            for (k, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
                let point = |k: usize| POINTS[usize::from(low[k]) | usize::from(high >> (3 * k) & 7) << 8];
                write_moved(v, out, scale, two_bits(v, point(2 * k), point(2 * k + 1)), moved);
            }
        }
    }
}

struct Medium;

impl Restore<56, LEN> for Medium {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; 56], out: &mut [f32; LEN]) {
        let (low, high) = (&block[..32], &block[32..48]);
        let [a, b, c, e] = block[48..].as_chunks::<2>().0 else { return };
        let [a, b, c, e] =
            [u16::from_le_bytes(*a), u16::from_le_bytes(*b), u16::from_le_bytes(*c), u16::from_le_bytes(*e)];
        let d = f16_bits_to_f32(a >> 12 | b >> 12 << 4 | c >> 12 << 8 | e >> 12 << 12);
        let words = [u32::from(a) | u32::from(b) << 16, u32::from(c) | u32::from(e) << 16];
        let s = v.shifted(words, [0, 3, 6, 9, 16, 19, 22, 25, 0, 3, 6, 9, 16, 19, 22, 25]) & v.whole(7);
        let scales: [f32; LANES] = (v.all(d) * v.reals(s + s + v.whole(1))).into();
        for (k, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
            let (first, second) = (high[k] & 15, high[k] >> 4);
            let point = |low: u8, high: u8| POINTS[usize::from(low) | usize::from(high & 7) << 8];
            let down = (u16::from(first >> 3) * 0x00ff) | (u16::from(second >> 3) * 0xff00);
            let moved = v.of_bits(v.choose(down, v.bits(v.all(DOWN)), v.bits(v.all(UP))));
            let points = two_bits(v, point(low[2 * k], first), point(low[2 * k + 1], second));
            write_moved(v, out, scales[k], points, moved);
        }
    }
}
