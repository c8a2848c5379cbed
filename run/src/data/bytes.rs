//! Fields of a fixed layout, read one after the other, and no further than there are bytes.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::broken::Broken;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Bytes that fields are taken from.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Broken> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or("a part of it is cut off")?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn skip(&mut self, len: usize) -> Result<(), Broken> {
        self.take(len).map(|_| ())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let (taken, rest) = self.0.split_first_chunk().ok_or("a part of it is cut off")?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Broken> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Broken> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Broken> {
        self.array().map(u64::from_le_bytes)
    }
}

/// Returns so many bytes of a file, which has been found to be long enough, from an offset on; the file stands behind them.
pub(super) fn read_at(file: &mut File, offset: u64, len: u64) -> Result<Vec<u8>, Broken> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    let read = file.take(len).read_to_end(&mut bytes)?;
    if read as u64 == len { Ok(bytes) } else { Err(format!("{len} bytes at {offset} are not all there").into()) }
}
