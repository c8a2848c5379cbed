//! What the elements of a tensor are.

use crate::graph;
use core::fmt;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElementType {
    /// 32-bit floating point.
    F32,
    /// 16-bit floating point.
    F16,
    /// 32-bit integers.
    I32,
    /// Unsigned bytes.
    U8,
    /// 8-bit integers.
    I8,
    /// 16-bit integers.
    I16,
    /// 4-bit integers, two to a byte, the first in the low half.
    I4,
    /// 2-bit integers, four to a byte, the first in the lowest bits.
    I2,
    /// Any other, by its number in the schema.
    Other(u8),
}

/// Numbers of the schema, names, and bits of an element; 0 bits where elements differ in length.
const TYPES: [(&str, u64); 23] = [
    ("f32", 32),
    ("f16", 16),
    ("i32", 32),
    ("u8", 8),
    ("i64", 64),
    ("string", 0),
    ("bool", 8),
    ("i16", 16),
    ("complex64", 64),
    ("i8", 8),
    ("f64", 64),
    ("complex128", 128),
    ("u64", 64),
    ("resource", 0),
    ("variant", 0),
    ("u32", 32),
    ("u16", 16),
    ("i4", 4),
    ("bf16", 16),
    ("i2", 2),
    ("u4", 4),
    ("f8e4m3fn", 8),
    ("f8e5m2", 8),
];

impl ElementType {
    pub(super) fn of(number: u8) -> Self {
        match number {
            0 => Self::F32,
            1 => Self::F16,
            2 => Self::I32,
            3 => Self::U8,
            7 => Self::I16,
            9 => Self::I8,
            17 => Self::I4,
            19 => Self::I2,
            other => Self::Other(other),
        }
    }

    pub(super) fn number(self) -> u8 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::I32 => 2,
            Self::U8 => 3,
            Self::I16 => 7,
            Self::I8 => 9,
            Self::I4 => 17,
            Self::I2 => 19,
            Self::Other(number) => number,
        }
    }

    /// Returns the name, as in `f32`.
    pub fn name(self) -> &'static str {
        TYPES.get(usize::from(self.number())).map_or("unknown", |(name, _)| name)
    }

    /// Returns the bytes that so many elements take; `None` if that is not known, or not countable.
    pub(super) fn size_of(self, elements: u64) -> Option<u64> {
        let (_, bits) = TYPES.get(usize::from(self.number())).filter(|(_, bits)| *bits > 0)?;
        Some(elements.checked_mul(*bits)?.div_ceil(8))
    }
}

impl From<ElementType> for graph::ElementType {
    fn from(element_type: ElementType) -> Self {
        match element_type {
            ElementType::F32 => Self::F32,
            ElementType::F16 => Self::F16,
            ElementType::I32 => Self::I32,
            ElementType::U8 => Self::U8,
            ElementType::I8 => Self::I8,
            ElementType::I16 => Self::I16,
            ElementType::I4 => Self::I4,
            ElementType::I2 => Self::I2,
            ElementType::Other(4) => Self::I64,
            ElementType::Other(5) => Self::String,
            ElementType::Other(6) => Self::Bool,
            ElementType::Other(10) => Self::F64,
            ElementType::Other(12) => Self::U64,
            ElementType::Other(13) => Self::Resource,
            ElementType::Other(15) => Self::U32,
            ElementType::Other(16) => Self::U16,
            ElementType::Other(18) => Self::BF16,
            ElementType::Other(20) => Self::U4,
            ElementType::Other(21) => Self::F8E4M3,
            ElementType::Other(22) => Self::F8E5M2,
            ElementType::Other(_) => Self::Other(element_type.name()),
        }
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
