//! What a statistics file holds, of one tensor or of several.

use super::{Piece, State, failed, unreadable};
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;
use tensor_quant::calibration::Statistics;
use tensor_quant::ndarray::{ArrayView1, ArrayView2};
use tensor_quant::range::AnyEstimator;

/// Statistics of tensors by name, as `tensor-quant calibrate` saves them.
#[derive(Clone, Debug)]
pub(crate) struct OfTensors {
    function: &'static str,
    statistics: Statistics<AnyEstimator>,
}

impl OfTensors {
    /// Returns the statistics of nothing.
    pub(crate) fn new(function: &'static str, estimator: AnyEstimator) -> Self {
        Self { function, statistics: Statistics::new(estimator) }
    }
}

impl State for OfTensors {
    fn observe(&mut self, piece: &Piece<'_>) -> Result<()> {
        let observed = match piece.channels.filter(|&channels| channels > 0) {
            None => self.statistics.observe(piece.name, &ArrayView1::from(piece.values).into_dyn(), false),
            Some(channels) if piece.row.is_multiple_of(channels) => {
                let shape = (piece.values.len() / channels, channels);
                let rows = ArrayView2::from_shape(shape, piece.values).map_err(|error| failed(self.function, error))?;
                self.statistics.observe(piece.name, &rows.into_dyn(), true)
            }
            Some(channels) => {
                let (name, row) = (piece.name, piece.row);
                let reason = format!("a row of {row} values of {name:?} is not of {channels} channels");
                return Err(failed(self.function, reason));
            }
        };
        observed.map_err(|error| failed(self.function, error))
    }

    fn merge(&mut self, text: &str) -> Result<()> {
        let theirs = Statistics::from_json(text).map_err(|error| unreadable(self.function, error))?;
        self.statistics.merge(&theirs).map_err(|error| failed(self.function, error))
    }

    fn text(&self) -> Result<String> {
        self.statistics.to_json().map_err(|error| failed(self.function, error))
    }

    fn answer(&self) -> Result<ScalarValue> {
        Ok(ScalarValue::LargeUtf8(Some(self.text()?)))
    }

    fn size(&self) -> usize {
        self.statistics.ranges().names().len() * (110 << 10)
    }
}
