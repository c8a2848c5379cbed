//! Files that a command writes: what is checked before any work is done.

use crate::failure::Failure;
use crate::report_file::place;
use std::path::Path;
use tensor_quant::Error;
use tensor_quant::pipeline::PipelineError;

/// Returns an error for a file that would replace one of those that are read, or another without being asked to.
pub(crate) fn check(output: &Path, inputs: &[&Path], force: bool) -> Result<(), Failure> {
    let leads = place(output);
    if leads.is_some() && inputs.iter().any(|input| place(input) == leads) {
        return Err(Error::from(PipelineError::TargetIsSource { path: output.into() }).into());
    }
    if !force && output.symlink_metadata().is_ok() {
        return Err(Error::from(PipelineError::TargetExists { path: output.into() }).into());
    }
    Ok(())
}
