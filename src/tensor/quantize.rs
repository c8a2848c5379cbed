//! Reals to codes.

use super::estimate::{Request, unravel};
use super::input::Input;
use super::observed::Observed;
use super::one_pass::{Runs, in_one_pass};
use super::output::{check_shape, contiguous, zeros};
use super::purpose::Purpose;
use super::quantized::QuantizedTensor;
use super::scheme::{Scheme, StaticScheme};
use super::settings::Settings;
use super::tasks::{Looks, each, map_pieces, only_piece};
use super::view::AsView;
use crate::error::{Error, Result};
use crate::kernel::{self, quantize_finite, quantize_span};
use crate::num::{Code, CodesMut, Real, Rounding, SliceOfCodes};
use crate::params::{NanPolicy, ParamsCalculator, QuantParams, Span};
use crate::range::RangeEstimator;
use alloc::vec::Vec;
use ndarray::ArrayViewMut;

impl<C: Code, E: RangeEstimator, P: ParamsCalculator, R: Rounding> Scheme<C, E, P, R> {
    /// Returns the parameters of a tensor, and what was noticed.
    #[inline(always)]
    pub(super) fn estimate(&self, input: &Input<'_>) -> Result<(QuantParams, Observed)> {
        self.request(&self.purpose()).estimate(input, &self.estimator)
    }

    /// Returns all that the scheme asks of a tensor but the estimator.
    #[inline(always)]
    pub(super) fn request<'a>(&self, purpose: &'a Purpose<'_>) -> Request<'a> {
        Request { code: C::TYPE, target: purpose, granularity: self.granularity, nan_policy: self.nan_policy }
    }

    /// Returns whether parameters and codes of a tensor are found in one pass, if there is nothing unusual in it.
    #[inline(always)]
    pub(super) fn goes_in_one_pass(&self, input: &Input<'_>) -> bool {
        self.estimator.is_of_extremes() && Runs::of(self.granularity, input, 1).is_some()
    }

    /// Writes the codes of a tensor, and returns their parameters, and what was noticed.
    #[inline(always)]
    pub(super) fn quantize(&self, input: &Input<'_>, out: CodesMut<'_>) -> Result<(QuantParams, Observed)> {
        let (settings, mut out) = (self.settings(), out);
        if self.goes_in_one_pass(input)
            && let Some(found) = codes_in_one_pass(self.request(&self.purpose()), settings.by_value(), input, &mut out)
        {
            return Ok(found);
        }
        let (params, observed) = self.estimate(input)?;
        map_codes(input, &params, settings.by_value().given(observed.nan), out)?;
        Ok((params, observed))
    }
}

/// Returns the parameters of a tensor whose groups are short, and what was noticed, having written its codes; or `None`.
pub(super) fn codes_in_one_pass(
    request: Request<'_>,
    settings: kernel::Settings<'_>,
    input: &Input<'_>,
    out: &mut CodesMut<'_>,
) -> Option<(QuantParams, Observed)> {
    let (level, settings, len) = (kernel::detect(), settings.given(0), out.len());
    in_one_pass(request, input, out.part(0..len), &|params, span, x, out, range| {
        quantize_span(level, params, settings, span, x, out.part(range));
    })
}

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
pub fn quantize_tensor<V, S>(x: V, scheme: &S) -> Result<QuantizedTensor<S::Code, V::Dim>>
where
    V: AsView<Element: Real>,
    S: StaticScheme,
{
    let (view, scheme) = (x.as_view(), scheme.as_scheme());
    let input = Input::of(&view);
    if scheme.goes_in_one_pass(&input) {
        let mut codes = zeros(&view);
        if let Some(out) = codes.as_slice_mut() {
            let (params, observed) = scheme.quantize(&input, S::Code::codes_mut(out))?;
            return Ok(QuantizedTensor::from_parts(codes, params, observed));
        }
    }
    let (params, observed) = scheme.estimate(&input)?;
    // Memory that is set to zero after the tensor was read is in the cache when the codes are written.
    let mut codes = zeros(&view);
    if let Some(out) = codes.as_slice_mut() {
        map_codes(&input, &params, scheme.settings().by_value().given(observed.nan), S::Code::codes_mut(out))?;
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
pub fn quantize_tensors<V, S>(tensors: &[V], scheme: &S) -> Vec<Result<QuantizedTensor<S::Code, V::Dim>>>
where
    V: AsView<Element: Real> + Sync,
    S: StaticScheme + Sync,
{
    each(tensors, &|x| quantize_tensor(x, scheme))
}

/// As [`quantize_tensor`], writing the codes to memory of the caller. Beside the parameters of several groups, and what the
/// estimator remembers, nothing is allocated.
///
/// After an error `out` may be partly written.
///
/// # Errors
///
/// As [`quantize_tensor`], and [`Error::ShapeMismatch`] or
/// [`TensorError::NotContiguous`](crate::tensor::TensorError::NotContiguous) of `out`.
pub fn quantize_tensor_into<V, S>(
    x: V,
    scheme: &S,
    out: ArrayViewMut<'_, S::Code, V::Dim>,
) -> Result<(QuantParams, Observed)>
where
    V: AsView<Element: Real>,
    S: StaticScheme,
{
    let (view, scheme) = (x.as_view(), scheme.as_scheme());
    check_shape("the output", view.shape(), out.shape())?;
    let mut out = out;
    let out = contiguous(&mut out)?;
    scheme.quantize(&Input::of(&view), S::Code::codes_mut(out))
}

/// Returns the parameters that [`quantize_tensor`] would use, without the codes.
///
/// # Errors
///
/// As [`quantize_tensor`].
pub fn estimate_params<V, S>(x: V, scheme: &S) -> Result<QuantParams>
where
    V: AsView<Element: Real>,
    S: StaticScheme,
{
    let view = x.as_view();
    Ok(scheme.as_scheme().estimate(&Input::of(&view))?.0)
}

/// Returns the codes of a tensor under parameters that are known already, from calibration or from a file.
///
/// The settings give the code type, the rounding, the scaling and the answer to NaN. An empty tensor gives an empty result.
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
/// use tensor_quant::{QuantParams, quantize_with_params, tensor::Settings};
///
/// let params = QuantParams::per_tensor::<u8>(0.1, 128)?;
/// let q = quantize_with_params(&array![0.0_f32, 1.0, 1e10], &params, Settings::<u8>::default())?;
/// assert_eq!(q.codes(), &array![128_u8, 138, 255]);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn quantize_with_params<V, C, R>(
    x: V,
    params: &QuantParams,
    settings: Settings<C, R>,
) -> Result<QuantizedTensor<C, V::Dim>>
where
    V: AsView<Element: Real>,
    C: Code,
    R: Rounding,
{
    let view = x.as_view();
    let mut codes = zeros(&view);
    let observed = match codes.as_slice_mut() {
        Some(out) => check_and_map_codes(&Input::of(&view), params, settings.by_value(), C::codes_mut(out))?,
        None => Observed::default(),
    };
    Ok(QuantizedTensor::from_parts(codes, params.clone(), observed))
}

/// As [`quantize_with_params`], writing the codes to memory of the caller. Nothing is allocated, but of a view of more than four
/// dimensions that is not in row-major order.
///
/// After an error `out` may be partly written.
///
/// # Errors
///
/// As [`quantize_with_params`], and [`Error::ShapeMismatch`] or
/// [`TensorError::NotContiguous`](crate::tensor::TensorError::NotContiguous) of `out`.
pub fn quantize_with_params_into<V, C, R>(
    x: V,
    params: &QuantParams,
    settings: Settings<C, R>,
    out: ArrayViewMut<'_, C, V::Dim>,
) -> Result<Observed>
where
    V: AsView<Element: Real>,
    C: Code,
    R: Rounding,
{
    let view = x.as_view();
    check_shape("the output", view.shape(), out.shape())?;
    let mut out = out;
    check_and_map_codes(&Input::of(&view), params, settings.by_value(), C::codes_mut(contiguous(&mut out)?))
}

/// Checks that parameters fit, and values, and maps them.
pub(super) fn check_and_map_codes(
    input: &Input<'_>,
    params: &QuantParams,
    settings: kernel::Settings<'_>,
    out: CodesMut<'_>,
) -> Result<Observed> {
    params.check_type(settings.code, input.shape)?;
    let (level, mut whole) = (kernel::detect(), out);
    // Of a frame nothing is cut.
    if let Some((_, x)) = only_piece(input, params.granularity(), looks(settings.nan))
        && quantize_finite(level, params, settings, x, &mut whole)
    {
        return Ok(Observed::default());
    }
    map_pieces(input, params.granularity(), looks(settings.nan), whole, &|span, x, out, range| {
        let mut out = out.part(range);
        if quantize_finite(level, params, settings, x, &mut out) {
            return Ok(Observed::default());
        }
        let observed = check_values(span, x, settings.nan, input.shape)?;
        quantize_span(level, params, settings.given(observed.nan), span, x, out);
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
pub(super) fn map_codes(
    input: &Input<'_>,
    params: &QuantParams,
    settings: kernel::Settings<'_>,
    out: CodesMut<'_>,
) -> Result<()> {
    let (level, mut out) = (kernel::detect(), out);
    if let Some((_, x)) = only_piece(input, params.granularity(), Looks::Two)
        && quantize_finite(level, params, settings, x, &mut out)
    {
        return Ok(());
    }
    map_pieces(input, params.granularity(), looks(settings.nan), out, &|span, x, out, range| {
        quantize_span(level, params, settings, span, x, out.part(range));
        Ok(Observed::default())
    })?;
    Ok(())
}
