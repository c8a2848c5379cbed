//! Which format a file has: what it holds decides, not its name.

use super::error::PipelineError;
use crate::error::{Error, Result};
use crate::input;
use core::fmt;
use std::io::Read;
use std::path::Path;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TensorFlow Lite, LiteRT.
    Tflite,
    /// Safetensors.
    Safetensors,
}

impl Format {
    /// Returns the format of a file, from its first bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`PipelineError::UnknownFormat`].
    pub fn of(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let io = |source| Error::Io { action: "read", path: path.into(), source };
        let mut first = Vec::new();
        input::open(path)?.take(9).read_to_end(&mut first).map_err(io)?;
        // A safetensors file starts with the length of its header, and the header with a brace.
        match first.as_slice() {
            [] => Err(PipelineError::UnknownFormat { path: path.into(), reason: "it is empty" }.into()),
            [_, _, _, _, b'T', b'F', b'L', b'3', ..] => Ok(Self::Tflite),
            [.., b'{'] if first.len() == 9 => Ok(Self::Safetensors),
            _ => {
                let reason = "it starts neither as a .tflite nor as a .safetensors file does";
                Err(PipelineError::UnknownFormat { path: path.into(), reason }.into())
            }
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tflite => "tflite",
            Self::Safetensors => "safetensors",
        })
    }
}
