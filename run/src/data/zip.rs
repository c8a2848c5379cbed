//! The members of a zip archive, as `numpy.savez` and `numpy.savez_compressed` write them.
//!
//! The directory at the end of the file is what counts: where each member begins, how long it is, what its checksum is. Lengths
//! beyond 4 GiB are read (zip64); encrypted members, and those packed otherwise than by deflate, are not.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::broken::Broken;
use super::bytes::{Fields, read_at};
use flate2::Crc;
use flate2::read::DeflateDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// The longest directory that is read: half a million members of usual names.
const MAX_DIRECTORY: u64 = 1 << 26;
/// The longest end of an archive: its own 22 bytes and a comment.
const MAX_END: u64 = 22 + 0xffff;
const BUFFER: usize = 1 << 16;

/// A member of an archive.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: String,
    /// Where its own header begins.
    offset: u64,
    packed: u64,
    pub(super) size: u64,
    is_deflated: bool,
    crc: u32,
}

/// Returns the members of an archive, in the order of its directory.
pub(super) fn members(file: &mut File) -> Result<Vec<Member>, Broken> {
    let len = file.seek(SeekFrom::End(0))?;
    let tail_len = len.min(MAX_END);
    let tail_start = len.saturating_sub(tail_len);
    let tail = read_at(file, tail_start, tail_len)?;
    let is_end = |&at: &usize| tail.get(at..).is_some_and(|rest| rest.starts_with(b"PK\x05\x06"));
    let end = (0..tail.len()).rev().find(is_end);
    let end = end.ok_or("it has no directory of members: it is truncated, or no zip archive")?;
    let mut fields = Fields::new(tail.get(end..).unwrap_or_default());
    fields.skip(10)?;
    let (mut count, mut size, mut start) =
        (u64::from(fields.u16()?), u64::from(fields.u32()?), u64::from(fields.u32()?));
    if usize::from(fields.u16()?) != fields.len() {
        return Err("what follows its directory is cut off".into());
    }
    if count == 0xffff || size == 0xffff_ffff || start == 0xffff_ffff {
        let locator = tail_start.saturating_add(end as u64).checked_sub(20).ok_or("its directory is cut off")?;
        let locator = read_at(file, locator, 20)?;
        if locator.starts_with(b"PK\x06\x07") {
            let mut fields = Fields::new(&locator);
            fields.skip(8)?;
            let end = read_at(file, fields.u64()?, 56)?;
            if !end.starts_with(b"PK\x06\x06") {
                return Err("the long end of its directory is not where it should be".into());
            }
            let mut fields = Fields::new(&end);
            fields.skip(32)?;
            (count, size, start) = (fields.u64()?, fields.u64()?, fields.u64()?);
        }
    }
    if size > MAX_DIRECTORY {
        return Err(format!("its directory of {size} bytes is longer than the {MAX_DIRECTORY} that are allowed").into());
    }
    if start.checked_add(size).is_none_or(|end| end > len) {
        return Err(format!("its directory would be {size} bytes at {start}, and the file has {len}").into());
    }
    let directory = read_at(file, start, size)?;
    let mut fields = Fields::new(&directory);
    let mut members = Vec::new();
    for _ in 0..count {
        let member = member(&mut fields)?;
        if member.offset.checked_add(member.packed).is_none_or(|end| end > len) {
            let (name, packed, offset) = (&member.name, member.packed, member.offset);
            return Err(format!("{name:?} would be {packed} bytes at {offset}, and the file has {len}").into());
        }
        members.push(member);
    }
    Ok(members)
}

/// Reads an entry of the directory.
fn member(fields: &mut Fields<'_>) -> Result<Member, Broken> {
    if fields.take(4)? != b"PK\x01\x02" {
        return Err("an entry of its directory does not begin as one".into());
    }
    fields.skip(4)?;
    let (flags, method) = (fields.u16()?, fields.u16()?);
    fields.skip(4)?;
    let (crc, mut packed, mut size) = (fields.u32()?, u64::from(fields.u32()?), u64::from(fields.u32()?));
    let (name_len, extra_len, comment_len) = (fields.u16()?, fields.u16()?, fields.u16()?);
    fields.skip(8)?;
    let mut offset = u64::from(fields.u32()?);
    let name = String::from_utf8_lossy(fields.take(name_len.into())?).into_owned();
    let mut extra = Fields::new(fields.take(extra_len.into())?);
    fields.skip(comment_len.into())?;
    while extra.len() >= 4 {
        let (id, len) = (extra.u16()?, extra.u16()?);
        let mut field = Fields::new(extra.take(len.into())?);
        if id == 1 {
            for value in [&mut size, &mut packed, &mut offset] {
                if *value == 0xffff_ffff {
                    *value = field.u64()?;
                }
            }
        }
    }
    if flags & 1 != 0 {
        return Err(format!("{name:?} is encrypted").into());
    }
    let is_deflated = match method {
        0 => false,
        8 => true,
        other => {
            return Err(format!("{name:?} is packed by method {other}; 0 (not at all) and 8 (deflate) are read").into());
        }
    };
    if !is_deflated && packed != size {
        return Err(format!("{name:?} is not packed, and yet has {packed} bytes of {size}").into());
    }
    Ok(Member { name, offset, packed, size, is_deflated, crc })
}

impl Member {
    /// Returns the member's bytes, which are checked against its length and checksum as they are read.
    pub(super) fn reader(&self, mut file: File) -> Result<Box<dyn Read + Send>, Broken> {
        let header = read_at(&mut file, self.offset, 30)?;
        if !header.starts_with(b"PK\x03\x04") {
            return Err(format!("{:?} does not begin where the directory says", self.name).into());
        }
        let mut fields = Fields::new(&header);
        fields.skip(26)?;
        let (name, extra) = (i64::from(fields.u16()?), i64::from(fields.u16()?));
        file.seek(SeekFrom::Current(name.saturating_add(extra)))?;
        let packed = BufReader::with_capacity(BUFFER, file).take(self.packed);
        let bytes: Box<dyn Read + Send> =
            if self.is_deflated { Box::new(DeflateDecoder::new(packed)) } else { Box::new(packed) };
        Ok(Box::new(Checked { bytes, left: self.size, sum: Crc::new(), expected: self.crc }))
    }
}

/// Bytes of a known number and checksum.
struct Checked {
    bytes: Box<dyn Read + Send>,
    left: u64,
    sum: Crc,
    expected: u32,
}

impl Read for Checked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let Some(into) = into.get_mut(..wanted).filter(|into| !into.is_empty()) else { return Ok(0) };
        let read = self.bytes.read(into)?;
        self.sum.update(into.get(..read).unwrap_or_default());
        self.left = self.left.saturating_sub(read as u64);
        let problem = if read == 0 {
            "a member of the archive ends too early"
        } else if self.left == 0 && self.sum.sum() != self.expected {
            "a member of the archive does not have its checksum: it is damaged"
        } else {
            return Ok(read);
        };
        Err(io::Error::new(io::ErrorKind::InvalidData, problem))
    }
}
