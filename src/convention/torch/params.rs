//! Affine and symmetric parameters, in f32.

use crate::error::{Error, Result};
use crate::num::ties_even;
use crate::params::{AffineParams, CodeRange, ParamsCalculator, ValueRange};

/// The affine parameters of PyTorch's observers and of torchao: `scale = (max − min) / (qmax − qmin)` over the range with
/// zero, at least `eps`; `zero_point = clamp(qmin − rint(min / scale))`. In f32, but for the zero point's difference, which is
/// one of integers. Floating codes, which have no zero point, are refused.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "Affine")]
#[doc(alias = "MappingType")]
#[doc(alias = "ASYMMETRIC")]
pub struct AffineMapping {
    /// The smallest scale.
    pub eps: f32,
}

/// The symmetric parameters of PyTorch's observers and of torchao: `scale = max|x| / ((qmax − qmin) / 2)`, at least `eps`;
/// the zero point is the middle code. In f32.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "Symmetric")]
#[doc(alias = "MappingType")]
pub struct SymmetricMapping {
    /// The smallest scale.
    pub eps: f32,
    /// Which end of the range counts.
    pub clipping: Clipping,
}

/// How a symmetric range meets codes of which there is one more below zero than above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clipping {
    /// Half of the codes' width is max|x|: the largest positive value is clipped by half a step.
    #[default]
    HalfAStep,
    /// Neither end is clipped: `scale = max(min / qmin, max / qmax)`. torchao's `SYMMETRIC_NO_CLIPPING_ERR`.
    Never,
}

impl Default for AffineMapping {
    /// With the `eps` of PyTorch, 2⁻²³.
    fn default() -> Self {
        Self { eps: f32::EPSILON }
    }
}

impl Default for SymmetricMapping {
    /// With the `eps` of PyTorch, 2⁻²³.
    fn default() -> Self {
        Self { eps: f32::EPSILON, clipping: Clipping::HalfAStep }
    }
}

impl AffineMapping {
    /// The parameters for the codes from the first to the second of `used`.
    pub(super) fn between(self, range: ValueRange, used: (f64, f64)) -> Result<AffineParams> {
        let range = range.with_zero();
        let (qmin, qmax) = (used.0 as f32, used.1 as f32);
        let scale = ((range.max() - range.min()).min(f32::MAX) / (qmax - qmin)).max(self.eps);
        let zero_point = (used.0 - f64::from(ties_even(range.min() / scale))).clamp(used.0, used.1);
        AffineParams::new(f64::from(scale), zero_point as i32)
    }
}

impl ParamsCalculator for AffineMapping {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        if !codes.is_integer() {
            return Err(Error::IntegerCodesOnly { what: "an affine scheme of PyTorch" });
        }
        self.between(range, (codes.min(), codes.max()))
    }
}

impl SymmetricMapping {
    /// The scale for the codes from the first to the second of `used`.
    pub(super) fn scale(self, range: ValueRange, used: (f64, f64)) -> f32 {
        let range = range.with_zero();
        let (qmin, qmax) = (used.0 as f32, used.1 as f32);
        let scale = match self.clipping {
            Clipping::HalfAStep => range.max_abs() / ((qmax - qmin) / 2.0),
            Clipping::Never if qmin < 0.0 => (range.min() / qmin).max(range.max() / qmax),
            Clipping::Never => range.max() / qmax,
        };
        scale.max(self.eps)
    }
}

impl ParamsCalculator for SymmetricMapping {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        // The middle of the codes, rounded up: 0 for −128..=127 and for −127..=127, 128 for 0..=255.
        let middle = ((codes.max() + codes.min() + 1.0) / 2.0) as i32;
        AffineParams::new(f64::from(self.scale(range, (codes.min(), codes.max()))), middle)
    }
}
