//! What a range is for.

use crate::error::{Error, Result};
use crate::num::{nearest_whole, ties_even};
use crate::params::{Affine, AffineParams, CodeRange, ParamsCalculator, Rule, Symmetric, ValueRange, ZeroPoints};
use alloc::vec::Vec;
use core::fmt::Debug;

/// The codes, calculator and rounding that a range is to serve: an estimator that weighs clipping against rounding asks
/// for them.
///
/// A [`Scheme`](crate::Scheme) is a target, and so quantizing a tensor tells its estimator everything. A [`CodeRange`]
/// is one too, where there is no scheme: it stands for the affine calculator with an exact zero, and halves to even.
/// (Floating codes, whose spacing a code range does not know, then count as a continuum that ends at the largest: only
/// clipping costs.)
///
/// # Examples
///
/// ```
/// use tensor_quant::{RangeEstimator, Scheme, params::CodeRange, range::Mse};
///
/// let mut estimator = Mse::default();
/// estimator.observe(&[0.1, -0.2, 0.4, 0.3, -0.1, 5.0]);
/// let affine = estimator.range(&CodeRange::of::<i8>())?;
/// let symmetric = estimator.range(&Scheme::<i8>::symmetric())?;
/// assert!(symmetric.min() == -symmetric.max() && affine.min() != -affine.max());
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub trait Target: Debug {
    /// Returns the codes that are used.
    fn codes(&self) -> CodeRange;

    /// Returns the scale and zero point that a range gets.
    ///
    /// # Errors
    ///
    /// Those of the calculator.
    fn params(&self, range: ValueRange) -> Result<AffineParams>;

    /// Appends the scale and zero point that each of many ranges gets.
    ///
    /// # Errors
    ///
    /// That of the first range that has one; those before it are appended.
    fn params_of_each(&self, ranges: &[ValueRange], params: &mut Vec<AffineParams>) -> Result<()> {
        ranges.iter().try_for_each(|&range| {
            params.push(self.params(range)?);
            Ok(())
        })
    }

    /// Returns the rule by which ranges get their parameters, if there is one.
    #[doc(hidden)]
    fn rule(&self) -> Option<Rule> {
        None
    }

    /// Returns which zero points the calculator chooses from.
    fn zero_points(&self) -> ZeroPoints;

    /// Returns the whole number that a quotient is rounded to, or `None` if that is left to chance.
    fn round(&self, quotient: f32) -> Option<f32>;

    /// Returns what a value is restored to with these parameters.
    fn restore(&self, x: f32, params: AffineParams) -> f32;
}

impl Target for CodeRange {
    fn codes(&self) -> CodeRange {
        *self
    }

    fn params(&self, range: ValueRange) -> Result<AffineParams> {
        if self.is_integer() {
            Affine::default().params(range, *self)
        } else {
            Symmetric::narrow().params(range, *self)
        }
    }

    fn zero_points(&self) -> ZeroPoints {
        if self.is_integer() { Affine::default().zero_points(*self) } else { ZeroPoints::Unknown }
    }

    fn round(&self, quotient: f32) -> Option<f32> {
        Some(ties_even(quotient))
    }

    fn restore(&self, x: f32, params: AffineParams) -> f32 {
        let zero_point = f64::from(params.zero_point());
        let quotient = f64::from(x) / f64::from(params.scale());
        let code = (if self.is_integer() { nearest_whole(quotient) } else { quotient }) + zero_point;
        ((code.clamp(self.min(), self.max()) - zero_point) * f64::from(params.scale())) as f32
    }
}

/// Returns the error of an estimator whose model is that of evenly spaced codes.
pub(super) fn integer_codes_only(what: &'static str, codes: CodeRange) -> Result<()> {
    if codes.is_integer() { Ok(()) } else { Err(Error::IntegerCodesOnly { what }) }
}
