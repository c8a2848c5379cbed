//! Codes to reals: `(code − zero_point) · scale + offset`, the difference taken in integers.

use super::elementwise::{Map, map_slice};
use super::quantize::is_far;
use super::reference;
use crate::num::Code;
use crate::params::AffineParams;
use fearless_simd::Level;

#[derive(Clone, Copy)]
struct Dequantize {
    scale: f32,
    zero_point: i32,
}

impl<C: Code> Map<C, f32> for Dequantize {
    #[inline(always)]
    fn apply(self, code: C, _index: u64) -> f32 {
        code.decode(self.zero_point) * self.scale
    }
}

#[derive(Clone, Copy)]
struct DequantizeShifted {
    scale: f32,
    zero_point: i32,
    offset: f32,
}

impl<C: Code> Map<C, f32> for DequantizeShifted {
    #[inline(always)]
    fn apply(self, code: C, _index: u64) -> f32 {
        code.decode(self.zero_point) * self.scale + self.offset
    }
}

/// Writes the real of each code to `out`, in f32 with one rounding (two where there is an offset).
///
/// A product beyond `f32::MAX` is ±∞; NaN codes of floating types stay NaN.
///
/// # Panics
///
/// If `codes` and `out` differ in length.
pub fn dequantize<C: Code>(level: Level, codes: &[C], params: AffineParams, out: &mut [f32]) {
    assert_eq!(codes.len(), out.len(), "reals: expected a length of {}, got {}", codes.len(), out.len());
    if is_far::<C>(params) {
        return reference::dequantize(codes, params, out);
    }
    let (scale, zero_point, offset) = (params.scale(), params.zero_point(), params.offset());
    if offset == 0.0 {
        map_slice(level, Dequantize { scale, zero_point }, codes, out, 0);
    } else {
        map_slice(level, DequantizeShifted { scale, zero_point, offset }, codes, out, 0);
    }
}
