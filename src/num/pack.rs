//! In which order codes of fewer than 8 bits share bytes.

use super::{Code, CodeKind, CodeType};
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

/// How codes of fewer than 8 bits lie in bytes: how many bits each has, and in which order they share bytes.
///
/// # Examples
///
/// ```
/// use tensor_quant::num::{PackOrder, Packing};
/// let ggml = Packing::new(4, PackOrder::Strided { block: 32 })?;
/// assert_eq!((ggml.place(3), ggml.place(19), ggml.place(32)), ((3, 0), (3, 4), (16, 0)));
/// assert_eq!(ggml.bytes_of(64), Some(32));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Packing {
    bits: u32,
    order: PackOrder,
}

impl Packing {
    /// Returns the packing of codes of so many bits.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] unless codes have 1, 2 or 4 bits, and a block is at least one byte and whole bytes.
    pub fn new(bits: u32, order: PackOrder) -> Result<Self> {
        if !matches!(bits, 1 | 2 | 4) {
            let (what, expected) = ("the bits of a code that shares its byte", "1, 2 or 4");
            return Err(Error::InvalidSetting { what, expected, actual: f64::from(bits) });
        }
        let per_byte = 8 / bits as usize;
        match order {
            PackOrder::Strided { block } if block == 0 || !block.is_multiple_of(per_byte) => {
                let (what, expected) = ("the codes in a block", "a positive multiple of those in a byte");
                Err(Error::InvalidSetting { what, expected, actual: block as f64 })
            }
            _ => Ok(Self { bits, order }),
        }
    }

    /// Returns the packing of neighbouring codes of a type that shares bytes.
    pub(crate) fn of(code: CodeType) -> Self {
        debug_assert!(matches!(code.bits(), 1 | 2 | 4), "codes of {code} have bytes of their own");
        Self { bits: code.bits(), order: PackOrder::Neighbours }
    }

    /// Returns the bits of a code: 1, 2 or 4.
    pub fn bits(self) -> u32 {
        self.bits
    }

    /// Returns the order of the codes.
    pub fn order(self) -> PackOrder {
        self.order
    }

    /// Returns how many codes share a byte: 8, 4 or 2.
    pub fn per_byte(self) -> usize {
        8 / self.bits as usize
    }

    /// Returns the bytes that so many codes take; `None` if they are not whole blocks, where the order has blocks.
    pub fn bytes_of(self, codes: usize) -> Option<usize> {
        match self.order {
            PackOrder::Strided { block } if !codes.is_multiple_of(block) => None,
            _ => Some(codes.div_ceil(self.per_byte())),
        }
    }

    /// Returns the byte in which the code with this number stands, and how many bits are below it there.
    pub fn place(self, code: usize) -> (usize, u32) {
        let (byte, place) = match self.order {
            PackOrder::Neighbours => (code / self.per_byte(), code % self.per_byte()),
            PackOrder::Strided { block } => {
                let (stride, within) = (block / self.per_byte(), code % block);
                (code / block * stride + within % stride, within / stride)
            }
        };
        (byte, place as u32 * self.bits)
    }
}

/// Returns the codes packed; a last byte that is not full is filled up with zeros.
///
/// Codes of 8 bits and more are written one after another, little-endian, in either order. Where codes stand one in a byte
/// anyway, [`kernel::pack`](crate::kernel::pack) does the same with vectors.
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
            let (stride, low) = (block / per_byte, (1_u8 << C::BITS) - 1);
            bytes.resize(codes.len() / per_byte, 0);
            for (codes, bytes) in codes.chunks(block).zip(bytes.chunks_mut(stride)) {
                for (part, codes) in codes.chunks(stride).enumerate() {
                    let shift = part as u32 * C::BITS;
                    for (byte, code) in bytes.iter_mut().zip(codes) {
                        *byte |= (code.to_byte() & low) << shift;
                    }
                }
            }
        }
    }
    Ok(bytes)
}

/// Returns the `count` codes that [`pack`] packed. [`kernel::unpack`](crate::kernel::unpack) does the same with vectors, to codes
/// one in a byte.
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
    let Some((block, per_byte)) = strides::<C>(order, count)? else {
        C::read_packed(bytes, &mut codes)?;
        return Ok(codes);
    };
    let (stride, above) = (block / per_byte, 8 - C::BITS);
    let has_sign = C::KIND == CodeKind::Integer && C::MIN < 0.0;
    for (codes, bytes) in codes.chunks_mut(block).zip(bytes.chunks(stride)) {
        for (part, codes) in codes.chunks_mut(stride).enumerate() {
            let shift = part as u32 * C::BITS;
            for (code, &byte) in codes.iter_mut().zip(bytes) {
                let bits = (byte >> shift) << above;
                *code = C::from_byte(if has_sign { ((bits as i8) >> above) as u8 } else { bits >> above });
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
    use crate::num::{I2, I4, U1, U2, U4};
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
    fn a_code_stands_where_its_place_says() {
        let orders = [PackOrder::Neighbours, PackOrder::Strided { block: 32 }, PackOrder::Strided { block: 8 }];
        for order in orders {
            let (twos, fours) = (Packing::new(2, order).unwrap(), Packing::new(4, order).unwrap());
            for code in 0..96 {
                let (mut two, mut four) = (vec![U2::default(); 96], vec![U4::default(); 96]);
                (two[code], four[code]) = (U2::MAX, U4::MAX);
                for (packing, packed) in [(twos, pack(&two, order).unwrap()), (fours, pack(&four, order).unwrap())] {
                    let (byte, below) = packing.place(code);
                    let mut want = vec![0_u8; packing.bytes_of(96).unwrap()];
                    want[byte] = (0xff >> (8 - packing.bits())) << below;
                    assert_eq!(packed, want, "{packing:?}, code {code}");
                }
            }
        }
    }

    #[test]
    fn no_packing_has_other_bits_or_parts_of_bytes() {
        for bits in [0, 3, 6, 8, u32::MAX] {
            assert!(Packing::new(bits, PackOrder::Neighbours).is_err(), "{bits}");
        }
        let error = Packing::new(2, PackOrder::Strided { block: 6 }).unwrap_err();
        assert_eq!(error.to_string(), "the codes in a block must be a positive multiple of those in a byte, got 6");
        assert!(Packing::new(1, PackOrder::Strided { block: 0 }).is_err());
        assert_eq!(Packing::new(4, PackOrder::Strided { block: 32 }).unwrap().bytes_of(33), None);
        assert_eq!(Packing::new(4, PackOrder::Neighbours).unwrap().bytes_of(33), Some(17));
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
