//! What opens models in order to run them: candidates that are not in a file yet.

use super::runner::{RunError, Runner};

/// Opens models of a format as [`Runner`]s.
///
/// A search for better parameters writes models that it wants to see run; this is the door by which it is given a runtime. Several
/// threads may open models at once; what they open stays with each.
pub trait Engine: Sync {
    /// Returns what runs the model whose file would hold these bytes.
    ///
    /// # Errors
    ///
    /// [`RunError::Other`] around what reading the model comes to; [`RunError::Model`] if it is inconsistent. Operators that
    /// cannot be run are no error before [`run`](Runner::run).
    fn open(&self, model: &[u8]) -> Result<Box<dyn Runner>, RunError>;
}
