//! How a [`MovingAverage`] is written.

use super::super::moving_average::MovingAverage;
use super::{Checked, check, seen};
use crate::kernel::Extremes;
use alloc::format;
use alloc::string::{String, ToString};
use serde::{Deserialize, Serialize};

/// [`MovingAverage`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::range) struct MovingAverageState {
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
