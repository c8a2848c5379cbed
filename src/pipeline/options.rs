//! What a caller says about quantizing a file, beside the recipe.

use super::error::PipelineError;
use crate::error::Result;
use crate::output::check_folder;
use std::num::NonZeroUsize;
use std::path::Path;

/// How a file is quantized, apart from what the recipe says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What to do with an output that exists.
    pub overwrite: Overwrite,
    /// How many threads quantize a tensor, and run samples side by side where a model is calibrated and judged. The result is the same,
    /// bit for bit, for any number of them.
    pub threads: NonZeroUsize,
    /// Whether values and errors are counted in histograms, and ranges and scales taken down by channel, for a report.
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

/// Whether values and errors are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Histograms {
    /// No: saves two passes.
    #[default]
    None,
    /// Of every tensor that is changed.
    OfChanged,
}

impl Default for Options {
    fn default() -> Self {
        Self { overwrite: Overwrite::Never, threads: NonZeroUsize::MIN, histograms: Histograms::None }
    }
}

/// Returns an error for an output that is the input, or exists and may not be replaced.
pub(super) fn check_output(input: &Path, output: &Path, overwrite: Overwrite) -> Result<()> {
    if let (Ok(a), Ok(b)) = (input.canonicalize(), output.canonicalize())
        && a == b
    {
        return Err(PipelineError::TargetIsSource { path: output.into() }.into());
    }
    if overwrite == Overwrite::Never && output.symlink_metadata().is_ok() {
        return Err(PipelineError::TargetExists { path: output.into() }.into());
    }
    check_folder(output)
}
