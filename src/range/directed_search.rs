//! The scale and zero point of the smallest squared error, for any rounding; made for the directed ones.
//!
//! Branch and bound over intervals of scales `[low, high]`: an interval is dropped once no scale in it can beat the best
//! that is known with any zero point, and halved otherwise. Two bounds, each from running sums over sorted values
//! ([`Sorted`]), so that they cost time by the number of codes and not of values:
//!
//! 1. *Each value for itself.* In no case is x nearer to a real than to the union of the intervals `[k·low, k·high]`, and
//!    what is beyond the outermost is clipped. It needs no assumption, and drops wide intervals.
//! 2. *All values together.* Values that have one code for every scale of the interval share one parabola, whose
//!    minimum is known. Those that change theirs, from k to k + 1, are as far from either as their threshold is, or nearly.
//!    Where no value changes its code, the bound is the minimum itself.
//!
//! Both are sums over k, and zero points differ only in where k begins and ends: with running sums over k, too, one pass
//! bounds the errors of all zero points. And both ends of an interval are ends of others: the sums up to each t(k)·s are
//! looked up once for a scale s ([`Cut`]). A pass over one cut gives the errors at that scale.
//!
//! The search ends when the best known error is within [`TOLERANCE`] of what any other scale can reach: after some thousand
//! intervals, for where a value changes its code the error jumps. After [`MOST_INTERVALS`] it ends without that proof. Where
//! values are rounded to the nearest, the error does not jump, and a [`nearest_search`](super::nearest_search) is shorter.

use super::grid::{Best, Multiples, TOLERANCE};
use super::pieces::{Cut, Parabola, Steps, Zeros, facing_ends};
use super::sorted::Sorted;
use super::thresholds::Thresholds;
use alloc::collections::BinaryHeap;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// Intervals to look at before giving up the proof.
const MOST_INTERVALS: usize = 20_000;
/// Open intervals that keep their cuts; those of more are made anew when they are wanted.
const MOST_WITH_CUTS: usize = 1000;
/// The ratio of the ends of the intervals at the start.
const FIRST_RATIO: f64 = 1.25;

/// Returns the best scale for the best of some sets of multiples, starting from the best of some.
///
/// At least one value must be other than 0.
pub(super) fn search(
    data: &Sorted,
    thresholds: &Thresholds,
    sets: &[Multiples],
    start: impl IntoIterator<Item = (Multiples, f64)>,
) -> Option<Best> {
    let mut search = Search::new(data, thresholds, sets, start);
    search.best?;
    search.open_all();
    search.run();
    search.best
}

/// Returns Σ (x − k·s)², every x with its code.
pub(super) fn squared_error(data: &Sorted, thresholds: &Thresholds, multiples: Multiples, scale: f64) -> f64 {
    let cut = Cut::new(data, thresholds, multiples, scale);
    let steps = Steps::between(&cut, &cut, data, Zeros::One);
    steps.map_or(f64::INFINITY, |steps| steps.parabola(multiples, scale, scale).bound)
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

impl<'a> Search<'a> {
    fn new(
        data: &'a Sorted,
        thresholds: &'a Thresholds,
        sets: &'a [Multiples],
        start: impl IntoIterator<Item = (Multiples, f64)>,
    ) -> Self {
        let (all, open) = (Multiples::union(sets), BinaryHeap::new());
        let mut search = Self { data, thresholds, sets, all, best: None, open };
        for (multiples, scale) in start.into_iter().filter(|(_, scale)| *scale > 0.0 && scale.is_finite()) {
            search.improve(Best { multiples, scale, error: squared_error(data, thresholds, multiples, scale) });
        }
        search
    }

    /// Halves the most promising intervals until none can hold a better scale.
    fn run(&mut self) {
        for _ in 0..MOST_INTERVALS {
            let Some(interval) = self.open.pop() else { break };
            if !self.can_beat(interval.bound) {
                break;
            }
            self.halve(interval);
        }
    }

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
        if !self.is_narrow(low, high) {
            self.open_wide(low, middle);
            self.open_wide(middle, high);
            return;
        }
        let [at_low, at_high] = cuts.unwrap_or_else(|| [self.cut(low), self.cut(high)]);
        let at_middle = self.cut(middle);
        self.try_at(&at_middle);
        // Narrower than the spacing of f32, there is nothing left to choose.
        if high / low - 1.0 > 1e-8 {
            self.open_narrow([at_low, at_middle.clone()]);
            self.open_narrow([at_middle, at_high]);
        }
    }

    fn cut(&self, scale: f64) -> Rc<Cut> {
        Rc::new(Cut::new(self.data, self.thresholds, self.all, scale))
    }

    /// Returns whether no value can have three codes.
    fn is_narrow(&self, low: f64, high: f64) -> bool {
        let (first, last) = self.all.reached((self.data.min(), self.data.max()), low);
        f64::from(first.unsigned_abs().max(last.unsigned_abs())) * (high - low) <= low
    }

    fn open_wide(&mut self, low: f64, high: f64) {
        let bound = self.apart(low, high);
        if self.can_beat(bound) {
            self.open.push(Interval { low, high, bound, cuts: None });
        }
    }

    fn open_narrow(&mut self, cuts: [Rc<Cut>; 2]) {
        let (low, high) = (cuts[0].scale, cuts[1].scale);
        let Some(steps) = Steps::between(&cuts[0], &cuts[1], self.data, self.zeros()) else {
            return self.open_wide(low, high);
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
        let Some(steps) = Steps::between(cut, cut, self.data, self.zeros()) else { return };
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
        let (first, last) = self.all.reached((self.data.min(), self.data.max()), low);
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
