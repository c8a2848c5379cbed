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
//! 4. Downwards there is an end: what lies beyond the last level costs at least `Σ w (|x| − d · |v|)²`, which grows as d falls. Below
//!    the d where it reaches the error of a block that is known already, no d can be better. The points above are sorted, and each
//!    moves A and B by one element.
//!
//! With levels that are not symmetric a negative scale is another grid; it is searched as a positive one over the negated levels, and
//! where all levels but the smallest are symmetric only below the d from which on nothing reaches that one.

use super::scale_grid::mirrored_from;
use alloc::vec::Vec;

struct Best {
    error: f64,
    scale: Option<f32>,
}

/// A block and its weights, and what a sweep needs.
pub(crate) struct Sweep<'a> {
    x: &'a [f32],
    w: &'a [f32],
    codes: Vec<u8>,
    /// Where an element's level changes: the bits of d and the element.
    points: Vec<u64>,
    inverse_middles: Vec<f32>,
}

impl<'a> Sweep<'a> {
    /// Returns that of finite elements, not all of them 0, and finite weights ≥ 0.
    pub(crate) fn new(x: &'a [f32], w: &'a [f32]) -> Self {
        Self { x, w, codes: alloc::vec![0; x.len()], points: Vec::new(), inverse_middles: Vec::new() }
    }

    /// Returns what the elements beyond the last levels cost at least.
    fn clipped(&self, d: f64, (lowest, highest): (f64, f64)) -> f64 {
        let terms = self.x.iter().zip(self.w).map(|(x, w)| {
            let x = f64::from(*x);
            let beyond = (x - d * highest).max(d * lowest - x).max(0.0);
            f64::from(*w) * beyond * beyond
        });
        terms.sum()
    }

    /// Returns the scale of least error, if it is below that of a block that is known. `nearest` gives the number nearest to one ≥ 0 that a
    /// scale can be.
    pub(crate) fn best_scale(
        &mut self,
        levels: &[f32],
        nearest: fn(f64) -> f32,
        signed: bool,
        known: f64,
    ) -> Option<f32> {
        let mut best = Best { error: known, scale: None };
        self.sweep(nearest, levels, (1.0, f32::INFINITY), &mut best);
        if signed {
            let negated: Vec<f32> = levels.iter().rev().map(|level| -level).collect();
            let largest = self.x.iter().fold(0.0_f32, |max, x| max.max(x.abs()));
            self.sweep(nearest, &negated, (-1.0, mirrored_from(levels, largest)), &mut best);
        }
        best.scale
    }

    /// Looks at every piece of E(d), 0 < d < `upper`; a scale is d with a sign.
    fn sweep(&mut self, nearest: fn(f64) -> f32, levels: &[f32], (sign, upper): (f32, f32), best: &mut Best) {
        let ends = (f64::from(levels[0]).min(0.0), f64::from(levels[levels.len() - 1]).max(0.0));
        let (mut low, mut high) = (0.0, 0.0_f64);
        for &x in self.x {
            let end = if x < 0.0 { ends.0 } else { ends.1 };
            high = high.max(if end == 0.0 { 0.0 } else { f64::from(x) / end });
        }
        for _ in 0..16 {
            let middle = f64::midpoint(low, high);
            if self.clipped(middle, ends) >= best.error {
                low = middle;
            } else {
                high = middle;
            }
        }
        // A float not above the bound.
        let low = (low * (1.0 - 1e-6)) as f32;
        let above = levels.partition_point(|&level| level <= 0.0).min(levels.len() - 1);
        let middle = |k: usize| f64::midpoint(levels[k].into(), levels[k + 1].into()) as f32;
        // The level of a small positive number, and of a small negative one.
        let from_above = if above > 0 && middle(above - 1) > 0.0 { above - 1 } else { above };
        let from_below = if from_above > 0 && middle(from_above - 1) >= 0.0 { from_above - 1 } else { from_above };
        self.points.clear();
        self.inverse_middles.clear();
        self.inverse_middles.extend((0..levels.len() - 1).map(|k| 1.0 / middle(k)));
        let (mut total, mut a, mut b) = (0.0, 0.0, 0.0);
        for (i, (&x, &w)) in self.x.iter().zip(self.w).enumerate() {
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
            let (x, w) = (self.x[i], f64::from(self.w[i]));
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
