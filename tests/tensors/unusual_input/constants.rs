//! Constants and zeros.

use super::symmetric;
use ndarray::{Array1, Array3, array};
use tensor_quant::num::{AnyRounding, CodeType, F8E4M3Fn};
use tensor_quant::params::{Affine, AnyCalculator, Article, PowerOfTwo, QuantParams, Symmetric};
use tensor_quant::range::MinMax;
use tensor_quant::tensor::fake_quantize_with_params;
use tensor_quant::{
    AnyScheme, Ceil, Floor, Scaling, Scheme, Stochastic, TowardZero, U4, quantize_tensor, quantize_with_params,
};

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
