//! What a file comes to by zstd, if the program was built with an encoder (feature `zstd`).

use crate::failure::Failure;
use std::path::Path;

/// Longer files are not compressed to be measured, as they are not deflated: level 19 takes a second for each 3 MB or so.
#[cfg(feature = "zstd")]
const LONGEST: u64 = 16 << 20;

/// The level at which files that are downloaded more often than made are compressed.
#[cfg(feature = "zstd")]
const LEVEL: i32 = 19;

/// Returns the length of a file when zstd compresses it at level 19; `None` if it is a long one.
#[cfg(feature = "zstd")]
pub(crate) fn len_of(path: &Path) -> Result<Option<u64>, Failure> {
    let failed = |source| tensor_quant::Error::Io { action: "compress", path: path.into(), source };
    if std::fs::metadata(path).map_err(failed)?.len() > LONGEST {
        return Ok(None);
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    Ok(Some(compressed(&bytes).map_err(failed)?.len() as u64))
}

/// Returns `None`: there is no encoder.
#[cfg(not(feature = "zstd"))]
#[expect(clippy::unnecessary_wraps, reason = "with an encoder, reading the file may fail")]
pub(crate) fn len_of(_: &Path) -> Result<Option<u64>, Failure> {
    Ok(None)
}

#[cfg(feature = "zstd")]
fn compressed(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    ::zstd::bulk::compress(bytes, LEVEL)
}

#[cfg(all(test, feature = "zstd"))]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_a_frame_that_holds_the_same_bytes() {
        // Codes as a layer has them: most near 0, some far from it.
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 60) as u8
        };
        let bytes: Vec<u8> = (0..20_000).map(|_| random().wrapping_add(random()).wrapping_sub(15)).collect();
        let frame = compressed(&bytes).unwrap();
        assert_eq!(::zstd::bulk::decompress(&frame, bytes.len()).unwrap(), bytes);
        // Sums of two of 16 numbers have 4.72 bits.
        assert!((11_300..12_000).contains(&frame.len()), "{}", frame.len());

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("codes");
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(len_of(&path).unwrap_or_default(), Some(frame.len() as u64));
        assert!(len_of(&folder.path().join("none")).is_err());
        let long = std::fs::File::create(&path).unwrap();
        long.set_len(LONGEST + 1).unwrap();
        assert_eq!(len_of(&path).unwrap_or(Some(1)), None);
    }
}
