//! What stands behind the flatbuffer: as a rule a ZIP archive of labels and vocabularies.
//!
//! An archive's directory says where its files start, counted from the beginning of the whole file. When the flatbuffer
//! in front of it changes its length, those numbers change with it.

#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

/// The longest comment that an archive may end in, and the record before it.
const LONGEST_END: usize = 65_535 + END;
const END: usize = 22;
const ENTRY: usize = 46;

/// Moves an archive that began at `old` of its file to `new`; returns whether it is one, and was changed.
///
/// Archives that count from their own beginning, and bytes that are no archive, are left as they are.
pub(super) fn relocate(bytes: &mut [u8], old: u64, new: u64) -> bool {
    let moved = moved_numbers(bytes, old, new);
    for (at, number) in moved.iter().flatten() {
        if let Some(field) = bytes.get_mut(*at..).and_then(<[u8]>::first_chunk_mut) {
            *field = number.to_le_bytes();
        }
    }
    moved.is_some()
}

/// Returns where numbers of an archive's directory stand, and what they will be.
fn moved_numbers(bytes: &[u8], old: u64, new: u64) -> Option<Vec<(usize, u32)>> {
    let earliest = bytes.len().saturating_sub(LONGEST_END);
    let end = earliest.checked_add(bytes.get(earliest..)?.windows(4).rposition(|four| four == b"PK\x05\x06")?)?;
    let record = bytes.get(end..)?;
    let count = u16_at(record, 10)?;
    let (directory_len, directory) = (u32_at(record, 12)?, u32_at(record, 16)?);
    let mut at = end.checked_sub(directory_len as usize)?;
    if Some(u64::from(directory)) != old.checked_add(at as u64) {
        return None;
    }
    let moved = |number: u32| u32::try_from(u64::from(number).checked_add(new)?.checked_sub(old)?).ok();
    let mut numbers = vec![(end.checked_add(16)?, moved(directory)?)];
    for _ in 0..count {
        let entry = bytes.get(at..)?;
        if !entry.starts_with(b"PK\x01\x02") {
            return None;
        }
        numbers.push((at.checked_add(42)?, moved(u32_at(entry, 42)?)?));
        for field in [28, 30, 32] {
            at = at.checked_add(usize::from(u16_at(entry, field).unwrap_or(0)))?;
        }
        at = at.checked_add(ENTRY)?;
    }
    Some(numbers)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|&two| u16::from_le_bytes(two))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|&four| u32::from_le_bytes(four))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive of one stored file "a" with the byte "x", that began at `start`.
    fn archive(start: u32) -> Vec<u8> {
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.resize(26, 0);
        bytes.extend_from_slice(&[1, 0, 0, 0, b'a', b'x']);
        let directory = bytes.len();
        bytes.extend_from_slice(b"PK\x01\x02");
        bytes.resize(directory + 28, 0);
        bytes.extend_from_slice(&[1, 0]);
        bytes.resize(directory + 42, 0);
        bytes.extend_from_slice(&start.to_le_bytes());
        bytes.push(b'a');
        let len = bytes.len() - directory;
        bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
        bytes.extend_from_slice(&(len as u32).to_le_bytes());
        bytes.extend_from_slice(&(start + directory as u32).to_le_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes
    }

    #[test]
    fn an_archive_moves_with_its_numbers() {
        let mut moved = archive(1000);
        assert!(relocate(&mut moved, 1000, 64));
        assert_eq!(moved, archive(64));
    }

    #[test]
    fn what_is_no_archive_or_counts_from_its_own_beginning_is_left_alone() {
        for bytes in [archive(0), b"no archive".to_vec(), b"PK\x05\x06".to_vec(), archive(7)[10..].to_vec(), vec![]] {
            let mut same = bytes.clone();
            assert!(!relocate(&mut same, 1000, 64));
            assert_eq!(same, bytes);
        }
    }
}
