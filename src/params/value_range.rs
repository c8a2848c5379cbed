//! An interval of real values.

use crate::error::{Error, Result};
use core::fmt;

/// A closed interval of finite values, `min ≤ max`: what is to be represented, as a range estimator found it.
///
/// The bounds are checked when it is built, so that no function that takes one has to.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::ValueRangeState", try_from = "super::state::ValueRangeState")
)]
pub struct ValueRange {
    min: f32,
    max: f32,
}

impl ValueRange {
    /// The interval that holds only 0.
    pub const ZERO: Self = Self { min: 0.0, max: 0.0 };

    /// Returns the interval from `min` to `max`; −0 becomes +0.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRange`] if a bound is NaN or infinite, or `min > max`.
    ///
    /// # Examples
    ///
    /// ```
    /// use tensor_quant::params::ValueRange;
    /// assert_eq!(ValueRange::new(-1.0, 3.0)?.max_abs(), 3.0);
    /// assert!(ValueRange::new(0.0, f32::NAN).is_err());
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn new(min: f32, max: f32) -> Result<Self> {
        if min.is_finite() && max.is_finite() && min <= max {
            Ok(Self { min: min + 0.0, max: max + 0.0 })
        } else {
            Err(Error::InvalidRange { min, max })
        }
    }

    /// Returns the interval of bounds that are known to be finite and in order, and none of them −0.
    pub(crate) fn of_known(min: f32, max: f32) -> Self {
        debug_assert!(min.is_finite() && max.is_finite() && min <= max, "{min} to {max}");
        Self { min, max }
    }

    /// Returns the lower bound.
    pub fn min(self) -> f32 {
        self.min
    }

    /// Returns the upper bound.
    pub fn max(self) -> f32 {
        self.max
    }

    /// Returns `max − min` in f64, where it cannot overflow.
    pub fn width(self) -> f64 {
        f64::from(self.max) - f64::from(self.min)
    }

    /// Returns the larger of |min| and |max|.
    pub fn max_abs(self) -> f32 {
        self.min.abs().max(self.max.abs())
    }

    /// Returns whether the interval is a single value.
    pub fn is_constant(self) -> bool {
        self.min == self.max
    }

    /// Returns the smallest interval that holds this one and zero.
    #[must_use]
    pub fn with_zero(self) -> Self {
        Self { min: self.min.min(0.0), max: self.max.max(0.0) }
    }
}

impl fmt::Display for ValueRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}]", self.min, self.max)
    }
}
