//! No scale at all.

use super::text_form::TextForm;
use super::{AffineParams, CodeRange, ParamsCalculator, ValueRange};
use crate::error::Result;

/// A scale of 1 and a zero point of 0: the code is the value itself, rounded to the code type.
///
/// Meant for floating codes: FP32 → FP16 and FP32 → BF16 are [`Scheme::cast`](crate::Scheme::cast).
///
/// By default values beyond the largest finite code saturate; [`ieee`](Self::ieee) makes them ±∞.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cast {
    overflow: Overflow,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Overflow {
    #[default]
    Saturate,
    Infinity,
}

impl Cast {
    /// Returns a calculator under which values beyond the largest finite code saturate, infinities included.
    pub const fn saturating() -> Self {
        Self { overflow: Overflow::Saturate }
    }

    /// Returns a calculator under which values beyond the largest finite code become ±∞, as IEEE 754 prescribes.
    pub const fn ieee() -> Self {
        Self { overflow: Overflow::Infinity }
    }
}

impl ParamsCalculator for Cast {
    fn params(&self, _range: ValueRange, _codes: CodeRange) -> Result<AffineParams> {
        AffineParams::new(1.0, 0)
    }

    fn codes(&self, full: CodeRange) -> CodeRange {
        match self.overflow {
            Overflow::Saturate => full,
            Overflow::Infinity => full.with_infinities(),
        }
    }
}

impl TextForm for Cast {
    const NAMED: &'static [(&'static str, Self)] = &[("cast", Self::saturating()), ("cast-ieee", Self::ieee())];

    #[cfg(feature = "proptest")]
    fn is_for(&self, code: crate::num::CodeType) -> bool {
        !code.is_integer() && (self.overflow == Overflow::Saturate || code.has_infinities())
    }
}
