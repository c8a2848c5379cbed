//! How files become samples.

use super::numbers::Normalization;
use std::collections::BTreeMap;

/// How files become samples.
///
/// # Examples
///
/// ```
/// use tensor_quant_run::data::{Normalization, Reading};
///
/// let reading = Reading::default().with_array(None, "images").with_normalization(Normalization::new("0", "1/255")?);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub(super) signature: Option<String>,
    pub(super) arrays: BTreeMap<Option<String>, String>,
    pub(super) normalization: Normalization,
    pub(super) limit: Option<usize>,
}

impl Reading {
    /// Returns the reading of data for a signature; the model's first, if this is not called.
    #[must_use]
    pub fn with_signature(self, signature: Option<&str>) -> Self {
        Self { signature: signature.map(str::to_owned), ..self }
    }

    /// Returns the reading in which an input, `None` for the model's only one, is given the array of this name.
    #[must_use]
    pub fn with_array(mut self, input: Option<&str>, array: &str) -> Self {
        self.arrays.insert(input.map(str::to_owned), array.to_owned());
        self
    }

    /// Returns the reading in which inputs of reals are normalized.
    #[must_use]
    pub fn with_normalization(self, normalization: Normalization) -> Self {
        Self { normalization, ..self }
    }

    /// Returns the reading of at most so many samples.
    #[must_use]
    pub fn with_limit(self, limit: usize) -> Self {
        Self { limit: Some(limit), ..self }
    }
}
