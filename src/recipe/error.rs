//! What only recipes and their plans can come to.

use crate::error::Error;
use alloc::string::String;
use core::fmt;

/// What only recipes and their plans can come to. [`Error::floor`] has it by its type.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecipeError {
    /// A recipe that cannot be read.
    Unusable {
        /// What is wrong, and where.
        reason: String,
    },
    /// A recipe that would leave a file as it is.
    NothingToQuantize {
        /// The recipe.
        recipe: String,
        /// Why not, for the largest tensor.
        reason: String,
    },
}

impl fmt::Display for RecipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable { reason } => write!(f, "not a usable recipe: {reason}"),
            Self::NothingToQuantize { recipe, reason } => {
                write!(f, "the recipe {recipe:?} changes no tensor of this file; {reason}")
            }
        }
    }
}

impl core::error::Error for RecipeError {}

impl From<RecipeError> for Error {
    fn from(error: RecipeError) -> Self {
        Self::of_floor(error)
    }
}
