//! What a caller says about quantizing a file, beside the recipe.

use super::outcome::Histograms;
use std::num::NonZeroUsize;

/// How a file is quantized, apart from what the recipe says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What to do with an output that exists.
    pub overwrite: Overwrite,
    /// How many threads quantize a tensor. The result is the same, bit for bit.
    pub threads: NonZeroUsize,
    /// Whether values and errors are counted in histograms, for a report.
    pub histograms: Histograms,
}

/// What to do with an output that exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overwrite {
    /// Refuse.
    #[default]
    Never,
    /// Replace it, whole.
    Existing,
}

impl Default for Options {
    fn default() -> Self {
        Self { overwrite: Overwrite::Never, threads: NonZeroUsize::MIN, histograms: Histograms::None }
    }
}
