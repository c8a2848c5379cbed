//! How the calibrators' states are written: plain fields, that are checked when they are read.

use super::collector::{Collector, Form, check_bins};
use super::distribution::{DistributionCalibrater, Power};
use super::entropy::EntropyCalibrater;
use super::histogram::CollectedHistogram;
use super::min_max::{MinMaxCalibrater, Over, Sides};
use super::percentile::{self, PercentileCalibrater};
use crate::kernel::Extremes;
use crate::range::{Checked, check, seen};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// [`MinMaxCalibrater`]: `minima` and `maxima` are the sums over the batches.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MinMaxState {
    averaged: bool,
    symmetric: bool,
    #[serde(with = "seen")]
    seen: Extremes,
    minima: f32,
    maxima: f32,
    batches: u64,
}

impl From<MinMaxCalibrater> for MinMaxState {
    fn from(MinMaxCalibrater { over, sides, seen, minima, maxima, batches }: MinMaxCalibrater) -> Self {
        Self { averaged: over == Over::EachBatch, symmetric: sides == Sides::Equal, seen, minima, maxima, batches }
    }
}

impl TryFrom<MinMaxState> for MinMaxCalibrater {
    type Error = String;

    fn try_from(state: MinMaxState) -> Checked<Self> {
        let MinMaxState { averaged, symmetric, seen, minima, maxima, batches } = state;
        let finite = seen.count - seen.nan - seen.infinite;
        check(minima.is_finite() && maxima.is_finite() && minima <= maxima, || {
            format!("the sums of minima, {minima}, and of maxima, {maxima}, are finite and ordered")
        })?;
        check(batches <= finite && (batches > 0) == (finite > 0), || {
            format!("{batches} batches of {finite} finite values")
        })?;
        check(batches > 0 || minima == 0.0 && maxima == 0.0, || format!("sums {minima} and {maxima} of no batch"))?;
        let over = if averaged { Over::EachBatch } else { Over::Everything };
        let sides = if symmetric { Sides::Equal } else { Sides::AsTheyAre };
        Ok(Self { over, sides, seen, minima, maxima, batches })
    }
}

/// [`Collector`]: the signed form has a threshold, from which its edges follow; that of magnitudes has edges.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CollectorState {
    /// To start with.
    bins: usize,
    #[serde(with = "seen")]
    seen: Extremes,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    threshold: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    edges: Option<Vec<f32>>,
    counts: Vec<u64>,
}

impl From<Collector> for CollectorState {
    fn from(Collector { bins, form, histogram, seen }: Collector) -> Self {
        let (counts, edges) = histogram.into_parts();
        match form {
            Form::Signed(threshold) => Self { bins, seen, threshold: Some(threshold), edges: None, counts },
            Form::Magnitudes => Self { bins, seen, threshold: None, edges: Some(edges), counts },
        }
    }
}

impl TryFrom<CollectorState> for Collector {
    type Error = String;

    fn try_from(CollectorState { bins, seen, threshold, edges, counts }: CollectorState) -> Checked<Self> {
        check_bins(bins, 1).map_err(|error| error.to_string())?;
        let finite = seen.count - seen.nan - seen.infinite;
        check((counts.is_empty()) == (finite == 0), || format!("{} bins of {finite} finite values", counts.len()))?;
        if finite > 0 {
            check_bins(counts.len(), 1).map_err(|error| error.to_string())?;
        }
        let total = counts.iter().try_fold(0_u64, |total, &count| total.checked_add(count)).unwrap_or(u64::MAX);
        let (form, histogram) = match (threshold, edges) {
            (Some(threshold), None) => {
                let max_abs = if finite > 0 { seen.min.abs().max(seen.max.abs()) } else { 0.0 };
                check(threshold.is_finite() && threshold >= max_abs && (finite > 0 || threshold == 0.0), || {
                    format!("bins up to {threshold} do not hold ±{max_abs}")
                })?;
                check(total == finite, || format!("{total} values are counted of {finite}"))?;
                let histogram = match counts.len() {
                    0 => CollectedHistogram::default(),
                    bins => CollectedHistogram::between(-threshold, threshold, bins).with_counts(counts),
                };
                (Form::Signed(threshold), histogram)
            }
            (None, Some(edges)) => {
                let wanted = if counts.is_empty() { 0 } else { counts.len() + 1 };
                check(edges.len() == wanted, || format!("{} edges of {} bins", edges.len(), counts.len()))?;
                check(edges.iter().all(|edge| edge.is_finite()) && edges.is_sorted(), || {
                    "edges ascend and are finite".into()
                })?;
                // A single magnitude is counted from half below it.
                check(edges.first().is_none_or(|&first| first >= -0.5), || {
                    format!("the edges of magnitudes begin at {:?}", edges.first())
                })?;
                // Those below the smallest of the first batch are not counted.
                check(total <= finite && (total > 0) == (finite > 0), || {
                    format!("{total} values are counted of {finite}")
                })?;
                (Form::Magnitudes, CollectedHistogram::from_parts(counts, edges))
            }
            _ => return Err("either a threshold or edges".into()),
        };
        Ok(Self { bins, form, histogram, seen })
    }
}

/// [`EntropyCalibrater`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntropyState {
    quantized_bins: usize,
    collector: CollectorState,
}

impl From<EntropyCalibrater> for EntropyState {
    fn from(EntropyCalibrater { collector, quantized_bins }: EntropyCalibrater) -> Self {
        Self { quantized_bins, collector: collector.into() }
    }
}

impl TryFrom<EntropyState> for EntropyCalibrater {
    type Error = String;

    fn try_from(EntropyState { quantized_bins, collector }: EntropyState) -> Checked<Self> {
        let fresh = Self::new(collector.bins, quantized_bins).map_err(|error| error.to_string())?;
        Ok(Self { collector: collector.try_into()?, ..fresh })
    }
}

/// [`PercentileCalibrater`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PercentileState {
    percentile: f64,
    symmetric: bool,
    collector: CollectorState,
}

impl From<PercentileCalibrater> for PercentileState {
    fn from(PercentileCalibrater { collector, percent, sides }: PercentileCalibrater) -> Self {
        Self { percentile: percent, symmetric: sides == percentile::Sides::One, collector: collector.into() }
    }
}

impl TryFrom<PercentileState> for PercentileCalibrater {
    type Error = String;

    fn try_from(PercentileState { percentile, symmetric, collector }: PercentileState) -> Checked<Self> {
        let fresh = if symmetric { Self::symmetric } else { Self::affine };
        let fresh = fresh(collector.bins, percentile).map_err(|error| error.to_string())?;
        Ok(Self { collector: collector.try_into()?, ..fresh })
    }
}

/// [`DistributionCalibrater`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DistributionState {
    power: PowerState,
    collector: CollectorState,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PowerState {
    Same,
    CubeRoot,
}

impl From<DistributionCalibrater> for DistributionState {
    fn from(DistributionCalibrater { collector, power }: DistributionCalibrater) -> Self {
        let power = match power {
            Power::Same => PowerState::Same,
            Power::CubeRoot => PowerState::CubeRoot,
        };
        Self { power, collector: collector.into() }
    }
}

impl TryFrom<DistributionState> for DistributionCalibrater {
    type Error = String;

    fn try_from(DistributionState { power, collector }: DistributionState) -> Checked<Self> {
        let power = match power {
            PowerState::Same => Power::Same,
            PowerState::CubeRoot => Power::CubeRoot,
        };
        let fresh = Self::new(collector.bins, power).map_err(|error| error.to_string())?;
        Ok(Self { collector: collector.try_into()?, ..fresh })
    }
}
