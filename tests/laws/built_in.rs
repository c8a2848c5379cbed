//! What is built in keeps every law but those that are named here.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngSeed, TestRunner};
use tensor_quant::laws::strategies::{any_schemes, schemes};
use tensor_quant::laws::{Standard, Terms, scheme};
use tensor_quant::num::{
    CodeType, F4E2M1Fn, F6E2M3Fn, F6E3M2Fn, F8E3M4, F8E4M3, F8E4M3B11Fnuz, F8E4M3Fn, F8E4M3Fnuz, F8E5M2, F8E5M2Fnuz,
    I1, I2, U1, U2,
};
use tensor_quant::params::{Affine, Article, Cast, Granularity, NanPolicy, PowerOfTwo, Symmetric, ValueRange};
use tensor_quant::range::{
    AnyEstimator, Entropy, Fixed, LpNorm, MeanStd, MinMax, MovingAverage, Mse, Octav, Percentile,
};
use tensor_quant::{
    AnyScheme, Ceil, Floor, HalfAway, I4, Scaling, Scheme, Stochastic, TiesEven, TowardZero, U4, bf16, estimator_laws,
    f16, scheme_laws,
};
use tensor_quant::{calculator_laws, code_laws, rounding_laws};

scheme_laws! { i8_symmetric: Scheme::<i8>::symmetric() }

scheme_laws! {
    u8_affine_per_axis: Scheme::<u8>::affine().with_axis(1).with_nan_policy(NanPolicy::Skip);
    without { sign_symmetry: "the zero point follows the range" }
}

scheme_laws! {
    i4_in_blocks: Scheme::<I4>::symmetric().with_blocks(1, 7).with_rounding(HalfAway).with_scaling(Scaling::Reciprocal)
}

scheme_laws! {
    i8_rounded_up: Scheme::<i8>::symmetric().with_rounding(Ceil).with_nan_policy(NanPolicy::Native);
    without {
        within_half_a_step: "it rounds up",
        mse_bound: "it rounds up",
        sqnr_per_bit: "it rounds up",
        idempotent: "a product that was rounded up lies above its code, and is rounded to the next",
        sign_symmetry: "it rounds up",
    }
}

scheme_laws! {
    f8_per_axis: Scheme::<F8E4M3Fn>::symmetric().with_axis(0);
    without { sqnr_per_bit: "the steps of floating codes grow with the value" }
}

/// Checks a scheme with what its parts are known not to promise; each has a reason.
fn holds(scheme: impl Into<AnyScheme>) {
    let verdict = Terms::default().with_cases(64).check_scheme(&scheme.into()).unwrap();
    assert!(verdict.held().len() >= 16, "{verdict}");
}

#[test]
fn other_integer_schemes() {
    holds(Scheme::<i8>::symmetric_full().with_axis(0));
    holds(Scheme::<i16>::affine().with_nan_policy(NanPolicy::Native));
    holds(Scheme::<u16>::symmetric().with_rounding(Floor));
    holds(Scheme::<i32>::symmetric());
    holds(Scheme::<U4>::affine().with_rounding(TowardZero).with_scaling(Scaling::Reciprocal));
    holds(Scheme::<I2>::symmetric().with_blocks(0, 16));
    holds(Scheme::<i8>::symmetric().with_blocks(1, 1));
    holds(Scheme::<i8>::power_of_two().with_rounding(HalfAway));
    holds(Scheme::<i8>::article(Article::target(-8, 7).unwrap()));
    holds(Scheme::<u8>::affine().with_calculator(Affine::without_zero()));
    holds(Scheme::<i8>::symmetric().with_rounding(Stochastic { seed: 3 }));
}

#[test]
fn other_floating_schemes() {
    holds(Scheme::<f16>::cast());
    holds(Scheme::<bf16>::cast().with_calculator(Cast::ieee()).with_nan_policy(NanPolicy::Native));
    holds(Scheme::<bf16>::symmetric().with_rounding(Ceil));
    holds(Scheme::<F4E2M1Fn>::symmetric().with_blocks(0, 32));
    holds(Scheme::<F8E5M2>::symmetric().with_rounding(Stochastic { seed: 3 }));
    let beside = Scheme::<f16>::symmetric().with_scaling(Scaling::Reciprocal).with_rounding(Stochastic { seed: 3 });
    holds(beside.with_blocks(0, 12));
}

#[test]
fn schemes_with_other_estimators() {
    let scheme = Scheme::<i8>::symmetric();
    holds(scheme.with_estimator(Percentile::two_sided(0.99).unwrap()));
    holds(scheme.with_estimator(MeanStd::new(3.0).unwrap()).with_axis(1));
    holds(scheme.with_estimator(MovingAverage::new(0.1).unwrap()));
    holds(scheme.with_estimator(Fixed::new(ValueRange::new(-1.0, 2.0).unwrap())));
}

/// Checks schemes with a case or two of each law.
fn hold(cases: u32, schemes: impl Fn(usize) -> BoxedStrategy<AnyScheme>) {
    // The same schemes in every run: what fails is due to what changed.
    let rng_seed = RngSeed::Fixed(7);
    let config = ProptestConfig { cases, failure_persistence: None, rng_seed, ..ProptestConfig::default() };
    proptest!(config, |(scheme in (0_usize..=3).prop_flat_map(schemes))| {
        // A search takes milliseconds for each group.
        let searches = matches!(scheme.estimator, AnyEstimator::Entropy(_) | AnyEstimator::Mse(_) | AnyEstimator::LpNorm(_));
        let scheme = if searches { scheme.with_granularity(Granularity::Tensor) } else { scheme };
        let verdict = Terms::default()
            .with_cases(3)
            .without(scheme::THREADS, "it takes large tensors")
            .without(scheme::SQNR_PER_BIT, "it takes large tensors")
            .check_scheme(&scheme);
        prop_assert!(verdict.is_ok(), "{}: {}", scheme, verdict.unwrap_err());
    });
}

#[test]
fn schemes_of_any_parts() {
    hold(48, |ndim| any_schemes(ndim).with_code(CodeType::I8).boxed());
    hold(24, |ndim| any_schemes(ndim).with_code(CodeType::U4).boxed());
    hold(16, |ndim| any_schemes(ndim).with_code(CodeType::F16).boxed());
    hold(48, |ndim| any_schemes(ndim).boxed());
}

/// Of a type and by value, the same strategy gives the same schemes.
#[test]
fn schemes_by_their_types_are_those_by_value() {
    let (mut typed, mut by_value) = (TestRunner::deterministic(), TestRunner::deterministic());
    for ndim in (0..=3).cycle().take(40) {
        let typed = schemes::<I4>(ndim).new_tree(&mut typed).unwrap().current();
        let by_value = any_schemes(ndim).with_code(CodeType::I4).new_tree(&mut by_value).unwrap().current();
        assert_eq!(AnyScheme::from(typed), by_value);
    }
}

estimator_laws! { min_max: MinMax::default() }

estimator_laws! {
    percentile: Percentile::new(0.1, 0.95).unwrap();
    without { covers: "it clips a share of the values", sign_symmetry: "the quantiles do not lie symmetrically" }
}

estimator_laws! {
    mean_std: MeanStd::new(3.0).unwrap();
    without { covers: "mean ± 3·σ lies where it lies", hull: "mean ± 3·σ lies where it lies" }
}

estimator_laws! {
    octav: Octav::default();
    without { covers: "it clips where that costs less", hull: "of the best scale the ends need not be values" }
}

estimator_laws! { entropy: Entropy::default(); without { covers: "it clips where that costs less" } }

estimator_laws! {
    fixed: Fixed::new(ValueRange::new(-1.0, 2.0).unwrap());
    without {
        no_data: "the range is known beforehand",
        covers: "the range is known beforehand",
        hull: "the range is known beforehand",
        constants: "the range is known beforehand",
        powers_of_two: "the range is known beforehand",
        sign_symmetry: "the range is known beforehand",
    }
}

estimator_laws! {
    moving_average: MovingAverage::new(0.1).unwrap();
    without {
        order: "it is about the order of batches",
        splits: "a batch is one call",
        merge: "a batch is one call",
        merge_commutes: "the mean of two states is rounded",
        merge_associates: "the mean of two states is rounded",
        covers: "it moves by a tenth towards a batch",
    }
}

/// They search, which takes longer.
#[test]
fn estimators_of_least_error() {
    Terms::default().with_cases(24).check_estimator(&Mse::default()).unwrap();
    Terms::default().with_cases(48).check_estimator(&LpNorm::new(0.7).unwrap()).unwrap();
}

calculator_laws! { affine: Affine::default() }

calculator_laws! {
    affine_without_zero: Affine::without_zero();
    without {
        zero_exact: "the offset is the smallest value, wherever zero is",
        powers_of_two: "a constant gets a step of 1",
        sign_symmetry: "the smallest code stands for the smallest value",
    }
}

calculator_laws! { symmetric: Symmetric::narrow() }
calculator_laws! { symmetric_full: Symmetric::full() }
calculator_laws! { power_of_two: PowerOfTwo; without { constants: "a power of two is seldom a fraction of the constant" } }

#[test]
fn calculators_that_are_given_their_step() {
    for calculator in [Article::own_range(), Article::target(-8, 7).unwrap()] {
        assert_eq!(Terms::default().check_calculator(&calculator).unwrap().held().len(), 3);
    }
    assert_eq!(Terms::default().check_calculator(&Cast::default()).unwrap().held().len(), 6);
}

rounding_laws! { ties_even: TiesEven }
rounding_laws! { half_away: HalfAway }
rounding_laws! {
    ceil: Ceil;
    without { nearest: "it goes up", sign_symmetry: "it goes up on both sides of zero" }
}
rounding_laws! {
    floor: Floor;
    without { nearest: "it goes down", sign_symmetry: "it goes down on both sides of zero" }
}
rounding_laws! { toward_zero: TowardZero; without { nearest: "it goes to zero" } }
rounding_laws! {
    stochastic: Stochastic { seed: 9 };
    without { nearest: "it is left to chance", sign_symmetry: "it is left to chance" }
}

code_laws! { i4_codes: Standard::<I4>::new() }
code_laws! { f16_codes: Standard::<f16>::new() }

#[test]
fn all_other_code_types() {
    macro_rules! hold {
        ($($code:ty)*) => {$(
            Terms::default().check_code(&Standard::<$code>::new()).unwrap();
        )*};
    }
    hold! { i8 u8 i16 u16 i32 I1 U1 I2 U2 U4 bf16 F4E2M1Fn F6E2M3Fn F6E3M2Fn F8E3M4 F8E4M3 F8E4M3B11Fnuz F8E4M3Fn F8E4M3Fnuz }
    hold! { F8E5M2 F8E5M2Fnuz }
}
