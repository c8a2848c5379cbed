//! What only the way of a file from end to end can come to.

use crate::error::Error;
use std::path::PathBuf;

/// What only the way of a file from end to end can come to. [`Error::floor`] has it by its type.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// An output that is there already.
    #[error("{path:?} exists: name another output, or allow that it is replaced")]
    TargetExists {
        /// The output.
        path: PathBuf,
    },
    /// An output that is the input.
    #[error("{path:?} is the input: name another output")]
    TargetIsSource {
        /// The file.
        path: PathBuf,
    },
    /// A file of no known format, or of one that this build was made without.
    #[error("{path:?} is no file that can be quantized: {reason}")]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        reason: &'static str,
    },
}

impl From<PipelineError> for Error {
    fn from(error: PipelineError) -> Self {
        Self::of_floor(error)
    }
}
