//! IEEE 754 binary16 (`f16`): 1 sign, 5 exponent and 10 mantissa bits.
//!
//! The conversions are branch-free, so that a loop over them vectorises; `half` converts one value at a time, with a
//! check of the CPU each. Where the CPU has the conversion as an instruction, the kernels use that.
//!
//! To f16: the values with the exponent of x are spaced by a power of two, 2^(e − 10), and by 2^(−24) below the normal
//! range. Dividing by that step (exact), rounding to a whole number by any [`Rounding`], and multiplying again (exact)
//! gives the neighbour of x that the rounding chooses; packing it needs no further rounding.

use super::CodeType;
use super::code::{Code, CodeKind, Grid, Stored, read_bytes, write_bytes};
use super::rounding::{Rounding, nearest_i32, round_to_grid};
use crate::error::Result;
use alloc::vec::Vec;
use half::f16;

const MANTISSA: u32 = 10;
/// The biased f32 exponent of 2^(−14), the smallest normal f16.
const MIN_EXPONENT: u32 = 127 - 14;

/// Returns the f16 bits that `rounding` chooses for `x`; beyond the largest finite value that is ±∞, NaN stays NaN
/// (quiet, with the high bits of its payload, as the hardware's conversion does).
#[inline(always)]
fn bits_rounded<R: Rounding>(x: f32, rounding: R, index: u64) -> u16 {
    let bits = x.to_bits();
    let sign = (bits >> 16) & 0x8000;
    let exponent = ((bits >> 23) & 0xff).max(MIN_EXPONENT);
    let step = f32::from_bits((exponent - MANTISSA) << 23);
    let inverse = f32::from_bits((254 + MANTISSA - exponent) << 23);
    let rounded = (rounding.round(x * inverse, index) * step).abs();

    let normal = (rounded.to_bits() >> 13).wrapping_sub((127 - 15) << 10);
    // |x| < 2^(−14): a multiple of 2^(−24), and that multiple is the code. (The minimum keeps larger numbers, whose
    // result is not used, in the range of `nearest_i32`.)
    let subnormal = nearest_i32(rounded.min(1.0) * 16_777_216.0) as u32;
    let finite = if rounded < 6.103_515_6e-5 { subnormal } else { normal };
    let finite = if rounded < 65_536.0 { finite } else { 0x7c00 };
    let nan = 0x7e00 | ((bits >> 13) & 0x03ff);
    (sign | if x.is_nan() { nan } else { finite }) as u16
}

/// Returns the nearest f16, halves to even, ±∞ from 65 520 on: IEEE 754's own conversion.
///
/// The same as `bits_rounded` with `TiesEven`, in integers (after F. Giesen's float-to-half conversions): half of the last
/// place, less one unless the place is odd, is added before the low bits are dropped, and carries where it must. Below
/// the normal range adding 0.5, whose last place is 2⁻²⁴, does the rounding.
#[inline(always)]
pub(crate) fn f16_bits_from_f32(x: f32) -> u16 {
    let bits = x.to_bits();
    let sign = (bits >> 16) & 0x8000;
    let magnitude = bits & 0x7fff_ffff;
    let odd = (magnitude >> 13) & 1;
    let normal = magnitude.wrapping_sub((127 - 15) << 23).wrapping_add(0x0fff + odd) >> 13;
    let subnormal = (f32::from_bits(magnitude) + 0.5).to_bits().wrapping_sub(0.5_f32.to_bits());
    let finite = if magnitude < MIN_EXPONENT << 23 { subnormal } else { normal };
    let finite = if magnitude < 65_536.0_f32.to_bits() { finite } else { 0x7c00 };
    let nan = 0x7e00 | ((bits >> 13) & 0x03ff);
    (sign | if magnitude > 0x7f80_0000 { nan } else { finite }) as u16
}

/// Returns the value; exact. A signalling NaN becomes quiet, as in hardware.
#[inline(always)]
pub(crate) fn f16_bits_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let shifted = u32::from(bits & 0x7fff) << 13;
    // 2^112 moves the exponent from f16's bias of 15 to 127, and normalises subnormals on the way.
    let finite = (f32::from_bits(shifted) * f32::from_bits((127 + 112) << 23)).to_bits();
    let quiet = if bits & 0x03ff == 0 { 0 } else { 0x0040_0000 };
    let special = 0x7f80_0000 | shifted | quiet;
    f32::from_bits(sign | if bits & 0x7c00 == 0x7c00 { special } else { finite })
}

/// The grid's bounds decide what happens beyond ±65 504: finite ones saturate, infinite ones give ±∞.
impl Stored for f16 {
    #[inline(always)]
    fn encode<R: Rounding>(quotient: f32, grid: Grid, rounding: R, index: u64) -> Self {
        f16::from_bits(bits_rounded(grid.clamp_keeping_nan(quotient), rounding, index))
    }

    #[inline(always)]
    fn has_bits_of(self, other: Self) -> bool {
        self.to_bits() == other.to_bits()
    }

    #[inline(always)]
    fn decode(self, _zero_point: i32) -> f32 {
        f16_bits_to_f32(self.to_bits())
    }
}

impl Code for f16 {
    const NAME: &'static str = "f16";
    const BITS: u32 = 16;
    const KIND: CodeKind = CodeKind::Float;
    const MIN: f64 = -65_504.0;
    const MAX: f64 = 65_504.0;
    const TYPE: CodeType = CodeType::F16;

    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(f16_bits_to_f32(self.to_bits()))
    }

    fn nearest(number: f64) -> Self {
        // Rounded once, to a number of the type: `half` would round twice, or drop the low half of an f64.
        let magnitude = round_to_grid(number.abs(), 10, -14).min(<Self as Code>::MAX);
        if number.is_nan() { f16::ZERO } else { f16::from_bits(f16_bits_from_f32(magnitude.copysign(number) as f32)) }
    }

    fn write_packed(codes: &[Self], bytes: &mut Vec<u8>) {
        write_bytes(codes, bytes, Self::to_le_bytes);
    }

    fn read_packed(bytes: &[u8], codes: &mut [Self]) -> Result<()> {
        read_bytes(bytes, codes, Self::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::{Ceil, Floor, HalfAway, TiesEven, TowardZero};
    use proptest::prelude::*;

    #[test]
    fn every_f16_widens_as_half_widens_it_and_comes_back() {
        for bits in 0..=u16::MAX {
            let value = f16_bits_to_f32(bits);
            assert_eq!(value.to_bits(), f16::from_bits(bits).to_f32().to_bits(), "{bits:#06x}");
            let quiet = if value.is_nan() { 0x0200 } else { 0 };
            assert_eq!(f16_bits_from_f32(value), bits | quiet);
        }
    }

    /// Every boundary between two f16 values, and the floats on both sides of it.
    #[test]
    fn every_boundary_narrows_as_half_narrows_it() {
        for bits in 0..0x7c00_u16 {
            let (here, next) = (f16::from_bits(bits).to_f64(), f16::from_bits(bits + 1).to_f64());
            let next = if next.is_finite() { next } else { 65_536.0 };
            let middle = f64::midpoint(here, next) as f32;
            for x in [middle.next_down(), middle, middle.next_up(), -middle] {
                assert_eq!(f16_bits_from_f32(x), f16::from_f32(x).to_bits(), "{x:e}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn any_bits_narrow_as_half_narrows_them(bits: u32) {
            let x = f32::from_bits(bits);
            prop_assert_eq!(f16_bits_from_f32(x), f16::from_f32(x).to_bits());
            prop_assert_eq!(bits_rounded(x, TiesEven, 0), f16::from_f32(x).to_bits());
        }

        #[test]
        fn directed_roundings_choose_the_neighbour_they_name(x in prop_oneof![-65_504.0_f32..65_504.0, -1e-4_f32..1e-4, -1e-7_f32..1e-7]) {
            let wide = |bits| f16_bits_to_f32(bits);
            prop_assert!(wide(bits_rounded(x, Ceil, 0)) >= x);
            prop_assert!(wide(bits_rounded(x, Floor, 0)) <= x);
            prop_assert!(wide(bits_rounded(x, TowardZero, 0)).abs() <= x.abs());
            let (up, down) = (wide(bits_rounded(x, Ceil, 0)), wide(bits_rounded(x, Floor, 0)));
            prop_assert!(up == down || f16::from_f32(x).to_f32() == up || f16::from_f32(x).to_f32() == down);
            let away = wide(bits_rounded(x, HalfAway, 0));
            prop_assert!(away == up || away == down);
        }
    }
}
