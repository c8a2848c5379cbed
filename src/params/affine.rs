//! Affine (asymmetric) parameters: the whole code range over the whole value range.

use super::affine_params::largest_finite_scale;
use super::text_form::TextForm;
use super::{AffineParams, CodeRange, ParamsCalculator, Rule, ValueRange, ZeroPoints};
use crate::error::{Error, Result};
use crate::num::nearest_whole;

/// `scale = (max − min) / (qmax − qmin)`, with a zero point.
///
/// By default the range is widened to hold zero, and the zero point is rounded (halves to even) to a code, so that
/// zero is represented exactly (Jacob et al. 2018, § 3). [`without_zero`](Self::without_zero) opts out: `min` itself
/// then becomes the offset and the smallest code (or, of a range wider than `f32::MAX`, its middle and the middle code).
///
/// - The width is taken in f64 and the scale rounded to f32 once: a range of ±`f32::MAX` does not overflow.
/// - A constant gives a scale of its magnitude and a code one away from the zero point: it is restored exactly (but for
///   subnormal numbers, and for a directed rounding of a product with the reciprocal, which may fall just short of 1). A
///   constant so large that the farthest code would not be finite has the last code, a power of two from the zero point.
///   All zeros give a scale of 1.
/// - Floating codes have no zero point: [`Error::IntegerCodesOnly`].
///
/// # Examples
///
/// ```
/// use tensor_quant::params::{Affine, CodeRange, ParamsCalculator, ValueRange};
///
/// let params = Affine::default().params(ValueRange::new(-1.0, 3.0)?, CodeRange::of::<u8>())?;
/// assert_eq!((params.scale(), params.zero_point()), (4.0 / 255.0, 64));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[doc(alias = "asymmetric")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Affine {
    zero: Zero,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Zero {
    #[default]
    Exact,
    Anywhere,
}

/// The reciprocals of larger numbers are subnormal: 2¹²⁶.
const HUGE: f32 = 1.0 / f32::MIN_POSITIVE;

impl Affine {
    /// Returns a calculator that spends all codes on `min..=max`, whether zero lies in it or not.
    pub const fn without_zero() -> Self {
        Self { zero: Zero::Anywhere }
    }
}

impl ParamsCalculator for Affine {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        if !codes.is_integer() {
            return Err(Error::IntegerCodesOnly { what: "an affine scheme" });
        }
        match self.zero {
            Zero::Anywhere => anywhere(range, codes),
            Zero::Exact => zero_exact(range, codes),
        }
    }

    fn zero_points(&self, codes: CodeRange) -> ZeroPoints {
        if self.zero == Zero::Exact && codes.is_integer() { ZeroPoints::Any } else { ZeroPoints::Unknown }
    }

    /// Smaller scales than the limit restore to finite numbers wherever the zero point is.
    fn rule(&self, codes: CodeRange) -> Option<Rule> {
        let (lowest, highest) = (codes.min(), codes.max());
        let limit = largest_finite_scale(lowest as i32, codes);
        (self.zero == Zero::Exact && codes.is_integer()).then_some(Rule::Width { lowest, highest, limit })
    }
}

impl TextForm for Affine {
    const NAMED: &'static [(&'static str, Self)] =
        &[("affine", Self { zero: Zero::Exact }), ("affine-without-zero", Self::without_zero())];

    #[cfg(feature = "pipeline")]
    fn has_offsets(&self) -> bool {
        *self == Self::without_zero()
    }

    #[cfg(feature = "proptest")]
    fn is_for(&self, code: crate::num::CodeType) -> bool {
        code.is_integer()
    }
}

fn anywhere(range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
    let steps = codes.max() - codes.min();
    if range.width() > f64::from(f32::MAX) {
        // Counted from the smallest code, the largest would be infinitely far away before the offset is added. The ends,
        // counted from the middle, keep clear of infinity by some rounding errors of f32.
        let params = AffineParams::new(range.width() / steps * (1.0 - 1.0 / 2_097_152.0), codes.middle())?;
        let params = params.with_finite_reals(codes);
        let centre = f64::midpoint(f64::from(range.min()), f64::from(range.max()));
        let middle = f64::from(codes.middle()) - f64::midpoint(codes.min(), codes.max());
        let params = params.with_offset((centre + middle * f64::from(params.scale)) as f32)?;
        return Ok(with_finite_ends(params, codes));
    }
    let scale = if range.is_constant() { 1.0 } else { range.width() / steps };
    let params = AffineParams::new(scale, codes.min() as i32)?.with_finite_reals(codes).with_offset(range.min())?;
    Ok(with_finite_ends(params, codes))
}

/// Returns the same with the scale lowered by some rounding errors, if need be, so that the sum with the offset is finite, too.
fn with_finite_ends(params: AffineParams, codes: CodeRange) -> AffineParams {
    let mut params = params;
    let real = |code: f64, scale: f32| (code - f64::from(params.zero_point)) as f32 * scale + params.offset;
    // Each step is of the size of the rounding error that it makes up for.
    while params.scale > f32::MIN_POSITIVE
        && !(real(codes.min(), params.scale).is_finite() && real(codes.max(), params.scale).is_finite())
    {
        params.scale = params.scale.next_down();
    }
    params
}

fn zero_exact(range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
    if range.is_constant() && range.max_abs() > 0.0 {
        return of_constant(range.min(), codes);
    }
    let range = range.with_zero();
    let scale = if range.width() > 0.0 { range.width() / (codes.max() - codes.min()) } else { 1.0 };
    let params = AffineParams::new(scale, 0)?;
    let zero_point = codes.min() - f64::from(range.min()) / f64::from(params.scale());
    let zero_point = nearest_whole(zero_point.clamp(codes.min(), codes.max())) as i32;
    Ok(AffineParams { zero_point, ..params }.with_finite_reals(codes))
}

fn of_constant(value: f32, codes: CodeRange) -> Result<AffineParams> {
    // The code next to the zero point, above or below it, must exist.
    let lowest = if value < 0.0 { codes.min() + 1.0 } else { codes.min() };
    let highest = if value > 0.0 { codes.max() - 1.0 } else { codes.max() };
    let zero_point = 0.0_f64.clamp(lowest, highest) as i32;
    let magnitude = value.abs();
    if magnitude < HUGE && magnitude <= largest_finite_scale(zero_point, codes) {
        return AffineParams::new(f64::from(magnitude), zero_point);
    }
    // More than half of the codes, a power of two of them, lie between zero and the constant: the scale is exact, and no code
    // is farther away than the constant.
    let mut steps = 1.0;
    while steps * 2.0 <= codes.max() - codes.min() {
        steps *= 2.0;
    }
    let zero_point = if value < 0.0 { codes.min() + steps } else { codes.max() - steps };
    AffineParams::new(f64::from(magnitude) / steps, zero_point as i32)
}
