//! Ranges: of a tensor by each estimator, and of rows and blocks by those that search.

use crate::Doors;
use crate::buffers::{COLUMNS, matrix};
use ndarray::ArrayView2;
use std::hint::black_box;
use tensor_quant::calibration::{Calibrator, ChannelMeans, SecondMoments, Statistics, correct_bias};
use tensor_quant::convention::{onnx_runtime, torch};
use tensor_quant::params::ValueRange;
use tensor_quant::range::{
    AnyEstimator, BinaryHistogram, Entropy, Fixed, LpNorm, MeanStd, MinMax, MovingAverage, Mse, Octav, Percentile,
    RangeEstimator,
};
use tensor_quant::{AnyScheme, Scheme};

pub(crate) fn add(doors: &mut Doors) {
    let share = || Percentile::two_sided(0.999).expect("a share of 1");
    searching(doors, "MinMax", MinMax::default());
    searching(doors, "Percentile, 99.9 %", share());
    searching(doors, "MeanStd", MeanStd::new(3.0).expect("a positive number"));
    searching(doors, "Mse, i8", Mse::default());
    searching(doors, "Octav, i8", Octav::default());
    searching(doors, "LpNorm, i8", LpNorm::default());
    searching(doors, "Entropy, i8", Entropy::default());
    searching(doors, "MovingAverage", MovingAverage::new(0.01).expect("a share of 1"));
    searching(doors, "Fixed", Fixed::new(ValueRange::new(-4.0, 4.0).expect("in order")));
    searching(doors, "AnyEstimator, percentile 99.9 %", AnyEstimator::from(share()));
    searching(doors, "onnx_runtime::MinMaxCalibrater", onnx_runtime::MinMaxCalibrater::default());
    searching(doors, "onnx_runtime::PercentileCalibrater", onnx_runtime::PercentileCalibrater::default());
    searching(doors, "onnx_runtime::EntropyCalibrater", onnx_runtime::EntropyCalibrater::default());
    searching(doors, "onnx_runtime::DistributionCalibrater", onnx_runtime::DistributionCalibrater::default());
    searching(doors, "torch::HistogramObserver", torch::HistogramObserver::default());
    by_group(doors, "estimate_params, Mse i8, rows of 1024", "int8 per axis 0, mse");
    by_group(doors, "estimate_params, Mse I4, rows of 1024", "int4 per axis 0, mse");
    by_group(doors, "estimate_params, Mse I4, blocks of 32", "int4 per block of 32 along axis 1, mse");
    by_group(doors, "estimate_params, Octav I4, rows of 1024", "int4 per axis 0, octav");
    by_group(doors, "estimate_params, Percentile, per tensor", "int8, percentile 99.9");
    by_group(doors, "estimate_params, Entropy, per tensor", "int8, entropy");
    by_group(doors, "estimate_params, MeanStd, per tensor", "int8, mean-std 3");
    doors.add("Calibrator::observe, MinMax", |b, n| {
        let calibrator = Calibrator::new(MinMax::default());
        _ = black_box(calibrator.observe("x", matrix(&b.x, n)));
    });
    doors.add("BinaryHistogram::observe", |b, n| {
        let mut histogram = BinaryHistogram::default();
        histogram.observe(&b.weights[..n]);
        black_box(histogram);
    });
    doors.add("calibration::correct_bias", |b, n| {
        let (weight, restored) = (matrix(&b.x, n), b.quantized(n).restored.view());
        let (means, bias) = (&b.x[..COLUMNS], &b.x[..n / COLUMNS]);
        _ = black_box(correct_bias(weight, restored, [0, 1], means, bias));
    });
    doors.add("ChannelMeans::observe, axis 1", |b, n| {
        let mut means = ChannelMeans::new(1);
        _ = black_box(means.observe(matrix(&b.x, n)));
    });
    doors.add("SecondMoments::observe, rows of 32", |b, n| {
        let mut moments = SecondMoments::new(ROW).expect("a length");
        _ = black_box(moments.observe(rows(&b.x, n)));
    });
    doors.add("Statistics::observe, MinMax and channels", |b, n| {
        let mut statistics = Statistics::new(MinMax::default());
        _ = black_box(statistics.observe("x", &matrix(&b.x, n).into_dyn(), true));
    });
    doors.add("Statistics::observe_rows, rows of 32", |b, n| {
        let mut statistics = Statistics::new(MinMax::default());
        statistics.add_second_moments(0, 0, ROW).expect("a length");
        _ = black_box(statistics.observe_rows(0, rows(&b.x, n)));
    });
}

/// Elements of a row of second moments.
const ROW: usize = 32;

fn rows(x: &[f32], n: usize) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((n / ROW, ROW), &x[..n]).expect("whole rows")
}

/// The range of a slice: observing and answering.
fn searching<E: RangeEstimator + 'static>(doors: &mut Doors, name: &'static str, fresh: E) {
    doors.add(name, move |b, n| _ = black_box(fresh.range_of(&b.weights[..n], &Scheme::<i8>::symmetric())));
}

fn by_group(doors: &mut Doors, name: &'static str, scheme: &str) {
    let scheme: AnyScheme = scheme.parse().expect("a scheme");
    doors.add(name, move |b, n| _ = black_box(scheme.estimate_params(matrix(&b.weights, n))));
}
