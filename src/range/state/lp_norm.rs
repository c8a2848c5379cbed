//! How an [`LpNorm`] is written.

use super::super::lp_norm::LpNorm;
use super::{Checked, SampleState};
use alloc::string::{String, ToString};
use serde::{Deserialize, Serialize};

/// [`LpNorm`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::range) struct LpNormState {
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
