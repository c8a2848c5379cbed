//! What only the way of a file from end to end can come to.

use crate::error::Error;
use core::fmt;
use std::path::PathBuf;

/// What only the way of a file from end to end can come to. [`Error::floor`] has it by its type.
#[derive(Debug)]
#[non_exhaustive]
pub enum PipelineError {
    /// An output that is there already.
    TargetExists {
        /// The output.
        path: PathBuf,
    },
    /// An output that is the input.
    TargetIsSource {
        /// The file.
        path: PathBuf,
    },
    /// A file of no known format, or of one that this build was made without.
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        reason: &'static str,
    },
}

impl fmt::Display for PipelineError {
    #[expect(clippy::unnecessary_debug_formatting, reason = "quoted and escaped, a path is in one line")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TargetExists { path } => {
                write!(f, "{path:?} exists: name another output, or allow that it is replaced")
            }
            Self::TargetIsSource { path } => write!(f, "{path:?} is the input: name another output"),
            Self::UnknownFormat { path, reason } => write!(f, "{path:?} is no file that can be quantized: {reason}"),
        }
    }
}

impl core::error::Error for PipelineError {}

impl From<PipelineError> for Error {
    fn from(error: PipelineError) -> Self {
        Self::of_floor(error)
    }
}
