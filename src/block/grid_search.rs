//! The best scale among those of a grid: exact, by intervals.
//!
//! ```text
//! E(d) = Σ w (x − d · v[q(x / d)])²,      q the nearest of the levels v;      wanted: d of least E among those that can be stored
//! ```
//!
//! Scales that can be stored are counted: f16 has 1024 of them in an octave. They are taken 64 at a time, then 8, then each by itself:
//!
//! 1. Of an interval there is a bound that no scale in it is better than ([`least_errors`]): each element alone may choose the best of
//!    the interval for itself. What is not better than a block that is known is passed over with all its scales.
//! 2. The interval of least bound comes first, so that a good block is known early.
//! 3. Bounds are in f32. Let T = Σ w x²: an element's distance is wrong by at most 2⁻²³ |x|, so that by the inequality of Cauchy
//!    and Schwarz a sum is wrong by no more than 2⁻²² √(T E) and its own rounding. An interval is passed over only beyond that margin, and
//!    what is left at the end is compared in f64. This is the proof that the answer is exact (up to the rounding of f64); that it is, is
//!    tested against all 65,536 scales.
//! 4. Below, an element alone sets an end: beyond its last level a it costs w (|x| − d a)², which must stay below what is known. Above
//!    there is one where all elements are nearer to the smallest levels, and nothing gets better any more.
//!
//! With levels that are not symmetric a negative scale is another grid: it is searched as the positive one of −x; and where all levels but
//! the smallest are symmetric, only below the d from which on nothing reaches that one.

use super::scale_grid::{ScaleGrid, mirrored_from};
use crate::kernel::{self, Level, ScaleLevels, least_errors};

/// The longest block.
pub(crate) const LONGEST: usize = 256;
/// Scales of an interval, from the widest on.
const WIDTH: [usize; 2] = [64, 8];
/// Intervals of an interval.
const PARTS: usize = 8;
/// All intervals there can be.
const MOST: usize = 0x7c00 / WIDTH[0] + 1;

/// What is searched.
#[derive(Clone, Copy)]
pub(crate) struct GridLevels<'a> {
    /// The levels, ascending.
    pub(crate) levels: &'a [f32],
    /// The same for the bounds.
    pub(crate) bounds: ScaleLevels<'a>,
    /// The scales that there are.
    pub(crate) grid: ScaleGrid,
    /// Whether they may be negative.
    pub(crate) signed: bool,
}

/// Returns the scale of least error, if it is below that of a block that is known: finite elements, not all of them 0, and finite
/// weights ≥ 0.
pub(crate) fn best_on_grid(x: &[f32], w: &[f32], of: GridLevels<'_>, known: f64) -> Option<f32> {
    let mut search = GridSearch::new(x, w, of, known);
    search.side(1.0, f32::INFINITY);
    if of.signed {
        search.side(-1.0, mirrored_from(of.levels, search.largest));
    }
    search.scale
}

struct GridSearch<'a> {
    level: Level,
    of: GridLevels<'a>,
    x: &'a [f32],
    w: &'a [f32],
    /// Elements times a power of two, the largest between 1 and 2, and with the sign of the scale; weights up to 1.
    own_x: [f32; LONGEST],
    own_w: [f32; LONGEST],
    largest: f32,
    /// What x is multiplied with, and what an error is.
    factor: f32,
    error_factor: f64,
    /// Σ w x² in those units.
    total: f64,
    sign: f32,
    error: f64,
    scale: Option<f32>,
    /// What a bound must not be above.
    limit: f32,
}

impl<'a> GridSearch<'a> {
    fn new(x: &'a [f32], w: &'a [f32], of: GridLevels<'a>, known: f64) -> Self {
        let largest = x.iter().fold(0.0_f32, |max, x| max.max(x.abs()));
        let heaviest = w.iter().fold(0.0_f32, |max, w| max.max(*w));
        let factor = f32::from_bits((254 - (largest.to_bits() >> 23)).max(1) << 23);
        let (mut own_w, mut total) = ([0.0; LONGEST], 0.0);
        for (own, (x, w)) in own_w.iter_mut().zip(x.iter().zip(w)) {
            *own = w / heaviest;
            total += f64::from(*own) * square((x * factor).into());
        }
        let error_factor = f64::from(factor) * f64::from(factor) / f64::from(heaviest);
        let mut search = Self {
            level: kernel::detect(),
            of,
            x,
            w,
            own_x: [0.0; LONGEST],
            own_w,
            largest,
            factor,
            error_factor,
            total,
            sign: 1.0,
            error: known,
            scale: None,
            limit: 0.0,
        };
        search.set_limit();
        search
    }

    fn set_limit(&mut self) {
        let error = self.error * self.error_factor;
        let margin = 3e-7 * root(self.total * error) + 3e-6 * error + 1e-14 * self.total;
        self.limit = (error + margin) as f32;
    }

    /// Returns the d below which some element alone, beyond the last level, costs more than what is known.
    fn lowest(&self) -> f32 {
        let (first, last) = (self.of.levels[0], self.of.levels[self.of.levels.len() - 1]);
        let mut lowest = 0.0_f64;
        for (x, w) in self.x.iter().zip(self.w) {
            let end = f64::from(if x * self.sign < 0.0 { -first } else { last });
            if *w > 0.0 && end > 0.0 {
                lowest = lowest.max((f64::from(x.abs()) - root(self.error / f64::from(*w))) / end);
            }
        }
        (lowest * (1.0 - 1e-6)) as f32
    }

    /// Looks at all scales of one sign below `upper`.
    fn side(&mut self, sign: f32, upper: f32) {
        self.sign = sign;
        for (own, x) in self.own_x.iter_mut().zip(self.x) {
            *own = x * self.factor * sign;
        }
        let smallest = self.of.levels.iter().fold(f32::MAX, |min, v| if *v == 0.0 { min } else { min.min(v.abs()) });
        let first = self.of.grid.first_from(self.lowest());
        let last = self.of.grid.first_from((4.0 * self.largest / smallest).min(upper));
        if last >= first {
            self.visit::<MOST>((first, last), &WIDTH);
        }
    }

    /// Looks at the scales with the numbers from one to another, so many at a time.
    fn visit<const N: usize>(&mut self, (first, last): (u16, u16), widths: &[usize]) {
        let (width, rest) = widths.split_first().map_or((1, &[][..]), |(width, rest)| (*width, rest));
        let part = |i: usize| {
            let start = usize::from(first) + i * width;
            (start as u16, (start + width - 1).min(usize::from(last)) as u16)
        };
        let count = (usize::from(last - first) / width + 1).min(N);
        let (mut intervals, mut bounds) = ([(0.0, 0.0); N], [0.0; N]);
        for (i, interval) in intervals[..count].iter_mut().enumerate() {
            let (start, end) = part(i);
            *interval = (self.of.grid.value(start) * self.factor, self.of.grid.value(end) * self.factor);
        }
        let padded = self.x.len();
        let (x, w) = (&self.own_x[..padded], &self.own_w[..padded]);
        least_errors(self.level, x, w, self.of.bounds, &intervals[..count], &mut bounds);
        let mut least = 0;
        for (i, bound) in bounds[..count].iter().enumerate() {
            if *bound < bounds[least] {
                least = i;
            }
        }
        for i in core::iter::once(least).chain((0..count).filter(|i| *i != least)) {
            if bounds[i] <= self.limit {
                if width == 1 {
                    self.compare(self.of.grid.value(part(i).0) * self.sign);
                } else {
                    self.visit::<PARTS>(part(i), rest);
                }
            }
        }
    }

    /// Compares a scale with the best so far; of equal ones the smaller is the better one.
    fn compare(&mut self, scale: f32) {
        let mut error = 0.0;
        for (x, w) in self.x.iter().zip(self.w) {
            let level = self.of.levels[nearest_place(self.of.levels, *x, scale)];
            let difference = f64::from(*x) - f64::from(scale) * f64::from(level);
            error += f64::from(*w) * difference * difference;
        }
        let better = error < self.error || (error == self.error && self.scale.is_some_and(|best| scale < best));
        if better {
            (self.error, self.scale) = (error, Some(scale));
            self.set_limit();
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

fn root(x: f64) -> f64 {
    num_traits::Float::sqrt(x)
}
/// Without `std` there is no power of a number.
fn square(x: f64) -> f64 {
    x * x
}
