//! The best scale among those of a grid: exact, by intervals.
//!
//! ```text
//! E(d) = Σ w (x − d · v[q(x / d)])²,      q the nearest of the levels v;      wanted: d of least E among those that can be stored
//! ```
//!
//! Scales that can be stored are counted: f16 has 1024 of them in an octave. They are taken 64 at a time, then 8, then each by itself:
//!
//! 1. Of an interval there is a bound that no scale in it is better than ([`least_errors`](crate::kernel::least_errors)): each element
//!    alone may choose the best of the interval for itself. What is not better than a block that is known is passed over with all its
//!    scales.
//! 2. Of each interval one scale is tried, so that a good one is known early.
//! 3. Bounds are in f32. An interval is passed over only beyond a margin for that ([`OwnUnits::limit`]), and what is left at the end is
//!    compared in f64. This is the proof that the answer is exact (up to the rounding of f64); that it is, is tested against all 65,536
//!    scales.
//! 4. The ends ([`OwnUnits::ends`]) come from the bounds of the intervals that have only one: (0, d], and [d, ∞).
//!
//! With levels that are not symmetric a negative scale is another grid: it is searched as the positive one of −x; and where all levels but
//! the smallest are symmetric, only below the d from which on nothing reaches that one.

use super::own_units::OwnUnits;
use super::scale_grid::{ScaleGrid, mirrored_from};
use crate::kernel::ScaleLevels;
use alloc::vec::Vec;

/// Scales of a wide interval, and of a narrow one.
const WIDTH: u16 = 64;
const NARROW: u16 = 8;

/// What is searched.
#[derive(Clone, Copy)]
pub(crate) struct GridLevels<'a> {
    /// The levels, ascending.
    pub(crate) levels: &'a [f32],
    /// The same for the bounds.
    pub(crate) bounds: ScaleLevels<'a>,
    /// The least magnitude of a level but 0.
    pub(crate) smallest: f32,
    /// The scales that there are.
    pub(crate) grid: ScaleGrid,
    /// Whether they may be negative.
    pub(crate) signed: bool,
}

/// Intervals, by the numbers of their first scales, and what they cost at least.
#[derive(Debug, Default)]
pub(crate) struct Intervals {
    starts: Vec<u16>,
    bounds: Vec<f32>,
    /// Other numbers: of the intervals before, of last scales.
    others: Vec<u16>,
    /// The first and the last scales, in the block's own units.
    first: Vec<f32>,
    last: Vec<f32>,
    errors: Vec<f32>,
}

impl Intervals {
    /// Leaves the intervals whose bounds are not above a limit.
    fn retain(&mut self, limit: f32) {
        let mut kept = 0;
        for i in 0..self.starts.len() {
            if self.bounds[i] <= limit {
                (self.starts[kept], self.bounds[kept]) = (self.starts[i], self.bounds[i]);
                kept += 1;
            }
        }
        self.starts.truncate(kept);
        self.bounds.truncate(kept);
    }

    /// Divides intervals of so many scales.
    fn divide(&mut self, width: u16, narrower: u16, last: u16) {
        core::mem::swap(&mut self.starts, &mut self.others);
        self.starts.clear();
        for start in &self.others {
            let parts = width.min(last - start + 1).div_ceil(narrower);
            self.starts.extend((0..parts).map(|i| start + i * narrower));
        }
    }
}

/// Returns the place of the least number.
fn least(bounds: &[f32]) -> usize {
    let mut least = 0;
    for (i, bound) in bounds.iter().enumerate() {
        if *bound < bounds[least] {
            least = i;
        }
    }
    least
}

/// Returns the scale of least error, if it is below that of a block that is known: `own` is that of x and w.
pub(crate) fn best_on_grid(
    (x, w): (&[f32], &[f32]),
    own: &mut OwnUnits,
    intervals: &mut Intervals,
    of: GridLevels<'_>,
    known: f64,
) -> Option<f32> {
    let limit = own.limit(known);
    let mut search = GridSearch { of, x, w, own, sign: 1.0, error: known, scale: None, limit };
    search.side(intervals, f32::INFINITY);
    if of.signed {
        search.own.negate();
        search.sign = -1.0;
        search.side(intervals, mirrored_from(of.levels, search.own.largest));
    }
    search.scale
}

struct GridSearch<'a> {
    of: GridLevels<'a>,
    x: &'a [f32],
    w: &'a [f32],
    own: &'a mut OwnUnits,
    sign: f32,
    error: f64,
    scale: Option<f32>,
    /// What a bound must not be above.
    limit: f32,
}

impl GridSearch<'_> {
    /// Looks at all scales of one sign below `upper`.
    fn side(&mut self, intervals: &mut Intervals, upper: f32) {
        let (low, high) = self.ends(upper);
        let (first, last) = (self.of.grid.first_from(low), self.of.grid.first_from(high));
        if last < first {
            return;
        }
        let width = if last - first >= WIDTH { WIDTH } else { NARROW };
        intervals.starts.clear();
        intervals.starts.extend((0..=(last - first) / width).map(|i| first + i * width));
        if width == WIDTH {
            self.tighten(intervals);
            self.bound(intervals, WIDTH, last);
            intervals.divide(WIDTH, NARROW, last);
        }
        self.bound(intervals, NARROW, last);
        self.tighten(intervals);
        intervals.retain(self.limit);
        intervals.divide(NARROW, 1, last);
        self.errors(intervals);
        let least = least(&intervals.errors);
        for i in core::iter::once(least).chain(0..intervals.errors.len()) {
            if intervals.errors.get(i).is_some_and(|error| *error <= self.limit) {
                self.compare(intervals.starts[i]);
                intervals.errors[i] = f32::INFINITY;
            }
        }
    }

    /// Returns the ends of what is looked at.
    fn ends(&self, upper: f32) -> (f32, f32) {
        let ends = (self.of.levels[0], self.of.levels[self.of.levels.len() - 1]);
        match self.of.bounds {
            ScaleLevels::Whole(..) if upper == f32::INFINITY => self.own.ends(ends, self.limit),
            _ => (self.own.lowest(ends, self.limit), upper.min(4.0 * self.own.largest / self.of.smallest)),
        }
    }

    /// Writes the scales with some numbers, in the block's own units.
    fn scales(&self, numbers: &[u16], out: &mut Vec<f32>) {
        out.resize(numbers.len(), 0.0);
        self.of.grid.values(numbers, out);
        for scale in out {
            *scale *= self.own.factor;
        }
    }

    /// Leaves, of intervals of so many scales, those that may have a better one.
    fn bound(&self, intervals: &mut Intervals, width: u16, last: u16) {
        let Intervals { starts, bounds, others: ends, first, last: lasts, .. } = intervals;
        ends.clear();
        ends.extend(starts.iter().map(|start| last.min(start + (width - 1))));
        self.scales(starts, first);
        self.scales(ends, lasts);
        bounds.resize(starts.len(), 0.0);
        self.own.bounds(self.of.bounds, (first, lasts), bounds);
        intervals.retain(self.limit);
    }

    /// Writes what the first scale of each interval costs.
    fn errors(&self, intervals: &mut Intervals) {
        let Intervals { starts, first, errors, .. } = intervals;
        self.scales(starts, first);
        errors.resize(starts.len(), 0.0);
        self.own.errors(self.of.bounds, first, errors);
    }

    /// Lowers the limit to the least of these.
    fn tighten(&mut self, intervals: &mut Intervals) {
        self.errors(intervals);
        let least =
            intervals.errors.iter().fold(f32::INFINITY, |least, error| if *error < least { *error } else { least });
        self.limit = self.limit.min(self.own.limit_near(least));
    }

    /// Compares a scale with the best so far; of equal ones the smaller is the better one.
    fn compare(&mut self, number: u16) {
        let (scale, mut error) = (self.of.grid.value(number) * self.sign, 0.0);
        for (x, w) in self.x.iter().zip(self.w) {
            let level = self.of.levels[nearest_place(self.of.levels, *x, scale)];
            let difference = f64::from(*x) - f64::from(scale) * f64::from(level);
            error += f64::from(*w) * difference * difference;
        }
        let better = error < self.error || (error == self.error && self.scale.is_some_and(|best| scale < best));
        if better {
            (self.error, self.scale) = (error, Some(scale));
            self.limit = self.limit.min(self.own.limit(error));
        }
    }
}

/// Returns the place of the level nearest to x under a scale.
pub(crate) fn nearest_place(levels: &[f32], x: f32, scale: f32) -> usize {
    let (wide_x, scale) = (f64::from(x), f64::from(scale));
    let distance = |level: f32| (wide_x - scale * f64::from(level)).abs();
    let quotient = (wide_x / scale) as f32;
    // Where levels are a step apart the place is known.
    let guess = crate::num::ties_even((quotient - levels[0]).max(0.0).min((levels.len() - 1) as f32)) as usize;
    let is_step = levels[levels.len() - 1] - levels[0] == (levels.len() - 1) as f32;
    if is_step {
        return guess;
    }
    let near = levels.partition_point(|&level| level < quotient).min(levels.len() - 1);
    if near > 0 && distance(levels[near - 1]) <= distance(levels[near]) { near - 1 } else { near }
}
