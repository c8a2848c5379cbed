//! The parameters that PyTorch's observers compute from a range, `calculate_qparams`.

use super::params::{AffineMapping, Clipping, SymmetricMapping};
use crate::error::{Error, Result};
use crate::params::{AffineParams, CodeRange, ParamsCalculator, ValueRange};

/// The parameters of PyTorch's observers: a `qscheme`, the codes that it counts on, and the smallest scale.
///
/// | `qscheme` | scale | zero point |
/// | --- | --- | --- |
/// | [`affine`](Self::affine) | (max − min) / (qmax − qmin) of the range with zero | clamp(qmin − rint(min / scale)) |
/// | [`symmetric`](Self::symmetric) | max\|x\| / ((qmax − qmin) / 2) | 0 for signed types, the middle for unsigned ones |
/// | [`affine_float`](Self::affine_float) | (max − min) / (qmax − qmin) of the range as it is | −min / scale, not rounded |
///
/// All in f32. A scale is at least `eps`, 2⁻²³ unless changed; the last scheme takes 1 where it is not above `eps`.
///
/// qmin and qmax are those of the type, or of the part of it that [`with_reduced_range`](Self::with_reduced_range) or
/// [`with_codes`](Self::with_codes) name. They decide on the scale only: as in `quantize_per_tensor`, a value beyond the
/// range may still get any code of the type.
///
/// The middle of an unsigned type is that of the whole type (128 for `u8`) even in a reduced range; of codes that were named
/// it is theirs, rounded down: 7 for 0..=15, and 127 for 0..=255.
///
/// A range wider than `f32::MAX` counts as `f32::MAX` wide, where PyTorch's scale would be infinite.
///
/// # Examples
///
/// `MinMaxObserver(dtype=torch.qint8, qscheme=torch.per_tensor_symmetric, reduce_range=True)`:
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{convention::torch, quantize_tensor};
///
/// let scheme = torch::scheme::<i8>().with_calculator(torch::QParams::symmetric().with_reduced_range());
/// let q = quantize_tensor(array![1.0_f32, -3.175].view(), &scheme)?;
/// assert_eq!(q.params().scales(), [3.175 / 63.5]); // codes −64..=63 are 127 steps
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QParams {
    qscheme: QScheme,
    part: Part,
    named: Option<(i32, i32)>,
    eps: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QScheme {
    Affine,
    Symmetric,
    AffineFloat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Half,
}

impl QParams {
    /// Returns the parameters of `per_tensor_affine` and `per_channel_affine`.
    pub fn affine() -> Self {
        Self { qscheme: QScheme::Affine, part: Part::Whole, named: None, eps: f32::EPSILON }
    }

    /// Returns the parameters of `per_tensor_symmetric` and `per_channel_symmetric`.
    pub fn symmetric() -> Self {
        Self { qscheme: QScheme::Symmetric, ..Self::affine() }
    }

    /// Returns the parameters of `per_channel_affine_float_qparams`, whose zero point is a float: in a
    /// [`Scheme`](crate::Scheme) the code 0 stands for min, an offset.
    ///
    /// PyTorch's own zero point comes from [`float_zero_point`](Self::float_zero_point).
    pub fn affine_float() -> Self {
        Self { qscheme: QScheme::AffineFloat, ..Self::affine() }
    }

    /// Returns the same for codes of one bit less, `reduce_range=True`: −64..=63 for `i8`, 0..=127 for `u8`.
    ///
    /// Codes that were named are halved, rounding down; types of other than 8 bits have no reduced range, and keep theirs.
    #[must_use]
    pub fn with_reduced_range(self) -> Self {
        Self { part: Part::Half, ..self }
    }

    /// Returns the same for the codes from `quant_min` to `quant_max`.
    #[doc(alias = "quant_min")]
    #[doc(alias = "quant_max")]
    #[must_use]
    pub fn with_codes(self, quant_min: i32, quant_max: i32) -> Self {
        Self { named: Some((quant_min, quant_max)), ..self }
    }

    /// Returns the same with another smallest scale.
    #[must_use]
    pub fn with_eps(self, eps: f32) -> Self {
        Self { eps, ..self }
    }

    /// Returns the scale and the float zero point, `−min / scale`, of `per_channel_affine_float_qparams`.
    ///
    /// # Errors
    ///
    /// [`Error::IntegerCodesOnly`], and [`Error::InvalidCodes`] for named codes that the type does not hold.
    pub fn float_zero_point(&self, range: ValueRange, codes: CodeRange) -> Result<(f32, f32)> {
        let (qmin, qmax) = self.used(codes)?;
        let scale = (range.max() - range.min()).min(f32::MAX) / (qmax - qmin) as f32;
        let scale = if scale > self.eps { scale } else { 1.0 };
        Ok((scale, -range.min() / scale))
    }

    /// The codes that the scale counts on, of the codes of a type.
    fn used(&self, full: CodeRange) -> Result<(f64, f64)> {
        if !full.is_integer() {
            return Err(Error::IntegerCodesOnly { what: "an observer of PyTorch" });
        }
        let (full_min, full_max) = (full.min(), full.max());
        let whole = self.named.map_or((full_min, full_max), |(min, max)| (f64::from(min), f64::from(max)));
        let halved = self.part == Part::Half && (self.named.is_some() || full_max - full_min == 255.0);
        let half = |code: f64| ((code as i64) >> 1) as f64;
        let (min, max) = if halved { (half(whole.0), half(whole.1)) } else { whole };
        if full_min <= min && min < max && max <= full_max {
            Ok((min, max))
        } else {
            Err(Error::InvalidCodes { min, max, full_min, full_max, code: "the type" })
        }
    }

    /// Where zero lies in a symmetric range.
    fn middle(&self, full: CodeRange, used: (f64, f64)) -> i32 {
        match self.named {
            _ if full.min() < 0.0 => 0,
            Some(_) => ((used.0 + used.1) as i64 >> 1) as i32,
            None => full.middle(),
        }
    }
}

impl Default for QParams {
    /// As [`affine`](Self::affine).
    fn default() -> Self {
        Self::affine()
    }
}

impl ParamsCalculator for QParams {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        let used = self.used(codes)?;
        match self.qscheme {
            QScheme::Affine => AffineMapping { eps: self.eps }.between(range, used),
            QScheme::Symmetric => {
                let symmetric = SymmetricMapping { eps: self.eps, clipping: Clipping::HalfAStep };
                AffineParams::new(f64::from(symmetric.scale(range, used)), self.middle(codes, used))
            }
            QScheme::AffineFloat => {
                let (scale, _) = self.float_zero_point(range, codes)?;
                let zero_point = 0.0_f64.clamp(codes.min(), codes.max());
                AffineParams::new(f64::from(scale), zero_point as i32)?.with_offset(range.min())
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn symmetric(params: QParams, codes: CodeRange) -> (f32, i32) {
        let params = params.params(ValueRange::new(-1.0, 2.0).unwrap(), codes).unwrap();
        (params.scale(), params.zero_point())
    }

    #[test]
    fn the_middle_is_that_of_the_type_or_of_the_named_codes() {
        let (i8s, u8s) = (CodeRange::of::<i8>(), CodeRange::of::<u8>());
        let reduced = QParams::symmetric().with_reduced_range();
        assert_eq!(symmetric(reduced, i8s), (2.0 / 63.5, 0));
        assert_eq!(symmetric(reduced, u8s), (2.0 / 63.5, 128));
        assert_eq!(symmetric(QParams::symmetric().with_codes(0, 15), u8s), (2.0 / 7.5, 7));
        assert_eq!(symmetric(QParams::symmetric().with_codes(0, 255), u8s), (2.0 / 127.5, 127));
        assert_eq!(symmetric(QParams::symmetric().with_codes(-100, 50), i8s), (2.0 / 75.0, 0));
        assert_eq!(symmetric(reduced, CodeRange::of::<u16>()), (2.0 / 32_767.5, 32_768));
        assert_eq!(symmetric(reduced.with_codes(-8, 7), i8s), (2.0 / 3.5, 0));
    }

    #[test]
    fn codes_that_the_type_does_not_hold_are_an_error() {
        let range = ValueRange::new(-1.0, 2.0).unwrap();
        for named in [(-1, 7), (0, 256), (7, 7), (9, 3)] {
            let params = QParams::affine().with_codes(named.0, named.1).params(range, CodeRange::of::<u8>());
            assert!(matches!(params, Err(Error::InvalidCodes { .. })), "{named:?}");
        }
        let floats = QParams::affine().params(range, CodeRange::of::<crate::num::f16>());
        assert!(matches!(floats, Err(Error::IntegerCodesOnly { .. })));
    }

    #[test]
    fn ranges_without_width_have_a_scale() {
        let u8s = CodeRange::of::<u8>();
        for value in [0.0, 3.0, -3.0, f32::MAX, f32::MIN, f32::from_bits(1)] {
            let range = ValueRange::new(value, value).unwrap();
            for params in [QParams::affine(), QParams::symmetric(), QParams::affine_float()] {
                assert!(params.params(range, u8s).unwrap().scale() >= f32::EPSILON, "{params:?} of {value}");
            }
        }
        assert_eq!(QParams::affine_float().float_zero_point(ValueRange::ZERO, u8s).unwrap(), (1.0, 0.0));
        let widest = ValueRange::new(f32::MIN, f32::MAX).unwrap();
        assert!(QParams::affine().params(widest, u8s).unwrap().scale().is_finite());
    }
}
