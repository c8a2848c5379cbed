//! NaN: refused and named, skipped, or coded as it comes.

use super::{fixed, message, symmetric};
use ndarray::{Array, Array2, arr0, array};
use tensor_quant::params::{Granularity, NanPolicy, QuantParams};
use tensor_quant::tensor::{estimate_params, fake_quantize_backward, quantize_slice};
use tensor_quant::{Scheme, bf16, f16, fake_quantize_tensor, quantize_tensor, quantize_with_params};

#[test]
fn nan_is_refused_and_its_index_named_along_every_axis() {
    let want = "the value at index [1, 2, 3] is NaN; `NanPolicy::Skip` would code it as the zero point";
    let mut x = Array::zeros((2, 3, 4));
    (x[[1, 2, 3]], x[[0, 0, 0]]) = (f32::NAN, 1.0);
    for granularity in [
        Granularity::Tensor,
        Granularity::Axis(0),
        Granularity::Axis(1),
        Granularity::Axis(2),
        Granularity::Block { axis: 1, size: 2 },
        Granularity::Block { axis: 2, size: 3 },
    ] {
        let scheme = symmetric().with_granularity(granularity);
        assert_eq!(message(quantize_tensor(x.view(), &scheme)), want, "{granularity}");
        assert_eq!(message(fake_quantize_tensor(x.view(), &scheme)), want, "{granularity}");
        assert_eq!(message(estimate_params(x.view(), &scheme)), want, "{granularity}");
        let scheme = scheme.with_estimator(fixed(-1.0, 1.0));
        assert_eq!(message(quantize_tensor(x.view(), &scheme)), want, "{granularity}, a fixed range");
    }
    let params = QuantParams::per_tensor::<i8>(1.0, 0).unwrap();
    assert_eq!(message(quantize_with_params(x.view(), &params, symmetric().settings())), want);
    assert_eq!(message(fake_quantize_backward(x.view(), x.view(), &params, symmetric().settings())), want);
    assert_eq!(message(quantize_tensor(x.mapv(f16::from_f32).view(), &symmetric())), want);
    assert_eq!(message(quantize_tensor(x.view(), &Scheme::<f16>::cast())), want);
    // The first of several, far into the tensor; no dimension at all.
    let mut long = Array2::zeros((3, 5000));
    (long[[1, 4321]], long[[2, 0]]) = (f32::NAN, f32::NAN);
    assert!(message(quantize_tensor(long.view(), &symmetric())).contains("index [1, 4321]"));
    assert!(message(quantize_tensor(arr0(f32::NAN).view(), &symmetric())).contains("index []"));
    assert!(message(quantize_slice(&[0.0, f32::NAN], &symmetric())).contains("index [1]"));
}

#[test]
fn a_skipped_nan_is_the_zero_point_and_leaves_the_range_alone() {
    let x = array![f32::NAN, -1.0, 3.0, -f32::NAN];
    let scheme = Scheme::<u8>::affine().with_nan_policy(NanPolicy::Skip);
    let q = quantize_tensor(x.view(), &scheme).unwrap();
    let without = quantize_tensor(array![-1.0_f32, 3.0].view(), &scheme).unwrap();
    assert_eq!(q.params(), without.params());
    assert_eq!(q.codes(), &array![64_u8, 0, 255, 64]);
    assert_eq!((q.dequantize()[0], q.observed().nan), (0.0, 2));
    assert_eq!(q.error(x.view()).unwrap().non_finite(), 2);
    let q = quantize_tensor(x.view(), &Scheme::<f16>::cast().with_nan_policy(NanPolicy::Skip)).unwrap();
    assert_eq!((q.codes()[0].to_bits(), q.codes()[1].to_f32()), (0, -1.0));
}

#[test]
fn a_native_nan_is_the_smallest_code_or_stays_nan() {
    let x = array![f32::NAN, -1.0, 3.0];
    let q = quantize_tensor(x.view(), &Scheme::<u8>::affine().with_nan_policy(NanPolicy::Native)).unwrap();
    assert_eq!(q.codes()[0], 0);
    let q = quantize_tensor(x.view(), &Scheme::<i8>::affine().with_nan_policy(NanPolicy::Native)).unwrap();
    assert_eq!(q.codes()[0], -128);
    let q = quantize_tensor(x.view(), &symmetric().with_nan_policy(NanPolicy::Native)).unwrap();
    assert_eq!(q.codes()[0], -127);
    let q = quantize_tensor(x.view(), &Scheme::<i32>::symmetric().with_nan_policy(NanPolicy::Native)).unwrap();
    assert_eq!(q.codes()[0], -i32::MAX);
    let q = quantize_tensor(x.view(), &Scheme::<f16>::cast().with_nan_policy(NanPolicy::Native)).unwrap();
    assert!(q.codes()[0].is_nan() && q.dequantize()[0].is_nan());
    let q = quantize_tensor(x.view(), &Scheme::<bf16>::cast().with_nan_policy(NanPolicy::Native)).unwrap();
    assert!(q.codes()[0].is_nan() && !q.codes()[1].is_nan());
}

#[test]
fn a_channel_of_nothing_but_nan_has_no_range() {
    let x = array![[1.0_f32, 2.0], [f32::NAN, f32::NAN]];
    let scheme = symmetric().with_axis(0).with_nan_policy(NanPolicy::Skip);
    assert!(message(quantize_tensor(x.view(), &scheme)).contains("of 2 values, 2 were NaN and 0 infinite"));
}
