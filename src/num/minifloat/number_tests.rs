//! That the small floats behave as numbers: their constants, order, signs and text.

use crate::num::{
    Code, F4E2M1Fn, F6E2M3Fn, F6E3M2Fn, F8E3M4, F8E4M3, F8E4M3B11Fnuz, F8E4M3Fn, F8E4M3Fnuz, F8E5M2, F8E5M2Fnuz,
};
use alloc::string::ToString;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::num::FpCategory;

macro_rules! for_each_type {
    ($check:ident) => {
        $check! { F8E4M3Fn F8E5M2 F8E4M3Fnuz F8E5M2Fnuz F8E4M3B11Fnuz F8E4M3 F8E3M4 F6E2M3Fn F6E3M2Fn F4E2M1Fn }
    };
}

/// All codes of a type.
macro_rules! codes {
    ($type:ident) => {
        (0..1_u16 << <$type as Code>::BITS).map(|bits| $type::from_bits(bits as u8))
    };
}

#[test]
fn constants_are_what_their_names_say() {
    macro_rules! check {
        ($($type:ident)*) => {$(
            let of = |number: $type| number.to_f64();
            let finite = || codes!($type).filter(|number| number.is_finite()).map(of);
            assert_eq!((of($type::ZERO), of($type::ONE)), (0.0, 1.0));
            assert_eq!((of($type::MIN), of($type::MAX)), (<$type as Code>::MIN, <$type as Code>::MAX));
            assert_eq!(finite().fold(0.0, f64::max), of($type::MAX));
            let above = |x: f64| finite().filter(|&y| y > x).fold(f64::INFINITY, f64::min);
            assert_eq!(of($type::EPSILON), above(1.0) - 1.0, "{}", stringify!($type));
            assert_eq!(of($type::MIN_POSITIVE_SUBNORMAL), above(0.0));
            let normal = codes!($type).filter(|number| number.is_normal() && number.is_sign_positive());
            assert_eq!(of($type::MIN_POSITIVE), normal.map(of).fold(f64::INFINITY, f64::min));
            assert_eq!(of($type::EPSILON), 2.0_f64.powi(1 - $type::MANTISSA_DIGITS as i32));
        )*};
    }
    for_each_type! { check }
    assert_eq!((f32::from(F8E5M2::INFINITY), f32::from(F8E3M4::NEG_INFINITY)), (f32::INFINITY, f32::NEG_INFINITY));
    assert!(F8E4M3Fn::NAN.is_nan() && F8E5M2::NAN.is_nan() && F8E4M3Fnuz::NAN.is_nan() && F8E4M3B11Fnuz::NAN.is_nan());
    assert_eq!(F4E2M1Fn::NEG_ZERO.to_f32().to_bits(), (-0.0_f32).to_bits());
}

#[test]
fn every_code_behaves_as_the_f32_that_it_stands_for() {
    macro_rules! check {
        ($($type:ident)*) => {$(
            for x in codes!($type) {
                let wide = f32::from(x);
                assert_eq!(f64::from(x).to_bits(), f64::from(wide).to_bits());
                assert_eq!((x.is_nan(), x.is_infinite(), x.is_finite()), (wide.is_nan(), wide.is_infinite(), wide.is_finite()));
                assert_eq!((x.is_sign_negative(), x.is_sign_positive()), (wide.is_sign_negative(), wide.is_sign_positive()));
                let subnormal = wide != 0.0 && wide.abs() < $type::MIN_POSITIVE.to_f32();
                assert_eq!(x.classify(), if subnormal { FpCategory::Subnormal } else { wide.classify() });
                let same = |got: $type, want: f32| got.is_nan() && want.is_nan() || got.to_f32() == want;
                assert!(same(-x, -wide) && same(x.abs(), wide.abs()) && same(-(-x), wide), "{x:?}");
                assert!(x.is_nan() || same(x.to_string().parse().unwrap(), wide));
                for y in codes!($type) {
                    assert_eq!((x == y, x.partial_cmp(&y)), (wide == y.to_f32(), wide.partial_cmp(&y.to_f32())));
                }
            }
        )*};
    }
    for_each_type! { check }
}

#[test]
fn the_total_order_tells_every_two_codes_apart_and_keeps_the_order_of_numbers() {
    macro_rules! check {
        ($($type:ident)*) => {$(
            let mut sorted: Vec<$type> = codes!($type).collect();
            sorted.sort_by($type::total_cmp);
            for pair in sorted.windows(2) {
                assert_eq!(pair[0].total_cmp(&pair[1]), Ordering::Less);
                let wide = (pair[0].to_f32(), pair[1].to_f32());
                assert_ne!(wide.0.total_cmp(&wide.1), Ordering::Greater);
            }
        )*};
    }
    for_each_type! { check }
}

#[test]
fn text_is_rounded_as_a_number_is() {
    assert_eq!("1e9".parse::<F8E5M2>().unwrap(), F8E5M2::INFINITY);
    assert!("1e9".parse::<F8E4M3Fn>().unwrap().is_nan() && "nan".parse::<F8E3M4>().unwrap().is_nan());
    assert_eq!("-1e9".parse::<F6E2M3Fn>().unwrap(), F6E2M3Fn::MIN);
    assert!("".parse::<F8E4M3>().is_err() && "one".parse::<F8E4M3>().is_err());
}

#[cfg(feature = "serde")]
#[test]
fn files_hold_the_bits_and_others_are_refused() {
    macro_rules! check {
        ($($type:ident)*) => {$(
            for x in codes!($type) {
                let text = serde_json::to_string(&x).unwrap();
                assert_eq!(serde_json::from_str::<$type>(&text).unwrap().to_bits(), x.to_bits());
            }
        )*};
    }
    for_each_type! { check }
    let error = serde_json::from_str::<F4E2M1Fn>("16").unwrap_err().to_string();
    assert!(error.contains("16") && error.contains("F4E2M1Fn"), "{error}");
}
