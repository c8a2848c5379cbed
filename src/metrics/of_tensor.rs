//! Metrics of tensors.

use super::accumulator::Accumulator;
use super::bounds::Bounds;
use super::number::{Number, is_wide};
use super::source::Source;
use super::{ChannelErrors, ErrorMetrics};
use crate::error::{Error, Result};
use crate::kernel::{self, ERROR_BLOCK, dequantize_span};
use crate::num::{Code, Real};
use crate::params::{Granularity, Span};
use crate::tensor::QuantizedTensor;
use alloc::vec::Vec;
use ndarray::{ArrayView, Dimension, RemoveAxis};

/// Elements at a time: whole blocks, and few enough to stay in the cache while they are looked at.
const PIECE: usize = 4 * ERROR_BLOCK;

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
/// let error = per_tensor(array![1e60_f64, 0.5].view(), array![f32::INFINITY, 0.5].view())?;
/// assert_eq!((error.non_finite(), error.non_finite_changed()), (1, 1));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn per_tensor<T: Real, U: Real, D: Dimension>(
    original: ArrayView<'_, T, D>,
    restored: ArrayView<'_, U, D>,
) -> Result<ErrorMetrics> {
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
    let number = length_of(original.shape(), axis)?;
    let (x, y) = (axis_first(original, axis), axis_first(restored, axis));
    Ok(if is_wide::<T>() || is_wide::<U>() {
        channels::<f64, T, U, D>(&x, &y, number, &|_, _| 0)
    } else {
        channels::<f32, T, U, D>(&x, &y, number, &|_, _| 0)
    })
}

/// Returns the metrics of so many channels, which follow each other in row-major order; `saturated` says how many values of
/// a channel are.
fn channels<N: Number, T: Real, U: Real, D: Dimension>(
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

impl<C: Code, D: Dimension> QuantizedTensor<C, D> {
    /// Returns how far the restored tensor is from the original.
    ///
    /// One pass; the restored values exist a few KiB at a time. Errors of f64 are those of the f64 values, as in
    /// [`per_tensor`].
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
        if is_wide::<T>() { self.error_in::<f64, T>(&original) } else { self.error_in::<f32, T>(&original) }
    }

    fn error_in<N: Number, T: Real>(&self, original: &ArrayView<'_, T, D>) -> Result<ErrorMetrics> {
        let mut accumulator = Accumulator::<N>::default();
        let bounds = Bounds::of::<C>(self.params());
        self.for_each_piece::<N, T>(original, &mut |span, x, y| {
            accumulator.push(x, y);
            accumulator.saturated(bounds.count_saturated(span, x));
        })?;
        Ok(accumulator.end(&[], &[]))
    }

    /// Calls `visit` with pieces in row-major order: the original and the restored values of a span, or of several spans of
    /// the same groups, one after another.
    fn for_each_piece<N: Number, T: Real>(
        &self,
        original: &ArrayView<'_, T, D>,
        visit: &mut dyn FnMut(Span, &[N], &[N]),
    ) -> Result<()> {
        let Some(codes) = self.codes().as_slice() else { return Ok(()) };
        let (level, params) = (kernel::detect(), self.params());
        let mut source = Source::<T, N>::new(original);
        let (mut restored, mut widened) = (Vec::new(), Vec::new());
        let mut show = |span: Span, len: usize| {
            restored.resize(len, 0.0);
            dequantize_span(level, params, span, &codes[span.start..span.start + len], &mut restored);
            visit(span, source.next(len), N::of_f32s(&restored, &mut widened));
        };
        let spans = params.granularity().all_spans(original.shape())?;
        let (number, len) = spans.number_and_len();
        let together = PIECE.checked_div(len).unwrap_or(0);
        if spans.are_alike() && together > 1 {
            for (k, span) in spans.enumerate().step_by(together) {
                show(span, together.min(number - k) * len);
            }
        } else {
            spans.flat_map(|span| span.pieces(PIECE)).for_each(|span| show(span, span.len));
        }
        Ok(())
    }

    /// Returns how far each index along `axis` of the restored tensor is from the original.
    ///
    /// One pass along the first axis; along another the tensor is restored whole. Errors of f64 are those of the f64
    /// values, as in [`per_tensor`].
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`], [`Error::AxisOutOfBounds`].
    pub fn error_per_channel<T: Real>(&self, original: ArrayView<'_, T, D>, axis: usize) -> Result<Vec<ErrorMetrics>>
    where
        D: RemoveAxis,
    {
        same_shape(self.codes().shape(), original.shape())?;
        let number = length_of(original.shape(), axis)?;
        match (is_wide::<T>(), axis) {
            (false, 0) => self.first_axis::<f32, T>(&original, number),
            (true, 0) => self.first_axis::<f64, T>(&original, number),
            (false, _) => self.other_axis::<f32, T>(original, axis, number),
            (true, _) => self.other_axis::<f64, T>(original, axis, number),
        }
    }

    /// Returns the errors of each index along `axis`, and which of them is the worst, the median, or lost.
    ///
    /// # Errors
    ///
    /// As [`error_per_channel`](Self::error_per_channel).
    pub fn channel_errors<T: Real>(&self, original: ArrayView<'_, T, D>, axis: usize) -> Result<ChannelErrors>
    where
        D: RemoveAxis,
    {
        self.error_per_channel(original, axis).map(ChannelErrors::new)
    }

    /// The channels follow each other.
    fn first_axis<N: Number, T: Real>(
        &self,
        original: &ArrayView<'_, T, D>,
        number: usize,
    ) -> Result<Vec<ErrorMetrics>> {
        let of_channel = original.len().checked_div(number).unwrap_or(0);
        if of_channel == 0 {
            return Ok(alloc::vec![ErrorMetrics::default(); number]);
        }
        let mut metrics = Vec::with_capacity(number);
        let mut accumulator = Accumulator::<N>::default();
        let bounds = Bounds::of::<C>(self.params());
        let mut saturated = alloc::vec![0_u64; number];
        self.for_each_piece::<N, T>(original, &mut |span, mut x, mut y| {
            if span.repeat.is_multiple_of(of_channel) || of_channel.is_multiple_of(span.repeat) && x.len() == span.len {
                // Groups are whole channels, or whole parts of one.
                let parts = span.repeat.min(of_channel);
                let mut at = span.start;
                for run in x.chunks(parts) {
                    let group = span.first_group + (at - span.start) / span.repeat;
                    saturated[at / of_channel] += N::count_outside(run, bounds.of_group(group));
                    at += run.len();
                }
            } else {
                bounds.for_each_saturated(span, x, |at| saturated[at / of_channel] += 1);
            }
            let mut left = of_channel - span.start % of_channel;
            while x.len() >= left {
                metrics.push(accumulator.end(&x[..left], &y[..left]));
                (x, y) = (&x[left..], &y[left..]);
                left = of_channel;
            }
            accumulator.push(x, y);
        })?;
        for (metrics, saturated) in metrics.iter_mut().zip(saturated) {
            metrics.saturated = saturated;
        }
        Ok(metrics)
    }

    /// The elements of a channel are gathered.
    fn other_axis<N: Number, T: Real>(
        &self,
        original: ArrayView<'_, T, D>,
        axis: usize,
        number: usize,
    ) -> Result<Vec<ErrorMetrics>>
    where
        D: RemoveAxis,
    {
        let restored = self.dequantize();
        let (x, y) = (axis_first(original.view(), axis), axis_first(restored.view(), axis));
        let bounds = Bounds::of::<C>(self.params());
        let granularity = self.params().granularity();
        if granularity == Granularity::Tensor || granularity == Granularity::Axis(axis) {
            let group = |channel| if granularity == Granularity::Tensor { 0 } else { channel };
            let saturated = |channel, x: &[N]| N::count_outside(x, bounds.of_group(group(channel)));
            return Ok(channels(&x, &y, number, &saturated));
        }
        let mut metrics = channels::<N, _, _, _>(&x, &y, number, &|_, _| 0);
        let inner: usize = original.shape()[axis + 1..].iter().product();
        let mut source = Source::<T, N>::new(&original);
        for span in granularity.all_spans(original.shape())?.flat_map(|span| span.pieces(PIECE)) {
            bounds.for_each_saturated(span, source.next(span.len), |at| {
                metrics[at / inner % number].saturated += 1;
            });
        }
        Ok(metrics)
    }
}

/// Returns the tensor with an axis moved to the front.
fn axis_first<T, D: Dimension>(view: ArrayView<'_, T, D>, axis: usize) -> ArrayView<'_, T, D> {
    let mut order = view.raw_dim();
    for (to, from) in order.slice_mut().iter_mut().zip(core::iter::once(axis).chain((0..).filter(|&k| k != axis))) {
        *to = from;
    }
    view.permuted_axes(order)
}

fn length_of(shape: &[usize], axis: usize) -> Result<usize> {
    shape.get(axis).copied().ok_or(Error::AxisOutOfBounds { axis, ndim: shape.len() })
}

fn same_shape(expected: &[usize], actual: &[usize]) -> Result<()> {
    if expected == actual {
        Ok(())
    } else {
        let what = "the tensor to compare with";
        Err(Error::ShapeMismatch { what, expected: expected.to_vec(), actual: actual.to_vec() })
    }
}
