//! Symmetric parameters whose scale is a power of two.

use super::text_form::TextForm;
use super::{AffineParams, CodeRange, ParamsCalculator, ValueRange};
use crate::error::Result;

/// The smallest power of two that lets max|x| fit: `2^⌈log2(max|x| / 127)⌉` for `i8`.
///
/// Multiplying by such a scale is a shift: what fixed-point hardware without a multiplier wants. It costs up to one bit
/// of precision. Codes are narrow and the zero point is in the middle, as in [`Symmetric`](super::Symmetric).
///
/// All zeros give a scale of 1. The exponent is found exactly and kept in −126..=127.
///
/// # Examples
///
/// ```
/// use tensor_quant::params::{CodeRange, ParamsCalculator, PowerOfTwo, ValueRange};
///
/// let scale = |max| Ok::<_, tensor_quant::Error>(
///     PowerOfTwo.params(ValueRange::new(-1.0, max)?, CodeRange::of::<i8>())?.scale());
/// assert_eq!(scale(127.0)?, 1.0);
/// assert_eq!(scale(127.1)?, 2.0);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PowerOfTwo;

impl ParamsCalculator for PowerOfTwo {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        codes.check_middle()?;
        let half_width = codes.half_width().min(f64::from(f32::MAX));
        let scale = match f64::from(range.max_abs()) {
            0.0 => 1.0,
            max_abs => next_power_of_two(max_abs / half_width),
        };
        // A power of two that would restore codes as infinities is halved: its range then saturates instead.
        let params = AffineParams::new(scale, codes.middle())?;
        let finite = params.with_finite_reals(codes).scale();
        if finite < params.scale() { AffineParams::new(scale / 2.0, codes.middle()) } else { Ok(params) }
    }

    fn codes(&self, full: CodeRange) -> CodeRange {
        full.narrow()
    }
}

impl TextForm for PowerOfTwo {
    const NAMED: &'static [(&'static str, Self)] = &[("power-of-two", Self)];

    #[cfg(feature = "proptest")]
    fn is_for(&self, code: crate::num::CodeType) -> bool {
        // Two codes have no middle.
        code.bits() > 1
    }
}

/// Returns the smallest power of two that is at least `x`, of those from 2⁻¹²⁶ to 2¹²⁷; `x` is positive.
///
/// Where `max|x| = half · 2ᵏ` the f64 quotient is 2ᵏ itself, and the next f32 is 2²⁹ f64 steps further: no rounding of
/// the quotient hides a difference.
fn next_power_of_two(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = (bits >> 52) as i32 - 1023 + i32::from(bits << 12 != 0);
    f64::from_bits(((exponent.clamp(-126, 127) + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_the_smallest_that_fits() {
        for k in -120..=120 {
            let exact = 2.0_f32.powi(k);
            assert_eq!(next_power_of_two(f64::from(exact)), f64::from(exact));
            assert_eq!(next_power_of_two(f64::from(exact.next_up())), 2.0 * f64::from(exact));
            assert_eq!(next_power_of_two(f64::from(exact.next_down())), f64::from(exact));
        }
        assert_eq!(next_power_of_two(1e-300), f64::from(f32::MIN_POSITIVE));
        assert_eq!(next_power_of_two(1e300), 2.0_f64.powi(127));
    }
}
