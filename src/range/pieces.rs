//! Values in pieces of one code each.

use super::grid::Multiples;
use super::sorted::{Sorted, Sums};
use super::thresholds::Thresholds;
use alloc::vec::Vec;

/// For how many zero points a pass is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Zeros {
    One,
    Many,
}

/// Returns the largest that `k·s` and the smallest that `(k + 1)·s` can be.
pub(super) fn facing_ends(k: i32, low: f64, high: f64) -> (f64, f64) {
    (f64::from(k) * if k < 0 { low } else { high }, f64::from(k + 1) * if k + 1 > 0 { low } else { high })
}

/// Where the values are cut in pieces of one code each, with a scale: the sums below each threshold.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    pub(super) scale: f64,
    /// The multiple below the first threshold.
    first: i32,
    thresholds: Vec<f64>,
    sums: Vec<Sums>,
}

impl Cut {
    pub(super) fn new(data: &Sorted, thresholds: &Thresholds, multiples: Multiples, scale: f64) -> Self {
        let (first, last) = multiples.reached((data.min(), data.max()), scale);
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
pub(super) struct Steps {
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
pub(super) struct Parabola {
    pub(super) bound: f64,
    /// Where the parabola is lowest.
    pub(super) scale: f64,
    /// Whether no value changes its code.
    pub(super) is_exact: bool,
}

impl Steps {
    /// Returns where values keep their code and where they change it, or `None` where some may have three codes.
    pub(super) fn between(at_low: &Cut, at_high: &Cut, data: &Sorted, zeros: Zeros) -> Option<Self> {
        let total = data.total();
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
    pub(super) fn parabola(&self, set: Multiples, low: f64, high: f64) -> Parabola {
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
