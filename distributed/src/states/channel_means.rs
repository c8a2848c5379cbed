//! The mean of each channel.

use super::{Piece, State, failed, unreadable};
use crate::answer;
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;
use tensor_quant::calibration::ChannelMeans;
use tensor_quant::ndarray::ArrayView2;

/// The exact sums of channels: of the places in a list, or of every so many.
#[derive(Clone, Debug)]
pub(crate) struct MeansOfChannels {
    function: &'static str,
    means: ChannelMeans,
}

impl MeansOfChannels {
    /// Returns the means of nothing.
    pub(crate) fn new(function: &'static str) -> Self {
        Self { function, means: ChannelMeans::new(1) }
    }
}

/// Returns a piece as a matrix with the channels along its second axis.
///
/// # Errors
///
/// An error with the numbers if the channels do not divide a row.
pub(crate) fn places_by_channels<'a>(function: &str, piece: &Piece<'a>) -> Result<ArrayView2<'a, f32>> {
    let channels = piece.channels.unwrap_or(piece.row);
    if channels == 0 || !piece.row.is_multiple_of(channels) {
        return Err(failed(function, format!("a row of {} values is not of {channels} channels", piece.row)));
    }
    let shape = (piece.values.len() / channels, channels);
    ArrayView2::from_shape(shape, piece.values).map_err(|error| failed(function, error))
}

impl State for MeansOfChannels {
    fn observe(&mut self, piece: &Piece<'_>) -> Result<()> {
        if piece.row == 0 {
            return Ok(());
        }
        let rows = places_by_channels(self.function, piece)?;
        self.means.observe(rows).map_err(|error| failed(self.function, error))
    }

    fn merge(&mut self, text: &str) -> Result<()> {
        let theirs: ChannelMeans = serde_json::from_str(text).map_err(|error| unreadable(self.function, error))?;
        self.means.merge(&theirs).map_err(|error| failed(self.function, error))
    }

    fn text(&self) -> Result<String> {
        serde_json::to_string(&self.means).map_err(|error| failed(self.function, error))
    }

    fn answer(&self) -> Result<ScalarValue> {
        Ok(answer::means(&self.means.means()))
    }

    fn size(&self) -> usize {
        // Eight integers of 16 bytes, and a count.
        self.means.means().len() * 144
    }
}
