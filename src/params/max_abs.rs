//! The largest magnitude over the largest code, and nothing else.

use super::affine_params::largest_finite_scale;
use super::text_form::TextForm;
use super::{AffineParams, CodeRange, ParamsCalculator, Rule, ValueRange, ZeroPoints};
use crate::error::{Error, Result};

/// `scale = max|x| / qmax`, rounded to f32 once, 1 for zeros; a zero point of 0: what converters of models do with weights.
///
/// Lowered, if need be, so that the last code restores to a finite number.
///
/// Unlike [`Symmetric`](super::Symmetric) it treats a constant like anything else. It is for signed integer codes, among which
/// the zero point of 0 is; floating codes are refused.
///
/// # Examples
///
/// ```
/// use tensor_quant::params::{CodeRange, MaxAbs, ParamsCalculator, ValueRange};
///
/// let params = MaxAbs.params(ValueRange::new(0.5, 0.5)?, CodeRange::of::<i8>())?;
/// assert_eq!((params.scale(), params.zero_point()), (0.5 / 127.0, 0));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaxAbs;

impl ParamsCalculator for MaxAbs {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        if !codes.is_integer() {
            return Err(Error::IntegerCodesOnly { what: "a scale from the largest code" });
        }
        let scale = match range.max_abs() {
            0.0 => 1.0,
            max_abs => f64::from(max_abs) / codes.max(),
        };
        Ok(AffineParams::new(scale, 0)?.with_finite_reals(codes))
    }

    fn zero_points(&self, _codes: CodeRange) -> ZeroPoints {
        ZeroPoints::One(0)
    }

    fn codes(&self, full: CodeRange) -> CodeRange {
        full.narrow()
    }

    fn rule(&self, codes: CodeRange) -> Option<Rule> {
        let rule = Rule::MaxAbs { divisor: codes.max(), limit: largest_finite_scale(0, codes), zero_point: 0 };
        codes.is_integer().then_some(rule)
    }
}

impl TextForm for MaxAbs {
    const NAMED: &'static [(&'static str, Self)] = &[("max-abs", Self)];

    #[cfg(feature = "proptest")]
    fn is_for(&self, code: crate::num::CodeType) -> bool {
        code.is_integer() && code.min() < 0.0 && code.bits() > 1
    }
}
