//! ONNX, and ONNX Runtime, which defines what the specification leaves open.

use crate::error::Result;
use crate::num::{Code, CodeKind, Real, ties_even};
use crate::params::{CodeRange, Granularity, NanPolicy, QuantParams};
use crate::range::{MinMax, RangeEstimator};
use crate::tensor::{AsView, QuantizedTensor, Settings, for_each_f32_piece_in_any_order, quantize_with_params};
use ndarray::{Array, Dimension};

/// Returns the codes of `QuantizeLinear`: `clamp(rint(x / scale) + zero_point)`.
///
/// ±∞ saturates, NaN gives the smallest code; for the floating types NaN stays NaN, and values beyond the largest saturate
/// (the operator's default, `saturate = 1`) unless the parameters were made for
/// [`CodeRange::with_infinities`](crate::params::CodeRange::with_infinities).
///
/// # Errors
///
/// Those of parameters that do not fit, as of [`quantize_with_params`].
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{convention::onnx, params::QuantParams};
///
/// let params = QuantParams::per_tensor::<u8>(2.0, 128)?;
/// let q = onnx::quantize_linear::<_, _, u8>(&array![0.0_f32, 3.0, 5.0, 1e9], &params)?;
/// assert_eq!(q.codes(), &array![128, 130, 130, 255]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn quantize_linear<T: Real, D: Dimension, C: Code>(
    x: impl AsView<Element = T, Dim = D>,
    params: &QuantParams,
) -> Result<QuantizedTensor<C, D>> {
    quantize_with_params(x, params, Settings::<C>::default().with_nan_policy(NanPolicy::Native))
}

/// Returns the codes of `QuantizeLinear` with a zero point, also of floating-point types, whose zero point is 0.
///
/// For integers that is [`quantize_linear`]. Of floating-point codes adding +0 makes +0 of a quotient of −0, so that −0 never comes
/// of a zero, but does of a number that is rounded to one: `x / scale` = −0.1 is −0 as float4. (ONNX's node test
/// `test_quantizelinear_float4e2m1`.)
///
/// # Errors
///
/// As [`quantize_linear`].
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{convention::onnx, num::F4E2M1Fn, params::QuantParams};
///
/// let params = QuantParams::per_tensor::<F4E2M1Fn>(2.0, 0)?;
/// let x = array![-0.0_f32, -0.2, -1.0];
/// let q = onnx::quantize_linear_with_zero_point::<_, _, F4E2M1Fn>(&x, &params)?;
/// let signs = q.dequantize().mapv(f32::is_sign_negative);
/// assert_eq!(signs, array![false, true, true]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn quantize_linear_with_zero_point<T: Real, D: Dimension, C: Code>(
    x: impl AsView<Element = T, Dim = D>,
    params: &QuantParams,
) -> Result<QuantizedTensor<C, D>> {
    let x = x.as_view();
    let (mut codes, params) = quantize_linear::<T, D, C>(x.view(), params)?.into_parts();
    if C::KIND == CodeKind::Float {
        let spans = params.granularity().spans(x.shape())?;
        let groups = spans.flat_map(|span| (0..span.len).map(move |i| span.first_group + i / span.repeat));
        for ((x, code), group) in x.iter().zip(&mut codes).zip(groups) {
            if params.scales().get(group).is_some_and(|scale| x.to_f32() / scale == 0.0) {
                *code = C::nearest(0.0);
            }
        }
    }
    QuantizedTensor::new(codes, params)
}

/// Returns the reals of `DequantizeLinear`: `(code − zero_point) · scale`, in the type that the scale has: of a scale of f16 they are
/// f16, computed in f32 and rounded once.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{QuantizedTensor, convention::onnx, f16, params::QuantParams};
///
/// let params = QuantParams::per_tensor::<u8>(f16::from_f32(0.1).to_f32(), 128)?;
/// let q = QuantizedTensor::new(array![0_u8, 131], params)?;
/// assert_eq!(onnx::dequantize_linear::<f16, _, _>(&q), array![-12.796875, 0.2998047].mapv(f16::from_f32));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn dequantize_linear<S: Real, C: Code, D: Dimension>(q: &QuantizedTensor<C, D>) -> Array<S, D> {
    q.dequantize().mapv(S::from_f32)
}

/// What `DynamicQuantizeLinear` returns.
#[derive(Clone, Debug, PartialEq)]
pub struct DynamicallyQuantized<D: Dimension> {
    /// The codes.
    pub codes: Array<u8, D>,
    /// The scale: 1 for zeros, ∞ where max − min is beyond f32.
    pub scale: f32,
    /// The zero point.
    pub zero_point: u8,
}

/// Returns the codes, scale and zero point of `DynamicQuantizeLinear`, which finds them from the tensor itself:
/// `scale = (max − min) / 255` of the range with zero, in f32, and `zero_point = clamp(rint(−min / scale))`.
///
/// Subnormal scales are kept. Where the width overflows, the scale is ∞ and every code the zero point, as in ONNX Runtime.
/// NaN and ±∞ do not count for the range.
///
/// # Errors
///
/// [`Error::NoData`](crate::Error::NoData) for a tensor without a finite value.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::convention::onnx;
///
/// let q = onnx::dynamic_quantize_linear(&array![0.0_f32, 2.0, -3.0, -2.5, 1.34, 0.5])?;
/// assert_eq!(q.codes, array![153, 255, 0, 26, 221, 179]);
/// assert_eq!(q.zero_point, 153);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn dynamic_quantize_linear<T: Real, D: Dimension>(
    x: impl AsView<Element = T, Dim = D>,
) -> Result<DynamicallyQuantized<D>> {
    let x = x.as_view();
    let mut estimator = MinMax::default();
    for_each_f32_piece_in_any_order(&x, Granularity::Tensor, |_, piece| {
        estimator.observe(piece);
        Ok(())
    })?;
    let range = estimator.range(&CodeRange::of::<u8>())?.with_zero();
    let width = range.max() - range.min();
    let scale = if width == 0.0 { 1.0 } else { width / 255.0 };
    let zero_point = ties_even((-range.min() / scale).clamp(0.0, 255.0)) as u8;
    let codes = if scale.is_finite() {
        let params = QuantParams::per_tensor::<u8>(scale, i32::from(zero_point))?;
        quantize_linear::<_, _, u8>(x.view(), &params)?.into_parts().0
    } else {
        Array::from_elem(x.raw_dim(), zero_point)
    };
    Ok(DynamicallyQuantized { codes, scale, zero_point })
}

/// Returns the parameters of a tensor whose floating codes overflow as `saturate` says.
///
/// # Errors
///
/// [`Error::InvalidScale`](crate::Error::InvalidScale).
pub fn float_params<C: Code>(scale: f32, saturate: bool) -> Result<QuantParams> {
    let codes = CodeRange::of::<C>();
    let codes = if saturate || C::KIND == CodeKind::Integer { codes } else { codes.with_infinities() };
    QuantParams::new(Granularity::Tensor, codes, alloc::vec![scale], alloc::vec![0])
}
