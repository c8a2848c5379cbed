//! Integer-only arithmetic stays within a code of the reals it stands for, and says where it cannot.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use ndarray::{Array1, Array2, array};
use proptest::prelude::*;
use tensor_quant::convention::ConventionError;
use tensor_quant::convention::tflite::{quantize_bias, weights};
use tensor_quant::kernel::{self, Requantization};
use tensor_quant::params::{Affine, FixedPointMultiplier, ProductRounding, QuantParams};
use tensor_quant::tensor::{ActivationParams, FullyConnected, Fused};
use tensor_quant::{Error, QuantizedTensor, Scheme, f16, quantize_tensor};

fn matrix(rows: usize, columns: usize, seed: f32) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(i, j)| ((i * columns + j) as f32 * 0.7 + seed).sin())
}

proptest! {
    #[test]
    fn a_layer_is_within_a_code_of_the_same_layer_in_reals(
        batch in 0_usize..4, depth in 1_usize..40, channels in 1_usize..12, seed in 0.0_f32..9.0,
        per_axis: bool, fused in prop::sample::select(vec![Fused::None, Fused::Relu, Fused::Relu6, Fused::ReluN1To1]),
    ) {
        let (w, b) = (matrix(channels, depth, seed), matrix(1, channels, seed + 1.0));
        let input = ActivationParams { scale: 0.013, zero_point: -5 };
        let output = ActivationParams { scale: 0.09, zero_point: 7 };
        let scheme = weights::<i8>();
        let w = quantize_tensor(w.view(), &if per_axis { scheme.with_axis(0) } else { scheme }).unwrap();
        let b = quantize_bias(b.as_slice().unwrap(), input.scale, w.params().scales(), 32).unwrap();
        let x = Array2::from_shape_fn((batch, depth), |(i, j)| ((i * 57 + j * 31 + 11) % 256) as u8 as i8);
        let bias: Vec<i32> = b.codes.iter().map(|&b| b as i32).collect();
        let y = FullyConnected::new(&w, bias, input, output, fused).unwrap().forward(x.view()).unwrap();

        let reals = x.mapv(|code| (f32::from(code) - input.zero_point as f32) * input.scale);
        let bias = Array1::from_iter(b.codes.iter().zip(&b.scales).map(|(&code, scale)| code as f32 * scale));
        let want = reals.dot(&w.dequantize().t()) + bias;
        for (&code, &real) in y.iter().zip(&want) {
            let real = match fused {
                Fused::None => real,
                Fused::Relu => real.max(0.0),
                Fused::Relu6 => real.clamp(0.0, 6.0),
                Fused::ReluN1To1 => real.clamp(-1.0, 1.0),
            };
            let want = (real / output.scale + output.zero_point as f32).clamp(-128.0, 127.0);
            prop_assert!((f32::from(code) - want).abs() <= 1.0, "{code} for {want}");
        }
    }

    #[test]
    fn requantized_codes_are_within_a_code_of_the_reals(
        codes in prop::collection::vec(any::<i8>(), 0..50), scale in 0.01_f32..1.0, to in 0.01_f32..1.0,
        zero_point in any::<i8>(), zero_point_to in any::<u8>(), single: bool,
    ) {
        let params = QuantParams::per_tensor::<i8>(scale, i32::from(zero_point)).unwrap();
        let q = QuantizedTensor::new(Array1::from(codes), params).unwrap();
        let rounding = if single { ProductRounding::Single } else { ProductRounding::Double };
        let there = q.requantize::<u8>(to, i32::from(zero_point_to), rounding).unwrap();
        for (&code, real) in there.codes().iter().zip(q.dequantize()) {
            let want = (real / to + f32::from(zero_point_to)).clamp(0.0, 255.0);
            prop_assert!((f32::from(code) - want).abs() <= 1.0, "{code} for {want}");
        }
    }

    #[test]
    fn accumulators_of_32_bits_become_codes_at_every_level(sums in prop::collection::vec(any::<i32>(), 0..40), real in 1e-9_f64..1.0) {
        let settings = Requantization {
            multiplier: FixedPointMultiplier::from_real(real).unwrap(),
            rounding: ProductRounding::Double,
            zero_point_in: 0,
            zero_point_out: -3,
            codes: (-32_768, 32_767),
        };
        for level in kernel::levels() {
            let mut got = vec![0_i16; sums.len()];
            kernel::requantize(level, &sums, settings, &mut got);
            let want = sums.iter().map(|&sum| i64::from(settings.multiplier.multiply(sum, settings.rounding)) - 3);
            let want: Vec<i16> = want.map(|code| code.clamp(-32_768, 32_767) as i16).collect();
            prop_assert_eq!(&got, &want, "{:?}", level);
        }
    }
}

#[test]
fn a_bias_that_does_not_fit_names_the_scale_at_which_it_would() {
    let error = quantize_bias(&[0.1, 1000.0], 1e-4, &[1e-2, 1e-6], 32).unwrap_err();
    let Some(&ConventionError::BiasOverflow { channel: 1, smallest_weight_scale, .. }) = error.floor() else {
        panic!("{error}")
    };
    assert!(smallest_weight_scale > 1e-6);
    assert!(quantize_bias(&[0.1, 1000.0], 1e-4, &[1e-2, smallest_weight_scale], 32).is_ok());
    assert!(quantize_bias(&[0.1, 1000.0], 1e-4, &[1e-2, smallest_weight_scale.next_down()], 32).is_err());
    assert!(error.to_string().contains("bias 1000 of channel 1 does not fit 32 bits"), "{error}");
    assert!(
        matches!(quantize_bias(&[0.1, f32::NAN], 0.1, &[0.1], 32), Err(Error::NotANumber { index }) if index == [1])
    );
    assert!(quantize_bias(&[0.1; 3], 0.1, &[0.1; 2], 32).is_err());
    for bits in [0, 8, 16, 33, u32::MAX] {
        let error = quantize_bias(&[1.0], 1e-4, &[1e-2], bits).unwrap_err().to_string();
        assert_eq!(error, format!("the number of bits of a bias must be 32 or 64, got {bits}"));
    }
    // 40 bits have more room.
    assert!(quantize_bias(&[1000.0], 1e-4, &[1e-4], 64).is_ok());
}

#[test]
fn layers_that_do_not_fit_together_are_named() {
    let w = quantize_tensor(matrix(3, 5, 0.0).view(), &weights::<i8>().with_axis(0)).unwrap();
    let good = ActivationParams { scale: 0.1, zero_point: 0 };
    let new = |bias, input, output| FullyConnected::new(&w, bias, input, output, Fused::None);
    assert_eq!(new(vec![0; 2], good, good).unwrap_err().to_string(), "biases: expected a length of 3, got 2");
    let message = |layer: Result<FullyConnected, Error>| layer.unwrap_err().to_string();
    assert_eq!(
        message(new(vec![0; 3], ActivationParams { scale: 0.0, ..good }, good)),
        "the scale of the layer's input must be a positive finite number, got 0"
    );
    assert_eq!(
        message(new(vec![0; 3], good, ActivationParams { zero_point: 200, ..good })),
        "the zero point of the layer's output must be from -128 to 127, got 200"
    );
    let layer = new(vec![0; 3], good, good).unwrap();
    let error = layer.forward(Array2::zeros((2, 4)).view()).unwrap_err().to_string();
    assert_eq!(error, "the layer's input: expected the shape [2, 5], got [2, 4]");
    let columns = quantize_tensor(matrix(3, 5, 0.0).view(), &weights::<i8>().with_axis(1)).unwrap();
    assert_eq!(
        message(FullyConnected::new(&columns, vec![0; 3], good, good, Fused::None)),
        "the matrix of a layer's weights must have its scales per tensor or per axis 0, not per axis 1"
    );
    let shifted = quantize_tensor(matrix(3, 5, 0.0).view(), &Scheme::<i8>::affine()).unwrap();
    let zero_point = shifted.params().zero_points()[0];
    assert_eq!(
        message(FullyConnected::new(&shifted, vec![0; 3], good, good, Fused::None)),
        format!("the zero point of a layer's weights must be 0, got {zero_point}")
    );
}

#[test]
fn only_integers_with_one_scale_are_requantized() {
    let x = array![[1.0_f32, 2.0], [3.0, 4.0]];
    let channels = quantize_tensor(x.view(), &Scheme::<i8>::symmetric().with_axis(0)).unwrap();
    let error = channels.requantize::<i8>(0.1, 0, ProductRounding::Double).unwrap_err().to_string();
    assert_eq!(error, "a tensor to be requantized must have its scales per tensor, not per axis 0");
    let offset = Scheme::<i8>::affine().with_calculator(Affine::without_zero());
    let offset = quantize_tensor(x.view(), &offset).unwrap();
    let error = offset.requantize::<i8>(0.1, 0, ProductRounding::Double).unwrap_err().to_string();
    assert_eq!(error, "the offset of a tensor to be requantized must be 0, got 1");
    let halves = quantize_tensor(x.view(), &Scheme::<f16>::cast()).unwrap();
    let error = halves.requantize::<i8>(0.1, 0, ProductRounding::Double).unwrap_err().to_string();
    assert_eq!(error, "requantizing needs integer codes: floating ones have no zero point");
    let q = quantize_tensor(x.view(), &Scheme::<i8>::symmetric()).unwrap();
    assert!(q.requantize::<i8>(f32::NAN, 0, ProductRounding::Double).is_err());
    assert!(q.requantize::<u8>(0.1, -1, ProductRounding::Double).is_err());
}

#[test]
fn a_much_finer_scale_saturates() {
    let q = QuantizedTensor::new(array![10_i8, -20, 127, 0], QuantParams::per_tensor::<i8>(1.0, 0).unwrap()).unwrap();
    for scale in [2.0_f32.powi(-25), 2.0_f32.powi(-26), 1e-9, 1e-10, 1e-20, f32::MIN_POSITIVE] {
        for rounding in [ProductRounding::Double, ProductRounding::Single] {
            let finer = q.requantize::<i8>(scale, 0, rounding).unwrap();
            assert_eq!(finer.codes(), &array![127_i8, -128, 127, 0], "{scale} {rounding:?}");
            let wide = q.requantize::<i32>(scale, 0, rounding).unwrap();
            let exact = |code: f64| (code / f64::from(scale)).clamp(f64::from(i32::MIN), f64::from(i32::MAX));
            for (&got, code) in wide.codes().iter().zip([10.0, -20.0, 127.0, 0.0]) {
                assert!((f64::from(got) - exact(code)).abs() <= 2.0, "{scale} {rounding:?}: {got}");
            }
        }
    }
    let w = QuantizedTensor::new(array![[1_i8]], QuantParams::per_tensor::<i8>(1.0, 0).unwrap()).unwrap();
    let (input, output) =
        (ActivationParams { scale: 1.0, zero_point: 0 }, ActivationParams { scale: 1e-10, zero_point: 0 });
    let layer = FullyConnected::new(&w, vec![0], input, output, Fused::None).unwrap();
    assert_eq!(layer.forward(array![[3_i8], [-3], [0]].view()).unwrap(), array![[127_i8], [-128], [0]]);
}

#[test]
fn a_layer_may_be_left_with_one_code() {
    let w = QuantizedTensor::new(array![[1_i8]], QuantParams::per_tensor::<i8>(1.0, 0).unwrap()).unwrap();
    let input = ActivationParams { scale: 1.0, zero_point: 0 };
    for (fused, scale, zero_point, code) in [
        (Fused::Relu, 1.0, 127, 127),
        (Fused::Relu6, 100.0, 0, 0),
        (Fused::Relu6, 100.0, -128, -128),
        (Fused::ReluN1To1, 100.0, -128, -128),
        (Fused::ReluN1To1, 100.0, 127, 127),
    ] {
        let layer = FullyConnected::new(&w, vec![0], input, ActivationParams { scale, zero_point }, fused).unwrap();
        let y = layer.forward(array![[-100_i8], [0], [100]].view()).unwrap();
        assert_eq!(y, array![[code], [code], [code]], "{fused:?} {scale} {zero_point}");
    }
}
