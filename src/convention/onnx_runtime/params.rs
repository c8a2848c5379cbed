//! From a range to a scale and a zero point, `compute_scale_zp`.

use crate::error::{Error, Result};
use crate::num::nearest_whole;
use crate::params::{AffineParams, CodeRange, ParamsCalculator, ValueRange};
use num_traits::Float;

/// The parameters of ONNX Runtime's quantization tool.
///
/// ```text
/// scale      = (max − min) / (qmax − qmin) of the range with zero, in f64, rounded to f32
/// zero point = rint(qmin − min / scale), with the f64 scale
/// ```
///
/// | codes of | [`affine`](Self::affine) | [`symmetric`](Self::symmetric) | [reduced](Self::with_reduced_range) |
/// | --- | --- | --- | --- |
/// | `i8`, `i16` | all | without the smallest | −64..=64, −16384..=16384 |
/// | `u8`, `u16` | all | all | 0..=127, 0..=32767 |
/// | `I4`, `U4` | all | all | −4..=3, 0..=7 |
///
/// A symmetric range is ±max|x|, and its zero point rint((qmin + qmax) / 2): 0 for signed types, 128 for `u8`.
///
/// These codes decide on the scale only; as in `quantize_data`, a value beyond the range may still get any code of the type.
/// A scale below the smallest normal number, as of all zeros, gives 1, with a zero point of 0.
///
/// # Examples
///
/// ```
/// use tensor_quant::{convention::onnx_runtime, params::{CodeRange, ParamsCalculator, ValueRange}};
///
/// let (range, codes) = (ValueRange::new(-1.27, 0.5)?, CodeRange::of::<i8>());
/// let params = onnx_runtime::Params::symmetric().params(range, codes)?;
/// assert_eq!((params.scale(), params.zero_point()), (0.01, 0)); // 2.54 / 254
/// let params = onnx_runtime::Params::affine().with_min_real_range(5.1).params(range, codes)?;
/// assert_eq!((params.scale(), params.zero_point()), (0.02, -64)); // −1.27 ..= 3.83
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[doc(alias = "compute_scale_zp")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    symmetry: Symmetry,
    part: Part,
    min_real_range: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symmetry {
    Affine,
    Symmetric,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Half,
}

impl Params {
    /// Returns the parameters for a range as it is, with zero: what activations get unless asked otherwise.
    pub fn affine() -> Self {
        Self { symmetry: Symmetry::Affine, part: Part::Whole, min_real_range: 0.0 }
    }

    /// Returns the parameters for ±max|x|: what signed weights get unless asked otherwise.
    pub fn symmetric() -> Self {
        Self { symmetry: Symmetry::Symmetric, ..Self::affine() }
    }

    /// Returns the same for codes of one bit less: the option `reduce_range`.
    #[must_use]
    pub fn with_reduced_range(self) -> Self {
        Self { part: Part::Half, ..self }
    }

    /// Returns the same for ranges that are at least this wide; narrower ones grow at the upper end. The option
    /// `MinimumRealRange`.
    ///
    /// NaN and negative numbers change nothing; the upper end grows to `f32::MAX` at most.
    #[must_use]
    pub fn with_min_real_range(self, width: f32) -> Self {
        Self { min_real_range: width.max(0.0), ..self }
    }

    /// The codes that the scale counts on, of the codes of a type.
    fn used(self, full: CodeRange) -> (f64, f64) {
        let (min, max) = (full.min(), full.max());
        match (self.part, self.symmetry) {
            (Part::Half, _) if min == -8.0 => (-4.0, 3.0),
            (Part::Half, _) if min < 0.0 => (min / 2.0, -min / 2.0),
            (Part::Half, _) => (min, Float::floor(max / 2.0)),
            (Part::Whole, Symmetry::Symmetric) if min == -128.0 || min == -32_768.0 => (min + 1.0, max),
            _ => (min, max),
        }
    }
}

impl Default for Params {
    /// As [`affine`](Self::affine).
    fn default() -> Self {
        Self::affine()
    }
}

impl ParamsCalculator for Params {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        if !codes.is_integer() {
            return Err(Error::IntegerCodesOnly { what: "an affine scheme" });
        }
        let (qmin, qmax) = self.used(codes);
        let range = range.with_zero();
        let max = range.max().max(range.min() + self.min_real_range).min(f32::MAX);
        let (min, max) = match self.symmetry {
            Symmetry::Affine => (range.min(), max),
            Symmetry::Symmetric => (-max.max(-range.min()), max.max(-range.min())),
        };
        let scale = (f64::from(max) - f64::from(min)) / (qmax - qmin);
        if scale < f64::from(f32::MIN_POSITIVE) {
            return AffineParams::new(1.0, 0);
        }
        let zero_point = match self.symmetry {
            Symmetry::Affine => qmin - f64::from(min) / scale,
            Symmetry::Symmetric => f64::midpoint(qmin, qmax),
        };
        AffineParams::new(scale, nearest_whole(zero_point) as i32)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::num::{I4, U4, f16};

    #[test]
    fn any_range_has_a_positive_finite_scale_and_a_zero_point_among_the_codes() {
        let ends = [0.0, f32::from_bits(1), 1e-38, 1.0, f32::MAX];
        let types = [CodeRange::of::<i8>(), CodeRange::of::<u16>(), CodeRange::of::<I4>(), CodeRange::of::<U4>()];
        for (&min, &max) in ends.iter().flat_map(|min| ends.iter().map(move |max| (min, max))) {
            let range = ValueRange::new(-min, max).unwrap();
            for codes in types {
                for params in [Params::affine(), Params::symmetric()] {
                    for params in [params, params.with_reduced_range(), params.with_min_real_range(f32::INFINITY)] {
                        let found = params.params(range, codes).unwrap();
                        assert!(found.scale().is_normal(), "{params:?} of {range}: {found:?}");
                        let zero_point = f64::from(found.zero_point());
                        assert!((codes.min()..=codes.max()).contains(&zero_point), "{params:?} of {range}: {found:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn floating_codes_are_refused_and_a_width_that_is_no_number_asks_for_nothing() {
        let range = ValueRange::new(-1.0, 1.0).unwrap();
        assert!(matches!(Params::affine().params(range, CodeRange::of::<f16>()), Err(Error::IntegerCodesOnly { .. })));
        assert_eq!(Params::affine().with_min_real_range(f32::NAN), Params::affine());
        assert_eq!(Params::affine().with_min_real_range(-1.0), Params::affine());
    }
}
