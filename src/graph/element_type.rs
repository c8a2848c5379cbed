//! What the elements of a value are.

use core::fmt;

/// The type of a value's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElementType {
    /// 64-bit floating point.
    F64,
    /// 32-bit floating point.
    F32,
    /// 16-bit floating point.
    F16,
    /// The upper half of an f32.
    BF16,
    /// 64-bit integers.
    I64,
    /// 32-bit integers.
    I32,
    /// 16-bit integers.
    I16,
    /// 8-bit integers.
    I8,
    /// 4-bit integers.
    I4,
    /// 2-bit integers.
    I2,
    /// Unsigned 64-bit integers.
    U64,
    /// Unsigned 32-bit integers.
    U32,
    /// Unsigned 16-bit integers.
    U16,
    /// Unsigned bytes.
    U8,
    /// Unsigned 4-bit integers.
    U4,
    /// 8-bit floating point with 4 bits of exponent, finite values and NaN.
    F8E4M3,
    /// 8-bit floating point with 5 bits of exponent.
    F8E5M2,
    /// True or false, a byte each.
    Bool,
    /// Texts.
    String,
    /// The handle of a variable.
    Resource,
    /// Any other, with its name in its format.
    Other(&'static str),
}

impl ElementType {
    /// Returns the name, as in `f32`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F64 => "f64",
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::BF16 => "bf16",
            Self::I64 => "i64",
            Self::I32 => "i32",
            Self::I16 => "i16",
            Self::I8 => "i8",
            Self::I4 => "i4",
            Self::I2 => "i2",
            Self::U64 => "u64",
            Self::U32 => "u32",
            Self::U16 => "u16",
            Self::U8 => "u8",
            Self::U4 => "u4",
            Self::F8E4M3 => "f8e4m3fn",
            Self::F8E5M2 => "f8e5m2",
            Self::Bool => "bool",
            Self::String => "string",
            Self::Resource => "resource",
            Self::Other(name) => name,
        }
    }

    /// Returns whether elements are floating-point numbers.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::BF16 | Self::F8E4M3 | Self::F8E5M2)
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
