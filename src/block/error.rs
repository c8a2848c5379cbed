//! What only block formats can come to.

use crate::error::Error;
use core::fmt;

/// What only block formats can come to. [`Error::floor`] has it by its type.
#[derive(Debug)]
#[non_exhaustive]
pub enum BlockError {
    /// A block format that can only be read.
    ReadOnlyFormat {
        /// The format.
        format: &'static str,
    },
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadOnlyFormat { format } => write!(f, "blocks of {format} can be read, not written"),
        }
    }
}

impl core::error::Error for BlockError {}

impl From<BlockError> for Error {
    fn from(error: BlockError) -> Self {
        Self::of_floor(error)
    }
}
