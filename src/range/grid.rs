//! The grid of reals that quantization has: the multiples of a scale.
//!
//! Reals are the multiples `k·s` for k from `qmin − z` to `qmax − z`. A value x gets the code k whose interval
//! `[t(k − 1)·s, t(k)·s)` holds it, where t(k), between k and k + 1, is where the rounding turns from k to k + 1
//! ([`Thresholds`](super::thresholds::Thresholds)): k + ½ for the nearest. The error `E(s, z) = Σ (x − k(x, s)·s)²` is a
//! parabola in s wherever no value changes its code, and n values have some n · (qmax − qmin) places where one does: far too
//! many minima to look at. Two searches find the least of them all the same, and prove it:
//! [`nearest_search`](super::nearest_search) and [`directed_search`](super::directed_search).

/// How far above the infimum the error found may be, as a share of it.
pub(super) const TOLERANCE: f64 = 1e-6;
/// More codes than this are not searched: running sums in f64 would lose the error among the squares.
pub(super) const MOST_CODES: usize = 1024;

/// The multiples of a scale that are reals: from `lowest · s` to `highest · s`. 0 is one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Multiples {
    pub(super) lowest: i32,
    pub(super) highest: i32,
}

/// A scale, the multiples of it, and the squared error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Best {
    pub(super) multiples: Multiples,
    pub(super) scale: f64,
    pub(super) error: f64,
}

impl Multiples {
    /// Returns those of all sets, and 0.
    pub(super) fn union(sets: &[Self]) -> Self {
        sets.iter().fold(Self { lowest: 0, highest: 0 }, |all, set| Self {
            lowest: all.lowest.min(set.lowest),
            highest: all.highest.max(set.highest),
        })
    }

    /// Returns the smallest and largest multiple that a value of `min..=max` may have with a scale from `low` on, and one more at each
    /// end. 0 is among them: every set holds it.
    pub(super) fn reached(self, (min, max): (f64, f64), low: f64) -> (i32, i32) {
        let smallest = (min / low).min(0.0);
        let largest = (max / low).max(0.0);
        // `as` saturates.
        let first = (smallest as i32).saturating_sub(2).clamp(self.lowest, self.highest);
        (first, (largest as i32).saturating_add(2).clamp(first, self.highest))
    }
}
