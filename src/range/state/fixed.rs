//! How a [`Fixed`] is written.

use super::super::fixed::Fixed;
use super::Checked;
use crate::params::ValueRange;
use alloc::string::{String, ToString};
use serde::{Deserialize, Serialize};

/// [`Fixed`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::range) struct FixedState {
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
