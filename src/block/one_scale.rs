//! The best block where one scale decides: exact, over every scale that the format can store.
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

use super::layout::Layout;
use alloc::vec;
use alloc::vec::Vec;

/// What a search of one scale needs to know.
pub(crate) struct OneScale<'a> {
    /// The levels, ascending.
    pub(crate) levels: &'a [f32],
    /// Returns the number ≥ 0 nearest to another that a scale can be.
    pub(crate) nearest: fn(f64) -> f32,
    /// Whether scales may be negative.
    pub(crate) signed: bool,
}

/// Returns so many whole numbers, from the smallest on.
pub(crate) const fn steps<const N: usize>(lowest: i32) -> [f32; N] {
    let mut levels = [0.0; N];
    let mut i = 0;
    while i < N {
        levels[i] = (lowest + i as i32) as f32;
        i += 1;
    }
    levels
}

/// Writes the best blocks of a row, of a format of one scale a block; `write` writes a block from its scale and places in the list of
/// levels.
pub(crate) fn best_row(
    layout: &Layout,
    one: &OneScale<'_>,
    write: &dyn Fn(f32, &[u8], &mut [u8]),
    x: &[f32],
    importance: Option<&[f32]>,
    out: &mut [u8],
) {
    let Some(quantize) = layout.quantize else { return };
    quantize(x, importance, out);
    let mut search = Search::new(layout.len);
    let (mut restored, mut candidate) = (vec![0.0; layout.len], vec![0; layout.bytes]);
    for (i, (x, out)) in x.chunks_exact(layout.len).zip(out.chunks_exact_mut(layout.bytes)).enumerate() {
        if !search.set(x, importance.map(|w| &w[i * layout.len..(i + 1) * layout.len])) {
            continue;
        }
        (layout.dequantize)(out, &mut restored);
        let known = search.error(&restored);
        if let Some(scale) = search.best_scale(one, known) {
            write(scale, &search.codes, &mut candidate);
            (layout.dequantize)(&candidate, &mut restored);
            if search.error(&restored) < known {
                out.copy_from_slice(&candidate);
            }
        }
    }
}

struct Best {
    error: f64,
    scale: Option<f32>,
}

/// A block, its weights, and what a sweep needs.
pub(crate) struct Search {
    x: Vec<f32>,
    w: Vec<f32>,
    /// After [`best_scale`](Self::best_scale), the places of the levels.
    pub(crate) codes: Vec<u8>,
    /// Where an element's level changes: the bits of d and the element.
    points: Vec<u64>,
    inverse_middles: Vec<f32>,
}

impl Search {
    pub(crate) fn new(len: usize) -> Self {
        Self {
            x: vec![0.0; len],
            w: vec![1.0; len],
            codes: vec![0; len],
            points: Vec::new(),
            inverse_middles: Vec::new(),
        }
    }

    /// Takes a block; returns whether it can be searched: finite elements, and finite weights ≥ 0, not all of them 0. Weights that
    /// are none of that count as 1.
    pub(crate) fn set(&mut self, x: &[f32], importance: Option<&[f32]>) -> bool {
        self.x.copy_from_slice(x);
        self.w.fill(1.0);
        if let Some(w) = importance
            && w.iter().all(|w| w.is_finite() && *w >= 0.0)
            && w.iter().any(|w| *w > 0.0)
        {
            self.w.copy_from_slice(w);
        }
        x.iter().all(|x| x.is_finite()) && x.iter().any(|x| *x != 0.0)
    }

    /// Returns the weights.
    pub(crate) fn weights(&self) -> &[f32] {
        &self.w
    }

    /// Returns the weighted squared error.
    pub(crate) fn error(&self, restored: &[f32]) -> f64 {
        let terms = self.x.iter().zip(&self.w).zip(restored);
        terms.fold(0.0, |sum, ((x, w), y)| {
            let difference = f64::from(*x) - f64::from(*y);
            sum + f64::from(*w) * difference * difference
        })
    }

    /// Returns what the elements beyond the last levels cost at least.
    fn clipped(&self, d: f64, (lowest, highest): (f64, f64)) -> f64 {
        let terms = self.x.iter().zip(&self.w).map(|(x, w)| {
            let x = f64::from(*x);
            let beyond = (x - d * highest).max(d * lowest - x).max(0.0);
            f64::from(*w) * beyond * beyond
        });
        terms.sum()
    }

    /// Returns the best scale, if its error is below that of a block that is known, and writes its codes.
    pub(crate) fn best_scale(&mut self, one: &OneScale<'_>, known: f64) -> Option<f32> {
        let mut best = Best { error: known, scale: None };
        self.sweep(one.nearest, one.levels, (1.0, f32::INFINITY), &mut best);
        if one.signed {
            let negated: Vec<f32> = one.levels.iter().rev().map(|level| -level).collect();
            let upper = self.mirrored_from(one.levels);
            self.sweep(one.nearest, &negated, (-1.0, upper), &mut best);
        }
        let scale = best.scale?;
        self.assign(one.levels, scale);
        Some(scale)
    }

    /// Returns the d from which on a negative scale gives what the positive one does: with levels that lie symmetrically but for the
    /// smallest, as soon as nothing reaches that one.
    fn mirrored_from(&self, levels: &[f32]) -> f32 {
        let inner = &levels[1..];
        if !inner.iter().zip(inner.iter().rev()).all(|(a, b)| *a == -b) {
            return f32::INFINITY;
        }
        let end = f32::midpoint(levels[0], levels[1]).abs();
        self.x.iter().fold(0.0_f32, |max, x| max.max(x.abs())) / end
    }

    /// Looks at every piece of E(d), 0 < d < `upper`; a scale is d with a sign.
    fn sweep(&mut self, nearest: fn(f64) -> f32, levels: &[f32], (sign, upper): (f32, f32), best: &mut Best) {
        let ends = (f64::from(levels[0]).min(0.0), f64::from(levels[levels.len() - 1]).max(0.0));
        let (mut low, mut high) = (0.0, 0.0_f64);
        for &x in &self.x {
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
        for (i, (&x, &w)) in self.x.iter().zip(&self.w).enumerate() {
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

    /// Writes the places of the levels that are nearest under a scale.
    fn assign(&mut self, levels: &[f32], scale: f32) {
        let scale = f64::from(scale);
        for (code, &x) in self.codes.iter_mut().zip(&self.x) {
            let distance = |level: f32| (f64::from(x) - scale * f64::from(level)).abs();
            let quotient = (f64::from(x) / scale) as f32;
            let near = levels.partition_point(|&level| level < quotient).min(levels.len() - 1);
            let near = if near > 0 && distance(levels[near - 1]) <= distance(levels[near]) { near - 1 } else { near };
            *code = near as u8;
        }
    }
}

/// Returns the f16 nearest to a number ≥ 0, at most the largest finite one.
pub(crate) fn nearest_f16(x: f64) -> f32 {
    use crate::num::{Code, f16, f16_bits_to_f32};
    f16_bits_to_f32(f16::nearest(x).to_bits())
}

/// Returns the f32 nearest to a number ≥ 0, at most the largest finite one.
pub(crate) fn nearest_f32(x: f64) -> f32 {
    (x as f32).min(f32::MAX)
}

/// Returns the power of two nearest to a number > 0, from 2⁻¹²⁷ to 2¹²⁷.
pub(crate) fn nearest_power(x: f64) -> f32 {
    // Half-way between two, at 1.5 · 2ᵏ, either is as good.
    let exponent = ((x.to_bits() + (1 << 51)) >> 52) as i32 - 1023;
    crate::num::E8M0::from_bits((exponent.clamp(-127, 127) + 127) as u8).to_f32()
}

/// Returns the E4M3 number nearest to one ≥ 0, at most 448.
pub(crate) fn nearest_e4m3(x: f64) -> f32 {
    use crate::num::{Code, F8E4M3Fn};
    F8E4M3Fn::nearest(x).to_f32()
}
