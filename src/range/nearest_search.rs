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
//! All that a scale is looked at for are Σ k·x and Σ k², with the codes that each zero point allows ([`Coded`]). Where there are
//! many values, running sums give them ([`Sorted`]): time goes by the number of codes, and one pass over the thresholds is
//! enough for all zero points, which differ in where k begins and ends. Where there are few, each value is looked at
//! ([`Few`](super::few::Few)).

use super::grid::{Best, Multiples, TOLERANCE};
use super::sorted::Sorted;
use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Scales to look at before giving up the proof.
const MOST_SCALES: usize = 20_000;
/// Room for intervals, to begin with.
const OPEN: usize = 64;
/// By what share of it an error must be smaller to be better.
const LEAST_GAIN: f64 = 1e-9;
/// Errors are differences of sums of squares: what rounding may have done to them, as a share of Σ x².
const ROUNDING: f64 = 1e-14;

/// Values whose codes can be summed with any scale.
pub(super) trait Coded {
    /// Returns Σ x².
    fn x2(&self) -> f64;

    /// Returns the largest |x|.
    fn max_abs(&self) -> f64;

    /// Returns Σ x of what is below zero, and of what is above.
    fn x_by_sign(&self) -> (f64, f64);

    /// Calls `visit` with each of these sets of multiples, and with Σ k·x and Σ k² for it. `all` is the union of the sets
    /// that the search is about.
    fn sums_with(&self, scale: f64, sets: &[Multiples], all: Multiples, visit: &mut dyn FnMut(Multiples, f64, f64));
}

/// Returns the best scale for the best of some sets of multiples; `first`, or what is best for its codes, where nothing is
/// better.
///
/// At least one value must be other than 0.
pub(super) fn search(data: &dyn Coded, sets: &[Multiples], first: (Multiples, f64)) -> Option<Best> {
    let mut search = Search::new(data, sets);
    search.look_at(first.1, &[first.0]);
    // A scale beyond the largest magnitude makes every value's error larger, or leaves it at its square.
    let largest = search.look_at(data.max_abs(), sets);
    search.points.push(Point { scale: 0.0, y: f64::INFINITY, h: f64::NEG_INFINITY });
    search.points.push(largest);
    search.open(0, 1);
    for _ in 0..MOST_SCALES {
        let Some(interval) = search.open.pop() else { break };
        let (bound, low, high) = ends(interval);
        if !search.is_below_best(bound, TOLERANCE) {
            break;
        }
        let (low_scale, high_scale) = (search.points[low as usize].scale, search.points[high as usize].scale);
        // Narrower than the spacing of f32, there is nothing left to choose.
        if high_scale - low_scale > 1e-8 * high_scale {
            let point = search.look_at(f64::midpoint(low_scale, high_scale), sets);
            let middle = search.points.len() as u32;
            search.points.push(point);
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
    data: &'a dyn Coded,
    /// The union of all sets.
    all: Multiples,
    /// Σ x².
    x2: f64,
    /// The least slope of H towards infinity, where every value has an outermost code.
    last_slope: f64,
    best: Option<Best>,
    /// What kx² / k2 must be for an error to be as small as the best.
    enough: f64,
    /// What a bound must be below Σ x² to be below the best error.
    enough_to_open: f64,
    points: Vec<Point>,
    open: BinaryHeap<Interval>,
}

/// The least H of all zero points at a scale.
#[derive(Clone, Copy, Debug)]
struct Point {
    scale: f64,
    /// Its reciprocal.
    y: f64,
    h: f64,
}

/// Two points between which the best scale may lie, by their numbers, and no scale between them has a smaller error than the
/// bound: the most promising is the greatest. In one number, so that comparing takes no guess.
type Interval = Reverse<u128>;

fn interval(bound: f64, low: u32, high: u32) -> Interval {
    // Floats above zero are in the order of their bits.
    Reverse(u128::from(bound.max(0.0).to_bits()) << 64 | u128::from(low) << 32 | u128::from(high))
}

fn ends(Reverse(interval): Interval) -> (f64, u32, u32) {
    (f64::from_bits((interval >> 64) as u64), (interval >> 32) as u32, interval as u32)
}

impl<'a> Search<'a> {
    fn new(data: &'a dyn Coded, sets: &[Multiples]) -> Self {
        let (negative, positive) = data.x_by_sign();
        let outermost = |set: &Multiples| f64::from(set.lowest) * negative + f64::from(set.highest) * positive;
        let last_slope = -2.0 * sets.iter().map(outermost).fold(0.0, f64::max);
        let open = BinaryHeap::with_capacity(OPEN);
        Self {
            data,
            all: Multiples::union(sets),
            x2: data.x2(),
            last_slope,
            best: None,
            enough: f64::NEG_INFINITY,
            enough_to_open: f64::NEG_INFINITY,
            points: Vec::with_capacity(OPEN),
            open,
        }
    }

    /// Returns whether an error is below the best one by more than a share of it, and by what rounding does not explain.
    fn is_below_best(&self, error: f64, share: f64) -> bool {
        self.best.is_none_or(|best| error < best.error * (1.0 - share) - ROUNDING * self.x2)
    }

    /// Opens the interval between two scales if it can hold a better one.
    fn open(&mut self, from: u32, to: u32) {
        let (low, high) = (self.points[from as usize], self.points[to as usize]);
        // Between the two H is at least `start + slope·y`, with slope = dh / dy and start = numerator / dy, and the error
        // `x2 + start·s² + slope·s`. It divides only for what is kept.
        let (dh, dy) = if low.scale > 0.0 { (low.h - high.h, low.y - high.y) } else { (self.last_slope, 1.0) };
        let numerator = high.h * dy - dh * high.y;
        // Where that has no bottom between the two, one of them is the lowest, and was looked at.
        if numerator > 0.0 && -dh > 2.0 * numerator * low.scale && -dh < 2.0 * numerator * high.scale {
            let (gain, share) = (dh * dh, 4.0 * dy * numerator);
            if gain > self.enough_to_open * share {
                self.open.push(interval(self.x2 - gain / share, from, to));
            }
        }
    }

    /// Returns the point at a scale, having tried what is best for the codes that values have there.
    fn look_at(&mut self, scale: f64, sets: &[Multiples]) -> Point {
        let y = 1.0 / scale;
        let mut h = 0.0_f64;
        let Self { data, all, .. } = *self;
        data.sums_with(scale, sets, all, &mut |multiples, kx, k2| {
            let at_scale = k2 - 2.0 * kx * y;
            h = h.min(at_scale);
            // Of these codes the best scale is kx / k2, with the error x2 − kx² / k2.
            if kx > 0.0 && k2 > 0.0 && kx * kx < self.enough * k2 {
                return;
            }
            let (scale, error) = if kx > 0.0 && k2 > 0.0 {
                (kx / k2, self.x2 - kx * kx / k2)
            } else {
                (scale, self.x2 + at_scale * scale * scale)
            };
            let error = error.max(0.0);
            if self.is_below_best(error, LEAST_GAIN) {
                self.best = Some(Best { multiples, scale, error });
                self.enough = self.x2 * (1.0 - 1e-12) - error;
                self.enough_to_open = self.x2 * (1.0 + ROUNDING) - error * (1.0 - TOLERANCE);
            }
        });
        Point { scale, y, h }
    }
}

impl Coded for Sorted {
    fn x2(&self) -> f64 {
        self.total().x2
    }

    fn max_abs(&self) -> f64 {
        self.max().max(-self.min())
    }

    fn x_by_sign(&self) -> (f64, f64) {
        let negative = self.sums_below(0.0).x;
        (negative, self.total().x - negative)
    }

    fn sums_with(&self, scale: f64, sets: &[Multiples], all: Multiples, visit: &mut dyn FnMut(Multiples, f64, f64)) {
        let total = self.total();
        let (first, last) = all.reached((self.min(), self.max()), scale);
        let thresholds: Vec<f64> = (first..last).map(|k| (f64::from(k) + 0.5) * scale).collect();
        let mut below = Vec::with_capacity(thresholds.len());
        self.sums_below_each(&thresholds, &mut below);
        // Σ k·x and Σ k² with codes up to k, less those with the lowest for all.
        let (mut kx, mut k2) = (0.0, 0.0);
        let mut steps = Vec::with_capacity(below.len() + 1);
        steps.push((kx, k2));
        for (k, below) in (first..last).zip(below) {
            kx += total.x - below.x;
            k2 += f64::from(2 * k + 1) * (total.n - below.n);
            steps.push((kx, k2));
        }
        visit_each(sets, (first, last), &steps, (total.x, total.n), visit);
    }
}

/// Calls `visit` with each of the sets, given the `steps` from each multiple of `first..=last`: Σ k·x and Σ k² with codes up to
/// it, less those with the lowest for all. `total` is Σ x, and the number of values.
pub(super) fn visit_each(
    sets: &[Multiples],
    (first, last): (i32, i32),
    steps: &[(f64, f64)],
    (x, n): (f64, f64),
    visit: &mut dyn FnMut(Multiples, f64, f64),
) {
    for &set in sets {
        let (a, b) = (set.lowest.clamp(first, last), set.highest.clamp(first, last));
        let ((kx_a, k2_a), (kx_b, k2_b)) = (steps[(a - first) as usize], steps[(b - first) as usize]);
        let a = f64::from(a);
        visit(set, kx_b - kx_a + a * x, k2_b - k2_a + a * a * n);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
pub(super) mod tests {
    use super::super::directed_search;
    use super::super::thresholds::Thresholds;
    use super::*;
    use crate::num::{HalfAway, Rounding};
    use alloc::vec;
    use proptest::prelude::*;

    /// Returns the multiples of a scale that codes stand for, of each zero point.
    pub(in super::super) fn sets(zero_points: core::ops::RangeInclusive<i32>, codes: (i32, i32)) -> Vec<Multiples> {
        zero_points.map(|z| Multiples { lowest: codes.0 - z, highest: codes.1 - z }).collect()
    }

    /// Some values near zero, and outliers.
    pub(in super::super) fn values() -> impl Strategy<Value = Vec<f32>> {
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
