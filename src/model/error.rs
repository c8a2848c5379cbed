//! What only files of models can come to.

use crate::error::Error;
use alloc::string::String;

/// What only files of models can come to. [`Error::floor`] has it by its type.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A tensor that the file does not hold.
    #[error("there is no tensor named {name:?}")]
    NoSuchTensor {
        /// The name asked for.
        name: String,
    },
    /// Two tensors of one name in a file to be written.
    #[error("two tensors would be named {name:?}")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A tensor that was handed to a file's writer in another form than it was announced in.
    #[error("tensor {name:?} is not as it was planned: {what} differs")]
    NotAsPlanned {
        /// The tensor's name.
        name: String,
        /// What is not the same.
        what: &'static str,
    },
    /// A tensor that was announced to a file's writer, and not handed over before the file was finished.
    #[error("tensor {name:?} was planned, but never written")]
    NotWritten {
        /// The tensor's name.
        name: String,
    },
    /// A tensor whose values cannot be had as reals.
    #[error("{reason}")]
    Unreadable {
        /// Why not.
        reason: String,
    },
}

impl From<ModelError> for Error {
    fn from(error: ModelError) -> Self {
        Self::of_floor(error)
    }
}
