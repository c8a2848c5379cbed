//! All but a share of the values at each end.

use super::finite::finite;
use super::sample::{Sample, Values};
use super::selection::neighbours;
use super::text_form::{TextForm, pair};
use super::{Feed, RangeEstimator, Target};
use crate::error::{Error, Result};
use crate::kernel::{self, Extremes};
use crate::params::ValueRange;
use core::fmt;

/// Returns the range between two quantiles: outliers beyond them saturate.
///
/// **Definition.** Of n finite values in ascending order, v₀ … vₙ₋₁, the quantile p is the value at the position
/// `h = p · (n − 1)`, interpolated linearly between the neighbours: `v⌊h⌋ + (h − ⌊h⌋) · (v⌊h⌋₊₁ − v⌊h⌋)`. (Type 7 of
/// Hyndman and Fan 1996; numpy's default.)
///
/// Of values at hand ([`range_of`](RangeEstimator::range_of)), as those of a tensor, it is this to the last bit, and so it is for
/// up to 4096 observed ones. More are counted in a [`BinaryHistogram`](super::BinaryHistogram), and the values of a bin taken to be spread
/// evenly in it: the answer is then within one bin of the definition, which is at most a 2048th of max|x| wide and at most
/// a 128th of the value, subnormal ones excepted. However far outliers are, the share of values that is kept is not moved by
/// more. Which of the two it is, and the counts, depend on the values alone, so merging is exact.
///
/// # Examples
///
/// ```
/// use tensor_quant::{RangeEstimator, params::CodeRange, range::Percentile};
///
/// let mut estimator = Percentile::new(0.01, 0.99)?;
/// let values: Vec<f32> = (0..=100).map(|i| i as f32).collect();
/// estimator.observe(&values);
/// let range = estimator.range(&CodeRange::of::<i8>())?;
/// assert_eq!((range.min(), range.max()), (1.0, 99.0));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::PercentileState", try_from = "super::state::PercentileState")
)]
pub struct Percentile {
    pub(super) lower: f64,
    pub(super) upper: f64,
    pub(super) sample: Sample,
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
        Ok(Self { lower, upper, sample: Sample::default() })
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
        quantile(&self.sample.seen, p, self.sample.finite(), &|below| match &self.sample.values {
            Values::Kept(values) => {
                let at = |k: u64| f64::from(values[(k as usize).min(values.len() - 1)]);
                (at(below), at(below.saturating_add(1)))
            }
            Values::Counted(histogram) => {
                (histogram.value_of_rank(below), histogram.value_of_rank(below.saturating_add(1)))
            }
        })
    }
}

/// Returns the quantile p of so many values with these extremes; `neighbours` gives those of a rank and the next.
fn quantile(seen: &Extremes, p: f64, count: u64, neighbours: &dyn Fn(u64) -> (f64, f64)) -> f32 {
    if p == 0.0 || p == 1.0 {
        return if p == 0.0 { seen.min } else { seen.max };
    }
    let position = p * count.saturating_sub(1) as f64;
    let below = position as u64;
    let fraction = position - below as f64;
    let (low, high) = neighbours(below);
    let value = if fraction > 0.0 { low + fraction * (high - low) } else { low };
    (value as f32).clamp(seen.min, seen.max)
}

fn setting(what: &'static str, expected: &'static str, actual: f64) -> Error {
    Error::InvalidSetting { what, expected, actual }
}

impl RangeEstimator for Percentile {
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

    fn range(&self, _target: &dyn Target) -> Result<ValueRange> {
        self.sample.extremes()?;
        between(self.quantile(self.lower), self.quantile(self.upper))
    }

    fn range_of(&self, values: &[f32], target: &dyn Target) -> Result<ValueRange> {
        if self.sample.seen.count > 0 {
            let mut all = self.clone();
            all.observe(values);
            return all.range(target);
        }
        let seen = kernel::min_max(kernel::detect(), values);
        super::range_of(&seen)?;
        let values = finite(values, &seen);
        let of = |p: f64| {
            quantile(&seen, p, values.len() as u64, &|below| {
                let (low, high) = neighbours(&values, below);
                (f64::from(low), f64::from(high))
            })
        };
        between(of(self.lower), of(self.upper))
    }

    fn feed(&self) -> Feed {
        Feed::Whole
    }
}

impl TextForm for Percentile {
    const NAME: &'static str = "percentile";

    fn write_settings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.share_in_percent() {
            Some(share) => write!(f, " {share}"),
            None => write!(f, " {}..{}", self.lower, self.upper),
        }
    }

    fn of_settings(settings: &str) -> Option<Result<Self>> {
        match pair(settings) {
            Some((lower, upper)) => Some(Self::new(lower, upper)),
            None => settings.parse().ok().map(Self::in_percent),
        }
    }

    #[cfg(feature = "proptest")]
    fn drawn([a, b]: [f64; 2]) -> Option<Self> {
        let share = 0.5 + a / 2.0;
        if b < 0.5 { Self::two_sided(share) } else { Self::new(b - 0.5, (b - 0.5) + share / 2.0) }.ok()
    }
}

impl Percentile {
    /// Returns the share that was asked for, in percent, if there is one from which the quantiles follow exactly.
    fn share_in_percent(&self) -> Option<f64> {
        let share = (self.upper - self.lower) * 100.0;
        // What it was written as has few digits; beside it the difference is off by a rounding error or two.
        let rounded = num_traits::Float::round(share * 1e9) / 1e9;
        let is_it =
            |share: f64| Self::in_percent(share).is_ok_and(|it| (it.lower, it.upper) == (self.lower, self.upper));
        [rounded, share].into_iter().find(|&share| is_it(share))
    }

    fn in_percent(share: f64) -> Result<Self> {
        if !(share > 0.0 && share <= 100.0) {
            return Err(setting("the percentile", "above 0 and at most 100", share));
        }
        Self::two_sided(share / 100.0)
    }
}

fn between(low: f32, high: f32) -> Result<ValueRange> {
    ValueRange::new(low, high.max(low))
}
