//! How a sample is written, and the estimators that are nothing but one.

use super::super::entropy::Entropy;
use super::super::histogram::BinaryHistogram;
use super::super::mse::Mse;
use super::super::octav::Octav;
use super::super::sample::{KEPT, Sample, Values};
use super::{Checked, check, seen};
use crate::kernel::Extremes;
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};
use serde::{Deserialize, Serialize};

/// [`Sample`]: the values themselves, or their histogram.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::range) struct SampleState {
    #[serde(with = "seen")]
    seen: Extremes,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    values: Option<Vec<f32>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    histogram: Option<BinaryHistogram>,
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
                let mut ends = BinaryHistogram::default();
                ends.observe(&bounds);
                let outermost = |histogram: &BinaryHistogram| {
                    let mut bins = histogram.bins().map(|(bin, _)| bin);
                    (histogram.grids.exponent, bins.next(), histogram.bins().last().map(|(bin, _)| bin))
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
