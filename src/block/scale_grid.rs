//! The numbers that a scale can be, where they can be counted: f16, E4M3 and powers of two.

use crate::num::{Code, E8M0, F8E4M3Fn, f16, f16_bits_to_f32};

/// Positive scales in ascending order, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScaleGrid {
    /// The finite numbers of f16.
    F16,
    /// Those of E4M3, up to 448.
    E4M3,
    /// The powers of two of E8M0.
    E8M0,
}

impl ScaleGrid {
    /// Returns the first and the last number.
    pub(crate) const fn ends(self) -> (u16, u16) {
        match self {
            Self::F16 => (1, 0x7bff),
            Self::E4M3 => (1, 0x7e),
            Self::E8M0 => (0, 254),
        }
    }

    /// Returns the scale with a number.
    pub(crate) fn value(self, number: u16) -> f32 {
        match self {
            Self::F16 => f16_bits_to_f32(number),
            Self::E4M3 => F8E4M3Fn::from_bits(number as u8).to_f32(),
            Self::E8M0 => E8M0::from_bits(number as u8).to_f32(),
        }
    }

    /// Returns the number of the first scale that is not below a number, or that of the last.
    pub(crate) fn first_from(self, scale: f32) -> u16 {
        let (mut low, mut high) = self.ends();
        while low < high {
            let middle = u16::midpoint(low, high);
            if self.value(middle) < scale {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// Returns the f16 nearest to a number ≥ 0, at most the largest finite one.
pub(crate) fn nearest_f16(x: f64) -> f32 {
    f16_bits_to_f32(f16::nearest(x).to_bits())
}

/// Returns the d from which on a negative scale gives what the positive one does: with levels that lie symmetrically but for the
/// smallest, as soon as nothing reaches that one.
pub(crate) fn mirrored_from(levels: &[f32], largest: f32) -> f32 {
    let inner = &levels[1..];
    if !inner.iter().zip(inner.iter().rev()).all(|(a, b)| *a == -b) {
        return f32::INFINITY;
    }
    largest / f32::midpoint(levels[0], levels[1]).abs()
}
