//! What unusual input gives: the table of the crate's documentation, row by row, and no panic for anything else.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::{
    Array, Array1, Array2, Array3, ArrayD, ArrayView1, ArrayViewD, Axis, Dimension, IxDyn, ShapeBuilder, arr0, array,
};
use proptest::prelude::*;
use tensor_quant::convention::onnx_runtime::{BlockKind, entropy_threshold, quantize_matmul_nbits};
use tensor_quant::convention::tflite::quantize_bias;
use tensor_quant::metrics::{ErrorMetrics, Histogram, per_channel, per_tensor};
use tensor_quant::num::{AnyRounding, Code, CodeType, CodeVisitor, F8E4M3Fn, F8E5M2, I1, U1, U2};
use tensor_quant::params::{
    Affine, AffineParams, AnyCalculator, Article, BlockShape, Cast, CodeRange, Granularity, MaxAbs, NanPolicy,
    ParamsCalculator, PowerOfTwo, QuantParams, Symmetric, ValueRange,
};
use tensor_quant::range::{
    AnyEstimator, Entropy, Fixed, LpNorm, MeanStd, MinMax, MovingAverage, Mse, Octav, Percentile,
};
use tensor_quant::tensor::{
    dequantize_into, dequantize_slice, estimate_params, fake_quantize_backward, fake_quantize_tensor_into,
    fake_quantize_with_params, quantize_slice, quantize_slice_into, quantize_tensor_into,
};
use tensor_quant::{
    AnyScheme, Ceil, Error, Floor, I4, PackedTensor, QuantizedTensor, Result, Rounding, Scaling, Scheme, Stochastic,
    TiesEven, TowardZero, U4, bf16, f16, fake_quantize_tensor, quantize_tensor, quantize_with_params,
};

fn symmetric() -> Scheme<i8, MinMax, Symmetric> {
    Scheme::<i8>::symmetric()
}

fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().to_string()
}

/// Of 4 to 32 bits.
const INTEGERS: [CodeType; 7] =
    [CodeType::I8, CodeType::U8, CodeType::I16, CodeType::U16, CodeType::I32, CodeType::I4, CodeType::U4];

fn numbers(q: &PackedTensor) -> Vec<f64> {
    struct Numbers<'a>(&'a PackedTensor);

    impl CodeVisitor for Numbers<'_> {
        type Output = Vec<f64>;

        fn visit<C: Code>(self) -> Vec<f64> {
            self.0.codes::<C>().unwrap().iter().map(|code| code.to_f64()).collect()
        }
    }

    q.code_type().visit(Numbers(q))
}

/// The error by the types of a tensor.
fn error<D: Dimension>(q: &PackedTensor, x: &Array<f32, D>) -> ErrorMetrics {
    struct OfTensor<'a>(&'a PackedTensor, ArrayViewD<'a, f32>);

    impl CodeVisitor for OfTensor<'_> {
        type Output = ErrorMetrics;

        fn visit<C: Code>(self) -> ErrorMetrics {
            self.0.to_typed::<C, IxDyn>().unwrap().error(self.1).unwrap()
        }
    }

    q.code_type().visit(OfTensor(q, x.view().into_dyn()))
}

fn fixed(min: f32, max: f32) -> Fixed {
    Fixed::new(ValueRange::new(min, max).unwrap())
}

// Two codes

#[test]
fn a_symmetric_mapping_to_two_codes_is_an_error_whatever_the_estimator() {
    let want = "the number of codes of a symmetric mapping must be at least 3, got 2";
    for code in [CodeType::I1, CodeType::U1] {
        for x in [array![0.5_f32, -1.0, 2.0], array![1.0, 1.0, 1.0], array![0.0, 0.0, 0.0]] {
            let scheme = AnyScheme::new(code).with_calculator(Symmetric::narrow());
            assert_eq!(message(scheme.quantize(&x)), want);
            assert_eq!(message(scheme.clone().with_axis(0).quantize(&x)), want);
            for estimator in [
                AnyEstimator::from(Percentile::new(0.1, 0.9).unwrap()),
                MeanStd::new(3.0).unwrap().into(),
                Mse::default().into(),
                LpNorm::default().into(),
                Octav::default().into(),
                Entropy::default().into(),
            ] {
                assert_eq!(message(scheme.clone().with_estimator(estimator).quantize(&x)), want);
            }
            assert_eq!(message(scheme.clone().with_calculator(Symmetric::full()).quantize(&x)), want);
            assert_eq!(message(scheme.clone().with_calculator(PowerOfTwo).quantize(&x)), want);
            // An affine one has both: the smallest and the largest value.
            assert!(scheme.with_calculator(Affine::default()).quantize(&x).is_ok());
        }
    }
    assert_eq!(message(quantize_tensor(array![0.5_f32].view(), &Scheme::<I1>::symmetric())), want);
    assert!(quantize_tensor(array![0.5_f32].view(), &Scheme::<U1>::affine()).is_ok());
}

// NaN

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

// Infinities, and values far beyond the scale

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

// Empty

#[test]
fn an_empty_tensor_has_no_range() {
    let want = "no finite value was observed, so there is no range (of 0 values, 0 were NaN and 0 infinite)";
    for shape in [&[0][..], &[0, 3], &[3, 0], &[2, 0, 4]] {
        let x = ArrayD::<f32>::zeros(IxDyn(shape));
        assert_eq!(message(quantize_tensor(x.view(), &symmetric())), want, "{shape:?}");
        assert_eq!(message(fake_quantize_tensor(x.view(), &symmetric())), want, "{shape:?}");
        assert_eq!(message(estimate_params(x.view(), &symmetric())), want, "{shape:?}");
    }
    assert_eq!(message(quantize_slice::<f32, _>(&[], &symmetric())), want);
    // Three channels of nothing.
    let x = Array2::<f32>::zeros((3, 0));
    let want = want.replace("observed,", "observed in group 0,");
    assert_eq!(message(quantize_tensor(x.view(), &symmetric().with_axis(0))), want);
}

#[test]
fn an_empty_tensor_is_mapped_to_an_empty_result() {
    let x = Array2::<f32>::zeros((0, 3));
    let params = QuantParams::per_tensor::<i8>(0.5, 0).unwrap();
    let q = quantize_with_params(x.view(), &params, symmetric().settings()).unwrap();
    assert_eq!((q.codes().shape(), q.dequantize().shape()), (&[0, 3][..], &[0, 3][..]));
    assert_eq!(q.error(x.view()).unwrap(), ErrorMetrics::default());
    assert_eq!(fake_quantize_backward(x.view(), x.view(), &params, symmetric().settings()).unwrap().len(), 0);
    assert_eq!(quantize_tensor(x.view(), &symmetric().with_estimator(fixed(-1.0, 1.0))).unwrap().codes().len(), 0);
    assert_eq!(quantize_tensor(x.view(), &Scheme::<f16>::cast()).unwrap().codes().len(), 0);
    // No channels, no groups, nothing to have no range.
    let q = quantize_tensor(x.view(), &symmetric().with_axis(0)).unwrap();
    assert!(q.params().is_empty() && q.codes().is_empty());
    assert_eq!(q.size_in_bytes(), 0);
    dequantize_slice::<i8>(&[], &params, &mut []).unwrap();
}

// Constants and zeros

/// Ordinary constants, and those near both ends of f32.
const CONSTANTS: [f32; 13] = [
    1.0,
    -1.0,
    0.1,
    -0.1,
    3.0e38,
    f32::MAX,
    f32::MIN,
    1e30,
    -1e-30,
    f32::MIN_POSITIVE,
    -f32::MIN_POSITIVE,
    0.333_333_34,
    1234.567,
];

fn restored(x: f32, scheme: impl Into<AnyScheme>) -> Vec<f32> {
    let scheme = scheme.into();
    let q = scheme.quantize(Array1::from(vec![x; 5])).unwrap();
    let scale = q.params().scales()[0];
    assert!(scale >= f32::MIN_POSITIVE && scale.is_finite(), "{scheme} of {x:e} has the scale {scale:e}");
    q.dequantize().into_iter().collect()
}

/// Exactly, also where a rounding is directed or the scale's reciprocal is used.
fn restores_constants(scheme: &AnyScheme) {
    restores(scheme, &CONSTANTS);
}

/// With as many codes on either side of zero, the largest ones are another matter.
fn restores_all_but_the_largest(scheme: &AnyScheme) {
    let constants: Vec<f32> = CONSTANTS.into_iter().filter(|x| x.abs() < 2.0_f32.powi(127)).collect();
    restores(scheme, &constants);
}

fn restores(scheme: &AnyScheme, constants: &[f32]) {
    for &x in constants {
        for rounding in AnyRounding::ALL.into_iter().chain([Stochastic { seed: 9 }.into()]) {
            let scheme = scheme.clone().with_rounding(rounding);
            assert_eq!(restored(x, scheme.clone()), [x; 5], "{scheme} of {x:e}");
        }
        // The reciprocals of the largest numbers are subnormal, and far from exact: still the nearest code.
        let reciprocal = scheme.clone().with_scaling(Scaling::Reciprocal);
        assert_eq!(restored(x, reciprocal), [x; 5], "{scheme} of {x:e} by its reciprocal");
    }
}

fn keeps_zeros(scheme: &AnyScheme) {
    for zero in [0.0, -0.0] {
        for scaling in [Scaling::Divide, Scaling::Reciprocal] {
            for rounding in AnyRounding::ALL.into_iter().chain([Stochastic { seed: 1 }.into()]) {
                let back = restored(zero, scheme.clone().with_scaling(scaling).with_rounding(rounding));
                assert!(back.iter().all(|&x| x == 0.0), "{scheme} {back:?}");
            }
        }
    }
}

fn constants_of_integers(code: CodeType) {
    let of = |calculator: AnyCalculator| AnyScheme::new(code).with_calculator(calculator);
    for calculator in [Affine::default(), Affine::without_zero()] {
        restores_constants(&of(calculator.into()));
        keeps_zeros(&of(calculator.into()));
    }
    for calculator in [Symmetric::narrow(), Symmetric::full()] {
        restores_all_but_the_largest(&of(calculator.into()));
    }
    zeros_of_all_codes(code);
    for calculator in [Article::own_range(), Article::target(0, 1).unwrap()] {
        restores_constants(&of(calculator.into()));
    }
    for x in CONSTANTS.into_iter().filter(|x| x.abs() < 2.0_f32.powi(127)) {
        // A power of two need not divide the constant: half a step is its due.
        let scheme = of(PowerOfTwo.into());
        let scale = scheme.estimate_params(&array![x]).unwrap().scales()[0];
        let back = restored(x, scheme);
        assert!(back.iter().all(|back| (f64::from(x) - f64::from(*back)).abs() <= f64::from(scale) / 2.0), "{x:e}");
    }
}

fn zeros_of_all_codes(code: CodeType) {
    let of =
        |calculator: AnyCalculator| AnyScheme::new(code).with_calculator(calculator).with_estimator(MinMax::default());
    for calculator in [Symmetric::narrow().into(), Symmetric::full().into(), PowerOfTwo.into()] {
        keeps_zeros(&of(calculator));
    }
}

#[test]
fn constants_are_restored_exactly_by_i8() {
    constants_of_integers(CodeType::I8);
}

#[test]
fn constants_are_restored_exactly_by_u8() {
    constants_of_integers(CodeType::U8);
}

#[test]
fn constants_are_restored_exactly_by_16_bits() {
    constants_of_integers(CodeType::I16);
    constants_of_integers(CodeType::U16);
}

#[test]
fn constants_are_restored_exactly_by_i32() {
    constants_of_integers(CodeType::I32);
}

#[test]
fn constants_are_restored_exactly_by_4_bits() {
    constants_of_integers(CodeType::I4);
    constants_of_integers(CodeType::U4);
}

#[test]
fn constants_are_restored_exactly_by_scaled_floating_codes() {
    for code in [CodeType::F16, CodeType::Bf16] {
        restores_all_but_the_largest(
            &AnyScheme::new(code).with_calculator(Symmetric::narrow()).with_estimator(MinMax::default()),
        );
        zeros_of_all_codes(code);
    }
}

/// All codes restore to finite numbers, and to the last of them every rounding leads.
#[test]
fn the_largest_constants_between_symmetric_codes_are_two_units_off_at_most() {
    let codes = [
        CodeType::I8,
        CodeType::U8,
        CodeType::I16,
        CodeType::I32,
        CodeType::I4,
        CodeType::U4,
        CodeType::F16,
        CodeType::Bf16,
        CodeType::F8E4M3Fn,
    ];
    for code in codes {
        let scheme = AnyScheme::new(code).with_calculator(Symmetric::narrow()).with_estimator(MinMax::default());
        for x in [2.0_f32.powi(127), 1.701_480_2e38, 2.2e38, 3e38, 3.3e38, f32::MAX.next_down(), f32::MAX] {
            for x in [x, -x] {
                let near = |scheme: AnyScheme| {
                    let back = restored(x, scheme.clone());
                    let off = (f64::from(back[0]) - f64::from(x)).abs();
                    assert!(off <= f64::from(x.abs()) * 2.0_f64.powi(-22), "{scheme}: {x:e}, {back:?}");
                };
                for rounding in AnyRounding::ALL.into_iter().chain([Stochastic { seed: 3 }.into()]) {
                    near(scheme.clone().with_rounding(rounding));
                }
                near(scheme.clone().with_scaling(Scaling::Reciprocal));
            }
        }
    }
}

/// x · (1 / x) is not always 1; just below it, only a rounding to the nearest keeps x, and so it is documented.
#[test]
fn constants_survive_their_reciprocal_to_the_nearest_and_a_division_in_every_rounding() {
    for i in 1..2000_u16 {
        for x in [f32::from(i), -0.01 * f32::from(i)] {
            let scheme = symmetric().with_scaling(Scaling::Reciprocal);
            assert_eq!(restored(x, scheme), [x; 5], "{x} to the nearest");
            let divided = scheme.with_scaling(Scaling::Divide);
            assert_eq!(restored(x, divided.with_rounding(Floor)), [x; 5], "{x} down");
            assert_eq!(restored(x, divided.with_rounding(Ceil)), [x; 5], "{x} up");
            assert_eq!(restored(x, divided.with_rounding(TowardZero)), [x; 5], "{x} to zero");
        }
    }
}

/// There is no scale for them: the smallest one is taken, and half of it is what they may lose.
#[test]
fn subnormal_constants_are_within_half_of_the_smallest_scale() {
    for x in [1e-45_f32, -1e-45, 1e-40, -9e-39, f32::MIN_POSITIVE.next_down()] {
        for back in [
            restored(x, Scheme::<i8>::affine()),
            restored(x, symmetric()),
            restored(x, Scheme::<i8>::power_of_two()),
            restored(x, Scheme::<U4>::affine().with_scaling(Scaling::Reciprocal)),
        ] {
            assert!((x - back[0]).abs() <= f32::MIN_POSITIVE / 2.0, "{x:e} is restored as {back:?}");
        }
    }
}

#[test]
fn a_constant_channel_beside_others_is_restored_exactly_and_counted() {
    let x = array![[0.7_f32, 0.7, 0.7], [1.0, -2.0, 0.5], [0.0, 0.0, 0.0]];
    let q = quantize_tensor(x.view(), &symmetric().with_axis(0)).unwrap();
    assert_eq!(q.observed().constant_groups, 2);
    let back = q.dequantize();
    assert_eq!((back.row(0), back.row(2)), (x.row(0), x.row(2)));
    // The same as columns.
    let turned = quantize_tensor(x.t(), &symmetric().with_axis(1)).unwrap();
    assert_eq!(turned.dequantize(), back.t());
}

// The ends of f32

#[test]
fn a_range_of_everything_has_a_finite_scale() {
    let x = array![f32::MIN, 0.0, f32::MAX];
    let q = quantize_tensor(x.view(), &Scheme::<u8>::affine()).unwrap();
    let width = 2.0 * f64::from(f32::MAX);
    // Less than width / 255, by so little that neither end restores to an infinity: the lower one is 128 steps away.
    assert_eq!(q.params().scales(), [(f64::from(f32::MAX) / 128.0) as f32]);
    assert_eq!(q.dequantize()[1], 0.0);
    assert_eq!((q.codes()[0], q.codes()[2]), (0, 255));
    let q = quantize_tensor(x.view(), &symmetric()).unwrap();
    assert_eq!(q.params().scales(), [((f64::from(f32::MAX) / 127.0) as f32).next_down()]);
    assert_eq!(q.codes(), &array![-127_i8, 0, 127]);
    assert_eq!(ValueRange::new(f32::MIN, f32::MAX).unwrap().width(), width);
    let q = quantize_tensor(x.view(), &Scheme::<i8>::power_of_two()).unwrap();
    assert!(q.dequantize()[0] <= -3e38 && q.params().scales()[0] == 2.0_f32.powi(121), "{:?}", q.params());
    let affine = Affine::without_zero();
    let q = quantize_tensor(x.view(), &Scheme::<u16>::affine().with_calculator(affine)).unwrap();
    assert!(q.params().scales()[0].is_finite() && !q.dequantize()[0].is_nan());
}

#[test]
fn the_largest_numbers_are_restored_as_finite_ones() {
    let check = |scheme: AnyScheme| {
        for x in [[f32::MIN, 0.0, f32::MAX], [0.0, 1.0, f32::MAX], [f32::MIN, 1e30, 3e38], [-3.3e38, 0.0, 3.39e38]] {
            let back = scheme.fake_quantize(&Array1::from(x.to_vec())).unwrap();
            assert!(back.iter().all(|back| back.is_finite()), "{scheme}: {x:?} is restored as {back}");
        }
    };
    for code in INTEGERS {
        let scheme = AnyScheme::new(code);
        check(scheme.clone().with_calculator(Affine::default()));
        check(scheme.clone().with_calculator(Symmetric::narrow()));
        check(scheme.clone().with_calculator(Symmetric::full()));
        check(scheme.with_calculator(PowerOfTwo));
    }
    for code in [CodeType::F16, CodeType::Bf16] {
        check(AnyScheme::new(code).with_calculator(Symmetric::narrow()).with_estimator(MinMax::default()));
    }
}

#[test]
fn a_scale_too_small_is_raised_and_codes_are_chosen_against_it() {
    let x = Array1::from_iter((-5..=5).map(|i| i as f32 * 1e-40));
    for q in [
        quantize_tensor(x.view(), &Scheme::<i8>::affine()).unwrap(),
        quantize_tensor(x.view(), &Scheme::<i8>::affine().with_scaling(Scaling::Reciprocal)).unwrap(),
    ] {
        assert_eq!(q.params().scales(), [f32::MIN_POSITIVE]);
        for (x, back) in x.iter().zip(&q.dequantize()) {
            assert!((x - back).abs() <= f32::MIN_POSITIVE / 2.0, "{x:e} is restored as {back:e}");
        }
    }
    let q = quantize_tensor(x.view(), &symmetric()).unwrap();
    assert_eq!(q.params().scales(), [f32::MIN_POSITIVE]);
    assert_eq!(
        quantize_tensor(x.view(), &Scheme::<i8>::power_of_two()).unwrap().params().scales(),
        [f32::MIN_POSITIVE]
    );
    // Between: max|x| is normal, its 127th part is not.
    let x = array![100.0 * f32::MIN_POSITIVE, -30.0 * f32::MIN_POSITIVE];
    let q = quantize_tensor(x.view(), &symmetric()).unwrap();
    assert_eq!((q.params().scales(), q.codes()), (&[f32::MIN_POSITIVE][..], &array![100_i8, -30]));
    assert_eq!(q.dequantize(), x);
}

// Errors that name the numbers

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

// Absurd lengths

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
        assert!(matches!(error, Error::BiasOverflow { channel: 0, .. }), "{error}");
    }
}

// Anything else

fn any_bits() -> impl Strategy<Value = f32> {
    any::<u32>().prop_map(f32::from_bits)
}

fn calculator() -> impl Strategy<Value = AnyCalculator> {
    prop_oneof![
        Just(Affine::default().into()),
        Just(Affine::without_zero().into()),
        Just(Symmetric::narrow().into()),
        Just(Symmetric::full().into()),
        Just(MaxAbs.into()),
        Just(PowerOfTwo.into()),
        Just(Article::own_range().into()),
        prop_oneof![(-9_i32..9, 1_i32..9), any::<(i32, i32)>()].prop_map(|(a, width)| Article::target(
            a,
            a.saturating_add(width)
        )
        .unwrap_or(Article::own_range())
        .into()),
        Just(Cast::saturating().into()),
        Just(Cast::ieee().into()),
    ]
}

fn estimator() -> impl Strategy<Value = AnyEstimator> {
    prop_oneof![
        3 => Just(MinMax::default().into()),
        1 => (any_bits(), any_bits()).prop_map(|(a, b)| {
            Fixed::new(ValueRange::new(a.min(b), a.max(b)).unwrap_or(ValueRange::ZERO)).into()
        }),
        1 => prop_oneof![0.001_f32..1.0, Just(1.0)].prop_map(|momentum| MovingAverage::new(momentum).unwrap().into()),
        1 => (0.0_f64..0.5, 0.5001_f64..=1.0).prop_map(|(low, high)| Percentile::new(low, high).unwrap().into()),
        1 => prop_oneof![0.01_f64..8.0, Just(1e300)].prop_map(|k| MeanStd::new(k).unwrap().into()),
        1 => Just(Mse::default().into()),
        1 => Just(Octav::default().into()),
        1 => Just(Entropy::default().into()),
        1 => (0.1_f64..9.0).prop_map(|p| LpNorm::new(p).unwrap().into()),
    ]
}

fn rounding() -> impl Strategy<Value = AnyRounding> {
    (prop::sample::select(AnyRounding::ALL.to_vec()), any::<u64>()).prop_map(|(rounding, seed)| match rounding {
        AnyRounding::Stochastic(_) => Stochastic { seed }.into(),
        other => other,
    })
}

/// Mostly one that is there.
fn granularity() -> impl Strategy<Value = Granularity> {
    prop_oneof![
        2 => Just(Granularity::Tensor),
        2 => (0_usize..4).prop_map(Granularity::Axis),
        2 => (0_usize..4, 0_usize..9).prop_map(|(axis, size)| Granularity::Block { axis, size }),
        2 => prop::collection::vec(prop_oneof![3 => 1_usize..5, 1 => Just(BlockShape::WHOLE)], 1..4)
            .prop_map(|lengths| Granularity::Blocks(BlockShape::new(&lengths).unwrap())),
        1 => any::<(usize, usize)>().prop_map(|(axis, size)| Granularity::Block { axis, size }),
        1 => any::<usize>().prop_map(Granularity::Axis),
    ]
}

/// A scheme for codes of `i8`, or of any other type.
fn scheme() -> impl Strategy<Value = AnyScheme> {
    let policies = prop::sample::select(vec![NanPolicy::Error, NanPolicy::Skip, NanPolicy::Native, NanPolicy::Skip]);
    let scaling = prop::sample::select(vec![Scaling::Divide, Scaling::Reciprocal]);
    (estimator(), calculator(), rounding(), scaling, granularity(), policies).prop_map(
        |(estimator, calculator, rounding, scaling, granularity, nan_policy)| {
            AnyScheme::new(CodeType::I8)
                .with_estimator(estimator)
                .with_calculator(calculator)
                .with_rounding(rounding)
                .with_scaling(scaling)
                .with_granularity(granularity)
                .with_nan_policy(nan_policy)
        },
    )
}

fn tensor() -> impl Strategy<Value = ArrayD<f32>> {
    let value = prop_oneof![
        6 => any_bits(),
        6 => -300.0_f32..300.0,
        1 => prop::sample::select(vec![0.0, -0.0, f32::NAN, f32::INFINITY, f32::MAX, f32::MIN, 1e-45, 1e10]),
    ];
    let len = prop_oneof![1 => Just(0_usize), 9 => 1_usize..6];
    (prop::collection::vec(len, 0..4), prop::collection::vec(value, 1..130)).prop_map(|(shape, values)| {
        let total = shape.iter().product();
        let values = values.iter().copied().cycle().take(total).collect();
        ArrayD::from_shape_vec(IxDyn(&shape), values).unwrap()
    })
}

/// Everything that a scheme can do, with an error where there must be one, and codes in range where there is none.
fn survive(x: &ArrayD<f32>, scheme: &AnyScheme) -> Result<(), TestCaseError> {
    let fake = scheme.fake_quantize(x);
    let _ = scheme.fake_quantize(x.t());
    match (scheme.to_string().parse::<AnyScheme>(), scheme.granularity) {
        // There are no such blocks, and no text for them.
        (Err(error), Granularity::Block { size: 0, .. }) => prop_assert!(error.to_string().contains("block size of 0")),
        (read, _) => prop_assert_eq!(&read.unwrap(), scheme),
    }
    let result = scheme.quantize(x);
    prop_assert_eq!(result.is_ok(), fake.is_ok());
    let q = match result {
        Ok(q) => q,
        Err(error) => {
            let text = error.to_string();
            prop_assert!(!text.is_empty() && !text.contains('\n'));
            return Ok(());
        }
    };
    let in_use = scheme.codes();
    for code in numbers(&q) {
        let inside = (in_use.min() <= code && code <= in_use.max()) || code.is_nan();
        prop_assert!(inside, "{} code {}", scheme, code);
    }
    prop_assert!(q.params().scales().iter().all(|&scale| scale >= f32::MIN_POSITIVE && scale.is_finite()));
    let has_nan = x.iter().any(|x| x.is_nan());
    prop_assert!(!(has_nan && scheme.nan_policy == NanPolicy::Error), "a NaN was not refused");
    let mut reals = ArrayD::<f32>::zeros(x.raw_dim());
    q.dequantize_into(reals.view_mut()).unwrap();
    prop_assert_eq!(bits(&fake.unwrap()), bits(&reals), "{}", scheme);
    prop_assert_eq!(bits(&q.dequantize()), bits(&reals), "{}", scheme);
    if let (Some(x), Some(reals)) = (x.as_slice(), reals.as_slice()) {
        let _ = Histogram::of_errors(x, reals, 7).unwrap().to_string();
    }
    prop_assert_eq!(q.bytes().len(), scheme.code.packed_len(x.len()));
    prop_assert_eq!(q.size_in_bytes(), q.bytes().len() + q.params().size_in_bytes());
    let again = PackedTensor::from_bytes(scheme.code, q.shape(), &q.bytes(), q.params().clone()).unwrap();
    prop_assert_eq!(&again, &q);
    let error = error(&q, x);
    prop_assert!(!error.sqnr_db().is_nan() && !error.to_string().contains("NaN"), "{}", error);
    Ok(())
}

/// The same by the types of a scheme, which gives the same bits.
fn survive_typed<C: Code, R: Rounding>(
    x: &ArrayD<f32>,
    by_value: &AnyScheme,
    rounding: R,
) -> Result<(), TestCaseError> {
    let by_value = &by_value.clone().with_code(C::TYPE);
    let scheme = by_value.to_static::<C>().unwrap().with_rounding(rounding);
    let mut codes = Array::from_elem(x.raw_dim(), C::default());
    let into = quantize_tensor_into(x.view(), &scheme, codes.view_mut());
    let _ = format!("{scheme} {scheme:?}");
    let (result, fake) = (quantize_tensor(x.view(), &scheme), fake_quantize_tensor(x.view(), &scheme));
    prop_assert_eq!((result.is_ok(), into.is_ok()), (fake.is_ok(), fake.is_ok()));
    let Ok(q) = result else { return Ok(()) };
    prop_assert_eq!(&PackedTensor::from(q.clone()), &by_value.quantize(x).unwrap());
    let mut reals = ArrayD::<f32>::zeros(x.raw_dim());
    q.dequantize_into(reals.view_mut()).unwrap();
    prop_assert_eq!(bits(&fake.unwrap()), bits(&reals), "{}", by_value);
    let error = q.error(x.view()).unwrap();
    prop_assert!(!error.sqnr_db().is_nan() && !error.to_string().contains("NaN"), "{}", error);
    for axis in 0..x.ndim() {
        prop_assert_eq!(q.error_per_channel(x.view(), axis).unwrap().len(), x.len_of(Axis(axis)));
    }
    let back = fake_quantize_backward(x.view(), x.view(), q.params(), scheme.settings()).unwrap();
    prop_assert_eq!(back.len(), x.len());
    let mut bytes = Vec::new();
    let codes = q.codes().as_slice().unwrap();
    C::write_packed(codes, &mut bytes);
    prop_assert_eq!(bytes.len(), C::packed_len(codes.len()));
    prop_assert_eq!(q.size_in_bytes(), bytes.len() + q.params().size_in_bytes());
    let mut unpacked = vec![C::default(); codes.len()];
    C::read_packed(&bytes, &mut unpacked).unwrap();
    let numbers = |codes: &[C]| codes.iter().map(|code| code.to_f64().to_bits()).collect::<Vec<_>>();
    prop_assert_eq!(numbers(&unpacked), numbers(codes));
    Ok(())
}

fn bits(reals: &ArrayD<f32>) -> Vec<u32> {
    reals.iter().map(|x| x.to_bits()).collect()
}

fn survive_slices(x: &[f32], scheme: &AnyScheme) {
    let scheme = scheme.to_static::<i8>().unwrap();
    if let Ok((codes, params)) = quantize_slice(x, &scheme) {
        dequantize_slice(&codes, &params, &mut vec![0.0; x.len()]).unwrap();
        let view = ArrayView1::from(x);
        quantize_with_params(view, &params, scheme.settings()).unwrap();
    }
    let halves: Vec<f16> = x.iter().map(|&x| f16::from_f32(x)).collect();
    let _ = quantize_slice(&halves, &scheme);
    let wide: Vec<f64> = x.iter().map(|&x| f64::from(x) * 1e30).collect();
    let _ = quantize_slice(&wide, &scheme);
    let _ = scheme.calculator.codes(CodeRange::of::<f16>());
}

/// A rounding of somebody else's, for which the loops are compiled here.
#[derive(Clone, Copy, Debug)]
struct Foreign(AnyRounding);

impl Rounding for Foreign {
    fn round(self, x: f32, index: u64) -> f32 {
        self.0.round(x, index)
    }

    fn is_random(self) -> bool {
        Rounding::is_random(self.0)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nothing_panics(x in tensor(), scheme in scheme(), other in 0_usize..100) {
        // Those that are stored in each of the ways that there are, and one of the others.
        let codes = [CodeType::I8, CodeType::U8, CodeType::I16, CodeType::U16, CodeType::I32, CodeType::I4, CodeType::U4];
        let floats = [CodeType::F16, CodeType::Bf16, CodeType::ALL[other % CodeType::ALL.len()]];
        for code in codes.into_iter().chain(floats) {
            survive(&x, &scheme.clone().with_code(code))?;
        }
        survive_typed::<i8, _>(&x, &scheme, scheme.rounding)?;
        survive_typed::<I4, _>(&x, &scheme, scheme.rounding)?;
        // The rounding that the hardware's conversion to f16 has.
        survive_typed::<f16, _>(&x, &scheme.clone().with_rounding(TiesEven), TiesEven)?;
        survive_typed::<i8, _>(&x, &scheme, Foreign(scheme.rounding))?;
        if let Some(x) = x.as_slice() {
            survive_slices(x, &scheme);
        }
    }

    #[test]
    fn parameters_from_anywhere_are_refused_or_work(
        scales in prop::collection::vec(prop_oneof![any_bits(), 0.01_f32..1.0], 0..5),
        zero_points in prop::collection::vec(prop_oneof![any::<i32>(), -8_i32..8], 0..5),
        granularity in granularity(), x in tensor(), offset in any_bits(),
    ) {
        let params = QuantParams::new(granularity, CodeRange::of::<i8>(), scales.clone(), zero_points);
        let Ok(params) = params else { return Ok(()) };
        prop_assert!(scales.iter().all(|&scale| scale > 0.0 && scale.is_finite()));
        let params = params.clone().with_offsets(vec![offset; scales.len()]).unwrap_or(params);
        let scheme = Scheme::<i8>::affine().with_nan_policy(NanPolicy::Skip);
        if let Ok(q) = quantize_with_params(x.view(), &params, scheme.settings()) {
            let back = q.dequantize();
            prop_assert_eq!(back.shape(), x.shape());
            let _ = q.error(x.view()).unwrap().to_string();
        }
        let _ = QuantizedTensor::new(Array::from_elem(x.raw_dim(), 7_u8), params);
    }

    #[test]
    fn any_range_has_parameters(a in any_bits(), b in any_bits(), calculator in calculator()) {
        let Ok(range) = ValueRange::new(a.min(b), a.max(b)) else { return Ok(()) };
        for codes in [CodeRange::of::<i8>(), CodeRange::of::<U4>(), CodeRange::of::<i32>(), CodeRange::new(3_u8, 5).unwrap()] {
            let params = calculator.params(range, calculator.codes(codes)).unwrap();
            prop_assert!(params.scale() >= f32::MIN_POSITIVE && params.scale().is_finite() && params.offset().is_finite());
        }
    }
}

/// A group without an offset keeps its zeros, whatever the groups beside it have, and however long its runs are.
#[test]
fn zeros_keep_their_sign_beside_groups_with_an_offset() {
    let scheme = Scheme::<F8E4M3Fn>::symmetric();
    for width in [1, 5, 16, 300] {
        let params = QuantParams::per_axis::<F8E4M3Fn>(1, vec![1.0, 1.0], vec![0, 0]).unwrap();
        let params = params.with_offsets(vec![0.0, 1.5]).unwrap();
        let x = Array3::from_shape_fn((2, 2, width), |(_, channel, _)| if channel == 0 { -0.0_f32 } else { 1.5 });
        let q = quantize_with_params(x.view(), &params, scheme.settings()).unwrap();
        let fake = fake_quantize_with_params(x.view(), &params, scheme.settings()).unwrap();
        for restored in [q.dequantize(), fake] {
            assert!(restored.iter().zip(&x).all(|(y, x)| y.to_bits() == x.to_bits()), "width {width}: {restored}");
        }
    }
}

#[test]
fn finite_values_are_restored_as_finite_ones_up_to_the_largest() {
    for low in [1.063_762_7e37_f32, 1e30, 3e37, 1e38, 3.4e38, -1e38, f32::MIN] {
        for x in [array![low, f32::MAX], array![f32::MIN, -low]] {
            let q = quantize_tensor(x.view(), &Scheme::<i8>::affine().with_calculator(Affine::without_zero())).unwrap();
            assert!(q.dequantize().iter().all(|y| y.is_finite()), "{x}: {}", q.dequantize());
            assert!(q.error(x.view()).unwrap().sqnr_db() > 40.0, "{x}: {}", q.dequantize());
        }
    }
    for value in [1.701_480_2e38_f32, 8.6e37, 1.3e38, 3.3e38, f32::MAX, 2.0_f32.powi(126), 2.0_f32.powi(127)] {
        for x in [array![value], array![-value]] {
            for scheme in [
                AnyScheme::from(Scheme::<i8>::affine()),
                Scheme::<u8>::affine().into(),
                Scheme::<U2>::affine().into(),
                Scheme::<i8>::symmetric().into(),
            ] {
                let restored = |scheme: &AnyScheme| scheme.quantize(&x).unwrap().dequantize();
                let reciprocal = scheme.clone().with_scaling(Scaling::Reciprocal);
                let (up, down) =
                    (restored(&reciprocal.clone().with_rounding(Ceil)), restored(&reciprocal.with_rounding(Floor)));
                assert!(up[0].is_finite() && down[0].is_finite(), "{x}: {up}, {down}");
                // Away from zero the code is that of the constant; the scale may be a unit off.
                let near = |y: f32| (f64::from(y) - f64::from(x[0])).abs() <= 2.0_f64.powi(-22) * f64::from(x[0].abs());
                assert!(near(up[0]) || near(down[0]), "{x}: {up}, {down}");
                assert!(near(restored(&scheme)[0]), "{x}: {scheme}");
            }
        }
    }
}

/// Finite or infinite, whatever else is in the group, and wherever a rounding leads.
mod finite_stays_finite {
    use super::*;
    use tensor_quant::AnyScheme;
    use tensor_quant::num::{AnyRounding, CodeType};
    use tensor_quant::params::AnyCalculator;
    use tensor_quant::range::AnyEstimator;

    fn scheme() -> impl Strategy<Value = AnyScheme> {
        let calculators = [
            "affine",
            "affine-without-zero",
            "symmetric",
            "symmetric-full",
            "max-abs",
            "power-of-two",
            "article",
            "article 0..1",
            "article -1..6",
            "cast",
        ];
        let estimators =
            ["min-max", "percentile 60", "mean-std 1", "fixed 3e38..3e38", "fixed -3.4e38..-3.4e38", "mse"];
        let calculator = prop::sample::select(calculators.to_vec());
        let estimator = prop::sample::select(estimators.to_vec());
        let code = prop::sample::select(CodeType::ALL.to_vec());
        (code, calculator, estimator, prop::sample::select(AnyRounding::ALL.to_vec()), any::<bool>()).prop_map(
            |(code, calculator, estimator, rounding, divide)| {
                AnyScheme::new(code)
                    .with_calculator(calculator.parse::<AnyCalculator>().unwrap())
                    .with_estimator(estimator.parse::<AnyEstimator>().unwrap())
                    .with_rounding(rounding)
                    .with_scaling(if divide { Scaling::Divide } else { Scaling::Reciprocal })
                    .with_nan_policy(NanPolicy::Skip)
                    .with_axis(0)
            },
        )
    }

    /// A row of one value, of its negative, and of what is larger than all.
    fn row() -> impl Strategy<Value = Vec<f32>> {
        let magnitude = prop_oneof![
            1e30_f32..f32::MAX,
            1.7e38_f32..f32::MAX,
            Just(f32::MAX),
            1e-38_f32..1e-30,
            (0_u32..0x7f80_0000).prop_map(f32::from_bits),
        ];
        (magnitude, any::<bool>(), any::<bool>(), prop::collection::vec(0..12, 6)).prop_map(
            |(x, negative, constant, kinds)| {
                let x = if negative { -x } else { x };
                let value = |kind| match kind {
                    0 => f32::INFINITY,
                    1 => f32::NEG_INFINITY,
                    2 if !constant => -x,
                    3 if !constant => f32::MAX,
                    4 if !constant => f32::MIN,
                    _ => x,
                };
                kinds.into_iter().map(value).collect()
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn in_every_scheme(scheme in scheme(), first in row(), second in row()) {
            let x = Array2::from_shape_vec((2, 6), [first, second].concat()).unwrap();
            match scheme.quantize(&x) {
                // The article is about whole numbers: beside its offset the largest floating codes are infinite.
                Ok(q) if !q.params().offsets().is_empty() && !q.params().codes().is_integer() => {}
                Ok(q) => {
                    let back = q.dequantize();
                    prop_assert!(back.iter().all(|y| y.is_finite()), "{scheme}: {x}\n{back}\n{:?}", q.params());
                    let fake = scheme.fake_quantize(&x).unwrap();
                    prop_assert_eq!(fake.into_dyn(), back);
                }
                Err(Error::NoData { group, .. }) => prop_assert!(group.is_some()),
                Err(Error::IntegerCodesOnly { .. } | Error::InvalidZeroPoint { .. } | Error::InvalidSetting { .. }) => {}
                Err(error) => return Err(TestCaseError::fail(format!("{scheme}: {error}"))),
            }
        }
    }

    #[test]
    fn an_infinity_beside_a_huge_constant_saturates() {
        for x in [3e38_f32, 1e38, f32::MAX, -3e38] {
            for constant in [array![f32::INFINITY, x], array![x, f32::NEG_INFINITY]] {
                let q = quantize_tensor(constant.view(), &Scheme::<I4>::symmetric_full()).unwrap();
                assert!(q.dequantize().iter().all(|y| y.is_finite()), "{constant}: {}", q.dequantize());
            }
        }
    }
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
    assert!(matches!(refused, Error::CodeOutOfRange { .. }), "{refused}");
}
