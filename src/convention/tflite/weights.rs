//! The weights of full-integer models.

use super::check_integer;
use crate::error::Result;
use crate::num::{Code, HalfAway, Scaling};
use crate::params::{AffineParams, CodeRange, ParamsCalculator, ValueRange, ZeroPoints};
use crate::range::MinMax;
use crate::tensor::Scheme;

/// Returns the scheme of weights in full-integer models: `clamp(away(x · (1 / scale)), −127, 127)`, scale = max|w| / 127.
///
/// Per axis: 0 for convolutions and fully-connected layers, 3 for depthwise convolutions.
pub fn weights<C: Code>() -> Scheme<C, MinMax, Weights, HalfAway> {
    let scheme = Scheme::<C>::symmetric().with_calculator(Weights).with_rounding(HalfAway);
    scheme.with_scaling(Scaling::Reciprocal)
}

/// The converter's parameters for weights: `scale = max|w| / qmax`, 1 for zeros. In f32.
///
/// They are for signed integer codes, among which the zero point of 0 is; floating codes are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weights;

impl ParamsCalculator for Weights {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        check_integer(codes)?;
        let scale = match range.max_abs() {
            0.0 => 1.0,
            max_abs => f64::from(max_abs) / codes.max(),
        };
        AffineParams::new(scale, 0)
    }

    fn zero_points(&self, _codes: CodeRange) -> ZeroPoints {
        ZeroPoints::One(0)
    }

    fn codes(&self, full: CodeRange) -> CodeRange {
        full.narrow()
    }
}
