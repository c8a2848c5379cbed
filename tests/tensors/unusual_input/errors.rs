//! Errors that name the numbers.

use super::{fixed, message, symmetric};
use ndarray::{Array2, ShapeBuilder, arr0, array};
use tensor_quant::metrics::{per_channel, per_tensor};
use tensor_quant::num::Code;
use tensor_quant::params::{AffineParams, Article, CodeRange, Granularity, ParamsCalculator, QuantParams, ValueRange};
use tensor_quant::tensor::{
    dequantize_into, dequantize_slice, estimate_params, fake_quantize_backward, fake_quantize_tensor_into,
    quantize_slice, quantize_slice_into, quantize_tensor_into,
};
use tensor_quant::{
    Error, I4, QuantizedTensor, Result, Scheme, f16, fake_quantize_tensor, quantize_tensor, quantize_with_params,
};

#[test]
fn an_axis_that_is_not_there_is_named() {
    let want = "axis 2 is out of bounds for a tensor of 2 dimensions";
    let x = Array2::<f32>::ones((2, 3));
    for granularity in [Granularity::Axis(2), Granularity::Block { axis: 2, size: 1 }] {
        let scheme = symmetric().with_granularity(granularity);
        assert_eq!(message(quantize_tensor(x.view(), &scheme)), want);
        assert_eq!(message(fake_quantize_tensor(x.view(), &scheme)), want);
        assert_eq!(message(estimate_params(x.view(), &scheme)), want);
        assert_eq!(message(quantize_tensor(x.view(), &scheme.with_estimator(fixed(0.0, 1.0)))), want);
    }
    let params = QuantParams::per_axis::<i8>(2, vec![1.0], vec![0]).unwrap();
    assert_eq!(message(quantize_with_params(x.view(), &params, symmetric().settings())), want);
    assert_eq!(message(QuantizedTensor::new(Array2::<i8>::zeros((2, 3)), params)), want);
    assert_eq!(message(per_channel(x.view(), x.view(), 2)), want);
    assert_eq!(message(quantize_tensor(x.view(), &symmetric()).unwrap().error_per_channel(x.view(), 2)), want);
    let scalar = message(quantize_tensor(arr0(1.0_f32).view(), &symmetric().with_axis(0)));
    assert_eq!(scalar, "axis 0 is out of bounds for a tensor of 0 dimensions");
    assert!(message(quantize_slice(&[1.0_f32], &symmetric().with_axis(usize::MAX))).contains(&usize::MAX.to_string()));
}

#[test]
fn a_block_of_no_elements_is_named() {
    let x = Array2::<f32>::ones((2, 3));
    let want = "a block size of 0 along axis 1 is not possible";
    assert_eq!(message(quantize_tensor(x.view(), &symmetric().with_blocks(1, 0))), want);
    assert_eq!(message(fake_quantize_tensor(x.view(), &symmetric().with_blocks(1, 0))), want);
    // The other extreme is one block.
    let q = quantize_tensor(x.view(), &symmetric().with_blocks(1, usize::MAX)).unwrap();
    assert_eq!((q.params().len(), q.dequantize()), (2, x));
}

#[test]
fn outputs_of_another_shape_are_named() {
    let x = Array2::<f32>::ones((2, 3));
    let (mut codes, mut reals) = (Array2::<i8>::zeros((3, 2)), Array2::<f32>::zeros((2, 4)));
    let of_codes = "the output: expected the shape [2, 3], got [3, 2]";
    let of_reals = "the output: expected the shape [2, 3], got [2, 4]";
    assert_eq!(message(quantize_tensor_into(x.view(), &symmetric(), codes.view_mut())), of_codes);
    assert_eq!(message(fake_quantize_tensor_into(x.view(), &symmetric(), reals.view_mut())), of_reals);
    let q = quantize_tensor(x.view(), &symmetric()).unwrap();
    assert_eq!(message(q.dequantize_into(reals.view_mut())), of_reals);
    assert_eq!(message(dequantize_into(q.codes().view(), q.params(), reals.view_mut())), of_reals);
    let want = "the tensor to compare with: expected the shape [2, 3], got [2, 4]";
    assert_eq!(message(q.error(reals.view())), want);
    assert_eq!(message(per_tensor(x.view(), reals.view())), want);
    let want = "the gradient: expected the shape [2, 3], got [2, 4]";
    assert_eq!(message(fake_quantize_backward(x.view(), reals.view(), q.params(), symmetric().settings())), want);
}

#[test]
fn outputs_that_are_not_row_major_are_named() {
    let x = Array2::<f32>::ones((2, 3));
    let mut codes = Array2::<i8>::zeros((2, 3).f());
    let want = "the output of shape [2, 3] has the strides [1, 2]: it must be contiguous in row-major order";
    assert_eq!(message(quantize_tensor_into(x.view(), &symmetric(), codes.view_mut())), want);
    let mut reals = Array2::<f32>::zeros((2, 3).f());
    assert_eq!(message(fake_quantize_tensor_into(x.view(), &symmetric(), reals.view_mut())), want);
    let q = quantize_tensor(x.view(), &symmetric()).unwrap();
    assert_eq!(message(q.dequantize_into(reals.view_mut())), want);
}

#[test]
fn slices_of_another_length_are_named() {
    let want = "codes: expected a length of 3, got 2";
    assert_eq!(message(quantize_slice_into(&[1.0_f32; 3], &symmetric(), &mut [0; 2])), want);
    let params = QuantParams::per_tensor::<i8>(1.0, 0).unwrap();
    let want = "reals: expected a length of 2, got 3";
    assert_eq!(message(dequantize_slice(&[0_i8; 2], &params, &mut [0.0; 3])), want);
    let want = "bytes of codes: expected a length of 2, got 3";
    assert_eq!(message(I4::read_packed(&[0; 3], &mut [I4::MIN; 3])), want);
    assert!(matches!(i16::read_packed(&[0; 3], &mut [0; 2]), Err(Error::LengthMismatch { .. })));
}

#[test]
fn parameters_of_another_number_of_groups_are_named() {
    let x = Array2::<f32>::ones((2, 3));
    let three = QuantParams::per_axis::<i8>(0, vec![1.0; 3], vec![0; 3]).unwrap();
    let want = "scales: expected a length of 2, got 3";
    assert_eq!(message(quantize_with_params(x.view(), &three, symmetric().settings())), want);
    assert_eq!(message(QuantizedTensor::new(Array2::<i8>::zeros((2, 3)), three.clone())), want);
    let mut out = Array2::zeros((2, 3));
    assert_eq!(message(dequantize_into(Array2::<i8>::zeros((2, 3)).view(), &three, out.view_mut())), want);
    assert_eq!(message(fake_quantize_backward(x.view(), x.view(), &three, symmetric().settings())), want);
    let unequal = QuantParams::per_axis::<i8>(0, vec![1.0; 3], vec![0; 2]);
    assert_eq!(message(unequal), "zero points: expected a length of 3, got 2");
    let two = QuantParams::new(Granularity::Tensor, CodeRange::of::<i8>(), vec![1.0; 2], vec![0; 2]);
    assert_eq!(message(two), "scales: expected a length of 1, got 2");
    assert_eq!(message(three.with_offsets(vec![0.0; 4])), "offsets: expected a length of 3, got 4");
}

#[test]
fn zero_points_outside_the_codes_are_named() {
    let want = "zero point 256 of group 0 is outside the codes 0..=255";
    assert_eq!(message(QuantParams::per_tensor::<u8>(1.0, 256)), want);
    let want = "zero point -129 of group 1 is outside the codes -128..=127";
    assert_eq!(message(QuantParams::per_axis::<i8>(0, vec![1.0; 2], vec![0, -129])), want);
    assert!(message(QuantParams::per_tensor::<I4>(1.0, 8)).contains("-8..=7"));
    assert!(QuantParams::per_tensor::<f16>(1.0, 1).is_err());
    assert!(QuantParams::per_tensor::<i32>(1.0, i32::MIN).is_ok());
    let scheme = Scheme::<i8>::article(Article::target(-200, 200).unwrap());
    let want = "zero point -200 of group 0 is outside the codes -128..=127";
    assert_eq!(message(quantize_tensor(array![1.0_f32, 2.0].view(), &scheme)), want);
}

#[test]
fn scales_that_are_no_positive_number_are_named() {
    for (bad, name) in [(0.0, "0"), (-1.5, "-1.5"), (f32::NAN, "NaN"), (f32::INFINITY, "inf"), (-0.0, "-0")] {
        let want = format!("scale {name} of group 1 is not a positive finite number");
        assert_eq!(message(QuantParams::per_axis::<i8>(0, vec![1.0, bad], vec![0, 0])), want);
        assert!(QuantParams::per_tensor::<u8>(bad, 0).is_err(), "{bad}");
    }
    for bad in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
        assert!(matches!(AffineParams::new(bad, 0), Err(Error::InvalidScale { .. })), "{bad}");
    }
    for bad in [f32::NAN, f32::INFINITY] {
        assert!(AffineParams::new(1.0, 0).unwrap().with_offset(bad).is_err());
        let params = QuantParams::per_tensor::<u8>(1.0, 0).unwrap();
        assert!(message(params.with_offsets(vec![bad])).contains("the offset must be finite"));
    }
    // The smallest scale of a file is taken as it is.
    assert_eq!(QuantParams::per_tensor::<u8>(1e-45, 0).unwrap().scales(), [1e-45]);
}

#[test]
fn ranges_out_of_order_are_named() {
    let want = "a range of values needs finite bounds with min <= max, got min = 2 and max = 1";
    assert_eq!(message(ValueRange::new(2.0, 1.0)), want);
    for (min, max) in [(f32::NAN, 1.0), (0.0, f32::NAN), (f32::NEG_INFINITY, 0.0), (0.0, f32::INFINITY)] {
        assert!(matches!(ValueRange::new(min, max), Err(Error::InvalidRange { .. })));
    }
    assert!(Article::target(1, 1).is_err() && Article::target(2, 1).is_err());
}

#[test]
fn codes_that_do_not_fit_the_type_are_named() {
    let want = "codes 5..=5 are not a range of at least two codes within the -128..=127 of i8";
    assert_eq!(message(CodeRange::new(5_i8, 5_i8)), want);
    assert!(CodeRange::new(5_i8, 4_i8).is_err());
    assert!(CodeRange::new(f16::NAN, f16::ONE).is_err());
    let params = QuantParams::per_tensor::<u8>(1.0, 128).unwrap();
    let want = "codes 0..=255 are not a range of at least two codes within the -128..=127 of i8";
    assert_eq!(message(quantize_with_params(array![1.0_f32].view(), &params, symmetric().settings())), want);
    assert_eq!(message(QuantizedTensor::new(array![0_i8], params.clone())), want);
    assert_eq!(message(dequantize_slice(&[0_i8], &params, &mut [0.0])), want);
    let mut out = array![0.0_f32];
    assert_eq!(message(dequantize_into(array![0_i8].view(), &params, out.view_mut())), want);
    // Fewer codes than the type has are fine.
    let few = QuantParams::new(Granularity::Tensor, CodeRange::new(-3_i8, 3).unwrap(), vec![1.0], vec![0]).unwrap();
    let q = quantize_with_params(array![9.0_f32, -9.0, 2.0].view(), &few, symmetric().settings()).unwrap();
    assert_eq!(q.codes(), &array![3_i8, -3, 2]);
}

/// A calculator of somebody else may name codes that the type does not have: refused, not wrapped.
#[test]
fn a_calculator_whose_codes_do_not_fit_is_refused() {
    #[derive(Clone, Copy, Debug)]
    struct TenBits;
    impl ParamsCalculator for TenBits {
        fn params(&self, _range: ValueRange, _codes: CodeRange) -> Result<AffineParams> {
            AffineParams::new(0.01, 0)
        }
        fn codes(&self, _full: CodeRange) -> CodeRange {
            CodeRange::new(-512_i16, 511).unwrap()
        }
    }
    let x = array![1.0_f32, 5.0, -5.0];
    let scheme = Scheme::<i8>::affine().with_calculator(TenBits);
    let want = "codes -512..=511 are not a range of at least two codes within the -128..=127 of i8";
    assert_eq!(message(quantize_tensor(x.view(), &scheme)), want);
    assert_eq!(message(fake_quantize_tensor(x.view(), &scheme)), want);
    assert_eq!(message(quantize_slice_into(x.as_slice().unwrap(), &scheme, &mut [0; 3])), want);
}

#[test]
fn floating_codes_have_no_affine_scheme() {
    let error = quantize_tensor(array![1.0_f32, 2.0].view(), &Scheme::<f16>::affine()).unwrap_err();
    assert_eq!(error.to_string(), "an affine scheme needs integer codes: floating ones have no zero point");
}

#[test]
fn an_error_can_say_which_tensor_it_is_about() {
    let error = Error::AxisOutOfBounds { axis: 3, ndim: 1 }.of_tensor("fc1.weight");
    let want = "tensor \"fc1.weight\": axis 3 is out of bounds for a tensor of 1 dimensions";
    assert_eq!(error.to_string(), want);
}

#[test]
fn an_error_names_the_group_that_has_no_data() {
    let nothing = f32::INFINITY;
    let x = array![[1.0_f32, nothing, 2.0, 3.0], [4.0, nothing, 5.0, 6.0], [nothing, nothing, nothing, nothing]];
    let group_of = |error: Error| match error {
        Error::NoData { group, .. } => group,
        other => panic!("{other}"),
    };
    let error = |granularity, x: ndarray::ArrayView2<'_, f32>| {
        group_of(quantize_tensor(x, &symmetric().with_granularity(granularity)).unwrap_err())
    };
    assert_eq!(error(Granularity::Axis(0), x.view()), Some(2));
    assert_eq!(error(Granularity::Axis(1), x.view()), Some(1));
    assert_eq!(error(Granularity::Axis(0), x.t()), Some(1));
    assert_eq!(error(Granularity::Block { axis: 1, size: 2 }, x.view()), Some(4));
    assert_eq!(error(Granularity::Block { axis: 0, size: 2 }, x.view()), Some(1));
    assert_eq!(error(Granularity::Tensor, array![[nothing]].view()), None);
    assert_eq!(error(Granularity::Axis(0), array![[nothing]].view()), Some(0));
    // Each estimator is fed in its own way.
    for estimator in ["percentile 99", "moving-average .5", "mean-std 3"] {
        let scheme: tensor_quant::AnyScheme = format!("i8 per axis 0, {estimator}").parse().unwrap();
        assert_eq!(group_of(scheme.quantize(&x).unwrap_err()), Some(2), "{estimator}");
        assert_eq!(group_of(scheme.with_axis(1).quantize(&x).unwrap_err()), Some(1), "{estimator}");
    }
}
