//! Finite or infinite, whatever else is in the group, and wherever a rounding leads.

use ndarray::{Array2, array};
use proptest::prelude::*;
use tensor_quant::num::{AnyRounding, CodeType};
use tensor_quant::params::{AnyCalculator, NanPolicy};
use tensor_quant::range::AnyEstimator;
use tensor_quant::{AnyScheme, Error, I4, Scaling, Scheme, quantize_tensor};

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
    let estimators = ["min-max", "percentile 60", "mean-std 1", "fixed 3e38..3e38", "fixed -3.4e38..-3.4e38", "mse"];
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
