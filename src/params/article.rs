//! The range mapping of the article that this crate grew from, in both its forms.
//!
//! # The formulas
//!
//! The first form maps `[min, max]` with the help of a target range `[a, b]`:
//!
//! ```text
//! step   = (b − a) / (max − min)
//! offset = min − a · step
//! code   = ⌈(w − offset) / step⌉          error = w − code
//! ```
//!
//! The second form takes a = min and b = max, so that the step is 1, and `code = ⌈(w − a) / step⌉`.
//!
//! # The worked example
//!
//! For w = [1.2, 2.5, 3.7], so min = 1.2 and max = 3.7:
//!
//! | form | step | offset | codes | errors w − code |
//! | --- | --- | --- | --- | --- |
//! | second | 1 | 1.2 | 0, 2, 3 | 1.2, 0.5, 0.7 |
//! | first, [a, b] = [−1, 1] | 0.8 | 2.0 | −1, 1, 3 | 2.2, 1.5, 0.7 |
//!
//! The first row is what the article prints. For the second row it prints a step of 0.123 and an offset of 1.339,
//! which do not follow from its own formulas; the row above is what exact arithmetic gives. Two more things to know:
//! the usual step of a quantizer is (max − min) / (b − a), the inverse of this one, and because `w` is *divided* by the
//! step, codes can leave `[a, b]`, as the 3 does here. [`Affine`](super::Affine) is what you want to compress data.
//!
//! # Exactness
//!
//! `(w − offset) / step`, written out, is `(w − min) / step + a`. Evaluated in that form the smallest value gets exactly
//! the code a. Evaluated as printed, in f32, the example's first quotient is −0.99999994 and the ceiling makes a whole
//! unit of that rounding error: 0 instead of −1. [`Article`] uses the stable form, with `min` as the offset and `a` as
//! the zero point. [`RangeMapping`] has both: [`quotient`](RangeMapping::quotient) as printed, and
//! [`exact_quotient`](RangeMapping::exact_quotient), stable and rid of the last rounding error, for comparing.

use super::text_form::TextForm;
use super::{AffineParams, CodeRange, ParamsCalculator, ValueRange};
use crate::error::{Error, Result};
use num_traits::Float;

/// The article's calculator; combine it with [`Ceil`](crate::Ceil), or use [`Scheme::article`](crate::Scheme::article).
///
/// Codes saturate at those of the code type, not at `[a, b]`. A constant gets a step of 1 and the code a, which restores
/// it exactly. A step with which the last code would restore to an infinity, as that of a range of 10⁻³⁶, is lowered.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{Ceil, Scheme, params::Article, quantize_tensor};
///
/// let w = array![1.2_f32, 2.5, 3.7];
/// let second_form = quantize_tensor(w.view(), &Scheme::<i8>::article(Article::own_range()))?;
/// assert_eq!(second_form.codes(), &array![0_i8, 2, 3]);
///
/// let first_form = quantize_tensor(w.view(), &Scheme::<i8>::article(Article::target(-1, 1)?))?;
/// assert_eq!(first_form.params().scales(), [0.8]);
/// assert_eq!(first_form.codes(), &array![-1_i8, 1, 3]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Article {
    target: Option<(i32, i32)>,
}

impl Article {
    /// Returns the first form, with the target range `[a, b]`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRange`] unless a < b.
    pub fn target(a: i32, b: i32) -> Result<Self> {
        if a < b {
            Ok(Self { target: Some((a, b)) })
        } else {
            Err(Error::InvalidRange { min: a as f32, max: b as f32 })
        }
    }

    /// Returns the target range `[a, b]` of the first form; `None` of the second.
    pub fn target_range(self) -> Option<(i32, i32)> {
        self.target
    }

    /// Returns the second form, whose target is the values' own range and whose step is 1.
    pub const fn own_range() -> Self {
        Self { target: None }
    }
}

impl ParamsCalculator for Article {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        let (step, zero_point) = match self.target {
            Some((a, b)) if !range.is_constant() => ((f64::from(b) - f64::from(a)) / range.width(), a),
            Some((a, _)) => (1.0, a),
            None => (1.0, 0),
        };
        AffineParams::new(step, zero_point)?.with_finite_reals(codes).with_offset(range.min())
    }
}

impl TextForm for Article {
    const NAMED: &'static [(&'static str, Self)] = &[("article", Self::own_range())];

    fn numbers(&self) -> Option<(i32, i32)> {
        self.target
    }

    fn of_numbers(a: i32, b: i32) -> Option<Result<Self>> {
        Some(Self::target(a, b))
    }

    #[cfg(feature = "pipeline")]
    fn has_offsets(&self) -> bool {
        true
    }

    #[cfg(feature = "proptest")]
    fn is_for(&self, code: crate::num::CodeType) -> bool {
        code.is_integer()
    }
}

/// The step, offset and quotients of both forms, in f32 or f64, each operation as the article writes it.
///
/// # Examples
///
/// ```
/// use tensor_quant::params::article::RangeMapping;
///
/// let mapping = RangeMapping::target(1.2_f64, 3.7, -1.0, 1.0);
/// assert_eq!((mapping.step(), mapping.offset()), (0.8, 2.0));
/// let codes = [1.2, 2.5, 3.7].map(|w| mapping.exact_quotient(w).ceil());
/// assert_eq!(codes, [-1.0, 1.0, 3.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RangeMapping<F> {
    min: F,
    a: F,
    step: F,
    offset: F,
}

impl<F: Float> RangeMapping<F> {
    /// Returns the first form for values in `[min, max]` and the target range `[a, b]`.
    ///
    /// `min = max` gives an infinite step, as the formula does.
    pub fn target(min: F, max: F, a: F, b: F) -> Self {
        let step = (b - a) / (max - min);
        Self { min, a, step, offset: min - a * step }
    }

    /// Returns the second form for values from `min` on: a step of 1 and an offset of `min`.
    pub fn own_range(min: F) -> Self {
        Self { min, a: F::zero(), step: F::one(), offset: min }
    }

    /// Returns the step: `(b − a) / (max − min)`.
    pub fn step(&self) -> F {
        self.step
    }

    /// Returns the offset: `min − a · step`, or `min` in the second form.
    pub fn offset(&self) -> F {
        self.offset
    }

    /// Returns `(w − offset) / step`, rounded after each operation.
    pub fn quotient(&self, w: F) -> F {
        (w - self.offset) / self.step
    }

    /// Returns `(w − min) / step + a`, and where that lies within 64 rounding errors of a multiple of ½, the multiple.
    ///
    /// Decimals such as 0.1 have no exact binary form, and a ceiling turns a stray 1e-16 into a whole unit; what the
    /// decimals give in exact arithmetic is what one wants to see. Only use it where that is what is meant.
    pub fn exact_quotient(&self, w: F) -> F {
        let (below, two) = ((w - self.min) / self.step, F::one() + F::one());
        let quotient = below + self.a;
        let halves = (quotient * two).round() / two;
        let magnitude = F::one().max(below.abs()).max(self.a.abs());
        let tolerance = F::epsilon() * magnitude * F::from(64).unwrap_or_else(F::one);
        if (quotient - halves).abs() <= tolerance { halves } else { quotient }
    }
}
