//! The mean, and a number of standard deviations to both sides.

use super::exact_moments::ExactMoments;
use super::finite::finite;
use super::text_form::TextForm;
use super::{RangeEstimator, Target, no_data};
use crate::error::{Error, Result};
use crate::kernel::{self, Extremes, MOMENTS_TILE};
use crate::params::ValueRange;
use core::fmt;

/// Returns mean ± k · σ, where σ is the standard deviation of the population (divided by n).
///
/// The range may reach beyond the data, and zero may lie outside of it: the calculator decides about zero. Bounds beyond
/// ±`f32::MAX` are cut there. Sums are exact integers, so merging is exact in any order.
///
/// # Examples
///
/// ```
/// use tensor_quant::{RangeEstimator, params::CodeRange, range::MeanStd};
///
/// let mut estimator = MeanStd::new(3.0)?;
/// estimator.observe(&[9.0, 11.0]);
/// let range = estimator.range(&CodeRange::of::<i8>())?;
/// assert_eq!((range.min(), range.max()), (7.0, 13.0));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::MeanStdState", try_from = "super::state::MeanStdState")
)]
pub struct MeanStd {
    pub(super) k: f64,
    pub(super) seen: Extremes,
    pub(super) moments: ExactMoments,
}

impl MeanStd {
    /// Returns an estimator of the range of `k` standard deviations around the mean.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] unless `k` is positive and finite.
    pub fn new(k: f64) -> Result<Self> {
        if k > 0.0 && k.is_finite() {
            Ok(Self { k, seen: Extremes::default(), moments: ExactMoments::default() })
        } else {
            Err(Error::InvalidSetting {
                what: "the number of standard deviations",
                expected: "positive and finite",
                actual: k,
            })
        }
    }

    /// Returns the mean and the standard deviation of the population; `None` if no finite value was observed.
    ///
    /// # Examples
    ///
    /// ```
    /// use tensor_quant::{RangeEstimator, range::MeanStd};
    ///
    /// let mut estimator = MeanStd::new(3.0)?;
    /// estimator.observe(&[9.0, 11.0]);
    /// assert_eq!(estimator.mean_and_std(), Some((10.0, 1.0)));
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn mean_and_std(&self) -> Option<(f64, f64)> {
        self.moments.mean_and_std()
    }
}

impl RangeEstimator for MeanStd {
    const IS_FOREIGN: bool = false;

    fn built_in(&self) -> Option<super::AnyEstimator> {
        Some(self.clone().into())
    }

    fn observe(&mut self, values: &[f32]) {
        for tile in values.chunks(MOMENTS_TILE) {
            let seen = kernel::min_max(kernel::detect(), tile);
            self.seen = self.seen.merge(seen);
            if seen.min <= seen.max {
                self.moments.add_tile(&finite(tile, &seen), seen.max.max(-seen.min));
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.seen = self.seen.merge(other.seen);
        self.moments.merge(&other.moments);
    }

    fn range(&self, _target: &dyn Target) -> Result<ValueRange> {
        let (mean, std) = self.moments.mean_and_std().ok_or_else(|| no_data(&self.seen))?;
        let bound = |x: f64| (x as f32).clamp(f32::MIN, f32::MAX);
        ValueRange::new(bound(mean - self.k * std), bound(mean + self.k * std))
    }
}

impl TextForm for MeanStd {
    const NAME: &'static str = "mean-std";

    fn write_settings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " {}", self.k)
    }

    fn of_settings(settings: &str) -> Option<Result<Self>> {
        settings.parse().ok().map(Self::new)
    }

    #[cfg(feature = "proptest")]
    fn drawn([a, _]: [f64; 2]) -> Option<Self> {
        Self::new(2.0 + 2.0 * a).ok()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::params::CodeRange;

    #[test]
    fn a_mean_far_from_zero_does_not_hide_the_deviation() {
        let mut estimator = MeanStd::new(1.0).unwrap();
        let (a, b) = (16_777_214.0_f32, 16_777_216.0_f32);
        estimator.observe(&[a, b]);
        let range = estimator.range(&CodeRange::of::<i8>()).unwrap();
        assert_eq!((range.min(), range.max()), (a, b));
    }

    #[test]
    fn extreme_magnitudes_do_not_overflow() {
        let mut estimator = MeanStd::new(4.0).unwrap();
        estimator.observe(&[f32::MAX, f32::MIN, 1e-45, 0.0]);
        let range = estimator.range(&CodeRange::of::<i8>()).unwrap();
        assert_eq!((range.min(), range.max()), (f32::MIN, f32::MAX));
    }
}
