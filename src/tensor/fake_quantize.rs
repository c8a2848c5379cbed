//! The rounding error without the codes: what a quantized network computes with, in floats.

use super::estimate::{Observed, estimate};
use super::output::{check_shape, contiguous, zeros};
use super::quantize::{check_values, looks};
use super::scheme::Scheme;
use super::tasks::map_pieces;
use crate::error::Result;
use crate::kernel::{self, Groups, fake_quantize_backward_span, fake_quantize_span};
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
    let (level, groups, settings) = (kernel::detect(), Groups::new(&params), scheme.settings().given(observed.nan));
    map_pieces(&view, params.granularity(), looks(settings.nan), out, &|span, x, out| {
        fake_quantize_span::<C, R>(level, &groups, settings, span, x, out);
        Ok(Observed::default())
    })?;
    Ok(params)
}

/// Returns what the tensor is restored as under parameters that are known already, from calibration or from training: the
/// bits of [`quantize_with_params`](crate::quantize_with_params) followed by
/// [`dequantize`](crate::QuantizedTensor::dequantize).
///
/// The scheme gives the rounding, the scaling and the answer to NaN. An empty tensor gives an empty result.
///
/// # Errors
///
/// As [`quantize_with_params`](crate::quantize_with_params).
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{Scheme, params::QuantParams, tensor::fake_quantize_with_params};
///
/// let params = QuantParams::per_tensor::<i8>(0.1, 0)?;
/// let restored = fake_quantize_with_params(array![0.22_f32, 20.0].view(), &params, &Scheme::<i8>::affine())?;
/// assert_eq!(restored, array![0.2, 12.7]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn fake_quantize_with_params<T, D, C, E, P, R>(
    view: ArrayView<'_, T, D>,
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
    let mut out = zeros(&view);
    fake_quantize_with_params_into(view, params, scheme, out.view_mut())?;
    Ok(out)
}

/// As [`fake_quantize_with_params`], writing to memory of the caller. Nothing is allocated per element.
///
/// After an error `out` may be partly written.
///
/// # Errors
///
/// As [`quantize_with_params_into`](crate::tensor::quantize_with_params_into).
pub fn fake_quantize_with_params_into<T, D, C, E, P, R>(
    view: ArrayView<'_, T, D>,
    params: &QuantParams,
    scheme: &Scheme<C, E, P, R>,
    out: ArrayViewMut<'_, f32, D>,
) -> Result<Observed>
where
    T: Real,
    D: Dimension,
    C: Code,
    E: RangeEstimator,
    P: ParamsCalculator,
    R: Rounding,
{
    check_shape("the output", view.shape(), out.shape())?;
    params.check::<C>(view.shape())?;
    let mut out = out;
    let (level, groups, settings) = (kernel::detect(), Groups::new(params), scheme.settings());
    map_pieces(&view, params.granularity(), looks(settings.nan), contiguous(&mut out)?, &|span, x, out| {
        let observed = check_values(span, x, settings.nan, view.shape())?;
        fake_quantize_span::<C, R>(level, &groups, settings.given(observed.nan), span, x, out);
        Ok(observed)
    })
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
    let mut out = zeros(&view);
    fake_quantize_backward_into(view, gradient, params, scheme, out.view_mut())?;
    Ok(out)
}

/// As [`fake_quantize_backward`], writing to memory of the caller. Nothing is allocated per element, if the gradient is in
/// row-major order.
///
/// After an error `out` may be partly written.
///
/// # Errors
///
/// As [`fake_quantize_backward`], and [`Error::NotContiguous`](crate::Error::NotContiguous) of `out`.
pub fn fake_quantize_backward_into<T, D, C, E, P, R>(
    view: ArrayView<'_, T, D>,
    gradient: ArrayView<'_, f32, D>,
    params: &QuantParams,
    scheme: &Scheme<C, E, P, R>,
    out: ArrayViewMut<'_, f32, D>,
) -> Result<()>
where
    T: Real,
    D: Dimension,
    C: Code,
    E: RangeEstimator,
    P: ParamsCalculator,
    R: Rounding,
{
    check_shape("the gradient", view.shape(), gradient.shape())?;
    check_shape("the output", view.shape(), out.shape())?;
    params.check::<C>(view.shape())?;
    let gradient = gradient.as_standard_layout();
    let mut out = out;
    let (Some(gradient), out) = (gradient.as_slice(), contiguous(&mut out)?) else { return Ok(()) };
    let (level, groups, settings) = (kernel::detect(), Groups::new(params), scheme.settings());
    map_pieces(&view, params.granularity(), looks(settings.nan), out, &|span, x, out| {
        let observed = check_values(span, x, settings.nan, view.shape())?;
        let gradient = &gradient[span.start..span.start + x.len()];
        fake_quantize_backward_span::<C, R>(level, &groups, settings, span, x, gradient, out);
        Ok(observed)
    })?;
    Ok(())
}
