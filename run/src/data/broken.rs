//! What is wrong with a file of arrays.

use std::io;
use std::path::Path;
use tensor_quant::Error;
use tensor_quant::calibration::RunError;

/// What is wrong with a file, before it is said which one.
#[derive(Debug)]
pub(super) enum Broken {
    Io(io::Error),
    Format(String),
}

impl Broken {
    /// Returns the error of a file of such a format.
    pub(super) fn of(self, path: &Path, format: &'static str) -> RunError {
        let path = path.to_path_buf();
        RunError::Other(match self {
            Self::Io(source) if source.kind() != io::ErrorKind::InvalidData => {
                Error::Io { action: "read", path, source }
            }
            Self::Io(damaged) => Error::Format { path, format, reason: damaged.to_string() },
            Self::Format(reason) => Error::Format { path, format, reason },
        })
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<String> for Broken {
    fn from(reason: String) -> Self {
        Self::Format(reason)
    }
}

impl From<&str> for Broken {
    fn from(reason: &str) -> Self {
        Self::Format(reason.into())
    }
}
