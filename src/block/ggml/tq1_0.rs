//! TQ1_0: `d · t`, t in −1, 0, 1. A block of 256 is `48 + 4 bytes of trits | d: f16`, 1.6875 bits a weight.
//!
//! Five trits are a number q below 243, the first the most significant, and their byte is ⌈256 q / 243⌉: a trit is what is carried
//! out of the byte by a multiplication with 3. Byte m of the first 32 has elements m, m + 32 …, of the next 16 elements 160 + m,
//! 176 + m …; the last four bytes have four trits each, of elements 240 + m, 244 + m …. d is the largest magnitude.

use super::half::to_half;
use super::scalar::{half_away, largest_magnitude, reciprocal};
use super::scales::Scales;
use crate::block::layout::Layout;
use crate::block::one_scale::{OfOneScale, OneScale, best_row, steps};
use crate::block::scale_grid::ScaleGrid;
use crate::kernel::{Ints, LANES, Reals, Restore, Simd, Sixteen, Write};

const LEN: usize = 256;
const BYTES: usize = 54;
const D: usize = 48 + 4;
const _: () = assert!(BYTES == D + size_of::<[u8; 2]>(), "256 trits and an f16 scale");

pub(crate) const TQ1_0: Layout =
    Layout { best: Some(best_row::<Block>), ..Layout::written::<Block, BYTES, LEN>("tq1_0", Some(34)) };

/// Runs of bytes: the first byte, how many, the first element, trits of a byte.
const RUNS: [(usize, usize, usize, usize); 3] = [(0, 32, 0, 5), (32, 16, 160, 5), (48, 4, 240, 4)];

struct Block;

impl Write<LEN, BYTES> for Block {
    #[inline(always)]
    fn sixteen<S: Simd>(v: Sixteen<S>, x: &[[f32; LEN]], out: &mut [[u8; BYTES]]) -> bool {
        let Some(scales) = Scales::of_largest(v, x, 1.0) else { return false };
        for (k, (x, out)) in x.iter().zip(out).enumerate() {
            let mut codes = [0; LEN];
            for (x, codes) in x.as_chunks().0.iter().zip(codes.as_chunks_mut().0) {
                *codes = v.bytes(scales.code(v, k, x) + v.whole(1));
            }
            write_codes(&codes, out);
            out[D..].copy_from_slice(&scales.halves[k].to_le_bytes());
        }
        true
    }

    fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
        let d = largest_magnitude(x);
        let inverse = reciprocal(d);
        Self::write(d, &x.map(|x| (half_away(x * inverse) + 1) as u8), out);
    }
}

/// Writes trits, one too large.
#[inline(always)]
fn write_codes(codes: &[u8], out: &mut [u8]) {
    for (first, count, element, trits) in RUNS {
        for (m, byte) in out[first..first + count].iter_mut().enumerate() {
            let mut q = 0_u8;
            for n in 0..trits {
                q = q.wrapping_mul(3).wrapping_add(codes[element + n * count + m]);
            }
            if trits == 4 {
                q = q.wrapping_mul(3);
            }
            *byte = ((u16::from(q) * 256).wrapping_add(242) / 243) as u8;
        }
    }
}

impl Restore<BYTES, LEN> for Block {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
        let d = v.all_half(block, D);
        let ([a, b, c], out) = (block.as_chunks().0, out.as_chunks_mut().0) else { return };
        let (mut a, mut b, mut c) = (v.of_u8(a), v.of_u8(b), v.of_u8(c));
        for out in out[..10].as_chunks_mut::<2>().0 {
            a = next_trits(v, a, d, &mut out[0]);
            b = next_trits(v, b, d, &mut out[1]);
        }
        for out in &mut out[10..15] {
            c = next_trits(v, c, d, out);
        }
        // Of the last four bytes all powers of 3 at once.
        let mut last = [0; LANES];
        for (i, byte) in last.iter_mut().enumerate() {
            *byte = block[48 + i % 4];
        }
        let powers = v.of_u8(&[1, 1, 1, 1, 3, 3, 3, 3, 9, 9, 9, 9, 27, 27, 27, 27]);
        next_trits(v, (v.of_u8(&last) * powers) & v.whole(255), d, &mut out[15]);
    }
}

/// Writes the first trit of each byte, times d, and returns the bytes of the others.
#[inline(always)]
fn next_trits<S: Simd>(v: Sixteen<S>, bytes: Ints<S>, d: Reals<S>, out: &mut [f32; LANES]) -> Ints<S> {
    let three_times = bytes + (bytes << 1);
    v.store((v.reals(three_times >> 8) - v.all(1.0)) * d, out);
    three_times & v.whole(255)
}

impl OfOneScale for Block {
    const LAYOUT: Layout = TQ1_0;
    const ONE: OneScale<'static> =
        OneScale { levels: &const { steps::<3>(-1) }, grid: Some(ScaleGrid::F16), signed: false };

    fn write(d: f32, places: &[u8], out: &mut [u8]) {
        write_codes(places, out);
        out[D..].copy_from_slice(&to_half(d));
    }
}
