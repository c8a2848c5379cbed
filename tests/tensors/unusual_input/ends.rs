//! The ends of f32.

use super::{INTEGERS, symmetric};
use ndarray::{Array1, array};
use tensor_quant::num::{CodeType, U2};
use tensor_quant::params::{Affine, PowerOfTwo, Symmetric, ValueRange};
use tensor_quant::range::MinMax;
use tensor_quant::{AnyScheme, Ceil, Floor, Scaling, Scheme, quantize_tensor};

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
