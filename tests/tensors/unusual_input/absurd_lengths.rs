//! Absurd lengths.

use super::{fixed, message, symmetric};
use ndarray::{Array2, ArrayD, IxDyn};
use tensor_quant::convention::ConventionError;
use tensor_quant::convention::onnx_runtime::{BlockKind, entropy_threshold, quantize_matmul_nbits};
use tensor_quant::convention::tflite::quantize_bias;
use tensor_quant::metrics::Histogram;
use tensor_quant::params::{Granularity, ValueRange};
use tensor_quant::range::MovingAverage;
use tensor_quant::{Error, Scheme, U4, quantize_tensor};

#[test]
fn blocks_longer_than_their_axis_take_no_more_memory_than_the_axis() {
    let x = Array2::from_shape_fn((2, 50_000), |(i, j)| (i + j) as f32 * 0.01);
    let of = |size| {
        let whole = Scheme::<i8>::symmetric().with_estimator(MovingAverage::new(0.5).unwrap()).with_blocks(0, size);
        quantize_tensor(x.view(), &whole).unwrap().into_parts().0
    };
    assert_eq!(of(usize::MAX), of(2));
}

#[test]
fn an_empty_tensor_of_absurdly_many_channels_has_no_range_or_no_room() {
    let x = ArrayD::<f32>::zeros(IxDyn(&[1 << 60, 0]));
    let scheme = symmetric().with_axis(0);
    assert!(matches!(quantize_tensor(x.view(), &scheme), Err(Error::NoData { .. })));
    let whole = scheme.with_estimator(MovingAverage::new(0.5).unwrap());
    assert!(matches!(quantize_tensor(x.t(), &whole.with_axis(1)), Err(Error::NoData { .. })));
    let known = scheme.with_estimator(fixed(-1.0, 1.0));
    assert_eq!(message(quantize_tensor(x.view(), &known)), format!("{} scales do not fit in memory", 1_u64 << 60));
    for granularity in [Granularity::Tensor, Granularity::Axis(1), Granularity::Block { axis: 1, size: 3 }] {
        assert_eq!(quantize_tensor(x.view(), &known.with_granularity(granularity)).unwrap().codes().len(), 0);
    }
}

#[test]
fn shapes_too_large_to_count_have_groups_and_spans_all_the_same() {
    let empty = [vec![0, usize::MAX, usize::MAX], vec![usize::MAX, 0], vec![usize::MAX, 3, 0], vec![usize::MAX, 0, 2]];
    for shape in [vec![3, usize::MAX], vec![usize::MAX, 3, 2], vec![usize::MAX; 4]].into_iter().chain(empty) {
        for axis in 0..shape.len() {
            for size in [1, 2, usize::MAX] {
                for granularity in [Granularity::Tensor, Granularity::Axis(axis), Granularity::Block { axis, size }] {
                    assert!(granularity.groups(&shape).is_ok());
                    assert!(granularity.spans(&shape).unwrap().take(20).all(|span| span.len > 0 && span.repeat > 0));
                }
            }
        }
        assert!(Granularity::Axis(usize::MAX).groups(&shape).is_err());
        assert!(Granularity::Block { axis: usize::MAX, size: 1 }.spans(&shape).is_err());
    }
}

#[test]
fn a_histogram_of_absurdly_many_bins_is_refused() {
    let range = ValueRange::new(0.0, 1.0).unwrap();
    assert!(Histogram::new(range, 1 << 24).is_ok());
    let error = "the number of bins must be from 1 to 16777216, got 16777217";
    assert_eq!(message(Histogram::new(range, (1 << 24) + 1)), error);
    assert!(Histogram::new(range, usize::MAX).is_err() && Histogram::of_errors(&[1.0], &[0.5], usize::MAX).is_err());
}

#[test]
fn blocks_that_would_be_filled_up_to_an_absurd_length_are_refused() {
    for weights in [Array2::<f32>::ones((3, 2)), Array2::ones((0, 2)), Array2::ones((3, 0))] {
        for size in [1 << 17, 1 << 60, usize::MAX - 7] {
            let error = message(quantize_matmul_nbits::<U4>(weights.view(), size, BlockKind::Affine));
            assert!(error.starts_with("the block size must be a whole number of bytes, of at most 65536"), "{error}");
        }
        assert!(quantize_matmul_nbits::<U4>(weights.view(), 1 << 16, BlockKind::Affine).is_ok());
    }
}

#[test]
fn counts_whose_sum_is_beyond_64_bits_are_refused() {
    let edges = [0.0_f32, 1.0, 2.0, 3.0, 4.0];
    let error = message(entropy_threshold(&[u64::MAX, 6, u64::MAX, 1], &edges, 2));
    assert!(error.starts_with("the sum of the counts must be below 2^64"), "{error}");
    assert!(entropy_threshold(&[1, u64::MAX - 3, 1, 1], &edges, 2).is_ok());
}

#[test]
fn a_bias_in_a_scale_that_is_none_is_refused_at_once() {
    for scale in [-1e-30_f32, 0.0, f32::NAN, f32::MIN_POSITIVE] {
        let error = quantize_bias(&[1e30], scale, &[1.0], 32).unwrap_err();
        assert!(matches!(error.floor(), Some(ConventionError::BiasOverflow { channel: 0, .. })), "{error}");
    }
}
