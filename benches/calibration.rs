//! Measures counting in bins, and the searches for the best range.

mod ratio;

use ndarray::{ArrayView1, ArrayView2};
use ratio::{Comparison, reals};
use std::hint::black_box;
use tensor_quant::kernel::{BINS, detect, exponent_for, histogram};
use tensor_quant::num::Code;
use tensor_quant::params::Symmetric;
use tensor_quant::range::{Entropy, LpNorm, MeanStd, MinMax, Mse, Octav, Percentile, RangeEstimator};
use tensor_quant::{I4, Scheme, estimate_params};

struct Buffers {
    x: Vec<f32>,
    copy: Vec<f32>,
}

fn main() {
    binning();
    searches();
    channels();
    doors();
}

/// Values around zero, few of them far from it: the sum of two even spreads, cubed.
fn values(len: usize) -> Vec<f32> {
    let x = reals(len + 1);
    x.windows(2).map(|pair| ((pair[0] + pair[1]) / 4.0).powi(3)).collect()
}

fn binning() {
    let allocate = |len| Buffers { x: values(len), copy: vec![0.0; len] };
    let mut comparison = Comparison::new("histogram", allocate, |b, n| b.copy[..n].copy_from_slice(&b.x[..n]));
    let level = detect();
    let mut counts: Box<[u64; BINS]> = vec![0; BINS].try_into().expect("so many counts");
    comparison.add("8192 bins", move |b, n| histogram(level, &b.x[..n], exponent_for(8.0), black_box(&mut counts)));
    comparison.add("Percentile::observe", |b, n| {
        let mut estimator = Percentile::new(0.01, 0.99).expect("fractions of 1");
        estimator.observe(&b.x[..n]);
        black_box(estimator);
    });
    comparison.add("MinMax::observe", |b, n| {
        let mut estimator = MinMax::default();
        estimator.observe(&b.x[..n]);
        black_box(estimator);
    });
    comparison.add("naive, 2048 bins", |b, n| {
        let mut counts = vec![0_u64; 2048];
        for &x in &b.x[..n] {
            let bin = ((x + 8.0) / 16.0 * 2048.0) as usize;
            counts[bin.min(2047)] += 1;
        }
        black_box(counts);
    });
    comparison.run();
}

/// The time is that of a whole search, for one range.
fn searches() {
    let allocate = |len| Buffers { x: values(len), copy: vec![0.0; len] };
    let mut comparison =
        Comparison::new("range_search", allocate, |b, n| b.copy[..n].copy_from_slice(&b.x[..n])).up_to(1 << 20);
    comparison.add("MSE, i8, all values", |b, n| {
        _ = black_box(Mse::default().range_of(&b.x[..n], &Scheme::<i8>::symmetric()));
    });
    comparison.add("MSE, i4, all values", |b, n| {
        _ = black_box(Mse::default().range_of(&b.x[..n], &Scheme::<I4>::symmetric()));
    });
    comparison.add("MSE, u8 with zero point", |b, n| {
        _ = black_box(Mse::default().range_of(&b.x[..n], &Scheme::<u8>::affine()));
    });
    comparison.add("OCTAV, i8, all values", |b, n| {
        _ = black_box(Octav::default().range_of(&b.x[..n], &Scheme::<i8>::symmetric()));
    });
    comparison.add("MSE, i8, streamed", |b, n| streamed(Mse::default(), &b.x[..n]));
    comparison.add("L2.4, i8, streamed", |b, n| streamed(LpNorm::default(), &b.x[..n]));
    comparison.add("entropy, i8, streamed", |b, n| streamed(Entropy::default(), &b.x[..n]));
    comparison.add("naive: the best of 100 clips", |b, n| {
        let max = b.x[..n].iter().fold(0.0_f32, |m, x| m.max(x.abs()));
        let error = |scale: f32| {
            let one = |x: &f32| (x - (x / scale).round_ties_even().clamp(-127.0, 127.0) * scale).powi(2);
            b.x[..n].iter().map(one).sum::<f32>()
        };
        black_box((1..=100).map(|i| error(max * i as f32 / 12_700.0)).fold(f32::INFINITY, f32::min));
    });
    comparison.run();
}

/// The parameters of channels of 1024 values, and of blocks of 32.
fn channels() {
    let allocate = |len| Buffers { x: values(len), copy: vec![0.0; len] };
    let mut comparison =
        Comparison::new("range_channels", allocate, |b, n| b.copy[..n].copy_from_slice(&b.x[..n])).up_to(1 << 16);
    comparison.add("MSE, i8, channels", |b, n| {
        by_channel(&b.x[..n], &Scheme::<i8>::symmetric().with_estimator(Mse::default()));
    });
    comparison.add("MSE, i4, channels", |b, n| {
        by_channel(&b.x[..n], &Scheme::<I4>::symmetric().with_estimator(Mse::default()));
    });
    comparison.add("MSE, i4, blocks of 32", |b, n| {
        let scheme = Scheme::<I4>::symmetric().with_estimator(Mse::default()).with_blocks(0, 32);
        _ = black_box(estimate_params(ArrayView1::from(&b.x[..n]), &scheme));
    });
    comparison.add("OCTAV, i4, channels", |b, n| {
        by_channel(&b.x[..n], &Scheme::<I4>::symmetric().with_estimator(Octav::default()));
    });
    comparison.run();
}

fn by_channel<C: Code, E: RangeEstimator>(values: &[f32], scheme: &Scheme<C, E, Symmetric>) {
    let channels = values.len().div_ceil(1024);
    let view =
        ArrayView2::from_shape((channels, values.len() / channels), &values[..values.len() / channels * channels]);
    _ = black_box(estimate_params(view.expect("rows of equal length"), &scheme.clone().with_axis(0)));
}

/// The parameters of whole tensors.
fn doors() {
    let allocate = |len| Buffers { x: values(len), copy: vec![0.0; len] };
    let mut comparison =
        Comparison::new("range_doors", allocate, |b, n| b.copy[..n].copy_from_slice(&b.x[..n])).up_to(1 << 20);
    comparison.add("percentile 99.9 %", |b, n| {
        let estimator = Percentile::two_sided(0.999).expect("a share of 1");
        _ = black_box(estimate_params(
            ArrayView1::from(&b.x[..n]),
            &Scheme::<i8>::symmetric().with_estimator(estimator),
        ));
    });
    comparison.add("entropy", |b, n| {
        let scheme = Scheme::<i8>::symmetric().with_estimator(Entropy::default());
        _ = black_box(estimate_params(ArrayView1::from(&b.x[..n]), &scheme));
    });
    comparison.add("mean and deviation", |b, n| {
        let estimator = MeanStd::new(3.0).expect("a positive number");
        _ = black_box(estimate_params(
            ArrayView1::from(&b.x[..n]),
            &Scheme::<i8>::symmetric().with_estimator(estimator),
        ));
    });
    comparison.run();
}

fn streamed<E: RangeEstimator>(mut estimator: E, values: &[f32]) {
    estimator.observe(values);
    _ = black_box(estimator.range(&Scheme::<i8>::symmetric()));
}
