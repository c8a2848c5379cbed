//! The parameters of one group.

use super::CodeRange;
use crate::error::{Error, Result};

/// The scale, zero point and offset of one group of values: `real = scale · (code − zero_point) + offset`.
///
/// The offset is 0, and zero exactly representable, unless a calculator was told otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::AffineParamsState", try_from = "super::state::AffineParamsState")
)]
pub struct AffineParams {
    pub(super) scale: f32,
    pub(super) zero_point: i32,
    pub(super) offset: f32,
}

impl AffineParams {
    /// A scale of 1, without a zero point or an offset.
    pub(crate) const UNIT: Self = Self { scale: 1.0, zero_point: 0, offset: 0.0 };

    /// Returns parameters with an offset of 0.
    ///
    /// A scale below [`f32::MIN_POSITIVE`], the smallest normal number, is raised to it (its reciprocal would be
    /// infinite), one above `f32::MAX` is lowered to that: codes are then chosen against the scale that is stored.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidScale`] if the scale is NaN, zero or negative.
    pub fn new(scale: f64, zero_point: i32) -> Result<Self> {
        if scale > 0.0 {
            let scale = (scale as f32).clamp(f32::MIN_POSITIVE, f32::MAX);
            Ok(Self { scale, zero_point, offset: 0.0 })
        } else {
            Err(Error::InvalidScale { scale, group: 0 })
        }
    }

    /// Returns the same parameters with a real value that is added after scaling: the real of the zero point.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if the offset is not finite.
    pub fn with_offset(self, offset: f32) -> Result<Self> {
        if offset.is_finite() {
            Ok(Self { offset: offset + 0.0, ..self })
        } else {
            Err(Error::InvalidSetting { what: "the offset", expected: "finite", actual: f64::from(offset) })
        }
    }

    /// Returns the same parameters with an offset of 0.
    pub(crate) fn without_offset(self) -> Self {
        Self { offset: 0.0, ..self }
    }

    /// Returns the same with the scale lowered, if need be, so that no code restores to an infinity: a range that reaches
    /// ±`f32::MAX` gets a scale that is rounded, and the products with it would be.
    ///
    /// # Examples
    ///
    /// ```
    /// use tensor_quant::params::{AffineParams, CodeRange};
    ///
    /// let params = AffineParams::new(f64::from(f32::MAX) / 127.0, 0)?;
    /// assert_eq!(params.scale() * 127.0, f32::INFINITY);
    /// let finite = params.with_finite_reals(CodeRange::of::<i8>().narrow());
    /// assert!(finite.scale() * 127.0 <= f32::MAX && finite.scale() < params.scale());
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    #[must_use]
    pub fn with_finite_reals(self, codes: CodeRange) -> Self {
        Self { scale: self.scale.min(largest_finite_scale(self.zero_point, codes)), ..self }
    }

    /// Returns the distance between the reals of neighbouring codes.
    pub fn scale(self) -> f32 {
        self.scale
    }

    /// Returns the code that stands for the offset: for zero, unless there is one.
    pub fn zero_point(self) -> i32 {
        self.zero_point
    }

    /// Returns the real that the zero point stands for.
    pub fn offset(self) -> f32 {
        self.offset
    }
}

/// Returns the largest scale with which no code, whatever rounding or an infinite value may lead to it, restores to an infinity;
/// `f32::MAX` if the codes themselves are infinite, and no normal scale is small enough.
pub(super) fn largest_finite_scale(zero_point: i32, codes: CodeRange) -> f32 {
    let zero_point = f64::from(zero_point);
    let farthest = (codes.max() - zero_point).max(zero_point - codes.min());
    let limit = (f64::from(f32::MAX) / farthest) as f32;
    let limit = if f64::from(limit) * farthest > f64::from(f32::MAX) { limit.next_down() } else { limit };
    if limit >= f32::MIN_POSITIVE { limit } else { f32::MAX }
}
