//! The metrics of two slices.

use super::ErrorMetrics;
use super::accumulator::Accumulator;
use crate::error::{Error, Result};

impl ErrorMetrics {
    /// Returns the metrics of restored values against the originals.
    ///
    /// [`saturated`](Self::saturated) is 0: without the parameters nothing is known about it.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`].
    pub fn between(original: &[f32], restored: &[f32]) -> Result<Self> {
        if original.len() != restored.len() {
            return Err(Error::LengthMismatch {
                what: "restored values",
                expected: original.len(),
                actual: restored.len(),
            });
        }
        Ok(Accumulator::<f32>::default().end(original, restored))
    }
}
