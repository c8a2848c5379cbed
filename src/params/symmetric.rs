//! Symmetric parameters: zero in the middle.

use super::affine_params::largest_finite_scale;
use super::rule::scale_of_max_abs;
use super::text_form::TextForm;
use super::{AffineParams, CodeRange, ParamsCalculator, Rule, ValueRange, ZeroPoints};
use crate::error::Result;
use alloc::vec::Vec;

/// A zero point in the middle of the codes (0 for signed types, 128 for `u8`), and a scale from max|x|.
///
/// | | codes of `i8` | scale |
/// | --- | --- | --- |
/// | [`narrow`](Self::narrow), the default | −127..=127 | max\|x\| / 127 |
/// | [`full`](Self::full) | −128..=127 | max\|x\| / 127.5 |
///
/// Narrow is what TFLite prescribes for weights; with full, +max\|x\| itself saturates, by half a step (PyTorch).
/// Floating codes use max\|x\| / largest code in both.
///
/// A constant gives a scale of its magnitude and a code of ±1: it is restored exactly (but for subnormal numbers, and for a
/// directed rounding of a product with the reciprocal, which may fall just short of 1). All zeros give a scale of 1.
///
/// Every code restores to a finite number. A constant so large that the last code would not has a fraction of it for its scale;
/// beyond 2¹²⁷ it may then be restored two units in the last place too small. With full, one of more than `f32::MAX · 127 / 128`
/// saturates.
///
/// Two codes, as those of [`I1`](crate::num::I1) and [`U1`](crate::num::U1), cannot lie around a zero in their middle:
/// [`Error::InvalidSetting`](crate::Error::InvalidSetting).
///
/// # Examples
///
/// ```
/// use tensor_quant::params::{CodeRange, ParamsCalculator, Symmetric, ValueRange};
///
/// let range = ValueRange::new(-2.54, 1.0)?;
/// let params = Symmetric::narrow().params(range, CodeRange::of::<i8>())?;
/// assert_eq!((params.scale(), params.zero_point()), (0.02, 0));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Symmetric {
    width: Width,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Width {
    #[default]
    Narrow,
    Full,
}

impl Symmetric {
    /// Returns a calculator that uses as many codes below the zero point as above it.
    #[doc(alias = "narrow_range")]
    pub const fn narrow() -> Self {
        Self { width: Width::Narrow }
    }

    /// Returns a calculator that uses every code.
    pub const fn full() -> Self {
        Self { width: Width::Full }
    }
}

/// The reciprocals of larger numbers are subnormal in f32: 2¹²⁶.
const HUGE: f32 = 1.0 / f32::MIN_POSITIVE;

/// Returns the scale of a constant, of both signs: the constant itself, which is then one step from the middle, or a fraction of it
/// if the farthest code would restore to an infinity, or the reciprocal of the scale be subnormal.
///
/// 1. A power of two of steps is exact, in products and in quotients.
/// 2. Beyond 2¹²⁷ the codes may be too many for that: then as many steps as give the constant exactly.
/// 3. There may be none such. To the last code, with a scale that is rounded down, every rounding of a quotient leads.
fn of_constant(constant: f32, codes: CodeRange) -> f32 {
    let (middle, limit) = (f64::from(codes.middle()), largest_finite_scale(codes.middle(), codes));
    let side = (codes.max() - middle).min(middle - codes.min()).min(f64::from(f32::MAX));
    let (mut steps, mut exact) = (1.0, None);
    while steps <= side {
        let scale = constant / steps as f32;
        if scale <= limit {
            exact = Some(scale);
            if scale < HUGE {
                break;
            }
        }
        steps *= 2.0;
    }
    exact.or_else(|| exact_steps(constant, side, limit)).unwrap_or_else(|| {
        let scale = (f64::from(constant) / side) as f32;
        let scale = if f64::from(scale) * side > f64::from(constant) { scale.next_down() } else { scale };
        scale.min(limit)
    })
}

/// Returns a scale of which the constant is a whole number of steps, up to `side`, as quotient and as product.
fn exact_steps(constant: f32, side: f64, limit: f32) -> Option<f32> {
    let mut highest_bit = 1.0;
    while highest_bit * 2.0 <= side {
        highest_bit *= 2.0;
    }
    // Codes from half of the last on have a bit of this value for their lowest, or more than eight bits.
    let mut unit = highest_bit / 128.0;
    while unit < highest_bit && side / (2.0 * unit) % 1.0 == 0.0 {
        unit *= 2.0;
    }
    let (fewest, most) = ((highest_bit / unit) as u32, (side / unit) as u32);
    (fewest..=most).rev().find_map(|steps| {
        let steps = (f64::from(steps) * unit) as f32;
        let scale = constant / steps;
        (scale <= limit && steps * scale == constant && constant / scale == steps).then_some(scale)
    })
}

/// What depends on the codes alone.
#[derive(Clone, Copy)]
struct ForCodes {
    codes: CodeRange,
    middle: i32,
    half_width: f64,
    limit: f32,
}

impl ForCodes {
    fn params(&self, range: ValueRange) -> Result<AffineParams> {
        if !range.is_constant() {
            return Ok(self.of_no_constant(range));
        }
        let max_abs = range.max_abs();
        let scale = if max_abs == 0.0 { 1.0 } else { f64::from(of_constant(max_abs, self.codes)) };
        let params = AffineParams::new(scale, self.middle)?;
        Ok(AffineParams { scale: params.scale.min(self.limit), ..params })
    }

    /// The same of a range that is more than one value: its quotient is a positive number, whatever the codes.
    #[inline(always)]
    fn of_no_constant(&self, range: ValueRange) -> AffineParams {
        let scale = scale_of_max_abs(range.max_abs(), self.half_width, self.limit);
        AffineParams { scale, zero_point: self.middle, offset: 0.0 }
    }
}

impl Symmetric {
    fn for_codes(self, codes: CodeRange) -> Result<ForCodes> {
        codes.check_middle()?;
        let half_width = match self.width {
            _ if !codes.is_integer() => codes.max().min(f64::from(f32::MAX)),
            Width::Narrow => codes.half_width(),
            Width::Full => (codes.max() - codes.min()) / 2.0,
        };
        let middle = codes.middle();
        Ok(ForCodes { codes, middle, half_width, limit: largest_finite_scale(middle, codes) })
    }
}

impl ParamsCalculator for Symmetric {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        self.for_codes(codes)?.params(range)
    }

    fn params_of_each(&self, ranges: &[ValueRange], codes: CodeRange, params: &mut Vec<AffineParams>) -> Result<()> {
        if ranges.is_empty() {
            return Ok(());
        }
        let for_codes = self.for_codes(codes)?;
        let before = params.len();
        // Without a branch, so that one group does not wait for another.
        params.extend(ranges.iter().map(|range| for_codes.of_no_constant(*range)));
        if !ranges.iter().fold(false, |any, range| any | range.is_constant()) {
            return Ok(());
        }
        for (k, range) in ranges.iter().enumerate().filter(|(_, range)| range.is_constant()) {
            match for_codes.params(*range) {
                Ok(found) => params[before + k] = found,
                Err(error) => {
                    params.truncate(before + k);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn zero_points(&self, codes: CodeRange) -> ZeroPoints {
        if codes.is_integer() { ZeroPoints::One(codes.middle()) } else { ZeroPoints::Unknown }
    }

    fn codes(&self, full: CodeRange) -> CodeRange {
        match self.width {
            Width::Narrow => full.narrow(),
            Width::Full => full,
        }
    }

    fn rule(&self, codes: CodeRange) -> Option<Rule> {
        let ForCodes { middle, half_width, limit, .. } = self.for_codes(codes).ok()?;
        Some(Rule::MaxAbs { divisor: half_width, limit, zero_point: middle })
    }
}

impl TextForm for Symmetric {
    const NAMED: &'static [(&'static str, Self)] = &[("symmetric", Self::narrow()), ("symmetric-full", Self::full())];

    #[cfg(feature = "proptest")]
    fn is_for(&self, code: crate::num::CodeType) -> bool {
        // Two codes have no middle.
        code.bits() > 1
    }
}
