//! Estimators that a person could write.

use super::all_are_caught;
use tensor_quant::kernel::Extremes;
use tensor_quant::laws::{Law, Terms, estimator};
use tensor_quant::params::{ValueRange, ZeroPoints};
use tensor_quant::range::{Feed, Target};
use tensor_quant::{Error, RangeEstimator, Result};

/// What was observed, and what is made of it.
#[derive(Clone, Copy, Debug)]
struct Observed {
    min: f32,
    max: f32,
    sum: f32,
    positive: u64,
    count: u64,
    nan: u64,
    infinite: u64,
    calls: u32,
}

/// What a shortcut makes of what was observed and of all values.
type RangeOf = fn(&Observed, &[f32]) -> Result<ValueRange>;

#[derive(Clone, Copy, Debug)]
pub(super) struct Estimator {
    seen: Observed,
    observe: fn(&mut Observed, &[f32]),
    merge: fn(&mut Observed, &Observed),
    range: fn(&Observed, bool) -> Result<ValueRange>,
    range_of: Option<RangeOf>,
    feed: Feed,
}

const NOTHING: Observed = Observed {
    min: f32::INFINITY,
    max: f32::NEG_INFINITY,
    sum: 0.0,
    positive: 0,
    count: 0,
    nan: 0,
    infinite: 0,
    calls: 0,
};
const MIN_MAX: Estimator = Estimator {
    seen: NOTHING,
    observe: observed,
    merge: merged,
    range: |seen, _| range(seen),
    range_of: None,
    feed: Feed::Pieces,
};

fn counted(seen: &mut Observed, values: &[f32]) {
    seen.calls += 1;
    seen.count += values.len() as u64;
    seen.nan += values.iter().filter(|x| x.is_nan()).count() as u64;
    seen.infinite += values.iter().filter(|x| x.is_infinite()).count() as u64;
}

fn extremes(seen: &mut Observed, values: impl Iterator<Item = f32>) {
    for x in values.filter(|x| x.is_finite()) {
        (seen.min, seen.max) = (seen.min.min(x + 0.0), seen.max.max(x + 0.0));
        seen.sum += x;
        seen.positive += u64::from(x > 0.0);
    }
}

fn observed(seen: &mut Observed, values: &[f32]) {
    counted(seen, values);
    extremes(seen, values.iter().copied());
}

fn merged(seen: &mut Observed, other: &Observed) {
    (seen.min, seen.max, seen.sum) = (seen.min.min(other.min), seen.max.max(other.max), seen.sum + other.sum);
    (seen.count, seen.nan) = (seen.count + other.count, seen.nan + other.nan);
    seen.positive += other.positive;
    (seen.infinite, seen.calls) = (seen.infinite + other.infinite, seen.calls + other.calls);
}

fn range(seen: &Observed) -> Result<ValueRange> {
    if seen.min > seen.max {
        return Err(Error::NoData { group: None, observed: seen.count, nan: seen.nan, infinite: seen.infinite });
    }
    ValueRange::new(seen.min, seen.max)
}

impl RangeEstimator for Estimator {
    fn observe(&mut self, values: &[f32]) {
        (self.observe)(&mut self.seen, values);
    }

    fn observe_extremes(&mut self, seen: &Extremes) {
        let other = Observed {
            min: seen.min,
            max: seen.max,
            count: seen.count,
            nan: seen.nan,
            infinite: seen.infinite,
            ..NOTHING
        };
        merged(&mut self.seen, &other);
    }

    fn merge(&mut self, other: &Self) {
        (self.merge)(&mut self.seen, &other.seen);
    }

    fn range(&self, target: &dyn Target) -> Result<ValueRange> {
        (self.range)(&self.seen, matches!(target.zero_points(), ZeroPoints::One(_)))
    }

    fn range_of(&self, values: &[f32], target: &dyn Target) -> Result<ValueRange> {
        if let Some(range_of) = self.range_of {
            return range_of(&self.seen, values);
        }
        let mut all = *self;
        all.observe(values);
        all.range(target)
    }

    fn feed(&self) -> Feed {
        self.feed
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn all() -> Vec<(&'static str, Law, Estimator)> {
    use estimator::{
        ANSWERS, COVERS, FEED, HULL, MERGE, NO_DATA, NON_FINITE, ORDER, POWERS_OF_TWO, SIGN_SYMMETRY, SPLITS,
    };
    let observes = |observe| Estimator { observe, ..MIN_MAX };
    let merges = |merge| Estimator { merge, ..MIN_MAX };
    let ranges = |range| Estimator { range, ..MIN_MAX };
    vec![
        (
            "extremes that start at zero",
            HULL,
            ranges(|seen, _| {
                let range = range(seen)?;
                ValueRange::new(range.min().min(0.0), range.max().max(0.0))
            }),
        ),
        (
            "a maximum that starts at the smallest positive number",
            HULL,
            ranges(|seen, _| {
                let range = range(seen)?;
                ValueRange::new(range.min(), range.max().max(f32::MIN_POSITIVE))
            }),
        ),
        (
            "comparisons that NaN passes",
            NON_FINITE,
            observes(|seen, values| {
                counted(seen, values);
                for &x in values.iter().filter(|x| !x.is_infinite()) {
                    // As a minimum that is replaced unless it is smaller.
                    (seen.min, seen.max) = if x.is_nan() && seen.min <= seen.max {
                        (seen.max, seen.max)
                    } else {
                        (seen.min.min(x), seen.max.max(x))
                    };
                }
            }),
        ),
        (
            "infinities in the extremes",
            NO_DATA,
            observes(|seen, values| {
                counted(seen, values);
                for x in values.iter().filter(|x| !x.is_nan()) {
                    (seen.min, seen.max) = (seen.min.min(*x), seen.max.max(*x));
                }
            }),
        ),
        (
            "infinities as the largest number",
            NO_DATA,
            observes(|seen, values| {
                counted(seen, values);
                extremes(seen, values.iter().map(|x| x.clamp(f32::MIN, f32::MAX)));
            }),
        ),
        (
            "either a new maximum or a new minimum",
            ANSWERS,
            observes(|seen, values| {
                counted(seen, values);
                for &x in values.iter().filter(|x| x.is_finite()) {
                    if x > seen.max {
                        seen.max = x;
                    } else if x < seen.min {
                        seen.min = x;
                    }
                }
            }),
        ),
        (
            "the last call alone",
            SPLITS,
            observes(|seen, values| {
                let calls = *seen;
                if values.iter().any(|x| x.is_finite()) {
                    *seen = Observed { count: calls.count, nan: calls.nan, infinite: calls.infinite, ..NOTHING };
                }
                observed(seen, values);
            }),
        ),
        (
            "the first call alone",
            SPLITS,
            observes(|seen, values| if seen.min <= seen.max { counted(seen, values) } else { observed(seen, values) }),
        ),
        (
            "an average of calls",
            SPLITS,
            observes(|seen, values| {
                let (before, mut batch) = (*seen, NOTHING);
                observed(&mut batch, values);
                observed(seen, values);
                if before.min <= before.max && batch.min <= batch.max {
                    let middle = |a: f32, b: f32| (f64::from(a) * 0.9 + f64::from(b) * 0.1) as f32;
                    (seen.min, seen.max) = (middle(before.min, batch.min), middle(before.max, batch.max));
                }
            }),
        ),
        (
            "every second value",
            ORDER,
            observes(|seen, values| {
                counted(seen, values);
                extremes(seen, values.iter().copied().filter(|x| x.is_finite()).step_by(2));
            }),
        ),
        (
            "without the last value",
            NON_FINITE,
            observes(|seen, values| {
                counted(seen, values);
                let kept = values.len().saturating_sub(usize::from(seen.count > 40));
                extremes(seen, values[..kept].iter().copied());
            }),
        ),
        (
            "the first thousand values",
            MERGE,
            observes(|seen, values| {
                let room = 1000_u64.saturating_sub(seen.count) as usize;
                counted(seen, values);
                extremes(seen, values.iter().copied().take(room));
            }),
        ),
        (
            "a merge that overwrites",
            MERGE,
            merges(|seen, other| {
                merged(seen, other);
                if other.min <= other.max {
                    (seen.min, seen.max) = (other.min, other.max);
                }
            }),
        ),
        (
            "a merge of the maxima alone",
            MERGE,
            merges(|seen, other| {
                let min = seen.min;
                merged(seen, other);
                seen.min = if min <= seen.max { min } else { seen.min };
            }),
        ),
        (
            "a merge that takes the mean",
            MERGE,
            merges(|seen, other| {
                let before = *seen;
                merged(seen, other);
                if before.min <= before.max && other.min <= other.max {
                    seen.max = before.max / 2.0 + other.max / 2.0;
                    seen.min = before.min / 2.0 + other.min / 2.0;
                }
            }),
        ),
        (
            "a merge that forgets NaN",
            NO_DATA,
            merges(|seen, other| {
                let nan = seen.nan;
                merged(seen, other);
                seen.nan = nan;
            }),
        ),
        (
            "a merge with the zeros of a fresh one",
            MERGE,
            merges(|seen, other| {
                merged(seen, other);
                if other.count == 0 && seen.min <= seen.max {
                    (seen.min, seen.max) = (seen.min.min(0.0), seen.max.max(0.0));
                }
            }),
        ),
        ("a range without data", NO_DATA, ranges(|seen, _| range(seen).or_else(|_| ValueRange::new(-1.0, 1.0)))),
        ("no counts", NO_DATA, observes(|seen, values| extremes(seen, values.iter().copied()))),
        (
            "NaN counted as infinite",
            NO_DATA,
            observes(|seen, values| {
                observed(seen, values);
                (seen.nan, seen.infinite) = (0, seen.infinite + seen.nan);
            }),
        ),
        (
            "constants refused",
            ANSWERS,
            ranges(
                |seen, _| {
                    if seen.min == seen.max { ValueRange::new(seen.max, f32::NEG_INFINITY) } else { range(seen) }
                },
            ),
        ),
        (
            "the middle and half of the width, in f32",
            ANSWERS,
            ranges(|seen, _| {
                let range = range(seen)?;
                let (half, middle) = ((range.max() - range.min()) / 2.0, f32::midpoint(range.min(), range.max()));
                ValueRange::new(middle - half, middle + half)
            }),
        ),
        (
            "a sum in f32",
            ORDER,
            ranges(|seen, _| {
                let range = range(seen)?;
                let mean = seen.sum / (seen.count - seen.nan - seen.infinite) as f32;
                if mean.is_finite() { ValueRange::new(range.min(), range.max().max(mean * 1.5)) } else { Ok(range) }
            }),
        ),
        (
            "the largest magnitude on both sides",
            HULL,
            ranges(|seen, _| {
                let largest = range(seen)?.max_abs();
                ValueRange::new(-largest, largest)
            }),
        ),
        (
            "a smallest width",
            HULL,
            ranges(|seen, _| {
                let range = range(seen)?;
                ValueRange::new(range.min(), range.max().max(range.min() + 1e-6))
            }),
        ),
        (
            "a tenth wider",
            ANSWERS,
            ranges(|seen, _| ValueRange::new(range(seen)?.min() * 1.1, range(seen)?.max() * 1.1)),
        ),
        (
            "a hundredth clipped",
            COVERS,
            ranges(|seen, _| ValueRange::new(range(seen)?.min() * 0.99, range(seen)?.max() * 0.99)),
        ),
        (
            "three decimal places",
            COVERS,
            ranges(|seen, _| {
                let range = range(seen)?;
                let rounded = |x: f32| if x.abs() < 1e6 { (x * 1000.0).round() / 1000.0 } else { x };
                ValueRange::new(rounded(range.min()), rounded(range.max()))
            }),
        ),
        (
            "tiny values taken for zero",
            COVERS,
            ranges(|seen, _| {
                let range = range(seen)?;
                let flushed = |x: f32| if x.abs() < 1e-12 { 0.0 } else { x };
                ValueRange::new(flushed(range.min()), flushed(range.max()))
            }),
        ),
        (
            "narrow ranges made constant",
            COVERS,
            ranges(|seen, _| {
                let range = range(seen)?;
                if range.width() < 1e-9 { ValueRange::new(range.max(), range.max()) } else { Ok(range) }
            }),
        ),
        (
            "symmetric ranges of one sign",
            SIGN_SYMMETRY,
            ranges(|seen, symmetric| {
                let range = range(seen)?;
                let wide = symmetric && !range.is_constant() && range.max() > -range.min();
                if wide { ValueRange::new(-range.max(), range.max()) } else { Ok(range) }
            }),
        ),
        (
            "small symmetric ranges to their whole",
            POWERS_OF_TWO,
            ranges(|seen, symmetric| {
                let range = range(seen)?;
                let small = symmetric && !range.is_constant() && range.max_abs() < 0.5;
                if small { ValueRange::new(-range.max_abs(), range.max_abs()) } else { Ok(range) }
            }),
        ),
        (
            "values asked for as extremes",
            FEED,
            Estimator {
                feed: Feed::Extremes,
                range: |seen, _| {
                    let range = range(seen)?;
                    if seen.positive >= 3 { Ok(range) } else { ValueRange::new(range.min(), range.min()) }
                },
                ..MIN_MAX
            },
        ),
        ("nothing asked for", FEED, Estimator { feed: Feed::Nothing, ..MIN_MAX }),
        (
            "a shortcut that forgets what was observed before",
            NO_DATA,
            Estimator {
                range_of: Some(|_, values| {
                    let finite = || values.iter().copied().filter(|x| x.is_finite());
                    let fold = finite().fold((0.0_f32, 0.0_f32), |(low, high), x| (low.min(x), high.max(x)));
                    ValueRange::new(fold.0, fold.1)
                }),
                ..MIN_MAX
            },
        ),
    ]
}

#[test]
fn estimators_are_caught() {
    all_are_caught(&all(), |mutant| Terms::default().check_estimator(mutant));
}

#[test]
fn the_estimator_without_a_fault_keeps_every_law() {
    let verdict = Terms::default().check_estimator(&MIN_MAX).unwrap();
    assert_eq!(verdict.held().len(), estimator::LAWS.len());
}
