//! All but a share of the values at each end.

use super::histogram::Histogram;
use super::{RangeEstimator, no_data};
use crate::error::{Error, Result};
use crate::kernel::{self, Extremes};
use crate::params::{CodeRange, ValueRange};
use alloc::vec::Vec;

/// Values that are kept as they are before they are counted in a histogram.
const KEPT: usize = 4096;

/// Returns the range between two quantiles: outliers beyond them saturate.
///
/// **Definition.** Of n finite values in ascending order, v₀ … vₙ₋₁, the quantile p is the value at the position
/// `h = p · (n − 1)`, interpolated linearly between the neighbours: `v⌊h⌋ + (h − ⌊h⌋) · (v⌊h⌋₊₁ − v⌊h⌋)`. (Type 7 of
/// Hyndman and Fan 1996; numpy's default.)
///
/// Up to 4096 values this is exact. More are counted in a histogram of 8192 bins whose width is a power of two, at most
/// max|x| / 2048, and the values of a bin taken to be spread evenly in it: the answer is then within one such width of
/// the definition. Which of the two it is, and the counts, depend on the values alone, so merging is exact.
///
/// # Examples
///
/// ```
/// use tensor_quant::{RangeEstimator, params::CodeRange, range::Percentile};
///
/// let mut estimator = Percentile::new(0.01, 0.99)?;
/// let values: Vec<f32> = (0..=100).map(|i| i as f32).collect();
/// estimator.observe(&values);
/// let range = estimator.range(CodeRange::of::<i8>())?;
/// assert_eq!((range.min(), range.max()), (1.0, 99.0));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Percentile {
    lower: f64,
    upper: f64,
    seen: Extremes,
    values: Values,
}

#[derive(Clone, Debug, PartialEq)]
enum Values {
    /// All of them, in ascending order.
    Kept(Vec<f32>),
    Counted(Histogram),
}

impl Percentile {
    /// Returns an estimator of the range from the quantile `lower` to the quantile `upper`, as fractions of 1.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] unless `0 ≤ lower < upper ≤ 1`.
    pub fn new(lower: f64, upper: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&lower) {
            return Err(setting("the lower quantile", "from 0 to 1", lower));
        }
        if !(upper > lower && upper <= 1.0) {
            return Err(setting("the upper quantile", "above the lower one and at most 1", upper));
        }
        Ok(Self { lower, upper, seen: Extremes::default(), values: Values::Kept(Vec::new()) })
    }

    /// Returns an estimator that keeps the middle `share` of the values: 0.999 leaves out 0.05 % at each end.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] unless `0 < share ≤ 1`.
    pub fn two_sided(share: f64) -> Result<Self> {
        if share > 0.0 && share <= 1.0 {
            Self::new((1.0 - share) / 2.0, f64::midpoint(1.0, share))
        } else {
            Err(setting("the share", "above 0 and at most 1", share))
        }
    }

    fn quantile(&self, p: f64) -> f32 {
        if p == 0.0 || p == 1.0 {
            return if p == 0.0 { self.seen.min } else { self.seen.max };
        }
        let finite = self.seen.count - self.seen.nan - self.seen.infinite;
        let position = p * (finite - 1) as f64;
        let below = position as u64;
        let fraction = position - below as f64;
        let (low, high) = match &self.values {
            Values::Kept(values) => {
                let at = |k: u64| f64::from(values[(k as usize).min(values.len() - 1)]);
                (at(below), at(below + 1))
            }
            Values::Counted(histogram) => (histogram.value_of_rank(below), histogram.value_of_rank(below + 1)),
        };
        let value = if fraction > 0.0 { low + fraction * (high - low) } else { low };
        (value as f32).clamp(self.seen.min, self.seen.max)
    }
}

fn setting(what: &'static str, expected: &'static str, actual: f64) -> Error {
    Error::InvalidSetting { what, expected, actual }
}

impl Values {
    fn add(&mut self, values: &[f32]) {
        match self {
            Values::Kept(kept) => {
                let finite = values.iter().filter(|x| x.is_finite());
                if kept.len() + finite.clone().count() <= KEPT {
                    kept.extend(finite.map(|x| x + 0.0));
                    kept.sort_unstable_by(f32::total_cmp);
                } else {
                    let mut histogram = Histogram::default();
                    histogram.add(kept);
                    histogram.add(values);
                    *self = Values::Counted(histogram);
                }
            }
            Values::Counted(histogram) => histogram.add(values),
        }
    }
}

impl RangeEstimator for Percentile {
    fn observe(&mut self, values: &[f32]) {
        self.seen = self.seen.merge(kernel::min_max(kernel::detect(), values));
        self.values.add(values);
    }

    fn merge(&mut self, other: &Self) {
        self.seen = self.seen.merge(other.seen);
        match &other.values {
            Values::Kept(kept) => self.values.add(kept),
            Values::Counted(theirs) => {
                let mut histogram = theirs.clone();
                match &self.values {
                    Values::Kept(kept) => histogram.add(kept),
                    Values::Counted(ours) => histogram.merge(ours),
                }
                self.values = Values::Counted(histogram);
            }
        }
    }

    fn range(&self, _codes: CodeRange) -> Result<ValueRange> {
        if self.seen.min > self.seen.max {
            return Err(no_data(&self.seen));
        }
        let (low, high) = (self.quantile(self.lower), self.quantile(self.upper));
        ValueRange::new(low, high.max(low))
    }
}
