//! How estimators' states are written: plain fields that a person can read, and that are checked when they are read.
//!
//! A state that no observation could have left is refused: whoever wrote it, nothing later panics or goes wrong silently
//! because of it. Counts are at most 2⁵³.

mod fixed;
mod histogram;
mod lp_norm;
mod mean_std;
mod min_max;
mod moments;
mod moving_average;
mod percentile;
mod sample;
pub(crate) mod seen;

pub(super) use fixed::FixedState;
pub(super) use histogram::HistogramState;
pub(super) use lp_norm::LpNormState;
pub(super) use mean_std::MeanStdState;
pub(super) use min_max::MinMaxState;
pub(super) use moving_average::MovingAverageState;
pub(super) use percentile::PercentileState;
pub(super) use sample::SampleState;

use alloc::string::String;

/// The largest number that JSON's readers all agree on.
pub(crate) const MOST: u64 = 1 << 53;

/// Says which field is wrong, and how.
pub(crate) type Checked<T> = Result<T, String>;

pub(crate) fn check(holds: bool, why: impl FnOnce() -> String) -> Checked<()> {
    if holds { Ok(()) } else { Err(why()) }
}
