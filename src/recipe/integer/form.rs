//! How a value is held: as reals, or as codes with a scale and a zero point.

use crate::convention::tflite::Activations;
use crate::error::Result;
use crate::graph::FixedOutput;
use crate::num::CodeType;
use crate::params::{CodeRange, ParamsCalculator, ValueRange};
use core::fmt;
use serde::{Deserialize, Serialize};

/// How wide the codes of activations are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Width {
    /// 8 bits, with a zero point.
    #[default]
    Int8,
    /// 16 bits, with the zero point 0; weights have 8 bits all the same.
    Int16,
}

impl Width {
    /// Returns the bits of a code.
    pub fn bits(self) -> u32 {
        match self {
            Self::Int8 => 8,
            Self::Int16 => 16,
        }
    }

    /// Returns the bits of a bias: that of the accumulator.
    pub fn bias_bits(self) -> u32 {
        match self {
            Self::Int8 => 32,
            Self::Int16 => 64,
        }
    }

    /// Returns the type of the codes.
    pub fn code(self) -> CodeType {
        match self {
            Self::Int8 => CodeType::I8,
            Self::Int16 => CodeType::I16,
        }
    }
}

impl fmt::Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "int{}", self.bits())
    }
}

/// The codes of a value, with one scale and zero point.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "Codes")]
pub struct ValueCodes {
    /// The type: `I8`, `I16`, and at a model's edges `U8`.
    pub code: CodeType,
    /// The scale.
    pub scale: f32,
    /// The zero point.
    pub zero_point: i32,
}

impl ValueCodes {
    /// Returns the codes of a range, as the converter of TensorFlow Lite chooses them: 0 is among the reals that have a code.
    ///
    /// # Errors
    ///
    /// Those of [`Activations`].
    pub fn of_range(range: ValueRange, width: Width) -> Result<Self> {
        let params = Activations.params(range, CodeRange::of_type(width.code()))?;
        Ok(Self { code: width.code(), scale: params.scale(), zero_point: params.zero_point() })
    }

    /// Returns the codes of a range of which both the codes and the negated ones can be had: −127..=127 alone are used.
    ///
    /// # Errors
    ///
    /// As [`of_range`](Self::of_range).
    pub fn of_range_to_negate(range: ValueRange, width: Width) -> Result<Self> {
        if width == Width::Int16 {
            return Self::of_range(range, width);
        }
        let range = range.with_zero();
        let params = Activations.params(range, CodeRange::of_type(width.code()))?;
        // One step less: 254 in place of 255.
        let scale = params.scale() * (255.0 / 254.0);
        let zero_point = (-127.0 - range.min() / scale).round_ties_even().clamp(-127.0, 127.0);
        Ok(Self { code: width.code(), scale, zero_point: zero_point as i32 })
    }

    /// Returns the codes that an operator prescribes.
    pub fn fixed(fixed: FixedOutput, width: Width) -> Self {
        Self { code: width.code(), scale: fixed.scale, zero_point: fixed.zero_point }
    }

    /// Returns the same reals in unsigned bytes.
    #[must_use]
    pub fn unsigned(self) -> Self {
        Self { code: CodeType::U8, zero_point: self.zero_point.saturating_add(128), ..self }
    }

    /// Returns the codes that stand for the negated reals when codes are negated.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { zero_point: self.zero_point.saturating_neg(), ..self }
    }

    /// Returns the smallest and the largest real that has a code.
    pub fn bounds(self) -> (f32, f32) {
        let real = |code: f64| self.scale * (code - f64::from(self.zero_point)) as f32;
        (real(self.code.min()), real(self.code.max()))
    }
}

/// How a value is held.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Form {
    /// As it is in the float model.
    #[default]
    Real,
    /// As codes.
    Codes(ValueCodes),
}

impl Form {
    /// Returns the codes, if there are any.
    pub fn codes(self) -> Option<ValueCodes> {
        match self {
            Self::Real => None,
            Self::Codes(codes) => Some(codes),
        }
    }
}
