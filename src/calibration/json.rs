//! What all files of calibration have in common: JSON with the name of its format and a version.

use super::error::CalibrationError;
use crate::error::{Error, Result};
use crate::input;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::Path;

/// Returns the error of a file that is not what its format prescribes.
pub(super) fn unusable(reason: String) -> Error {
    CalibrationError::Unusable { reason }.into()
}

/// Checks what a file says of itself.
pub(super) fn check_head(format: &str, expected: &str, version: u32, known: RangeInclusive<u32>) -> Result<()> {
    if format != expected {
        return Err(unusable(format!("its format is {format:?}, not {expected:?}")));
    }
    if !known.contains(&version) {
        let known = match (known.start(), known.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first} to {last}"),
        };
        return Err(unusable(format!("its version is {version}, and this crate reads {known}")));
    }
    Ok(())
}

/// Returns what a file holds; `format` is what it is called where it is refused.
///
/// # Errors
///
/// [`Error::Io`], and [`Error::Format`] for a file that `from_json` refuses.
pub(super) fn load<T>(path: &Path, format: &'static str, from_json: impl FnOnce(&str) -> Result<T>) -> Result<T> {
    let mut json = String::new();
    let read = input::open(path)?.read_to_string(&mut json);
    read.map_err(|source| Error::Io { action: "read", path: path.to_path_buf(), source })?;
    from_json(&json).map_err(|error| match error.floor() {
        Some(CalibrationError::Unusable { reason }) => {
            Error::Format { path: path.to_path_buf(), format, reason: reason.clone() }
        }
        _ => error,
    })
}
