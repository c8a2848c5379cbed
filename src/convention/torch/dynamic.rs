//! Parameters that are chosen at run time, from the tensor that is about to be quantized.

use crate::error::{Error, Result};
use crate::num::nearest_whole;
use crate::params::{AffineParams, CodeRange, ParamsCalculator, ValueRange};

/// PyTorch raises a scale below this to it.
const SMALLEST_SCALE: f32 = 6.1e-5;

/// The parameters of `quantize_per_tensor_dynamic`, and of the activations of dynamically quantized layers, in f64.
///
/// ```text
/// scale      = (max − min) / (qmax − qmin) of the range with zero; 0.1 if its reciprocal is infinite in f32
/// zero point = nearest(qmin − min / scale) or nearest(qmax − max / scale), clamped: the first
///              if |qmin| − |min / scale| < |qmax| − |max / scale|
/// ```
///
/// A scale below 6.1 · 10⁻⁵ is raised to that, and min and max in proportion. In a reduced range qmin and qmax are halved
/// (0..=127 for `u8`); codes beyond them are still used for values beyond the range.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{convention::torch, quantize_tensor};
///
/// let scheme = torch::scheme::<u8>().with_calculator(torch::Dynamic::default());
/// let q = quantize_tensor(array![-1.0_f32, 0.0, 4.1].view(), &scheme)?;
/// assert_eq!((q.params().scales(), q.params().zero_points()), (&[0.02_f32][..], &[50][..]));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[doc(alias = "choose_qparams")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dynamic {
    part: Part,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Whole,
    Half,
}

impl Dynamic {
    /// Returns the same for codes of one bit less, `reduce_range=True`: what x86 without VNNI needs, lest sums saturate.
    #[must_use]
    pub fn with_reduced_range(self) -> Self {
        Self { part: Part::Half }
    }

    /// Returns the scale, in f64 as PyTorch's `_choose_qparams_per_tensor` has it, and the zero point.
    ///
    /// # Errors
    ///
    /// [`Error::IntegerCodesOnly`].
    pub fn choose(&self, range: ValueRange, codes: CodeRange) -> Result<(f64, i32)> {
        if !codes.is_integer() {
            return Err(Error::IntegerCodesOnly { what: "a dynamic quantizer" });
        }
        let half = |code: f64| ((code as i64) / 2) as f64;
        let (qmin, qmax) = match self.part {
            Part::Whole => (codes.min(), codes.max()),
            Part::Half => (half(codes.min()), half(codes.max())),
        };
        let range = range.with_zero();
        let (mut min, mut max) = (range.min(), range.max());
        let mut scale = range.width() / (qmax - qmin);
        if scale as f32 == 0.0 || (1.0 / scale as f32).is_infinite() {
            scale = 0.1;
        }
        if scale < f64::from(SMALLEST_SCALE) {
            let raised = SMALLEST_SCALE / scale as f32;
            scale = f64::from(SMALLEST_SCALE);
            let widest = SMALLEST_SCALE * (qmax - qmin) as f32;
            (min, max) = match (min, max) {
                (0.0, _) => (0.0, widest),
                (_, 0.0) => (-widest, 0.0),
                _ => (min * raised, max * raised),
            };
        }
        let (below, above) = (f64::from(min) / scale, f64::from(max) / scale);
        let of_min = qmin.abs() - below.abs() < qmax.abs() - above.abs();
        let zero_point = if of_min { qmin - below } else { qmax - above };
        Ok((scale, nearest_whole(zero_point.clamp(qmin, qmax)) as i32))
    }
}

impl ParamsCalculator for Dynamic {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        let (scale, zero_point) = self.choose(range, codes)?;
        AffineParams::new(scale, zero_point)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn choose(min: f32, max: f32) -> (f64, i32) {
        Dynamic::default().choose(ValueRange::new(min, max).unwrap(), CodeRange::of::<u8>()).unwrap()
    }

    /// Expected values: `torch._choose_qparams_per_tensor` of torch 2.15.0.
    #[test]
    fn small_and_extreme_ranges_are_as_in_pytorch() {
        assert_eq!(choose(0.0, 0.0), (0.1, 0));
        assert_eq!(choose(0.0, 1e-4), (f64::from(SMALLEST_SCALE), 0));
        assert_eq!(choose(-1e-4, 0.0), (f64::from(SMALLEST_SCALE), 255));
        assert_eq!(choose(-1e-3, 1e-3), (f64::from(SMALLEST_SCALE), 128));
        assert_eq!(choose(-1e-42, 1e-42), (0.1, 0));
    }

    #[test]
    fn the_widest_range_has_a_finite_scale() {
        let (scale, zero_point) = choose(f32::MIN, f32::MAX);
        assert!((scale as f32).is_finite());
        assert_eq!(zero_point, 128);
        let floats = Dynamic::default().choose(ValueRange::ZERO, CodeRange::of::<crate::num::f16>());
        assert!(matches!(floats, Err(Error::IntegerCodesOnly { .. })));
    }
}
