//! How long a file is on the wire.

use crate::error::{Error, Result};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::{self, Write};
use std::path::Path;

/// Counts what is written.
#[derive(Debug, Default)]
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Longer files are not deflated to be measured: that takes a second for each 60 MB or so.
const LONGEST: u64 = 16 << 20;

/// Returns the length of a file when it is deflated; `None` if it is a long one.
pub(super) fn of_file(path: &Path) -> Result<Option<u64>> {
    let failed = |source| Error::Io { action: "read", path: path.into(), source };
    if std::fs::metadata(path).map_err(failed)?.len() > LONGEST {
        return Ok(None);
    }
    std::fs::read(path).map(|bytes| Some(deflated_len(&bytes))).map_err(failed)
}

/// Returns the length of bytes when they are deflated at the highest level, as in an APK or a `.zip`.
pub(super) fn deflated_len(bytes: &[u8]) -> u64 {
    let mut encoder = DeflateEncoder::new(Counter::default(), Compression::best());
    // Neither memory nor the counter fails.
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.map_or(bytes.len() as u64, |counter| counter.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_a_stream() {
        assert!((2..12).contains(&deflated_len(&[])));
        assert!(deflated_len(&vec![7; 100_000]) < 200);
        let mut state = 1_u64;
        let mut byte = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        let noise: Vec<u8> = (0..10_000).map(|_| byte()).collect();
        assert!((9_000..10_100).contains(&deflated_len(&noise)));
    }
}
