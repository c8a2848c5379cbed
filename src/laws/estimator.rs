//! The laws of range estimators: a [`RangeEstimator`] of your own.
//!
//! Two estimators are the same here if they give the same range, bit for bit, for two targets: affine and symmetric codes of
//! 8 bits.

use super::known;
use super::law::Waiver;
use super::random::Random;
use super::shrink::{OF_A_NUMBER, Shrink, simpler_number};
use super::strategies::{Distribution, Values};
use super::trials::{Breach, Trials};
use crate::error::{Error, Result};
use crate::kernel::{Extremes, reference};
use crate::params::{CodeRange, ValueRange};
use crate::range::{Entropy, Feed, LpNorm, MeanStd, MovingAverage, Mse, Octav, Percentile, RangeEstimator, Target};
use crate::tensor::Scheme;
use core::any::Any;
use core::fmt::Debug;

super::list::laws! {
    "estimator" of dyn Subject:
    ANSWERS = answers(
        "any finite value was observed  ⇒  min ≤ max, both finite",
        "An estimator that fails on constants, on zeros or on ±3.4e38 fails in the middle of a calibration."
    ) by answers;
    NO_DATA = no_data(
        "no finite value was observed  ⇒  NoData, with the numbers of values, of NaN and of infinities, of all that was merged",
        "A default range for what was never seen is a bug that shows months later, as accuracy; the counts say what was \
         wrong with the data."
    ) by no_data;
    NON_FINITE = non_finite(
        "range(x with NaN and ±∞ in it) = range(x)",
        "Every comparison with NaN is false: one of them makes a minimum that is never updated again."
    ) by non_finite;
    ORDER = order(
        "range(x in any order) = range(x)",
        "Workers see batches in any order: calibration must not depend on it."
    ) by order;
    SPLITS = splits(
        "observe(x); observe(y) = observe(x followed by y)",
        "A tensor is shown in pieces whose size nobody promised: a batch, a row, a tile."
    ) by splits;
    MERGE = merge(
        "observe(x) merged with observe(y) = observe(x followed by y)",
        "It is how threads share out a tensor: a merge that forgets a count, or overwrites, gives a range of some of the values."
    ) by merge;
    MERGE_COMMUTES = merge_commutes(
        "a merged with b = b merged with a",
        "Which thread is ready first is chance."
    ) by merge_commutes;
    MERGE_ASSOCIATES = merge_associates(
        "(a merged with b) merged with c = a merged with (b merged with c)",
        "Results are merged in a tree, of which the shape depends on the number of threads."
    ) by merge_associates;
    MERGE_NOTHING = merge_nothing(
        "a merged with a fresh one = a = a fresh one merged with a",
        "Some thread had no work: its minimum of 0, or its count of 0 to divide by, must not show."
    ) by merge_nothing;
    FEED = feed(
        "range_of(x) = observe(x) then range;  Feed::Extremes: the extremes of pieces are as good as the values",
        "Tensors are handed over as `feed` asks for: an estimator that asks for less than it needs sees less than it should."
    ) by feed;
    COVERS = covers(
        "min ≤ x ≤ max for every finite x observed",
        "A threshold, or a histogram's edge, that leaves out the largest values saturates them. Who clips on purpose does not \
         promise it."
    ) by covers;
    HULL = hull(
        "smallest x observed ≤ min and max ≤ largest x observed, or these with the sign that makes them symmetric",
        "Beyond the data there is nothing to represent: codes are wasted there."
    ) by hull;
    CONSTANTS = constants(
        "x = c everywhere  ⇒  min = max = c",
        "Calculators restore a constant exactly when they can see that it is one."
    ) by constants;
    POWERS_OF_TWO = powers_of_two(
        "range(2ᵏ · x) = 2ᵏ · range(x)",
        "Multiplying by a power of two is exact: whatever else changes is an absolute constant in the code, a bin width or an \
         epsilon, that is wrong for small or for large tensors."
    ) by powers_of_two;
    SIGN_SYMMETRY = sign_symmetry(
        "range(−x) = −range(x) for symmetric codes, to 2⁻²⁰ of the largest |x|",
        "An estimator that prefers one sign shifts every layer the same way."
    ) by sign_symmetry;
}

/// An estimator without its type.
pub(super) trait Subject: Debug {
    fn fresh(&self) -> Box<dyn Subject>;
    fn observe(&mut self, values: &[f32]);
    fn observe_extremes(&mut self, seen: &Extremes);
    fn merge(&mut self, other: &dyn Subject);
    fn range(&self, target: &dyn Target) -> Result<ValueRange>;
    fn range_of(&self, values: &[f32], target: &dyn Target) -> Result<ValueRange>;
    fn feed(&self) -> Feed;
    fn as_any(&self) -> &dyn Any;
}

/// An estimator of a type that is merged with others of it.
#[derive(Debug)]
struct Erased<E>(E);

impl<E: RangeEstimator + 'static> Subject for Erased<E> {
    fn fresh(&self) -> Box<dyn Subject> {
        Box::new(Erased(self.0.clone()))
    }

    fn observe(&mut self, values: &[f32]) {
        self.0.observe(values);
    }

    fn observe_extremes(&mut self, seen: &Extremes) {
        self.0.observe_extremes(seen);
    }

    fn merge(&mut self, other: &dyn Subject) {
        if let Some(other) = other.as_any().downcast_ref::<Self>() {
            self.0.merge(&other.0);
        }
    }

    fn range(&self, target: &dyn Target) -> Result<ValueRange> {
        self.0.range(target)
    }

    fn range_of(&self, values: &[f32], target: &dyn Target) -> Result<ValueRange> {
        self.0.range_of(values, target)
    }

    fn feed(&self) -> Feed {
        self.0.feed()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

pub(super) fn erased<E: RangeEstimator + 'static>(estimator: &E) -> impl Subject + use<E> {
    Erased(estimator.clone())
}

/// Returns the laws that a built-in estimator does not promise, by its type and its feed.
pub(super) fn waivers(estimator: &dyn Any, feed: Feed) -> Vec<Waiver> {
    let mut waivers = Vec::new();
    let estimator = known::estimator(estimator);
    if feed == Feed::Nothing {
        let known = [NO_DATA, COVERS, HULL, CONSTANTS, POWERS_OF_TWO, SIGN_SYMMETRY];
        waivers.extend(known::all(&known, "the range is known beforehand, whatever the data"));
    }
    if estimator.is::<MovingAverage>() {
        let ordered = [ORDER, SPLITS, MERGE, MERGE_COMMUTES, MERGE_ASSOCIATES, COVERS];
        waivers.extend(known::all(&ordered, "a moving average is about the order of batches"));
    }
    if estimator.is::<MeanStd>() {
        waivers.extend(known::all(&[COVERS, HULL], "mean ± k·σ lies where it lies"));
    }
    if estimator.is::<Percentile>() {
        waivers.extend(known::all(&[COVERS], "it clips a share of the values"));
        waivers.extend(known::all(&[SIGN_SYMMETRY], "the quantiles need not lie symmetrically"));
    }
    if estimator.is::<Mse>() || estimator.is::<Octav>() || estimator.is::<LpNorm>() || estimator.is::<Entropy>() {
        waivers.extend(known::all(&[COVERS], "it clips where that costs less"));
    }
    if estimator.is::<Mse>() {
        waivers.extend(known::all(&[SIGN_SYMMETRY], known::SEARCHED));
    }
    if estimator.is::<Mse>() || estimator.is::<LpNorm>() || estimator.is::<Octav>() {
        waivers.extend(known::all(&[HULL], "of the best scale the ends need not be values"));
    }
    waivers
}

/// Values, where to cut them in three, and which target they are for.
#[derive(Clone, Debug)]
struct Observations {
    values: Vec<f32>,
    cuts: [usize; 2],
    symmetric: bool,
}

impl Observations {
    /// Returns nothing, one value, constants, zeros, one value that is far from the others, the ends of f32, values of one sign,
    /// many of them, and values that are not finite; of ordinary numbers alone if so it is said. Each for both targets.
    fn corners(values: &Values) -> Vec<Self> {
        let (tiny, inf, nan) = (f32::from_bits(1), f32::INFINITY, f32::NAN);
        let ramp = |n: usize, step: f32| (0..n).map(|i| (i as f32 - 20.0) * step).collect::<Vec<f32>>();
        let with = |mut list: Vec<f32>, x: f32| {
            list.push(x);
            list
        };
        let lists = [
            vec![],
            vec![0.0],
            vec![-0.0, 0.0],
            vec![1.0],
            vec![-1.0],
            vec![0.1; 3],
            vec![-0.1; 3],
            vec![1.0, 2.0],
            vec![-2.0, -1.0],
            vec![-1.0, 1.0],
            vec![0.0, 0.0, 0.0, 0.0, 1.0],
            vec![0.0, 0.0, 0.0, 0.0, -1.0],
            ramp(41, 0.25),
            ramp(60, 1.0),
            with(ramp(41, 0.01), 1000.0),
            with(ramp(41, 0.01), -1000.0),
            vec![f32::MIN, f32::MAX],
            vec![f32::MAX; 2],
            vec![f32::MIN; 2],
            vec![0.0, f32::MAX],
            vec![tiny],
            vec![-tiny, tiny],
            vec![f32::MIN_POSITIVE, -1e-30],
            vec![nan],
            vec![inf, -inf],
            vec![nan, 1.0, inf, -2.0, -inf],
        ];
        let lists = lists.into_iter().filter(|list| values.may_hold(list));
        lists
            .flat_map(|values| {
                let n = values.len();
                [false, true].map(|symmetric| Self { values: values.clone(), cuts: [n / 2, n], symmetric })
            })
            .collect()
    }

    fn make(random: &mut Random, values: &Values) -> Self {
        let values = values.make(random).values;
        let cuts = [random.below(values.len() + 1), random.below(values.len() + 1)];
        Self { values, cuts, symmetric: random.one_in(2) }
    }

    fn parts(&self) -> [&[f32]; 3] {
        let cut = |k: usize| k.min(self.values.len());
        let (first, last) = (cut(self.cuts[0].min(self.cuts[1])), cut(self.cuts[0].max(self.cuts[1])));
        [&self.values[..first], &self.values[first..last], &self.values[last..]]
    }

    fn target(&self) -> Box<dyn Target> {
        if self.symmetric { Box::new(Scheme::<i8>::symmetric()) } else { Box::new(CodeRange::of::<i8>()) }
    }

    /// Returns the description of a breach: what came out, and what should have.
    fn breach(&self, what: &str, ours: &Result<ValueRange>, theirs: &Result<ValueRange>) -> String {
        self.case(&format!("{what}: {}\nbut {}", shown(ours), shown(theirs)))
    }

    /// Returns the description of a breach where there should have been a range.
    fn no_range(&self, error: &Error) -> String {
        self.case(&format!("finite values were observed, and yet there is no range: {error}"))
    }

    fn case(&self, what: &str) -> String {
        let [a, b, c] = self.parts();
        let target = if self.symmetric { "symmetric" } else { "affine" };
        format!("{what}\nvalues {a:?}, {b:?}, {c:?}, for {target} codes of i8")
    }
}

fn shown(range: &Result<ValueRange>) -> String {
    match range {
        Ok(range) => {
            let (min, max) = (range.min(), range.max());
            format!("[{min:?}, {max:?}] ({:#x}, {:#x})", min.to_bits(), max.to_bits())
        }
        Err(error) => format!("the error: {error}"),
    }
}

impl Shrink for Observations {
    fn attempts(&self) -> usize {
        5 + self.values.len() * (1 + OF_A_NUMBER)
    }

    fn attempt(&self, k: usize) -> Option<Self> {
        let (n, mut simpler) = (self.values.len(), self.clone());
        match k {
            0 if n > 1 => simpler.values.truncate(n / 2),
            1 if n > 1 => drop(simpler.values.drain(..n / 2)),
            2 if self.cuts != [n / 2, n] => simpler.cuts = [n / 2, n],
            3 if self.cuts.iter().any(|&cut| cut > n) => simpler.cuts = self.cuts.map(|cut| cut.min(n)),
            4 if self.symmetric => simpler.symmetric = false,
            ..5 => return None,
            k if k < 5 + n => {
                simpler.values.remove(k - 5);
                simpler.cuts = self.cuts.map(|cut| if cut > k - 5 { cut - 1 } else { cut });
            }
            k => {
                let (at, k) = ((k - 5 - n) / OF_A_NUMBER, (k - 5 - n) % OF_A_NUMBER);
                simpler.values[at] = simpler_number(self.values[at], k)?;
            }
        }
        Some(simpler)
    }
}

fn seen(subject: &dyn Subject, values: &[f32]) -> Box<dyn Subject> {
    let mut fresh = subject.fresh();
    fresh.observe(values);
    fresh
}

fn merged(a: &dyn Subject, b: &dyn Subject) -> Box<dyn Subject> {
    let mut a = a.fresh();
    a.merge(b);
    a
}

/// Two ranges are the same, or neither is one.
fn same(ours: &Result<ValueRange>, theirs: &Result<ValueRange>) -> bool {
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => ours == theirs,
        (Err(ours), Err(theirs)) => ours.to_string() == theirs.to_string(),
        _ => false,
    }
}

/// Checks observations of any values, finite or not.
fn each(trials: &Trials, values: &Values, check: &dyn Fn(&Observations) -> Result<(), String>) -> Result<(), Breach> {
    let corners = Observations::corners(values);
    trials.run(&corners, &|random| Observations::make(random, values), &|case: &Observations| check(case))
}

fn any_values(fewest: usize) -> Values {
    Values::of(&[Distribution::FINITE, &[Distribution::Bits]].concat(), fewest..=60)
}

fn finite_values() -> Values {
    Values::of(Distribution::FINITE, 1..=60)
}

fn is_finite(values: &[f32]) -> bool {
    !values.is_empty() && values.iter().all(|x| x.is_finite())
}

/// Checks that two ways to observe the same give the same.
fn the_same(case: &Observations, what: &str, ours: &dyn Subject, theirs: &dyn Subject) -> Result<(), String> {
    let target = case.target();
    let (ours, theirs) = (ours.range(&*target), theirs.range(&*target));
    if same(&ours, &theirs) { Ok(()) } else { Err(case.breach(what, &ours, &theirs)) }
}

/// A range is in order by its type.
fn answers(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each_range(subject, trials, &|_, _| Ok(()))
}

fn no_data(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each(trials, &any_values(0), &|case| {
        let none: Vec<f32> = case.values.iter().map(|&x| if x > 1.0 { f32::INFINITY } else { f32::NAN }).collect();
        let case = Observations { values: none, ..case.clone() };
        let count = case.values.len() as u64;
        let infinite = case.values.iter().filter(|x| x.is_infinite()).count() as u64;
        let want = Err(Error::NoData { group: None, observed: count, nan: count - infinite, infinite });
        let target = case.target();
        let same_counts = |what: &str, range: Result<ValueRange>| {
            if same(&range, &want) { Ok(()) } else { Err(case.breach(what, &range, &want)) }
        };
        let mut pieces = subject.fresh();
        case.parts().iter().for_each(|part| pieces.observe(part));
        same_counts("there is no finite value", pieces.range(&*target))?;
        let [a, b, c] = case.parts().map(|part| seen(subject, part));
        same_counts("there is none in three pieces merged", merged(&*merged(&*a, &*b), &*c).range(&*target))?;
        same_counts("there is none in `range_of`", subject.range_of(&case.values, &*target))?;
        if subject.feed() != Feed::Extremes {
            return Ok(());
        }
        let mut of_extremes = subject.fresh();
        case.parts().iter().for_each(|part| of_extremes.observe_extremes(&reference::min_max(part)));
        same_counts("there is none in the extremes of three pieces", of_extremes.range(&*target))
    })
}

fn non_finite(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each(trials, &finite_values(), &|case| {
        if !is_finite(&case.values) {
            return Ok(());
        }
        let mut dirty = Vec::new();
        for (i, &x) in case.values.iter().enumerate() {
            dirty.extend([x, [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -f32::NAN][i % 4]]);
        }
        let (mut first, mut last) = (subject.fresh(), subject.fresh());
        first.observe(&[f32::NAN]);
        first.observe(&case.values);
        last.observe(&case.values);
        last.observe(&[f32::NAN, f32::INFINITY]);
        let clean = seen(subject, &case.values);
        the_same(case, "with NaN before them", &*first, &*clean)?;
        the_same(case, "with NaN and ∞ after them", &*last, &*clean)?;
        the_same(case, "with NaN and ±∞ among them", &*seen(subject, &dirty), &*clean)
    })
}

fn order(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each(trials, &any_values(0), &|case| {
        let backwards: Vec<f32> = case.values.iter().rev().copied().collect();
        let mut sorted = case.values.clone();
        sorted.sort_by(f32::total_cmp);
        let straight = seen(subject, &case.values);
        the_same(case, "backwards", &*seen(subject, &backwards), &*straight)?;
        the_same(case, "sorted", &*seen(subject, &sorted), &*straight)
    })
}

fn splits(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each(trials, &any_values(0), &|case| {
        let (mut pieces, mut one_by_one) = (subject.fresh(), subject.fresh());
        case.parts().iter().for_each(|part| pieces.observe(part));
        case.values.iter().for_each(|&x| one_by_one.observe(&[x]));
        let at_once = seen(subject, &case.values);
        the_same(case, "in three pieces", &*pieces, &*at_once)?;
        the_same(case, "one by one", &*one_by_one, &*at_once)
    })
}

fn merge(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    // Many values, too: beyond some number estimators change what they keep.
    let mixed = Values::of(Distribution::FINITE, 0..=60);
    let many = Values::of(Distribution::ORDINARY, 4000..=9000);
    let check = |case: &Observations| {
        let [a, b, c] = case.parts().map(|part| seen(subject, part));
        let all = merged(&*merged(&*a, &*b), &*c);
        the_same(case, "three pieces merged", &*all, &*seen(subject, &case.values))
    };
    each(trials, &mixed, &check)?;
    each(&trials.at_most(4), &many, &check)
}

fn merge_commutes(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each(trials, &any_values(0), &|case| {
        let [a, b, _] = case.parts().map(|part| seen(subject, part));
        the_same(case, "the first with the second", &*merged(&*a, &*b), &*merged(&*b, &*a))
    })
}

fn merge_associates(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each(trials, &any_values(0), &|case| {
        let [a, b, c] = case.parts().map(|part| seen(subject, part));
        let (left, right) = (merged(&*merged(&*a, &*b), &*c), merged(&*a, &*merged(&*b, &*c)));
        the_same(case, "the first two, then the third", &*left, &*right)
    })
}

fn merge_nothing(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each(trials, &any_values(0), &|case| {
        let a = seen(subject, &case.values);
        the_same(case, "with nothing", &*merged(&*a, subject), &*a)?;
        the_same(case, "nothing with them", &*merged(subject, &*a), &*a)
    })
}

fn feed(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each(trials, &any_values(0), &|case| {
        let (observed, target) = (seen(subject, &case.values), case.target());
        let (at_once, later) = (subject.range_of(&case.values, &*target), observed.range(&*target));
        if !same(&at_once, &later) {
            return Err(case.breach("range_of", &at_once, &later));
        }
        match subject.feed() {
            Feed::Extremes => {
                let mut of_extremes = subject.fresh();
                case.parts().iter().for_each(|part| of_extremes.observe_extremes(&reference::min_max(part)));
                the_same(case, "of the extremes of three pieces", &*of_extremes, &*observed)
            }
            Feed::Nothing => the_same(case, "before anything was observed", subject, &*observed),
            Feed::Pieces | Feed::Whole => Ok(()),
        }
    })
}

/// Checks the range of finite values.
fn each_range(
    subject: &dyn Subject,
    trials: &Trials,
    check: &dyn Fn(&Observations, ValueRange) -> Result<(), String>,
) -> Result<(), Breach> {
    each(trials, &finite_values(), &|case| {
        if !is_finite(&case.values) {
            return Ok(());
        }
        match seen(subject, &case.values).range(&*case.target()) {
            Ok(range) => check(case, range),
            Err(error) => Err(case.no_range(&error)),
        }
    })
}

fn bounds(values: &[f32]) -> (f32, f32) {
    let low = values.iter().fold(f32::INFINITY, |low, &x| low.min(x));
    let high = values.iter().fold(f32::NEG_INFINITY, |high, &x| high.max(x));
    (low, high)
}

fn covers(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each_range(subject, trials, &|case, range| {
        let (low, high) = bounds(&case.values);
        if range.min() <= low && high <= range.max() {
            return Ok(());
        }
        Err(case.breach("the range", &Ok(range), &ValueRange::new(low, high)))
    })
}

fn hull(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each_range(subject, trials, &|case, range| {
        let (low, high) = bounds(&case.values);
        let largest = low.abs().max(high.abs());
        let within = low <= range.min() && range.max() <= high;
        let symmetric = case.symmetric && range.max_abs() <= largest;
        if within || symmetric {
            return Ok(());
        }
        Err(case.breach("the range", &Ok(range), &ValueRange::new(low, high)))
    })
}

fn constants(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each_range(subject, trials, &|case, _| {
        let value = case.values[0];
        let case = Observations { values: vec![value; case.values.len()], ..case.clone() };
        let (range, want) = (seen(subject, &case.values).range(&*case.target()), ValueRange::new(value, value));
        if same(&range, &want) { Ok(()) } else { Err(case.breach("of a constant", &range, &want)) }
    })
}

fn powers_of_two(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    let ordinary = Values::of(Distribution::ORDINARY, 1..=60);
    each(trials, &ordinary, &|case| {
        let power = case.cuts[0] as i32 % 41 - 20;
        let factor = 2.0_f32.powi(power);
        let multiplied: Vec<f32> = case.values.iter().map(|x| x * factor).collect();
        let target = case.target();
        let want = seen(subject, &case.values)
            .range(&*target)
            .and_then(|range| ValueRange::new(range.min() * factor, range.max() * factor));
        let got = seen(subject, &multiplied).range(&*target);
        if same(&got, &want) {
            Ok(())
        } else {
            Err(case.breach(&format!("of 2^{power} times the values"), &got, &want))
        }
    })
}

fn sign_symmetry(subject: &dyn Subject, trials: &Trials) -> Result<(), Breach> {
    each_range(subject, trials, &|case, _| {
        let case = Observations { symmetric: true, ..case.clone() };
        let negated: Vec<f32> = case.values.iter().map(|x| -x).collect();
        let target = case.target();
        let range = seen(subject, &case.values).range(&*target);
        let want = range.and_then(|range| ValueRange::new(-range.max(), -range.min()));
        let got = seen(subject, &negated).range(&*target);
        let (low, high) = bounds(&case.values);
        let near = |a: f32, b: f32| {
            (f64::from(a) - f64::from(b)).abs() <= f64::from(low.abs().max(high.abs())) * 2.0_f64.powi(-20)
        };
        match (&got, &want) {
            (Ok(got), Ok(want)) if near(got.min(), want.min()) && near(got.max(), want.max()) => Ok(()),
            _ => Err(case.breach("of −x", &got, &want)),
        }
    })
}
