//! Reals to codes.

use super::estimate::{Observed, estimate, unravel};
use super::output::{check_shape, contiguous, zeros};
use super::quantized::QuantizedTensor;
use super::scheme::Scheme;
use super::tasks::{Looks, each, map_pieces};
use crate::error::{Error, Result};
use crate::kernel::{self, Groups, Settings, quantize_span};
use crate::num::{Code, Real, Rounding};
use crate::params::{NanPolicy, ParamsCalculator, QuantParams, Span};
use crate::range::RangeEstimator;
use alloc::vec::Vec;
use ndarray::{ArrayView, ArrayViewMut, Dimension};

/// Returns the codes of a tensor with the parameters that restore it: range, scale and zero point, codes, in that order.
///
/// The codes have the tensor's shape, in row-major order. Any dimension and any memory layout will do; the element types
/// are those of [`Real`], and with floating codes (`Scheme::<f16>::cast()`) the same call converts to FP16 and BF16.
///
/// - NaN: by [`Scheme::nan_policy`], by default an error that names the first one's index.
/// - ±∞ is ignored by the range, counted in [`QuantizedTensor::observed`], and saturates.
/// - A constant is restored exactly; zeros stay zeros.
/// - An empty tensor has no range: [`Error::NoData`], unless the range is fixed.
///
/// # Errors
///
/// [`Error::NotANumber`], [`Error::NoData`] (of a group), [`Error::AxisOutOfBounds`], [`Error::BlockSizeZero`], and what
/// the estimator or calculator refuses.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{Scheme, quantize_tensor};
///
/// let weights = array![[1.2_f32, -0.5], [3.7, 0.25]];
/// let q = quantize_tensor(weights.view(), &Scheme::<i8>::symmetric().with_axis(0))?;
/// assert_eq!(q.codes(), &array![[127_i8, -53], [127, 9]]);
/// assert_eq!(q.params().scales(), [1.2 / 127.0, 3.7 / 127.0]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn quantize_tensor<T, D, C, E, P, R>(
    view: ArrayView<'_, T, D>,
    scheme: &Scheme<C, E, P, R>,
) -> Result<QuantizedTensor<C, D>>
where
    T: Real,
    D: Dimension,
    C: Code,
    E: RangeEstimator,
    P: ParamsCalculator,
    R: Rounding,
{
    let (params, observed) = estimate(&view, scheme)?;
    let mut codes = zeros(&view);
    if let Some(out) = codes.as_slice_mut() {
        map_codes(&view, &params, scheme.settings().given(observed.nan), out)?;
    }
    Ok(QuantizedTensor::from_parts(codes, params, observed))
}

/// Returns what [`quantize_tensor`] gives for each of the tensors, in their order.
///
/// With the feature `rayon` threads share out the tensors among themselves, and large ones also the parts of each.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{Scheme, tensor::quantize_tensors};
///
/// let (first, second) = (array![1.0_f32, -2.0], array![0.5_f32, 0.25]);
/// let all = quantize_tensors(&[first.view(), second.view()], &Scheme::<i8>::symmetric());
/// assert_eq!(all[1].as_ref().map(|q| q.codes()[0]).ok(), Some(127));
/// ```
#[doc(alias = "batch")]
pub fn quantize_tensors<T, D, C, E, P, R>(
    views: &[ArrayView<'_, T, D>],
    scheme: &Scheme<C, E, P, R>,
) -> Vec<Result<QuantizedTensor<C, D>>>
where
    T: Real,
    D: Dimension,
    C: Code,
    E: RangeEstimator,
    P: ParamsCalculator,
    R: Rounding,
{
    each(views, &|view| quantize_tensor(view.view(), scheme))
}

/// As [`quantize_tensor`], writing the codes to memory of the caller. Nothing is allocated per element.
///
/// After an error `out` may be partly written.
///
/// # Errors
///
/// As [`quantize_tensor`], and [`Error::ShapeMismatch`] or [`Error::NotContiguous`] of `out`.
pub fn quantize_tensor_into<T, D, C, E, P, R>(
    view: ArrayView<'_, T, D>,
    scheme: &Scheme<C, E, P, R>,
    out: ArrayViewMut<'_, C, D>,
) -> Result<(QuantParams, Observed)>
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
    map_codes(&view, &params, scheme.settings().given(observed.nan), out)?;
    Ok((params, observed))
}

/// Returns the parameters that [`quantize_tensor`] would use, without the codes.
///
/// # Errors
///
/// As [`quantize_tensor`].
pub fn estimate_params<T, D, C, E, P, R>(view: ArrayView<'_, T, D>, scheme: &Scheme<C, E, P, R>) -> Result<QuantParams>
where
    T: Real,
    D: Dimension,
    C: Code,
    E: RangeEstimator,
    P: ParamsCalculator,
    R: Rounding,
{
    Ok(estimate(&view, scheme)?.0)
}

/// Returns the codes of a tensor under parameters that are known already, from calibration or from a file.
///
/// The scheme gives the rounding, the scaling and the answer to NaN; its estimator, calculator and granularity are not
/// asked. An empty tensor gives an empty result.
///
/// # Errors
///
/// [`Error::InvalidCodes`] or [`Error::LengthMismatch`] if the parameters do not fit the code type or the shape;
/// [`Error::NotANumber`]; [`Error::AxisOutOfBounds`].
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{Scheme, params::QuantParams, quantize_with_params};
///
/// let params = QuantParams::per_tensor::<u8>(0.1, 128)?;
/// let q = quantize_with_params(array![0.0_f32, 1.0, 1e10].view(), params, &Scheme::<u8>::affine())?;
/// assert_eq!(q.codes(), &array![128_u8, 138, 255]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn quantize_with_params<T, D, C, E, P, R>(
    view: ArrayView<'_, T, D>,
    params: QuantParams,
    scheme: &Scheme<C, E, P, R>,
) -> Result<QuantizedTensor<C, D>>
where
    T: Real,
    D: Dimension,
    C: Code,
    E: RangeEstimator,
    P: ParamsCalculator,
    R: Rounding,
{
    let mut codes = zeros(&view);
    let observed = match codes.as_slice_mut() {
        Some(out) => check_and_map_codes(&view, &params, scheme.settings(), out)?,
        None => Observed::default(),
    };
    Ok(QuantizedTensor::from_parts(codes, params, observed))
}

/// As [`quantize_with_params`], writing the codes to memory of the caller. Nothing is allocated per element.
///
/// After an error `out` may be partly written.
///
/// # Errors
///
/// As [`quantize_with_params`], and [`Error::ShapeMismatch`] or [`Error::NotContiguous`] of `out`.
pub fn quantize_with_params_into<T, D, C, E, P, R>(
    view: ArrayView<'_, T, D>,
    params: &QuantParams,
    scheme: &Scheme<C, E, P, R>,
    out: ArrayViewMut<'_, C, D>,
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
    let mut out = out;
    check_and_map_codes(&view, params, scheme.settings(), contiguous(&mut out)?)
}

fn check_and_map_codes<T: Real, D: Dimension, C: Code, R: Rounding>(
    view: &ArrayView<'_, T, D>,
    params: &QuantParams,
    settings: Settings<R>,
    out: &mut [C],
) -> Result<Observed> {
    params.check::<C>(view.shape())?;
    let (level, groups) = (kernel::detect(), Groups::new(params));
    map_pieces(view, params.granularity(), looks(settings.nan), out, &|span, x, out| {
        let observed = check_values(span, x, settings.nan, view.shape())?;
        quantize_span(level, &groups, settings.given(observed.nan), span, x, out);
        Ok(observed)
    })
}

/// Counts what is not finite in a piece, and refuses NaN where the policy says so. The piece is small: what reads it next finds
/// it in the cache.
pub(super) fn check_values(span: Span, x: &[f32], policy: NanPolicy, shape: &[usize]) -> Result<Observed> {
    if policy == NanPolicy::Native {
        return Ok(Observed::default());
    }
    let level = kernel::detect();
    let (nan, infinite) = kernel::count_non_finite(level, x);
    if nan > 0 && policy == NanPolicy::Error {
        let at = span.start + kernel::first_nan(level, x).unwrap_or(0);
        return Err(Error::NotANumber { index: unravel(at, shape) });
    }
    Ok(Observed { nan, infinite, ..Observed::default() })
}

/// Returns how often a piece is read: where NaN is looked for, once more.
pub(super) fn looks(policy: NanPolicy) -> Looks {
    if policy == NanPolicy::Native { Looks::One } else { Looks::Two }
}

/// Maps a tensor whose values were looked at when its parameters were found.
pub(super) fn map_codes<T: Real, D: Dimension, C: Code, R: Rounding>(
    view: &ArrayView<'_, T, D>,
    params: &QuantParams,
    settings: Settings<R>,
    out: &mut [C],
) -> Result<()> {
    let (level, groups) = (kernel::detect(), Groups::new(params));
    map_pieces(view, params.granularity(), looks(settings.nan), out, &|span, x, out| {
        quantize_span(level, &groups, settings, span, x, out);
        Ok(Observed::default())
    })?;
    Ok(())
}
