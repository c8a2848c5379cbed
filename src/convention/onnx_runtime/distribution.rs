//! The mean and the deviation of the values, read off a histogram.

use super::collector::{Collector, check_bins};
use super::histogram::CollectedHistogram;
use super::pairwise::sum;
use crate::error::Result;
use crate::params::ValueRange;
use crate::range::{Feed, RangeEstimator, Target};
use alloc::vec::Vec;
use num_traits::Float;

/// Returns what `CalibrationMethod.Distribution` finds: the mean and the standard deviation of the values, each bin's middle
/// standing for its values; and the range of the histogram's edges.
///
/// ONNX Runtime makes the scales of FP8 from the deviation. What `observe` means, memory, and what unusual input gives are
/// as for [`EntropyCalibrater`](super::EntropyCalibrater).
///
/// # Examples
///
/// ```
/// use tensor_quant::{RangeEstimator, convention::onnx_runtime::{DistributionCalibrater, Power}};
///
/// let mut calibrator = DistributionCalibrater::new(512, Power::Same)?;
/// let values: Vec<f32> = (0..512).map(|i| if i % 2 == 0 { -1.0 } else { 1.0 }).collect();
/// calibrator.observe(&values);
/// let (mean, deviation) = calibrator.mean_and_deviation()?;
/// assert!(mean.abs() < 1e-6 && (deviation - 1.0).abs() < 1.0 / 256.0);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::DistributionState", try_from = "super::state::DistributionState")
)]
#[doc(alias = "Distribution")]
#[doc(alias = "DistributionCalibrator")]
#[doc(alias = "CalibrationMethod")]
pub struct DistributionCalibrater {
    pub(super) collector: Collector,
    pub(super) power: Power,
}

/// Of what the mean and the deviation are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Power {
    /// The values: scenario `"same"`.
    #[default]
    Same,
    /// Their cube roots, scenario `"p3"`: x^⅓, with the sign of x.
    CubeRoot,
}

impl DistributionCalibrater {
    /// Returns a calibrator with this many bins.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`](crate::Error::InvalidSetting) unless there are from 512 to 65536.
    #[doc(alias = "scenario")]
    pub fn new(bins: usize, power: Power) -> Result<Self> {
        check_bins(bins, 512)?;
        Ok(Self { collector: Collector::signed(bins), power })
    }

    /// Returns the histogram so far; without bins before the first batch.
    pub fn histogram(&self) -> &CollectedHistogram {
        self.collector.histogram()
    }

    /// Returns the mean and the standard deviation.
    ///
    /// Values are f32, sums f64, in numpy's order. Where rounding makes the variance negative, as it may for a constant, the
    /// deviation is 0 (ONNX Runtime: NaN).
    ///
    /// # Errors
    ///
    /// [`Error::NoData`](crate::Error::NoData).
    pub fn mean_and_deviation(&self) -> Result<(f32, f32)> {
        self.collector.observed()?;
        let histogram = self.collector.histogram();
        let middle = |pair: &[f32]| f32::midpoint(pair[0], pair[1]);
        let values: Vec<f32> = histogram.edges().windows(2).map(|pair| self.power.of(middle(pair))).collect();
        let total = histogram.total() as f64;
        let mean_of = |f: fn(f32) -> f32| {
            let weighted = histogram.counts().iter().zip(&values).map(|(&count, &x)| count as f64 * f64::from(f(x)));
            sum(&weighted.collect::<Vec<f64>>()) / total
        };
        let mean = mean_of(|x| x);
        let variance = mean_of(|x| x * x) - mean * mean;
        Ok((mean as f32, Float::sqrt(variance.max(0.0)) as f32))
    }
}

impl Default for DistributionCalibrater {
    /// With what ONNX Runtime takes: 2048 bins, and the values as they are.
    fn default() -> Self {
        Self { collector: Collector::signed(2048), power: Power::Same }
    }
}

impl Power {
    fn of(self, x: f32) -> f32 {
        match self {
            Self::Same => x,
            Self::CubeRoot => {
                let root = Float::powf(f64::from(x.abs()), f64::from(1.0_f32 / 3.0)) as f32;
                // |x| / x, which is 1 for zero.
                if x < 0.0 { -root } else { root }
            }
        }
    }
}

impl RangeEstimator for DistributionCalibrater {
    fn observe(&mut self, values: &[f32]) {
        self.collector.collect(values);
    }

    fn merge(&mut self, other: &Self) {
        self.collector.merge(&other.collector);
    }

    fn range(&self, _target: &dyn Target) -> Result<ValueRange> {
        let seen = self.collector.observed()?;
        let (low, high) = self.collector.histogram().ends().unwrap_or((seen.min(), seen.max()));
        ValueRange::new(low, high)
    }

    fn feed(&self) -> Feed {
        Feed::Whole
    }
}
