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

    /// Writes the scales with some numbers.
    pub(crate) fn values(self, numbers: &[u16], out: &mut [f32]) {
        if self != Self::F16 {
            numbers.iter().zip(out).for_each(|(number, out)| *out = self.value(*number));
            return;
        }
        // As `value`, without a branch.
        for (number, out) in numbers.iter().zip(out) {
            let normal = f32::from_bits((u32::from(*number) << 13) + ((127 - 15) << 23));
            *out = if *number < 0x0400 { f32::from(*number) * (1.0 / (1 << 24) as f32) } else { normal };
        }
    }

    /// Returns the number of the first scale that is not below a number, or that of the last.
    pub(crate) fn first_from(self, scale: f32) -> u16 {
        let (mut low, mut high) = self.ends();
        if self == Self::F16 && scale > 0.0 {
            // The bits of an f16 are those of an f32 less 13, rounded up; below 2⁻¹⁴ they count 2⁻²⁴.
            let smallest = f32::from_bits((127 - 14) << 23);
            let number = if scale < smallest {
                let units = scale * (1 << 24) as f32;
                units as u32 + u32::from(units as u32 as f32 != units)
            } else {
                (scale.to_bits() - ((127 - 15) << 23) + 0x1fff) >> 13
            };
            return number.clamp(low.into(), high.into()) as u16;
        }
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
    let is_step = levels[levels.len() - 1] - levels[0] == inner.len() as f32;
    let symmetric = if is_step {
        inner[0] == -inner[inner.len() - 1]
    } else {
        inner.iter().zip(inner.iter().rev()).all(|(a, b)| *a == -b)
    };
    if !symmetric {
        return f32::INFINITY;
    }
    largest / f32::midpoint(levels[0], levels[1]).abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_scale_from_a_number_on_is_the_least_that_is_not_below() {
        for grid in [ScaleGrid::F16, ScaleGrid::E4M3, ScaleGrid::E8M0] {
            let (low, high) = grid.ends();
            for number in low..high {
                let (value, next) = (grid.value(number), grid.value(number + 1));
                let above = f32::from_bits(value.to_bits() + 1);
                assert_eq!([value, above, next].map(|x| grid.first_from(x)), [number, number + 1, number + 1]);
            }
            assert_eq!([0.0, -1.0, f32::INFINITY].map(|x| grid.first_from(x)), [low, low, high]);
            let (numbers, mut values) = ([low, low + 1, high], [0.0; 3]);
            grid.values(&numbers, &mut values);
            assert_eq!(values, numbers.map(|number| grid.value(number)));
        }
    }
}
