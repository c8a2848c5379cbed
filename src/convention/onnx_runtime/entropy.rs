//! The range of least information lost, by the Kullback–Leibler divergence.
//!
//! The steps are those of [`entropy_threshold`]. Sums are exact integers up to the second; from there everything is f32,
//! summed in numpy's order, since ranges often differ in the last bits only. (Migacz, "8-bit Inference with TensorRT", 2017,
//! as ONNX Runtime has it.)

use super::collector::{Collector, check_bins};
use super::divergence::least;
use super::histogram::CollectedHistogram;
use crate::error::{Error, Result};
use crate::params::ValueRange;
use crate::range::{Feed, RangeEstimator, Target};

/// Returns the range that `CalibrationMethod.Entropy` finds: the one in which a coarser histogram tells most about the data,
/// as [`entropy_threshold`] has it, cut to the range of the data.
///
/// A call of `observe` is a batch.
///
/// **Merging is not exact**, and neither is splitting: the width of the bins is that of the first batch. Memory is bounded:
/// at most 65536 bins. Where ONNX Runtime would need more, as for a batch a thousand times larger than the first, the
/// histogram starts anew with as many bins as at first, the middle of each old bin standing for its values.
///
/// | input | answer |
/// | --- | --- |
/// | NaN | ignored and counted, as in ONNX Runtime |
/// | ±∞ | ignored and counted (ONNX Runtime refuses the batch) |
/// | an empty batch | changes nothing (ONNX Runtime takes an empty first one as a zero) |
/// | nothing finite at all | [`Error::NoData`] |
/// | a constant, or all zeros | the range is that value, or reaches from it to a bin's edge |
/// | values in the remainder of the runs only | the narrowest range, cut to that of the data: as there, they go unseen |
///
/// # Examples
///
/// ```
/// use tensor_quant::{RangeEstimator, convention::onnx_runtime, params::CodeRange};
///
/// let mut calibrator = onnx_runtime::EntropyCalibrater::default();
/// let values: Vec<f32> = (0..4096).map(|i| (i % 64) as f32 / 64.0).collect();
/// calibrator.observe(&values);
/// calibrator.observe(&[-1.0, 1.0]);
/// let range = calibrator.range(&CodeRange::of::<u8>())?;
/// assert!(-1.0 <= range.min() && range.max() <= 1.0);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::EntropyState", try_from = "super::state::EntropyState")
)]
#[doc(alias = "Entropy")]
#[doc(alias = "EntropyCalibrator")]
#[doc(alias = "CalibrationMethod")]
pub struct EntropyCalibrater {
    pub(super) collector: Collector,
    pub(super) quantized_bins: usize,
}

impl EntropyCalibrater {
    /// Returns a calibrator with this many bins, of which a range is merged into `quantized_bins`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] unless there are at most 65536 bins, and from 2 to as many quantized ones.
    pub fn new(bins: usize, quantized_bins: usize) -> Result<Self> {
        check_bins(bins, 1)?;
        check_quantized_bins(bins, quantized_bins)?;
        Ok(Self { collector: Collector::signed(bins), quantized_bins })
    }

    /// Returns the histogram so far; without bins before the first batch.
    pub fn histogram(&self) -> &CollectedHistogram {
        self.collector.histogram()
    }
}

impl Default for EntropyCalibrater {
    /// With ONNX Runtime's 128 bins, merged into 128.
    fn default() -> Self {
        Self { collector: Collector::signed(128), quantized_bins: 128 }
    }
}

impl RangeEstimator for EntropyCalibrater {
    fn observe(&mut self, values: &[f32]) {
        self.collector.collect(values);
    }

    fn merge(&mut self, other: &Self) {
        self.collector.merge(&other.collector);
    }

    fn range(&self, _target: &dyn Target) -> Result<ValueRange> {
        let seen = self.collector.observed()?;
        let histogram = self.collector.histogram();
        let (low, high) = entropy_threshold(histogram.counts(), histogram.edges(), self.quantized_bins)?;
        super::within(low, high, seen)
    }

    fn feed(&self) -> Feed {
        Feed::Whole
    }
}

fn check_quantized_bins(bins: usize, quantized_bins: usize) -> Result<()> {
    if quantized_bins >= 2 && quantized_bins <= bins {
        Ok(())
    } else {
        let (what, expected) = ("the number of quantized bins", "at least 2 and at most that of bins");
        Err(Error::InvalidSetting { what, expected, actual: quantized_bins as f64 })
    }
}

/// Returns the edges of the range of least divergence, of a histogram with one edge more than counts.
///
/// For every range of the bins from `zero − i` to `zero + i`, where `zero` is the middle bin and i at least half of Q, the
/// number of quantized bins:
///
/// 1. **p** is the part of the histogram in the range, what lies outside added to its ends.
/// 2. The part (without what lies outside) is merged into Q equal runs of bins, the last of which takes the remainder. **q**
///    spreads each run's count evenly over its bins, divided by the number of bins in it that are not empty in p, rounded
///    down; the remainder's bins stay empty.
/// 3. Both are smoothed: an empty bin gets ε = 10⁻⁴, and the others give away as much in all. Then they are divided by their
///    sums.
/// 4. The divergence is `Σ p · ln(p / q)`. The range with the least of them wins; of equal ones the narrowest.
///
/// ONNX Runtime's calibrator then cuts the range to that of the data. Without any count it is the narrowest.
///
/// The time is proportional to the square of the number of bins.
///
/// # Errors
///
/// [`Error::LengthMismatch`], and [`Error::InvalidSetting`] unless there are from 2 to as many quantized bins as there are counts,
/// and the counts' sum is below 2⁶⁴.
///
/// # Examples
///
/// ```
/// use tensor_quant::convention::onnx_runtime::entropy_threshold;
///
/// let counts = [1, 0, 0, 20, 40, 40, 20, 0, 0, 1];
/// let edges: Vec<f32> = (-5..=5).map(|edge| edge as f32).collect();
/// assert_eq!(entropy_threshold(&counts, &edges, 4)?, (-2.0, 3.0));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn entropy_threshold<E: Copy>(counts: &[u64], edges: &[E], quantized_bins: usize) -> Result<(E, E)> {
    if edges.len() != counts.len() + 1 {
        return Err(Error::LengthMismatch { what: "edges", expected: counts.len() + 1, actual: edges.len() });
    }
    check_quantized_bins(counts.len(), quantized_bins)?;
    if counts.iter().try_fold(0_u64, |total, &count| total.checked_add(count)).is_none() {
        let (what, expected) = ("the sum of the counts", "below 2^64");
        return Err(Error::InvalidSetting { what, expected, actual: counts.iter().map(|&count| count as f64).sum() });
    }
    let (start, end) = least(counts, quantized_bins);
    Ok((edges[start], edges[end]))
}
