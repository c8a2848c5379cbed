//! Measures what a user calls to learn what quantization cost: a matrix of 1024 columns, its errors as a whole, row by row
//! and column by column, and histograms.

mod ratio;

use ndarray::{Array2, ArrayView2};
use ratio::{Comparison, reals};
use std::hint::black_box;
use tensor_quant::kernel::{detect, error_sums};
use tensor_quant::metrics::{ErrorMetrics, Histogram, per_channel, per_tensor};
use tensor_quant::params::ValueRange;
use tensor_quant::{QuantizedTensor, Scheme, quantize_tensor};

const COLUMNS: usize = 1024;
/// Bins of a histogram in a report.
const BINS: usize = 64;

struct Buffers {
    x: Vec<f32>,
    restored: Vec<f32>,
    copy: Vec<f32>,
    wide: Vec<f64>,
    /// The codes of the first elements, for each number of them that is measured.
    codes: Vec<QuantizedTensor<i8, ndarray::Ix2>>,
}

impl Buffers {
    fn allocate(len: usize) -> Self {
        let x = reals(len);
        let mut codes = Vec::new();
        for rows in [4, 64, 1024].into_iter().filter(|rows| rows * COLUMNS <= len) {
            let view = matrix(&x, rows * COLUMNS);
            codes.push(quantize_tensor(view, &Scheme::<i8>::symmetric()).expect("finite values"));
        }
        let largest: Array2<f32> = codes.last().map(QuantizedTensor::dequantize).expect("four rows at least");
        let wide = x.iter().map(|&x| x.into()).collect();
        Self { restored: largest.into_raw_vec_and_offset().0, copy: vec![0.0; len], wide, codes, x }
    }

    /// The original and the restored values.
    fn pair(&self, n: usize) -> (&[f32], &[f32]) {
        (&self.x[..n], &self.restored[..n])
    }

    fn codes(&self, n: usize) -> &QuantizedTensor<i8, ndarray::Ix2> {
        self.codes.iter().find(|codes| codes.codes().len() == n).expect("every size has its codes")
    }
}

fn matrix<T>(x: &[T], n: usize) -> ArrayView2<'_, T> {
    ArrayView2::from_shape((n / COLUMNS, COLUMNS), &x[..n]).expect("whole rows")
}

fn main() {
    let memcpy = |b: &mut Buffers, n: usize| b.copy[..n].copy_from_slice(&b.x[..n]);
    let mut comparison = Comparison::new("metrics", Buffers::allocate, memcpy).up_to(1 << 20);
    whole(&mut comparison);
    channels(&mut comparison);
    histograms(&mut comparison);
    comparison.run();
}

fn whole(comparison: &mut Comparison<Buffers>) {
    let level = detect();
    comparison.add("ErrorMetrics::between", |b, n| {
        let (x, y) = b.pair(n);
        _ = black_box(ErrorMetrics::between(x, y));
    });
    comparison.add("per_tensor", |b, n| {
        let (x, y) = b.pair(n);
        _ = black_box(per_tensor(matrix(x, n), matrix(y, n)));
    });
    comparison.add("per_tensor, original transposed", |b, n| {
        let (x, y) = b.pair(n);
        let turned = ArrayView2::from_shape((COLUMNS, n / COLUMNS), y).expect("whole columns");
        _ = black_box(per_tensor(matrix(x, n).reversed_axes(), turned));
    });
    comparison.add("per_tensor, both transposed", |b, n| {
        let (x, y) = b.pair(n);
        _ = black_box(per_tensor(matrix(x, n).reversed_axes(), matrix(y, n).reversed_axes()));
    });
    comparison.add("q.error", |b, n| _ = black_box(b.codes(n).error(matrix(&b.x, n))));
    comparison.add_limit_of_all("kernel::error_sums", move |b, n| {
        let (x, y) = b.pair(n);
        _ = black_box(error_sums(level, x, y));
    });
    comparison.add("per_tensor, f64", |b, n| {
        _ = black_box(per_tensor(matrix(&b.wide, n), matrix(&b.restored, n)));
    });
}

fn channels(comparison: &mut Comparison<Buffers>) {
    comparison.add("q.error_per_channel, axis 0", |b, n| {
        _ = black_box(b.codes(n).error_per_channel(matrix(&b.x, n), 0));
    });
    comparison.add("q.error_per_channel, axis 1", |b, n| {
        _ = black_box(b.codes(n).error_per_channel(matrix(&b.x, n), 1));
    });
    comparison.add("per_channel, axis 1", |b, n| {
        let (x, y) = b.pair(n);
        _ = black_box(per_channel(matrix(x, n), matrix(y, n), 1));
    });
}

fn histograms(comparison: &mut Comparison<Buffers>) {
    let range = || ValueRange::new(-4.0, 4.0).expect("in order");
    comparison.add("Histogram::add, 64 bins", move |b, n| {
        let mut histogram = Histogram::new(range(), BINS).expect("few bins");
        histogram.add(&b.x[..n]);
        black_box(histogram);
    });
    comparison.add("Histogram::add, 2048 bins", move |b, n| {
        let mut histogram = Histogram::new(range(), 2048).expect("few bins");
        histogram.add(&b.x[..n]);
        black_box(histogram);
    });
    comparison.add("Histogram::of_errors, 64 bins", |b, n| {
        let (x, y) = b.pair(n);
        _ = black_box(Histogram::of_errors(x, y, BINS));
    });
}
