//! The integer code types of 8 to 32 bits.

use super::CodeType;
use super::code::{Code, CodeKind, Grid, Stored, read_bytes, write_bytes};
use super::rounding::{Rounding, nearest_i32, nearest_whole};
use crate::error::Result;
use alloc::vec::Vec;

macro_rules! small_integer {
    ($($int:ident, $variant:ident, $bits:literal;)*) => {$(
        impl Stored for $int {
            #[inline(always)]
            fn encode<R: Rounding>(quotient: f32, grid: Grid, rounding: R, index: u64) -> Self {
                let rounded = nearest_i32(rounding.round(grid.clamp(quotient), index));
                rounded.wrapping_add(grid.zero_point) as $int
            }

            #[inline(always)]
            fn has_bits_of(self, other: Self) -> bool {
                self == other
            }

            #[inline(always)]
            fn decode(self, zero_point: i32) -> f32 {
                (self as i32).wrapping_sub(zero_point) as f32
            }
        }

        impl Code for $int {
            const NAME: &'static str = stringify!($int);
            const BITS: u32 = $bits;
            const KIND: CodeKind = CodeKind::Integer;
            const MIN: f64 = $int::MIN as f64;
            const MAX: f64 = $int::MAX as f64;
            const TYPE: CodeType = CodeType::$variant;

            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }

            fn nearest(number: f64) -> Self {
                nearest_whole(number) as $int
            }

            fn write_packed(codes: &[Self], bytes: &mut Vec<u8>) {
                write_bytes(codes, bytes, Self::to_le_bytes);
            }

            fn read_packed(bytes: &[u8], codes: &mut [Self]) -> Result<()> {
                read_bytes(bytes, codes, Self::from_le_bytes)
            }
        }
    )*};
}

small_integer! {
    i8, I8, 8;
    u8, U8, 8;
    i16, I16, 16;
    u16, U16, 16;
}

/// Its bounds are no f32s and its codes reach past 2²⁴, so the zero point is added and the clamp done in f64, where
/// both are exact.
impl Stored for i32 {
    #[inline(always)]
    fn encode<R: Rounding>(quotient: f32, grid: Grid, rounding: R, index: u64) -> Self {
        grid.wide_code(rounding.round(quotient, index))
    }

    #[inline(always)]
    fn has_bits_of(self, other: Self) -> bool {
        self == other
    }

    #[inline(always)]
    fn decode(self, zero_point: i32) -> f32 {
        (f64::from(self) - f64::from(zero_point)) as f32
    }
}

impl Code for i32 {
    const NAME: &'static str = "i32";
    const BITS: u32 = 32;
    const KIND: CodeKind = CodeKind::Integer;
    const MIN: f64 = i32::MIN as f64;
    const MAX: f64 = i32::MAX as f64;
    const TYPE: CodeType = CodeType::I32;

    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn nearest(number: f64) -> Self {
        nearest_whole(number) as i32
    }

    fn write_packed(codes: &[Self], bytes: &mut Vec<u8>) {
        write_bytes(codes, bytes, Self::to_le_bytes);
    }

    fn read_packed(bytes: &[u8], codes: &mut [Self]) -> Result<()> {
        read_bytes(bytes, codes, Self::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{I1, I2, I4, U1, U2, U4};
    use super::*;

    /// Numbers at, beside and between the codes, and beyond them.
    fn check<C: Code>() {
        let few = if C::BITS <= 16 { C::MIN as i64..=C::MAX as i64 } else { -1000..=1000 };
        let ends = [C::MIN, C::MAX].map(|end| end as i64);
        for code in few.chain(ends).chain(ends.map(|end| end - 1)).chain(ends.map(|end| end + 1)) {
            let exact = code as f64;
            let even = if code % 2 == 0 { exact } else { exact + 1.0 };
            for (number, whole) in [
                (exact, exact),
                (exact + 0.25, exact),
                (exact - 0.25, exact),
                ((exact + 0.5).next_down(), exact),
                (exact + 0.5, even),
                ((exact + 0.5).next_up(), exact + 1.0),
            ] {
                assert_eq!(C::nearest(number).to_f64(), whole.clamp(C::MIN, C::MAX), "{number} as {}", C::NAME);
            }
        }
        for huge in [1e10, 4_503_599_627_370_497.0, 1e300, f64::INFINITY] {
            assert_eq!((C::nearest(-huge).to_f64(), C::nearest(huge).to_f64()), (C::MIN, C::MAX), "{}", C::NAME);
        }
        assert_eq!(C::nearest(0.5_f64.next_down()).to_f64(), 0.0);
        assert_eq!(C::nearest(f64::NAN).to_f64(), 0.0);
    }

    #[test]
    fn a_number_becomes_the_nearest_code_with_halves_to_even() {
        check::<i8>();
        check::<u8>();
        check::<i16>();
        check::<u16>();
        check::<i32>();
        check::<I1>();
        check::<U1>();
        check::<I2>();
        check::<U2>();
        check::<I4>();
        check::<U4>();
    }
}
