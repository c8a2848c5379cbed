//! What only recipes and their plans can come to.

use crate::error::Error;
use alloc::string::String;

/// What only recipes and their plans can come to. [`Error::floor`] has it by its type.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// A recipe that cannot be read.
    #[error("not a usable recipe: {reason}")]
    Unusable {
        /// What is wrong, and where.
        reason: String,
    },
    /// A recipe that would leave a file as it is.
    #[error("the recipe {recipe:?} changes no tensor of this file; {reason}")]
    NothingToQuantize {
        /// The recipe.
        recipe: String,
        /// Why not, for the largest tensor.
        reason: String,
    },
}

impl From<RecipeError> for Error {
    fn from(error: RecipeError) -> Self {
        Self::of_floor(error)
    }
}
