//! Estimators that weigh clipping against rounding: what they find is best by their own measure, depends on the values
//! alone, and follows the laws of scale and sign.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::{Array2, Axis};
use proptest::prelude::*;
use tensor_quant::params::{CodeRange, PowerOfTwo, Symmetric, ValueRange};
use tensor_quant::range::{BinaryHistogram, Entropy, LpNorm, MinMax, Mse, Octav, Percentile, Target};
use tensor_quant::{Ceil, Error, I4, RangeEstimator, Scheme, U4, f16, quantize_tensor};

/// Values that are kept as they are before they are counted.
const KEPT: usize = 4096;

fn seen<E: RangeEstimator>(fresh: &E, values: &[f32]) -> E {
    let mut estimator = fresh.clone();
    estimator.observe(values);
    estimator
}

fn bounds<E: RangeEstimator>(fresh: &E, values: &[f32], target: &dyn Target) -> (f32, f32) {
    let range = seen(fresh, values).range(target).unwrap();
    (range.min(), range.max())
}

/// A number from 0 to 1 for each index, evenly spread and in no order.
fn uniform(seed: u64, i: u64) -> f64 {
    let mut z = i.wrapping_add(seed << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / 9_007_199_254_740_992.0
}

/// Laplace-distributed numbers: a peak, and long tails on both sides.
fn laplace(n: usize) -> Vec<f32> {
    let one = |i: u64| {
        let sign = if uniform(2, i) < 0.5 { -1.0 } else { 1.0 };
        (sign * -(1.0 - uniform(1, i)).ln()) as f32
    };
    (0..n as u64).map(one).collect()
}

fn real() -> impl Strategy<Value = f32> {
    prop_oneof![
        2 => any::<u32>().prop_map(f32::from_bits),
        6 => -8.0_f32..8.0,
        1 => prop::sample::select(vec![0.0, -0.0, f32::MAX, f32::MIN, 1e-45, f32::MIN_POSITIVE, 1.0]),
    ]
}

fn moderate() -> impl Strategy<Value = f32> {
    prop_oneof![0.001_f32..8.0, -8.0_f32..-0.001, Just(0.0)]
}

/// Calls a macro or function with each of the estimators.
macro_rules! for_each_estimator {
    ($check:expr) => {{
        $check("mse", &Mse::default());
        $check("octav", &Octav::default());
        $check("lp", &LpNorm::default());
        $check("l1", &LpNorm::new(1.0).unwrap());
        $check("entropy", &Entropy::default());
    }};
}

macro_rules! each {
    ($name:ident($($argument:expr),*)) => {{
        $name(&Mse::default(), $($argument),*)?;
        $name(&Octav::default(), $($argument),*)?;
        $name(&LpNorm::default(), $($argument),*)?;
        $name(&Entropy::default(), $($argument),*)?;
    }};
}

fn depends_on_the_values_alone<E: RangeEstimator + PartialEq>(
    fresh: &E,
    values: &[f32],
    cut: usize,
) -> Result<(), TestCaseError> {
    let at_once = seen(fresh, values);
    let (first, second) = values.split_at(cut.min(values.len()));
    let (a, b) = (seen(fresh, first), seen(fresh, second));
    let (mut ab, mut ba) = (a.clone(), b.clone());
    ab.merge(&b);
    ba.merge(&a);
    prop_assert_eq!(&ab, &at_once);
    prop_assert_eq!(&ba, &at_once);
    let mut one_by_one = fresh.clone();
    values.iter().rev().for_each(|x| one_by_one.observe(&[*x]));
    prop_assert_eq!(&one_by_one, &at_once);
    let mut with_nothing = at_once.clone();
    with_nothing.merge(fresh);
    prop_assert_eq!(&with_nothing, &at_once);
    Ok(())
}

fn ignores_what_is_not_finite<E: RangeEstimator>(fresh: &E, values: &[f32]) -> Result<(), TestCaseError> {
    let clean: Vec<f32> = values.iter().copied().filter(|x| x.is_finite()).collect();
    let mut dirty = vec![f32::NAN, f32::INFINITY];
    dirty.extend(&clean);
    dirty.extend([f32::NEG_INFINITY]);
    for target in [&Scheme::<i8>::symmetric() as &dyn Target, &Scheme::<U4>::affine()] {
        if clean.is_empty() {
            let error = seen(fresh, &dirty).range(target).unwrap_err();
            prop_assert!(matches!(error, Error::NoData { group: None, observed: 3, nan: 1, infinite: 2 }), "{}", error);
        } else {
            prop_assert_eq!(bounds(fresh, &dirty, target), bounds(fresh, &clean, target));
        }
    }
    Ok(())
}

/// Twice the values, twice the range.
fn scales<E: RangeEstimator>(fresh: &E, values: &[f32], factor: f32) -> Result<(), TestCaseError> {
    let scaled: Vec<f32> = values.iter().map(|x| x * factor).collect();
    let targets: [&dyn Target; 4] = [
        &Scheme::<i8>::symmetric(),
        &Scheme::<u8>::affine(),
        &Scheme::<I4>::symmetric_full().with_rounding(Ceil),
        &CodeRange::of::<I4>(),
    ];
    for target in targets {
        let (min, max) = bounds(fresh, values, target);
        prop_assert_eq!(bounds(fresh, &scaled, target), (min * factor, max * factor));
    }
    Ok(())
}

/// Codes that are symmetric around zero do not care which way up the values are.
fn mirrors<E: RangeEstimator>(fresh: &E, values: &[f32]) -> Result<(), TestCaseError> {
    let negated: Vec<f32> = values.iter().map(|x| -x).collect();
    for target in [&Scheme::<i8>::symmetric() as &dyn Target, &Scheme::<I4>::symmetric()] {
        let (min, max) = bounds(fresh, values, target);
        let scale = |(min, max): (f32, f32)| min.abs().max(max.abs());
        prop_assert_eq!(scale(bounds(fresh, &negated, target)), scale((min, max)));
    }
    Ok(())
}

/// Whatever the values, there is a range, or the error that says why not.
fn survives<E: RangeEstimator>(fresh: &E, values: &[f32]) -> Result<(), TestCaseError> {
    let targets: [&dyn Target; 7] = [
        &Scheme::<i8>::symmetric(),
        &Scheme::<u8>::affine(),
        &Scheme::<i16>::symmetric_full(),
        &Scheme::<I4>::power_of_two(),
        &Scheme::<f16>::cast(),
        &CodeRange::of::<U4>(),
        &CodeRange::of::<f16>(),
    ];
    for target in targets {
        for result in [seen(fresh, values).range(target), fresh.range_of(values, target)] {
            match result {
                Ok(range) => prop_assert!(target.params(range).is_ok()),
                Err(Error::NoData { .. }) => prop_assert!(values.iter().all(|x| !x.is_finite())),
                Err(Error::IntegerCodesOnly { .. }) => prop_assert!(!target.codes().is_integer()),
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_state_depends_on_the_values_alone(values in prop::collection::vec(real(), 0..60), cut in 0_usize..60) {
        each!(depends_on_the_values_alone(&values, cut));
    }

    #[test]
    fn what_is_not_finite_is_ignored(values in prop::collection::vec(real(), 0..30)) {
        each!(ignores_what_is_not_finite(&values));
    }

    #[test]
    fn powers_of_two_go_through(values in prop::collection::vec(moderate(), 1..40), k in -60_i32..60) {
        each!(scales(&values, 2.0_f32.powi(k)));
    }

    #[test]
    fn signs_go_through(values in prop::collection::vec(moderate(), 1..40)) {
        each!(mirrors(&values));
    }

    #[test]
    fn any_values_have_a_range(values in prop::collection::vec(real(), 0..40)) {
        each!(survives(&values));
    }

    #[test]
    fn equal_values_are_the_range(x in real().prop_filter("finite", |x| x.is_finite()), n in 1_usize..20) {
        let values = vec![x; n];
        for_each_estimator!(|name: &str, fresh: &dyn Bounds| {
            for target in [&Scheme::<i8>::symmetric() as &dyn Target, &Scheme::<U4>::affine()] {
                assert_eq!(fresh.bounds(&values, target), (x + 0.0, x + 0.0), "{name}");
            }
        });
    }
}

/// [`bounds`], of an estimator that is not named.
trait Bounds {
    fn bounds(&self, values: &[f32], target: &dyn Target) -> (f32, f32);
}

impl<E: RangeEstimator> Bounds for E {
    fn bounds(&self, values: &[f32], target: &dyn Target) -> (f32, f32) {
        bounds(self, values, target)
    }
}

#[test]
fn two_values_the_largest_and_the_smallest() {
    let tiny = f32::from_bits(1);
    for values in
        [[-1.0, 3.0], [f32::MIN, f32::MAX], [-tiny, 3.0 * tiny], [0.0, f32::MAX], [f32::MIN, 0.0], [0.0, tiny]]
    {
        for_each_estimator!(|name: &str, fresh: &dyn Bounds| {
            for target in
                [&Scheme::<i8>::symmetric() as &dyn Target, &Scheme::<u8>::affine(), &Scheme::<I4>::power_of_two()]
            {
                let (min, max) = fresh.bounds(&values, target);
                assert!(min <= max && min.is_finite() && max.is_finite(), "{name}: {values:?} gives {min}..{max}");
            }
        });
    }
}

/// On both sides of the number of values from which values are counted.
#[test]
fn many_values_are_what_they_are_in_any_order() {
    let values = laplace(3 * KEPT);
    let halves = values.split_at(KEPT);
    for n in [KEPT - 1, KEPT, KEPT + 1, 3 * KEPT] {
        let mut pieces = Mse::default();
        values[..n].chunks(777).rev().for_each(|piece| pieces.observe(piece));
        assert_eq!(pieces, seen(&Mse::default(), &values[..n]), "{n}");
    }
    let mut merged = seen(&Mse::default(), halves.1);
    merged.merge(&seen(&Mse::default(), halves.0));
    assert_eq!(merged, seen(&Mse::default(), &values));
}

fn mse<E: RangeEstimator>(values: &[f32], scheme: &Scheme<I4, E, Symmetric>) -> f64 {
    let x = ndarray::ArrayView1::from(values);
    quantize_tensor(x, scheme).unwrap().error(x).unwrap().mse()
}

#[test]
fn the_optimum_is_better_than_what_others_find() {
    for n in [50, 500, KEPT, 5 * KEPT] {
        let values = laplace(n);
        let scheme = Scheme::<I4>::symmetric();
        let best = mse(&values, &scheme.with_estimator(Mse::default()));
        let others = [
            mse(&values, &scheme),
            mse(&values, &scheme.with_estimator(Octav::default())),
            mse(&values, &scheme.with_estimator(LpNorm::new(2.0).unwrap())),
            mse(&values, &scheme.with_estimator(LpNorm::default())),
            mse(&values, &scheme.with_estimator(Percentile::two_sided(0.99).unwrap())),
        ];
        assert!(others.iter().all(|other| best <= other * (1.0 + 1e-5)), "{n}: {best}, {others:?}");
        // Far better than no clipping at all, and the others not far behind.
        assert!(
            others[0] > 1.15 * best && others[1] < 1.2 * best && others[2] < 1.03 * best,
            "{n}: {best}, {others:?}"
        );
    }
}

/// The streamed answer is worse by at most a bin's width in the root of the mean squared error.
#[test]
fn a_streamed_optimum_is_within_its_bound() {
    let values = laplace(4 * KEPT);
    let rms = |range: ValueRange| {
        let scheme = Scheme::<I4>::symmetric().with_estimator(tensor_quant::range::Fixed::new(range));
        let x = ndarray::ArrayView1::from(&values);
        let q = quantize_tensor(x, &scheme).unwrap();
        q.error(x).unwrap().mse().sqrt()
    };
    let target = Scheme::<I4>::symmetric();
    let exact = Mse::default().range_of(&values, &target).unwrap();
    let streamed = seen(&Mse::default(), &values).range(&target).unwrap();
    let mut histogram = BinaryHistogram::default();
    histogram.observe(&values);
    assert_ne!(exact, streamed);
    assert!(rms(streamed) <= rms(exact) + histogram.bin_width());
    assert!(rms(exact) <= rms(streamed) * (1.0 + 1e-6));
}

/// Multiples of something are found to be that, though the largest of them is far from the largest code.
#[test]
fn a_lattice_is_recognised() {
    let values: Vec<f32> = (0..200).map(|i| (i % 23 - 11) as f32 * 0.3).collect();
    let range = Mse::default().range_of(&values, &Scheme::<i8>::symmetric()).unwrap();
    let q = quantize_tensor(
        ndarray::ArrayView1::from(&values),
        &Scheme::<i8>::symmetric().with_estimator(tensor_quant::range::Fixed::new(range)),
    );
    let error = q.unwrap().error(ndarray::ArrayView1::from(&values)).unwrap();
    assert!(error.mse() < 1e-12, "{range}: {error}");
}

/// With a zero point, what all lies below zero is covered as well as what lies above.
#[test]
fn values_of_one_sign_are_covered() {
    let positive: Vec<f32> = (0..100).map(|i| 1.0 + i as f32 / 100_000.0).collect();
    let negative: Vec<f32> = positive.iter().map(|x| -x).collect();
    let mse = |values: &[f32]| {
        let x = ndarray::ArrayView1::from(values);
        let scheme = Scheme::<U4>::affine().with_estimator(Mse::default());
        quantize_tensor(x, &scheme).unwrap().error(x).unwrap().mse()
    };
    let (above, below) = (mse(&positive), mse(&negative));
    // One code for all of them: what is left is their variance, 0.001² / 12.
    assert!(above < 1e-7 && below < 1e-7, "{above}, {below}");
}

/// The rounding of the scheme counts, and its narrow range.
#[test]
fn the_clip_is_that_of_the_scheme_that_it_serves() {
    let values = laplace(1000);
    let range = |target: &dyn Target| Mse::default().range_of(&values, target).unwrap();
    let nearest = range(&Scheme::<I4>::symmetric());
    assert_ne!(nearest, range(&Scheme::<I4>::symmetric().with_rounding(Ceil)));
    assert_ne!(nearest, range(&Scheme::<I4>::symmetric_full()));
    assert_ne!(nearest, range(&Scheme::<i8>::symmetric()));
    // Of the powers of two, the one of the smallest error.
    let power = range(&Scheme::<I4>::power_of_two());
    let error = |max_abs: f32| {
        let fixed = tensor_quant::range::Fixed::new(ValueRange::new(-max_abs, max_abs).unwrap());
        let scheme = Scheme::<I4>::symmetric().with_calculator(PowerOfTwo).with_estimator(fixed);
        let x = ndarray::ArrayView1::from(&values);
        quantize_tensor(x, &scheme).unwrap().error(x).unwrap().mse()
    };
    let all: Vec<f64> = (-8..6).map(|k| error(7.0 * 2.0_f32.powi(k))).collect();
    let best = all.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(error(power.max_abs()), best, "{power}: {all:?}");
}

/// A channel's range is that of its values by themselves, whatever the axis.
#[test]
fn a_channel_is_searched_as_if_it_were_alone() {
    let x = Array2::from_shape_vec((40, 30), laplace(1200)).unwrap();
    for axis in [0, 1] {
        let scheme = Scheme::<I4>::symmetric().with_estimator(Mse::default());
        let q = quantize_tensor(x.view(), &scheme.clone().with_axis(axis)).unwrap();
        for (i, channel) in x.axis_iter(Axis(axis)).enumerate() {
            let alone = quantize_tensor(channel, &scheme).unwrap();
            assert_eq!(q.params().scales()[i], alone.params().scales()[0], "axis {axis}, channel {i}");
        }
    }
}

#[test]
fn the_histogram_of_entropy_says_where_to_clip() {
    // A bell with a few far outliers: they go.
    let mut values: Vec<f32> = laplace(20_000);
    values.extend([50.0, -60.0]);
    let (min, max) = bounds(&Entropy::default(), &values, &Scheme::<i8>::symmetric());
    assert!(max < 20.0 && min > -20.0 && max > 3.0, "{min}..{max}");
    // An even spread: nothing to gain by clipping much.
    let even: Vec<f32> = (0..20_000).map(|i| i as f32 / 10_000.0 - 1.0).collect();
    let (min, max) = bounds(&Entropy::default(), &even, &Scheme::<i8>::symmetric());
    assert!(min < -0.9 && max > 0.9, "{min}..{max}");
    // More levels than bins: everything.
    assert_eq!(
        bounds(&Entropy::default(), &even, &Scheme::<i16>::symmetric()),
        bounds(&MinMax::default(), &even, &Scheme::<i16>::symmetric())
    );
}

#[test]
fn a_norm_is_positive_and_at_most_a_hundred() {
    for p in [0.0, -1.0, f64::NAN, f64::INFINITY, 101.0] {
        let message = LpNorm::new(p).unwrap_err().to_string();
        assert!(message.starts_with("the exponent of the norm must be positive and at most 100, got"), "{message}");
    }
}

#[test]
fn floating_codes_have_no_even_steps() {
    let message = |error: Error| error.to_string();
    let floats = Scheme::<f16>::cast();
    let octav = seen(&Octav::default(), &[1.0, 2.0]).range(&floats).unwrap_err();
    assert_eq!(message(octav), "OCTAV needs integer codes: floating ones have no zero point");
    // The squared error of floating codes is looked at, not modelled: nothing is gained by clipping.
    let range = seen(&Mse::default(), &[1.0, 2.0, -3.0]).range(&Scheme::<f16>::cast()).unwrap();
    assert_eq!((range.min(), range.max()), (-3.0, 2.0));
}

#[test]
fn values_far_from_zero_are_not_clipped_for_being_so() {
    let uniform = |low: f32, high: f32| (0..100_000).map(move |i| low + (high - low) * (i as f32 + 0.5) / 1e5);
    let few: Vec<f32> = (0..100_000).map(|i| (i % 5) as f32 / 4.0).collect();
    let either: Vec<f32> = uniform(0.5, 1.0).enumerate().map(|(i, x)| if i % 2 == 0 { x } else { -x }).collect();
    let waves: Vec<f32> = (0..5000).map(|i| 10.0 + (i as f32).sin()).collect();
    for (name, values) in [("few", few), ("1 to 2", uniform(1.0, 2.0).collect()), ("either", either), ("waves", waves)]
    {
        let mut estimator = Entropy::default();
        estimator.observe(&values);
        let range = estimator.range(&Scheme::<i8>::symmetric()).unwrap();
        let clipped = values.iter().filter(|&&x| x < range.min() || x > range.max()).count();
        assert!(clipped * 100 <= values.len(), "{name}: {range:?} clips {clipped} of {}", values.len());
    }
}

#[test]
fn octav_serves_codes_that_need_not_hold_zero() {
    use tensor_quant::params::Affine;
    let values = ndarray::Array1::from_shape_fn(5000, |i| 10.0 + (i as f32).sin());
    let scheme = Scheme::<u8>::affine().with_calculator(Affine::without_zero());
    let best = quantize_tensor(values.view(), &scheme.with_estimator(MinMax::default())).unwrap();
    let octav = quantize_tensor(values.view(), &scheme.with_estimator(Octav::default())).unwrap();
    let (best, octav) = (best.error(values.view()).unwrap(), octav.error(values.view()).unwrap());
    assert!(octav.sqnr_db() >= best.sqnr_db() && octav.sqnr_db() > 72.0, "{octav}, and {best}");
}

/// A bell with one outlier is clipped as the bell is, whether all values are at hand or come in pieces.
#[test]
fn one_outlier_does_not_undo_entropy() {
    let bell = |n: u64| -> Vec<f32> {
        let one = |i: u64| {
            let radius = (-2.0 * (1.0 - uniform(3, i)).ln()).sqrt();
            (0.1 * radius * (std::f64::consts::TAU * uniform(4, i)).cos()) as f32
        };
        (0..n).map(one).collect()
    };
    let target = Scheme::<i8>::symmetric();
    for n in [2000, 200_000] {
        let mut values = bell(n);
        let plain = Entropy::default().range_of(&values, &target).unwrap();
        for outlier in [10.0, -1e3, 1e6, 3e38] {
            values[77] = outlier;
            let at_hand = Entropy::default().range_of(&values, &target).unwrap();
            let mut streamed = Entropy::default();
            values.chunks(1000).for_each(|piece| streamed.observe(piece));
            let streamed = streamed.range(&target).unwrap();
            for range in [at_hand, streamed] {
                let (got, want) = (range.max_abs(), plain.max_abs());
                assert!(got > 0.6 * want && got < 1.5 * want, "of {n} with {outlier:e}: {range} for {plain}");
            }
        }
    }
}

/// The answer for values that are looked at one by one is that for values in order.
#[test]
fn few_values_are_searched_in_any_order() {
    for n in [33, 1000, KEPT, 3 * KEPT] {
        let values = laplace(n);
        let backwards: Vec<f32> = values.iter().rev().copied().collect();
        let targets: [&dyn Target; 4] = [
            &Scheme::<i8>::symmetric(),
            &Scheme::<I4>::symmetric_full(),
            &Scheme::<U4>::affine(),
            &CodeRange::of::<I4>(),
        ];
        for target in targets {
            let of =
                |values: &[f32]| [Mse::default().range_of(values, target), Octav::default().range_of(values, target)];
            let (one, other) = (of(&values).map(Result::unwrap), of(&backwards).map(Result::unwrap));
            assert_eq!(one, other, "{n} values");
            if n <= KEPT {
                let observed =
                    [seen(&Mse::default(), &values).range(target), seen(&Octav::default(), &values).range(target)];
                assert_eq!(one, observed.map(Result::unwrap), "{n} values");
            }
        }
    }
}
