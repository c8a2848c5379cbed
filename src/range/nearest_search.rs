//! The scale and zero point of the smallest squared error, where values are rounded to the nearest real.
//!
//! With y = 1 / s for the scale s, and the integers k from `a` to `b` that a zero point allows, the squared error is
//!
//! ```text
//! Σ min (x − k·s)²  =  Σ x² + s² · H(y),      H(y) = Σ min (k² − 2·k·x·y)
//!    k                                                  k
//! ```
//!
//! A minimum of functions that are linear in y is concave, and so is their sum **H, and so is the least H of several zero
//! points**. Between two scales at which it is known it lies above its chord α + β·y; so there the error is at least
//! `Σ x² + α·s² + β·s`, and the smallest value of that parabola bounds it from below. It needs no assumption about the
//! values, nor about how far apart the scales are; towards s = 0, where every value gets the outermost code, the slope
//! of H is known.
//!
//! Branch and bound: of the intervals of scales, the one with the lowest bound is halved, until no bound is below the best
//! error that is known by more than [`TOLERANCE`]. For the codes that the values have at a scale the error is a parabola,
//! too, and where that is lowest, all values together are off by no more: this is how the best error falls. Some hundred
//! scales are looked at.
//!
//! At a scale, what is above each threshold `(k + ½)·s` is looked up in running sums ([`Sorted`]): time goes by the number
//! of codes, not of values. One pass over the thresholds is enough for all zero points: they differ in where k begins and
//! ends.

use super::grid::{Best, Multiples, TOLERANCE};
use super::sorted::{Sorted, Sums};
use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// Scales to look at before giving up the proof.
const MOST_SCALES: usize = 20_000;
/// By what share of it an error must be smaller to be better.
const LEAST_GAIN: f64 = 1e-9;
/// Errors are differences of sums of squares: what rounding may have done to them, as a share of Σ x².
const ROUNDING: f64 = 1e-14;

/// Returns the best scale for the best of some sets of multiples; `first`, or what is best for its codes, where nothing is
/// better.
///
/// At least one value must be other than 0.
pub(super) fn search(data: &Sorted, sets: &[Multiples], first: (Multiples, f64)) -> Option<Best> {
    let mut search = Search::new(data, sets);
    search.look_at(first.1, &[first.0]);
    // A scale beyond the largest magnitude makes every value's error larger, or leaves it at its square.
    let largest = search.look_at(data.max().max(-data.min()), sets);
    search.open(Point { scale: 0.0, gain: 0.0 }, largest);
    for _ in 0..MOST_SCALES {
        let Some(Interval { low, high, bound }) = search.open.pop() else { break };
        if !search.is_below_best(bound, TOLERANCE) {
            break;
        }
        // Narrower than the spacing of f32, there is nothing left to choose.
        if high.scale - low.scale > 1e-8 * high.scale {
            let middle = search.look_at(f64::midpoint(low.scale, high.scale), sets);
            search.open(low, middle);
            search.open(middle, high);
        }
    }
    // Within the tolerance, the codes at the best scale may have a better one.
    while let Some(best) = search.best {
        search.look_at(best.scale, &[best.multiples]);
        if search.best.is_none_or(|found| found.scale == best.scale) {
            break;
        }
    }
    search.best
}

struct Search<'a> {
    data: &'a Sorted,
    /// The union of all sets.
    all: Multiples,
    total: Sums,
    /// The least slope of H towards infinity, where every value has an outermost code.
    last_slope: f64,
    best: Option<Best>,
    open: BinaryHeap<Interval>,
}

/// What the best zero point gains with a scale over having all values at 0: `s²·H(1 / s)`, which is negative.
#[derive(Clone, Copy, Debug)]
struct Point {
    scale: f64,
    gain: f64,
}

/// Scales that may hold the best one.
#[derive(Clone, Copy, Debug)]
struct Interval {
    low: Point,
    high: Point,
    /// No scale in it has a smaller error.
    bound: f64,
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
        other.bound.total_cmp(&self.bound).then(other.low.scale.total_cmp(&self.low.scale))
    }
}

impl<'a> Search<'a> {
    fn new(data: &'a Sorted, sets: &[Multiples]) -> Self {
        let total = data.total();
        let negative = data.sums_below(0.0).x;
        let outermost =
            |set: &Multiples| f64::from(set.lowest) * negative + f64::from(set.highest) * (total.x - negative);
        let last_slope = -2.0 * sets.iter().map(outermost).fold(0.0, f64::max);
        Self { data, all: Multiples::union(sets), total, last_slope, best: None, open: BinaryHeap::new() }
    }

    /// Returns whether an error is below the best one by more than a share of it, and by what rounding does not explain.
    fn is_below_best(&self, error: f64, share: f64) -> bool {
        self.best.is_none_or(|best| error < best.error * (1.0 - share) - ROUNDING * self.total.x2)
    }

    /// Opens the interval between two scales if it can hold a better one.
    fn open(&mut self, low: Point, high: Point) {
        let slope = if low.scale > 0.0 {
            let chord = low.gain / (low.scale * low.scale) - high.gain / (high.scale * high.scale);
            chord / (1.0 / low.scale - 1.0 / high.scale)
        } else {
            self.last_slope
        };
        // H is at least `start + slope·y`, and the error `x2 + start·s² + slope·s`.
        let start = high.gain / (high.scale * high.scale) - slope / high.scale;
        let bottom = if start > 0.0 { (-slope / (2.0 * start)).clamp(low.scale, high.scale) } else { high.scale };
        let gain = [low.scale, bottom, high.scale].map(|s| (start * s + slope) * s).into_iter().fold(0.0, f64::min);
        let bound = self.total.x2 + gain;
        if self.is_below_best(bound, TOLERANCE) {
            self.open.push(Interval { low, high, bound });
        }
    }

    /// Returns the point at a scale, having tried what is best for the codes that values have there.
    fn look_at(&mut self, scale: f64, sets: &[Multiples]) -> Point {
        let Self { data, total, .. } = *self;
        let (first, last) = self.all.reached(data, scale);
        let thresholds: Vec<f64> = (first..last).map(|k| (f64::from(k) + 0.5) * scale).collect();
        let mut below = Vec::with_capacity(thresholds.len());
        data.sums_below_each(&thresholds, &mut below);
        // Σ k·x and Σ k² with codes up to k, less those with the lowest for all.
        let (mut kx, mut k2) = (0.0, 0.0);
        let mut steps = Vec::with_capacity(below.len() + 1);
        steps.push((kx, k2));
        for (k, below) in (first..last).zip(below) {
            kx += total.x - below.x;
            k2 += f64::from(2 * k + 1) * (total.n - below.n);
            steps.push((kx, k2));
        }
        let mut gain = 0.0_f64;
        for &set in sets {
            let (a, b) = (set.lowest.clamp(first, last), set.highest.clamp(first, last));
            let ((kx_a, k2_a), (kx_b, k2_b)) = (steps[(a - first) as usize], steps[(b - first) as usize]);
            let a = f64::from(a);
            let (kx, k2) = (kx_b - kx_a + a * total.x, k2_b - k2_a + a * a * total.n);
            let at_scale = (k2 * scale - 2.0 * kx) * scale;
            gain = gain.min(at_scale);
            let (scale, at_best) = if kx > 0.0 && k2 > 0.0 { (kx / k2, -kx * kx / k2) } else { (scale, at_scale) };
            let error = (total.x2 + at_best).max(0.0);
            if self.is_below_best(error, LEAST_GAIN) {
                self.best = Some(Best { multiples: set, scale, error });
            }
        }
        Point { scale, gain }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::super::directed_search;
    use super::super::thresholds::Thresholds;
    use super::*;
    use crate::num::{HalfAway, Rounding};
    use alloc::vec;
    use proptest::prelude::*;

    fn sets(zero_points: core::ops::RangeInclusive<i32>, codes: (i32, i32)) -> Vec<Multiples> {
        zero_points.map(|z| Multiples { lowest: codes.0 - z, highest: codes.1 - z }).collect()
    }

    fn values() -> impl Strategy<Value = Vec<f32>> {
        let value = prop_oneof![4 => -1.0_f32..1.0, 2 => -20.0_f32..20.0, 1 => Just(0.0), 1 => Just(3.75), 1 => 500.0_f32..501.0];
        prop::collection::vec(value, 1..60).prop_filter("not all 0", |v| v.iter().any(|x| *x != 0.0))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Two searches that share no bound.
        #[test]
        fn it_finds_what_the_search_for_any_rounding_finds(values in values(), repeats in prop::sample::select(vec![1_usize, 1000])) {
            let values: Vec<f32> = values.iter().copied().cycle().take(repeats * values.len()).collect();
            let data = Sorted::of(&values);
            for (zero_points, codes) in [(0..=0, (-7, 7)), (0..=0, (-128, 127)), (-8..=7, (-8, 7)), (0..=255, (0, 255))] {
                let sets = sets(zero_points, codes);
                let start = (sets[0], data.max().max(-data.min()) / 7.0);
                let found = search(&data, &sets, start).unwrap();
                let thresholds = Thresholds::of(|x| Some(HalfAway.round(x, 0)), codes.0 - codes.1..=codes.1 - codes.0);
                let want = directed_search::search(&data, &thresholds, &sets, [start]).unwrap();
                let error = directed_search::squared_error(&data, &thresholds, found.multiples, found.scale);
                let room = 1e-12 * data.total().x2;
                prop_assert!(error <= want.error * (1.0 + 2e-6) + room, "{error} for {want:?} with {found:?}");
                prop_assert!(want.error <= error * (1.0 + 2e-6) + room, "{want:?} for {error} with {found:?}");
                prop_assert!((found.error - error).abs() <= 1e-6 * error + room, "{error} for {found:?}");
            }
        }
    }

    #[test]
    fn what_is_already_best_stays() {
        let data = Sorted::of(&[-3.0, 1.5, 2.0]);
        let set = Multiples { lowest: -127, highest: 127 };
        assert_eq!(search(&data, &[set], (set, 0.5)).unwrap().scale, 0.5);
    }
}
