//! A row of activations, quantized at run time.

use super::choose_params;
use crate::error::Result;
use crate::kernel::{self, Mapping};
use crate::num::{HalfAway, Scaling};
use crate::params::{AffineParams, CodeRange, NanPolicy, ValueRange};
use crate::range::{MinMax, RangeEstimator};
use alloc::vec::Vec;

/// Products in a tile.
const TILE: usize = 1024;

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
    let codes = codes_of(x, 127.0 / max_abs, 0.0, CodeRange::of::<i8>().narrow());
    Ok(QuantizedRow { codes, scale: max_abs / 127.0, zero_point: 0 })
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
    let codes = codes_of(x, 1.0 / scale, zero_point as f32, CodeRange::of::<i8>());
    Ok(QuantizedRow { codes, scale, zero_point })
}

/// Returns the codes of `away(shift + x · inverse)`, of NaN 0: the products a tile at a time, and then the kernel of a scale of 1, by
/// which nothing is changed.
fn codes_of(x: &[f32], inverse: f32, shift: f32, codes: CodeRange) -> Vec<i8> {
    let mapping =
        Mapping { scaling: Scaling::Reciprocal, nan: NanPolicy::Skip, ..Mapping::new(AffineParams::UNIT, codes) };
    let (level, mut out, mut tile) = (kernel::detect(), alloc::vec![0; x.len()], [0.0; TILE]);
    for (x, out) in x.chunks(TILE).zip(out.chunks_mut(TILE)) {
        let tile = &mut tile[..x.len()];
        for (product, &x) in tile.iter_mut().zip(x) {
            *product = shift + x * inverse;
        }
        kernel::quantize(level, tile, &mapping, HalfAway, out, 0);
    }
    out
}

fn range_of(x: &[f32]) -> Result<ValueRange> {
    let mut estimator = MinMax::default();
    estimator.observe(x);
    estimator.range(&CodeRange::of::<i8>())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::num::Rounding;

    /// The equations of the docs, an element at a time.
    #[test]
    fn rows_of_any_length_have_the_codes_of_their_equations() {
        let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, 1e-45];
        for (len, size) in
            (1..300).chain([1023, 1024, 1025, 5000]).flat_map(|len| [(len, 1.0), (len, 1e-42), (len, 1e38)])
        {
            // Halves of the largest, and what is not finite.
            let value = |i: usize| match i % 13 {
                7 => odd[i / 13 % odd.len()],
                _ => ((i * 37 % 255) as f32 - 127.0) * 0.5 / 63.5 * size,
            };
            let x: Vec<f32> = (0..len).map(value).collect();
            let row = symmetric_row(&x).unwrap();
            let max_abs = x.iter().filter(|x| x.is_finite()).fold(0.0_f32, |most, x| most.max(x.abs()));
            let inverse = if max_abs > 0.0 { 127.0 / max_abs } else { 0.0 };
            let code = |x: &f32| HalfAway.round(x * inverse, 0).clamp(-127.0, 127.0) as i8;
            if max_abs > 0.0 {
                assert_eq!(row.codes, x.iter().map(code).collect::<Vec<i8>>(), "{len} of {size:e}");
            }
            let row = asymmetric_row(&x).unwrap();
            let (inverse, shift) = (1.0 / row.scale, row.zero_point as f32);
            let code = |x: &f32| HalfAway.round(shift + x * inverse, 0).clamp(-128.0, 127.0) as i8;
            if max_abs > 0.0 {
                assert_eq!(row.codes, x.iter().map(code).collect::<Vec<i8>>(), "{len} of {size:e}");
            }
        }
    }
}
