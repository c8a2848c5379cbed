//! An exponential moving average of batch extremes.

use super::text_form::TextForm;
use super::{Feed, RangeEstimator, Target, no_data};
use crate::error::{Error, Result};
use crate::kernel::{self, Extremes};
use crate::params::ValueRange;
use core::fmt;

/// Returns the exponential moving average of each batch's minimum and maximum.
///
/// The first batch sets both; then `min += c · (batch min − min)`, in f32, and likewise the maximum, with
/// `c` = [`momentum`](Self::new): to the bit what PyTorch's moving averages are. A batch is one call of `observe`; one without
/// a finite value changes nothing. With a momentum near 1 rounding may lead past the batch's extreme, and the two averages
/// past each other: the range is then the one nearer to zero.
///
/// It follows a distribution that drifts, as in training. For calibration, where it does not, [`MinMax`](super::MinMax)
/// loses less.
///
/// **Merging is not exact**, and cannot be: the order of batches is part of the answer. `merge` averages the two states,
/// weighted by their numbers of batches.
///
/// # Examples
///
/// ```
/// use tensor_quant::{RangeEstimator, params::CodeRange, range::MovingAverage};
///
/// let mut estimator = MovingAverage::new(0.25)?;
/// estimator.observe(&[-1.0, 1.0]);
/// estimator.observe(&[-3.0, 5.0]);
/// let range = estimator.range(&CodeRange::of::<i8>())?;
/// assert_eq!((range.min(), range.max()), (-1.5, 2.0));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::MovingAverageState", try_from = "super::state::MovingAverageState")
)]
pub struct MovingAverage {
    pub(super) momentum: f32,
    pub(super) min: f32,
    pub(super) max: f32,
    pub(super) batches: u64,
    pub(super) seen: Extremes,
}

impl MovingAverage {
    /// Returns an estimator that gives a new batch the weight `momentum`, in (0, 1]; PyTorch's default is 0.01.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if it is outside (0, 1] or NaN.
    #[doc(alias = "averaging_constant")]
    pub fn new(momentum: f32) -> Result<Self> {
        if momentum > 0.0 && momentum <= 1.0 {
            Ok(Self { momentum, min: 0.0, max: 0.0, batches: 0, seen: Extremes::default() })
        } else {
            Err(Error::InvalidSetting {
                what: "the momentum",
                expected: "above 0 and at most 1",
                actual: f64::from(momentum),
            })
        }
    }
}

impl RangeEstimator for MovingAverage {
    const IS_FOREIGN: bool = false;

    fn built_in(&self) -> Option<super::AnyEstimator> {
        Some((*self).into())
    }

    fn observe(&mut self, values: &[f32]) {
        let batch = kernel::min_max(kernel::detect(), values);
        self.seen = self.seen.merge(batch);
        if batch.min > batch.max {
            return;
        }
        if self.batches == 0 {
            (self.min, self.max) = (batch.min, batch.max);
        } else {
            self.min = towards(self.min, batch.min, self.momentum);
            self.max = towards(self.max, batch.max, self.momentum);
        }
        self.batches = self.batches.saturating_add(1);
    }

    fn merge(&mut self, other: &Self) {
        self.seen = self.seen.merge(other.seen);
        self.batches = self.batches.saturating_add(other.batches);
        if other.batches > 0 {
            let weight = (other.batches as f64 / self.batches as f64) as f32;
            self.min = towards(self.min, other.min, weight);
            self.max = towards(self.max, other.max, weight);
        }
    }

    fn range(&self, _target: &dyn Target) -> Result<ValueRange> {
        if self.batches == 0 {
            return Err(no_data(&self.seen));
        }
        if self.min > self.max {
            let nearest = 0.0_f32.clamp(self.max, self.min);
            return ValueRange::new(nearest, nearest);
        }
        ValueRange::new(self.min, self.max)
    }

    fn feed(&self) -> Feed {
        Feed::Whole
    }
}

impl TextForm for MovingAverage {
    const NAME: &'static str = "moving-average";

    fn write_settings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " {}", self.momentum)
    }

    fn of_settings(settings: &str) -> Option<Result<Self>> {
        settings.parse().ok().map(Self::new)
    }

    #[cfg(feature = "proptest")]
    fn drawn([a, _]: [f64; 2]) -> Option<Self> {
        Self::new((0.5 + a / 2.0) as f32).ok()
    }
}

/// Returns `from + weight · (to − from)`, each step rounded; of a difference that is infinite, as of ±`f32::MAX`, a finite
/// number between the two.
fn towards(from: f32, to: f32, weight: f32) -> f32 {
    if (to - from).is_finite() {
        (from + weight * (to - from)).clamp(f32::MIN, f32::MAX)
    } else {
        (from + (weight * to - weight * from)).clamp(from.min(to), from.max(to))
    }
}
