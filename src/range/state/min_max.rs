//! How a [`MinMax`] is written.

use super::super::min_max::MinMax;
use super::seen;
use crate::kernel::Extremes;
use serde::{Deserialize, Serialize};

/// [`MinMax`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::range) struct MinMaxState(#[serde(with = "seen")] Extremes);

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
