//! Every error metric has its textbook value, is never NaN, and says what it gives for no error, no signal and no data.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::{Array1, Array2, Array3, Array4, ArrayD, Axis, IxDyn, array};
use proptest::prelude::*;
use tensor_quant::metrics::{
    ChannelErrors, ErrorMetrics, Histogram, jensen_shannon_divergence, kl_divergence, per_channel, per_tensor,
};
use tensor_quant::params::{Granularity, QuantParams, ValueRange};
use tensor_quant::range::Fixed;
use tensor_quant::{Error, QuantizedTensor, Scheme, f16, quantize_tensor, quantize_with_params};

const NAMES: [&str; 10] =
    ["mse", "rmse", "mae", "max_abs", "bias", "relative_l2", "cosine", "sqnr_db", "psnr_db", "psnr_db_of_width"];

fn named(metrics: &ErrorMetrics, name: &str) -> f64 {
    match name {
        "mse" => metrics.mse(),
        "rmse" => metrics.rmse(),
        "mae" => metrics.mae(),
        "max_abs" => metrics.max_abs_error(),
        "bias" => metrics.bias(),
        "relative_l2" => metrics.relative_l2(),
        "cosine" => metrics.cosine_similarity(),
        "sqnr_db" => metrics.sqnr_db(),
        "psnr_db" => metrics.psnr_db(),
        "psnr_db_of_width" => metrics.psnr_db_of_width(),
        other => panic!("there is no metric {other}"),
    }
}

fn between(x: &[f32], y: &[f32]) -> ErrorMetrics {
    ErrorMetrics::between(x, y).unwrap()
}

#[test]
fn lossless_is_infinitely_good_and_never_nan() {
    for x in [vec![1.0_f32, -2.0, 3.5], vec![0.0; 5], vec![-0.0, 0.0], vec![f32::MAX, f32::MIN], vec![1e-45], vec![]] {
        let metrics = between(&x, &x);
        assert_eq!(metrics.sqnr_db(), f64::INFINITY, "{x:?}");
        assert_eq!((metrics.psnr_db(), metrics.psnr_db_of_width()), (f64::INFINITY, f64::INFINITY), "{x:?}");
        assert_eq!((metrics.mse(), metrics.rmse(), metrics.mae(), metrics.bias()), (0.0, 0.0, 0.0, 0.0));
        assert_eq!((metrics.max_abs_error(), metrics.max_abs_error_index()), (0.0, None));
        assert_eq!(metrics.relative_l2(), 0.0);
        assert!((metrics.cosine_similarity() - 1.0).abs() < 1e-15, "{x:?}");
        assert!(metrics.to_string().starts_with("lossless, "), "{metrics}");
    }
    // −0 restored as 0 is no error.
    assert_eq!(between(&[-0.0, 1.0], &[0.0, 1.0]).sqnr_db(), f64::INFINITY);
}

#[test]
fn an_error_on_a_zero_signal_is_infinitely_bad() {
    let metrics = between(&[0.0, 0.0, -0.0, 0.0], &[0.0, 0.5, 0.0, 0.0]);
    assert_eq!(metrics.sqnr_db(), f64::NEG_INFINITY);
    assert_eq!((metrics.psnr_db(), metrics.psnr_db_of_width()), (f64::NEG_INFINITY, f64::NEG_INFINITY));
    assert_eq!(metrics.relative_l2(), f64::INFINITY);
    assert_eq!(metrics.cosine_similarity(), 0.0);
    assert_eq!((metrics.mse(), metrics.bias(), metrics.max_abs_error_index()), (0.0625, -0.125, Some(1)));
}

#[test]
fn everything_lost_is_a_relative_error_of_one() {
    let metrics = between(&[3.0, -4.0], &[0.0, 0.0]);
    assert_eq!((metrics.relative_l2(), metrics.sqnr_db(), metrics.cosine_similarity()), (1.0, 0.0, 0.0));
    assert_eq!((metrics.zeroed(), metrics.bias()), (2, -0.5));
}

#[test]
fn a_sign_flip_points_the_other_way() {
    assert!((between(&[1.0, 2.0], &[-1.0, -2.0]).cosine_similarity() + 1.0).abs() < 1e-15);
}

#[test]
fn no_data_has_no_error() {
    let metrics = between(&[], &[]);
    assert_eq!(metrics, ErrorMetrics::default());
    assert_eq!((metrics.count(), metrics.non_finite(), metrics.saturated(), metrics.zeroed()), (0, 0, 0, 0));
    assert_eq!((metrics.mse(), metrics.cosine_similarity(), metrics.sqnr_db()), (0.0, 1.0, f64::INFINITY));
    let empty = Array2::<f32>::zeros((0, 3));
    assert_eq!(per_tensor(empty.view(), empty.view()).unwrap(), metrics);
    assert_eq!(per_channel(empty.view(), empty.view(), 1).unwrap(), [metrics; 3]);
    assert_eq!(per_channel(empty.view(), empty.view(), 0).unwrap(), []);
}

#[test]
fn pairs_that_are_not_finite_are_counted_and_left_out() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let (x, y) = ([nan, 1.0, inf, 3.0, -inf, 4.0, 2.0, nan], [0.0, nan, 127.0, 3.5, -inf, inf, 2.0, nan]);
    let metrics = between(&x, &y);
    assert_eq!((metrics.count(), metrics.non_finite()), (8, 6));
    let finite = between(&[3.0, 2.0], &[3.5, 2.0]);
    for name in NAMES {
        assert_eq!(named(&metrics, name), named(&finite, name), "{name}");
    }
    assert_eq!(metrics.max_abs_error_index(), Some(3));
    assert_eq!(metrics.zeroed(), 0, "a NaN restored as 0 is not finite, and nothing else");
    assert!(metrics.to_string().ends_with(", 6 not finite"), "{metrics}");

    let nothing_left = between(&[nan, inf], &[1.0, 1.0]);
    for name in NAMES {
        assert!(!named(&nothing_left, name).is_nan(), "{name}");
    }
    assert_eq!((nothing_left.non_finite(), nothing_left.mse(), nothing_left.max_abs_error_index()), (2, 0.0, None));
}

#[test]
fn the_index_is_that_of_the_first_largest_error() {
    for at in [0, 1, 15, 16, 4095, 4096, 4097, 8191, 9000] {
        let x = vec![1.0_f32; 9001];
        let mut y = x.clone();
        y[at] = 3.0;
        assert_eq!(between(&x, &y).max_abs_error_index(), Some(at as u64));
        // As large, with the other sign, but later.
        y[9000] = -1.0;
        assert_eq!(between(&x, &y).max_abs_error_index(), Some(at as u64));
        assert_eq!(between(&x, &y).max_abs_error(), 2.0);
    }
    // What is not finite before it does not move it.
    let mut x = vec![1.0_f32; 5000];
    let mut y = x.clone();
    (x[0], y[4500]) = (f32::NAN, 0.0);
    assert_eq!(between(&x, &y).max_abs_error_index(), Some(4500));
    let error = per_tensor(
        Array2::from_shape_vec((50, 100), x).unwrap().view(),
        Array2::from_shape_vec((50, 100), y).unwrap().view(),
    );
    assert_eq!(error.unwrap().max_abs_error_index(), Some(4500));
}

#[test]
fn unequal_lengths_and_shapes_are_named() {
    let message = ErrorMetrics::between(&[1.0, 2.0], &[1.0]).unwrap_err().to_string();
    assert_eq!(message, "restored values: expected a length of 2, got 1");
    let (x, y) = (Array2::<f32>::zeros((2, 3)), Array2::<f32>::zeros((3, 2)));
    let message = per_tensor(x.view(), y.view()).unwrap_err().to_string();
    assert_eq!(message, "the tensor to compare with: expected the shape [2, 3], got [3, 2]");
    assert!(matches!(per_channel(x.view(), y.view(), 0), Err(Error::ShapeMismatch { .. })));
    let error = per_channel(x.view(), x.view(), 2);
    assert!(matches!(error, Err(Error::AxisOutOfBounds { axis: 2, ndim: 2 })), "{error:?}");
    assert!(matches!(kl_divergence(&[1.0], &[1.0, 2.0]), Err(Error::LengthMismatch { expected: 1, actual: 2, .. })));
    assert!(kl_divergence(&[-1.0], &[1.0]).is_err());
    assert!(jensen_shannon_divergence(&[1.0], &[f64::NAN]).is_err());
    assert!(kl_divergence(&[f64::INFINITY], &[1.0]).is_err());
}

#[test]
fn a_channel_is_the_slice_by_hand() {
    let x = Array3::from_shape_fn((3, 5, 7), |(i, j, k)| ((i * 35 + j * 7 + k) as f32 * 0.7).sin() * (i + 1) as f32);
    let y = x.mapv(|x| (x * 8.0).round() / 8.0);
    for axis in 0..3 {
        let channels = per_channel(x.view(), y.view(), axis).unwrap();
        assert_eq!(channels.len(), x.len_of(Axis(axis)));
        for (k, channel) in channels.iter().enumerate() {
            let by_hand = |t: &Array3<f32>| -> Vec<f32> { t.index_axis(Axis(axis), k).iter().copied().collect() };
            assert_eq!(channel, &between(&by_hand(&x), &by_hand(&y)), "axis {axis}, channel {k}");
        }
        let q = quantize_tensor(x.view(), &Scheme::<i8>::symmetric().with_axis(axis)).unwrap();
        let by_hand = per_channel(x.view(), q.dequantize().view(), axis).unwrap();
        let channels = q.error_per_channel(x.view(), axis).unwrap();
        for (channel, by_hand) in channels.iter().zip(&by_hand) {
            for name in NAMES {
                assert_eq!(named(channel, name), named(by_hand, name), "axis {axis}: {name}");
            }
        }
    }
}

/// Each group saturates at its own ends.
#[test]
fn saturated_values_are_counted_by_the_scale_of_their_group() {
    let params = QuantParams::per_axis::<i8>(0, vec![1.0, 0.01], vec![0, 0]).unwrap();
    let x = array![[100.0_f32, -129.0, 127.4, f32::INFINITY], [1.0, -1.285, 1.276, -1.3]];
    let q = quantize_with_params(x.view(), &params, Scheme::<i8>::symmetric().settings()).unwrap();
    // −129 and ∞ in the first row; in the second −1.3 and 1.276 lie more than half a step beyond −1.28 and 1.27.
    let error = q.error(x.view()).unwrap();
    assert_eq!((error.saturated(), error.non_finite(), error.count()), (4, 1, 8));

    let by_row: Vec<u64> = (0..2)
        .map(|row| {
            let params = QuantParams::per_tensor::<i8>(q.params().scales()[row], 0).unwrap();
            let codes = q.codes().index_axis(Axis(0), row).to_owned();
            QuantizedTensor::new(codes, params).unwrap().error(x.index_axis(Axis(0), row)).unwrap().saturated()
        })
        .collect();
    assert_eq!(by_row, [2, 2]);
}

#[test]
fn half_a_step_beyond_the_last_code_is_not_saturated() {
    let params = QuantParams::per_tensor::<u8>(0.5, 100).unwrap();
    // The reals of the codes 0 and 255 are −50 and 77.5.
    let x = array![-50.25_f32, -50.26, 77.75, 77.76, 0.0];
    let q = quantize_with_params(x.view(), &params, Scheme::<u8>::affine().settings()).unwrap();
    assert_eq!(q.error(x.view()).unwrap().saturated(), 2);
    // A range in use that is narrower than the type saturates earlier.
    let narrow = Scheme::<i8>::symmetric().with_estimator(Fixed::new(ValueRange::new(-127.0, 127.0).unwrap()));
    let x = array![-128.0_f32, -127.0, 127.0];
    assert_eq!(quantize_tensor(x.view(), &narrow).unwrap().error(x.view()).unwrap().saturated(), 1);
}

#[test]
fn floating_codes_saturate_beyond_the_largest_of_them() {
    let x = array![65_504.0_f32, 70_000.0, -1e30, 1e-9];
    let error = quantize_tensor(x.view(), &Scheme::<f16>::cast()).unwrap().error(x.view()).unwrap();
    assert_eq!((error.saturated(), error.zeroed()), (2, 1));
}

#[test]
fn channels_count_their_saturated_values() {
    let fixed = Fixed::new(ValueRange::new(-1.0, 1.0).unwrap());
    let x = array![[0.5_f32, 3.0], [0.25, 0.5], [-7.0, f32::NEG_INFINITY]];
    let q = quantize_tensor(x.view(), &Scheme::<i8>::symmetric().with_estimator(fixed)).unwrap();
    assert_eq!(q.error(x.view()).unwrap().saturated(), 3);
    let rows = q.error_per_channel(x.view(), 0).unwrap();
    assert_eq!(rows.iter().map(ErrorMetrics::saturated).collect::<Vec<_>>(), [1, 0, 2]);
}

#[test]
fn values_lost_to_the_step_are_counted() {
    let x = array![1.0_f32, 0.001, 0.0, -0.002, 0.5];
    let q = quantize_tensor(x.view(), &Scheme::<i8>::symmetric()).unwrap();
    assert_eq!(q.error(x.view()).unwrap().zeroed(), 2);
}

#[test]
fn it_reads_well_in_one_line() {
    let metrics = between(&[3.0, 4.0, 0.0, 1.0], &[3.0, 4.5, 0.0, 1.0]);
    assert_eq!(
        metrics.to_string(),
        "SQNR 20.17 dB, MSE 6.250e-2, largest error 5.0000e-1 at 1, cosine 0.998409, 0 of 4 saturated"
    );
    assert_eq!(
        between(&[1.0, f32::NAN], &[1.0, 1.0]).to_string(),
        "lossless, MSE 0.000e0, largest error 0.0000e0, cosine 1.000000, 0 of 2 saturated, 1 not finite"
    );
}

#[test]
fn divergences_of_what_is_empty_equal_or_disjoint() {
    assert_eq!(kl_divergence(&[], &[]).unwrap(), 0.0);
    assert_eq!(kl_divergence(&[0.0], &[0.0]).unwrap(), 0.0);
    assert_eq!(kl_divergence(&[0.0], &[1.0]).unwrap(), f64::INFINITY);
    assert_eq!(kl_divergence(&[0.0, 1.0], &[1.0, 0.0]).unwrap(), f64::INFINITY);
    let apart = jensen_shannon_divergence(&[0.0, 1.0], &[3.0, 0.0]).unwrap();
    assert!((apart - std::f64::consts::LN_2).abs() < 1e-15);
    assert_eq!(jensen_shannon_divergence(&[2.0, 6.0], &[1.0, 3.0]).unwrap(), 0.0);
}

#[test]
fn edges_and_bins_of_a_histogram() {
    let mut histogram = Histogram::new(ValueRange::new(-1.0, 1.0).unwrap(), 4).unwrap();
    histogram.add(&[-1.0, -0.5, -0.500_001, 0.0, 0.999, 1.0, 1.000_001, -2.0, f32::NAN, f32::INFINITY]);
    assert_eq!(histogram.counts(), [2, 1, 1, 2]);
    assert_eq!((histogram.below(), histogram.above(), histogram.nan()), (1, 2, 1));
    assert_eq!(histogram.edges().collect::<Vec<_>>(), [-1.0, -0.5, 0.0, 0.5, 1.0]);
    assert_eq!(histogram.to_string().lines().count(), 4);
    assert!(histogram.to_string().lines().all(|line| line.contains('#')));
    assert!(matches!(Histogram::new(ValueRange::ZERO, 0), Err(Error::InvalidSetting { .. })));
    // No width: everything equal is in the first bin.
    let mut point = Histogram::new(ValueRange::new(2.0, 2.0).unwrap(), 3).unwrap();
    point.add(&[2.0, 2.0, 1.0, 3.0]);
    assert_eq!((point.counts(), point.below(), point.above()), (&[2, 0, 0][..], 1, 1));
}

#[test]
fn an_f64_beyond_f32_restored_as_infinity_is_a_change() {
    let error = per_tensor(array![1e60_f64, 1.0].view(), array![f32::INFINITY, 1.0].view()).unwrap();
    assert_eq!((error.non_finite(), error.non_finite_changed(), error.count()), (1, 1, 2));
    // An infinity that was one before is none.
    let error = per_tensor(array![f64::INFINITY, f64::NAN].view(), array![f32::INFINITY, f32::NAN].view()).unwrap();
    assert_eq!((error.non_finite(), error.non_finite_changed()), (2, 0));
    let x = array![[1e60_f64, 1.0], [2.0, -1e60]];
    let rows = per_channel(x.view(), x.mapv(|x| x as f32).view(), 0).unwrap();
    assert_eq!(rows.iter().map(ErrorMetrics::non_finite_changed).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn an_f64_below_f32_restored_as_zero_is_lost() {
    for tiny in [1e-60_f64, -1e-200, 5e-324] {
        let error = per_tensor(array![tiny].view(), array![0.0_f32].view()).unwrap();
        assert_eq!((error.zeroed(), error.max_abs_error(), error.max_abs_error_index()), (1, tiny.abs(), Some(0)));
        assert_eq!((error.sqnr_db(), error.relative_l2(), error.rmse()), (0.0, 1.0, tiny.abs()), "{tiny}");
        // Beside a value that is as it was: the error is small, and still one.
        let error = per_tensor(array![1.0, tiny].view(), array![1.0_f32, 0.0].view()).unwrap();
        assert!(error.zeroed() == 1 && error.sqnr_db() > 1000.0 && error.sqnr_db() < f64::INFINITY, "{error}");
        assert!(!error.to_string().contains("lossless"), "{error}");
    }
}

#[test]
fn an_f64_tensor_is_not_the_same_as_its_f32s() {
    let x = array![0.1_f64, 0.2, -0.3];
    let error = per_tensor(x.view(), x.mapv(|x| x as f32).view()).unwrap();
    assert!((120.0..200.0).contains(&error.sqnr_db()), "{error}");
    assert!(error.max_abs_error() > 0.0 && !error.to_string().contains("lossless"));
    let error = per_tensor(x.mapv(|x| x as f32).view(), x.view()).unwrap();
    assert!((120.0..200.0).contains(&error.sqnr_db()), "{error}");
    assert_eq!(per_tensor(x.view(), x.view()).unwrap().sqnr_db(), f64::INFINITY);
}

#[test]
fn squares_of_f64s_neither_overflow_nor_vanish() {
    for unit in [1e200_f64, 1e-200, 1e300, 1e-300, 1.0] {
        let (x, y) = (array![3.0 * unit, 4.0 * unit], array![3.0 * unit, 4.5 * unit]);
        let error = per_tensor(x.view(), y.view()).unwrap();
        assert!((error.sqnr_db() - 20.0).abs() < 1e-9, "{unit}: {error}");
        assert!(
            (error.max_abs_error() / unit - 0.5).abs() < 1e-12
                && (error.rmse() / unit - 0.125_f64.sqrt()).abs() < 1e-12
        );
        assert!((error.psnr_db() - 10.0 * (16.0_f64 / 0.125).log10()).abs() < 1e-9, "{unit}");
        assert!((error.cosine_similarity() - between(&[3.0, 4.0], &[3.0, 4.5]).cosine_similarity()).abs() < 1e-12);
        // Blocks of other sizes, before and behind.
        let mut x = vec![unit; 5000];
        let mut y = x.clone();
        (x[4500], y[4500], x[0], y[0]) = (2.0 * unit, unit, 0.0, 0.0);
        let error = per_tensor(Array1::from(x).view(), Array1::from(y).view()).unwrap();
        assert_eq!((error.max_abs_error(), error.max_abs_error_index()), (unit, Some(4500)));
    }
    let error = per_tensor(array![f64::MAX, 1.0].view(), array![f64::MIN, 1.0].view()).unwrap();
    assert_eq!((error.max_abs_error(), error.non_finite()), (f64::INFINITY, 0));
    assert!((error.sqnr_db() + 20.0 * 2.0_f64.log10()).abs() < 1e-9);
}

#[test]
fn a_quantized_f64_tensor_is_compared_with_its_f64s() {
    let x = array![[1e60_f64, 0.5, 1e-60], [-1e60, 0.25, -0.0]];
    let params = QuantParams::per_tensor::<i8>(0.25, 0).unwrap();
    let q = quantize_with_params(x.view(), &params, Scheme::<i8>::symmetric().settings()).unwrap();
    let error = q.error(x.view()).unwrap();
    assert_eq!((error.saturated(), error.zeroed(), error.non_finite()), (2, 1, 0));
    assert_eq!((error.max_abs_error(), error.max_abs_error_index()), (1e60, Some(0)));
    for axis in 0..2 {
        let channels = q.error_per_channel(x.view(), axis).unwrap();
        assert_eq!(channels.iter().map(ErrorMetrics::saturated).sum::<u64>(), 2, "axis {axis}");
        assert_eq!(channels[0].max_abs_error(), 1e60);
    }
}

/// An error of this many dB: of 1, a part of it.
fn channel(db: f64) -> ErrorMetrics {
    between(&[1.0, 0.0], &[1.0, 10.0_f32.powf(-db as f32 / 20.0)])
}

#[test]
fn the_worst_and_the_median_channel_stand_beside_the_whole() {
    let channels = ChannelErrors::new([40.0, 12.0, 30.0, 5.0, 20.0].map(channel).into());
    assert_eq!(channels.worst().map(|(index, _)| index), Some(3));
    assert_eq!(channels.median().map(|(index, error)| (index, error.sqnr_db().round())), Some((4, 20.0)));
    assert_eq!(channels.lost().collect::<Vec<_>>(), [3]);
    assert_eq!(channels.below(25.0).collect::<Vec<_>>(), [1, 3, 4]);
    // Of an even number the worse one in the middle; of equal ones the first.
    let even = ChannelErrors::new([40.0, 10.0, 30.0, 20.0].map(channel).into());
    assert_eq!(even.median().map(|(index, _)| index), Some(3));
    let equal = ChannelErrors::new([10.0; 4].map(channel).into());
    assert_eq!((equal.worst().unwrap().0, equal.median().unwrap().0), (0, 1));
    assert_eq!(equal.channels().len(), 4);
}

#[test]
fn a_lost_row_shows_beside_a_large_value() {
    let x = array![[1e6_f32, -1e6, 1e6], [0.5, -0.25, 0.125], [0.0, 0.0, 0.0], [1e6, 1e6, 1e6]];
    let q = quantize_tensor(x.view(), &Scheme::<i8>::symmetric()).unwrap();
    assert!(q.error(x.view()).unwrap().sqnr_db() > 100.0);
    let rows = q.channel_errors(x.view(), 0).unwrap();
    assert_eq!(rows.worst().map(|(row, error)| (row, error.sqnr_db(), error.zeroed())), Some((1, 0.0, 3)));
    assert_eq!(rows.lost().collect::<Vec<_>>(), [1]);
    assert_eq!(rows.channels()[2].sqnr_db(), f64::INFINITY, "zeros restored as zeros");
    assert!(matches!(q.channel_errors(x.view(), 2), Err(Error::AxisOutOfBounds { axis: 2, ndim: 2 })));
}

#[test]
fn odd_channels_are_not_lost_unless_they_are() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let constant = between(&[2.5; 3], &[2.5; 3]);
    let (zeros, wrong_zeros) = (between(&[0.0; 3], &[0.0; 3]), between(&[0.0; 3], &[0.0, 0.1, 0.0]));
    let (kept, changed) = (between(&[nan, inf, 1.0], &[nan, inf, 1.0]), between(&[inf, 1.0], &[3e38, 1.0]));
    let all = ChannelErrors::new(vec![constant, zeros, wrong_zeros, kept, changed, between(&[], &[])]);
    assert_eq!(all.lost().collect::<Vec<_>>(), [2]);
    // An infinity that became finite is an error without end.
    assert_eq!(all.worst().map(|(index, error)| (index, error.non_finite_changed())), Some((4, 1)));
    assert_eq!(all.channels()[3].non_finite(), 2);
    assert_eq!(all.median().map(|(index, error)| (index, error.sqnr_db())), Some((0, f64::INFINITY)));
    let none = ChannelErrors::new(vec![]);
    assert_eq!((none.worst(), none.median(), none.lost().count()), (None, None, 0));
    assert_eq!(none, ChannelErrors::default());
}

/// Sizes that do not fit squares, slabs or blocks, and layouts of every kind.
#[test]
fn any_layout_has_the_errors_of_its_row_major_copy() {
    let value = |i: usize| ((i as f32 * 0.618).fract() - 0.5) * 8.0;
    for shape in [[1, 1, 70, 45], [3, 17, 5, 33], [2, 1, 300, 61], [1, 130, 1, 523], [19, 2, 3, 3]] {
        let x = Array4::from_shape_fn(shape, |(a, b, c, d)| value(((a * shape[1] + b) * shape[2] + c) * shape[3] + d));
        let y = x.mapv(|x| (x * 4.0).round() / 4.0);
        let odd = ndarray::s![.., .., ..;2, ..;-1];
        let orders = [[0, 1, 2, 3], [0, 1, 3, 2], [0, 2, 3, 1], [3, 2, 1, 0], [1, 0, 2, 3], [2, 3, 0, 1]];
        for order in orders {
            let (x, y) = (x.view().permuted_axes(order), y.view().permuted_axes(order));
            let wide = x.mapv(f64::from);
            for (x, y) in [(x.view(), y.view()), (x.slice(odd), y.slice(odd))] {
                let (by_hand, restored): (Vec<f32>, Vec<f32>) = x.iter().copied().zip(y.iter().copied()).unzip();
                let want = between(&by_hand, &restored);
                let copy = y.as_standard_layout().into_owned();
                assert_eq!(per_tensor(x.view(), y.view()).unwrap(), want, "{shape:?} {order:?}");
                assert_eq!(per_tensor(x.view(), copy.view()).unwrap(), want);
                for axis in 0..4 {
                    let channels = per_channel(x.view(), copy.view(), axis).unwrap();
                    for (k, channel) in channels.iter().enumerate() {
                        let of =
                            |t: &ndarray::ArrayView4<'_, f32>| t.index_axis(Axis(axis), k).iter().copied().collect();
                        let (x, y): (Vec<f32>, Vec<f32>) = (of(&x), of(&y));
                        assert_eq!(channel, &between(&x, &y), "{shape:?} {order:?} axis {axis}");
                    }
                }
            }
            assert_eq!(per_tensor(wide.view(), y).unwrap(), per_tensor(x, y).unwrap(), "{shape:?} {order:?} in f64");
        }
    }
}

/// The definition, an element at a time.
fn saturated_by_hand(x: &ArrayD<f32>, params: &QuantParams, axis: usize) -> Vec<u64> {
    let mut counts = vec![0; x.shape()[axis]];
    let mut groups = vec![0; x.len()];
    for span in params.granularity().spans(x.shape()).unwrap() {
        for i in 0..span.len {
            groups[span.start + i] = span.first_group + i / span.repeat;
        }
    }
    for ((index, &x), group) in x.indexed_iter().zip(groups) {
        let group = params.group(group).unwrap();
        let real = |code: f64| (code - f64::from(group.zero_point())) * f64::from(group.scale());
        counts[index[axis]] += u64::from(f64::from(x) < real(-128.5) || f64::from(x) > real(127.5));
    }
    counts
}

#[test]
fn saturated_values_of_any_granularity_are_counted_in_their_channel() {
    let shape = [6, 35, 40];
    let x = ArrayD::from_shape_fn(IxDyn(&shape), |i| {
        ((i[0] * 1400 + i[1] * 40 + i[2]) as f32 * 0.618).fract() * 300.0 - 150.0
    });
    for granularity in [
        Granularity::Tensor,
        Granularity::Axis(0),
        Granularity::Axis(1),
        Granularity::Axis(2),
        Granularity::Block { axis: 2, size: 8 },
        Granularity::Block { axis: 2, size: 7 },
        Granularity::Block { axis: 0, size: 4 },
    ] {
        let groups = granularity.groups(&shape).unwrap();
        let scales = (0..groups).map(|group| 0.7 + (group % 13) as f32 * 0.05).collect();
        let zero_points = (0..groups).map(|group| (group % 5) as i32 - 2).collect();
        let codes = tensor_quant::params::CodeRange::of::<i8>();
        let params = QuantParams::new(granularity, codes, scales, zero_points).unwrap();
        let q = quantize_with_params(x.view(), &params, Scheme::<i8>::affine().settings()).unwrap();
        let restored = q.dequantize();
        for axis in 0..3 {
            let want = saturated_by_hand(&x, &params, axis);
            assert!(want.iter().sum::<u64>() > 100);
            let channels = q.error_per_channel(x.view(), axis).unwrap();
            assert_eq!(channels.iter().map(ErrorMetrics::saturated).collect::<Vec<_>>(), want, "{granularity} {axis}");
            assert_eq!(q.error(x.view()).unwrap().saturated(), want.iter().sum::<u64>(), "{granularity}");
            let wide = q.error_per_channel(x.mapv(f64::from).view(), axis).unwrap();
            assert_eq!(wide, channels, "{granularity} {axis} in f64");
            let by_hand = per_channel(x.view(), restored.view(), axis).unwrap();
            for (channel, by_hand) in channels.iter().zip(&by_hand) {
                for name in NAMES {
                    assert_eq!(named(channel, name), named(by_hand, name), "{granularity} {axis}: {name}");
                }
            }
        }
    }
}

/// More columns than are summed at once, numbers that are no multiple of a vector, and rows of more than a block.
#[test]
fn the_columns_of_any_matrix_are_channels() {
    for (rows, columns) in [(16, 16), (17, 2100), (130, 33), (4200, 19), (70, 1024), (16, 1025), (15, 40)] {
        let value = |i: usize| ((i as f32 * 0.618).fract() - 0.5) * (1 + i % columns) as f32;
        let mut x = Array2::from_shape_fn((rows, columns), |(i, j)| value(i * columns + j));
        let tensor = Scheme::<i8>::symmetric().with_estimator(Fixed::new(ValueRange::new(-6.0, 6.0).unwrap()));
        for not_finite in [false, true] {
            if not_finite {
                x[[rows - 1, columns / 2]] = f32::NEG_INFINITY;
            }
            for axis_of_groups in [None, Some(1)] {
                let q = match axis_of_groups {
                    None => quantize_tensor(x.view(), &tensor).unwrap(),
                    Some(axis) => quantize_tensor(x.view(), &Scheme::<i8>::symmetric().with_axis(axis)).unwrap(),
                };
                let restored = q.dequantize();
                let channels = q.error_per_channel(x.view(), 1).unwrap();
                assert_eq!(
                    channels.iter().map(ErrorMetrics::saturated).sum::<u64>(),
                    q.error(x.view()).unwrap().saturated()
                );
                let plain = per_channel(x.view(), restored.view(), 1).unwrap();
                for (k, (channel, plain)) in channels.iter().zip(&plain).enumerate() {
                    let want = between(&x.column(k).to_vec(), &restored.column(k).to_vec());
                    assert_eq!(plain, &want, "{rows} × {columns}, column {k}");
                    let counts = |m: &ErrorMetrics| {
                        (m.zeroed(), m.non_finite(), m.non_finite_changed(), m.max_abs_error_index())
                    };
                    assert_eq!(counts(channel), counts(&want), "{rows} × {columns}, column {k}");
                    for name in NAMES {
                        assert_eq!(named(channel, name), named(&want, name), "{rows} × {columns}, column {k}: {name}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_histogram_counts_as_its_definition_however_many_values_there_are() {
    let range = ValueRange::new(-1.0, 1.5).unwrap();
    for (bins, len) in [(1, 10), (7, 5000), (64, 70_000), (2048, 100_000), (20_000, 30_000)] {
        let values: Vec<f32> =
            (0..len).map(|i| ((i % 3500) as f32 / 1000.0 - 1.5) * if i % 7 == 0 { 1.25 } else { 1.0 }).collect();
        let mut histogram = Histogram::new(range, bins).unwrap();
        histogram.add(&values);
        let (mut counts, mut below, mut above) = (vec![0_u64; bins], 0, 0);
        for x in values.iter().map(|&x| f64::from(x)) {
            match x {
                x if x < -1.0 => below += 1,
                x if x > 1.5 => above += 1,
                x => counts[(((x + 1.0) / 2.5 * bins as f64) as usize).min(bins - 1)] += 1,
            }
        }
        assert_eq!(histogram.counts(), counts, "{bins} bins");
        assert_eq!((histogram.below(), histogram.above(), histogram.nan()), (below, above, 0));
    }
}

fn real() -> impl Strategy<Value = f32> {
    prop_oneof![any::<u32>().prop_map(f32::from_bits), -10.0_f32..10.0, Just(0.0)]
}

/// The definitions, one pair after another.
fn naive(pairs: &[(f32, f32)]) -> [f64; 5] {
    let finite = pairs.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
    let pairs: Vec<(f64, f64)> = finite.map(|&(x, y)| (f64::from(x), f64::from(y))).collect();
    let n = pairs.len().max(1) as f64;
    let mse = pairs.iter().map(|(x, y)| (x - y) * (x - y)).sum::<f64>() / n;
    let mae = pairs.iter().map(|(x, y)| (x - y).abs()).sum::<f64>() / n;
    let bias = pairs.iter().map(|(x, y)| x - y).sum::<f64>() / n;
    let max = pairs.iter().map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
    let signal = pairs.iter().map(|(x, _)| x * x).sum::<f64>();
    [mse, mae, bias, max, signal / n]
}

proptest! {
    #[test]
    fn no_metric_is_ever_nan(pairs in prop::collection::vec((real(), real()), 0..100)) {
        let (x, y): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
        let metrics = between(&x, &y);
        for name in NAMES {
            prop_assert!(!named(&metrics, name).is_nan(), "{name}");
        }
        prop_assert!(metrics.cosine_similarity().abs() <= 1.0);
        prop_assert!(!metrics.to_string().contains("NaN"));
    }

    #[test]
    fn metrics_follow_their_definitions(pairs in prop::collection::vec((real(), real()), 0..300)) {
        let [mse, mae, bias, max, signal] = naive(&pairs);
        let (x, y): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
        let metrics = between(&x, &y);
        prop_assert!((metrics.mse() - mse).abs() <= 1e-12 * mse);
        prop_assert!((metrics.rmse() - mse.sqrt()).abs() <= 1e-12 * mse.sqrt());
        prop_assert!((metrics.mae() - mae).abs() <= 1e-12 * mae);
        prop_assert!((metrics.bias() - bias).abs() <= 1e-12 * mae);
        prop_assert_eq!(metrics.max_abs_error(), max);
        if mse > 0.0 && signal > 0.0 {
            let sqnr = 10.0 * (signal.log10() - mse.log10());
            prop_assert!((metrics.sqnr_db() - sqnr).abs() < 1e-8);
        }
        let first = x.iter().zip(&y).position(|(&x, &y)| (f64::from(x) - f64::from(y)).abs() == max);
        prop_assert_eq!(metrics.max_abs_error_index(), first.filter(|_| max > 0.0).map(|i| i as u64));
        let zeroed = x.iter().zip(&y).filter(|&(&x, &y)| x.is_finite() && x != 0.0 && y == 0.0).count();
        prop_assert_eq!(metrics.zeroed(), zeroed as u64);
    }

    #[test]
    fn a_histogram_of_errors_holds_every_pair(pairs in prop::collection::vec((real(), real()), 0..200), bins in 1_usize..50) {
        let (x, y): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
        let histogram = Histogram::of_errors(&x, &y, bins).unwrap();
        prop_assert_eq!(histogram.counts().len(), bins);
        let inside: u64 = histogram.counts().iter().sum();
        prop_assert_eq!(inside + histogram.below() + histogram.above() + histogram.nan(), x.len() as u64);
        // Only errors that are not finite, or beyond f32, lie outside.
        let holds = |&(&x, &y): &(&f32, &f32)| (f64::from(x) - f64::from(y)).abs() <= f64::from(f32::MAX);
        prop_assert_eq!(inside, x.iter().zip(&y).filter(holds).count() as u64);
    }

    #[test]
    fn a_perfect_histogram_has_no_divergence_and_any_other_has_some(counts in prop::collection::vec(0_u32..50, 1..40)) {
        let p: Vec<f64> = counts.iter().map(|&count| f64::from(count)).collect();
        prop_assert_eq!(kl_divergence(&p, &p).unwrap(), 0.0);
        let q: Vec<f64> = p.iter().map(|p| p + 1.0).collect();
        let (there, back) = (kl_divergence(&p, &q).unwrap(), kl_divergence(&q, &q).unwrap());
        prop_assert!(there >= -1e-12 && !there.is_nan() && back == 0.0);
        let (one, other) = (jensen_shannon_divergence(&p, &q).unwrap(), jensen_shannon_divergence(&q, &p).unwrap());
        prop_assert!((one - other).abs() < 1e-12 && one <= std::f64::consts::LN_2 + 1e-12);
    }

    #[test]
    fn metrics_of_other_types_are_those_of_their_values(values in prop::collection::vec(-100.0_f32..100.0, 1..80)) {
        let half: Array1<f16> = values.iter().map(|&x| f16::from_f32(x)).collect();
        let wide: Array1<f64> = values.iter().map(|&x| f64::from(x)).collect();
        let narrow: Vec<f32> = half.iter().map(|x| x.to_f32()).collect();
        prop_assert_eq!(per_tensor(wide.view(), half.view()).unwrap(), between(&values, &narrow));
    }
}
