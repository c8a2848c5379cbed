//! A real multiplier as an integer and a shift: how integer-only inference rescales (Jacob et al. 2018, § 2.2).

use crate::error::{Error, Result};

/// How a product with a fixed-point multiplier is rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ProductRounding {
    /// Twice: the high half of the doubled product to nearest, then the division by a power of two, ties away from zero.
    /// gemmlowp, and TFLite's reference kernels.
    #[default]
    Double,
    /// Once: half is added to the 64-bit product, which is then shifted. ruy, and TFLite built for single rounding.
    Single,
}

/// A real number as `multiplier · 2^(shift − 31)`, with a multiplier of 31 bits.
///
/// # Examples
///
/// ```
/// use tensor_quant::params::{FixedPointMultiplier, ProductRounding};
///
/// let m = FixedPointMultiplier::from_real(0.3)?;
/// assert_eq!((m.multiplier(), m.shift()), (1_288_490_189, -1));
/// assert_eq!(m.multiply(1000, ProductRounding::Double), 300);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FixedPointMultiplier {
    multiplier: i32,
    shift: i32,
}

impl FixedPointMultiplier {
    /// Returns the fixed-point form of a real number, its 31 bits rounded half away from zero.
    ///
    /// A magnitude below 2⁻³² becomes 0. (TFLite's `QuantizeMultiplier`.)
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if it is NaN or infinite.
    pub fn from_real(real: f64) -> Result<Self> {
        if !real.is_finite() {
            let (what, expected) = ("a fixed-point multiplier", "finite");
            return Err(Error::InvalidSetting { what, expected, actual: real });
        }
        if real == 0.0 {
            return Ok(Self::default());
        }
        // real = fraction · 2^shift with a fraction in [½, 1).
        let magnitude = real.abs();
        let subnormal = magnitude < f64::MIN_POSITIVE;
        let (normal, lowered) = if subnormal { (magnitude * 18_014_398_509_481_984.0, 54) } else { (magnitude, 0) };
        let mut shift = (normal.to_bits() >> 52) as i32 - 1022 - lowered;
        let mantissa = (normal.to_bits() & 0x000f_ffff_ffff_ffff) | 0x0010_0000_0000_0000;
        // 53 bits to 31, half up: of a magnitude away from zero.
        let mut multiplier = (mantissa + (1 << 21)) >> 22;
        if multiplier == 1 << 31 {
            multiplier >>= 1;
            shift += 1;
        }
        let multiplier = if real < 0.0 { -(multiplier as i32) } else { multiplier as i32 };
        Ok(if shift < -31 { Self::default() } else { Self { multiplier, shift } })
    }

    /// Returns the number with this multiplier and shift, as from a file.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] for a shift outside −31..=31.
    pub fn from_parts(multiplier: i32, shift: i32) -> Result<Self> {
        if !(-31..=31).contains(&shift) {
            let (what, expected) = ("the shift of a fixed-point multiplier", "from -31 to 31");
            return Err(Error::InvalidSetting { what, expected, actual: f64::from(shift) });
        }
        Ok(Self { multiplier, shift })
    }

    /// Returns the integer; if it came from a real number, 0 or with a magnitude from 2³⁰ to 2³¹ − 1.
    pub fn multiplier(self) -> i32 {
        self.multiplier
    }

    /// Returns the power of two: positive shifts to the left.
    pub fn shift(self) -> i32 {
        self.shift
    }

    /// Returns `x` times this number.
    ///
    /// With double rounding a positive shift is applied to `x` first, in 32 bits, and wraps there as the reference does;
    /// with single rounding the result saturates, and a shift beyond 30 counts as 30 with the largest multiplier, as TFLite
    /// has it. [`multiply_saturating`](Self::multiply_saturating) is for numbers above 1.
    #[doc(alias = "MultiplyByQuantizedMultiplier")]
    #[inline(always)]
    pub fn multiply(self, x: i32, rounding: ProductRounding) -> i32 {
        match rounding {
            ProductRounding::Double => {
                let (left, right) = (self.shift.max(0) as u32, (-self.shift).max(0) as u32);
                let shifted = if left < 32 { x.wrapping_shl(left) } else { 0 };
                rounding_divide_by_power_of_two(rounding_doubling_high_multiply(shifted, self.multiplier), right)
            }
            ProductRounding::Single => {
                let capped = if self.multiplier < 0 { -i32::MAX } else { i32::MAX };
                let is_capped = self.shift > 30 && self.multiplier != 0;
                let multiplier = if is_capped { capped } else { self.multiplier };
                let total = (31 - self.shift).clamp(1, 62) as u32;
                let product = i64::from(x) * i64::from(multiplier) + (1_i64 << (total - 1));
                saturated(product >> total)
            }
        }
    }

    /// Returns `x` times this number, as [`multiply`](Self::multiply) does where nothing wraps there, and the nearer end of
    /// 32 bits where the product is beyond them.
    ///
    /// For shifts to the left both roundings are the same: to nearest, ties towards +∞.
    #[inline(always)]
    pub fn multiply_saturating(self, x: i32, rounding: ProductRounding) -> i32 {
        if self.shift <= 0 {
            return self.multiply(x, rounding);
        }
        let product = i64::from(x) * i64::from(self.multiplier);
        match 31 - self.shift {
            total @ 1.. => saturated((product + (1 << (total - 1))) >> total),
            left => saturated(product.saturating_mul(1 << (-left).min(62))),
        }
    }

    /// Returns a 48-bit `x` times this number, the multiplier first cut to 16 bits: for accumulators of 16-bit activations.
    ///
    /// (TFLite's `MultiplyByQuantizedMultiplier` for `int64_t`.) Bits beyond 32 of the result are dropped.
    #[inline(always)]
    pub fn multiply_i64(self, x: i64) -> i32 {
        let reduced = if self.multiplier < 0x7fff_0000 { (self.multiplier + (1 << 15)) >> 16 } else { 0x7fff };
        let total = (15 - self.shift).clamp(1, 62) as u32;
        (x.wrapping_mul(i64::from(reduced)).wrapping_add(1 << (total - 1)) >> total) as i32
    }
}

#[inline(always)]
fn saturated(x: i64) -> i32 {
    x.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// Returns the high 32 bits of `2 · a · b`, rounded to nearest (ties towards +∞), saturating where both are −2³¹.
#[doc(alias = "SaturatingRoundingDoublingHighMul")]
#[inline(always)]
pub fn rounding_doubling_high_multiply(a: i32, b: i32) -> i32 {
    let product = i64::from(a) * i64::from(b);
    let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
    // A division that truncates, not a shift: of a negative product the nudge then rounds half towards +∞.
    let high = (product + nudge) / (1 << 31);
    if high > i64::from(i32::MAX) { i32::MAX } else { high as i32 }
}

/// Returns `x / 2^exponent`, rounded to nearest, ties away from zero; exponents from 0 to 31.
#[doc(alias = "RoundingDivideByPOT")]
#[inline(always)]
pub fn rounding_divide_by_power_of_two(x: i32, exponent: u32) -> i32 {
    let exponent = exponent.min(31);
    let mask = (1_i64 << exponent) - 1;
    let remainder = i64::from(x) & mask;
    let threshold = (mask >> 1) + i64::from(x < 0);
    (x >> exponent) + i32::from(remainder > threshold)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_real_number_keeps_31_bits(exponent in -30_i32..30, fraction in 1.0_f64..2.0) {
            let real = fraction * 2.0_f64.powi(exponent);
            let m = FixedPointMultiplier::from_real(real).unwrap();
            let back = f64::from(m.multiplier()) * 2.0_f64.powi(m.shift() - 31);
            prop_assert!((back - real).abs() <= real * 2.0_f64.powi(-31));
            prop_assert!(m.multiplier() >= 1 << 30);
        }

        #[test]
        fn products_are_near_the_exact_ones(x: i32, real in 1e-6_f64..1.0) {
            let m = FixedPointMultiplier::from_real(real).unwrap();
            let exact = f64::from(x) * f64::from(m.multiplier()) * 2.0_f64.powi(m.shift() - 31);
            prop_assert!((f64::from(m.multiply(x, ProductRounding::Double)) - exact).abs() <= 1.0);
            prop_assert!((f64::from(m.multiply(x, ProductRounding::Single)) - exact).abs() <= 0.5);
        }

        #[test]
        fn saturating_products_are_the_exact_ones_and_those_of_the_reference_where_it_does_not_wrap(
            x: i32, few in 0_u32..31, exponent in -40_i32..70, fraction in 1.0_f64..2.0,
        ) {
            let x = x >> few;
            let m = FixedPointMultiplier::from_real(fraction * 2.0_f64.powi(exponent)).unwrap();
            let exact = f64::from(x) * f64::from(m.multiplier()) * 2.0_f64.powi(m.shift() - 31);
            for rounding in [ProductRounding::Double, ProductRounding::Single] {
                let got = m.multiply_saturating(x, rounding);
                let want = exact.clamp(f64::from(i32::MIN), f64::from(i32::MAX));
                prop_assert!((f64::from(got) - want).abs() <= 1.0, "{x} {m:?}: {got}, not {want}");
                if i64::from(x).abs() << m.shift().clamp(0, 31) < 1 << 31 && m.shift() <= 30 {
                    prop_assert_eq!(got, m.multiply(x, rounding));
                }
            }
        }

        #[test]
        fn nothing_panics(x: i32, wide: i64, multiplier: i32, shift in -31_i32..=31) {
            let m = FixedPointMultiplier::from_parts(multiplier, shift).unwrap();
            m.multiply(x, ProductRounding::Double);
            m.multiply(x, ProductRounding::Single);
            m.multiply_saturating(x, ProductRounding::Double);
            m.multiply_i64(wide);
        }
    }

    #[test]
    fn a_shift_beyond_30_counts_as_30_with_single_rounding() {
        for (real, want) in
            [(2.0_f64.powi(40), 1 << 30), (-2.0_f64.powi(40), -(1 << 30) + 1), (2.0_f64.powi(30), 1 << 30)]
        {
            let m = FixedPointMultiplier::from_real(real).unwrap();
            assert_eq!(m.multiply(1, ProductRounding::Single), want, "{real}");
            assert_eq!(
                (m.multiply(0, ProductRounding::Single), m.multiply(2, ProductRounding::Single)),
                (0, want.signum().saturating_mul(i32::MAX))
            );
        }
    }

    #[test]
    fn the_ends() {
        assert_eq!(rounding_doubling_high_multiply(i32::MIN, i32::MIN), i32::MAX);
        assert_eq!(rounding_divide_by_power_of_two(i32::MIN, 31), -1);
        assert_eq!(rounding_divide_by_power_of_two(-3, 1), -2);
        assert_eq!(
            FixedPointMultiplier::from_real(1.0 - 1e-12).unwrap(),
            FixedPointMultiplier::from_real(1.0).unwrap()
        );
        assert_eq!(FixedPointMultiplier::from_real(1e-20).unwrap(), FixedPointMultiplier::default());
        assert_eq!(FixedPointMultiplier::from_real(-1.0).unwrap().multiply(7, ProductRounding::Double), -7);
        assert!(FixedPointMultiplier::from_real(f64::NAN).is_err());
        assert!(FixedPointMultiplier::from_parts(1, 32).is_err());
    }
}
