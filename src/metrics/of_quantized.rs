//! Metrics of quantized tensors: the restored values exist as long as they are looked at.

use super::accumulator::Accumulator;
use super::bounds::Bounds;
use super::number::{Number, is_wide};
use super::of_tensor::{PIECE, axis_first, channels, length_of, rows, same_shape};
use super::source::Source;
use super::{ChannelErrors, ErrorMetrics};
use crate::error::Result;
use crate::kernel::{self, ColumnSums, TILE_ROWS, dequantize_span};
use crate::num::{Code, Real};
use crate::params::{Granularity, Span};
use crate::tensor::QuantizedTensor;
use alloc::vec::Vec;
use ndarray::{ArrayView, Dimension, RemoveAxis};

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
    /// One pass, in which the restored values exist a few KiB at a time, along the first axis, and along the last one if it has
    /// the groups, and a multiple of 16 indices; otherwise the tensor is restored whole. Errors of f64 are those of the f64
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
        let bounds = Bounds::of::<C>(self.params());
        if let Some(metrics) = self.columns(&original, axis, number, &bounds)? {
            return Ok(metrics);
        }
        let restored = self.dequantize();
        let (x, y) = (axis_first(original.view(), axis), axis_first(restored.view(), axis));
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

    /// The channels are columns with a group for each, or with one for all, and every value is finite.
    fn columns<T: Real>(
        &self,
        original: &ArrayView<'_, T, D>,
        axis: usize,
        number: usize,
        bounds: &Bounds,
    ) -> Result<Option<Vec<ErrorMetrics>>> {
        let (level, params) = (kernel::detect(), self.params());
        let one_group = match params.granularity() {
            Granularity::Tensor => true,
            Granularity::Axis(of_groups) if of_groups == axis => false,
            _ => return Ok(None),
        };
        let (Some(x), Some(codes)) = (rows(original, axis), self.codes().as_slice()) else { return Ok(None) };
        let mut sums = ColumnSums::new(level, number);
        let mut restored = Vec::new();
        let tile = TILE_ROWS * number;
        for ((x, codes), start) in x.chunks(tile).zip(codes.chunks(tile)).zip((0..).step_by(tile)) {
            let (len, repeat) = if one_group { (x.len(), x.len()) } else { (number, 1) };
            restored.resize(x.len(), 0.0);
            dequantize_span(level, params, Span { start, len, first_group: 0, repeat }, codes, &mut restored);
            sums.add(x, &restored);
        }
        let Some(sums) = sums.end() else { return Ok(None) };
        let mut metrics: Vec<ErrorMetrics> = sums.iter().map(f32::metrics).collect();
        let bounds: Vec<(f64, f64)> =
            (0..number).map(|channel| bounds.of_group(if one_group { 0 } else { channel })).collect();
        let inside = metrics.iter().zip(&bounds).all(|(m, (low, high))| m.x_ends.0 >= *low && m.x_ends.1 <= *high);
        if !inside {
            let mut counts = alloc::vec![0; number];
            kernel::count_outside_columns(level, x, &bounds, &mut counts);
            for (metrics, count) in metrics.iter_mut().zip(counts) {
                metrics.saturated = count;
            }
        }
        Ok(Some(metrics))
    }
}
