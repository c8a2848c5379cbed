//! What only block formats can come to.

use crate::error::Error;

/// What only block formats can come to. [`Error::floor`] has it by its type.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// A block format that can only be read.
    #[error("blocks of {format} can be read, not written")]
    ReadOnlyFormat {
        /// The format.
        format: &'static str,
    },
}

impl From<BlockError> for Error {
    fn from(error: BlockError) -> Self {
        Self::of_floor(error)
    }
}
