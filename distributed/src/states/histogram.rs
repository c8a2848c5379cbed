//! A histogram.

use super::{Piece, State, failed, unreadable};
use crate::answer;
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;
use tensor_quant::range::BinaryHistogram;

/// Counts of values, in bins whose width is a power of two.
#[derive(Clone, Debug)]
pub(crate) struct OfHistogram {
    function: &'static str,
    histogram: BinaryHistogram,
}

impl OfHistogram {
    /// Returns the histogram of nothing.
    pub(crate) fn new(function: &'static str) -> Self {
        Self { function, histogram: BinaryHistogram::default() }
    }
}

impl State for OfHistogram {
    fn observe(&mut self, piece: &Piece<'_>) -> Result<()> {
        self.histogram.observe(piece.values);
        Ok(())
    }

    fn merge(&mut self, text: &str) -> Result<()> {
        let theirs = serde_json::from_str(text).map_err(|error| unreadable(self.function, error))?;
        self.histogram.merge(&theirs);
        Ok(())
    }

    fn text(&self) -> Result<String> {
        serde_json::to_string(&self.histogram).map_err(|error| failed(self.function, error))
    }

    fn answer(&self) -> Result<ScalarValue> {
        answer::histogram(&self.histogram)
    }

    fn size(&self) -> usize {
        110 << 10
    }
}
