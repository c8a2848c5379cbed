//! An estimator's answer depends on the values alone: not on how they were split, ordered or merged, nor on what is not
//! finite among them; and it is the answer that its definition gives.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use std::fmt::Debug;
use tensor_quant::params::{CodeRange, ValueRange};
use tensor_quant::range::{Feed, Fixed, MeanStd, MinMax, MovingAverage, Percentile};
use tensor_quant::{Error, RangeEstimator};

/// Values that a percentile keeps as they are.
const KEPT: usize = 4096;

fn range<E: RangeEstimator>(estimator: &E) -> ValueRange {
    estimator.range(&CodeRange::of::<i8>()).unwrap()
}

fn bounds<E: RangeEstimator>(estimator: &E) -> (f32, f32) {
    let range = range(estimator);
    (range.min(), range.max())
}

fn seen<E: RangeEstimator>(estimator: E, values: &[f32]) -> E {
    let mut estimator = estimator;
    estimator.observe(values);
    estimator
}

fn percentile(lower: f64, upper: f64) -> Percentile {
    Percentile::new(lower, upper).unwrap()
}

fn sigmas(k: f64) -> MeanStd {
    MeanStd::new(k).unwrap()
}

fn average(momentum: f32) -> MovingAverage {
    MovingAverage::new(momentum).unwrap()
}

fn any_real() -> impl Strategy<Value = f32> {
    prop_oneof![
        3 => any::<u32>().prop_map(f32::from_bits),
        4 => -8.0_f32..8.0,
        1 => prop::sample::select(vec![0.0, -0.0, f32::MAX, f32::MIN, 1e-45, f32::MIN_POSITIVE, 1.0]),
    ]
}

fn finite() -> impl Strategy<Value = f32> {
    any_real().prop_filter("finite", |x| x.is_finite())
}

/// A number from 0 to 1 for each index, evenly spread and in no order.
fn uniform(seed: u64, i: u64) -> f64 {
    let mut z = i.wrapping_add(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / 9_007_199_254_740_992.0
}

/// Normally distributed numbers (Box and Muller 1958).
fn normal(n: u64, mean: f64, std: f64) -> Vec<f32> {
    let one = |i: u64| {
        let radius = (-2.0 * (1.0 - uniform(1, i)).ln()).sqrt();
        (mean + std * radius * (std::f64::consts::TAU * uniform(2, i)).cos()) as f32
    };
    (0..n).map(one).collect()
}

/// The state is the same, bit for bit, for any order, any split and any merge.
fn depends_on_the_values_alone<E: RangeEstimator + PartialEq>(
    fresh: &E,
    values: &[f32],
    cuts: (usize, usize),
) -> Result<(), TestCaseError> {
    let at_once = seen(fresh.clone(), values);
    let (first, last) = (cuts.0.min(cuts.1).min(values.len()), cuts.0.max(cuts.1).min(values.len()));
    let parts = [&values[..first], &values[first..last], &values[last..]];

    let mut split = fresh.clone();
    for part in parts {
        split.observe(part);
    }
    prop_assert_eq!(&split, &at_once, "split");
    let mut one_by_one = fresh.clone();
    values.iter().rev().for_each(|&x| one_by_one.observe(&[x]));
    prop_assert_eq!(&one_by_one, &at_once, "one by one, backwards");

    let [a, b, c] = parts.map(|part| seen(fresh.clone(), part));
    let merged = |x: &E, y: &E| {
        let mut x = x.clone();
        x.merge(y);
        x
    };
    prop_assert_eq!(&merged(&merged(&a, &b), &c), &at_once, "merged from the left");
    prop_assert_eq!(&merged(&a, &merged(&b, &c)), &at_once, "merged from the right");
    prop_assert_eq!(&merged(&c, &merged(&b, &a)), &at_once, "merged backwards");
    prop_assert_eq!(&merged(&a, fresh), &a, "merged with nothing");
    prop_assert_eq!(&merged(fresh, &a), &a, "nothing merged with it");
    Ok(())
}

/// What is not finite leaves the range where it is.
fn ignores_what_is_not_finite<E: RangeEstimator>(fresh: &E, values: &[f32]) -> Result<(), TestCaseError> {
    let clean: Vec<f32> = values.iter().copied().filter(|x| x.is_finite()).collect();
    let mut dirty = clean.clone();
    dirty.extend([f32::NAN, f32::INFINITY, -f32::NAN, f32::NEG_INFINITY]);
    let (with, without) = (seen(fresh.clone(), &dirty), seen(fresh.clone(), &clean));
    if clean.is_empty() {
        let error = with.range(&CodeRange::of::<i8>());
        let counted = matches!(error, Err(Error::NoData { group: None, observed: 4, nan: 2, infinite: 2 }));
        prop_assert!(counted, "{:?}", error);
    } else {
        prop_assert_eq!(range(&with), range(&without));
    }
    Ok(())
}

proptest! {
    #[test]
    fn built_in_estimators_depend_on_the_values_alone(
        values in prop::collection::vec(any_real(), 0..60), cuts in (0_usize..60, 0_usize..60),
    ) {
        depends_on_the_values_alone(&MinMax::default(), &values, cuts)?;
        depends_on_the_values_alone(&percentile(0.1, 0.95), &values, cuts)?;
        depends_on_the_values_alone(&sigmas(3.0), &values, cuts)?;
        depends_on_the_values_alone(&Fixed::new(ValueRange::ZERO), &values, cuts)?;
    }

    #[test]
    fn what_is_not_finite_is_counted_and_otherwise_ignored(values in prop::collection::vec(any_real(), 0..40)) {
        ignores_what_is_not_finite(&MinMax::default(), &values)?;
        ignores_what_is_not_finite(&percentile(0.1, 0.95), &values)?;
        ignores_what_is_not_finite(&sigmas(2.0), &values)?;
        ignores_what_is_not_finite(&average(0.1), &values)?;
    }

    #[test]
    fn one_value_or_many_equal_ones_are_the_range(x in finite(), n in 1_usize..50) {
        let values = vec![x; n];
        let x = x + 0.0;
        prop_assert_eq!(bounds(&seen(MinMax::default(), &values)), (x, x));
        prop_assert_eq!(bounds(&seen(percentile(0.01, 0.99), &values)), (x, x));
        prop_assert_eq!(bounds(&seen(average(0.3), &values)), (x, x));
        prop_assert_eq!(bounds(&seen(sigmas(3.0), &values)), (x, x));
    }

    #[test]
    fn min_max_is_the_smallest_range_and_never_shrinks(values in prop::collection::vec(finite(), 1..80), more in prop::collection::vec(any_real(), 0..80)) {
        let mut estimator = seen(MinMax::default(), &values);
        let before = range(&estimator);
        prop_assert!(values.iter().all(|&x| before.min() <= x && x <= before.max()));
        prop_assert!(values.contains(&before.min()) && values.contains(&before.max()));
        estimator.observe(&more);
        let after = range(&estimator);
        prop_assert!(after.min() <= before.min() && after.max() >= before.max());
        prop_assert_eq!(estimator.seen().count, (values.len() + more.len()) as u64);
    }

    #[test]
    fn a_percentile_is_its_definition(
        values in prop::collection::vec(finite(), 1..300), quantiles in (0.0_f64..=0.6, 0.001_f64..0.4),
    ) {
        let (lower, upper) = (quantiles.0, quantiles.0 + quantiles.1);
        let mut sorted: Vec<f32> = values.iter().map(|x| x + 0.0).collect();
        sorted.sort_unstable_by(f32::total_cmp);
        let got = bounds(&seen(percentile(lower, upper), &values));
        prop_assert_eq!(got, (quantile(&sorted, lower) as f32, quantile(&sorted, upper) as f32));
        prop_assert_eq!(bounds(&seen(percentile(0.0, 1.0), &values)), (sorted[0], sorted[sorted.len() - 1]));
    }

    #[test]
    fn the_mean_and_the_deviation_are_those_of_two_passes(
        values in prop_oneof![
            prop::collection::vec(-8.0_f32..8.0, 1..200),
            prop::collection::vec(1e6_f32..1.0001e6, 1..200),
            prop::collection::vec(-1e-38_f32..1e-38, 1..50),
            prop::collection::vec(-3e38_f32..3e38, 1..50),
        ],
        k in 0.1_f64..6.0,
    ) {
        let n = values.len() as f64;
        // Deviations from the first value, so that a mean far from zero takes no digits.
        let first = f64::from(values[0]);
        let shifted = values.iter().map(|&x| f64::from(x) - first).sum::<f64>() / n;
        let std = (values.iter().map(|&x| (f64::from(x) - first - shifted).powi(2)).sum::<f64>() / n).sqrt();
        let mean = first + shifted;
        let cut = |x: f64| x.clamp(f64::from(f32::MIN), f64::from(f32::MAX));
        let (low, high) = bounds(&seen(sigmas(k), &values));
        for (got, want) in [(low, cut(mean - k * std)), (high, cut(mean + k * std))] {
            // Half a step of the result, and what two passes lose.
            let tolerance = f64::from(f32::EPSILON) / 2.0 * want.abs() * 1.001 + 1e-12 * (mean.abs() + k * std) + 1e-45;
            prop_assert!((f64::from(got) - want).abs() <= tolerance, "{got:e} for {want:e}");
        }
    }

    #[test]
    fn a_moving_average_follows_its_recurrence(
        batches in prop::collection::vec(prop::collection::vec(prop_oneof![9 => -8.0_f32..8.0, 1 => Just(f32::NAN)], 0..6), 1..12),
        momentum in prop_oneof![0.001_f32..1.0, Just(1.0)],
    ) {
        let mut estimator = average(momentum);
        let mut want: Option<(f32, f32)> = None;
        for batch in &batches {
            estimator.observe(batch);
            let finite = batch.iter().copied().filter(|x| x.is_finite());
            let (low, high) = (finite.clone().fold(f32::INFINITY, f32::min), finite.fold(f32::NEG_INFINITY, f32::max));
            if low <= high {
                want = Some(match want {
                    None => (low, high),
                    Some((min, max)) => (min + momentum * (low - min), max + momentum * (high - max)),
                });
            }
        }
        if let Some((min, max)) = want {
            // Where rounding leads them past each other, the one nearer to zero is both.
            let want = if min <= max { (min, max) } else { (0.0_f32.clamp(max, min), 0.0_f32.clamp(max, min)) };
            prop_assert_eq!(bounds(&estimator), want);
        } else {
            let no_data = matches!(estimator.range(&CodeRange::of::<i8>()), Err(Error::NoData { .. }));
            prop_assert!(no_data);
        }
    }

    #[test]
    fn a_moving_average_has_a_range_after_any_finite_batches(
        batches in prop::collection::vec(prop::collection::vec(finite(), 1..4), 1..8),
        momentum in prop_oneof![0.001_f32..1.0, Just(1.0), Just(0.999_999_94_f32)],
    ) {
        let mut estimator = average(momentum);
        let mut all = MinMax::default();
        for batch in &batches {
            estimator.observe(batch);
            all.observe(batch);
        }
        let got = estimator.range(&CodeRange::of::<i8>());
        prop_assert!(got.is_ok(), "{:?}", got);
        let (got, all) = (got.unwrap(), range(&all));
        // Rounding may lead past the extremes.
        let room = 4.0 * f32::EPSILON * all.max_abs();
        prop_assert!(all.min() - room <= got.min() && got.max() <= all.max() + room, "{got} of {all}");
    }

    #[test]
    fn merging_moving_averages_weighs_them_by_their_batches(
        one in prop::collection::vec(-8.0_f32..8.0, 1..5), other in prop::collection::vec(-8.0_f32..8.0, 1..5),
        batches in (1_u8..4, 1_u8..4),
    ) {
        let (mut a, mut b) = (average(0.1), average(0.1));
        (0..batches.0).for_each(|_| a.observe(&one));
        (0..batches.1).for_each(|_| b.observe(&other));
        let (of_a, of_b) = (bounds(&a), bounds(&b));
        let (n, m) = (f64::from(batches.0), f64::from(batches.1));
        let mixed = |x: f32, y: f32| (f64::from(x) * n + f64::from(y) * m) / (n + m);
        let mut nothing = average(0.1);
        nothing.merge(&a);
        prop_assert_eq!(bounds(&nothing), of_a);
        a.merge(&average(0.1));
        prop_assert_eq!(bounds(&a), of_a);
        a.merge(&b);
        let (min, max) = bounds(&a);
        prop_assert!((f64::from(min) - mixed(of_a.0, of_b.0)).abs() < 1e-5);
        prop_assert!((f64::from(max) - mixed(of_a.1, of_b.1)).abs() < 1e-5);
    }

    /// Twice the values, twice the range: exactly, as long as nothing leaves the normal numbers.
    #[test]
    fn powers_of_two_go_through(values in prop::collection::vec(prop_oneof![0.001_f32..8.0, -8.0_f32..-0.001, Just(0.0)], 1..60), k in -80_i32..80) {
        let factor = 2.0_f32.powi(k);
        let scaled: Vec<f32> = values.iter().map(|x| x * factor).collect();
        let pairs = [
            both(MinMax::default(), &values, &scaled),
            both(percentile(0.07, 0.9), &values, &scaled),
            both(sigmas(2.5), &values, &scaled),
            both(average(0.5), &values, &scaled),
        ];
        for ((min, max), got) in pairs {
            prop_assert_eq!(got, (min * factor, max * factor));
        }
    }
}

/// The range of some values, and that of others.
fn both<E: RangeEstimator>(fresh: E, values: &[f32], scaled: &[f32]) -> ((f32, f32), (f32, f32)) {
    (bounds(&seen(fresh.clone(), values)), bounds(&seen(fresh, scaled)))
}

/// The quantile p of sorted values, at the position p · (n − 1) between its neighbours.
fn quantile(sorted: &[f32], p: f64) -> f64 {
    let position = p * (sorted.len() - 1) as f64;
    let below = position.floor();
    let at = |k: f64| f64::from(sorted[(k as usize).min(sorted.len() - 1)]);
    at(below) + (position - below) * (at(below + 1.0) - at(below))
}

/// Both sides of the number of values from which a percentile counts instead of keeping.
#[test]
fn a_percentile_of_many_values_depends_on_them_alone() {
    let values = normal(2 * KEPT as u64, 1.0, 2.0);
    for n in [KEPT, KEPT + 1, 2 * KEPT] {
        let values = &values[..n];
        for cuts in [(1, 2), (KEPT - 1, KEPT), (n / 2, KEPT + 1)] {
            depends_on_the_values_alone(&percentile(0.01, 0.99), values, cuts).unwrap();
        }
    }
    // Infinities and NaN do not count towards that number.
    let mut dirty = values[..KEPT].to_vec();
    dirty.extend([f32::NAN; 100]);
    assert_eq!(bounds(&seen(percentile(0.01, 0.99), &dirty)), bounds(&seen(percentile(0.01, 0.99), &values[..KEPT])));
}

/// Magnitudes that grow make the bins of the histogram wider on the way.
#[test]
fn a_percentile_of_growing_values_depends_on_them_alone() {
    let values: Vec<f32> = (0..6000).map(|i| (f32::from(i as u8) - 100.0) * 2.0_f32.powi(i / 25 - 120)).collect();
    assert!(values.iter().all(|x| x.is_finite()));
    for cuts in [(1000, 5000), (4500, 4600)] {
        depends_on_the_values_alone(&percentile(0.05, 0.99), &values, cuts).unwrap();
    }
}

#[test]
fn a_percentile_is_exact_up_to_its_limit_and_close_beyond() {
    for (n, mean, std) in
        [(4095, 0.0, 1.0), (4096, -3.0, 0.01), (4097, 0.0, 1.0), (50_000, 5.0, 1.0), (50_000, 0.0, 1e-40)]
    {
        let values = normal(n, mean, std);
        let mut sorted: Vec<f32> = values.iter().map(|x| x + 0.0).collect();
        sorted.sort_unstable_by(f32::total_cmp);
        let max_abs = f64::from(sorted[0].abs().max(sorted[sorted.len() - 1].abs()));
        for (lower, upper) in [(0.0, 1.0), (0.001, 0.999), (0.01, 0.99), (0.25, 0.75), (0.0, 0.5), (0.499, 0.501)] {
            let (low, high) = bounds(&seen(percentile(lower, upper), &values));
            for (got, want) in [(low, quantile(&sorted, lower)), (high, quantile(&sorted, upper))] {
                if n <= KEPT as u64 {
                    assert_eq!(got, want as f32, "{lower} to {upper} of {n}");
                } else {
                    let error = (f64::from(got) - want).abs();
                    assert!(error <= max_abs / 2048.0, "{lower} to {upper} of {n}: {got:e} for {want:e}");
                }
            }
        }
    }
}

#[test]
fn quantiles_of_known_distributions() {
    let n = 100_000_u64;
    let grid: Vec<f32> = (0..=n).rev().map(|i| (i as f64 / n as f64) as f32).collect();
    let exponential: Vec<f32> = (0..n).map(|i| -(1.0 - uniform(5, i)).ln() as f32).collect();
    let normal = normal(n, 0.0, 1.0);
    // The quantiles of the standard normal distribution are tabulated; those of the exponential one are −ln(1 − p).
    for (p, z) in [(0.005, 2.575_829), (0.025, 1.959_964), (0.05, 1.644_854), (0.25, 0.674_490)] {
        let (low, high) = bounds(&seen(percentile(p, 1.0 - p), &grid));
        assert!((f64::from(low) - p).abs() < 5e-4 && (f64::from(high) - (1.0 - p)).abs() < 5e-4, "grid: {low}, {high}");
        let (low, high) = bounds(&seen(percentile(p, 1.0 - p), &normal));
        assert!((f64::from(low) + z).abs() < 0.05 && (f64::from(high) - z).abs() < 0.05, "normal: {low}, {high}");
        let (low, high) = bounds(&seen(percentile(p, 1.0 - p), &exponential));
        assert!((f64::from(low) + (1.0 - p).ln()).abs() < 0.02, "exponential: {low}");
        assert!((f64::from(high) + p.ln()).abs() < 0.15, "exponential: {high}");
    }
    assert_eq!(
        bounds(&seen(Percentile::two_sided(0.9).unwrap(), &normal)),
        bounds(&seen(percentile((1.0 - 0.9) / 2.0, f64::midpoint(1.0, 0.9)), &normal))
    );
}

#[test]
fn a_percentile_cuts_off_outliers_on_both_sides() {
    let mut values: Vec<f32> = (-500..=500).map(|i| i as f32 / 500.0).collect();
    values.extend([1e6, -1e6]);
    let (low, high) = bounds(&seen(Percentile::two_sided(0.99).unwrap(), &values));
    assert!((-1.0..-0.98).contains(&low) && (0.98..1.0).contains(&high), "{low}, {high}");
}

#[test]
fn mean_and_deviation_of_known_distributions() {
    let (low, high) = bounds(&seen(sigmas(3.0), &normal(100_000, 10.0, 2.0)));
    assert!((low - 4.0).abs() < 0.1 && (high - 16.0).abs() < 0.1, "{low}, {high}");
    // 0, 1, …, n − 1 have the mean (n − 1) / 2 and the variance (n² − 1) / 12.
    let n = 1001;
    let (low, high) = bounds(&seen(sigmas(1.0), &(0..n).map(|i| i as f32).collect::<Vec<_>>()));
    let std = (f64::from(n * n - 1) / 12.0).sqrt();
    assert_eq!((low, high), ((500.0 - std) as f32, (500.0 + std) as f32));
    // ±1 in equal numbers: no deviation from the formula at all.
    assert_eq!(bounds(&seen(sigmas(2.0), &[1.0, -1.0, 1.0, -1.0])), (-2.0, 2.0));
}

#[test]
fn two_values() {
    let values = [-1.0_f32, 3.0];
    assert_eq!(bounds(&seen(MinMax::default(), &values)), (-1.0, 3.0));
    assert_eq!(bounds(&seen(percentile(0.25, 0.75), &values)), (0.0, 2.0));
    assert_eq!(bounds(&seen(sigmas(1.0), &values)), (-1.0, 3.0));
    assert_eq!(bounds(&seen(average(0.01), &values)), (-1.0, 3.0));
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let values = [f32::MAX, f32::MIN];
    assert_eq!(bounds(&seen(MinMax::default(), &values)), (f32::MIN, f32::MAX));
    assert_eq!(bounds(&seen(percentile(0.0, 1.0), &values)), (f32::MIN, f32::MAX));
    assert_eq!(bounds(&seen(percentile(0.5, 0.75), &values)), (0.0, f32::MAX / 2.0));
    assert_eq!(bounds(&seen(sigmas(3.0), &values)), (f32::MIN, f32::MAX));
    assert_eq!(bounds(&seen(sigmas(0.5), &values)), (-f32::MAX / 2.0, f32::MAX / 2.0));
    let mut moving = average(0.5);
    for x in [f32::MAX, f32::MIN, f32::MAX] {
        moving.observe(&[x]);
    }
    assert_eq!(bounds(&moving), (f32::MAX / 2.0, f32::MAX / 2.0));
    let many = vec![f32::MAX; 10_000];
    assert_eq!(bounds(&seen(sigmas(3.0), &many)), (f32::MAX, f32::MAX));
    assert_eq!(bounds(&seen(percentile(0.1, 0.9), &many)), (f32::MAX, f32::MAX));
}

#[test]
fn subnormal_numbers_are_numbers() {
    let tiny = |k: i32| k as f32 * f32::from_bits(1);
    let values: Vec<f32> = (-50..=50).map(tiny).collect();
    assert_eq!(bounds(&seen(MinMax::default(), &values)), (tiny(-50), tiny(50)));
    assert_eq!(bounds(&seen(percentile(0.1, 0.9), &values)), (tiny(-40), tiny(40)));
    assert_eq!(bounds(&seen(sigmas(1.0), &[tiny(2), tiny(8)])), (tiny(2), tiny(8)));
    let many: Vec<f32> = (0..=KEPT as i32).map(|i| tiny(i % 101 - 50)).collect();
    let (low, high) = bounds(&seen(percentile(0.0, 1.0), &many));
    assert!((tiny(-50)..=tiny(-49)).contains(&low) && (tiny(49)..=tiny(50)).contains(&high));
}

#[test]
fn nothing_observed_is_no_data_with_the_counts() {
    fn check<E: RangeEstimator>(fresh: &E) {
        let message = fresh.range(&CodeRange::of::<i8>()).unwrap_err().to_string();
        let want = "no finite value was observed, so there is no range (of 0 values, 0 were NaN and 0 infinite)";
        assert_eq!(message, want);
        let mut estimator = seen(fresh.clone(), &[f32::NAN, f32::INFINITY]);
        estimator.merge(&seen(fresh.clone(), &[f32::NAN, f32::NAN, f32::NEG_INFINITY]));
        let error = estimator.range(&CodeRange::of::<u8>()).unwrap_err();
        assert!(matches!(error, Error::NoData { group: None, observed: 5, nan: 3, infinite: 2 }), "{error}");
        assert!(error.to_string().contains("of 5 values, 3 were NaN and 2 infinite"), "{error}");
        // A value after all.
        estimator.observe(&[2.5]);
        assert_eq!(bounds(&estimator), (2.5, 2.5));
    }
    check(&MinMax::default());
    check(&percentile(0.1, 0.9));
    check(&sigmas(3.0));
    check(&average(0.1));
}

#[test]
fn a_fixed_range_needs_no_data_and_learns_nothing() {
    let fixed = Fixed::new(ValueRange::new(-1.0, 2.0).unwrap());
    assert_eq!(fixed.feed(), Feed::Nothing);
    let mut other = seen(fixed, &[100.0, f32::NAN]);
    other.merge(&Fixed::new(ValueRange::ZERO));
    assert_eq!((other, bounds(&other)), (fixed, (-1.0, 2.0)));
}

#[test]
fn minus_zero_is_zero() {
    for bound in [
        bounds(&seen(MinMax::default(), &[-0.0])),
        bounds(&seen(percentile(0.0, 1.0), &[-0.0])),
        bounds(&seen(sigmas(1.0), &[-0.0])),
        bounds(&seen(average(0.1), &[-0.0])),
    ] {
        assert_eq!((bound.0.to_bits(), bound.1.to_bits()), (0, 0));
    }
    depends_on_the_values_alone(&percentile(0.2, 0.8), &[-0.0, 0.0, -0.0, 1.0], (1, 3)).unwrap();
}

#[test]
fn a_moving_average_asks_for_its_values_in_one_call() {
    assert_eq!(average(0.1).feed(), Feed::Whole);
    assert_eq!(MinMax::default().feed(), Feed::Extremes);
    assert_eq!(sigmas(1.0).feed(), Feed::Pieces);
    // So does a percentile, which is exact then.
    assert_eq!(percentile(0.0, 1.0).feed(), Feed::Whole);
}

/// Of values at hand a percentile is its definition, however many they are and wherever they lie.
#[test]
fn a_percentile_of_values_at_hand_is_exact() {
    for (n, outliers) in
        [(4097, &[][..]), (50_000, &[]), (50_000, &[1e6]), (300_000, &[-3e38, 3e38, 1e-40]), (9000, &[f32::NAN])]
    {
        let mut values = normal(n, 0.5, 0.1);
        values.extend(outliers);
        // Every third is 0, and many lie together.
        values.iter_mut().skip(1).step_by(3).for_each(|x| *x = if *x > 0.6 { *x } else { 0.0 });
        let mut sorted: Vec<f32> = values.iter().copied().filter(|x| x.is_finite()).map(|x| x + 0.0).collect();
        sorted.sort_unstable_by(f32::total_cmp);
        for (lower, upper) in [(0.0, 1.0), (0.0005, 0.9995), (0.1, 0.9), (0.2, 0.3), (0.499, 0.5), (1e-6, 1.0 - 1e-6)] {
            let range = percentile(lower, upper).range_of(&values, &CodeRange::of::<i8>()).unwrap();
            let want = (quantile(&sorted, lower) as f32, quantile(&sorted, upper) as f32);
            assert_eq!((range.min(), range.max()), want, "{lower} to {upper} of {n}");
        }
    }
}

/// A million values of a deviation of 0.1, and one of a million: 99.9 % of them lie within ±0.33.
#[test]
fn one_outlier_does_not_move_a_percentile() {
    for outlier in [1e3_f32, 1e6, -1e6, 3e38] {
        let mut values = normal(1_000_000, 0.0, 0.1);
        values[777] = outlier;
        let mut sorted = values.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let want = [0.0005, 0.9995].map(|p| quantile(&sorted, p));
        assert!((want[0] + 0.33).abs() < 0.005 && (want[1] - 0.33).abs() < 0.005, "{want:?}");
        let fresh = Percentile::two_sided(0.999).unwrap();
        let mut streamed = fresh.clone();
        let mut other = fresh.clone();
        for (i, piece) in values.chunks(10_000).enumerate() {
            if i % 3 == 0 { other.observe(piece) } else { streamed.observe(piece) }
        }
        streamed.merge(&other);
        assert_eq!(streamed, seen(fresh.clone(), &values));
        let (low, high) = bounds(&streamed);
        for (got, want) in [(low, want[0]), (high, want[1])] {
            assert!((f64::from(got) - want).abs() <= 0.01 * want.abs(), "with {outlier:e}: {got} for {want}");
        }
        let exact = fresh.range_of(&values, &CodeRange::of::<i8>()).unwrap();
        assert_eq!((exact.min(), exact.max()), (want[0] as f32, want[1] as f32));
    }
}

/// Tiles of values of every size: their sums are exact.
#[test]
fn a_deviation_of_many_values_depends_on_them_alone() {
    let any: Vec<f32> = (0..20_000).map(|i| f32::from_bits((uniform(9, i) * 4_294_967_296.0) as u32)).collect();
    let sparse: Vec<f32> =
        normal(20_000, 0.0, 1.0).into_iter().map(|x| if x < 1.0 { 0.0 } else { x.powi(9) }).collect();
    for values in [any, sparse, normal(30_000, 100.0, 1e-3)] {
        depends_on_the_values_alone(&sigmas(2.0), &values[..10_000], (3000, 9000)).unwrap();
        let at_once = seen(sigmas(2.0), &values);
        let mut pieces = sigmas(2.0);
        values.chunks(777).rev().for_each(|piece| pieces.observe(piece));
        assert_eq!(pieces, at_once);
    }
}

/// At least the stated share of the values lies within the range, ends included, up to the one value that interpolation
/// may leave out at each end.
#[test]
fn a_percentile_holds_its_share() {
    for n in [10_u64, 1000, 20_000] {
        let values = normal(n, 0.5, 2.0);
        for share in [0.5, 0.9, 0.99, 0.999] {
            let (low, high) = bounds(&seen(Percentile::two_sided(share).unwrap(), &values));
            let inside = values.iter().filter(|x| (low..=high).contains(*x)).count() as f64;
            // Beyond the values that are kept, a bin's are taken to be spread evenly.
            let room = if n > KEPT as u64 { 0.001 * n as f64 } else { 2.0 };
            assert!((inside - share * n as f64).abs() <= room, "{inside} of {n} in {low}..={high} for {share}");
        }
    }
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let message = |error: Error| error.to_string();
    assert_eq!(message(MovingAverage::new(0.0).unwrap_err()), "the momentum must be above 0 and at most 1, got 0");
    assert_eq!(
        message(MeanStd::new(-1.5).unwrap_err()),
        "the number of standard deviations must be positive and finite, got -1.5"
    );
    assert_eq!(message(Percentile::new(-0.1, 1.0).unwrap_err()), "the lower quantile must be from 0 to 1, got -0.1");
    assert_eq!(
        message(Percentile::new(0.5, 0.5).unwrap_err()),
        "the upper quantile must be above the lower one and at most 1, got 0.5"
    );
    assert_eq!(message(Percentile::two_sided(1.5).unwrap_err()), "the share must be above 0 and at most 1, got 1.5");
    for bad in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
        assert!(MeanStd::new(bad).is_err() && Percentile::two_sided(bad).is_err(), "{bad}");
        assert!(MovingAverage::new(bad as f32).is_err() && Percentile::new(0.5, bad).is_err(), "{bad}");
    }
    assert!(MovingAverage::new(1.5).is_err() && Percentile::new(f64::NAN, 1.0).is_err());
}

/// Expected bits: `MovingAverageMinMaxObserver` of torch 2.15.0 with an averaging constant of 1. What comes back is not the
/// last batch's extreme: f32 rounds `−4 + (x + 4)`.
#[test]
fn a_moving_average_rounds_as_pytorch_does() {
    let mut estimator = average(1.0);
    estimator.observe(&[-4.0, 1.0]);
    estimator.observe(&[-0.1, 0.3]);
    let (min, max) = bounds(&estimator);
    assert_eq!((min.to_bits(), max.to_bits()), (0xbdcc_ccc0, 0x3e99_999a));
}

/// min + 1 · (1.9661863 − min) rounds one way for the minimum and another for the maximum: they must not pass each other.
#[test]
fn the_ends_of_a_moving_average_do_not_cross() {
    let mut estimator = average(1.0);
    estimator.observe(&[-1.190_412_9, -5.734_31]);
    estimator.observe(&[1.966_186_3]);
    let (min, max) = bounds(&estimator);
    assert!(min <= max && (min - 1.966_186_3).abs() < 1e-6 && (max - 1.966_186_3).abs() < 1e-6, "{min}, {max}");
    // Nearly 1 is enough.
    let mut estimator = average(0.999_999_94);
    for batch in [&[2.775_249_5, 0.0][..], &[-2.823_419_8], &[7.871_473]] {
        estimator.observe(batch);
    }
    assert!(estimator.range(&CodeRange::of::<i8>()).is_ok());
}

/// What an estimator holds, written out, is as long after a million values as after ten thousand, up to the digits of
/// its counts.
#[test]
fn memory_is_bounded_whatever_is_observed() {
    fn check<E: RangeEstimator + Debug>(fresh: E) {
        let values = normal(20_000, 0.0, 3.0);
        let mut estimator = seen(fresh, &values);
        let before = format!("{estimator:?}").len();
        for _ in 0..50 {
            estimator.observe(&values);
        }
        let mut twice = estimator.clone();
        twice.merge(&estimator);
        let after = format!("{twice:?}").len();
        assert!(after <= 2 * before + 100, "{before} characters became {after}");
    }
    check(MinMax::default());
    check(percentile(0.001, 0.999));
    check(sigmas(3.0));
    check(average(0.1));
}
