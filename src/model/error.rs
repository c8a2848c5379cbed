//! What only files of models can come to.

use crate::error::Error;
use alloc::string::String;
use core::fmt;

/// What only files of models can come to. [`Error::floor`] has it by its type.
#[derive(Debug)]
#[non_exhaustive]
pub enum ModelError {
    /// A tensor that the file does not hold.
    NoSuchTensor {
        /// The name asked for.
        name: String,
    },
    /// Two tensors of one name in a file to be written.
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A tensor that was handed to a file's writer in another form than it was announced in.
    NotAsPlanned {
        /// The tensor's name.
        name: String,
        /// What is not the same.
        what: &'static str,
    },
    /// A tensor that was announced to a file's writer, and not handed over before the file was finished.
    NotWritten {
        /// The tensor's name.
        name: String,
    },
    /// A tensor whose values cannot be had as reals.
    Unreadable {
        /// Why not.
        reason: String,
    },
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchTensor { name } => write!(f, "there is no tensor named {name:?}"),
            Self::DuplicateName { name } => write!(f, "two tensors would be named {name:?}"),
            Self::NotAsPlanned { name, what } => write!(f, "tensor {name:?} is not as it was planned: {what} differs"),
            Self::NotWritten { name } => write!(f, "tensor {name:?} was planned, but never written"),
            Self::Unreadable { reason } => f.write_str(reason),
        }
    }
}

impl core::error::Error for ModelError {}

impl From<ModelError> for Error {
    fn from(error: ModelError) -> Self {
        Self::of_floor(error)
    }
}
