//! bfloat16: the upper half of an f32.
//!
//! The bits of |x| count the bfloat16 values below it, in steps of 2¹⁶: rounding that count by any [`Rounding`] rounds
//! x, subnormals and the step into the next binade included. Four low bits of the count are enough to carry parity.

use super::CodeType;
use super::code::{Code, CodeKind, Grid, Stored, read_bytes, write_bytes};
use super::rounding::{Rounding, nearest_i32, round_to_grid};
use crate::error::Result;
use alloc::vec::Vec;
use half::bf16;

/// Returns how many bfloat16s lie between zero and `x`, with a fraction and the sign of `x`: of that number the lowest four bits, and
/// a fifth that a carry may set. At most 20 bits: exact in f32, and so is the product with 2⁻¹⁶.
#[inline(always)]
pub(crate) fn bf16_count(x: f32) -> f32 {
    let low = x.to_bits() & 0x000f_ffff;
    (low as i32 as f32 * (1.0 / 65_536.0)).copysign(x)
}

/// Returns the bfloat16, as f32, of a finite `x` whose [`bf16_count`] was rounded.
#[inline(always)]
pub(crate) fn bf16_of_count(x: f32, rounded: f32) -> f32 {
    let magnitude = x.to_bits() & 0x7fff_ffff;
    let count = ((magnitude >> 20) << 4).wrapping_add(nearest_i32(rounded.abs()) as u32);
    f32::from_bits((count << 16) | (x.to_bits() & 0x8000_0000))
}

#[inline(always)]
fn bits_rounded<R: Rounding>(x: f32, rounding: R, index: u64) -> u16 {
    let rounded = bf16_of_count(x, rounding.round(bf16_count(x), index));
    let bits = x.to_bits();
    // ∞ has no fraction, so it stays. NaN is made quiet and keeps the high bits of its payload.
    let nan = (bits >> 16) | 0x0040;
    (if x.is_nan() { nan } else { rounded.to_bits() >> 16 }) as u16
}

/// Returns the nearest bfloat16, halves to even, ±∞ beyond the largest.
#[inline(always)]
pub(crate) fn bf16_bits_from_f32(x: f32) -> u16 {
    // The same as `bits_rounded(x, TiesEven, 0)` in integers: adding 0x7fff and the bit above carries exactly when
    // the nearest, or on a tie the even, neighbour is the upper one.
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    let nan = (bits >> 16) | 0x0040;
    (if x.is_nan() { nan } else { rounded }) as u16
}

/// Returns the value; exact. A signalling NaN stays one, as that of PyTorch, `ml_dtypes` and ggml does.
#[inline(always)]
pub(crate) fn bf16_bits_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// The grid's bounds decide what happens beyond ±3.39e38: finite ones saturate, infinite ones give ±∞.
impl Stored for bf16 {
    #[inline(always)]
    fn encode<R: Rounding>(quotient: f32, grid: Grid, rounding: R, index: u64) -> Self {
        bf16::from_bits(bits_rounded(grid.clamp_keeping_nan(quotient), rounding, index))
    }

    #[inline(always)]
    fn has_bits_of(self, other: Self) -> bool {
        self.to_bits() == other.to_bits()
    }

    #[inline(always)]
    fn decode(self, _zero_point: i32) -> f32 {
        bf16_bits_to_f32(self.to_bits())
    }
}

impl Code for bf16 {
    const NAME: &'static str = "bf16";
    const BITS: u32 = 16;
    const KIND: CodeKind = CodeKind::Float;
    const MIN: f64 = -<Self as Code>::MAX;
    const MAX: f64 = 3.389_531_389_251_535_5e38;
    const TYPE: CodeType = CodeType::Bf16;

    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(bf16_bits_to_f32(self.to_bits()))
    }

    fn nearest(number: f64) -> Self {
        // Rounded once, to a number of the type: `half` would round twice, or drop the low half of an f64.
        let magnitude = round_to_grid(number.abs(), 7, -126).min(<Self as Code>::MAX);
        if number.is_nan() {
            bf16::ZERO
        } else {
            bf16::from_bits(bf16_bits_from_f32(magnitude.copysign(number) as f32))
        }
    }

    fn write_packed(codes: &[Self], bytes: &mut Vec<u8>) {
        write_bytes(codes, bytes, Self::to_le_bytes);
    }

    fn read_packed(bytes: &[u8], codes: &mut [Self]) -> Result<()> {
        read_bytes(bytes, codes, Self::from_le_bytes)
    }
}

const _: () = assert!(<bf16 as Code>::MAX as f32 as f64 == <bf16 as Code>::MAX);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::{Ceil, Floor, TiesEven, TowardZero};
    use proptest::prelude::*;

    #[test]
    fn the_largest_finite_value_is_the_one_named() {
        assert_eq!(bf16::MAX.to_f64(), <bf16 as Code>::MAX);
    }

    /// But for the bit that makes a NaN quiet.
    #[test]
    fn every_bf16_widens_as_half_widens_it() {
        for bits in 0..=u16::MAX {
            let (got, half) = (bf16_bits_to_f32(bits), bf16::from_bits(bits).to_f32());
            let quiet = if half.is_nan() { 0x0040_0000 } else { 0 };
            assert_eq!(got.to_bits() | quiet, half.to_bits(), "{bits:#06x}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn any_bits_narrow_as_half_narrows_them(bits in prop_oneof![any::<u32>(), any::<u32>().prop_map(|b| b & 0xffff_0000 | 0x8000)]) {
            let x = f32::from_bits(bits);
            prop_assert_eq!(bf16_bits_from_f32(x), bf16::from_f32(x).to_bits());
            prop_assert_eq!(bits_rounded(x, TiesEven, 0), bf16::from_f32(x).to_bits());
        }

        #[test]
        fn directed_roundings_choose_the_neighbour_they_name(bits: u32) {
            let x = f32::from_bits(bits);
            prop_assume!(x.is_finite());
            prop_assert!(bf16_bits_to_f32(bits_rounded(x, Ceil, 0)) >= x);
            prop_assert!(bf16_bits_to_f32(bits_rounded(x, Floor, 0)) <= x);
            prop_assert!(bf16_bits_to_f32(bits_rounded(x, TowardZero, 0)).abs() <= x.abs());
        }
    }
}
