//! Code types by value: which of them a tensor holds, when that is known only at run time.
//!
//! The list below is the only one: slices of any code type, packed storage, names, files and recipes are all made from it.

use super::code::Stored;
use super::float_layout::SmallFloat;
use super::{Code, CodeKind};
use core::fmt;
use core::str::FromStr;

/// Calls a macro with every code type: the variant, the type, how a slice of it is laid out (`plain`: as the kernels work on
/// it; `int`: an integer of fewer than 8 bits, one in a byte; `float`: a float of 8 bits or fewer, one in a byte), and other
/// names.
macro_rules! for_each_code_type {
    ($apply:ident $($more:tt)*) => {
        $apply! { $($more)*
            I8(i8) plain ["int8", "s8"];
            U8(u8) plain ["uint8"];
            I16(i16) plain ["int16", "s16"];
            U16(u16) plain ["uint16"];
            I32(i32) plain ["int32", "s32"];
            I4(crate::num::I4) int ["int4", "s4"];
            U4(crate::num::U4) int ["uint4"];
            I2(crate::num::I2) int ["int2", "s2"];
            U2(crate::num::U2) int ["uint2"];
            I1(crate::num::I1) int ["int1", "s1"];
            U1(crate::num::U1) int ["uint1"];
            F16(crate::num::f16) plain ["float16", "fp16", "half"];
            Bf16(crate::num::bf16) plain ["bfloat16"];
            F8E4M3Fn(crate::num::F8E4M3Fn) float ["float8_e4m3fn", "f8_e4m3", "fp8", "e4m3fn"];
            F8E5M2(crate::num::F8E5M2) float ["float8_e5m2", "f8_e5m2", "e5m2"];
            F8E4M3Fnuz(crate::num::F8E4M3Fnuz) float ["float8_e4m3fnuz", "f8_e4m3fnuz"];
            F8E5M2Fnuz(crate::num::F8E5M2Fnuz) float ["float8_e5m2fnuz", "f8_e5m2fnuz"];
            F8E4M3B11Fnuz(crate::num::F8E4M3B11Fnuz) float ["float8_e4m3b11fnuz"];
            F8E4M3(crate::num::F8E4M3) float ["float8_e4m3"];
            F8E3M4(crate::num::F8E3M4) float ["float8_e3m4"];
            F6E2M3Fn(crate::num::F6E2M3Fn) float ["float6_e2m3fn", "f6_e2m3"];
            F6E3M2Fn(crate::num::F6E3M2Fn) float ["float6_e3m2fn", "f6_e3m2"];
            F4E2M1Fn(crate::num::F4E2M1Fn) float ["float4_e2m1fn", "f4", "fp4"];
        }
    };
}
pub(crate) use for_each_code_type;

/// What is done with a code type, once it is known: the step from a value to a type.
///
/// # Examples
///
/// ```
/// use tensor_quant::num::{Code, CodeType, CodeVisitor};
///
/// struct Largest;
///
/// impl CodeVisitor for Largest {
///     type Output = f64;
///     fn visit<C: Code>(self) -> f64 {
///         C::MAX
///     }
/// }
///
/// assert_eq!("u4".parse::<CodeType>()?.visit(Largest), 15.0);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub trait CodeVisitor {
    /// What comes of it.
    type Output;

    /// Is called with the type as `C`.
    fn visit<C: Code>(self) -> Self::Output;
}

macro_rules! define {
    ($($variant:ident($code:ty) $layout:ident [$($alias:literal),*];)*) => {
        /// A code type by value: what [`Code`] is as a type.
        ///
        /// Its text form is the name of the type, as in `i8`, `u4`, `bf16`, `f8e4m3fn`; names that others use, as `int8`,
        /// `float16` or `float8_e4m3fn`, are read as well, in any case.
        ///
        /// # Examples
        ///
        /// ```
        /// use tensor_quant::num::CodeType;
        ///
        /// let code: CodeType = "int4".parse()?;
        /// assert_eq!((code, code.to_string().as_str(), code.bits()), (CodeType::I4, "i4", 4));
        /// assert_eq!(CodeType::of::<u8>(), CodeType::U8);
        /// assert!("int5".parse::<CodeType>().is_err());
        /// # Ok::<(), tensor_quant::Error>(())
        /// ```
        #[doc(alias = "dtype")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each variant is the type of its name")]
        #[non_exhaustive]
        pub enum CodeType {
            $($variant,)*
        }

        impl CodeType {
            /// All of them, integers first.
            pub const ALL: &'static [CodeType] = &[$(CodeType::$variant),*];

            /// Returns what `visitor` makes of the type.
            pub fn visit<V: CodeVisitor>(self, visitor: V) -> V::Output {
                match self {
                    $(CodeType::$variant => visitor.visit::<$code>(),)*
                }
            }

            /// Returns the name, as in `i8`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(CodeType::$variant => <$code as Code>::NAME,)*
                }
            }

            /// Returns the bits that a code takes when packed.
            pub const fn bits(self) -> u32 {
                match self {
                    $(CodeType::$variant => <$code as Code>::BITS,)*
                }
            }

            /// Returns whether codes are evenly spaced or floating.
            pub const fn kind(self) -> CodeKind {
                match self {
                    $(CodeType::$variant => <$code as Code>::KIND,)*
                }
            }

            /// Returns the smallest finite code, as a number.
            pub const fn min(self) -> f64 {
                match self {
                    $(CodeType::$variant => <$code as Code>::MIN,)*
                }
            }

            /// Returns the largest finite code, as a number.
            pub const fn max(self) -> f64 {
                match self {
                    $(CodeType::$variant => <$code as Code>::MAX,)*
                }
            }

            /// Returns how a float of 8 bits or fewer is laid out.
            pub(crate) fn small_float(self) -> Option<SmallFloat> {
                match self {
                    $(CodeType::$variant => <$code as Stored>::SMALL_FLOAT,)*
                }
            }

            /// Returns other names that are read.
            pub const fn aliases(self) -> &'static [&'static str] {
                match self {
                    $(CodeType::$variant => &[$($alias),*],)*
                }
            }
        }
    };
}

for_each_code_type! { define }

impl CodeType {
    /// Returns the value that stands for the type `C`.
    pub const fn of<C: Code>() -> Self {
        C::TYPE
    }

    /// Returns the bytes that `count` codes take when packed; `usize::MAX` if they cannot be counted.
    pub const fn packed_len(self, count: usize) -> usize {
        packed_len(self.bits(), count)
    }

    /// Returns whether codes are whole numbers.
    #[inline]
    pub const fn is_integer(self) -> bool {
        matches!(self.kind(), CodeKind::Integer)
    }

    /// Returns whether there are codes for ±∞.
    pub fn has_infinities(self) -> bool {
        !self.is_integer() && self.small_float().is_none_or(SmallFloat::has_infinities)
    }

    /// Returns the type of that name, or of that other name; upper and lower case are the same.
    pub fn named(name: &str) -> Option<Self> {
        let is_named = |code: &&CodeType| {
            let mut names = core::iter::once(code.name()).chain(code.aliases().iter().copied());
            names.any(|known| known.eq_ignore_ascii_case(name))
        };
        Self::ALL.iter().find(is_named).copied()
    }
}

/// Returns the bytes of `count` codes of so many bits: those that share a byte do not cross it.
pub(super) const fn packed_len(bits: u32, count: usize) -> usize {
    if bits < 8 { count.div_ceil(8 / bits as usize) } else { count.saturating_mul(bits as usize / 8) }
}

impl fmt::Display for CodeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for CodeType {
    type Err = crate::error::Error;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::named(name.trim()).ok_or_else(|| crate::error::Error::UnknownName {
            what: "code type",
            name: name.into(),
            expected: Self::ALL.iter().map(|code| code.name()).collect(),
        })
    }
}

#[cfg(feature = "serde")]
crate::text::serde_by_text!(CodeType);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    struct Facts;

    impl CodeVisitor for Facts {
        type Output = (&'static str, u32, CodeKind, f64, f64, CodeType, usize);

        fn visit<C: Code>(self) -> Self::Output {
            (C::NAME, C::BITS, C::KIND, C::MIN, C::MAX, C::TYPE, C::packed_len(13))
        }
    }

    #[test]
    fn a_value_says_of_its_type_what_the_type_says() {
        for &code in CodeType::ALL {
            let (name, bits, kind, min, max, own, packed) = code.visit(Facts);
            assert_eq!((name, bits, kind, own), (code.name(), code.bits(), code.kind(), code));
            assert_eq!((min, max, packed), (code.min(), code.max(), code.packed_len(13)));
        }
    }

    #[test]
    fn every_name_is_read_back_and_stands_for_one_type() {
        let mut names = Vec::new();
        for &code in CodeType::ALL {
            assert_eq!(code.to_string().parse::<CodeType>().unwrap(), code);
            names.push(code.name());
            for alias in code.aliases() {
                assert_eq!(alias.to_uppercase().parse::<CodeType>().unwrap(), code);
                names.push(alias);
            }
        }
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn an_unknown_name_is_answered_with_those_there_are() {
        let message = "int5".parse::<CodeType>().unwrap_err().to_string();
        assert!(message.contains("\"int5\"") && message.contains("i4"), "{message}");
    }
}
