//! The rounding error without the codes: what a quantized network computes with, in floats.

use super::estimate::estimate;
use super::output::{check_shape, contiguous, zeros};
use super::quantize::{check_values, settings};
use super::scheme::Scheme;
use super::tasks::map_pieces;
use crate::error::Result;
use crate::kernel::{self, Groups, Settings, fake_quantize_backward_span, fake_quantize_span};
use crate::num::{Code, Real, Rounding};
use crate::params::{ParamsCalculator, QuantParams};
use crate::range::RangeEstimator;
use ndarray::{Array, ArrayView, ArrayViewMut, Dimension};

/// Returns what the tensor is restored as: the bits of [`quantize_tensor`](crate::quantize_tensor) followed by
/// [`dequantize`](crate::QuantizedTensor::dequantize), in one pass and without the codes.
///
/// # Errors
///
/// As [`quantize_tensor`](crate::quantize_tensor).
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{Scheme, fake_quantize_tensor, quantize_tensor};
///
/// let x = array![0.1_f32, -0.7, 1.0];
/// let scheme = Scheme::<i8>::affine();
/// assert_eq!(fake_quantize_tensor(x.view(), &scheme)?, quantize_tensor(x.view(), &scheme)?.dequantize());
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn fake_quantize_tensor<T, D, C, E, P, R>(
    view: ArrayView<'_, T, D>,
    scheme: &Scheme<C, E, P, R>,
) -> Result<Array<f32, D>>
where
    T: Real,
    D: Dimension,
    C: Code,
    E: RangeEstimator,
    P: ParamsCalculator,
    R: Rounding,
{
    let mut out = zeros(&view);
    fake_quantize_tensor_into(view, scheme, out.view_mut())?;
    Ok(out)
}

/// As [`fake_quantize_tensor`], writing to memory of the caller, and returning the parameters.
///
/// # Errors
///
/// As [`quantize_tensor_into`](crate::tensor::quantize_tensor_into).
pub fn fake_quantize_tensor_into<T, D, C, E, P, R>(
    view: ArrayView<'_, T, D>,
    scheme: &Scheme<C, E, P, R>,
    out: ArrayViewMut<'_, f32, D>,
) -> Result<QuantParams>
where
    T: Real,
    D: Dimension,
    C: Code,
    E: RangeEstimator,
    P: ParamsCalculator,
    R: Rounding,
{
    check_shape("the output", view.shape(), out.shape())?;
    let mut out = out;
    let out = contiguous(&mut out)?;
    let (params, observed) = estimate(&view, scheme)?;
    let (level, groups, settings) = (kernel::detect(), Groups::new(&params), settings(scheme, observed));
    map_pieces(&view, params.granularity(), out, &|span, x, out| {
        fake_quantize_span::<C, R>(level, &groups, settings, span, x, out);
    })?;
    Ok(params)
}

/// Returns the straight-through gradient of fake quantization: `gradient` where the code was not clamped, else 0.
///
/// `qmin ≤ round(x / scale) + zero_point ≤ qmax` decides (Bengio et al. 2013; as PyTorch's `fake_quantize`).
///
/// # Errors
///
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch), [`Error::NotANumber`](crate::Error::NotANumber), and those of
/// parameters that do not fit.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{Scheme, params::QuantParams, tensor::fake_quantize_backward};
///
/// let params = QuantParams::per_tensor::<i8>(0.1, 0)?;
/// let (x, gradient) = (array![1.0_f32, 20.0], array![0.5_f32, 0.5]);
/// let back = fake_quantize_backward(x.view(), gradient.view(), &params, &Scheme::<i8>::affine())?;
/// assert_eq!(back, array![0.5, 0.0]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn fake_quantize_backward<T, D, C, E, P, R>(
    view: ArrayView<'_, T, D>,
    gradient: ArrayView<'_, f32, D>,
    params: &QuantParams,
    scheme: &Scheme<C, E, P, R>,
) -> Result<Array<f32, D>>
where
    T: Real,
    D: Dimension,
    C: Code,
    E: RangeEstimator,
    P: ParamsCalculator,
    R: Rounding,
{
    check_shape("the gradient", view.shape(), gradient.shape())?;
    params.check::<C>(view.shape())?;
    check_values(&view, scheme.nan_policy)?;
    let gradient = gradient.as_standard_layout();
    let mut out = zeros(&view);
    let (Some(gradient), Some(out_slice)) = (gradient.as_slice(), out.as_slice_mut()) else { return Ok(out) };
    let (level, groups) = (kernel::detect(), Groups::new(params));
    let settings = Settings { rounding: scheme.rounding, scaling: scheme.scaling, nan: scheme.nan_policy };
    map_pieces(&view, params.granularity(), out_slice, &|span, x, out| {
        let gradient = &gradient[span.start..span.start + span.len];
        fake_quantize_backward_span::<C, R>(level, &groups, settings, span, x, gradient, out);
    })?;
    Ok(out)
}
