//! Estimators that are broken in one way each.

use crate::caught;
use tensor_quant::kernel::Extremes;
use tensor_quant::laws::{self, Law, Terms, estimator};
use tensor_quant::params::ValueRange;
use tensor_quant::range::{Feed, Target};
use tensor_quant::{Error, RangeEstimator, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    None,
    MergeOverwrites,
    MergeTakesTheirMinimum,
    MergesAFreshZero,
    ForgetsTheCountInMerging,
    NanPoisons,
    ThresholdDropsABin,
    DefaultsToOne,
    DoesNotCount,
    TakesNanForInfinity,
    RemembersTheLastCall,
    KeepsTheFirstFour,
    HasASmallestWidth,
    LooksAtTheMaximumAlone,
    AsksForExtremesAlone,
    WidensByATenth,
    FailsOnConstants,
    MergesWithRounding,
}

/// Minimum and maximum, or what the bug makes of them.
#[derive(Clone, Debug)]
struct Naive {
    bug: Bug,
    min: f32,
    max: f32,
    sum: f64,
    calls: u32,
    count: u64,
    nan: u64,
    infinite: u64,
}

impl Naive {
    fn new(bug: Bug) -> Self {
        let (min, max) = (f32::INFINITY, f32::NEG_INFINITY);
        Self { bug, min, max, sum: 0.0, calls: 0, count: 0, nan: 0, infinite: 0 }
    }

    fn finite(&self) -> u64 {
        self.count - self.nan - self.infinite
    }
}

impl RangeEstimator for Naive {
    fn observe(&mut self, values: &[f32]) {
        if self.bug == Bug::RemembersTheLastCall && !values.is_empty() {
            *self = Self::new(self.bug);
        }
        self.calls += 1;
        for &x in values {
            let kept = self.finite();
            self.count += 1;
            self.nan += u64::from(x.is_nan());
            self.infinite += u64::from(x.is_infinite());
            if self.bug == Bug::NanPoisons && x.is_nan() {
                // `max` and `min` written as comparisons.
                (self.min, self.max) = (0.0, 0.0);
            }
            let keeps = self.bug != Bug::KeepsTheFirstFour || kept < 4;
            if x.is_finite() && keeps {
                (self.min, self.max) = (self.min.min(x + 0.0), self.max.max(x + 0.0));
                self.sum += f64::from(x);
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        let fresh = other.finite() == 0;
        match self.bug {
            Bug::MergeOverwrites if !fresh => (self.min, self.max) = (other.min, other.max),
            Bug::MergeTakesTheirMinimum if !fresh => (self.min, self.max) = (other.min, self.max.max(other.max)),
            Bug::MergesAFreshZero if fresh => (self.min, self.max) = (self.min.min(0.0), self.max.max(0.0)),
            Bug::MergesWithRounding if !fresh && self.finite() > 0 => {
                let middle = |a: f32, b: f32| (f64::from(a) / 2.0 + f64::from(b) / 2.0) as f32;
                (self.min, self.max) = (middle(self.min, other.min), middle(self.max, other.max));
            }
            _ => (self.min, self.max) = (self.min.min(other.min), self.max.max(other.max)),
        }
        self.sum += other.sum;
        if self.bug != Bug::ForgetsTheCountInMerging {
            (self.count, self.nan, self.infinite) =
                (self.count + other.count, self.nan + other.nan, self.infinite + other.infinite);
        }
    }

    fn range(&self, _target: &dyn Target) -> Result<ValueRange> {
        if self.min > self.max {
            let (observed, nan, infinite) = (self.count, self.nan, self.infinite);
            return match self.bug {
                Bug::DefaultsToOne => ValueRange::new(-1.0, 1.0),
                Bug::TakesNanForInfinity => {
                    Err(Error::NoData { group: None, observed, nan: 0, infinite: nan + infinite })
                }
                Bug::DoesNotCount => Err(Error::NoData { group: None, observed: 0, nan: 0, infinite: 0 }),
                _ => Err(Error::NoData { group: None, observed, nan, infinite }),
            };
        }
        let largest = self.min.abs().max(self.max.abs());
        let (min, max) = match self.bug {
            Bug::ThresholdDropsABin => {
                // Of 128 bins the last is never the threshold.
                let threshold = largest / 128.0 * 127.0;
                (self.min.max(-threshold), self.max.min(threshold))
            }
            Bug::HasASmallestWidth => (self.min, self.max.max(self.min + 1e-6)),
            Bug::LooksAtTheMaximumAlone => (-self.max.abs(), self.max.abs()),
            Bug::WidensByATenth => (self.min * 1.1, self.max * 1.1),
            Bug::FailsOnConstants if self.min == self.max => return ValueRange::new(f32::NAN, f32::NAN),
            Bug::ForgetsTheCountInMerging | Bug::AsksForExtremesAlone => {
                let mean = (self.sum / self.finite().max(1) as f64) as f32;
                (mean.min(self.max), self.max.max(mean))
            }
            _ => (self.min, self.max),
        };
        ValueRange::new(min, max)
    }

    fn observe_extremes(&mut self, seen: &Extremes) {
        if seen.min <= seen.max {
            self.observe(&[seen.min, seen.max]);
        }
        self.count = self.count + seen.count - if seen.min <= seen.max { 2 } else { 0 };
        (self.nan, self.infinite) = (self.nan + seen.nan, self.infinite + seen.infinite);
    }

    fn feed(&self) -> Feed {
        if self.bug == Bug::AsksForExtremesAlone { Feed::Extremes } else { Feed::Pieces }
    }
}

fn is_caught(law: Law, bug: Bug) {
    caught(law, Terms::default().only(law).check_estimator(&Naive::new(bug)));
}

#[test]
fn without_a_bug_every_law_holds() {
    laws::check_estimator(&Naive::new(Bug::None)).unwrap();
}

#[test]
fn merging() {
    is_caught(estimator::MERGE, Bug::MergeOverwrites);
    is_caught(estimator::MERGE, Bug::ForgetsTheCountInMerging);
    is_caught(estimator::MERGE_COMMUTES, Bug::MergeTakesTheirMinimum);
    is_caught(estimator::MERGE_NOTHING, Bug::MergesAFreshZero);
    is_caught(estimator::MERGE_ASSOCIATES, Bug::MergesWithRounding);
}

#[test]
fn nan_that_poisons_the_extremes() {
    is_caught(estimator::NON_FINITE, Bug::NanPoisons);
}

#[test]
fn a_threshold_that_drops_a_bin() {
    is_caught(estimator::COVERS, Bug::ThresholdDropsABin);
}

#[test]
fn no_data() {
    is_caught(estimator::NO_DATA, Bug::DefaultsToOne);
    is_caught(estimator::NO_DATA, Bug::DoesNotCount);
    is_caught(estimator::NO_DATA, Bug::TakesNanForInfinity);
    is_caught(estimator::NO_DATA, Bug::ForgetsTheCountInMerging);
}

/// An error where there should be a range is told once, and with nothing made up beside it.
#[test]
fn a_missing_range_is_reported_with_its_own_error() {
    for law in [estimator::ANSWERS, estimator::HULL, estimator::COVERS] {
        let broken = Terms::default().only(law).check_estimator(&Naive::new(Bug::FailsOnConstants)).unwrap_err();
        let case = broken.counterexample().unwrap();
        let first = case.lines().next().unwrap();
        let error = ValueRange::new(f32::NAN, f32::NAN).unwrap_err().to_string();
        assert_eq!(first, format!("finite values were observed, and yet there is no range: {error}"));
        assert_eq!(case.matches(&error).count(), 1, "{case}");
    }
}

#[test]
fn memory() {
    is_caught(estimator::SPLITS, Bug::RemembersTheLastCall);
    is_caught(estimator::ORDER, Bug::KeepsTheFirstFour);
    is_caught(estimator::FEED, Bug::AsksForExtremesAlone);
}

#[test]
fn ranges() {
    is_caught(estimator::POWERS_OF_TWO, Bug::HasASmallestWidth);
    is_caught(estimator::CONSTANTS, Bug::HasASmallestWidth);
    is_caught(estimator::SIGN_SYMMETRY, Bug::LooksAtTheMaximumAlone);
    is_caught(estimator::HULL, Bug::WidensByATenth);
    is_caught(estimator::ANSWERS, Bug::FailsOnConstants);
}
