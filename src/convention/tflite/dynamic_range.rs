//! The weights of dynamic-range models.

use crate::error::{Error, Result};
use crate::num::Real;
use crate::params::{AffineParams, CodeRange, Granularity, ParamsCalculator, QuantParams, ValueRange};
use crate::tensor::{QuantizedTensor, estimate_params, for_each_f32_piece};
use alloc::vec::Vec;
use ndarray::{Array, ArrayView, Dimension};

/// Returns weights as dynamic-range models store them: `away(w / (max|w| / 127))`, everything in f64; the stored scale is
/// that f64, rounded to f32. A channel of zeros has a scale of 1.
///
/// # Errors
///
/// [`Error::NotANumber`], [`Error::NoData`], and those of the granularity.
pub fn dynamic_range_weights<T: Real, D: Dimension>(
    weights: ArrayView<'_, T, D>,
    granularity: Granularity,
) -> Result<QuantizedTensor<i8, D>> {
    let scheme = super::weights::<i8>().with_granularity(granularity);
    let found = estimate_params(weights.view(), &scheme.with_calculator(MaxAbs))?;
    // The parameters so far are max|w|: an f64 scale from it loses nothing. One that has to be raised, so as to be a normal
    // f32, is the one that codes are chosen for.
    let smallest = f64::from(f32::MIN_POSITIVE);
    let scales: Vec<f64> = found.scales().iter().map(|&max| (f64::from(max) / 127.0).max(smallest)).collect();
    let weights = weights.as_standard_layout();
    let mut codes = Vec::with_capacity(weights.len());
    for_each_f32_piece(&weights.view(), granularity, |span, values| {
        for (k, run) in values.chunks(span.repeat).enumerate() {
            let scale = scales[span.first_group + k];
            codes.extend(run.iter().map(|&w| away(f64::from(w) / scale)));
        }
        Ok(())
    })?;
    let stored = scales.iter().map(|&scale| scale as f32).collect();
    let zero_points = alloc::vec![0; scales.len()];
    let params = QuantParams::new(granularity, CodeRange::of::<i8>().narrow(), stored, zero_points)?;
    let mismatch = |_| Error::LengthMismatch { what: "codes", expected: 0, actual: 0 };
    QuantizedTensor::new(Array::from_shape_vec(weights.raw_dim(), codes).map_err(mismatch)?, params)
}

/// Returns the whole number nearest to a quotient, halves away from zero, within ±127. (`f64::round` is a call where the
/// target guarantees no instruction for it.)
fn away(quotient: f64) -> i8 {
    let quotient = quotient.clamp(-127.0, 127.0);
    let whole = quotient as i32;
    // What is cut off is exact.
    let rest = quotient - f64::from(whole);
    (whole + i32::from(rest >= 0.5) - i32::from(rest <= -0.5)) as i8
}

/// A "scale" that is max|w| itself; 127 for zeros, so that their scale is 1.
#[derive(Clone, Copy, Debug)]
struct MaxAbs;

impl ParamsCalculator for MaxAbs {
    fn params(&self, range: ValueRange, _codes: CodeRange) -> Result<AffineParams> {
        let max_abs = match range.max_abs() {
            0.0 => 127.0,
            max_abs => max_abs.max(f32::MIN_POSITIVE),
        };
        AffineParams::new(f64::from(max_abs), 0)
    }

    fn codes(&self, full: CodeRange) -> CodeRange {
        full.narrow()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_rounded_as_the_definition_does() {
        for code in -128..=128 {
            for half in [-0.5, 0.0, 0.5] {
                let near = f64::from(code) + half;
                for quotient in [near.next_down(), near, near.next_up()] {
                    assert_eq!(f64::from(away(quotient)), quotient.round().clamp(-127.0, 127.0), "{quotient:e}");
                }
            }
        }
        assert_eq!((away(f64::INFINITY), away(-1e300), away(0.499_999_999_999_999_94)), (127, -127, 0));
    }

    #[test]
    fn codes_are_chosen_for_the_scale_that_is_stored() -> Result<()> {
        let tiny = f32::MIN_POSITIVE / 4.0;
        let weights = ndarray::array![[0.0_f32, -0.0], [tiny, -tiny], [0.5, -1.0]];
        let q = dynamic_range_weights(weights.view(), Granularity::Axis(0))?;
        assert_eq!(q.params().scales(), [1.0, f32::MIN_POSITIVE, 1.0 / 127.0]);
        assert_eq!(q.codes(), ndarray::array![[0, 0], [0, 0], [64, -127]]);
        Ok(())
    }
}
