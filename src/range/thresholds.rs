//! Where a rounding turns from one whole number to the next.

use alloc::vec::Vec;
use core::ops::{Range, RangeInclusive};

/// Where the rounding turns from one whole number to the next.
#[derive(Clone, Debug)]
pub(super) struct Thresholds {
    first: i32,
    t: Vec<f64>,
}

impl Thresholds {
    /// Returns those of a rounding: for each k of `codes`, where between k and k + 1 it turns; halfway where `round` leaves
    /// it to chance.
    pub(super) fn of(round: impl Fn(f32) -> Option<f32>, codes: RangeInclusive<i32>) -> Self {
        let first = *codes.start();
        Self { first, t: codes.map(|k| f64::from(threshold(&round, k as f32))).collect() }
    }

    /// Returns whether a value that is a multiple of the scale has a neighbour that is coded differently: then the last bit
    /// of the scale counts.
    pub(super) fn turn_at_whole_numbers(&self) -> bool {
        self.t.iter().any(|t| t % 1.0 == 0.0)
    }

    /// Returns the smallest value that is coded k + 1 with a scale, if that below it is coded k.
    pub(super) fn after(&self, k: i32, scale: f64) -> f64 {
        let t = self.t[(k - self.first) as usize];
        // Rounding up leaves a whole number where it is.
        if t == f64::from(k) { (t * scale).next_up() } else { t * scale }
    }
}

/// Returns whether a rounding turns halfway between each of these numbers and the next, or by chance: values are rounded to the
/// nearest.
///
/// It is monotone, so that one look at either side of each threshold tells as much as finding it.
pub(super) fn are_halfway(round: impl Fn(f32) -> Option<f32>, mut codes: Range<i32>) -> bool {
    codes.all(|k| {
        let (k, middle) = (k as f32, k as f32 + 0.5);
        match (round(middle - NEAR), round(middle + NEAR)) {
            (Some(below), Some(above)) => below == k && above == k + 1.0,
            _ => true,
        }
    })
}

/// Where a turn is within a rounding error of a whole number or the middle, it is meant to be there.
const NEAR: f32 = 1e-4;

/// Returns the smallest number above k that is rounded to k + 1, found by halving; k + 1 for floor.
fn threshold(round: &impl Fn(f32) -> Option<f32>, k: f32) -> f32 {
    let (mut low, mut high) = (k, k + 1.0);
    if round(k + 0.5).is_none() {
        return k + 0.5;
    }
    loop {
        let middle = f32::midpoint(low, high);
        if middle <= low || middle >= high {
            let near = |x: f32| (high - x).abs() <= NEAR;
            return if near(k + 0.5) {
                k + 0.5
            } else if near(k) {
                k
            } else {
                high
            };
        }
        if round(middle).is_some_and(|rounded| rounded > k) { high = middle } else { low = middle }
    }
}
