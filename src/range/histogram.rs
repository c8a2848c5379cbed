//! A histogram whose state does not depend on the order of the data.

use crate::kernel::{self, BINS, BINS_PER_SIDE, SMALLEST_EXPONENT, exponent_for};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The most that a bin counts by merging: however often histograms are merged, there is room for what is yet to come.
const MOST: u64 = u64::MAX / 2;

/// Counts of values in 8192 bins whose width is a power of two.
///
/// Bins are `2^e` wide and lie symmetrically around zero, 4096 on each side: a value x > 0 falls in bin `⌊x / 2^e⌋` above
/// zero, a value x < 0 in bin `⌊|x| / 2^e⌋` below it. A value that does not fit makes e grow: pairs of neighbouring bins
/// are merged. Because `⌊⌊x / 2^e⌋ / 2⌋ = ⌊x / 2^(e + 1)⌋`, the bins are then what they would have been from the start;
/// and the final e is the largest that any single value asks for. So **the counts are the same for any order, split or
/// merge of the data**, bit for bit, and the width is at most `max|x| / 2048`.
///
/// NaN and ±∞ are not counted. Memory is 64 KiB, whatever is observed.
///
/// # Examples
///
/// ```
/// use tensor_quant::range::Histogram;
///
/// let (mut one, mut two) = (Histogram::default(), Histogram::default());
/// one.observe(&[0.5, -0.25, f32::NAN]);
/// two.observe(&[1000.0]);
/// one.merge(&two);
///
/// let mut at_once = Histogram::default();
/// at_once.observe(&[1000.0, -0.25, 0.5]);
/// assert_eq!(one, at_once);
/// assert_eq!((one.total(), one.bin_width()), (3, 0.25));
/// let bins: Vec<_> = one.bins().collect();
/// assert_eq!(bins, [(-2, 1), (2, 1), (4000, 1)]);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::HistogramState", try_from = "super::state::HistogramState")
)]
pub struct Histogram {
    pub(super) exponent: i32,
    pub(super) counts: Box<[u64; BINS]>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { exponent: SMALLEST_EXPONENT, counts: kernel::no_counts() }
    }
}

impl Histogram {
    /// Counts the finite values.
    pub fn observe(&mut self, values: &[f32]) {
        self.observe_known(values, &kernel::min_max(kernel::detect(), values));
    }

    /// Counts the finite values, of which the extremes are known.
    pub(super) fn observe_known(&mut self, values: &[f32], seen: &kernel::Extremes) {
        if seen.min > seen.max {
            return;
        }
        self.widen(exponent_for(seen.min.abs().max(seen.max.abs())));
        if seen.nan + seen.infinite == 0 {
            kernel::histogram(kernel::detect(), values, self.exponent, &mut self.counts);
        } else {
            let finite: Vec<f32> = values.iter().copied().filter(|x| x.is_finite()).collect();
            kernel::histogram(kernel::detect(), &finite, self.exponent, &mut self.counts);
        }
    }

    /// Counts everything that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        self.widen(other.exponent);
        let shift = self.exponent - other.exponent;
        for (bin, &count) in other.counts.iter().enumerate().filter(|&(_, &count)| count > 0) {
            let merged = &mut self.counts[merged(bin, shift)];
            *merged = merged.saturating_add(count).min(MOST);
        }
    }

    /// Returns how many values were counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().fold(0, |total: u64, &count| total.saturating_add(count))
    }

    /// Returns the width of the bins, a power of two.
    pub fn bin_width(&self) -> f64 {
        // −149 is the smallest exponent.
        f64::from_bits(((self.exponent + 1023) as u64) << 52)
    }

    /// Returns the bins that hold values, in ascending order: their numbers and counts.
    ///
    /// Bin k ≥ 0 holds the values from `k · width` to below `(k + 1) · width`, bin k < 0 those from above `k · width` to
    /// `(k + 1) · width`, but for zero.
    pub fn bins(&self) -> impl Iterator<Item = (i32, u64)> {
        let signed = |bin: usize| bin as i32 - BINS_PER_SIDE as i32;
        self.counts.iter().enumerate().filter(|&(_, &count)| count > 0).map(move |(bin, &count)| (signed(bin), count))
    }

    /// Returns the value of rank `k` (from 0) in ascending order, with the values of a bin spread evenly in it; the last
    /// value for a rank beyond it.
    pub(super) fn value_of_rank(&self, k: u64) -> f64 {
        let mut before = 0;
        let mut last = 0.0;
        for (bin, count) in self.bins() {
            let within = k.saturating_sub(before).min(count - 1) as f64 + 0.5;
            last = (f64::from(bin) + within / count as f64) * self.bin_width();
            before = count.saturating_add(before);
            if k < before {
                break;
            }
        }
        last
    }

    /// Merges pairs of bins until they are `2^exponent` wide, if they are narrower.
    fn widen(&mut self, exponent: i32) {
        let shift = exponent - self.exponent;
        if shift <= 0 {
            return;
        }
        let old = core::mem::replace(&mut self.counts, kernel::no_counts());
        for (bin, &count) in old.iter().enumerate().filter(|&(_, &count)| count > 0) {
            let merged = &mut self.counts[merged(bin, shift)];
            *merged = merged.saturating_add(count).min(MOST);
        }
        self.exponent = exponent;
    }
}

/// Returns the bin that one becomes when `2^shift` neighbours are merged: `⌊k / 2^shift⌋`, in both directions from zero.
fn merged(bin: usize, shift: i32) -> usize {
    let signed = (bin as i64 - BINS_PER_SIDE as i64) >> shift.min(62);
    (signed + BINS_PER_SIDE as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn finite() -> impl Strategy<Value = f32> {
        prop_oneof![any::<u32>().prop_map(f32::from_bits), -1.0_f32..1.0].prop_filter("finite", |x| x.is_finite())
    }

    proptest! {
        #[test]
        fn the_state_depends_on_the_values_alone(values in prop::collection::vec(finite(), 0..200), cut in 0_usize..200) {
            let mut at_once = Histogram::default();
            at_once.observe(&values);
            let (first, second) = values.split_at(cut.min(values.len()));
            let (mut one, mut two) = (Histogram::default(), Histogram::default());
            one.observe(first);
            for x in second.iter().rev() {
                two.observe(&[*x]);
            }
            let mut merged = two.clone();
            merged.merge(&one);
            one.merge(&two);
            prop_assert_eq!(&one, &at_once);
            prop_assert_eq!(&merged, &at_once);
            prop_assert_eq!(at_once.total(), values.len() as u64);
        }

        #[test]
        fn negated_values_fill_mirrored_bins(values in prop::collection::vec(finite().prop_filter("not 0", |x| *x != 0.0), 0..50)) {
            let (mut plus, mut minus) = (Histogram::default(), Histogram::default());
            plus.observe(&values);
            let negated: Vec<f32> = values.iter().map(|x| -x).collect();
            minus.observe(&negated);
            let mut mirrored: Vec<_> = minus.bins().map(|(bin, count)| (-1 - bin, count)).collect();
            mirrored.reverse();
            prop_assert_eq!(plus.bins().collect::<Vec<_>>(), mirrored);
        }

        #[test]
        fn ranks_are_within_one_bin(mut values in prop::collection::vec(finite(), 1..200)) {
            let mut histogram = Histogram::default();
            histogram.observe(&values);
            values.sort_unstable_by(f32::total_cmp);
            let max_abs = values.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
            for (k, &value) in values.iter().enumerate() {
                let error = (histogram.value_of_rank(k as u64) - f64::from(value)).abs();
                prop_assert!(error <= (f64::from(max_abs) / 2048.0).max(f64::from_bits(0x36a0_0000_0000_0000)), "rank {k}: off by {error}");
            }
        }
    }
}
