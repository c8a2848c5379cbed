//! The scale and zero point of the smallest squared error, over all there are.
//!
//! # The problem
//!
//! Reals are the multiples `k·s` for k from `a = qmin − z` to `b = qmax − z`. A value x gets the code k whose interval
//! `[t(k − 1)·s, t(k)·s)` holds it, where t(k), between k and k + 1, is where the rounding turns from k to k + 1: k + ½ for
//! the nearest. The error `E(s, z) = Σ (x − k(x, s)·s)²` is a parabola in s wherever no value changes its code, and n
//! values have some n·(b − a) places where one does: far too many minima to look at, and no slope to follow.
//!
//! # The search
//!
//! Branch and bound over intervals of scales `[low, high]`: an interval is dropped once no scale in it can beat the best
//! that is known with any zero point, and halved otherwise. Two bounds, each from running sums over sorted values
//! ([`Sorted`]), so that they cost time by the number of codes and not of values:
//!
//! 1. *Each value for itself.* In no case is x nearer to a real than to the union of the intervals `[k·low, k·high]`, and
//!    what is beyond the outermost is clipped. It needs no assumption, and drops wide intervals.
//! 2. *All values together.* Values that have one code for every scale of the interval share one parabola, whose
//!    minimum is known. Those that change theirs, from k to k + 1, are about half a step away from either. What is lost
//!    is of second order in the width of the interval, so that few halvings are needed; and where no value changes its
//!    code, the bound is the minimum itself.
//!
//! Both are sums over k, and zero points differ only in where k begins and ends: with running sums over k, too, one pass
//! bounds the errors of all zero points. And both ends of an interval are ends of others: the sums up to each t(k)·s are
//! looked up once for a scale s ([`Cut`]). A pass over one cut gives the errors at that scale.
//!
//! The search ends when the best known error is within [`TOLERANCE`] of what any other scale can reach: after some hundred
//! intervals, or some thousand where the rounding is directed and the error therefore jumps. After [`MOST_INTERVALS`] it
//! ends without that proof.

use super::sorted::{Sorted, Sums};
use alloc::collections::BinaryHeap;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::RangeInclusive;

/// How far above the infimum the error found may be, as a share of it.
const TOLERANCE: f64 = 1e-6;
/// Intervals to look at before giving up the proof.
const MOST_INTERVALS: usize = 20_000;
/// Open intervals that keep their cuts; those of more are made anew when they are wanted.
const MOST_WITH_CUTS: usize = 1000;
/// The ratio of the ends of the intervals at the start.
const FIRST_RATIO: f64 = 1.25;
/// More codes than this are not searched: running sums in f64 would lose the error among the squares.
pub(super) const MOST_CODES: usize = 1024;

/// Where the rounding turns from one whole number to the next.
#[derive(Clone, Debug)]
pub(super) struct Thresholds {
    first: i32,
    t: Vec<f64>,
}

impl Thresholds {
    /// Returns those of a rounding: for each k of `codes`, where between k and k + 1 it turns; halfway where `round` leaves
    /// it to chance.
    pub(super) fn of(round: impl Fn(f32) -> Option<f32>, codes: RangeInclusive<i32>) -> Self {
        let first = *codes.start();
        Self { first, t: codes.map(|k| f64::from(threshold(&round, k as f32))).collect() }
    }

    /// Returns whether a value that is a multiple of the scale has a neighbour that is coded differently: then the last bit
    /// of the scale counts.
    pub(super) fn turn_at_whole_numbers(&self) -> bool {
        self.t.iter().any(|t| t % 1.0 == 0.0)
    }

    /// Returns the smallest value that is coded k + 1 with a scale, if that below it is coded k.
    fn after(&self, k: i32, scale: f64) -> f64 {
        let t = self.t[(k - self.first) as usize];
        // Rounding up leaves a whole number where it is.
        if t == f64::from(k) { (t * scale).next_up() } else { t * scale }
    }
}

/// Returns the smallest number above k that is rounded to k + 1, found by halving; k + 1 for floor.
fn threshold(round: &impl Fn(f32) -> Option<f32>, k: f32) -> f32 {
    let (mut low, mut high) = (k, k + 1.0);
    if round(k + 0.5).is_none() {
        return k + 0.5;
    }
    loop {
        let middle = f32::midpoint(low, high);
        if middle <= low || middle >= high {
            // Where the turn is within a rounding error of one of these, it is meant to be there.
            let near = |x: f32| (high - x).abs() <= 1e-4;
            return if near(k + 0.5) {
                k + 0.5
            } else if near(k) {
                k
            } else {
                high
            };
        }
        if round(middle).is_some_and(|rounded| rounded > k) { high = middle } else { low = middle }
    }
}

/// The multiples of a scale that are reals: from `lowest · s` to `highest · s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Multiples {
    pub(super) lowest: i32,
    pub(super) highest: i32,
}

/// A scale, the multiples of it, and the squared error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Best {
    pub(super) multiples: Multiples,
    pub(super) scale: f64,
    pub(super) error: f64,
}

/// Returns the best scale for the best of some sets of multiples, starting from a known one.
///
/// At least one value must be other than 0.
pub(super) fn search(
    data: &Sorted,
    thresholds: &Thresholds,
    sets: &[Multiples],
    start: impl IntoIterator<Item = (Multiples, f64)>,
) -> Option<Best> {
    let all = sets.iter().fold(Multiples { lowest: 0, highest: 0 }, |all, set| Multiples {
        lowest: all.lowest.min(set.lowest),
        highest: all.highest.max(set.highest),
    });
    let mut search = Search { data, thresholds, sets, all, best: None, open: BinaryHeap::new() };
    for (multiples, scale) in start.into_iter().filter(|(_, scale)| *scale > 0.0 && scale.is_finite()) {
        search.improve(Best { multiples, scale, error: squared_error(data, thresholds, multiples, scale) });
    }
    search.best?;
    search.open_all();
    for _ in 0..MOST_INTERVALS {
        let Some(interval) = search.open.pop() else { break };
        if !search.can_beat(interval.bound) {
            break;
        }
        search.halve(interval);
    }
    search.best
}

/// Returns Σ (x − k·s)², every x with its code.
pub(super) fn squared_error(data: &Sorted, thresholds: &Thresholds, multiples: Multiples, scale: f64) -> f64 {
    let cut = Cut::new(data, thresholds, multiples, scale);
    let steps = Steps::between(&cut, &cut, data.total(), Zeros::One);
    steps.map_or(f64::INFINITY, |steps| steps.parabola(multiples, scale, scale).bound)
}

/// For how many zero points a pass is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Zeros {
    One,
    Many,
}

struct Search<'a> {
    data: &'a Sorted,
    thresholds: &'a Thresholds,
    sets: &'a [Multiples],
    /// The union of the sets.
    all: Multiples,
    best: Option<Best>,
    open: BinaryHeap<Interval>,
}

/// Scales that may hold the best one.
#[derive(Clone, Debug)]
struct Interval {
    low: f64,
    high: f64,
    /// No scale in it has a smaller error.
    bound: f64,
    /// The cuts at both ends, once the interval is narrow.
    cuts: Option<[Rc<Cut>; 2]>,
}

impl PartialEq for Interval {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Interval {}

impl PartialOrd for Interval {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Interval {
    /// The most promising one is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound).then(other.low.total_cmp(&self.low))
    }
}

impl Search<'_> {
    fn zeros(&self) -> Zeros {
        if self.sets.len() == 1 { Zeros::One } else { Zeros::Many }
    }

    fn can_beat(&self, bound: f64) -> bool {
        self.best.is_none_or(|best| bound < best.error * (1.0 - TOLERANCE))
    }

    fn improve(&mut self, found: Best) {
        if self.best.is_none_or(|best| found.error < best.error) {
            self.best = Some(found);
        }
    }

    /// Opens intervals from the largest scale downwards, until all zero points clip too much.
    fn open_all(&mut self) {
        // A scale beyond the largest magnitude makes every value's error larger, or leaves it at its square.
        let mut high = self.data.max().max(-self.data.min());
        let smallest = high * 1e-9;
        while high > smallest {
            let clips_too_much = |set: &Multiples| !self.can_beat(self.clipped(*set, high));
            if self.sets.iter().all(clips_too_much) {
                break;
            }
            self.open_wide(high / FIRST_RATIO, high);
            high /= FIRST_RATIO;
        }
    }

    fn halve(&mut self, Interval { low, high, cuts, .. }: Interval) {
        let middle = f64::midpoint(low, high);
        let is_narrow = {
            let (first, last) = self.all.reached(self.data, low, high);
            f64::from(first.unsigned_abs().max(last.unsigned_abs())) * (high - low) <= low
        };
        if !is_narrow {
            self.open_wide(low, middle);
            self.open_wide(middle, high);
            return;
        }
        let cut = |scale| Rc::new(Cut::new(self.data, self.thresholds, self.all, scale));
        let [at_low, at_high] = cuts.unwrap_or_else(|| [cut(low), cut(high)]);
        let at_middle = cut(middle);
        self.try_at(&at_middle);
        // Narrower than the spacing of f32, there is nothing left to choose.
        if high / low - 1.0 > 1e-8 {
            self.open_narrow([at_low, at_middle.clone()]);
            self.open_narrow([at_middle, at_high]);
        }
    }

    fn open_wide(&mut self, low: f64, high: f64) {
        let bound = self.apart(low, high);
        if self.can_beat(bound) {
            self.open.push(Interval { low, high, bound, cuts: None });
        }
    }

    fn open_narrow(&mut self, cuts: [Rc<Cut>; 2]) {
        let (low, high) = (cuts[0].scale, cuts[1].scale);
        let Some(steps) = Steps::between(&cuts[0], &cuts[1], self.data.total(), self.zeros()) else {
            let bound = self.apart(low, high);
            return self.open.push(Interval { low, high, bound, cuts: Some(cuts) });
        };
        let mut least = f64::INFINITY;
        for &multiples in self.sets {
            let Parabola { bound, scale, is_exact } = steps.parabola(multiples, low, high);
            if is_exact {
                self.improve(Best { multiples, scale, error: bound });
            } else {
                least = least.min(bound);
            }
        }
        if self.can_beat(least) {
            let cuts = (self.open.len() < MOST_WITH_CUTS).then_some(cuts);
            self.open.push(Interval { low, high, bound: least, cuts });
        }
    }

    /// Looks at all sets of multiples of one scale.
    fn try_at(&mut self, cut: &Cut) {
        let Some(steps) = Steps::between(cut, cut, self.data.total(), self.zeros()) else { return };
        for &multiples in self.sets {
            let error = steps.parabola(multiples, cut.scale, cut.scale).bound;
            self.improve(Best { multiples, scale: cut.scale, error });
        }
    }

    /// Returns Σ over what is beyond the outermost reals of its squared distance to them.
    fn clipped(&self, Multiples { lowest, highest }: Multiples, scale: f64) -> f64 {
        let (bottom, top) = (f64::from(lowest) * scale, f64::from(highest) * scale);
        let above = self.data.total() - self.data.sums_below(top);
        self.data.sums_below(bottom).squared_distance(bottom) + above.squared_distance(top)
    }

    /// Bounds the error of all sets by Σ of the squared distances to the union of `[k·low, k·high]`.
    fn apart(&self, low: f64, high: f64) -> f64 {
        let (first, last) = self.all.reached(self.data, low, high);
        // Gaps between neighbours close as multiples grow; `as` saturates.
        let open = ((low / (high - low)) as i32).saturating_add(1);
        let (first, last) = (first.max(-open), last.min(open));
        // For each k, the distances in the gaps up to it.
        let mut gaps = Vec::with_capacity((last - first + 1).max(1) as usize);
        let mut distances = 0.0;
        gaps.push(distances);
        for k in first..last {
            let (left, right) = facing_ends(k, low, high);
            if left < right {
                let (at_left, at_right) = (self.data.sums_below(left), self.data.sums_below(right));
                if at_left.n < at_right.n {
                    let at_middle = self.data.sums_below(f64::midpoint(left, right));
                    distances += (at_middle - at_left).squared_distance(left);
                    distances += (at_right - at_middle).squared_distance(right);
                }
            }
            gaps.push(distances);
        }
        let gaps_up_to = |k: i32| gaps[(k.clamp(first, last.max(first)) - first) as usize];
        let bound = |set: &Multiples| self.clipped(*set, high) + (gaps_up_to(set.highest) - gaps_up_to(set.lowest));
        self.sets.iter().map(bound).fold(f64::INFINITY, f64::min)
    }
}

impl Multiples {
    /// Returns the smallest and largest multiple that a value may have with a scale from `low` to `high`, and one more at
    /// each end.
    fn reached(self, data: &Sorted, low: f64, high: f64) -> (i32, i32) {
        let smallest = (data.min() / low).min(data.min() / high);
        let largest = (data.max() / low).max(data.max() / high);
        // `as` saturates.
        let first = (smallest as i32).saturating_sub(2).clamp(self.lowest, self.highest);
        (first, (largest as i32).saturating_add(2).clamp(first, self.highest))
    }
}

/// Returns the largest that `k·s` and the smallest that `(k + 1)·s` can be.
fn facing_ends(k: i32, low: f64, high: f64) -> (f64, f64) {
    (f64::from(k) * if k < 0 { low } else { high }, f64::from(k + 1) * if k + 1 > 0 { low } else { high })
}

/// Where the values are cut in pieces of one code each, with a scale: the sums below each threshold.
#[derive(Clone, Debug)]
struct Cut {
    scale: f64,
    /// The multiple below the first threshold.
    first: i32,
    thresholds: Vec<f64>,
    sums: Vec<Sums>,
}

impl Cut {
    fn new(data: &Sorted, thresholds: &Thresholds, multiples: Multiples, scale: f64) -> Self {
        let (first, last) = multiples.reached(data, scale, scale);
        let thresholds: Vec<f64> = (first..last).map(|k| thresholds.after(k, scale)).collect();
        let mut sums = Vec::with_capacity(thresholds.len());
        data.sums_below_each(&thresholds, &mut sums);
        Self { scale, first, thresholds, sums }
    }

    /// The multiple above the last threshold.
    fn last(&self) -> i32 {
        self.first + self.sums.len() as i32
    }

    /// Returns the threshold from k to k + 1, and the sums below it; beyond all values for a k that none reaches.
    fn after(&self, k: i32, total: Sums) -> (f64, Sums) {
        if k < self.first {
            return (f64::NEG_INFINITY, Sums::default());
        }
        match self.sums.get((k - self.first) as usize) {
            Some(&sums) => (self.thresholds[(k - self.first) as usize], sums),
            None => (f64::INFINITY, total),
        }
    }
}

/// Σx², Σkx and Σk² of values with their codes: their error is `x2 − 2·kx·s + k2·s²`.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    x2: f64,
    kx: f64,
    k2: f64,
}

impl Kept {
    fn add(&mut self, sums: Sums, k: i32) {
        let k = f64::from(k);
        self.x2 += sums.x2;
        self.kx += k * sums.x;
        self.k2 += k * k * sums.n;
    }
}

/// What there is below the multiple k, with the scales from one cut to another.
struct Steps {
    first: i32,
    last: i32,
    total: Sums,
    /// For each k, or only for the first and the last.
    at: Vec<Step>,
}

struct Step {
    /// Of the values that keep a code below k.
    kept: Kept,
    /// What those that change to codes up to k lose at least, and how many they are.
    changing: f64,
    changes: f64,
    /// All values below those that change from k to k + 1.
    at_start: Sums,
    /// All values up to those that change from k − 1 to k.
    after_previous: Sums,
}

#[derive(Clone, Copy)]
struct Parabola {
    bound: f64,
    /// Where the parabola is lowest.
    scale: f64,
    /// Whether no value changes its code.
    is_exact: bool,
}

impl Steps {
    /// Returns where values keep their code and where they change it, or `None` where some may have three codes.
    fn between(at_low: &Cut, at_high: &Cut, total: Sums, zeros: Zeros) -> Option<Self> {
        let (low, high) = (at_low.scale, at_high.scale);
        let (first, last) = (at_low.first.min(at_high.first), at_low.last().max(at_high.last()));
        let mut steps = Vec::with_capacity(if zeros == Zeros::One { 2 } else { (last - first) as usize + 1 });
        let mut kept = Kept::default();
        let (mut changing, mut changes) = (0.0, 0.0);
        let mut before = Sums::default();
        let mut previous_end = f64::NEG_INFINITY;
        for k in first..last {
            // Values from start to end change from k to k + 1 somewhere.
            let (one, other) = (at_low.after(k, total), at_high.after(k, total));
            let ((start, at_start), (end, at_end)) = if one.0 <= other.0 { (one, other) } else { (other, one) };
            if start < previous_end && at_start.n < before.n {
                return None;
            }
            if k == first || zeros == Zeros::Many {
                steps.push(Step { kept, changing, changes, at_start, after_previous: before });
            }
            kept.add(at_start - before, k);
            if at_start.n < at_end.n {
                let (left, right) = facing_ends(k, low, high);
                let distance = (start - left).min(right - end).max(0.0);
                changing += distance * distance * (at_end.n - at_start.n);
                changes += at_end.n - at_start.n;
            }
            before = at_end;
            previous_end = end;
        }
        steps.push(Step { kept, changing, changes, at_start: total, after_previous: before });
        Some(Self { first, last, total, at: steps })
    }

    /// Bounds the error with these multiples.
    fn parabola(&self, set: Multiples, low: f64, high: f64) -> Parabola {
        let (l, h) = (set.lowest.clamp(self.first, self.last), set.highest.clamp(self.first, self.last));
        let at = |k: i32| &self.at[((k - self.first) as usize).min(self.at.len() - 1)];
        let (bottom, top) = (at(l), at(h));
        let mut kept = Kept::default();
        if l == h {
            kept.add(self.total, l);
        } else {
            // What keeps a code above the lowest and below the highest; everything below and above goes to these two.
            let mut inner = bottom.kept;
            inner.add(bottom.at_start - bottom.after_previous, l);
            kept.x2 = top.kept.x2 - inner.x2;
            kept.kx = top.kept.kx - inner.kx;
            kept.k2 = top.kept.k2 - inner.k2;
            kept.add(bottom.at_start, l);
            kept.add(self.total - top.after_previous, h);
        }
        let scale = if kept.k2 > 0.0 { (kept.kx / kept.k2).clamp(low, high) } else { high };
        let error = (kept.x2 - 2.0 * kept.kx * scale + kept.k2 * scale * scale).max(0.0);
        let (changing, changes) = (top.changing - bottom.changing, top.changes - bottom.changes);
        Parabola { bound: error + changing.max(0.0), scale, is_exact: changes == 0.0 }
    }
}
