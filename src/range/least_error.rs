//! The range of the smallest error, for whatever target: by the exact search where it applies, by trying ranges elsewhere.

use super::directed_search::{self, squared_error};
use super::few::{Few, MOST as MOST_FEW};
use super::grid::{Best, MOST_CODES, Multiples};
use super::histogram::BinaryHistogram;
use super::nearest_search;
use super::sample::KEPT;
use super::sorted::Sorted;
use super::target::Target;
use super::thresholds::{self, Thresholds};
use crate::error::Result;
use crate::params::{AffineParams, OneOrMany, ValueRange, ZeroPoints};
use alloc::vec::Vec;
use num_traits::Float;

/// What the range of the smallest error is searched for: finite values, or their counts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Data<'a> {
    Values(&'a [f32]),
    Counted(&'a BinaryHistogram),
}

impl Data<'_> {
    pub(super) fn sorted(self) -> Sorted {
        match self {
            Self::Values(values) => Sorted::of(values),
            Self::Counted(histogram) => Sorted::of_histogram(histogram),
        }
    }

    /// Returns values that are better looked at one by one than sorted.
    fn few(self, sets: &[Multiples]) -> Option<Few> {
        match self {
            // What is kept while values are observed must give the same as values at hand.
            Self::Values(values) if values.len() <= if sets.len() == 1 { MOST_FEW } else { KEPT } => {
                Some(Few::of(values, sets))
            }
            _ => None,
        }
    }
}

/// Returns the range of the smallest squared error, over all scales and zero points that the target's calculator can
/// choose, where it says which; else the best of those tried.
pub(super) fn least_squares(data: Data<'_>, extremes: ValueRange, target: &dyn Target) -> Result<ValueRange> {
    let tried = || least_of_tried(&data.sorted(), extremes, target, |d| d * d);
    let codes = target.codes();
    if extremes.is_constant() || !codes.is_integer() || codes.max() - codes.min() >= MOST_CODES as f64 {
        return tried();
    }
    let (qmin, qmax) = (codes.min() as i32, codes.max() as i32);
    let around = |zero_point: i32| Multiples { lowest: qmin - zero_point, highest: qmax - zero_point };
    let sets = match target.zero_points() {
        ZeroPoints::One(zero_point) if (qmin..=qmax).contains(&zero_point) => OneOrMany::One(around(zero_point)),
        ZeroPoints::Any => OneOrMany::Many((qmin..=qmax).map(around).collect()),
        ZeroPoints::One(_) | ZeroPoints::Unknown => return tried(),
    };
    let all = Multiples::union(&sets);
    let round = |x| target.round(x);
    if thresholds::are_halfway(round, all.lowest..all.highest) {
        let start = starts(extremes, target, 1, 1)?[0];
        let best = match data.few(&sets) {
            Some(few) => nearest_search::search(&few, &sets, start),
            None => nearest_search::search(&data.sorted(), &sets, start),
        };
        return best.map_or(Ok(extremes), |best| range_of_grid(best, target));
    }
    let (data, thresholds) = (data.sorted(), Thresholds::of(round, qmin - qmax..=qmax - qmin));
    let Some(best) = directed_search::search(&data, &thresholds, &sets, starts(extremes, target, 48, 8)?) else {
        return Ok(extremes);
    };
    let range = range_of_grid(best, target)?;
    if thresholds.turn_at_whole_numbers() { last_bits(range, best, &data, &thresholds, target) } else { Ok(range) }
}

/// Returns where a search starts: the grid of the whole range, and those of shrunken ones, so many with one zero point, and so
/// many for each end with any.
fn starts(
    extremes: ValueRange,
    target: &dyn Target,
    of_one: i32,
    of_each_end: i32,
) -> Result<OneOrMany<(Multiples, f64)>> {
    let codes = target.codes();
    let (qmin, qmax) = (codes.min() as i32, codes.max() as i32);
    let around = |zero_point: i32| Multiples { lowest: qmin - zero_point, highest: qmax - zero_point };
    if let ZeroPoints::One(zero_point) = target.zero_points() {
        let (set, scale) = (around(zero_point), f64::from(target.params(extremes)?.scale()));
        if of_one == 1 {
            return Ok(OneOrMany::One((set, scale)));
        }
        return Ok(OneOrMany::Many((0..of_one).map(|i| (set, scale * shrunk(i, 16.0))).collect()));
    }
    let widest = extremes.with_zero();
    let each_end = (0..of_each_end).flat_map(|i| (0..of_each_end).map(move |k| (i, k)));
    let starts = each_end.map(|(i, k)| {
        let part = |x: f32, i| (f64::from(x) * shrunk(i, 4.0)) as f32;
        let params = target.params(ValueRange::new(part(widest.min(), i), part(widest.max(), k))?)?;
        Ok((around(params.zero_point().clamp(qmin, qmax)), f64::from(params.scale())))
    });
    Ok(OneOrMany::Many(starts.collect::<Result<Vec<_>>>()?))
}

/// Returns the range to which the calculator gives this scale and zero point.
fn range_of_grid(Best { multiples, scale, .. }: Best, target: &dyn Target) -> Result<ValueRange> {
    if let ZeroPoints::One(_) = target.zero_points() {
        // The scale is proportional to the largest magnitude.
        let max_abs = finite(scale / scale_per_magnitude(target)?);
        return ValueRange::new(-max_abs, max_abs);
    }
    ValueRange::new(finite(f64::from(multiples.lowest) * scale), finite(f64::from(multiples.highest) * scale))
}

/// Returns the best of the ranges a few bits beside this one. A directed rounding takes a value to the next code as soon as
/// the scale is rounded to the wrong side of a divisor of it.
fn last_bits(
    range: ValueRange,
    best: Best,
    data: &Sorted,
    thresholds: &Thresholds,
    target: &dyn Target,
) -> Result<ValueRange> {
    let mut least = (f64::INFINITY, range);
    for bits in -4..=4 {
        let near = |x: f32| finite(f64::from(x) * (1.0 + f64::from(bits) * f64::from(f32::EPSILON) / 2.0));
        let range = ValueRange::new(near(range.min()), near(range.max()))?;
        let scale = f64::from(target.params(range)?.scale());
        let error = squared_error(data, thresholds, best.multiples, scale);
        if error < least.0 {
            least = (error, range);
        }
    }
    Ok(least.1)
}

fn finite(x: f64) -> f32 {
    (x as f32).clamp(f32::MIN, f32::MAX)
}

/// Returns the scale of a symmetric range, as a share of its largest magnitude.
pub(super) fn scale_per_magnitude(target: &dyn Target) -> Result<f64> {
    Ok(f64::from(target.params(ValueRange::new(-1.0, 1.0)?)?.scale()))
}

/// Returns the range of these that restores the values with the smallest squared error; of equals, the first.
pub(super) fn best_of<const N: usize>(
    data: &Sorted,
    ranges: [ValueRange; N],
    target: &dyn Target,
) -> Result<ValueRange> {
    let thinned = data.thinned();
    let data = thinned.as_ref().unwrap_or(data);
    let extremes = ranges[0];
    let unit = power_of_two_near(ranges.iter().fold(0.0, |m, range| range.max_abs().max(m)));
    let mut tried = Tried { data, extremes, target, loss: |d: f64| d * d, unit, best: None };
    for range in ranges {
        tried.attempt_range(range, (0, 0))?;
    }
    Ok(tried.best.map_or(extremes, |best| best.range))
}

/// Returns the range with the smallest Σ loss(restored − x) of those tried: the whole one, and shrunken ones. The loss is
/// of the difference in units of a power of two near max|x|.
///
/// Both ends first shrink together, in steps of an eighth of an octave over 20 octaves; then, unless the target is
/// symmetric, each by itself; the steps are halved four times around the best.
pub(super) fn least_of_tried(
    data: &Sorted,
    extremes: ValueRange,
    target: &dyn Target,
    loss: impl Fn(f64) -> f64,
) -> Result<ValueRange> {
    if extremes.is_constant() {
        return Ok(extremes);
    }
    let thinned = data.thinned();
    let data = thinned.as_ref().unwrap_or(data);
    let one_sided = matches!(target.zero_points(), ZeroPoints::One(_));
    // Shrinks are counted in 128ths of an octave.
    let octave = 128;
    let mut tried = Tried { data, extremes, target, loss, unit: power_of_two_near(extremes.max_abs()), best: None };
    for shrink in (0..=20 * octave).step_by(16) {
        tried.attempt(shrink, shrink)?;
    }
    let mut step = 16;
    while step > 1 {
        step /= 2;
        tried.around(|low, high, by| (low + by, high + by), step)?;
        if !one_sided {
            for _ in 0..2 {
                tried.around(|low, high, by| (low + by, high), 4 * step)?;
                tried.around(|low, high, by| (low, high + by), 4 * step)?;
            }
        }
    }
    Ok(tried.best.map_or(extremes, |best| best.range))
}

struct Tried<'a, F> {
    data: &'a Sorted,
    extremes: ValueRange,
    target: &'a dyn Target,
    loss: F,
    unit: f64,
    best: Option<Candidate>,
}

#[derive(Clone, Copy)]
struct Candidate {
    /// How often both ends were shrunk by a 128th of an octave.
    shrinks: (i32, i32),
    range: ValueRange,
    loss: f64,
}

impl<F: Fn(f64) -> f64> Tried<'_, F> {
    /// Tries the neighbours of the best, as long as one is better.
    fn around(&mut self, moved: impl Fn(i32, i32, i32) -> (i32, i32), step: i32) -> Result<()> {
        for direction in [-step, step] {
            for _ in 0..64 {
                let Some(before) = self.best else { return Ok(()) };
                let (low, high) = moved(before.shrinks.0, before.shrinks.1, direction);
                if low < 0 || high < 0 {
                    break;
                }
                self.attempt(low, high)?;
                if self.best.is_some_and(|best| best.loss >= before.loss) {
                    break;
                }
            }
        }
        Ok(())
    }

    fn attempt(&mut self, low: i32, high: i32) -> Result<()> {
        let part = |x: f32, by: i32| (f64::from(x) * shrunk(by, 128.0)) as f32;
        let (min, max) = (part(self.extremes.min(), low), part(self.extremes.max(), high));
        if min > max {
            return Ok(());
        }
        self.attempt_range(ValueRange::new(min, max)?, (low, high))
    }

    fn attempt_range(&mut self, range: ValueRange, shrinks: (i32, i32)) -> Result<()> {
        let params = self.target.params(range)?;
        let loss = self.loss_with(params, self.best.map_or(f64::INFINITY, |best| best.loss));
        if self.best.is_none_or(|best| loss < best.loss) {
            self.best = Some(Candidate { shrinks, range, loss });
        }
        Ok(())
    }

    /// Returns the loss, or something larger than `enough` as soon as it is.
    fn loss_with(&self, params: AffineParams, enough: f64) -> f64 {
        let mut sum = 0.0;
        for (x, weight) in self.data.iter() {
            let restored = self.target.restore(x as f32, params);
            sum += weight * (self.loss)((f64::from(restored) - x) / self.unit);
            if sum > enough {
                break;
            }
        }
        sum
    }
}

/// Returns `2^(−by / steps_per_octave)`, exactly a power of two at whole octaves.
fn shrunk(by: i32, steps_per_octave: f64) -> f64 {
    Float::exp2(-f64::from(by) / steps_per_octave)
}

/// Returns the power of two at or below a magnitude: dividing by it changes no digit.
fn power_of_two_near(max_abs: f32) -> f64 {
    let bits = f64::from(max_abs).to_bits() & 0x7ff0_0000_0000_0000;
    f64::from_bits(bits.max(1 << 52))
}
