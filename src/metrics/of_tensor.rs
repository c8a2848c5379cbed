//! Metrics of tensors.

use super::ErrorMetrics;
use super::accumulator::Accumulator;
use crate::error::{Error, Result};
use crate::kernel::{self, dequantize_span};
use crate::num::{Code, CodeKind, Real};
use crate::params::{AffineParams, CodeRange, Granularity, Span};
use crate::tensor::{QuantizedTensor, for_each_f32_piece};
use alloc::vec::Vec;
use ndarray::{Array, ArrayView, Axis, Dimension, RemoveAxis};

/// Returns the metrics of a restored tensor against the original, in any memory layouts.
///
/// # Errors
///
/// [`Error::ShapeMismatch`].
pub fn per_tensor<T: Real, U: Real, D: Dimension>(
    original: ArrayView<'_, T, D>,
    restored: ArrayView<'_, U, D>,
) -> Result<ErrorMetrics> {
    same_shape(original.shape(), restored.shape())?;
    let mut y = Vec::with_capacity(restored.len());
    for_each_f32_piece(&restored, Granularity::Tensor, |_, piece| {
        y.extend_from_slice(piece);
        Ok(())
    })?;
    let (mut accumulator, mut at) = (Accumulator::default(), 0);
    for_each_f32_piece(&original, Granularity::Tensor, |_, piece| {
        accumulator.push(piece, &y[at..at + piece.len()]);
        at += piece.len();
        Ok(())
    })?;
    Ok(accumulator.finish())
}

/// Returns the metrics of each index along `axis`, in any memory layouts.
///
/// # Errors
///
/// [`Error::ShapeMismatch`], [`Error::AxisOutOfBounds`].
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::metrics::per_channel;
///
/// let (x, y) = (array![[1.0_f32, 2.0], [3.0, 4.0]], array![[1.0_f32, 2.0], [3.5, 4.0]]);
/// let rows = per_channel(x.view(), y.view(), 0)?;
/// assert_eq!((rows[0].max_abs_error(), rows[1].max_abs_error()), (0.0, 0.5));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn per_channel<T: Real, U: Real, D: Dimension + RemoveAxis>(
    original: ArrayView<'_, T, D>,
    restored: ArrayView<'_, U, D>,
    axis: usize,
) -> Result<Vec<ErrorMetrics>> {
    same_shape(original.shape(), restored.shape())?;
    if axis >= original.ndim() {
        return Err(Error::AxisOutOfBounds { axis, ndim: original.ndim() });
    }
    let channels = original.axis_iter(Axis(axis)).zip(restored.axis_iter(Axis(axis)));
    channels.map(|(x, y)| per_tensor(x, y)).collect()
}

impl<C: Code, D: Dimension> QuantizedTensor<C, D> {
    /// Returns how far the restored tensor is from the original.
    ///
    /// One pass; the restored values exist a few KiB at a time.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`] if `original` has another shape.
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::array;
    /// use tensor_quant::{Scheme, params::ValueRange, quantize_tensor, range::Fixed};
    ///
    /// let x = array![0.0_f32, 0.5, 3.0];
    /// let scheme = Scheme::<i8>::symmetric().with_estimator(Fixed::new(ValueRange::new(-1.27, 1.27)?));
    /// let error = quantize_tensor(x.view(), &scheme)?.error(x.view())?;
    /// assert_eq!((error.saturated(), error.max_abs_error_index()), (1, Some(2)));
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn error<T: Real>(&self, original: ArrayView<'_, T, D>) -> Result<ErrorMetrics> {
        same_shape(self.codes().shape(), original.shape())?;
        let mut accumulator = Accumulator::default();
        let Some(codes) = self.codes().as_slice() else { return Ok(accumulator.finish()) };
        let (level, params) = (kernel::detect(), self.params());
        let mut y = Vec::new();
        for_each_f32_piece(&original, params.granularity(), |span, x| {
            y.resize(span.len, 0.0);
            dequantize_span(level, params, span, C::codes(&codes[span.start..span.start + span.len]), &mut y);
            accumulator.push(x, &y);
            accumulator.saturated(saturated::<C>(params.codes(), span, x, |group| params.group(group)));
            Ok(())
        })?;
        Ok(accumulator.finish())
    }

    /// Returns how far each index along `axis` of the restored tensor is from the original.
    ///
    /// The tensor is restored whole.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`], [`Error::AxisOutOfBounds`].
    pub fn error_per_channel<T: Real>(&self, original: ArrayView<'_, T, D>, axis: usize) -> Result<Vec<ErrorMetrics>>
    where
        D: RemoveAxis,
    {
        let restored: Array<f32, D> = self.dequantize();
        let mut metrics = per_channel(original.view(), restored.view(), axis)?;
        let (params, shape) = (self.params(), original.shape());
        let inner: usize = shape[axis + 1..].iter().product();
        for_each_f32_piece(&original, params.granularity(), |span, x| {
            for (k, run) in x.chunks(span.repeat).enumerate() {
                let Some((low, high)) =
                    params.group(span.first_group + k).map(|group| bounds::<C>(params.codes(), group))
                else {
                    continue;
                };
                for (i, x) in run.iter().enumerate().map(|(i, &x)| (i, f64::from(x))) {
                    if x < low || x > high {
                        let channel = (span.start + k * span.repeat + i) / inner % shape[axis];
                        metrics[channel].saturated += 1;
                    }
                }
            }
            Ok(())
        })?;
        Ok(metrics)
    }
}

/// Counts the elements that lie more than half a step beyond the reals of the smallest and largest code.
fn saturated<C: Code>(codes: CodeRange, span: Span, x: &[f32], group: impl Fn(usize) -> Option<AffineParams>) -> u64 {
    let mut count = 0;
    for (k, run) in x.chunks(span.repeat).enumerate() {
        let Some(params) = group(span.first_group + k) else { continue };
        let (low, high) = bounds::<C>(codes, params);
        count += run.iter().map(|&x| u64::from((f64::from(x) < low) | (f64::from(x) > high))).sum::<u64>();
    }
    count
}

fn bounds<C: Code>(codes: CodeRange, params: AffineParams) -> (f64, f64) {
    let half_step = if C::KIND == CodeKind::Integer { 0.5 } else { 0.0 };
    let zero_point = f64::from(params.zero_point());
    let real = |code: f64| (code - zero_point) * f64::from(params.scale()) + f64::from(params.offset());
    (real(codes.min().max(C::MIN) - half_step), real(codes.max().min(C::MAX) + half_step))
}

fn same_shape(expected: &[usize], actual: &[usize]) -> Result<()> {
    if expected == actual {
        Ok(())
    } else {
        let what = "the tensor to compare with";
        Err(Error::ShapeMismatch { what, expected: expected.to_vec(), actual: actual.to_vec() })
    }
}
