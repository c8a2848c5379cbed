//! Floating-point numbers of 8, 6 and 4 bits.
//!
//! One body serves them all; a [`Layout`] says how many bits the exponent and mantissa have, the exponent's bias, and what
//! the largest exponent and the code of −0 are used for. As for f16, a value is divided by the step of its binade
//! (exact), rounded to a whole number by any [`Rounding`], and multiplied again (exact).
//!
//! | type | exponent, mantissa, bias | largest | beyond it | NaN | −0 |
//! | --- | --- | --- | --- | --- | --- |
//! | [`F8E4M3Fn`] | 4, 3, 7 | 448 | NaN | 0x7f, 0xff | yes |
//! | [`F8E5M2`] | 5, 2, 15 | 57 344 | ±∞ | 0x7d… | yes |
//! | [`F8E4M3Fnuz`] | 4, 3, 8 | 240 | NaN | 0x80 | no |
//! | [`F8E5M2Fnuz`] | 5, 2, 16 | 57 344 | NaN | 0x80 | no |
//! | [`F8E4M3B11Fnuz`] | 4, 3, 11 | 30 | NaN | 0x80 | no |
//! | [`F8E4M3`] | 4, 3, 7 | 240 | ±∞ | 0x79… | yes |
//! | [`F8E3M4`] | 3, 4, 3 | 15.5 | ±∞ | 0x71… | yes |
//! | [`F6E2M3Fn`] | 2, 3, 1 | 7.5 | saturates | none: −0, of a negative NaN 0 | yes |
//! | [`F6E3M2Fn`] | 3, 2, 3 | 28 | saturates | none: −0, of a negative NaN 0 | yes |
//! | [`F4E2M1Fn`] | 2, 1, 1 | 6 | saturates | none: −0, of a negative NaN 0 | yes |
//!
//! Sources: "FP8 Formats for Deep Learning" (Micikevicius et al. 2022); "8-bit Numerical Formats for Deep Neural Networks"
//! (Noune et al. 2022) for the `fnuz` ones; OCP Microscaling Formats 1.0 for 6 and 4 bits. The overflow to NaN and the
//! code of a NaN that a type does not have are those of `ml_dtypes`.

mod convert;
mod number;

use super::CodeType;
use super::code::{Code, CodeKind, Grid, Stored};
use super::float_layout::{Layout, SmallFloat, Specials};
use super::rounding::Rounding;
use crate::error::{Error, Result};
use alloc::vec::Vec;
use convert::{decode, encode_f64, encode_nearest, encode_rounded};
use core::cmp::Ordering;
use core::fmt;
use core::num::{FpCategory, ParseFloatError};
use core::ops::Neg;
use core::str::FromStr;
use number::{epsilon, number};

macro_rules! minifloat {
    ($($(#[$doc:meta])* $name:ident, $label:literal, $exponent:literal, $mantissa:literal, $bias:literal, $specials:ident, $max:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// See the table of the small floats for what overflow and NaN give.
        #[derive(Clone, Copy, Default)]
        #[repr(transparent)]
        pub struct $name(u8);

        number! { $name, $specials }

        impl Layout for $name {
            const EXPONENT: u32 = $exponent;
            const MANTISSA: u32 = $mantissa;
            const BIAS: i32 = $bias;
            const SPECIALS: Specials = Specials::$specials;
            const MAX: f32 = $max;
        }

        impl $name {
            /// Returns the number with these bits; those above the type's are ignored.
            #[inline(always)]
            pub const fn from_bits(bits: u8) -> Self {
                Self(bits & (0xff >> (7 - $exponent - $mantissa)))
            }

            /// Returns the bits.
            #[inline(always)]
            pub const fn to_bits(self) -> u8 {
                self.0
            }

            /// Returns the nearest number, halves to even; beyond the largest, what the format prescribes.
            #[inline(always)]
            pub fn from_f32(x: f32) -> Self {
                Self(encode_nearest::<Self>(x))
            }

            /// Returns the nearest number, halves to even; beyond the largest, infinities included, the largest.
            #[inline(always)]
            pub fn from_f32_saturating(x: f32) -> Self {
                let clamped = if x > $max { $max } else if x < -$max { -$max } else { x };
                Self(encode_nearest::<Self>(clamped))
            }

            /// Returns the number nearest to an f64, rounded once, halves to even; beyond the largest, what the format
            /// prescribes. [`Code::nearest`](crate::num::Code::nearest) saturates instead.
            pub fn from_f64(x: f64) -> Self {
                Self(encode_f64::<Self>(x))
            }

            /// Returns the value; exact.
            #[inline(always)]
            pub fn to_f32(self) -> f32 {
                decode::<Self>(self.0)
            }
        }

        impl Stored for $name {
            const SMALL_FLOAT: Option<SmallFloat> = Some(SmallFloat::of::<Self>());

            #[inline(always)]
            fn encode<R: Rounding>(quotient: f32, grid: Grid, rounding: R, index: u64) -> Self {
                Self(encode_rounded::<Self, R>(grid.clamp_keeping_nan(quotient), rounding, index))
            }

            #[inline(always)]
            fn has_bits_of(self, other: Self) -> bool {
                self.0 == other.0
            }

            #[inline(always)]
            fn decode(self, _zero_point: i32) -> f32 {
                self.to_f32()
            }

            #[inline(always)]
            fn from_byte(byte: u8) -> Self {
                Self(byte)
            }

            #[inline(always)]
            fn to_byte(self) -> u8 {
                self.0
            }
        }

        impl Code for $name {
            const NAME: &'static str = $label;
            const BITS: u32 = 1 + $exponent + $mantissa;
            const KIND: CodeKind = CodeKind::Float;
            const MIN: f64 = -$max;
            const MAX: f64 = $max;
            const TYPE: CodeType = CodeType::$name;

            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self.to_f32())
            }

            fn nearest(number: f64) -> Self {
                if number.is_nan() { Self(0) } else { $name::from_f64(number.clamp(-$max, $max)) }
            }

            fn write_packed(codes: &[Self], bytes: &mut Vec<u8>) {
                let per_byte = 8 / Self::BITS as usize;
                bytes.extend(codes.chunks(per_byte).map(|byte| {
                    byte.iter().rev().fold(0, |bits: u8, code| bits.unbounded_shl(Self::BITS) | code.0)
                }));
            }

            fn read_packed(bytes: &[u8], codes: &mut [Self]) -> Result<()> {
                let expected = Self::packed_len(codes.len());
                if bytes.len() != expected {
                    return Err(Error::LengthMismatch { what: "bytes of codes", expected, actual: bytes.len() });
                }
                for (codes, byte) in codes.chunks_mut(8 / Self::BITS as usize).zip(bytes) {
                    for (i, code) in codes.iter_mut().enumerate() {
                        *code = Self::from_bits(byte >> (i as u32 * Self::BITS));
                    }
                }
                Ok(())
            }
        }
    )*};
}

minifloat! {
    /// FP8 with 4 exponent and 3 mantissa bits, one NaN of each sign and no infinity: weights and activations.
    F8E4M3Fn, "f8e4m3fn", 4, 3, 7, NanOnly, 448.0;
    /// FP8 with 5 exponent and 2 mantissa bits, as a shorter f16: gradients.
    F8E5M2, "f8e5m2", 5, 2, 15, Ieee, 57_344.0;
    /// FP8 with 4 exponent and 3 mantissa bits, bias 8, no infinity and no −0.
    F8E4M3Fnuz, "f8e4m3fnuz", 4, 3, 8, NanIsMinusZero, 240.0;
    /// FP8 with 5 exponent and 2 mantissa bits, bias 16, no infinity and no −0.
    F8E5M2Fnuz, "f8e5m2fnuz", 5, 2, 16, NanIsMinusZero, 57_344.0;
    /// FP8 with 4 exponent and 3 mantissa bits, bias 11, no infinity and no −0.
    F8E4M3B11Fnuz, "f8e4m3b11fnuz", 4, 3, 11, NanIsMinusZero, 30.0;
    /// FP8 with 4 exponent and 3 mantissa bits, and IEEE 754's infinities and NaNs.
    F8E4M3, "f8e4m3", 4, 3, 7, Ieee, 240.0;
    /// FP8 with 3 exponent and 4 mantissa bits, and IEEE 754's infinities and NaNs.
    F8E3M4, "f8e3m4", 3, 4, 3, Ieee, 15.5;
    /// FP6 with 2 exponent and 3 mantissa bits; every code is a number. One code a byte when packed.
    F6E2M3Fn, "f6e2m3fn", 2, 3, 1, None, 7.5;
    /// FP6 with 3 exponent and 2 mantissa bits; every code is a number. One code a byte when packed.
    F6E3M2Fn, "f6e3m2fn", 3, 2, 3, None, 28.0;
    /// FP4 with 2 exponent bits and 1 mantissa bit; every code is a number. Two codes a byte when packed.
    F4E2M1Fn, "f4e2m1fn", 2, 1, 1, None, 6.0;
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod number_tests;

#[cfg(test)]
mod tests {
    use super::convert::finish;
    use super::*;
    use crate::num::{Ceil, Floor, HalfAway, TiesEven, TowardZero};
    use proptest::prelude::*;

    /// The finite values of a format in ascending order, from its definition, in f64.
    fn values<L: Layout>() -> Vec<(f64, u8)> {
        let mut values = Vec::new();
        for code in 0..L::SIGN {
            let (exponent, mantissa) = ((code >> L::MANTISSA) as i32, f64::from(code & ((1 << L::MANTISSA) - 1)));
            let fraction = mantissa / 2.0_f64.powi(L::MANTISSA as i32);
            let value = match exponent {
                0 => fraction * 2.0_f64.powi(1 - L::BIAS),
                _ => (1.0 + fraction) * 2.0_f64.powi(exponent - L::BIAS),
            };
            let special = (L::SPECIALS == Specials::Ieee && code >= L::TOP)
                || (L::SPECIALS == Specials::NanOnly && code == L::SIGN - 1);
            if !special {
                values.push((value, code as u8));
            }
        }
        values
    }

    /// Every code, and every boundary between two with the floats on both sides of it, in both signs.
    fn exhaustive<L: Layout>() {
        let values = values::<L>();
        let has_minus_zero = L::SPECIALS != Specials::NanIsMinusZero;
        for (i, &(value, code)) in values.iter().enumerate() {
            assert_eq!(f64::from(decode::<L>(code)), value);
            assert_eq!(encode_rounded::<L, _>(value as f32, TiesEven, 0), code);
            assert_eq!(encode_f64::<L>(value), code);
            if has_minus_zero || code != 0 {
                let negative = code | L::SIGN as u8;
                assert_eq!(decode::<L>(negative).to_bits(), (-value as f32).to_bits());
                assert_eq!(encode_rounded::<L, _>(-value as f32, TiesEven, 0), negative);
            }
            let Some(&(next, next_code)) = values.get(i + 1) else { continue };
            let middle = f64::midpoint(value, next) as f32;
            let even = if code % 2 == 0 { code } else { next_code };
            assert_eq!(encode_rounded::<L, _>(middle, TiesEven, 0), even);
            assert_eq!(encode_rounded::<L, _>(middle, HalfAway, 0), next_code);
            assert_eq!(encode_rounded::<L, _>(middle.next_down(), TiesEven, 0), code);
            assert_eq!(encode_rounded::<L, _>(middle.next_up(), TiesEven, 0), next_code);
            assert_eq!(encode_rounded::<L, _>(middle, Ceil, 0), next_code);
            assert_eq!(encode_rounded::<L, _>(middle, Floor, 0), code);
            assert_eq!(encode_rounded::<L, _>(middle, TowardZero, 0), code);
            // An f64 beside the middle is rounded once.
            assert_eq!(encode_f64::<L>(f64::from(middle).next_up()), next_code);
            assert_eq!(encode_f64::<L>(f64::from(middle).next_down()), code);
        }
        let &(largest, code) = values.last().unwrap_or(&(0.0, 0));
        assert_eq!(largest as f32, L::MAX);
        let (before, _) = values[values.len() - 2];
        let half_step = (largest - before) / 2.0;
        // A tie beyond the largest goes to the even neighbour, which the largest is or is not.
        let beyond = finish::<L>(false, false, true, 0);
        let tie = if code % 2 == 0 { code } else { beyond };
        assert_eq!(encode_rounded::<L, _>((largest + half_step) as f32, TiesEven, 0), tie);
        assert_eq!(encode_rounded::<L, _>(((largest + half_step) as f32).next_down(), TiesEven, 0), code);
        for x in [((largest + half_step) as f32).next_up(), 1e30, f32::MAX, f32::INFINITY] {
            assert_eq!(encode_rounded::<L, _>(x, TiesEven, 0), beyond);
            assert_eq!(encode_f64::<L>(f64::from(x)), beyond);
        }
        let nan = decode::<L>(encode_rounded::<L, _>(f32::NAN, TiesEven, 0));
        assert!(nan.is_nan() || (L::SPECIALS == Specials::None && nan.to_bits() == (-0.0_f32).to_bits()));
    }

    #[test]
    fn every_code_and_every_boundary() {
        exhaustive::<F8E4M3Fn>();
        exhaustive::<F8E5M2>();
        exhaustive::<F8E4M3Fnuz>();
        exhaustive::<F8E5M2Fnuz>();
        exhaustive::<F8E4M3B11Fnuz>();
        exhaustive::<F8E4M3>();
        exhaustive::<F8E3M4>();
        exhaustive::<F6E2M3Fn>();
        exhaustive::<F6E3M2Fn>();
        exhaustive::<F4E2M1Fn>();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn both_ways_to_the_nearest_agree(bits: u32) {
            fn agree<L: Layout>(x: f32) -> bool {
                encode_nearest::<L>(x) == encode_rounded::<L, _>(x, TiesEven, 0)
            }
            let x = f32::from_bits(bits);
            prop_assert!(agree::<F8E4M3Fn>(x) & agree::<F8E5M2>(x) & agree::<F8E4M3Fnuz>(x) & agree::<F8E5M2Fnuz>(x));
            prop_assert!(agree::<F8E4M3B11Fnuz>(x) & agree::<F8E4M3>(x) & agree::<F8E3M4>(x));
            prop_assert!(agree::<F6E2M3Fn>(x) & agree::<F6E3M2Fn>(x) & agree::<F4E2M1Fn>(x));
        }

        #[test]
        fn f64_and_f32_agree_where_both_are_exact(bits: u32) {
            let x = f32::from_bits(bits);
            prop_assume!(!x.is_nan());
            prop_assert_eq!(F8E4M3Fn::from_f64(f64::from(x)).to_bits(), F8E4M3Fn::from_f32(x).to_bits());
            prop_assert_eq!(F8E5M2Fnuz::from_f64(f64::from(x)).to_bits(), F8E5M2Fnuz::from_f32(x).to_bits());
            prop_assert_eq!(F4E2M1Fn::from_f64(f64::from(x)).to_bits(), F4E2M1Fn::from_f32(x).to_bits());
        }

        #[test]
        fn saturating_gives_the_largest(bits: u32) {
            let x = f32::from_bits(bits);
            let code = F8E5M2::from_f32_saturating(x);
            prop_assert_eq!(code.is_nan(), x.is_nan());
            prop_assert!(x.is_nan() || code.to_f32().is_finite());
            prop_assert!(x.abs() <= 57_344.0 || x.is_nan() || code.to_f32().abs() == 57_344.0);
        }
    }
}
