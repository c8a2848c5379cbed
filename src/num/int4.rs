//! 4-bit integers, one in a byte; packed, two share one, the first in the low half: the order of ONNX and TFLite.

use super::code::{Code, CodeKind, Grid, sealed::Sealed};
use super::rounding::Rounding;
use crate::error::{Error, Result};
use alloc::vec::Vec;
use core::fmt;

macro_rules! nibble {
    ($($(#[$doc:meta])* $name:ident($int:ident), $label:literal, $min:literal..=$max:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $name($int);

        impl $name {
            /// The smallest value.
            pub const MIN: Self = Self($min);
            /// The largest value.
            pub const MAX: Self = Self($max);

            /// Returns the value as a 4-bit integer, or `None` if it has more bits.
            pub const fn new(value: $int) -> Option<Self> {
                if value as i32 >= $min && value as i32 <= $max { Some(Self(value)) } else { None }
            }

            /// Returns the value in a whole byte.
            pub const fn get(self) -> $int {
                self.0
            }

            /// Returns the low four bits, in two's complement.
            #[inline(always)]
            pub const fn to_nibble(self) -> u8 {
                self.0 as u8 & 0x0f
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

        impl Sealed for $name {}

        impl Code for $name {
            const NAME: &'static str = $label;
            const BITS: u32 = 4;
            const KIND: CodeKind = CodeKind::Integer;
            const MIN: f64 = $min as f64;
            const MAX: f64 = $max as f64;

            #[inline(always)]
            fn encode<R: Rounding>(quotient: f32, grid: Grid, rounding: R, index: u64) -> Self {
                Self($int::encode(quotient, grid, rounding, index))
            }

            #[inline(always)]
            fn decode(self, zero_point: i32) -> f32 {
                self.0.decode(zero_point)
            }

            #[inline(always)]
            fn to_f64(self) -> f64 {
                self.0.to_f64()
            }

            fn from_f64(number: f64) -> Self {
                Self((number as $int).clamp($min, $max))
            }

            fn write_packed(codes: &[Self], bytes: &mut Vec<u8>) {
                bytes.extend(codes.chunks(2).map(|pair| {
                    let high = pair.get(1).map_or(0, |code| code.to_nibble());
                    pair[0].to_nibble() | (high << 4)
                }));
            }

            fn read_packed(bytes: &[u8], codes: &mut [Self]) -> Result<()> {
                let expected = Self::packed_len(codes.len());
                if bytes.len() != expected {
                    return Err(Error::LengthMismatch { what: "bytes of codes", expected, actual: bytes.len() });
                }
                for (pair, byte) in codes.chunks_mut(2).zip(bytes) {
                    for (code, shift) in pair.iter_mut().zip([0, 4]) {
                        *code = Self::from_nibble(byte >> shift);
                    }
                }
                Ok(())
            }
        }
    )*};
}

nibble! {
    /// A signed 4-bit integer, −8..=7.
    ///
    /// ```
    /// use tensor_quant::I4;
    /// assert_eq!(I4::new(-8).map(I4::get), Some(-8));
    /// assert_eq!(I4::new(8), None);
    /// ```
    I4(i8), "i4", -8..=7;
    /// An unsigned 4-bit integer, 0..=15.
    ///
    /// ```
    /// use tensor_quant::U4;
    /// assert_eq!(U4::new(15).map(U4::get), Some(15));
    /// assert_eq!(U4::new(16), None);
    /// ```
    U4(u8), "u4", 0..=15;
}

impl I4 {
    /// Returns the value of the low four bits; the high four are ignored.
    #[inline(always)]
    pub const fn from_nibble(bits: u8) -> Self {
        Self(((bits << 4) as i8) >> 4)
    }
}

impl U4 {
    /// Returns the value of the low four bits; the high four are ignored.
    #[inline(always)]
    pub const fn from_nibble(bits: u8) -> Self {
        Self(bits & 0x0f)
    }
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
    fn every_pair_of_nibbles_comes_back() {
        let codes: Vec<U4> = (0..=255_u8).flat_map(|b| [U4::from_nibble(b), U4::from_nibble(b >> 4)]).collect();
        let mut bytes = Vec::new();
        U4::write_packed(&codes, &mut bytes);
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
        let mut back = vec![U4::default(); codes.len()];
        U4::read_packed(&bytes, &mut back).unwrap();
        assert_eq!(back, codes);
    }

    #[test]
    fn a_wrong_number_of_bytes_names_both_numbers() {
        let error = I4::read_packed(&[0; 2], &mut [I4::default(); 5]).unwrap_err();
        assert_eq!(error.to_string(), "bytes of codes: expected a length of 3, got 2");
        assert!(i16::read_packed(&[0; 3], &mut [0; 2]).is_err());
    }
}
