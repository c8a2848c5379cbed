//! In which order codes of fewer than 8 bits share bytes.

use super::Code;
use crate::error::{Error, Result};
use alloc::vec;
use alloc::vec::Vec;

/// The order in which codes of fewer than 8 bits are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PackOrder {
    /// Neighbours share a byte, the first in the low bits: ONNX, TFLite, and this crate's own files.
    #[default]
    Neighbours,
    /// Blocks of `block` codes, of which those that share a byte are equally far apart: of 32 codes of 4 bits, byte j
    /// holds code j in its low half and code j + 16 in its high half. ggml, with blocks of 32.
    Strided {
        /// Codes in a block: a multiple of those in a byte.
        block: usize,
    },
}

/// Returns the codes packed; a last byte that is not full is filled up with zeros.
///
/// Codes of 8 bits and more are written one after another, little-endian, in either order.
///
/// # Errors
///
/// [`Error::LengthMismatch`] if the order has blocks and the codes are not a whole number of them, or a block not a whole
/// number of bytes.
///
/// # Examples
///
/// ```
/// use tensor_quant::num::{PackOrder, U4, pack};
/// let codes: Vec<U4> = (0..32).map(|i| U4::from_bits(i % 16)).collect();
/// assert_eq!(pack(&codes, PackOrder::Neighbours)?[..2], [0x10, 0x32]);
/// assert_eq!(pack(&codes, PackOrder::Strided { block: 32 })?[..2], [0x00, 0x11]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn pack<C: Code>(codes: &[C], order: PackOrder) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(C::packed_len(codes.len()));
    match strides::<C>(order, codes.len())? {
        None => C::write_packed(codes, &mut bytes),
        Some((block, per_byte)) => {
            let mut reordered = vec![C::default(); block];
            for codes in codes.chunks(block) {
                for (i, &code) in codes.iter().enumerate() {
                    reordered[i % (block / per_byte) * per_byte + i / (block / per_byte)] = code;
                }
                C::write_packed(&reordered, &mut bytes);
            }
        }
    }
    Ok(bytes)
}

/// Returns the `count` codes that [`pack`] packed.
///
/// # Errors
///
/// [`Error::LengthMismatch`] as for [`pack`], and unless there are exactly the bytes of so many codes.
pub fn unpack<C: Code>(bytes: &[u8], count: usize, order: PackOrder) -> Result<Vec<C>> {
    let expected = C::packed_len(count);
    if bytes.len() != expected {
        return Err(Error::LengthMismatch { what: "packed bytes", expected, actual: bytes.len() });
    }
    let mut codes = vec![C::default(); count];
    C::read_packed(bytes, &mut codes)?;
    if let Some((block, per_byte)) = strides::<C>(order, count)? {
        let mut packed = vec![C::default(); block];
        for codes in codes.chunks_mut(block) {
            packed.copy_from_slice(codes);
            for (i, code) in codes.iter_mut().enumerate() {
                *code = packed[i % (block / per_byte) * per_byte + i / (block / per_byte)];
            }
        }
    }
    Ok(codes)
}

/// Returns the length of a block, and the codes in a byte, if codes are to be reordered.
fn strides<C: Code>(order: PackOrder, count: usize) -> Result<Option<(usize, usize)>> {
    let per_byte = (8 / C::BITS as usize).max(1);
    match order {
        PackOrder::Strided { block } if per_byte > 1 => {
            if block == 0 || !block.is_multiple_of(per_byte) || !count.is_multiple_of(block) {
                let whole = count.checked_next_multiple_of(block.max(1));
                let expected = whole.and_then(|whole| whole.checked_next_multiple_of(per_byte)).unwrap_or(usize::MAX);
                return Err(Error::LengthMismatch { what: "codes in whole blocks", expected, actual: count });
            }
            // Of no codes there is no block, however long one would be.
            Ok((count > 0).then_some((block, per_byte)))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::num::{I2, I4, U1};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn unpacking_what_was_packed_gives_it_back(bits in prop::collection::vec(any::<u8>(), 0..200), blocks in 0_usize..4) {
            fn check<C: Code>(codes: &[C], order: PackOrder) {
                let bytes = pack(codes, order).unwrap();
                assert_eq!(unpack::<C>(&bytes, codes.len(), order).unwrap(), codes);
            }
            let whole = |n: usize| bits.iter().copied().cycle().take(if bits.is_empty() { 0 } else { n });
            check(&bits.iter().map(|&b| I4::from_bits(b)).collect::<Vec<_>>(), PackOrder::Neighbours);
            check(&bits.iter().map(|&b| I2::from_bits(b)).collect::<Vec<_>>(), PackOrder::Neighbours);
            check(&bits, PackOrder::Neighbours);
            let strided = PackOrder::Strided { block: 32 };
            check(&whole(32 * blocks).map(I4::from_bits).collect::<Vec<_>>(), strided);
            check(&whole(32 * blocks).map(I2::from_bits).collect::<Vec<_>>(), strided);
            check(&whole(32 * blocks).map(U1::from_bits).collect::<Vec<_>>(), strided);
            check(&bits, strided);
        }
    }

    #[test]
    fn parts_of_blocks_are_errors() {
        let codes = [I4::default(); 33];
        assert!(pack(&codes, PackOrder::Strided { block: 32 }).is_err());
        assert!(pack(&codes[..32], PackOrder::Strided { block: 0 }).is_err());
        assert!(pack(&codes[..3], PackOrder::Strided { block: 3 }).is_err());
        assert!(unpack::<I4>(&[0; 15], 32, PackOrder::Neighbours).is_err());
    }

    #[test]
    fn blocks_of_an_absurd_length_are_errors_or_empty() {
        for block in [usize::MAX, usize::MAX - 1, 1 << 63] {
            assert!(pack(&[I4::default(); 3], PackOrder::Strided { block }).is_err());
            assert!(unpack::<I4>(&[0; 2], 3, PackOrder::Strided { block }).is_err());
        }
        let longest = PackOrder::Strided { block: usize::MAX - 1 };
        assert!(pack::<I4>(&[], longest).unwrap().is_empty());
        assert!(unpack::<I4>(&[], 0, longest).unwrap().is_empty());
    }
}
