//! The elements of microscaling blocks.

use crate::num::{F4E2M1Fn, F6E2M3Fn, F6E3M2Fn, F8E4M3Fn, F8E5M2, SmallFloat, Stored};

/// Elements of a block.
pub(super) const LEN: usize = 32;

/// The type of the elements of a microscaling block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MxElement {
    /// FP8, E4M3 without infinities.
    E4M3,
    /// FP8, E5M2.
    E5M2,
    /// FP6, E2M3.
    E2M3,
    /// FP6, E3M2.
    E3M2,
    /// FP4, E2M1.
    E2M1,
    /// An integer of 8 bits times 2⁻⁶.
    Int8,
}

impl MxElement {
    /// Returns the bits of a code.
    pub const fn bits(self) -> usize {
        match self {
            Self::E4M3 | Self::E5M2 | Self::Int8 => 8,
            Self::E2M3 | Self::E3M2 => 6,
            Self::E2M1 => 4,
        }
    }

    /// Returns the largest magnitude.
    pub const fn largest(self) -> f32 {
        match self {
            Self::E4M3 => 448.0,
            Self::E5M2 => 57_344.0,
            Self::E2M3 => 7.5,
            Self::E3M2 => 28.0,
            Self::E2M1 => 6.0,
            Self::Int8 => 127.0 / 64.0,
        }
    }

    /// Returns the exponent of the largest magnitude, and the bits of its fraction.
    pub(super) const fn exponent(self) -> (i32, u32) {
        match self {
            Self::E4M3 => (8, 3),
            Self::E5M2 => (15, 2),
            Self::E2M3 => (2, 3),
            Self::E3M2 => (4, 2),
            Self::E2M1 => (2, 1),
            Self::Int8 => (0, 6),
        }
    }

    /// Returns how codes are laid out, of floats.
    pub(super) const fn small_float(self) -> Option<SmallFloat> {
        match self {
            Self::E4M3 => F8E4M3Fn::SMALL_FLOAT,
            Self::E5M2 => F8E5M2::SMALL_FLOAT,
            Self::E2M3 => F6E2M3Fn::SMALL_FLOAT,
            Self::E3M2 => F6E3M2Fn::SMALL_FLOAT,
            Self::E2M1 => F4E2M1Fn::SMALL_FLOAT,
            Self::Int8 => None,
        }
    }

    /// Returns what a whole number counts.
    pub(super) const fn unit(self) -> f32 {
        if matches!(self, Self::Int8) { 1.0 / 64.0 } else { 1.0 }
    }

    /// Returns the code nearest to a number, halves to even, saturated; of NaN some code.
    pub fn code(self, x: f32) -> u8 {
        let x = if x.is_nan() { 0.0 } else { x };
        match self {
            Self::E4M3 => F8E4M3Fn::from_f32_saturating(x).to_bits(),
            Self::E5M2 => F8E5M2::from_f32_saturating(x).to_bits(),
            Self::E2M3 => F6E2M3Fn::from_f32_saturating(x).to_bits(),
            Self::E3M2 => F6E3M2Fn::from_f32_saturating(x).to_bits(),
            Self::E2M1 => F4E2M1Fn::from_f32_saturating(x).to_bits(),
            Self::Int8 => crate::num::ties_even((x * 64.0).clamp(-127.0, 127.0)) as i8 as u8,
        }
    }

    /// Returns the number that a code stands for.
    pub fn value(self, code: u8) -> f32 {
        match self {
            Self::E4M3 => F8E4M3Fn::from_bits(code).to_f32(),
            Self::E5M2 => F8E5M2::from_bits(code).to_f32(),
            Self::E2M3 => F6E2M3Fn::from_bits(code).to_f32(),
            Self::E3M2 => F6E3M2Fn::from_bits(code).to_f32(),
            Self::E2M1 => F4E2M1Fn::from_bits(code).to_f32(),
            Self::Int8 => f32::from(code as i8) / 64.0,
        }
    }
}
