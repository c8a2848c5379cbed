//! Infinities, and values far beyond the scale.

use super::{INTEGERS, error, message, numbers, symmetric};
use ndarray::{Array1, array};
use tensor_quant::num::F8E5M2;
use tensor_quant::params::{Affine, Cast, CodeRange, Granularity, QuantParams};
use tensor_quant::tensor::TensorError;
use tensor_quant::{AnyScheme, QuantizedTensor, Scaling, Scheme, f16, quantize_tensor};

#[test]
fn infinities_do_not_widen_the_range_are_counted_and_saturate() {
    let x = array![f32::INFINITY, -1.0, 2.0, f32::NEG_INFINITY];
    let q = quantize_tensor(x.view(), &symmetric()).unwrap();
    assert_eq!(q.params().scales(), [2.0 / 127.0]);
    assert_eq!((q.codes()[0], q.codes()[3]), (127, -127));
    assert_eq!((q.observed().infinite, q.observed().nan), (2, 0));
    let error = q.error(x.view()).unwrap();
    assert_eq!((error.non_finite(), error.saturated()), (2, 2));
    let half = quantize_tensor(x.view(), &Scheme::<f16>::cast()).unwrap();
    assert_eq!((half.codes()[0].to_f32(), half.codes()[3].to_f32()), (65_504.0, -65_504.0));
    let ieee = quantize_tensor(x.view(), &Scheme::<f16>::cast().with_calculator(Cast::ieee())).unwrap();
    assert_eq!((ieee.codes()[0].to_f32(), ieee.codes()[3].to_f32()), (f32::INFINITY, f32::NEG_INFINITY));
    let nothing_else = array![f32::INFINITY, f32::NEG_INFINITY];
    assert!(message(quantize_tensor(nothing_else.view(), &symmetric())).contains("0 were NaN and 2 infinite"));
}

/// A conversion before the clamp would wrap: 1e10 to the other end.
#[test]
fn values_far_beyond_the_scale_saturate_at_their_own_end() {
    for code in INTEGERS {
        for big in [1e10_f32, 3e38, f32::MAX, 2_147_483_648.0, 4_294_967_296.0, f32::INFINITY] {
            for scale in [1e-38_f32, 0.01, 1.0] {
                for scaling in [Scaling::Divide, Scaling::Reciprocal] {
                    let codes = CodeRange::of_type(code);
                    let params =
                        QuantParams::new(Granularity::Tensor, codes, vec![scale], vec![codes.middle()]).unwrap();
                    let scheme = AnyScheme::new(code).with_calculator(Affine::default()).with_scaling(scaling);
                    let x = Array1::from(vec![big, -big]);
                    let q = scheme.quantize_with_params(&x, &params).unwrap();
                    if code.bits() == 32 && big <= 1e10 && scale == 1.0 {
                        continue;
                    }
                    assert_eq!(numbers(&q), [code.max(), code.min()], "{code} {big:e} {scale:e}");
                    if big.is_finite() {
                        assert_eq!(error(&q, &x).saturated(), 2, "{code} {big:e} {scale:e}");
                    }
                }
            }
        }
    }
}

#[test]
fn codes_of_infinity_and_nan_are_taken_and_no_finite_code_beyond_the_range() {
    let params = QuantParams::per_tensor::<F8E5M2>(2.0, 0).unwrap();
    let codes = [0x7c_u8, 0xfc, 0x7e, 0x3c].map(F8E5M2::from_bits);
    let q = QuantizedTensor::new(ndarray::arr1(&codes), params).unwrap();
    let restored = q.dequantize();
    assert_eq!((restored[0], restored[1], restored[3]), (f32::INFINITY, f32::NEG_INFINITY, 2.0));
    assert!(restored[2].is_nan());

    let narrow = CodeRange::new(-127_i8, 127).unwrap();
    let params = QuantParams::new(Granularity::Tensor, narrow, vec![1.0], vec![0]).unwrap();
    let refused = QuantizedTensor::new(ndarray::arr1(&[-128_i8]), params).unwrap_err();
    assert!(matches!(refused.floor(), Some(TensorError::CodeOutOfRange { .. })), "{refused}");
}
