//! How a [`Percentile`] is written.

use super::super::percentile::Percentile;
use super::{Checked, SampleState};
use alloc::string::{String, ToString};
use serde::{Deserialize, Serialize};

/// [`Percentile`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::range) struct PercentileState {
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
