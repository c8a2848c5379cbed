//! Two 4-bit values in a byte, neighbours together, the first in the low bits: the order of ONNX and TFLite.

use crate::error::{Error, Result};

/// Packs 4-bit values two to a byte; of an odd count the last high half is 0.
///
/// Only the low four bits of each value are used.
///
/// # Errors
///
/// [`Error::LengthMismatch`] if `out` does not hold exactly half of the values, rounded up.
///
/// # Examples
///
/// ```
/// use tensor_quant::num::pack_nibbles;
/// let mut bytes = [0; 2];
/// pack_nibbles([0x1, 0xf, 0x7].into_iter(), &mut bytes)?;
/// assert_eq!(bytes, [0xf1, 0x07]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn pack_nibbles(nibbles: impl ExactSizeIterator<Item = u8>, out: &mut [u8]) -> Result<()> {
    check(nibbles.len(), out.len())?;
    out.fill(0);
    for (i, nibble) in nibbles.enumerate() {
        out[i / 2] |= (nibble & 0x0f) << (4 * (i % 2));
    }
    Ok(())
}

/// Returns the first `count` 4-bit values of `bytes`, each in the low half of its byte.
///
/// # Errors
///
/// [`Error::LengthMismatch`] if `bytes` does not hold exactly half of `count`, rounded up.
pub fn unpack_nibbles(bytes: &[u8], count: usize) -> Result<impl ExactSizeIterator<Item = u8> + '_> {
    check(count, bytes.len())?;
    Ok((0..count).map(|i| (bytes[i / 2] >> (4 * (i % 2))) & 0x0f))
}

fn check(count: usize, bytes: usize) -> Result<()> {
    let expected = count.div_ceil(2);
    if bytes == expected {
        Ok(())
    } else {
        Err(Error::LengthMismatch { what: "packed bytes", expected, actual: bytes })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn unpacking_what_was_packed_gives_it_back(values in prop::collection::vec(0_u8..16, 0..67)) {
            let mut bytes = vec![0xaa; values.len().div_ceil(2)];
            pack_nibbles(values.iter().copied(), &mut bytes).unwrap();
            prop_assert_eq!(unpack_nibbles(&bytes, values.len()).unwrap().collect::<Vec<_>>(), values);
        }
    }

    #[test]
    fn a_wrong_length_names_both_numbers() {
        let error = pack_nibbles([1_u8; 5].into_iter(), &mut [0; 2]).unwrap_err();
        assert_eq!(error.to_string(), "packed bytes: expected a length of 3, got 2");
        assert!(unpack_nibbles(&[0; 3], 7).is_err());
    }
}
