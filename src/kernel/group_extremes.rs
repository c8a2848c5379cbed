//! The extremes of many groups at once, as along the last axis, where neighbouring elements belong to different groups.
//!
//! One array holds the minima, one the maxima, so that a row of elements updates a row of each, vector by vector. What is
//! not finite takes part in neither, and is counted, one element after the other, only in a row that holds some.

use super::min_max::{Extremes, finite, min_max};
use alloc::vec;
use alloc::vec::Vec;
use fearless_simd::{Level, Simd, dispatch};

/// The extremes of each group.
#[derive(Clone, Debug)]
pub(crate) struct GroupExtremes {
    min: Vec<f32>,
    max: Vec<f32>,
    count: Vec<u64>,
    /// NaNs and infinities; empty until one was seen.
    other: Vec<(u64, u64)>,
}

impl GroupExtremes {
    /// Returns the extremes of nothing, for so many groups.
    pub(crate) fn new(groups: usize) -> Self {
        let (min, max) = (vec![f32::INFINITY; groups], vec![f32::NEG_INFINITY; groups]);
        Self { min, max, count: vec![0; groups], other: Vec::new() }
    }

    /// Takes note of elements, `repeat` of the first group and so on.
    pub(crate) fn observe(&mut self, level: Level, first_group: usize, repeat: usize, x: &[f32]) {
        if repeat > 1 {
            for (k, run) in x.chunks(repeat).enumerate() {
                self.merge(first_group + k, &min_max(level, run));
            }
            return;
        }
        let groups = first_group..first_group + x.len();
        let (min, max, count) =
            (&mut self.min[groups.clone()], &mut self.max[groups.clone()], &mut self.count[groups.clone()]);
        dispatch!(level, simd => body(simd, x, min, max, count));
        if !finite(level, x) {
            self.other.resize(self.min.len(), (0, 0));
            for (x, (nan, infinite)) in x.iter().zip(&mut self.other[groups]) {
                *nan += u64::from(x.is_nan());
                *infinite += u64::from(x.is_infinite());
            }
        }
    }

    fn merge(&mut self, group: usize, seen: &Extremes) {
        self.min[group] = self.min[group].min(seen.min);
        self.max[group] = self.max[group].max(seen.max);
        self.count[group] += seen.count;
        if seen.nan + seen.infinite > 0 {
            self.other.resize(self.min.len(), (0, 0));
            self.other[group].0 += seen.nan;
            self.other[group].1 += seen.infinite;
        }
    }

    /// Returns the extremes of a group.
    pub(crate) fn of(&self, group: usize) -> Extremes {
        let (nan, infinite) = self.other.get(group).copied().unwrap_or_default();
        // + 0.0 makes +0 of −0.
        Extremes { min: self.min[group] + 0.0, max: self.max[group] + 0.0, count: self.count[group], nan, infinite }
    }
}

#[inline(always)]
fn body<S: Simd>(_simd: S, x: &[f32], min: &mut [f32], max: &mut [f32], count: &mut [u64]) {
    let n = x.len();
    let (min, max, count) = (&mut min[..n], &mut max[..n], &mut count[..n]);
    for i in 0..n {
        let finite = x[i].abs() < f32::INFINITY;
        let (low, high) = if finite { (x[i], x[i]) } else { (f32::INFINITY, f32::NEG_INFINITY) };
        min[i] = if low < min[i] { low } else { min[i] };
        max[i] = if high > max[i] { high } else { max[i] };
        count[i] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{levels, reference};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_group_has_the_extremes_of_its_own_elements(
            rows in prop::collection::vec(prop::collection::vec(prop_oneof![
                3 => -9.0_f32..9.0, 1 => prop::sample::select(vec![0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY]),
            ], 40), 1..6),
            repeat in 1_usize..4,
        ) {
            for level in levels() {
                let groups = 40_usize.div_ceil(repeat);
                let mut all = GroupExtremes::new(groups);
                for row in &rows {
                    all.observe(level, 0, repeat, row);
                }
                for group in 0..groups {
                    let own = rows.iter().flat_map(|row| row.chunks(repeat).nth(group).unwrap_or_default());
                    let want = reference::min_max(&own.copied().collect::<Vec<f32>>());
                    prop_assert_eq!(format!("{:?}", all.of(group)), format!("{want:?}"), "{:?}", level);
                }
            }
        }
    }
}
