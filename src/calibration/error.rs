//! What only calibration can come to.

use crate::error::Error;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What only calibration can come to. [`Error::floor`] has it by its type.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// Tensors for which a calibrator was asked, and that it never saw.
    #[error("no values were observed for {}; {}", Listed(names), Others(*observed))]
    NotObserved {
        /// The names asked for.
        names: Vec<String>,
        /// How many other tensors were observed.
        observed: usize,
    },
    /// A calibrator's saved state that is not what its format prescribes.
    #[error("not a usable calibration: {reason}")]
    Unusable {
        /// What is wrong.
        reason: String,
    },
    /// Two calibrators whose ranges are of different parts of a tensor, or found otherwise.
    #[error("a calibrator {ours} cannot take in one {theirs}")]
    NotMergeable {
        /// What the one is of, or has.
        ours: String,
        /// What the other is of, or has.
        theirs: String,
    },
    /// A model that did not run on a sample.
    #[error("{reason}")]
    NotRun {
        /// Why not.
        reason: String,
    },
}

impl From<CalibrationError> for Error {
    fn from(error: CalibrationError) -> Self {
        Self::of_floor(error)
    }
}

/// Names in quotation marks, with commas between them.
struct Listed<'a>(&'a [String]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            write!(f, "{}{name:?}", if i > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

/// How many other tensors there are.
struct Others(usize);

impl fmt::Display for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 other tensor was observed"),
            n => write!(f, "{n} other tensors were observed"),
        }
    }
}
