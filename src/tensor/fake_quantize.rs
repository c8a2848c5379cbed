//! The rounding error without the codes: what a quantized network computes with, in floats.

use super::estimate::Request;
use super::input::Input;
use super::observed::Observed;
use super::one_pass::in_one_pass;
use super::output::{check_shape, contiguous, zeros};
use super::quantize::{check_values, looks};
use super::scheme::StaticScheme;
use super::settings::Settings;
use super::tasks::map_pieces;
use super::view::AsView;
use crate::error::Result;
use crate::kernel::{self, fake_quantize_backward_span, fake_quantize_span};
use crate::num::{Code, Real, Rounding};
use crate::params::QuantParams;
use ndarray::{Array, ArrayViewMut};

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
pub fn fake_quantize_tensor<V, S>(x: V, scheme: &S) -> Result<Array<f32, V::Dim>>
where
    V: AsView<Element: Real>,
    S: StaticScheme,
{
    let mut out = zeros(&x.as_view());
    fake_quantize_tensor_into(x, scheme, out.view_mut())?;
    Ok(out)
}

/// As [`fake_quantize_tensor`], writing to memory of the caller, and returning the parameters.
///
/// # Errors
///
/// As [`quantize_tensor_into`](crate::tensor::quantize_tensor_into).
pub fn fake_quantize_tensor_into<V, S>(x: V, scheme: &S, out: ArrayViewMut<'_, f32, V::Dim>) -> Result<QuantParams>
where
    V: AsView<Element: Real>,
    S: StaticScheme,
{
    let (view, scheme) = (x.as_view(), scheme.as_scheme());
    check_shape("the output", view.shape(), out.shape())?;
    let mut out = out;
    let out = contiguous(&mut out)?;
    let input = Input::of(&view);
    let settings = scheme.settings();
    if scheme.goes_in_one_pass(&input)
        && let Some((params, _)) =
            reals_in_one_pass(scheme.request(&scheme.purpose()), settings.by_value(), &input, out)
    {
        return Ok(params);
    }
    let (params, observed) = scheme.estimate(&input)?;
    map_reals(&input, &params, settings.by_value().given(observed.nan), out)?;
    Ok(params)
}

/// Returns the parameters of a tensor whose groups are short, and what was noticed, having written what it is restored as; or `None`.
pub(super) fn reals_in_one_pass(
    request: Request<'_>,
    settings: kernel::Settings<'_>,
    input: &Input<'_>,
    out: &mut [f32],
) -> Option<(QuantParams, Observed)> {
    let (level, settings) = (kernel::detect(), settings.given(0));
    in_one_pass(request, input, out, &|params, span, x, out, range| {
        fake_quantize_span(level, params, settings, span, x, &mut out[range]);
    })
}

/// Maps a tensor whose values were looked at when its parameters were found.
pub(super) fn map_reals(
    input: &Input<'_>,
    params: &QuantParams,
    settings: kernel::Settings<'_>,
    out: &mut [f32],
) -> Result<()> {
    let level = kernel::detect();
    map_pieces(input, params.granularity(), looks(settings.nan), out, &|span, x, out, range| {
        fake_quantize_span(level, params, settings, span, x, &mut out[range]);
        Ok(Observed::default())
    })?;
    Ok(())
}

/// Returns what the tensor is restored as under parameters that are known already, from calibration or from training: the
/// bits of [`quantize_with_params`](crate::quantize_with_params) followed by
/// [`dequantize`](crate::QuantizedTensor::dequantize).
///
/// The settings give the code type, the rounding, the scaling and the answer to NaN. An empty tensor gives an empty result.
///
/// # Errors
///
/// As [`quantize_with_params`](crate::quantize_with_params).
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{QuantParams, tensor::{Settings, fake_quantize_with_params}};
///
/// let params = QuantParams::per_tensor::<i8>(0.1, 0)?;
/// let restored = fake_quantize_with_params(&array![0.22_f32, 20.0], &params, Settings::<i8>::default())?;
/// assert_eq!(restored, array![0.2, 12.7]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn fake_quantize_with_params<V, C, R>(
    x: V,
    params: &QuantParams,
    settings: Settings<C, R>,
) -> Result<Array<f32, V::Dim>>
where
    V: AsView<Element: Real>,
    C: Code,
    R: Rounding,
{
    let mut out = zeros(&x.as_view());
    fake_quantize_with_params_into(x, params, settings, out.view_mut())?;
    Ok(out)
}

/// As [`fake_quantize_with_params`], writing to memory of the caller. Nothing is allocated per element.
///
/// After an error `out` may be partly written.
///
/// # Errors
///
/// As [`quantize_with_params_into`](crate::tensor::quantize_with_params_into).
pub fn fake_quantize_with_params_into<V, C, R>(
    x: V,
    params: &QuantParams,
    settings: Settings<C, R>,
    out: ArrayViewMut<'_, f32, V::Dim>,
) -> Result<Observed>
where
    V: AsView<Element: Real>,
    C: Code,
    R: Rounding,
{
    let view = x.as_view();
    check_shape("the output", view.shape(), out.shape())?;
    let mut out = out;
    check_and_map_reals(&Input::of(&view), params, settings.by_value(), contiguous(&mut out)?)
}

/// Checks that parameters fit, and values, and maps them.
pub(super) fn check_and_map_reals(
    input: &Input<'_>,
    params: &QuantParams,
    settings: kernel::Settings<'_>,
    out: &mut [f32],
) -> Result<Observed> {
    params.check_type(settings.code, input.shape)?;
    let level = kernel::detect();
    map_pieces(input, params.granularity(), looks(settings.nan), out, &|span, x, out, range| {
        let observed = check_values(span, x, settings.nan, input.shape)?;
        fake_quantize_span(level, params, settings.given(observed.nan), span, x, &mut out[range]);
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
/// use tensor_quant::{QuantParams, tensor::{Settings, fake_quantize_backward}};
///
/// let params = QuantParams::per_tensor::<i8>(0.1, 0)?;
/// let (x, gradient) = (array![1.0_f32, 20.0], array![0.5_f32, 0.5]);
/// let back = fake_quantize_backward(&x, &gradient, &params, Settings::<i8>::default())?;
/// assert_eq!(back, array![0.5, 0.0]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn fake_quantize_backward<V, G, C, R>(
    x: V,
    gradient: G,
    params: &QuantParams,
    settings: Settings<C, R>,
) -> Result<Array<f32, V::Dim>>
where
    V: AsView<Element: Real>,
    G: AsView<Element = f32, Dim = V::Dim>,
    C: Code,
    R: Rounding,
{
    let mut out = zeros(&x.as_view());
    fake_quantize_backward_into(x, gradient, params, settings, out.view_mut())?;
    Ok(out)
}

/// As [`fake_quantize_backward`], writing to memory of the caller. Nothing is allocated per element, if the gradient is in
/// row-major order.
///
/// After an error `out` may be partly written.
///
/// # Errors
///
/// As [`fake_quantize_backward`], and [`TensorError::NotContiguous`](crate::tensor::TensorError::NotContiguous) of `out`.
pub fn fake_quantize_backward_into<V, G, C, R>(
    x: V,
    gradient: G,
    params: &QuantParams,
    settings: Settings<C, R>,
    out: ArrayViewMut<'_, f32, V::Dim>,
) -> Result<()>
where
    V: AsView<Element: Real>,
    G: AsView<Element = f32, Dim = V::Dim>,
    C: Code,
    R: Rounding,
{
    let (view, gradient) = (x.as_view(), gradient.as_view());
    check_shape("the gradient", view.shape(), gradient.shape())?;
    check_shape("the output", view.shape(), out.shape())?;
    params.check::<C>(view.shape())?;
    let gradient = gradient.as_standard_layout();
    let mut out = out;
    let (Some(gradient), out) = (gradient.as_slice(), contiguous(&mut out)?) else { return Ok(()) };
    backward(&Input::of(&view), gradient, params, settings.by_value(), out)
}

fn backward(
    input: &Input<'_>,
    gradient: &[f32],
    params: &QuantParams,
    settings: kernel::Settings<'_>,
    out: &mut [f32],
) -> Result<()> {
    let level = kernel::detect();
    map_pieces(input, params.granularity(), looks(settings.nan), out, &|span, x, out, range| {
        let observed = check_values(span, x, settings.nan, input.shape)?;
        let gradient = &gradient[span.start..span.start + x.len()];
        fake_quantize_backward_span(level, params, settings, span, x, gradient, &mut out[range]);
        Ok(observed)
    })?;
    Ok(())
}
