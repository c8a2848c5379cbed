//! How a [`MeanStd`] is written.

use super::super::exact_moments::ExactMoments;
use super::super::mean_std::MeanStd;
use super::moments::MomentsState;
use super::{Checked, check, seen};
use crate::kernel::Extremes;
use alloc::format;
use alloc::string::{String, ToString};
use serde::{Deserialize, Serialize};

/// [`MeanStd`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::range) struct MeanStdState {
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
