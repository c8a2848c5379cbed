//! Metrics of tensors.

use super::ErrorMetrics;
use super::accumulator::Accumulator;
use super::columns::{Matrix, column_metrics, rows};
use super::number::{Number, is_wide};
use super::source::Source;
use crate::error::{Error, Result};
use crate::kernel::ERROR_BLOCK;
use crate::num::Real;
use crate::tensor::AsView;
use alloc::vec::Vec;
use ndarray::{ArrayView, Dimension, RemoveAxis};

/// Elements at a time: a block, which stays in the first-level cache while it is looked at.
pub(super) const PIECE: usize = ERROR_BLOCK;

/// Returns the metrics of a restored tensor against the original, in any memory layouts.
///
/// Where one of them is f64 the errors are those of the f64 values: 10⁶⁰ restored as ∞ is a value that is no longer finite
/// ([`non_finite_changed`](ErrorMetrics::non_finite_changed)), 10⁻⁶⁰ restored as 0 is one lost to the step
/// ([`zeroed`](ErrorMetrics::zeroed)), and a tensor against its own f32s has the error of that rounding.
///
/// # Errors
///
/// [`Error::ShapeMismatch`].
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::metrics::per_tensor;
///
/// let error = per_tensor(&array![1e60_f64, 0.5], &array![f32::INFINITY, 0.5])?;
/// assert_eq!((error.non_finite(), error.non_finite_changed()), (1, 1));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn per_tensor<T: Real, U: Real, D: Dimension>(
    original: impl AsView<Element = T, Dim = D>,
    restored: impl AsView<Element = U, Dim = D>,
) -> Result<ErrorMetrics> {
    let (original, restored) = (original.as_view(), restored.as_view());
    same_shape(original.shape(), restored.shape())?;
    let all = |x: &ArrayView<'_, T, D>, y: &ArrayView<'_, U, D>| {
        let one_channel = if is_wide::<T>() || is_wide::<U>() {
            channels::<f64, T, U, D>(x, y, 1, &|_, _| 0)
        } else {
            channels::<f32, T, U, D>(x, y, 1, &|_, _| 0)
        };
        one_channel.first().copied().unwrap_or_default()
    };
    Ok(all(&original, &restored))
}

/// Returns the metrics of each index along `axis`, in any memory layouts; of f64 as [`per_tensor`].
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
/// let rows = per_channel(&x, &y, 0)?;
/// assert_eq!((rows[0].max_abs_error(), rows[1].max_abs_error()), (0.0, 0.5));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn per_channel<T: Real, U: Real, D: Dimension + RemoveAxis>(
    original: impl AsView<Element = T, Dim = D>,
    restored: impl AsView<Element = U, Dim = D>,
    axis: usize,
) -> Result<Vec<ErrorMetrics>> {
    let (original, restored) = (original.as_view(), restored.as_view());
    same_shape(original.shape(), restored.shape())?;
    let number = length_of(original.shape(), axis)?;
    if let (Some(x), Some(y)) = (rows(&original, axis), rows(&restored, axis))
        && let Some(metrics) = column_metrics(x, number, &mut Matrix(y, number))
    {
        return Ok(metrics);
    }
    let (x, y) = (axis_first(original, axis), axis_first(restored, axis));
    Ok(if is_wide::<T>() || is_wide::<U>() {
        channels::<f64, T, U, D>(&x, &y, number, &|_, _| 0)
    } else {
        channels::<f32, T, U, D>(&x, &y, number, &|_, _| 0)
    })
}

/// Returns the metrics of so many channels, which follow each other in row-major order; `saturated` says how many values of
/// a channel are.
pub(super) fn channels<N: Number, T: Real, U: Real, D: Dimension>(
    x: &ArrayView<'_, T, D>,
    y: &ArrayView<'_, U, D>,
    number: usize,
    saturated: &dyn Fn(usize, &[N]) -> u64,
) -> Vec<ErrorMetrics> {
    let (mut xs, mut ys) = (Source::<T, N>::new(x), Source::<U, N>::new(y));
    let of_channel = x.len().checked_div(number).unwrap_or(0);
    let mut accumulator = Accumulator::<N>::default();
    let each = (0..number).map(|channel| {
        let mut left = of_channel;
        while left > PIECE {
            let (x, y) = (xs.next(PIECE), ys.next(PIECE));
            accumulator.push(x, y);
            accumulator.saturated(saturated(channel, x));
            left -= PIECE;
        }
        let (x, y) = (xs.next(left), ys.next(left));
        accumulator.saturated(saturated(channel, x));
        accumulator.end(x, y)
    });
    each.collect()
}

/// Returns the tensor with an axis moved to the front.
pub(super) fn axis_first<T, D: Dimension>(view: ArrayView<'_, T, D>, axis: usize) -> ArrayView<'_, T, D> {
    let mut order = view.raw_dim();
    for (to, from) in order.slice_mut().iter_mut().zip(core::iter::once(axis).chain((0..).filter(|&k| k != axis))) {
        *to = from;
    }
    view.permuted_axes(order)
}

pub(super) fn length_of(shape: &[usize], axis: usize) -> Result<usize> {
    shape.get(axis).copied().ok_or(Error::AxisOutOfBounds { axis, ndim: shape.len() })
}

pub(super) fn same_shape(expected: &[usize], actual: &[usize]) -> Result<()> {
    if expected == actual {
        Ok(())
    } else {
        let what = "the tensor to compare with";
        Err(Error::ShapeMismatch { what, expected: expected.to_vec(), actual: actual.to_vec() })
    }
}
