//! The activations of full-integer models.

use super::{Weights, check_integer};
use crate::error::Result;
use crate::num::ties_even;
use crate::num::{Code, HalfAway};
use crate::params::{AffineParams, CodeRange, NanPolicy, ParamsCalculator, ValueRange, ZeroPoints};
use crate::range::MinMax;
use crate::tensor::Scheme;

/// Returns the scheme of the reference `QUANTIZE` kernel: `clamp(away(x / scale) + zero_point)`, with the converter's
/// parameters for activations.
pub fn scheme<C: Code>() -> Scheme<C, MinMax, Activations, HalfAway> {
    Scheme::<C>::affine().with_calculator(Activations).with_rounding(HalfAway).with_nan_policy(NanPolicy::Native)
}

/// The converter's parameters for activations: `scale = (max − min) / 255` of the range with zero, in f32, and
/// `zero_point = rint(qmin − min / scale)`; a scale of 1 for zeros.
///
/// Types of 16 bits are symmetric: scale = max|x| / 32767. A range wider than `f32::MAX` counts as
/// `f32::MAX` wide. Floating codes are refused. ([`choose_params`](super::choose_params) is the interpreter's own choice, in f64.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activations;

impl ParamsCalculator for Activations {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        check_integer(codes)?;
        if codes.max() == 32_767.0 {
            return Weights.params(range, codes);
        }
        let range = range.with_zero();
        let width = (range.max() - range.min()).min(f32::MAX);
        // Raised where it is no normal number, or none at all.
        let step = (width / (codes.max() - codes.min()) as f32).max(f32::MIN_POSITIVE);
        let scale = if width == 0.0 { 1.0 } else { step };
        let params = AffineParams::new(f64::from(scale), 0)?;
        let zero_point = codes.min() as f32 - range.min() / params.scale();
        let zero_point = ties_even(zero_point.clamp(codes.min() as f32, codes.max() as f32));
        AffineParams::new(f64::from(scale), zero_point as i32)
    }

    fn zero_points(&self, codes: CodeRange) -> ZeroPoints {
        if codes.max() == 32_767.0 { ZeroPoints::One(0) } else { ZeroPoints::Any }
    }

    fn codes(&self, full: CodeRange) -> CodeRange {
        if full.max() == 32_767.0 { full.narrow() } else { full }
    }
}
