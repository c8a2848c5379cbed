//! MXFP4: `2^(e − 127) · v[q]`, v the E2M1 numbers. A block of 32 is `e: E8M0 | 16 bytes of nibbles`, 4.25 bits a weight.
//!
//! e is the exponent of the largest magnitude, less 2, as in the OCP specification (its floor rule): what lies between 6 and 8 times
//! the scale is clipped. An importance changes nothing.

use super::fp4::{self, LEVELS, code_of_place, codes};
use super::nibbles::{Bits, get, pack, put};
use super::scalar::largest_magnitude;
use crate::block::layout::Layout;
use crate::block::one_scale::{OfOneScale, OneScale, best_row};
use crate::block::scale_grid::ScaleGrid;
use crate::kernel::{LANES, Restore, Simd, Sixteen, Write};

const LEN: usize = 32;
const BYTES: usize = 17;
const _: () = assert!(BYTES == size_of::<u8>() + LEN / 2, "an E8M0 scale and 32 nibbles");

pub(crate) const MXFP4: Layout =
    Layout { best: Some(best_row::<Block>), ..Layout::written::<Block, BYTES, LEN>("mxfp4", Some(39)) };

/// Returns ⌊log₂ x⌋ of a positive number as single precision has it: from just below a power of two the logarithm rounds to it.
fn floor_log2(x: f32) -> i32 {
    let bits = x.to_bits();
    // Subnormal numbers by their highest bit.
    let exponent = if bits < 1 << 23 { 31 - bits.leading_zeros() as i32 - 149 } else { (bits >> 23) as i32 - 127 };
    if bits < 1 << 23 {
        return exponent;
    }
    if bits & 0x007f_ffff < 0x007f_f000 {
        return exponent;
    }
    // x = 2^(exponent + 1) · (1 − t): the logarithm is exponent + 1 − (t + t²/2 + …) / ln 2.
    let t = f64::from((1 << 23) - (bits & 0x007f_ffff)) / f64::from(1 << 24);
    let next = f64::from(exponent + 1);
    let log = next - (t + t * t / 2.0) / core::f64::consts::LN_2;
    if log as f32 >= next as f32 { exponent + 1 } else { exponent }
}

/// Returns 2^(e − 128), half of the scale.
fn half_scale(e: u8) -> f32 {
    f32::from_bits(if e < 2 { 0x0020_0000 << e } else { u32::from(e - 1) << 23 })
}

struct Block;

impl Write<LEN, BYTES> for Block {
    #[inline(always)]
    fn sixteen<S: Simd>(v: Sixteen<S>, x: &[[f32; LEN]], out: &mut [[u8; BYTES]]) -> bool {
        let bits = v.magnitudes(x);
        if !v.are_usual(bits) {
            return false;
        }
        let max = <[f32; LANES]>::from(v.of_bits(bits));
        for ((x, out), max) in x.iter().zip(out).zip(max) {
            let ([low, high], _) = x.as_chunks() else { continue };
            // The product with a power of two is exact, or far below the first middle.
            let e = if max > 0.0 { (floor_log2(max) + 125) as u8 } else { 0 };
            let inverse = v.all(f32::from_bits(u32::from(255 - e) << 23));
            out[0] = e;
            let codes = [fp4::nearest(v, v.load(low) * inverse), fp4::nearest(v, v.load(high) * inverse)];
            put(v, Bits::Four, codes, &mut out[1..]);
        }
        true
    }

    fn block(x: &[f32; LEN], out: &mut [u8; BYTES]) {
        let max = largest_magnitude(x);
        let e = match max {
            // What a conversion of ∞ to a byte gives where ggml runs.
            f32::INFINITY => 0,
            // So does a negative number: only its low byte is left, for the largest below 2⁻¹²⁵.
            max if max > 0.0 => (floor_log2(max) + 125) as u8,
            _ => 0,
        };
        let mut nibbles = [0; LEN];
        codes(x, half_scale(e), max, &mut nibbles);
        out[0] = e;
        pack(Bits::Four, &nibbles, &mut out[1..]);
    }
}

impl Restore<BYTES, LEN> for Block {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8; BYTES], out: &mut [f32; LEN]) {
        let values = fp4::table(v, half_scale(block[0]));
        for (out, places) in out.as_chunks_mut().0.iter_mut().zip(get(v, Bits::Four, &block[1..])) {
            v.store(v.lookup(values, places), out);
        }
    }
}

impl OfOneScale for Block {
    const LAYOUT: Layout = MXFP4;
    const ONE: OneScale<'static> = OneScale { levels: &LEVELS, grid: Some(ScaleGrid::E8M0), signed: false };

    fn write(d: f32, places: &[u8], out: &mut [u8]) {
        let mut codes = [0; LEN];
        codes.iter_mut().zip(places).for_each(|(code, place)| *code = code_of_place(*place));
        out[0] = (d.to_bits() >> 23) as u8;
        pack(Bits::Four, &codes, &mut out[1..]);
    }
}
