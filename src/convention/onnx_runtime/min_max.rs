//! The extremes of the batches.

use crate::error::Result;
use crate::kernel::{self, Extremes};
use crate::params::ValueRange;
use crate::range::{Feed, RangeEstimator, Target, no_data};

/// Returns the range that `CalibrationMethod.MinMax` finds: from the smallest value to the largest, or, with
/// [`averaged`](Self::averaged), from the mean of the batches' minima to the mean of their maxima.
///
/// [`symmetric`](Self::symmetric) makes it ± the larger magnitude of the two. A call of `observe` is a batch; one without a
/// finite value changes nothing. NaN and ±∞ are ignored and counted; without a finite value there is no range,
/// [`Error::NoData`](crate::Error::NoData).
///
/// Minima and maxima merge exactly. Means depend on the batches, and the last bit on their order: they are running sums in
/// f32.
///
/// # Examples
///
/// ```
/// use tensor_quant::{RangeEstimator, convention::onnx_runtime, params::CodeRange};
///
/// let mut calibrator = onnx_runtime::MinMaxCalibrater::averaged().symmetric();
/// calibrator.observe(&[-1.0, 2.0]);
/// calibrator.observe(&[-5.0, 3.0]);
/// let range = calibrator.range(&CodeRange::of::<i8>())?;
/// assert_eq!((range.min(), range.max()), (-3.0, 3.0));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::MinMaxState", try_from = "super::state::MinMaxState")
)]
#[doc(alias = "MinMax")]
#[doc(alias = "MinMaxCalibrator")]
#[doc(alias = "CalibrationMethod")]
pub struct MinMaxCalibrater {
    pub(super) over: Over,
    pub(super) sides: Sides,
    pub(super) seen: Extremes,
    /// Sums over the batches.
    pub(super) minima: f32,
    pub(super) maxima: f32,
    pub(super) batches: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Over {
    #[default]
    Everything,
    EachBatch,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sides {
    #[default]
    AsTheyAre,
    Equal,
}

impl MinMaxCalibrater {
    /// Returns a calibrator of the mean of the batches' extremes: the option `moving_average` (`CalibMovingAverage`).
    #[doc(alias = "moving_average")]
    pub fn averaged() -> Self {
        Self { over: Over::EachBatch, ..Self::default() }
    }

    /// Returns the same with a symmetric range: the option `symmetric` (`CalibTensorRangeSymmetric`).
    #[must_use]
    pub fn symmetric(self) -> Self {
        Self { sides: Sides::Equal, ..self }
    }
}

impl RangeEstimator for MinMaxCalibrater {
    fn observe(&mut self, values: &[f32]) {
        let batch = kernel::min_max(kernel::detect(), values);
        self.seen = self.seen.merge(batch);
        if batch.min <= batch.max {
            self.minima = (self.minima + batch.min).clamp(f32::MIN, f32::MAX);
            self.maxima = (self.maxima + batch.max).clamp(f32::MIN, f32::MAX);
            self.batches = self.batches.saturating_add(1);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.seen = self.seen.merge(other.seen);
        self.minima = (self.minima + other.minima).clamp(f32::MIN, f32::MAX);
        self.maxima = (self.maxima + other.maxima).clamp(f32::MIN, f32::MAX);
        self.batches = self.batches.saturating_add(other.batches);
    }

    fn range(&self, _target: &dyn Target) -> Result<ValueRange> {
        if self.batches == 0 {
            return Err(no_data(&self.seen));
        }
        let mean = |sum: f32| (f64::from(sum) / self.batches as f64) as f32;
        let (low, high) = match self.over {
            Over::Everything => (self.seen.min, self.seen.max),
            Over::EachBatch => (mean(self.minima), mean(self.maxima)),
        };
        let range = ValueRange::new(low.min(high), high)?;
        match self.sides {
            Sides::AsTheyAre => Ok(range),
            Sides::Equal => ValueRange::new(-range.max_abs(), range.max_abs()),
        }
    }

    fn feed(&self) -> Feed {
        match self.over {
            Over::Everything => Feed::Pieces,
            Over::EachBatch => Feed::Whole,
        }
    }
}
