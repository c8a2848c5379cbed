//! The best scale of few levels, or where it may be any f32: exact, by a sweep over all points at which a level changes.
//!
//! ```text
//! E(d) = Σ w (x − d · v[q(x / d)])²,      q the nearest of the levels v;      wanted: d of least E among those that can be stored
//! ```
//!
//! 1. As d falls from ∞, each element's level changes only where x / d passes a middle between two levels: at `d = x / middle`. Between
//!    two such points all levels are fixed, and E is a parabola: `T − 2 d A + d² B`, with `T = Σ w x²`, `A = Σ w x v`, `B = Σ w v²`.
//! 2. The least of a parabola over a set of numbers is at the one nearest to its vertex, A / B. So of each piece one scale is looked
//!    at, the storable one nearest to the vertex, *inside the piece or not*: outside, the levels of the piece are not the nearest
//!    ones, and the true E there is smaller still. The least over all pieces is therefore never below the least E, and the piece that
//!    holds the best scale is not above it: they are equal. This is the proof that the answer is exact (up to the rounding of f64).
//! 3. Pieces whose vertex is not below the best so far, `T − A² / B`, are passed over; that takes two multiplications.
//! 4. Downwards there is an end, where one element beyond the last level alone costs too much
//!    ([`OwnUnits::lowest`](super::own_units::OwnUnits::lowest)). The points above are sorted, and each moves A and B by one element.
//!
//! With levels that are not symmetric a negative scale is another grid; it is searched as a positive one over the negated levels, and
//! where all levels but the smallest are symmetric only below the d from which on nothing reaches that one.

use super::scale_grid::mirrored_from;
use alloc::vec::Vec;

struct Best {
    error: f64,
    scale: Option<f32>,
}

/// What a sweep needs.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    codes: Vec<u8>,
    /// Where an element's level changes: the bits of d and the element.
    points: Vec<u64>,
    inverse_middles: Vec<f32>,
    negated: Vec<f32>,
}

impl Sweep {
    /// Returns the scale of least error, if it is below that of a block that is known: of finite elements, not all of them 0, and finite
    /// weights ≥ 0. `nearest` gives the number nearest to one ≥ 0 that a scale can be, `lowest` the scale of a sign below which none is as
    /// good as an error.
    pub(crate) fn best_scale(
        &mut self,
        (x, w): (&[f32], &[f32]),
        (levels, signed): (&[f32], bool),
        nearest: fn(f64) -> f32,
        known: f64,
        lowest: &mut dyn FnMut(f32, f64) -> f32,
    ) -> Option<f32> {
        let mut best = Best { error: known, scale: None };
        self.codes.resize(x.len(), 0);
        self.sweep((x, w), levels, 1.0, (lowest(1.0, known), f32::INFINITY), nearest, &mut best);
        if signed {
            let mut negated = core::mem::take(&mut self.negated);
            negated.clear();
            negated.extend(levels.iter().rev().map(|level| -level));
            let largest = x.iter().fold(0.0_f32, |max, x| max.max(x.abs()));
            let between = (lowest(-1.0, best.error), mirrored_from(levels, largest));
            self.sweep((x, w), &negated, -1.0, between, nearest, &mut best);
            self.negated = negated;
        }
        best.scale
    }

    /// Looks at every piece of E(d), `low` < d < `upper`; a scale is d with a sign.
    fn sweep(
        &mut self,
        (all_x, all_w): (&[f32], &[f32]),
        levels: &[f32],
        sign: f32,
        (low, upper): (f32, f32),
        nearest: fn(f64) -> f32,
        best: &mut Best,
    ) {
        let above = levels.partition_point(|&level| level <= 0.0).min(levels.len() - 1);
        let middle = |k: usize| f64::midpoint(levels[k].into(), levels[k + 1].into()) as f32;
        // The level of a small positive number, and of a small negative one.
        let from_above = if above > 0 && middle(above - 1) > 0.0 { above - 1 } else { above };
        let from_below = if from_above > 0 && middle(from_above - 1) >= 0.0 { from_above - 1 } else { from_above };
        self.points.clear();
        self.inverse_middles.clear();
        self.inverse_middles.extend((0..levels.len() - 1).map(|k| 1.0 / middle(k)));
        let (mut total, mut a, mut b) = (0.0, 0.0, 0.0);
        for (i, (&x, &w)) in all_x.iter().zip(all_w).enumerate() {
            let (wide_x, w) = (f64::from(x), f64::from(w));
            total += w * wide_x * wide_x;
            let (mut place, mut start) = (if x > 0.0 { from_above } else { from_below }, None);
            loop {
                let (k, next) = match place {
                    k if x > 0.0 && k + 1 < levels.len() => (k, k + 1),
                    k if x < 0.0 && k > 0 => (k - 1, k - 1),
                    _ => break,
                };
                let d = x * self.inverse_middles[k];
                if d <= low {
                    break;
                }
                if d < upper {
                    start.get_or_insert(place);
                    self.points.push(u64::from(d.to_bits()) << 32 | i as u64);
                }
                place = next;
            }
            let start = start.unwrap_or(place);
            let level = f64::from(levels[start]);
            a += w * wide_x * level;
            b += w * level * level;
            self.codes[i] = start as u8;
        }
        self.points.sort_unstable_by(|a, b| b.cmp(a));
        let mut look = |a: f64, b: f64| {
            // A² / B > T − best, without the division.
            if a > 0.0 && a * a > (total - best.error) * b {
                let d = nearest(a / b);
                let wide = f64::from(d);
                let error = total - 2.0 * wide * a + wide * wide * b;
                if d > 0.0 && error < best.error {
                    *best = Best { error, scale: Some(d * sign) };
                }
            }
        };
        look(a, b);
        for point in &self.points {
            let i = (point & 0xffff_ffff) as usize;
            let (x, w) = (all_x[i], f64::from(all_w[i]));
            let old = self.codes[i];
            let new = if x > 0.0 { old + 1 } else { old - 1 };
            self.codes[i] = new;
            let (old, new) = (f64::from(levels[usize::from(old)]), f64::from(levels[usize::from(new)]));
            a += w * f64::from(x) * (new - old);
            b += w * (new * new - old * old);
            look(a, b);
        }
    }
}

/// Returns the f32 nearest to a number ≥ 0, at most the largest finite one.
pub(crate) fn nearest_f32(x: f64) -> f32 {
    (x as f32).min(f32::MAX)
}
