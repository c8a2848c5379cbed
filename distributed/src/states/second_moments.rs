//! The mean products of channels.

use super::channel_means::places_by_channels;
use super::{Piece, State, failed, unreadable};
use crate::answer;
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;
use tensor_quant::calibration::SecondMoments;
use tensor_quant::ndarray::Axis;

/// The sums of products of channels.
#[derive(Clone, Debug)]
pub(crate) struct MomentsOfChannels {
    function: &'static str,
    /// None before there was a row.
    moments: Option<SecondMoments>,
}

impl MomentsOfChannels {
    /// Returns the moments of nothing.
    pub(crate) fn new(function: &'static str) -> Self {
        Self { function, moments: None }
    }
}

impl State for MomentsOfChannels {
    /// Row by row: the library adds up products of the rows of a call in f32 first, and which rows are in a call is chance here.
    fn observe(&mut self, piece: &Piece<'_>) -> Result<()> {
        if piece.row == 0 {
            return Ok(());
        }
        let rows = places_by_channels(self.function, piece)?;
        let failed = |error: tensor_quant::Error| failed(self.function, error);
        let moments = match &mut self.moments {
            Some(moments) => moments,
            none => none.insert(SecondMoments::new(rows.ncols()).map_err(failed)?),
        };
        rows.axis_chunks_iter(Axis(0), 1).try_for_each(|row| moments.observe(row)).map_err(failed)
    }

    fn merge(&mut self, text: &str) -> Result<()> {
        let theirs: Option<SecondMoments> =
            serde_json::from_str(text).map_err(|error| unreadable(self.function, error))?;
        match (&mut self.moments, theirs) {
            (_, None) => Ok(()),
            (Some(ours), Some(theirs)) => ours.merge(&theirs).map_err(|error| failed(self.function, error)),
            (none, theirs) => {
                *none = theirs;
                Ok(())
            }
        }
    }

    fn text(&self) -> Result<String> {
        serde_json::to_string(&self.moments).map_err(|error| failed(self.function, error))
    }

    fn answer(&self) -> Result<ScalarValue> {
        answer::second_moments(self.moments.as_ref())
    }

    fn size(&self) -> usize {
        // An element of the triangle is three f64s and a place.
        self.moments.as_ref().map_or(0, |moments| moments.len() * (moments.len() + 1) / 2 * 32)
    }
}
