//! Values in ascending order with running sums: Σ1, Σx and Σx² of any interval in a few steps.
//!
//! The squared error of all values that share a code k is `Σx² − 2·(k·s)·Σx + (k·s)²·Σ1`: with these sums, the error of a
//! quantization costs time by the number of codes, not of values.

use super::histogram::BinaryHistogram;
use super::radix_sort::sorted;
use super::sample::{Sample, Values};
use crate::kernel::BINS;
use alloc::vec::Vec;
use core::ops::{Add, Range, Sub};

/// So many values are a block each; of more, eight are one.
const FEW: usize = 1 << 15;
const BLOCK: usize = 8;

/// The number, sum and sum of squares of some values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sums {
    pub(super) n: f64,
    pub(super) x: f64,
    pub(super) x2: f64,
}

impl Sums {
    fn count(&mut self, x: f64, weight: f64) {
        self.n += weight;
        self.x += weight * x;
        self.x2 += weight * x * x;
    }

    /// Returns Σ (x − y)².
    pub(super) fn squared_distance(self, y: f64) -> f64 {
        (self.x2 - 2.0 * y * self.x + y * y * self.n).max(0.0)
    }
}

impl Add for Sums {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { n: self.n + other.n, x: self.x + other.x, x2: self.x2 + other.x2 }
    }
}

impl Sub for Sums {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { n: self.n - other.n, x: self.x - other.x, x2: self.x2 - other.x2 }
    }
}

/// Finite values in ascending order, each once or with a weight, in blocks.
#[derive(Clone, Debug)]
pub(super) struct Sorted {
    /// In units of `unit`.
    values: Vec<f32>,
    /// How often each occurs; empty where all occur once.
    weights: Vec<f64>,
    unit: f64,
    inverse_unit: f64,
    /// Values in a block.
    block: usize,
    blocks: Vec<Block>,
    total: Sums,
    index: Index,
}

/// Where a block begins: on one cache line, what a look-up needs.
#[derive(Clone, Copy, Debug)]
struct Block {
    /// The sums of all values before it.
    before: Sums,
    first: f32,
}

impl Sorted {
    /// Returns the finite ones of `values`.
    pub(super) fn of(values: &[f32]) -> Self {
        Self::new(sorted(values), Vec::new(), 1.0)
    }

    /// Returns what is known of a sample: its values, or the middles of the bins that they are in.
    pub(super) fn of_sample(sample: &Sample) -> Self {
        match &sample.values {
            Values::Kept(kept) => Self::new(kept.clone(), Vec::new(), 1.0),
            Values::Counted(histogram) => Self::of_histogram(histogram),
        }
    }

    /// Returns the middles of a histogram's bins.
    pub(super) fn of_histogram(histogram: &BinaryHistogram) -> Self {
        // Of the narrowest bins an f32 has no middle.
        let unit = histogram.bin_width().min(1.0);
        let unit = if unit < f64::from(f32::MIN_POSITIVE) { unit } else { 1.0 };
        let middle = |(start, end, count): (f64, f64, u64)| ((f64::midpoint(start, end) / unit) as f32, count as f64);
        let (values, weights) = histogram.finest().map(middle).unzip();
        Self::new(values, weights, unit)
    }

    fn new(values: Vec<f32>, weights: Vec<f64>, unit: f64) -> Self {
        let block = if values.len() <= FEW { 1 } else { BLOCK };
        let mut blocks = Vec::with_capacity(values.len().div_ceil(block));
        let mut total = Sums::default();
        let weight = |i: usize| weights.get(i).copied().unwrap_or(1.0);
        for (number, part) in values.chunks(block).enumerate() {
            blocks.push(Block { before: total, first: part[0] });
            // By itself first: one long sum would wait for each addition.
            let mut sums = Sums::default();
            for (i, &x) in part.iter().enumerate() {
                sums.count(f64::from(x) * unit, weight(number * block + i));
            }
            total = total + sums;
        }
        let index = Index::new(&blocks);
        // The inverse of a power of two is exact.
        Self { values, weights, unit, inverse_unit: 1.0 / unit, block, blocks, total, index }
    }

    /// Returns the middles of bins in the place of values, if these are many more.
    pub(super) fn thinned(&self) -> Option<Self> {
        if !self.weights.is_empty() || self.values.len() <= BINS {
            return None;
        }
        let mut histogram = BinaryHistogram::default();
        histogram.observe(&self.values);
        Some(Self::of_histogram(&histogram))
    }

    pub(super) fn min(&self) -> f64 {
        self.values.first().map_or(0.0, |&x| f64::from(x) * self.unit)
    }

    pub(super) fn max(&self) -> f64 {
        self.values.last().map_or(0.0, |&x| f64::from(x) * self.unit)
    }

    /// Returns the values and how often each occurs.
    pub(super) fn iter(&self) -> impl Iterator<Item = (f64, f64)> {
        self.values.iter().enumerate().map(|(i, &x)| (f64::from(x) * self.unit, self.weight(i)))
    }

    fn weight(&self, i: usize) -> f64 {
        self.weights.get(i).copied().unwrap_or(1.0)
    }

    /// Returns the sums of the values below `t`.
    pub(super) fn sums_below(&self, t: f64) -> Sums {
        let t = t * self.inverse_unit;
        let blocks = self.index.blocks_at(t);
        // The first block that begins at `t` or above: what is below is in the one before, and in all before that.
        let after = blocks.start + self.blocks[blocks].partition_point(|block| f64::from(block.first) < t);
        let Some(last) = after.checked_sub(1) else { return Sums::default() };
        let Block { before, .. } = self.blocks[last];
        let first = last * self.block;
        let values = &self.values[first..self.values.len().min(first + self.block)];
        // A sum of all with the weight 0 or 1 costs less than a guess of where to stop.
        let mut sums = Sums::default();
        for (i, &x) in values.iter().enumerate() {
            let is_below = f64::from(u8::from(f64::from(x) < t));
            sums.count(f64::from(x) * self.unit, is_below * self.weight(first + i));
        }
        before + sums
    }

    /// Appends the sums of the values below each of some numbers, which ascend.
    pub(super) fn sums_below_each(&self, ascending: &[f64], sums: &mut Vec<Sums>) {
        if self.block > 1 || self.values.len() > 4 * ascending.len() {
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
            sums.push(self.blocks.get(i).map_or(self.total, |block| block.before));
        }
    }

    /// Returns the sums of all values.
    pub(super) fn total(&self) -> Sums {
        self.total
    }
}

/// Where to look for a value: the first block of each of evenly wide intervals.
#[derive(Clone, Debug)]
struct Index {
    min: f64,
    intervals_per_unit: f64,
    first: Vec<u32>,
}

impl Index {
    fn new(blocks: &[Block]) -> Self {
        let first = |block: Option<&Block>| block.map_or(0.0, |block| f64::from(block.first));
        let (min, max) = (first(blocks.first()), first(blocks.last()));
        let width = max - min;
        let intervals = (blocks.len() / 2).clamp(1, 1 << 16);
        let intervals_per_unit = if width > 0.0 { intervals as f64 / width } else { 0.0 };
        let mut index = Self { min, intervals_per_unit, first: Vec::with_capacity(intervals + 2) };
        index.first.resize(intervals + 2, blocks.len() as u32);
        let mut next = 0;
        for (i, block) in blocks.iter().enumerate() {
            let interval = index.interval(f64::from(block.first));
            while next <= interval {
                index.first[next] = i as u32;
                next += 1;
            }
        }
        index
    }

    fn interval(&self, x: f64) -> usize {
        // Saturates, and is monotone: the order of intervals is that of values.
        (((x - self.min) * self.intervals_per_unit) as usize).min(self.first.len() - 2)
    }

    /// Returns the blocks among which is the first that begins at `t` or above, if it is not the one after them.
    fn blocks_at(&self, t: f64) -> Range<usize> {
        let interval = self.interval(t);
        self.first[interval] as usize..self.first[interval + 1] as usize
    }
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
        fn values_are_found_where_they_are(values in prop::collection::vec(finite(), 0..300), t in finite(), copies in prop::sample::select(vec![1, 200])) {
            // So many that several are a block.
            let values: Vec<f32> = values.iter().copied().cycle().take(copies * values.len()).collect();
            let sorted = Sorted::of(&values);
            for t in values.iter().copied().take(300).chain([t]) {
                let want = values.iter().filter(|&&x| x < t).count();
                prop_assert_eq!(sorted.sums_below(f64::from(t)).n, want as f64);
            }
            prop_assert_eq!(sorted.total().n, values.len() as f64);
        }

        #[test]
        fn sums_are_those_of_the_values(values in prop::collection::vec(-8.0_f32..8.0, 0..100), (a, b) in (-9.0_f64..9.0, -9.0_f64..9.0), y in -9.0_f64..9.0) {
            let sorted = Sorted::of(&values);
            let (a, b) = (a.min(b), a.max(b));
            let sums = sorted.sums_below(b) - sorted.sums_below(a);
            let want: f64 = values.iter().map(|&x| f64::from(x)).filter(|x| (a..b).contains(x)).map(|x| (x - y) * (x - y)).sum();
            prop_assert!((sums.squared_distance(y) - want).abs() <= 1e-9 * (1.0 + want));
        }
    }

    #[test]
    fn a_histogram_stands_for_its_middles() {
        let mut histogram = BinaryHistogram::default();
        histogram.observe(&[1.0, 1.0, -3.0]);
        let sorted = Sorted::of_histogram(&histogram);
        let middle = histogram.bin_width() / 2.0;
        assert_eq!(sorted.iter().collect::<Vec<_>>(), [(-3.0 - middle, 1.0), (1.0 + middle, 2.0)]);
        // Small values have bins of their own.
        histogram.observe(&[1e-3]);
        let found = Sorted::of_histogram(&histogram).iter().nth(1).map_or(0.0, |(x, _)| x);
        assert!((found / 1e-3 - 1.0).abs() < 1.0 / 128.0, "{found}");
    }
}
