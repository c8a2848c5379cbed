//! Files that appear under their name whole, or not at all.
//!
//! 1. A file is written under a temporary name (`.tensor-quant-….part`) in the folder of its target, where renaming is
//!    atomic. Its bytes have reached the disk before it gets its name, and the name has before the call returns, as far as
//!    the file system can say.
//! 2. On an error the temporary file is removed, and the target is as it was. A process that is killed cannot remove it; the
//!    target is the old file or the new one all the same.
//! 3. A symbolic link is followed: it stays, and what it leads to is replaced, or made if there is no such file. Another
//!    hard link to the target keeps the old content.
//! 4. The new file has the permissions of the one that it replaces, and where the system allows it its owner and group, each
//!    for itself; those of any new file if there was none. Where the group has to be another, it may do no more than all
//!    others might: so too while the file is being written.
//! 5. A folder, a device, a pipe are no targets; nor is a file that nobody may write to, whoever asks.

use crate::error::{Error, Result};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;

/// The most links that are followed, one leading to the next: what Linux allows.
const MOST_LINKS: usize = 40;

/// A file that is being written under a temporary name; dropped before [`finish`](Self::finish), it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Output {
    file: NamedTempFile,
    /// As it was named, for messages.
    path: PathBuf,
    /// Where it will stand.
    target: PathBuf,
    /// Of the file that will be replaced.
    old: Option<Metadata>,
}

/// Returns an error for a file that cannot be made for want of its folder: known before what it holds has been computed.
///
/// # Errors
///
/// [`Error::Io`].
#[cfg(feature = "pipeline")]
pub(crate) fn check_folder(path: &Path) -> Result<()> {
    followed(path).and_then(|target| look_at(folder_of(&target))).map_err(|source| failed(path, source))
}

/// Returns an error that names a folder that is not there.
fn look_at(folder: &Path) -> io::Result<()> {
    fs::metadata(folder).map(drop).map_err(|error| {
        let folder = folder.display();
        let reason = match error.kind() {
            ErrorKind::NotFound => format!("there is no folder {folder}"),
            kind => format!("the folder {folder}: {kind}"),
        };
        io::Error::new(error.kind(), reason)
    })
}

impl Output {
    /// Starts a file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the target is no file that may be replaced, or its folder cannot be written to.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let failed = |source| failed(path, source);
        let target = followed(path).map_err(failed)?;
        let old = match fs::metadata(&target) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        if let Some(old) = &old {
            may_be_replaced(old).map_err(failed)?;
        }
        let folder = folder_of(&target);
        look_at(folder).map_err(failed)?;
        // The name of the temporary file says nothing to the caller.
        let file = temporary(folder, old.as_ref()).map_err(|error| failed(error.kind().into()))?;
        Ok(Self { file, path: path.into(), target, old })
    }

    /// Returns the file.
    pub(crate) fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Returns the error of an operation on the file.
    #[cfg(any(feature = "serde", feature = "safetensors"))]
    pub(crate) fn failed(&self, source: io::Error) -> Error {
        failed(&self.path, source)
    }

    /// Makes sure that everything has reached the disk, and gives the file its name. Returns how long the disk took.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub(crate) fn finish(self) -> Result<Duration> {
        let start = Instant::now();
        let Self { file, path, target, old } = self;
        let failed = |source| failed(&path, source);
        if let Some(old) = &old {
            take_after(file.as_file(), old).map_err(failed)?;
        }
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&target).map_err(|error| failed(error.error))?;
        // The new name, too. The file is whole in any case, and not every file system can do this.
        #[cfg(unix)]
        let _ = File::open(folder_of(&target)).and_then(|folder| folder.sync_all());
        Ok(start.elapsed())
    }
}

/// Writes a file of these bytes: it appears under its name whole, or not at all.
///
/// A file of that name is replaced and keeps its permissions; a symbolic link stays, and what it leads to is replaced.
///
/// # Errors
///
/// [`Error::Io`], also for a target that is a folder, a device or read-only.
#[cfg(any(feature = "serde", feature = "pipeline"))]
pub fn write(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    write_to(path.as_ref(), bytes)
}

#[cfg(any(feature = "serde", feature = "pipeline"))]
fn write_to(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut output = Output::create(path)?;
    io::Write::write_all(output.file(), bytes).map_err(|error| output.failed(error))?;
    output.finish().map(|_| ())
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::Io { action: "write", path: path.into(), source }
}

fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns what a path leads to, if it is a link, whether there is such a file or not.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&target) {
            // A relative link starts from its own folder.
            Ok(next) => target = folder_of(&target).join(next),
            // Not a link, or not there.
            Err(_) => return Ok(target),
        }
    }
    Err(io::Error::other(format!("more than {MOST_LINKS} links, each leading to the next")))
}

fn may_be_replaced(old: &Metadata) -> io::Result<()> {
    if old.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !old.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    if old.permissions().readonly() {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "it is read-only"));
    }
    Ok(())
}

/// Creates a file with the permissions of the old one, or of any new one, less what the process's umask takes away.
fn temporary(folder: &Path, old: Option<&Metadata>) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".tensor-quant-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = old.map_or(0o666, |old| for_any_group(old.permissions().mode()) & 0o666);
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = old;
    builder.tempfile_in(folder)
}

/// Gives a file the owner, group and permissions of another.
#[cfg(unix)]
fn take_after(file: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let (new, mode) = (file.metadata()?, old.permissions().mode() & 0o777);
    let is_owned = (new.uid(), new.gid()) == (old.uid(), old.gid());
    // Only an administrator may give files away: otherwise it stays the writer's, who may give it to a group of his own.
    let is_owned = is_owned || fchown(file, Some(old.uid()), Some(old.gid())).is_ok();
    let has_group = is_owned || new.gid() == old.gid() || fchown(file, None, Some(old.gid())).is_ok();
    file.set_permissions(fs::Permissions::from_mode(if has_group { mode } else { for_any_group(mode) }))
}

/// Returns permissions with which a group may do no more than all others.
#[cfg(unix)]
fn for_any_group(mode: u32) -> u32 {
    mode & (!0o070 | (mode & 0o007) << 3)
}

#[cfg(not(unix))]
fn take_after(file: &File, old: &Metadata) -> io::Result<()> {
    file.set_permissions(old.permissions())
}
