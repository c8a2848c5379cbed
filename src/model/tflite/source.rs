//! A file that is read here and there.

use crate::error::{Error, Result};
use crate::input;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes that are read at once while tables are looked up.
const PAGE: u64 = 1 << 16;

/// A file or the bytes of one, its length, and its path for messages.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    origin: Origin,
    pub(super) len: u64,
}

#[derive(Debug)]
enum Origin {
    File(File),
    Memory(Vec<u8>),
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let io = |source| Error::Io { action: "read", path: path.into(), source };
        let mut file = input::open(path)?;
        let len = file.seek(SeekFrom::End(0)).map_err(io)?;
        Ok(Self { path: path.into(), origin: Origin::File(file), len })
    }

    /// A file that is held; messages call it `memory`.
    pub(super) fn of_bytes(bytes: Vec<u8>) -> Self {
        let len = bytes.len() as u64;
        Self { path: "memory".into(), origin: Origin::Memory(bytes), len }
    }

    pub(super) fn bad(&self, reason: impl Into<String>) -> Error {
        Error::Format { path: self.path.clone(), format: "tflite", reason: reason.into() }
    }

    /// Fills `out` with the bytes from `start` on.
    pub(super) fn read_into(&self, start: u64, out: &mut [u8]) -> Result<()> {
        let io = |source| Error::Io { action: "read", path: self.path.clone(), source };
        match &self.origin {
            Origin::File(file) => {
                let mut file = file;
                file.seek(SeekFrom::Start(start)).map_err(io)?;
                file.read_exact(out).map_err(io)
            }
            Origin::Memory(bytes) => {
                let mut rest = bytes.get(start as usize..).unwrap_or_default();
                rest.read_exact(out).map_err(io)
            }
        }
    }
}

/// The pages of a source that tables were found on.
#[derive(Debug)]
pub(super) struct Pages<'a> {
    pub(super) source: &'a Source,
    pages: HashMap<u64, Vec<u8>>,
}

impl<'a> Pages<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self { source, pages: HashMap::new() }
    }

    /// Returns an error unless the bytes `start..start + len` are in the file.
    pub(super) fn check(&self, start: u64, len: u64, what: &str) -> Result<()> {
        match start.checked_add(len) {
            Some(end) if end <= self.source.len => Ok(()),
            _ => {
                let file = self.source.len;
                Err(self.source.bad(format!("{what} would take {len} bytes from {start} on, but the file ends at {file}: it is cut off, or damaged")))
            }
        }
    }

    /// Fills `out`, which was checked to be in the file.
    pub(super) fn read(&mut self, start: u64, out: &mut [u8], what: &str) -> Result<()> {
        self.check(start, out.len() as u64, what)?;
        if out.len() as u64 > PAGE {
            return self.source.read_into(start, out);
        }
        let (mut at, mut out) = (start, out);
        while !out.is_empty() {
            let number = at / PAGE;
            let page = match self.pages.entry(number) {
                std::collections::hash_map::Entry::Occupied(page) => page.into_mut(),
                std::collections::hash_map::Entry::Vacant(room) => {
                    let mut page = vec![0; PAGE.min(self.source.len - number * PAGE) as usize];
                    self.source.read_into(number * PAGE, &mut page)?;
                    room.insert(page)
                }
            };
            let from = (at % PAGE) as usize;
            let n = out.len().min(page.len() - from);
            let (now, later) = out.split_at_mut(n);
            now.copy_from_slice(&page[from..from + n]);
            (at, out) = (at + n as u64, later);
        }
        Ok(())
    }

    pub(super) fn array<const N: usize>(&mut self, start: u64, what: &str) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.read(start, &mut bytes, what)?;
        Ok(bytes)
    }

    pub(super) fn u32(&mut self, start: u64, what: &str) -> Result<u32> {
        self.array(start, what).map(u32::from_le_bytes)
    }
}
