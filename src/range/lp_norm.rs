//! The range that loses least in another norm than the square.

use super::least_error::least_of_tried;
use super::sample::Sample;
use super::sorted::Sorted;
use super::text_form::{TextForm, without_settings};
use super::{RangeEstimator, Target};
use crate::error::{Error, Result};
use crate::params::ValueRange;
use core::fmt;
use num_traits::Float;

/// Returns the range with the smallest Σ |restored − x|ᵖ of those tried.
///
/// An exponent above 2 weighs the large errors of clipping more, one below 2 the many small ones of rounding: 2.4 is what
/// MCT, Sony's model compression toolkit, and others use for weights, and the default; below 1 outliers hardly count
/// (Badri and Shaji, "Half-Quadratic Quantization", 2023, use 0.7). [`Mse`](super::Mse) is the exact answer for 2.
///
/// The ranges tried are the whole one and shrunken ones, in steps that are finally of a 128th of an octave; the error is
/// that of the target's codes, calculator and rounding. Values are those of a sample: all up to 4096, then the middles of
/// the bins of a [`BinaryHistogram`](super::BinaryHistogram). All values equal give that value.
///
/// # Examples
///
/// ```
/// use tensor_quant::{RangeEstimator, Scheme, num::I4, range::LpNorm};
///
/// let values: Vec<f32> = (-500..=500).map(|i| (i as f32 / 250.0).powi(3)).collect();
/// let range = |p: f64| {
///     let mut estimator = LpNorm::new(p)?;
///     estimator.observe(&values);
///     estimator.range(&Scheme::<I4>::symmetric())
/// };
/// assert!(range(4.0)?.max() > range(1.0)?.max());
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::LpNormState", try_from = "super::state::LpNormState")
)]
pub struct LpNorm {
    pub(super) p: f64,
    pub(super) sample: Sample,
}

impl LpNorm {
    /// Returns an estimator for the exponent `p`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] unless `p` is positive and at most 100.
    pub fn new(p: f64) -> Result<Self> {
        if p > 0.0 && p <= 100.0 {
            Ok(Self { p, sample: Sample::default() })
        } else {
            Err(Error::InvalidSetting {
                what: "the exponent of the norm",
                expected: "positive and at most 100",
                actual: p,
            })
        }
    }
}

impl Default for LpNorm {
    /// With the exponent 2.4.
    fn default() -> Self {
        Self { p: 2.4, sample: Sample::default() }
    }
}

impl RangeEstimator for LpNorm {
    const IS_FOREIGN: bool = false;

    fn built_in(&self) -> Option<super::AnyEstimator> {
        Some(self.clone().into())
    }

    fn observe(&mut self, values: &[f32]) {
        self.sample.observe(values);
    }

    fn merge(&mut self, other: &Self) {
        self.sample.merge(&other.sample);
    }

    fn range(&self, target: &dyn Target) -> Result<ValueRange> {
        let extremes = self.sample.extremes()?;
        least_of_tried(&Sorted::of_sample(&self.sample), extremes, target, |d| Float::powf(d.abs(), self.p))
    }
}

impl TextForm for LpNorm {
    const NAME: &'static str = "lp-norm";

    fn write_settings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " {}", self.p)
    }

    fn of_settings(settings: &str) -> Option<Result<Self>> {
        without_settings(settings).or_else(|| settings.parse().ok().map(Self::new))
    }

    #[cfg(feature = "proptest")]
    fn drawn([a, _]: [f64; 2]) -> Option<Self> {
        Self::new(2.0 + 2.0 * a).ok()
    }
}
