//! A row of activations, quantized at run time.

use super::choose_params;
use crate::error::Result;
use crate::num::{HalfAway, Rounding};
use crate::params::{CodeRange, ValueRange};
use crate::range::{MinMax, RangeEstimator};
use alloc::vec::Vec;

/// A row of activations as TFLite's hybrid kernels quantize it at run time.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedRow {
    /// The codes.
    pub codes: Vec<i8>,
    /// The scale.
    pub scale: f32,
    /// The zero point; 0 for a symmetric row.
    pub zero_point: i32,
}

/// Returns a row with codes in −127..=127: `away(x · (127 / max|x|))`; a row of zeros has a scale of 1.
/// (`SymmetricQuantizeFloats`.)
///
/// # Errors
///
/// [`Error::NoData`](crate::Error::NoData) for a row without a finite value.
pub fn symmetric_row(x: &[f32]) -> Result<QuantizedRow> {
    let range = range_of(x)?;
    let max_abs = range.max_abs();
    if max_abs == 0.0 {
        return Ok(QuantizedRow { codes: alloc::vec![0; x.len()], scale: 1.0, zero_point: 0 });
    }
    let inverse = 127.0 / max_abs;
    let code = |&x: &f32| HalfAway.round(x * inverse, 0).clamp(-127.0, 127.0) as i8;
    Ok(QuantizedRow { codes: x.iter().map(code).collect(), scale: max_abs / 127.0, zero_point: 0 })
}

/// Returns a row with codes in −128..=127: `away(zero_point + x · (1 / scale))`, the zero point added before rounding; a
/// row of zeros has a scale of 1. (`AsymmetricQuantizeFloats`.)
///
/// # Errors
///
/// [`Error::NoData`](crate::Error::NoData) for a row without a finite value.
pub fn asymmetric_row(x: &[f32]) -> Result<QuantizedRow> {
    let range = range_of(x)?.with_zero();
    let (min, max) = (f64::from(range.min()), f64::from(range.max()));
    let (scale, zero_point) = choose_params(min, max, CodeRange::of::<i8>());
    if scale == 0.0 {
        return Ok(QuantizedRow { codes: alloc::vec![0; x.len()], scale: 1.0, zero_point: 0 });
    }
    let scale = scale as f32;
    let inverse = 1.0 / scale;
    let code = |&x: &f32| HalfAway.round(zero_point as f32 + x * inverse, 0).clamp(-128.0, 127.0) as i8;
    Ok(QuantizedRow { codes: x.iter().map(code).collect(), scale, zero_point })
}

fn range_of(x: &[f32]) -> Result<ValueRange> {
    let mut estimator = MinMax::default();
    estimator.observe(x);
    estimator.range(&CodeRange::of::<i8>())
}
