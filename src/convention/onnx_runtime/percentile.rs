//! The range that holds a share of the values, read off a histogram.

use super::collector::{Collector, check_bins};
use super::histogram::CollectedHistogram;
use crate::error::{Error, Result};
use crate::params::ValueRange;
use crate::range::{Feed, RangeEstimator, Target};

/// Returns the range that `CalibrationMethod.Percentile` finds: between edges of bins, the lower edge of the bin in which
/// the share is reached, cut to the range of the data.
///
/// [`symmetric`](Self::symmetric), ONNX Runtime's default, counts magnitudes: the range is ± the edge for `percentile` / 100
/// of them. [`affine`](Self::affine) counts values, and leaves half of what is left out at each end.
///
/// [`range::Percentile`](crate::range::Percentile) interpolates between values instead, and merges exactly.
///
/// What `observe` means, memory, and what unusual input gives are as for [`EntropyCalibrater`](super::EntropyCalibrater).
/// With magnitudes, later ones below the smallest of the first batch are not counted, and a constant c is counted from
/// c − ½ to c + ½, so that one smaller than such a bin has a range of 0; both as in ONNX Runtime.
///
/// # Examples
///
/// ```
/// use tensor_quant::{RangeEstimator, convention::onnx_runtime, params::CodeRange};
///
/// let mut calibrator = onnx_runtime::PercentileCalibrater::symmetric(512, 99.0)?;
/// let values: Vec<f32> = (0..=1000).map(|i| (i - 500) as f32 / 500.0).collect();
/// calibrator.observe(&values);
/// let range = calibrator.range(&CodeRange::of::<i8>())?;
/// assert!((range.max() - 0.99).abs() < 1.0 / 512.0 && range.min() == -range.max());
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::PercentileState", try_from = "super::state::PercentileState")
)]
#[doc(alias = "Percentile")]
#[doc(alias = "PercentileCalibrator")]
#[doc(alias = "CalibrationMethod")]
pub struct PercentileCalibrater {
    pub(super) collector: Collector,
    pub(super) percent: f64,
    pub(super) sides: Sides,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sides {
    One,
    Two,
}

impl PercentileCalibrater {
    /// Returns a calibrator of magnitudes.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] unless there are from 1 to 65536 bins, and `0 ≤ percentile ≤ 100`.
    pub fn symmetric(bins: usize, percentile: f64) -> Result<Self> {
        check(bins, percentile)?;
        Ok(Self { collector: Collector::magnitudes(bins), percent: percentile, sides: Sides::One })
    }

    /// Returns a calibrator of values.
    ///
    /// # Errors
    ///
    /// As [`symmetric`](Self::symmetric).
    pub fn affine(bins: usize, percentile: f64) -> Result<Self> {
        check(bins, percentile)?;
        Ok(Self { collector: Collector::signed(bins), percent: percentile, sides: Sides::Two })
    }

    /// Returns the histogram so far; without bins before the first batch.
    pub fn histogram(&self) -> &CollectedHistogram {
        self.collector.histogram()
    }
}

impl Default for PercentileCalibrater {
    /// With what ONNX Runtime takes: 2048 bins of magnitudes, and a percentile of 99.999.
    fn default() -> Self {
        Self { collector: Collector::magnitudes(2048), percent: 99.999, sides: Sides::One }
    }
}

fn check(bins: usize, percentile: f64) -> Result<()> {
    check_bins(bins, 1)?;
    if (0.0..=100.0).contains(&percentile) {
        Ok(())
    } else {
        Err(Error::InvalidSetting { what: "the percentile", expected: "from 0 to 100", actual: percentile })
    }
}

/// The lower edge of the first bin at which the sum of the shares reaches `share`; the last edge if rounding keeps it below.
fn edge_at(histogram: &CollectedHistogram, share: f64) -> f32 {
    let total = histogram.total() as f64;
    let mut sum = 0.0;
    let reached = |&count: &u64| {
        sum += count as f64 / total;
        sum >= share
    };
    let bin = histogram.counts().iter().position(reached).unwrap_or(histogram.counts().len());
    histogram.edges().get(bin).copied().unwrap_or_default()
}

impl RangeEstimator for PercentileCalibrater {
    fn observe(&mut self, values: &[f32]) {
        self.collector.collect(values);
    }

    fn merge(&mut self, other: &Self) {
        self.collector.merge(&other.collector);
    }

    fn range(&self, _target: &dyn Target) -> Result<ValueRange> {
        let seen = self.collector.observed()?;
        let histogram = self.collector.histogram();
        match self.sides {
            Sides::One => {
                let edge = edge_at(histogram, self.percent / 100.0);
                super::within(-edge, edge, seen)
            }
            Sides::Two => {
                let left_out = (100.0 - self.percent) / 200.0;
                super::within(edge_at(histogram, left_out), edge_at(histogram, 1.0 - left_out), seen)
            }
        }
    }

    fn feed(&self) -> Feed {
        Feed::Whole
    }
}
