//! Files that are read here and there, and therefore have to be files.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Opens a file to read from any place in it. A pipe or a device is refused before it is opened: to open a pipe that nobody writes to
/// would take for ever.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        let reason = "it is a pipe or a device, and only files can be read here and there";
        return Err(io::Error::new(ErrorKind::InvalidInput, reason));
    }
    File::open(path)
}
