//! What a floating-point type is expected to do beside being stored: constants, order, signs, conversions and text, with the
//! names that `half` and the standard library give them.

use crate::num::float_layout::Layout;

/// Returns the code of the distance from 1 to the next larger number: a power of two, normal or not.
pub(super) const fn epsilon<L: Layout>() -> u8 {
    let exponent = L::BIAS - L::MANTISSA as i32;
    if exponent >= 1 { (exponent as u8) << L::MANTISSA } else { 1 << (L::BIAS - 1) }
}

/// Implements all of it for a small float of this layout.
macro_rules! number {
    ($name:ident, $specials:ident) => {
        impl $name {
            /// 0.
            pub const ZERO: Self = Self(0);
            /// 1.
            pub const ONE: Self = Self((<Self as Layout>::BIAS << <Self as Layout>::MANTISSA) as u8);
            /// The largest finite number.
            pub const MAX: Self = Self(SmallFloat::of::<Self>().largest as u8);
            /// The smallest finite number, −[`MAX`](Self::MAX).
            pub const MIN: Self = Self(Self::MAX.0 | Self::SIGN_BIT);
            /// The smallest positive normal number.
            pub const MIN_POSITIVE: Self = Self(1 << <Self as Layout>::MANTISSA);
            /// The smallest positive number.
            pub const MIN_POSITIVE_SUBNORMAL: Self = Self(1);
            /// The distance from 1 to the next larger number.
            pub const EPSILON: Self = Self(epsilon::<Self>());
            /// The number of significant binary digits.
            pub const MANTISSA_DIGITS: u32 = <Self as Layout>::MANTISSA + 1;

            const SIGN_BIT: u8 = <Self as Layout>::SIGN as u8;

            number! { @specials $specials }

            /// Returns the value; exact.
            #[inline(always)]
            pub fn to_f64(self) -> f64 {
                f64::from(self.to_f32())
            }

            /// Returns whether this is NaN.
            pub fn is_nan(self) -> bool {
                self.to_f32().is_nan()
            }

            /// Returns whether this is ∞ or −∞.
            pub fn is_infinite(self) -> bool {
                self.to_f32().is_infinite()
            }

            /// Returns whether this is neither infinite nor NaN.
            pub fn is_finite(self) -> bool {
                self.to_f32().is_finite()
            }

            /// Returns whether this is neither zero, subnormal, infinite nor NaN.
            pub fn is_normal(self) -> bool {
                self.classify() == FpCategory::Normal
            }

            /// Returns what kind of number this is; subnormal is what is so in this format.
            pub fn classify(self) -> FpCategory {
                match self.to_f32().classify() {
                    FpCategory::Normal if self.0 & !Self::SIGN_BIT < Self::MIN_POSITIVE.0 => FpCategory::Subnormal,
                    category => category,
                }
            }

            /// Returns whether the sign's bit is set: of −0, too, and of the NaN of the types without a −0, whose code that is.
            pub const fn is_sign_negative(self) -> bool {
                self.0 & Self::SIGN_BIT != 0
            }

            /// Returns whether the sign's bit is not set.
            pub const fn is_sign_positive(self) -> bool {
                !self.is_sign_negative()
            }

            /// Returns the number without its sign; NaN stays NaN.
            #[must_use]
            pub const fn abs(self) -> Self {
                if self.0 == Self::SIGN_BIT && !Self::HAS_MINUS_ZERO { self } else { Self(self.0 & !Self::SIGN_BIT) }
            }

            /// Returns the order of all codes, NaN and both zeros included: −NaN, −∞, the numbers from the smallest to the
            /// largest with −0 before +0, ∞, NaN (IEEE 754's totalOrder). The NaN of the types without a −0 is the first of all.
            pub fn total_cmp(&self, other: &Self) -> Ordering {
                self.place().cmp(&other.place())
            }

            /// The place in the total order.
            fn place(self) -> i16 {
                let magnitude = i16::from(self.0 & !Self::SIGN_BIT);
                match (self.is_sign_negative(), self.is_nan()) {
                    (false, _) => magnitude,
                    (true, true) if magnitude == 0 => i16::MIN,
                    (true, _) => -1 - magnitude,
                }
            }
        }

        /// As numbers: the two zeros are equal, and NaN is equal to nothing.
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.to_f32() == other.to_f32()
            }
        }

        /// As numbers: NaN has no place among them. [`total_cmp`](Self::total_cmp) orders all codes.
        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                self.to_f32().partial_cmp(&other.to_f32())
            }
        }

        /// NaN stays NaN; of the types without a −0, 0 stays 0.
        impl Neg for $name {
            type Output = Self;

            fn neg(self) -> Self {
                let is_kept = self.0 & !Self::SIGN_BIT == 0 && !Self::HAS_MINUS_ZERO;
                if is_kept { self } else { Self(self.0 ^ Self::SIGN_BIT) }
            }
        }

        /// Exact.
        impl From<$name> for f32 {
            fn from(number: $name) -> f32 {
                number.to_f32()
            }
        }

        /// Exact.
        impl From<$name> for f64 {
            fn from(number: $name) -> f64 {
                number.to_f64()
            }
        }

        /// Reads what an f64 is read from, and rounds that as [`from_f64`](Self::from_f64).
        impl FromStr for $name {
            type Err = ParseFloatError;

            fn from_str(text: &str) -> Result<Self, ParseFloatError> {
                text.parse().map(Self::from_f64)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.to_f32(), f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.to_f32(), f)
            }
        }

        /// As its bits, which keep NaN, −0 and the infinities in any format.
        #[cfg(feature = "serde")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u8(self.0)
            }
        }

        /// From its bits; those above the type's are refused.
        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let bits = <u8 as serde::Deserialize>::deserialize(deserializer)?;
                if Self::from_bits(bits).0 == bits {
                    Ok(Self(bits))
                } else {
                    let expected = concat!("the bits of ", stringify!($name));
                    Err(serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(bits.into()), &expected))
                }
            }
        }
    };
    (@specials Ieee) => {
        /// ∞.
        pub const INFINITY: Self = Self(<Self as Layout>::TOP as u8);
        /// −∞.
        pub const NEG_INFINITY: Self = Self(Self::INFINITY.0 | Self::SIGN_BIT);
        /// A quiet NaN.
        pub const NAN: Self = Self(SmallFloat::of::<Self>().nan as u8);
        number! { @minus_zero }
    };
    (@specials NanOnly) => {
        /// The NaN without a sign.
        pub const NAN: Self = Self(SmallFloat::of::<Self>().nan as u8);
        number! { @minus_zero }
    };
    (@specials NanIsMinusZero) => {
        /// The only NaN.
        pub const NAN: Self = Self(SmallFloat::of::<Self>().nan as u8);
        const HAS_MINUS_ZERO: bool = false;
    };
    (@specials None) => {
        number! { @minus_zero }
    };
    (@minus_zero) => {
        /// −0.
        pub const NEG_ZERO: Self = Self(Self::SIGN_BIT);
        const HAS_MINUS_ZERO: bool = true;
    };
}
pub(super) use number;
