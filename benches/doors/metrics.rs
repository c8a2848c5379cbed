//! What it cost.

use crate::buffers::{COLUMNS, matrix, transposed};
use crate::{Doors, limits};
use std::hint::black_box;
use tensor_quant::metrics::{
    ErrorMetrics, Histogram, jensen_shannon_divergence, kl_divergence, per_channel, per_tensor,
};
use tensor_quant::params::ValueRange;

/// Bins of a histogram in a report.
const BINS: usize = 64;

pub(crate) fn add(doors: &mut Doors) {
    doors.add_beside("QuantizedTensor::error, i8", limits::ERROR_SUMS, |b, n| {
        _ = black_box(b.quantized(n).bytes.error(matrix(&b.x, n)));
    });
    doors.add_beside("QuantizedTensor::error_per_channel, axis 0", limits::ERROR_SUMS, |b, n| {
        _ = black_box(b.quantized(n).bytes.error_per_channel(matrix(&b.x, n), 0));
    });
    doors.add_beside("QuantizedTensor::error_per_channel, axis 1", limits::ERROR_SUMS, |b, n| {
        _ = black_box(b.quantized(n).bytes.error_per_channel(matrix(&b.x, n), 1));
    });
    doors.add_beside("QuantizedTensor::channel_errors, axis 0", limits::ERROR_SUMS, |b, n| {
        _ = black_box(b.quantized(n).bytes.channel_errors(matrix(&b.x, n), 0));
    });
    doors.add_beside("PackedTensor::error, int4", limits::ERROR_SUMS, |b, n| {
        _ = black_box(b.quantized(n).nibbles.error(matrix(&b.x, n)));
    });
    doors.add_beside("PackedTensor::channel_errors, axis 0", limits::ERROR_SUMS, |b, n| {
        _ = black_box(b.quantized(n).nibbles.channel_errors(matrix(&b.x, n).into_dyn(), 0));
    });
    doors.add_beside("ErrorMetrics::between", limits::ERROR_SUMS, |b, n| {
        let restored = b.quantized(n).restored.as_slice().expect("row by row");
        _ = black_box(ErrorMetrics::between(&b.x[..n], restored));
    });
    doors.add_beside("per_tensor", limits::ERROR_SUMS, |b, n| {
        _ = black_box(per_tensor(matrix(&b.x, n), b.quantized(n).restored.view()));
    });
    doors.add_beside("per_tensor, both transposed", limits::ERROR_SUMS, |b, n| {
        let restored = b.quantized(n).restored.as_slice().expect("row by row");
        _ = black_box(per_tensor(transposed(&b.x, n), transposed(restored, n)));
    });
    doors.add_beside("per_channel, axis 0", limits::ERROR_SUMS, |b, n| {
        _ = black_box(per_channel(matrix(&b.x, n), b.quantized(n).restored.view(), 0));
    });
    doors.add_beside("per_channel, axis 1", limits::ERROR_SUMS, |b, n| {
        _ = black_box(per_channel(matrix(&b.x, n), b.quantized(n).restored.view(), 1));
    });
    doors.add_beside("per_channel, axis 1, both transposed", limits::ERROR_SUMS, |b, n| {
        let restored = b.quantized(n).restored.as_slice().expect("row by row");
        _ = black_box(per_channel(transposed(&b.x, n), transposed(restored, n), 1));
    });
    histograms(doors);
}

fn histograms(doors: &mut Doors) {
    let range = || ValueRange::new(-4.0, 4.0).expect("in order");
    doors.add("Histogram::add, 64 bins", move |b, n| {
        let mut histogram = Histogram::new(range(), BINS).expect("few bins");
        histogram.add(&b.x[..n]);
        black_box(histogram);
    });
    doors.add("Histogram::of_errors, 64 bins", |b, n| {
        let restored = b.quantized(n).restored.as_slice().expect("row by row");
        _ = black_box(Histogram::of_errors(&b.x[..n], restored, BINS));
    });
    // As many bins as elements.
    doors.add("kl_divergence", |b, n| {
        let (p, q) = (squares(&b.x[..n.min(COLUMNS)]), squares(&b.weights[..n.min(COLUMNS)]));
        for _ in 0..n / COLUMNS {
            _ = black_box(kl_divergence(&p, &q));
        }
    });
    doors.add("jensen_shannon_divergence", |b, n| {
        let (p, q) = (squares(&b.x[..n.min(COLUMNS)]), squares(&b.weights[..n.min(COLUMNS)]));
        for _ in 0..n / COLUMNS {
            _ = black_box(jensen_shannon_divergence(&p, &q));
        }
    });
}

fn squares(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x) * f64::from(x)).collect()
}
