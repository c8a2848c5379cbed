//! TensorFlow's `FakeQuantWithMinMaxVars`.

use crate::error::{Error, Result};
use crate::params::ValueRange;
use alloc::vec::Vec;
use num_traits::Float;

/// Fake quantization to 2 to 16 bits over a range that is nudged so that zero is exact.
///
/// ```text
/// scale = (max − min) / (qmax − qmin)      zero_point = away(qmin − min / scale), clamped to the codes
/// nmin = (qmin − zero_point) · scale       nmax = (qmax − zero_point) · scale
/// y = ⌊(clamp(x, nmin, nmax) − nmin) / scale − z₀ + ½⌋ · scale,   z₀ = ⌊−nmin / scale + ½⌋
/// ```
///
/// # Examples
///
/// ```
/// use tensor_quant::{convention::tensorflow::FakeQuant, params::ValueRange};
///
/// let fake = FakeQuant::new(ValueRange::new(-0.1, 1.0)?, 8, false)?;
/// assert_eq!(fake.apply(0.0), 0.0);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FakeQuant {
    nudged_min: f32,
    nudged_max: f32,
    scale: f32,
    zero: f32,
}

/// The gradients of [`FakeQuant`].
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// The gradient that flows back to the values: of those inside the nudged range.
    pub x: Vec<f32>,
    /// That of the range's lower bound: the sum of those below.
    pub min: f32,
    /// That of the range's upper bound: the sum of those above.
    pub max: f32,
}

impl FakeQuant {
    /// Returns the fake quantization over `range` to codes of `bits` bits, from 0, or from 1 in a narrow range.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] unless 2 ≤ bits ≤ 16; [`Error::InvalidRange`] for a range of a single value, or one too
    /// wide for f32.
    pub fn new(range: ValueRange, bits: u32, narrow_range: bool) -> Result<Self> {
        if !(2..=16).contains(&bits) {
            let (what, expected) = ("the number of bits", "from 2 to 16");
            return Err(Error::InvalidSetting { what, expected, actual: f64::from(bits) });
        }
        let (qmin, qmax) = (if narrow_range { 1.0 } else { 0.0 }, ((1_u32 << bits) - 1) as f32);
        let nudged = Nudged::new(range, qmin, qmax)?;
        let zero = Float::floor(-nudged.min / nudged.scale + 0.5);
        Ok(Self { nudged_min: nudged.min, nudged_max: nudged.max, scale: nudged.scale, zero })
    }

    /// Returns what `x` is restored as; NaN stays NaN.
    #[inline(always)]
    pub fn apply(&self, x: f32) -> f32 {
        let clamped = x.clamp(self.nudged_min, self.nudged_max) - self.nudged_min;
        Float::floor(clamped / self.scale - self.zero + 0.5) * self.scale
    }

    /// Returns the gradients for values and the gradient that flows back to each of them.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`].
    pub fn gradients(&self, x: &[f32], gradient: &[f32]) -> Result<Gradients> {
        if x.len() != gradient.len() {
            return Err(Error::LengthMismatch { what: "the gradient", expected: x.len(), actual: gradient.len() });
        }
        let (mut min, mut max) = (0.0_f64, 0.0_f64);
        let inside = |(&x, &gradient): (&f32, &f32)| {
            let inside = if x < self.nudged_min {
                min += f64::from(gradient);
                0.0
            } else if x > self.nudged_max {
                max += f64::from(gradient);
                0.0
            } else {
                1.0
            };
            gradient * inside
        };
        let x = x.iter().zip(gradient).map(inside).collect();
        Ok(Gradients { x, min: min as f32, max: max as f32 })
    }
}

/// A range of reals moved so that zero has a code: TensorFlow's `Nudge`, TFLite's `NudgeQuantizationRange`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nudged {
    /// The real of the smallest code.
    pub min: f32,
    /// The real of the largest code.
    pub max: f32,
    /// The distance between neighbours.
    pub scale: f32,
}

impl Nudged {
    /// Returns the nudged range for the codes from `qmin` to `qmax`, in f32.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRange`] for a range of a single value, or one wider than f32 reaches.
    pub fn new(range: ValueRange, qmin: f32, qmax: f32) -> Result<Self> {
        let scale = (range.max() - range.min()) / (qmax - qmin);
        if !(scale > 0.0 && scale.is_finite()) {
            return Err(Error::InvalidRange { min: range.min(), max: range.max() });
        }
        let from_min = qmin - range.min() / scale;
        let zero_point = if from_min < qmin {
            qmin
        } else if from_min > qmax {
            qmax
        } else {
            Float::round(from_min)
        };
        Ok(Self { min: (qmin - zero_point) * scale, max: (qmax - zero_point) * scale, scale })
    }
}
