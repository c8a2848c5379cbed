//! What only tensors can come to.

use crate::error::Error;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What only tensors can come to. [`Error::floor`] has it by its type.
#[derive(Debug)]
#[non_exhaustive]
pub enum TensorError {
    /// Scales of another granularity than an operation can work with.
    UnsupportedGranularity {
        /// The tensor.
        what: &'static str,
        /// What the granularity may be.
        expected: &'static str,
        /// What it was.
        actual: String,
    },
    /// A code outside those that parameters name.
    CodeOutOfRange {
        /// The code.
        code: f64,
        /// The smallest code.
        min: f64,
        /// The largest code.
        max: f64,
    },
    /// A tensor of other codes than were asked for.
    CodeTypeMismatch {
        /// The type that was asked for.
        expected: &'static str,
        /// The type that the codes have.
        actual: &'static str,
    },
    /// A text that says no scheme.
    SchemeText {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An output view that is not in row-major order without gaps.
    NotContiguous {
        /// The output's shape.
        shape: Vec<usize>,
        /// The output's strides, in elements.
        strides: Vec<isize>,
    },
}

impl fmt::Display for TensorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsupportedGranularity { what, expected, actual } => {
                write!(f, "{what} must have its scales {expected}, not {actual}")
            }
            Self::CodeOutOfRange { code, min, max } => write!(f, "code {code} is outside the codes {min}..={max}"),
            Self::CodeTypeMismatch { expected, actual } => write!(f, "the codes are of type {actual}, not {expected}"),
            Self::SchemeText { text, reason } => write!(f, "{text:?} is no scheme: {reason}"),
            Self::NotContiguous { shape, strides } => write!(
                f,
                "the output of shape {shape:?} has the strides {strides:?}: it must be contiguous in row-major order"
            ),
        }
    }
}

impl core::error::Error for TensorError {}

impl From<TensorError> for Error {
    fn from(error: TensorError) -> Self {
        Self::of_floor(error)
    }
}
