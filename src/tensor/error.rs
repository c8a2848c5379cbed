//! What only tensors can come to.

use crate::error::Error;
use alloc::string::String;
use alloc::vec::Vec;

/// What only tensors can come to. [`Error::floor`] has it by its type.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// Scales of another granularity than an operation can work with.
    #[error("{what} must have its scales {expected}, not {actual}")]
    UnsupportedGranularity {
        /// The tensor.
        what: &'static str,
        /// What the granularity may be.
        expected: &'static str,
        /// What it was.
        actual: String,
    },
    /// A code outside those that parameters name.
    #[error("code {code} is outside the codes {min}..={max}")]
    CodeOutOfRange {
        /// The code.
        code: f64,
        /// The smallest code.
        min: f64,
        /// The largest code.
        max: f64,
    },
    /// A tensor of other codes than were asked for.
    #[error("the codes are of type {actual}, not {expected}")]
    CodeTypeMismatch {
        /// The type that was asked for.
        expected: &'static str,
        /// The type that the codes have.
        actual: &'static str,
    },
    /// A text that says no scheme.
    #[error("{text:?} is no scheme: {reason}")]
    SchemeText {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An output view that is not in row-major order without gaps.
    #[error("the output of shape {shape:?} has the strides {strides:?}: it must be contiguous in row-major order")]
    NotContiguous {
        /// The output's shape.
        shape: Vec<usize>,
        /// The output's strides, in elements.
        strides: Vec<isize>,
    },
}

impl From<TensorError> for Error {
    fn from(error: TensorError) -> Self {
        Self::of_floor(error)
    }
}
