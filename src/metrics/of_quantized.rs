//! Metrics of quantized tensors: the restored values exist as long as they are looked at.

use super::accumulator::Accumulator;
use super::bounds::Bounds;
use super::columns::{RestoredRows, column_metrics, rows};
use super::number::{Number, is_wide};
use super::of_tensor::{PIECE, axis_first, channels, length_of, same_shape};
use super::source::Source;
use super::{ChannelErrors, ErrorMetrics};
use crate::error::Result;
use crate::kernel::{self, Level, dequantize_span};
use crate::num::{Code, CodeType, Elements, Real, RealViews, bf16, f16};
use crate::params::{Granularity, QuantParams, Span, for_each_piece_of};
use crate::tensor::{AsView, PackedTensor, QuantizedTensor};
use alloc::vec::Vec;
use core::ops::Range;
use ndarray::{Array, ArrayView, ArrayViewD, Dimension, IxDyn, RemoveAxis};

/// Writes the restored values of a span, or of several spans of the same groups, one after another.
type Restore<'a> = &'a dyn Fn(Level, Span, &mut [f32]);

/// What is shown the original and the restored values of a span, or of several spans of the same groups, one after another.
type Visit<'a, N> = &'a mut dyn FnMut(Span, &[N], &[N]);

/// Returns how far restored values are from a tensor, whatever its element type.
fn error_of(
    original: RealViews<'_>,
    code: CodeType,
    params: &QuantParams,
    restore: Restore<'_>,
) -> Result<ErrorMetrics> {
    match original {
        RealViews::F32(view) => error_in::<f32, f32>(&view, code, params, restore),
        RealViews::F64(view) => error_in::<f64, f64>(&view, code, params, restore),
        RealViews::F16(view) => error_in::<f32, f16>(&view, code, params, restore),
        RealViews::Bf16(view) => error_in::<f32, bf16>(&view, code, params, restore),
    }
}

fn error_in<N: Number, T: Real>(
    original: &ArrayViewD<'_, T>,
    code: CodeType,
    params: &QuantParams,
    restore: Restore<'_>,
) -> Result<ErrorMetrics> {
    let mut accumulator = Accumulator::<N>::default();
    let bounds = Bounds::of(code, params);
    let mut push = |span, x: &[N], y: &[N]| {
        accumulator.push(x, y);
        accumulator.saturated(bounds.count_saturated(span, x));
    };
    for_each_piece::<N, T, IxDyn>(original, params, &mut push, restore)?;
    Ok(accumulator.end(&[], &[]))
}

/// Calls `visit` with pieces in row-major order.
fn for_each_piece<N: Number, T: Real, D: Dimension>(
    original: &ArrayView<'_, T, D>,
    params: &QuantParams,
    visit: Visit<'_, N>,
    restore: Restore<'_>,
) -> Result<()> {
    let level = kernel::detect();
    let mut source = Source::<T, N>::new(original);
    let (mut restored, mut widened) = (Vec::new(), Vec::new());
    let mut show = |span: Span, len: usize| {
        restored.resize(len, 0.0);
        restore(level, span, &mut restored);
        visit(span, source.next(len), N::of_f32s(&restored, &mut widened));
    };
    let mut spans = params.granularity().all_spans(original.shape())?;
    let (number, len) = spans.number_and_len();
    let together = PIECE.checked_div(len).unwrap_or(0);
    if spans.are_alike() && together > 1 {
        for (k, span) in spans.enumerate().step_by(together) {
            show(span, together.min(number - k) * len);
        }
    } else {
        for_each_piece_of(&mut spans, PIECE, &mut |span| {
            show(span, span.len);
            Ok(())
        })?;
    }
    Ok(())
}

impl PackedTensor {
    /// Returns how far the restored tensor is from the original: what [`QuantizedTensor::error`] gives.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if `original` has another shape.
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::array;
    /// use tensor_quant::AnyScheme;
    ///
    /// let x = array![0.1_f32, -0.7, 1.0];
    /// let error = "i4".parse::<AnyScheme>()?.quantize(&x)?.error(&x)?;
    /// assert!(error.sqnr_db() > 20.0);
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn error<V: AsView<Element: Real>>(&self, original: V) -> Result<ErrorMetrics> {
        let original = original.as_view();
        same_shape(self.shape(), original.shape())?;
        let views = <V::Element as Elements>::views(original.into_dyn());
        error_of(views, self.code_type(), self.params(), &|level, span, out| self.restore_span(level, span, out))
    }

    /// Returns the errors of each index along `axis`, and which of them is the worst, the median, or lost: what
    /// [`QuantizedTensor::channel_errors`] gives.
    ///
    /// Along the first axis the restored values exist a few KiB at a time; along any other the tensor is restored whole.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch), [`Error::AxisOutOfBounds`](crate::Error::AxisOutOfBounds).
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::array;
    /// use tensor_quant::AnyScheme;
    ///
    /// let x = array![[1e6_f32, 0.5], [0.5, -0.25]].into_dyn();
    /// let rows = "int8".parse::<AnyScheme>()?.quantize(&x)?.channel_errors(&x, 0)?;
    /// assert_eq!(rows.lost().collect::<Vec<_>>(), [1]);
    /// # Ok::<(), tensor_quant::Error>(())
    /// ```
    pub fn channel_errors<T: Real>(
        &self,
        original: impl AsView<Element = T, Dim = IxDyn>,
        axis: usize,
    ) -> Result<ChannelErrors> {
        let original = original.as_view();
        same_shape(self.shape(), original.shape())?;
        let number = length_of(original.shape(), axis)?;
        let of = Coded { code: self.code_type(), params: self.params() };
        let restore: Restore<'_> = &|level, span, out| self.restore_span(level, span, out);
        let channels = match (is_wide::<T>(), axis) {
            (false, 0) => first_axis::<f32, T, IxDyn>(&original, number, of, restore),
            (true, 0) => first_axis::<f64, T, IxDyn>(&original, number, of, restore),
            (false, _) => gathered::<f32, T, IxDyn>(&original, &self.dequantize(), (axis, number), of),
            (true, _) => gathered::<f64, T, IxDyn>(&original, &self.dequantize(), (axis, number), of),
        };
        channels.map(ChannelErrors::new)
    }
}

impl<C: Code, D: Dimension> QuantizedTensor<C, D> {
    /// Returns how far the restored tensor is from the original.
    ///
    /// One pass; the restored values exist a few KiB at a time. Errors of f64 are those of the f64 values, as in
    /// [`per_tensor`](crate::metrics::per_tensor).
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if `original` has another shape.
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
    pub fn error<V: AsView<Element: Real, Dim = D>>(&self, original: V) -> Result<ErrorMetrics> {
        let original = original.as_view();
        same_shape(self.codes().shape(), original.shape())?;
        let Some(codes) = self.codes().as_slice() else { return Ok(ErrorMetrics::default()) };
        let codes = C::codes(codes);
        error_of(<V::Element as Elements>::views(original.into_dyn()), C::TYPE, self.params(), &|level, span, out| {
            dequantize_span(level, self.params(), span, codes.part(span.start..span.start + out.len()), out);
        })
    }

    /// Returns how far each index along `axis` of the restored tensor is from the original.
    ///
    /// One pass, in which the restored values exist a few KiB at a time, along the first axis, and along the last one if it has
    /// the groups; otherwise the tensor is restored whole. Errors of f64 are those of the f64
    /// values, as in [`per_tensor`](crate::metrics::per_tensor).
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch), [`Error::AxisOutOfBounds`](crate::Error::AxisOutOfBounds).
    pub fn error_per_channel<T: Real>(
        &self,
        original: impl AsView<Element = T, Dim = D>,
        axis: usize,
    ) -> Result<Vec<ErrorMetrics>>
    where
        D: RemoveAxis,
    {
        let original = original.as_view();
        same_shape(self.codes().shape(), original.shape())?;
        let number = length_of(original.shape(), axis)?;
        let of = Coded { code: C::TYPE, params: self.params() };
        let codes = C::codes(self.codes().as_slice().unwrap_or(&[]));
        let restore: Restore<'_> = &|level, span, out| {
            dequantize_span(level, self.params(), span, codes.part(span.start..span.start + out.len()), out);
        };
        match (is_wide::<T>(), axis) {
            (false, 0) => first_axis::<f32, T, D>(&original, number, of, restore),
            (true, 0) => first_axis::<f64, T, D>(&original, number, of, restore),
            (false, _) => self.other_axis::<f32, T>(original, axis, number),
            (true, _) => self.other_axis::<f64, T>(original, axis, number),
        }
    }

    /// Returns the errors of each index along `axis`, and which of them is the worst, the median, or lost.
    ///
    /// # Errors
    ///
    /// As [`error_per_channel`](Self::error_per_channel).
    pub fn channel_errors<T: Real>(
        &self,
        original: impl AsView<Element = T, Dim = D>,
        axis: usize,
    ) -> Result<ChannelErrors>
    where
        D: RemoveAxis,
    {
        self.error_per_channel(original, axis).map(ChannelErrors::new)
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
        let bounds = Bounds::of(C::TYPE, self.params());
        if let Some(metrics) = self.columns(&original, axis, number, &bounds) {
            return Ok(metrics);
        }
        let of = Coded { code: C::TYPE, params: self.params() };
        gathered::<N, T, D>(&original, &self.dequantize(), (axis, number), of)
    }

    /// The channels are columns with a group for each, or with one for all, and every value is finite.
    fn columns<T: Real>(
        &self,
        original: &ArrayView<'_, T, D>,
        axis: usize,
        number: usize,
        bounds: &Bounds,
    ) -> Option<Vec<ErrorMetrics>> {
        let params = self.params();
        let one_group = match params.granularity() {
            Granularity::Tensor => true,
            Granularity::Axis(of_groups) if of_groups == axis => false,
            _ => return None,
        };
        let (x, codes) = (rows(original, axis)?, self.codes().as_slice()?);
        let mut restored = Restored { codes, number, params, one_group, values: Vec::new() };
        let mut metrics = column_metrics(x, number, &mut restored)?;
        let bounds: Vec<(f64, f64)> =
            (0..number).map(|channel| bounds.of_group(if one_group { 0 } else { channel })).collect();
        if !metrics.iter().zip(&bounds).all(|(metrics, &bounds)| lies_within(metrics, bounds)) {
            let mut counts = alloc::vec![0; number];
            kernel::count_outside_columns(kernel::detect(), x, &bounds, &mut counts);
            for (metrics, count) in metrics.iter_mut().zip(counts) {
                metrics.saturated = count;
            }
        }
        Some(metrics)
    }
}

/// What codes stand for.
#[derive(Clone, Copy)]
struct Coded<'a> {
    code: CodeType,
    params: &'a QuantParams,
}

/// The channels follow each other.
fn first_axis<N: Number, T: Real, D: Dimension>(
    original: &ArrayView<'_, T, D>,
    number: usize,
    of: Coded<'_>,
    restore: Restore<'_>,
) -> Result<Vec<ErrorMetrics>> {
    let of_channel = original.len().checked_div(number).unwrap_or(0);
    if of_channel == 0 {
        return Ok(alloc::vec![ErrorMetrics::default(); number]);
    }
    let mut metrics = Vec::with_capacity(number);
    let mut accumulator = Accumulator::<N>::default();
    let bounds = Bounds::of(of.code, of.params);
    let granularity = of.params.granularity();
    let one_group = granularity == Granularity::Tensor;
    let of_channel_alone = one_group || granularity == Granularity::Axis(0);
    let mut saturated = alloc::vec![0_u64; number];
    let mut visit = |span: Span, x: &[N], y: &[N]| {
        if !of_channel_alone {
            bounds.for_each_saturated(span, x, |at| saturated[at / of_channel] += 1);
        }
        let mut start = 0;
        while start < x.len() {
            let at = span.start + start;
            let channel = at / of_channel;
            let end = x.len().min(start + of_channel - at % of_channel);
            let (x, y) = (&x[start..end], &y[start..end]);
            let is_last = (at + x.len()).is_multiple_of(of_channel);
            if is_last {
                metrics.push(accumulator.end(x, y));
            } else {
                accumulator.push(x, y);
            }
            if of_channel_alone {
                let bounds = bounds.of_group(if one_group { 0 } else { channel });
                // Where the extremes of a whole channel are known, its values need not be looked at once more.
                let known = metrics.last().filter(|_| is_last && x.len() == of_channel);
                if !known.is_some_and(|metrics| lies_within(metrics, bounds)) {
                    saturated[channel] += N::count_outside(x, bounds);
                }
            }
            start = end;
        }
    };
    for_each_piece::<N, T, D>(original, of.params, &mut visit, restore)?;
    for (metrics, saturated) in metrics.iter_mut().zip(saturated) {
        metrics.saturated = saturated;
    }
    Ok(metrics)
}

/// The elements of a channel, one of so many along an axis, are gathered.
fn gathered<N: Number, T: Real, D: Dimension>(
    original: &ArrayView<'_, T, D>,
    restored: &Array<f32, D>,
    (axis, number): (usize, usize),
    of: Coded<'_>,
) -> Result<Vec<ErrorMetrics>> {
    let bounds = Bounds::of(of.code, of.params);
    let (x, y) = (axis_first(original.view(), axis), axis_first(restored.view(), axis));
    let granularity = of.params.granularity();
    if granularity == Granularity::Tensor || granularity == Granularity::Axis(axis) {
        let group = |channel| if granularity == Granularity::Tensor { 0 } else { channel };
        let saturated = |channel, x: &[N]| N::count_outside(x, bounds.of_group(group(channel)));
        return Ok(channels(&x, &y, number, &saturated));
    }
    let mut metrics = channels::<N, _, _, _>(&x, &y, number, &|_, _| 0);
    let inner: usize = original.shape()[axis + 1..].iter().product();
    let mut source = Source::<T, N>::new(original);
    for span in granularity.all_spans(original.shape())?.flat_map(|span| span.pieces(PIECE)) {
        bounds.for_each_saturated(span, source.next(span.len), |at| {
            metrics[at / inner % number].saturated += 1;
        });
    }
    Ok(metrics)
}

/// A matrix of codes with a group for each column, or one for all.
struct Restored<'a, C> {
    codes: &'a [C],
    number: usize,
    params: &'a QuantParams,
    one_group: bool,
    values: Vec<f32>,
}

impl<C: Code> RestoredRows for Restored<'_, C> {
    fn of(&mut self, rows: Range<usize>, columns: Range<usize>) -> (&[f32], usize) {
        let width = columns.len();
        self.values.resize(rows.len() * width, 0.0);
        // Whole rows follow each other, and are restored at once.
        let at_once = if width == self.number { rows.len() } else { 1 };
        for (row, out) in rows.step_by(at_once).zip(self.values.chunks_mut(at_once * width)) {
            let start = row * self.number + columns.start;
            let span = if self.one_group {
                Span { start, len: out.len(), first_group: 0, repeat: out.len() }
            } else {
                Span { start, len: width, first_group: columns.start, repeat: 1 }
            };
            dequantize_span(kernel::detect(), self.params, span, C::codes(&self.codes[start..start + out.len()]), out);
        }
        (&self.values, width)
    }
}

/// Whether all values of a channel are finite and within bounds.
fn lies_within(metrics: &ErrorMetrics, (low, high): (f64, f64)) -> bool {
    metrics.non_finite() == 0 && metrics.x_ends.0 >= low && metrics.x_ends.1 <= high
}
