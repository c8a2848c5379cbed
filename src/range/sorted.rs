//! Values in ascending order with running sums: Σ1, Σx and Σx² of any interval in a few steps.
//!
//! The squared error of all values that share a code k is `Σx² − 2·(k·s)·Σx + (k·s)²·Σ1`: with these sums, the error of a
//! quantization costs time by the number of codes, not of values.

use super::histogram::Histogram;
use super::sample::{Sample, Values};
use crate::kernel::BINS;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Sub;

/// So many values have a running sum each; of more, every eighth.
const FEW: usize = 1 << 15;
const STRIDE: usize = 8;

/// The number, sum and sum of squares of some values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sums {
    pub(super) n: f64,
    pub(super) x: f64,
    pub(super) x2: f64,
}

impl Sums {
    fn add(&mut self, x: f64, weight: f64) {
        self.n += weight;
        self.x += weight * x;
        self.x2 += weight * x * x;
    }

    /// Returns Σ (x − y)².
    pub(super) fn squared_distance(self, y: f64) -> f64 {
        (self.x2 - 2.0 * y * self.x + y * y * self.n).max(0.0)
    }
}

impl Sub for Sums {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { n: self.n - other.n, x: self.x - other.x, x2: self.x2 - other.x2 }
    }
}

/// Finite values in ascending order, each once or with a weight.
#[derive(Clone, Debug)]
pub(super) struct Sorted {
    /// In units of `unit`.
    values: Vec<f32>,
    /// How often each occurs; empty where all occur once.
    weights: Vec<f64>,
    unit: f64,
    inverse_unit: f64,
    /// The sums of the first 0, `stride`, 2·`stride` … values.
    running: Vec<Sums>,
    stride: usize,
    index: Index,
}

impl Sorted {
    /// Returns the finite ones of `values`.
    pub(super) fn of(values: &[f32]) -> Self {
        let finite: Vec<f32> = values.iter().filter(|x| x.is_finite()).map(|x| x + 0.0).collect();
        Self::new(sorted(finite), Vec::new(), 1.0)
    }

    /// Returns what is known of a sample: its values, or the middles of the bins that they are in.
    pub(super) fn of_sample(sample: &Sample) -> Self {
        match &sample.values {
            Values::Kept(kept) => Self::new(kept.clone(), Vec::new(), 1.0),
            Values::Counted(histogram) => Self::of_histogram(histogram),
        }
    }

    fn of_histogram(histogram: &Histogram) -> Self {
        let (values, weights) = histogram.bins().map(|(bin, count)| (bin as f32 + 0.5, count as f64)).unzip();
        Self::new(values, weights, histogram.bin_width())
    }

    fn new(values: Vec<f32>, weights: Vec<f64>, unit: f64) -> Self {
        let stride = if values.len() <= FEW { 1 } else { STRIDE };
        let mut running = Vec::with_capacity(values.len() / stride + 2);
        let mut sums = Sums::default();
        if weights.is_empty() {
            for part in values.chunks(stride) {
                running.push(sums);
                for &x in part {
                    sums.add(f64::from(x) * unit, 1.0);
                }
            }
        } else {
            for (part, weights) in values.chunks(stride).zip(weights.chunks(stride)) {
                running.push(sums);
                for (&x, &weight) in part.iter().zip(weights) {
                    sums.add(f64::from(x) * unit, weight);
                }
            }
        }
        running.push(sums);
        let index = Index::new(&values);
        // The inverse of a power of two is exact.
        Self { values, weights, unit, inverse_unit: 1.0 / unit, running, stride, index }
    }

    /// Returns the middles of bins in the place of values, if these are many more.
    pub(super) fn thinned(&self) -> Option<Self> {
        if !self.weights.is_empty() || self.len() <= BINS {
            return None;
        }
        let mut histogram = Histogram::default();
        histogram.observe(&self.values);
        Some(Self::of_histogram(&histogram))
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn min(&self) -> f64 {
        self.values.first().map_or(0.0, |&x| f64::from(x) * self.unit)
    }

    pub(super) fn max(&self) -> f64 {
        self.values.last().map_or(0.0, |&x| f64::from(x) * self.unit)
    }

    /// Returns the values and how often each occurs.
    pub(super) fn iter(&self) -> impl Iterator<Item = (f64, f64)> {
        let weight = |i: usize| self.weights.get(i).copied().unwrap_or(1.0);
        self.values.iter().enumerate().map(move |(i, &x)| (f64::from(x) * self.unit, weight(i)))
    }

    /// Returns how many of the values in order are below `t`.
    pub(super) fn below(&self, t: f64) -> usize {
        let t = t * self.inverse_unit;
        let (first, last) = self.index.bounds(t);
        first + self.values[first..last].partition_point(|&x| f64::from(x) < t)
    }

    /// Returns the sums of the first `i` values in order.
    pub(super) fn sums_before(&self, i: usize) -> Sums {
        if i >= self.values.len() {
            return self.running.last().copied().unwrap_or_default();
        }
        let mut sums = self.running[i / self.stride];
        for k in i / self.stride * self.stride..i {
            sums.add(f64::from(self.values[k]) * self.unit, self.weights.get(k).copied().unwrap_or(1.0));
        }
        sums
    }

    /// Returns the sums of the values below `t`.
    pub(super) fn sums_below(&self, t: f64) -> Sums {
        self.sums_before(self.below(t))
    }

    /// Appends the sums of the values below each of some numbers, which ascend.
    pub(super) fn sums_below_each(&self, ascending: &[f64], sums: &mut Vec<Sums>) {
        if self.stride > 1 || self.len() > 4 * ascending.len() {
            sums.extend(ascending.iter().map(|&t| self.sums_below(t)));
            return;
        }
        // A walk over both takes fewer steps than looking each one up.
        let mut i = 0;
        for &t in ascending {
            let t = t * self.inverse_unit;
            while self.values.get(i).is_some_and(|&x| f64::from(x) < t) {
                i += 1;
            }
            sums.push(self.running[i]);
        }
    }

    /// Returns the sums of all values.
    pub(super) fn total(&self) -> Sums {
        self.sums_before(self.len())
    }
}

/// Where to look for a value: the position of the first value in each of evenly wide intervals.
#[derive(Clone, Debug)]
struct Index {
    min: f64,
    intervals_per_unit: f64,
    first: Vec<u32>,
}

impl Index {
    fn new(values: &[f32]) -> Self {
        let (min, max) = (values.first().copied().unwrap_or(0.0), values.last().copied().unwrap_or(0.0));
        let (min, width) = (f64::from(min), f64::from(max) - f64::from(min));
        let intervals = (values.len() / 2).clamp(1, 1 << 16);
        let intervals_per_unit = if width > 0.0 { intervals as f64 / width } else { 0.0 };
        let mut index = Self { min, intervals_per_unit, first: vec![0; intervals + 2] };
        let mut next = 0;
        for (i, &x) in values.iter().enumerate() {
            let interval = index.interval(f64::from(x));
            while next <= interval {
                index.first[next] = i as u32;
                next += 1;
            }
        }
        index.first[next..].fill(values.len() as u32);
        index
    }

    fn interval(&self, x: f64) -> usize {
        // Saturates, and is monotone: the order of intervals is that of values.
        (((x - self.min) * self.intervals_per_unit) as usize).min(self.first.len() - 2)
    }

    /// Returns the positions between which the values that are not below `t` begin.
    fn bounds(&self, t: f64) -> (usize, usize) {
        let interval = self.interval(t);
        (self.first[interval] as usize, self.first[interval + 1] as usize)
    }
}

/// Returns finite values in ascending order.
///
/// A radix sort in four passes of 8 bits: comparing takes four times as long for a million values.
fn sorted(mut values: Vec<f32>) -> Vec<f32> {
    const FEW: usize = 2048;
    if values.len() < FEW {
        values.sort_unstable_by(f32::total_cmp);
        return values;
    }
    // As unsigned numbers, in the order of the values.
    let mut from: Vec<u32> =
        values.iter().map(|x| x.to_bits()).map(|b| b ^ (((b as i32 >> 31) as u32) | 1 << 31)).collect();
    let mut to = vec![0; from.len()];
    let mut starts = [[0_u32; 256]; 4];
    for key in &from {
        for (starts, digit) in starts.iter_mut().zip(key.to_le_bytes()) {
            starts[usize::from(digit)] += 1;
        }
    }
    for (pass, starts) in starts.iter_mut().enumerate() {
        let mut start = 0;
        for next in starts.iter_mut() {
            start += core::mem::replace(next, start);
        }
        for &key in &from {
            let next = &mut starts[usize::from(key.to_le_bytes()[pass])];
            to[*next as usize] = key;
            *next += 1;
        }
        core::mem::swap(&mut from, &mut to);
    }
    for (x, key) in values.iter_mut().zip(from) {
        *x = f32::from_bits(key ^ (((!key as i32 >> 31) as u32) | 1 << 31));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn finite() -> impl Strategy<Value = f32> {
        prop_oneof![any::<u32>().prop_map(f32::from_bits), -8.0_f32..8.0, Just(0.0)]
            .prop_filter("finite", |x| x.is_finite())
    }

    proptest! {
        #[test]
        fn values_are_found_where_they_are(values in prop::collection::vec(finite(), 0..300), t in finite()) {
            let sorted = Sorted::of(&values);
            for t in values.iter().copied().chain([t]) {
                let want = values.iter().filter(|&&x| x < t).count();
                prop_assert_eq!(sorted.below(f64::from(t)), want);
                prop_assert_eq!(sorted.sums_before(want).n, want as f64);
            }
        }

        #[test]
        fn sums_are_those_of_the_values(values in prop::collection::vec(-8.0_f32..8.0, 0..100), (a, b) in (-9.0_f64..9.0, -9.0_f64..9.0), y in -9.0_f64..9.0) {
            let sorted = Sorted::of(&values);
            let (a, b) = (a.min(b), a.max(b));
            let sums = sorted.sums_before(sorted.below(b)) - sorted.sums_before(sorted.below(a));
            let want: f64 = values.iter().map(|&x| f64::from(x)).filter(|x| (a..b).contains(x)).map(|x| (x - y) * (x - y)).sum();
            prop_assert!((sums.squared_distance(y) - want).abs() <= 1e-9 * (1.0 + want));
        }
    }

    #[test]
    fn many_values_are_sorted_as_few() {
        let values: Vec<f32> =
            (0..5000_u32).map(|i| f32::from_bits(i.wrapping_mul(0x9e37_79b9))).filter(|x| x.is_finite()).collect();
        let mut want = values.clone();
        want.sort_unstable_by(f32::total_cmp);
        assert_eq!(sorted(values), want);
    }

    #[test]
    fn a_histogram_stands_for_its_middles() {
        let mut histogram = Histogram::default();
        histogram.observe(&[1.0, 1.0, -3.0]);
        let sorted = Sorted::of_histogram(&histogram);
        let middle = histogram.bin_width() / 2.0;
        assert_eq!(sorted.iter().collect::<Vec<_>>(), [(-3.0 - middle, 1.0), (1.0 + middle, 2.0)]);
    }
}
