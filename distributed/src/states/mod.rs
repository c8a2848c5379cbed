//! What aggregate functions remember of a group: the states of the library's calibration.

mod channel_means;
mod estimator;
mod histogram;
mod second_moments;
mod statistics;

pub(crate) use channel_means::MeansOfChannels;
pub(crate) use estimator::{Answer, OfEstimator};
pub(crate) use histogram::OfHistogram;
pub(crate) use second_moments::MomentsOfChannels;
pub(crate) use statistics::OfTensors;

use datafusion::error::{DataFusionError, Result};
use datafusion::scalar::ScalarValue;
use std::fmt::{Debug, Display};

/// Rows of a column that follow each other, of one group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    /// The tensor, for functions that are told.
    pub(crate) name: &'a str,
    pub(crate) values: &'a [f32],
    /// Values in a row.
    pub(crate) row: usize,
    /// Values that are channels of one place, the last axis, if it was said.
    pub(crate) channels: Option<usize>,
}

/// What is remembered of a group. Its text is what other machines are sent; merging is exact, so that the answer does not depend on
/// which rows were observed where, or in what order states were merged.
pub(crate) trait State: Debug + Send + Sync {
    /// Takes note of rows.
    fn observe(&mut self, piece: &Piece<'_>) -> Result<()>;

    /// Takes note of everything behind a state that was written.
    fn merge(&mut self, text: &str) -> Result<()>;

    /// Returns the state as JSON.
    fn text(&self) -> Result<String>;

    /// Returns what the function gives for the group; NULL if it needs values and there were none.
    fn answer(&self) -> Result<ScalarValue>;

    /// Returns about how many bytes it takes beside itself.
    fn size(&self) -> usize;
}

/// Returns an error of the library's as one of the query.
pub(crate) fn failed(function: &str, error: impl Display) -> DataFusionError {
    DataFusionError::Execution(format!("{function}: {error}"))
}

/// Returns the error of a state that cannot be read: what it came from was another version, or damaged.
pub(crate) fn unreadable(function: &str, error: impl Display) -> DataFusionError {
    DataFusionError::Execution(format!(
        "{function}: a partial state cannot be read ({error}); do all executors run the same version of tensor-quant-distributed?"
    ))
}
