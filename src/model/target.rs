//! Files that appear under their name only when they are complete.

use crate::error::{Error, Result};
use std::path::Path;
use tempfile::NamedTempFile;

/// Creates a file in the target's folder, where renaming it is atomic, with the permissions of an ordinary file.
pub(super) fn temporary_beside(path: &Path) -> std::io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".tensor-quant-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Less what the process's umask takes away.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    // The name of the temporary file says nothing to the caller.
    builder.tempfile_in(folder).map_err(|e| e.kind().into())
}

/// Returns an error if the target is a folder.
pub(super) fn check_target(path: &Path) -> Result<()> {
    if path.is_dir() {
        let source = std::io::ErrorKind::IsADirectory.into();
        return Err(Error::Io { action: "write", path: path.into(), source });
    }
    Ok(())
}
