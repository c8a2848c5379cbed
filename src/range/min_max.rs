//! The smallest and the largest value.

use super::text_form::{TextForm, without_settings};
use super::{Feed, RangeEstimator, Target, range_of};
use crate::error::Result;
use crate::kernel::{self, Extremes};
use crate::params::ValueRange;

/// Returns the smallest range that holds every finite value.
///
/// Nothing saturates, but a single outlier widens the step for all. Merging is exact in any order.
///
/// # Examples
///
/// ```
/// use tensor_quant::{RangeEstimator, params::CodeRange, range::MinMax};
///
/// let mut estimator = MinMax::default();
/// estimator.observe(&[0.5, -2.0]);
/// estimator.observe(&[f32::INFINITY, 1.5]);
/// let range = estimator.range(&CodeRange::of::<i8>())?;
/// assert_eq!((range.min(), range.max()), (-2.0, 1.5));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::MinMaxState", from = "super::state::MinMaxState")
)]
pub struct MinMax {
    pub(super) seen: Extremes,
}

impl MinMax {
    /// Returns what was seen: the extremes, and how many values were NaN or infinite.
    pub fn seen(&self) -> &Extremes {
        &self.seen
    }
}

impl RangeEstimator for MinMax {
    const IS_FOREIGN: bool = false;

    fn built_in(&self) -> Option<super::AnyEstimator> {
        Some((*self).into())
    }

    fn is_of_extremes(&self) -> bool {
        self.seen == Extremes::default()
    }

    fn observe(&mut self, values: &[f32]) {
        self.seen = self.seen.merge(kernel::min_max(kernel::detect(), values));
    }

    fn observe_extremes(&mut self, seen: &Extremes) {
        self.seen = self.seen.merge(*seen);
    }

    fn merge(&mut self, other: &Self) {
        self.seen = self.seen.merge(other.seen);
    }

    fn range(&self, _target: &dyn Target) -> Result<ValueRange> {
        range_of(&self.seen)
    }

    fn range_of_extremes(&self, seen: &Extremes, _target: &dyn Target) -> Result<ValueRange> {
        range_of(&self.seen.merge(*seen))
    }

    fn feed(&self) -> Feed {
        Feed::Extremes
    }
}

impl TextForm for MinMax {
    const NAME: &'static str = "min-max";
    const OTHER_NAMES: &'static [&'static str] = &["max"];

    fn of_settings(settings: &str) -> Option<Result<Self>> {
        without_settings(settings)
    }
}
