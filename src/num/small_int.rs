//! Integers of 1, 2 and 4 bits, one in a byte; packed, several share one, the first in the low bits: the order of ONNX and
//! TFLite.

use super::CodeType;
use super::code::{Code, CodeKind, Grid, Stored};
use super::rounding::Rounding;
use crate::error::{Error, Result};
use alloc::vec::Vec;
use core::fmt;

macro_rules! small_int {
    ($($(#[$doc:meta])* $name:ident($int:ident), $label:literal, $bits:literal, $min:literal..=$max:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $name($int);

        impl $name {
            /// The smallest value.
            pub const MIN: Self = Self($min);
            /// The largest value.
            pub const MAX: Self = Self($max);

            #[doc = concat!("Returns the value as an integer of ", $bits, " bits, or `None` if it needs more.")]
            pub const fn new(value: $int) -> Option<Self> {
                if value as i32 >= $min && value as i32 <= $max { Some(Self(value)) } else { None }
            }

            /// Returns the value in a whole byte.
            pub const fn get(self) -> $int {
                self.0
            }

            /// Returns the value's bits, in two's complement; the bits above are 0.
            #[inline(always)]
            pub const fn to_bits(self) -> u8 {
                self.0 as u8 & (0xff >> (8 - $bits))
            }

            /// Returns the value of the low bits; those above are ignored.
            #[inline(always)]
            pub const fn from_bits(bits: u8) -> Self {
                // Shifted up and down again as the signed or unsigned type that it is, which extends the sign, or does not.
                Self(((bits << (8 - $bits)) as $int) >> (8 - $bits))
            }

            /// Returns the codes of a byte, the first in the low bits.
            #[inline(always)]
            fn join(byte: &[Self]) -> u8 {
                byte.iter().rev().fold(0, |bits: u8, code| bits.unbounded_shl($bits) | code.to_bits())
            }

            /// Writes the codes of a byte.
            #[inline(always)]
            fn part(byte: u8, codes: &mut [Self]) {
                for (i, code) in codes.iter_mut().enumerate() {
                    *code = Self::from_bits(byte >> (i as u32 * $bits));
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl From<$name> for $int {
            fn from(value: $name) -> $int {
                value.0
            }
        }

        impl Stored for $name {
            #[inline(always)]
            fn encode<R: Rounding>(quotient: f32, grid: Grid, rounding: R, index: u64) -> Self {
                Self($int::encode(quotient, grid, rounding, index))
            }

            #[inline(always)]
            fn has_bits_of(self, other: Self) -> bool {
                self.0 == other.0
            }

            #[inline(always)]
            fn decode(self, zero_point: i32) -> f32 {
                self.0.decode(zero_point)
            }

            #[inline(always)]
            fn from_byte(byte: u8) -> Self {
                Self(byte as $int)
            }

            #[inline(always)]
            fn to_byte(self) -> u8 {
                self.0 as u8
            }
        }

        impl Code for $name {
            const NAME: &'static str = $label;
            const BITS: u32 = $bits;
            const KIND: CodeKind = CodeKind::Integer;
            const MIN: f64 = $min as f64;
            const MAX: f64 = $max as f64;
            const TYPE: CodeType = CodeType::$name;

            #[inline(always)]
            fn to_f64(self) -> f64 {
                self.0.to_f64()
            }

            fn nearest(number: f64) -> Self {
                Self($int::nearest(number).clamp($min, $max))
            }

            fn write_packed(codes: &[Self], bytes: &mut Vec<u8>) {
                let (whole, rest) = codes.as_chunks::<8>();
                let first = bytes.len();
                bytes.resize(first + whole.len() * $bits, 0);
                for (eight, bytes) in whole.iter().zip(bytes[first..].as_chunks_mut::<$bits>().0) {
                    bytes.copy_from_slice(&join_eight(eight.map(Self::to_bits), $bits).to_le_bytes()[..$bits]);
                }
                bytes.extend(rest.chunks(8 / $bits).map(Self::join));
            }

            fn read_packed(bytes: &[u8], codes: &mut [Self]) -> Result<()> {
                let expected = Self::packed_len(codes.len());
                if bytes.len() != expected {
                    return Err(Error::LengthMismatch { what: "bytes of codes", expected, actual: bytes.len() });
                }
                let (whole, rest) = codes.as_chunks_mut::<{ 8 / $bits }>();
                let last = &bytes[whole.len()..];
                for (codes, byte) in whole.iter_mut().zip(bytes) {
                    Self::part(*byte, codes);
                }
                for byte in last {
                    Self::part(*byte, rest);
                }
                Ok(())
            }
        }
    )*};
}

/// Returns the low bits of eight bytes next to each other, the first lowest; those above are 0. Neighbours are moved together,
/// then neighbouring pairs, then both fours.
#[inline(always)]
fn join_eight(bytes: [u8; 8], bits: u32) -> u64 {
    let low = |bits: u32| (1_u64 << bits) - 1;
    let eight = u64::from_le_bytes(bytes);
    let pairs = (eight | eight >> (8 - bits)) & (low(2 * bits) * 0x0001_0001_0001_0001);
    let fours = (pairs | pairs >> (16 - 2 * bits)) & (low(4 * bits) * 0x0000_0001_0000_0001);
    (fours | fours >> (32 - 4 * bits)) & low(8 * bits)
}

small_int! {
    /// A signed 4-bit integer, −8..=7.
    ///
    /// ```
    /// use tensor_quant::I4;
    /// assert_eq!(I4::new(-8).map(I4::get), Some(-8));
    /// assert_eq!(I4::new(8), None);
    /// ```
    I4(i8), "i4", 4, -8..=7;
    /// An unsigned 4-bit integer, 0..=15.
    ///
    /// ```
    /// use tensor_quant::U4;
    /// assert_eq!(U4::new(15).map(U4::get), Some(15));
    /// assert_eq!(U4::new(16), None);
    /// ```
    U4(u8), "u4", 4, 0..=15;
    /// A signed 2-bit integer, −2..=1.
    I2(i8), "i2", 2, -2..=1;
    /// An unsigned 2-bit integer, 0..=3.
    U2(u8), "u2", 2, 0..=3;
    /// A signed 1-bit integer, −1 or 0.
    I1(i8), "i1", 1, -1..=0;
    /// An unsigned 1-bit integer, 0 or 1.
    U1(u8), "u1", 1, 0..=1;
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn packed_codes_stand_low_half_first_and_come_back() {
        let codes: Vec<I4> = [1, -1, 7, -8, 0].into_iter().filter_map(I4::new).collect();
        let mut bytes = vec![0xaa];
        I4::write_packed(&codes, &mut bytes);
        assert_eq!(bytes, [0xaa, 0xf1, 0x87, 0x00]);
        let mut back = vec![I4::default(); 5];
        I4::read_packed(&bytes[1..], &mut back).unwrap();
        assert_eq!(back, codes);
    }

    #[test]
    fn every_byte_is_two_u4_and_four_u2_and_eight_u1() {
        let codes: Vec<U4> = (0..=255_u8).flat_map(|b| [U4::from_bits(b), U4::from_bits(b >> 4)]).collect();
        let mut bytes = Vec::new();
        U4::write_packed(&codes, &mut bytes);
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
        let mut back = vec![U4::default(); codes.len()];
        U4::read_packed(&bytes, &mut back).unwrap();
        assert_eq!(back, codes);
        let (mut twos, mut ones) = (vec![I2::default(); 1024], vec![U1::default(); 2048]);
        I2::read_packed(&bytes, &mut twos).unwrap();
        U1::read_packed(&bytes, &mut ones).unwrap();
        assert_eq!(twos[4 * 0b_11_10_01_00..][..4].iter().map(|code| code.get()).collect::<Vec<_>>(), [0, 1, -2, -1]);
        assert_eq!(
            ones[8 * 0b_0000_0110..][..8].iter().map(|code| code.get()).collect::<Vec<_>>(),
            [0, 1, 1, 0, 0, 0, 0, 0]
        );
        let (mut from_twos, mut from_ones) = (Vec::new(), Vec::new());
        I2::write_packed(&twos, &mut from_twos);
        U1::write_packed(&ones, &mut from_ones);
        assert_eq!((&from_twos, &from_ones), (&bytes, &bytes));
    }

    #[test]
    fn a_wrong_number_of_bytes_names_both_numbers() {
        let error = I4::read_packed(&[0; 2], &mut [I4::default(); 5]).unwrap_err();
        assert_eq!(error.to_string(), "bytes of codes: expected a length of 3, got 2");
        assert!(i16::read_packed(&[0; 3], &mut [0; 2]).is_err());
    }
}
