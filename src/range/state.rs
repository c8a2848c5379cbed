//! How estimators' states are written: plain fields that a person can read, and that are checked when they are read.
//!
//! A state that no observation could have left is refused: whoever wrote it, nothing later panics or goes wrong silently
//! because of it. Counts are at most 2⁵³.

use super::entropy::Entropy;
use super::exact_moments::{EXPONENTS, ExactMoments};
use super::fixed::Fixed;
use super::histogram::Histogram;
use super::lp_norm::LpNorm;
use super::mean_std::MeanStd;
use super::min_max::MinMax;
use super::moving_average::MovingAverage;
use super::mse::Mse;
use super::octav::Octav;
use super::percentile::Percentile;
use super::sample::{KEPT, Sample, Values};
use crate::kernel::{BINS_PER_SIDE, Extremes, SMALLEST_EXPONENT, exponent_for};
use crate::params::ValueRange;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use serde::{Deserialize, Serialize};

/// The largest number that JSON's readers all agree on.
const MOST: u64 = 1 << 53;

/// Says which field is wrong, and how.
type Checked<T> = Result<T, String>;

fn check(holds: bool, why: impl FnOnce() -> String) -> Checked<()> {
    if holds { Ok(()) } else { Err(why()) }
}

/// [`Extremes`]: bounds are there if a finite value was seen.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeenState {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    min: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    max: Option<f32>,
    count: u64,
    nan: u64,
    infinite: u64,
}

impl From<Extremes> for SeenState {
    fn from(seen: Extremes) -> Self {
        let some = seen.min <= seen.max;
        let Extremes { min, max, count, nan, infinite } = seen;
        Self { min: some.then_some(min), max: some.then_some(max), count, nan, infinite }
    }
}

impl TryFrom<SeenState> for Extremes {
    type Error = String;

    fn try_from(SeenState { min, max, count, nan, infinite }: SeenState) -> Checked<Self> {
        let finite = count.checked_sub(nan).and_then(|rest| rest.checked_sub(infinite));
        let finite = finite
            .filter(|_| count <= MOST)
            .ok_or_else(|| format!("of {count} values, {nan} are NaN and {infinite} infinite"))?;
        let bounds = match (min, max) {
            (None, None) => None,
            (Some(min), Some(max)) => Some(ValueRange::new(min, max).map_err(|error| error.to_string())?),
            _ => return Err("min and max come together".into()),
        };
        check(bounds.is_some() == (finite > 0), || format!("{finite} finite values have bounds if there are any"))?;
        let (min, max) = bounds.map_or((f32::INFINITY, f32::NEG_INFINITY), |range| (range.min(), range.max()));
        Ok(Self { min, max, count, nan, infinite })
    }
}

/// [`Extremes`], which are the kernel's and know nothing of files, as the field of something.
pub(crate) mod seen {
    use super::{Extremes, SeenState};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(seen: &Extremes, serializer: S) -> Result<S::Ok, S::Error> {
        SeenState::from(*seen).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Extremes, D::Error> {
        SeenState::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
    }
}

/// [`Histogram`]: the bins in use, in ascending order, and their counts.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HistogramState {
    /// Bins are two to this power wide.
    exponent: i32,
    bins: Vec<(i32, u64)>,
}

impl From<Histogram> for HistogramState {
    fn from(histogram: Histogram) -> Self {
        Self { exponent: histogram.exponent, bins: histogram.bins().collect() }
    }
}

impl TryFrom<HistogramState> for Histogram {
    type Error = String;

    fn try_from(HistogramState { exponent, bins }: HistogramState) -> Checked<Self> {
        let widest = exponent_for(f32::MAX);
        check((SMALLEST_EXPONENT..=widest).contains(&exponent), || {
            format!("the exponent must be from {SMALLEST_EXPONENT} to {widest}, got {exponent}")
        })?;
        let half = BINS_PER_SIDE as i32;
        let mut histogram = Self { exponent, ..Self::default() };
        let (mut last, mut total, mut farthest) = (i32::MIN, 0_u64, 0);
        for (bin, count) in bins {
            check((-half..half).contains(&bin) && bin > last, || {
                format!("bin {bin} after bin {last}: from {} to {}, ascending", -half, half - 1)
            })?;
            total = total.saturating_add(count);
            check(count > 0 && total <= MOST, || format!("bin {bin} counts {count}, all so far {total}"))?;
            histogram.counts[(bin + half) as usize] = count;
            farthest = farthest.max(if bin < 0 { -1 - bin } else { bin });
            last = bin;
        }
        check(farthest >= half / 2 || exponent == SMALLEST_EXPONENT, || {
            format!("bins of 2^{exponent} are wider than a farthest bin of {farthest} needs")
        })?;
        Ok(histogram)
    }
}

/// [`Sample`]: the values themselves, or their histogram.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SampleState {
    #[serde(with = "seen")]
    seen: Extremes,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    values: Option<Vec<f32>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    histogram: Option<Histogram>,
}

impl From<Sample> for SampleState {
    fn from(Sample { seen, values }: Sample) -> Self {
        match values {
            Values::Kept(values) => Self { seen, values: Some(values), histogram: None },
            Values::Counted(histogram) => Self { seen, values: None, histogram: Some(histogram) },
        }
    }
}

impl TryFrom<SampleState> for Sample {
    type Error = String;

    fn try_from(SampleState { seen, values, histogram }: SampleState) -> Checked<Self> {
        let finite = seen.count - seen.nan - seen.infinite;
        let bounds = vec![seen.min + 0.0, seen.max + 0.0];
        let values = match (values, histogram) {
            (Some(values), None) => {
                check(values.len() <= KEPT && values.len() as u64 == finite, || {
                    format!("{} values are kept of {finite}; at most {KEPT} are", values.len())
                })?;
                check(values.iter().all(|x| x.is_finite()) && values.is_sorted(), || {
                    "values ascend and are finite".into()
                })?;
                let values: Vec<f32> = values.into_iter().map(|x| x + 0.0).collect();
                let ends: Vec<f32> = values.first().into_iter().chain(values.last()).copied().collect();
                check(ends.is_empty() || ends == bounds, || {
                    format!("values from {ends:?} have the bounds {bounds:?}")
                })?;
                Values::Kept(values)
            }
            (None, Some(histogram)) => {
                check(finite > KEPT as u64 && histogram.total() == finite, || {
                    format!("{} values are counted of {finite}; more than {KEPT} are", histogram.total())
                })?;
                // The outermost bins are those of the bounds.
                let mut ends = Histogram::default();
                ends.observe(&bounds);
                let outermost = |histogram: &Histogram| {
                    let mut bins = histogram.bins().map(|(bin, _)| bin);
                    (histogram.exponent, bins.next(), histogram.bins().last().map(|(bin, _)| bin))
                };
                check(outermost(&ends) == outermost(&histogram), || {
                    format!("the histogram does not end at {bounds:?}")
                })?;
                Values::Counted(histogram)
            }
            _ => return Err("either values or a histogram".into()),
        };
        Ok(Self { seen, values })
    }
}

/// [`ExactMoments`]: integer sums by exponent, as text, for they have up to 128 bits.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MomentsState {
    count: u64,
    sums: BTreeMap<usize, String>,
    squares: BTreeMap<usize, String>,
}

impl From<ExactMoments> for MomentsState {
    fn from(moments: ExactMoments) -> Self {
        let sparse = |sums: &[i128; EXPONENTS]| {
            sums.iter().enumerate().filter(|(_, sum)| **sum != 0).map(|(k, sum)| (k, sum.to_string())).collect()
        };
        Self { count: moments.count, sums: sparse(&moments.sums), squares: sparse(&moments.squares) }
    }
}

impl TryFrom<MomentsState> for ExactMoments {
    type Error = String;

    fn try_from(MomentsState { count, sums, squares }: MomentsState) -> Checked<Self> {
        let mut moments = Self { count, ..Self::default() };
        for (what, limit, from, to) in
            [("sum", 24, sums, &mut moments.sums), ("sum of squares", 48, squares, &mut moments.squares)]
        {
            for (exponent, text) in from {
                let sum: Option<i128> = text.parse().ok();
                // Of so many integers of so many bits.
                let sum = sum.filter(|sum| sum.unsigned_abs() <= u128::from(count) << limit);
                let sum = sum.filter(|sum| limit == 24 || *sum >= 0);
                *to.get_mut(exponent)
                    .filter(|_| exponent < EXPONENTS - 1)
                    .ok_or_else(|| format!("there is no exponent {exponent}"))? =
                    sum.ok_or_else(|| format!("{text:?} is no {what} of {count} values with the exponent {exponent}"))?;
            }
        }
        check(count <= MOST, || format!("{count} values"))?;
        Ok(moments)
    }
}

macro_rules! samples {
    ($($estimator:ident)*) => {$(
        impl From<$estimator> for SampleState {
            fn from(estimator: $estimator) -> Self {
                estimator.sample.into()
            }
        }

        impl TryFrom<SampleState> for $estimator {
            type Error = String;

            fn try_from(state: SampleState) -> Checked<Self> {
                Ok(Self { sample: state.try_into()? })
            }
        }
    )*};
}

samples! { Mse Octav Entropy }

/// [`LpNorm`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LpNormState {
    p: f64,
    sample: SampleState,
}

impl From<LpNorm> for LpNormState {
    fn from(LpNorm { p, sample }: LpNorm) -> Self {
        Self { p, sample: sample.into() }
    }
}

impl TryFrom<LpNormState> for LpNorm {
    type Error = String;

    fn try_from(LpNormState { p, sample }: LpNormState) -> Checked<Self> {
        let sample = sample.try_into()?;
        Ok(Self { sample, ..Self::new(p).map_err(|error| error.to_string())? })
    }
}

/// [`Percentile`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PercentileState {
    lower: f64,
    upper: f64,
    sample: SampleState,
}

impl From<Percentile> for PercentileState {
    fn from(Percentile { lower, upper, sample }: Percentile) -> Self {
        Self { lower, upper, sample: sample.into() }
    }
}

impl TryFrom<PercentileState> for Percentile {
    type Error = String;

    fn try_from(PercentileState { lower, upper, sample }: PercentileState) -> Checked<Self> {
        let sample = sample.try_into()?;
        Ok(Self { sample, ..Self::new(lower, upper).map_err(|error| error.to_string())? })
    }
}

/// [`MinMax`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct MinMaxState(#[serde(with = "seen")] Extremes);

impl From<MinMax> for MinMaxState {
    fn from(estimator: MinMax) -> Self {
        Self(estimator.seen)
    }
}

impl From<MinMaxState> for MinMax {
    fn from(MinMaxState(seen): MinMaxState) -> Self {
        Self { seen }
    }
}

/// [`MovingAverage`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MovingAverageState {
    momentum: f32,
    min: f32,
    max: f32,
    batches: u64,
    #[serde(with = "seen")]
    seen: Extremes,
}

impl From<MovingAverage> for MovingAverageState {
    fn from(MovingAverage { momentum, min, max, batches, seen }: MovingAverage) -> Self {
        Self { momentum, min, max, batches, seen }
    }
}

impl TryFrom<MovingAverageState> for MovingAverage {
    type Error = String;

    fn try_from(MovingAverageState { momentum, min, max, batches, seen }: MovingAverageState) -> Checked<Self> {
        let fresh = Self::new(momentum).map_err(|error| error.to_string())?;
        let finite = seen.count - seen.nan - seen.infinite;
        check(min.is_finite() && max.is_finite(), || format!("the averages {min} and {max} are finite"))?;
        check(batches <= finite && (batches > 0) == (finite > 0), || {
            format!("{batches} batches of {finite} finite values")
        })?;
        Ok(Self { min, max, batches, seen, ..fresh })
    }
}

/// [`MeanStd`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MeanStdState {
    k: f64,
    #[serde(with = "seen")]
    seen: Extremes,
    moments: MomentsState,
}

impl From<MeanStd> for MeanStdState {
    fn from(MeanStd { k, seen, moments }: MeanStd) -> Self {
        Self { k, seen, moments: moments.into() }
    }
}

impl TryFrom<MeanStdState> for MeanStd {
    type Error = String;

    fn try_from(MeanStdState { k, seen, moments }: MeanStdState) -> Checked<Self> {
        let moments: ExactMoments = moments.try_into()?;
        let finite = seen.count - seen.nan - seen.infinite;
        check(moments.count == finite, || format!("the sums are of {} values, of {finite}", moments.count))?;
        Ok(Self { seen, moments, ..Self::new(k).map_err(|error| error.to_string())? })
    }
}

/// [`Fixed`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FixedState {
    min: f32,
    max: f32,
}

impl From<Fixed> for FixedState {
    fn from(estimator: Fixed) -> Self {
        Self { min: estimator.range.min(), max: estimator.range.max() }
    }
}

impl TryFrom<FixedState> for Fixed {
    type Error = String;

    fn try_from(FixedState { min, max }: FixedState) -> Checked<Self> {
        Ok(Self::new(ValueRange::new(min, max).map_err(|error| error.to_string())?))
    }
}
