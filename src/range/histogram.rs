//! A histogram whose state does not depend on the order of the data.

use super::finite::finite;
use crate::kernel::{self, BINS_PER_SIDE, SMALLEST_EXPONENT, TwoGrids, exponent_for};
use alloc::vec;
use alloc::vec::Vec;

/// The most that merging makes of a count, so that counting cannot overflow it afterwards.
pub(super) const MOST: u64 = u64::MAX / 2;

/// Counts of values in 8192 bins whose width is a power of two.
///
/// Bins are `2^e` wide and lie symmetrically around zero, 4096 on each side: a value x > 0 falls in bin `⌊x / 2^e⌋` above
/// zero, a value x < 0 in bin `⌊|x| / 2^e⌋` below it. A value that does not fit makes e grow: pairs of neighbouring bins
/// are merged. Because `⌊⌊x / 2^e⌋ / 2⌋ = ⌊x / 2^(e + 1)⌋`, the bins are then what they would have been from the start;
/// and the final e is the largest that any single value asks for. So **the counts are the same for any order, split or
/// merge of the data**, bit for bit, and the width is at most `max|x| / 2048`.
///
/// One value that is far from all others makes all bins wide. Therefore the 512 bins around zero are cut in narrower ones, of a
/// 128th of a binade: from `2^k · (1 + i / 128)` to `2^k · (1 + (i + 1) / 128)`. Bins of one kind lie in those of the other, so
/// that this is exact, too. It is what estimators look at: **a value is known to a 128th of itself, and to a 2048th of the
/// largest**, whichever is better. (Beside much larger ones, numbers below 2⁻¹²⁰ are known to 2⁻¹²⁶
/// only, and those below that count as zero.)
///
/// NaN and ±∞ are not counted. Memory is 60 KiB, and 2 KiB for each binade from the smallest value but zero up to those: some
/// 110 KiB for a million values from a bell, and at most 600 KiB.
///
/// # Examples
///
/// ```
/// use tensor_quant::range::BinaryHistogram;
///
/// let (mut one, mut two) = (BinaryHistogram::default(), BinaryHistogram::default());
/// one.observe(&[0.5, -0.25, f32::NAN]);
/// two.observe(&[1000.0]);
/// one.merge(&two);
///
/// let mut at_once = BinaryHistogram::default();
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
pub struct BinaryHistogram {
    pub(super) grids: TwoGrids,
    /// The bins above zero, and then those below.
    counts: Vec<u64>,
}

impl Default for BinaryHistogram {
    fn default() -> Self {
        Self::with(TwoGrids::new(SMALLEST_EXPONENT))
    }
}

impl BinaryHistogram {
    /// Returns an empty one with these bins.
    pub(super) fn with(grids: TwoGrids) -> Self {
        Self { grids, counts: vec![0; 2 * grids.side()] }
    }

    /// Counts the finite values.
    pub fn observe(&mut self, values: &[f32]) {
        self.observe_known(values, &kernel::min_max(kernel::detect(), values));
    }

    /// Counts the finite values, of which the extremes are known.
    pub(super) fn observe_known(&mut self, values: &[f32], seen: &kernel::Extremes) {
        if seen.min > seen.max {
            return;
        }
        let values = finite(values, seen);
        let exponent = exponent_for(seen.min.abs().max(seen.max.abs()));
        self.make_room(exponent, kernel::smallest_normal(kernel::detect(), &values));
        kernel::count_in_two_grids(kernel::detect(), &values, self.grids, &mut self.counts);
    }

    /// Counts everything that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        self.make_room(other.grids.exponent, other.smallest_normal());
        self.add_all(other);
    }

    /// Returns how many values were counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().fold(0, |total: u64, &count| total.saturating_add(count))
    }

    /// Returns the width of the bins, a power of two.
    pub fn bin_width(&self) -> f64 {
        // −149 is the smallest exponent.
        f64::from_bits(((self.grids.exponent + 1023) as u64) << 52)
    }

    /// Returns the bins that hold values, in ascending order: their numbers and counts.
    ///
    /// Bin k ≥ 0 holds the values from `k · width` to below `(k + 1) · width`, bin k < 0 those from above `k · width` to
    /// `(k + 1) · width`, but for zero.
    pub fn bins(&self) -> impl Iterator<Item = (i32, u64)> {
        let even = self.even_counts().into_iter();
        (-(BINS_PER_SIDE as i32)..).zip(even).filter(|&(_, count)| count > 0)
    }

    /// Returns the counts of all bins of equal width, in ascending order.
    pub(super) fn even_counts(&self) -> Vec<u64> {
        let inverse = 1.0 / self.bin_width();
        let mut counts = vec![0_u64; 2 * BINS_PER_SIDE];
        for (near, below_zero, count) in self.entries() {
            // Whole numbers below 4096 times a power of two, or less.
            let number = ((near * inverse) as usize).min(BINS_PER_SIDE - 1);
            let bin = &mut counts[if below_zero { BINS_PER_SIDE - 1 - number } else { BINS_PER_SIDE + number }];
            *bin = bin.saturating_add(count);
        }
        counts
    }

    /// Returns the finest bins that hold values, in ascending order: where they begin and end, and their counts.
    pub(super) fn finest(&self) -> impl Iterator<Item = (f64, f64, u64)> {
        let (above, below) = self.counts.split_at(self.grids.side());
        // What is in the bin around zero counts as zero, which is what most of it is.
        let edges = move |index: usize| if index == 0 { (0.0, 0.0) } else { self.grids.edges(index) };
        let below = below.iter().enumerate().rev().filter(|&(_, &count)| count > 0).map(move |(index, &count)| {
            let (near, far) = edges(index);
            (-far, -near, count)
        });
        let above = above.iter().enumerate().filter(|&(_, &count)| count > 0).map(move |(index, &count)| {
            let (near, far) = edges(index);
            (near, far, count)
        });
        below.chain(above)
    }

    /// Returns the value of rank `k` (from 0) in ascending order, with the values of a bin spread evenly in it; the last
    /// value for a rank beyond it.
    pub(super) fn value_of_rank(&self, k: u64) -> f64 {
        let mut before = 0;
        let mut last = 0.0;
        for (start, end, count) in self.finest() {
            let within = k.saturating_sub(before).min(count - 1) as f64 + 0.5;
            last = start + within / count as f64 * (end - start);
            before = count.saturating_add(before);
            if k < before {
                break;
            }
        }
        last
    }

    /// Returns the bins that hold values: the end that is nearer to zero, by its magnitude, whether they are below zero, and their
    /// counts.
    pub(super) fn entries(&self) -> impl Iterator<Item = (f64, bool, u64)> {
        let side = self.grids.side();
        self.counts.iter().enumerate().filter(|&(_, &count)| count > 0).map(move |(index, &count)| {
            let (near, _) = self.grids.edges(index % side);
            (near, index >= side, count)
        })
    }

    /// Returns where the first bin of normal numbers begins, by its bits, or more than any number's.
    fn smallest_normal(&self) -> u32 {
        let normal = self.entries().map(|(near, _, _)| near as f32).filter(|near| near.is_normal());
        normal.map(f32::to_bits).min().unwrap_or(u32::MAX)
    }

    /// Counts so many values of the bin that begins with this magnitude.
    pub(super) fn add(&mut self, near: f64, below_zero: bool, count: u64) {
        // Up to 12 bits, and within the range of an f32.
        let index = self.grids.index_of(near as f32) + if below_zero { self.grids.side() } else { 0 };
        if let Some(counted) = self.counts.get_mut(index) {
            *counted = counted.saturating_add(count).min(MOST);
        }
    }

    /// Adds the counts of bins that all lie in some of these.
    fn add_all(&mut self, other: &Self) {
        for (near, below_zero, count) in other.entries() {
            self.add(near, below_zero, count);
        }
    }

    /// Merges pairs of bins until they are `2^exponent` wide, if they are narrower, and makes room for small magnitudes from that
    /// with these bits on.
    fn make_room(&mut self, exponent: i32, smallest: u32) {
        let mut grids = self.grids;
        if exponent > grids.exponent {
            // What was counted evenly may be small now.
            grids = TwoGrids::new(exponent).with_room(self.smallest_normal());
        }
        grids = grids.with_room(smallest);
        if grids != self.grids {
            let old = core::mem::replace(self, Self::with(grids));
            self.add_all(&old);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_value_whose_bins_were_wider_than_a_share_is_counted_as_at_once() {
        // 2⁻¹²² in bins of 2⁻¹³⁴, then of 2⁻¹²⁷, then of shares.
        let values = [1.786_426_3e-37_f32, -2.295_792_7e-35, 1e37];
        let (mut at_once, mut one_by_one) = (BinaryHistogram::default(), BinaryHistogram::default());
        at_once.observe(&values);
        for x in values {
            one_by_one.observe(&[x]);
        }
        assert_eq!(one_by_one, at_once);
    }

    fn finite() -> impl Strategy<Value = f32> {
        prop_oneof![any::<u32>().prop_map(f32::from_bits), -1.0_f32..1.0].prop_filter("finite", |x| x.is_finite())
    }

    proptest! {
        #[test]
        fn the_state_depends_on_the_values_alone(values in prop::collection::vec(finite(), 0..200), cut in 0_usize..200) {
            let mut at_once = BinaryHistogram::default();
            at_once.observe(&values);
            let (first, second) = values.split_at(cut.min(values.len()));
            let (mut one, mut two) = (BinaryHistogram::default(), BinaryHistogram::default());
            one.observe(first);
            for x in second.iter().rev() {
                two.observe(&[*x]);
            }
            let mut merged = two.clone();
            merged.merge(&one);
            one.merge(&two);
            prop_assert_eq!(&one, &at_once);
            prop_assert_eq!(&merged, &at_once);
            // Small values are counted twice, and the finest bins are narrow.
            prop_assert_eq!(at_once.finest().map(|(_, _, count)| count).sum::<u64>(), values.len() as u64);
            let max_abs = values.iter().fold(0.0_f64, |m, x| m.max(f64::from(x.abs())));
            let smallest = f64::from(f32::from_bits(1));
            for (start, end, _) in at_once.finest() {
                let (near, width) = (start.abs().min(end.abs()), end - start);
                prop_assert!(width <= (max_abs / 2048.0).max(smallest), "{start} to {end}");
                prop_assert!(width <= near / 128.0 || near < 64.0 * f64::from(f32::MIN_POSITIVE) || near >= max_abs / 16.0 || max_abs < 1e-35, "{start} to {end}");
            }
            let ends: Vec<_> = at_once.finest().collect();
            prop_assert!(ends.windows(2).all(|pair| pair[0].1 <= pair[1].0));
            prop_assert_eq!(at_once.total(), values.len() as u64);
        }

        /// Of magnitudes around those where the kinds of bins meet.
        #[test]
        fn tiny_values_are_counted_in_any_order(values in prop::collection::vec((-149_i32..-100, 1.0_f32..2.0), 0..40)) {
            let values: Vec<f32> = values.into_iter().map(|(e, m)| (f64::from(m) * 2_f64.powi(e)) as f32).collect();
            let mut at_once = BinaryHistogram::default();
            at_once.observe(&values);
            for order in [values.clone(), values.iter().rev().copied().collect()] {
                let mut one_by_one = BinaryHistogram::default();
                for x in order {
                    one_by_one.observe(&[x]);
                }
                prop_assert_eq!(&one_by_one, &at_once);
            }
        }

        #[test]
        fn negated_values_fill_mirrored_bins(values in prop::collection::vec(finite().prop_filter("not 0", |x| *x != 0.0), 0..50)) {
            let (mut plus, mut minus) = (BinaryHistogram::default(), BinaryHistogram::default());
            plus.observe(&values);
            let negated: Vec<f32> = values.iter().map(|x| -x).collect();
            minus.observe(&negated);
            let mut mirrored: Vec<_> = minus.bins().map(|(bin, count)| (-1 - bin, count)).collect();
            mirrored.reverse();
            prop_assert_eq!(plus.bins().collect::<Vec<_>>(), mirrored);
        }

        #[test]
        fn ranks_are_within_one_bin(mut values in prop::collection::vec(finite(), 1..200)) {
            let mut histogram = BinaryHistogram::default();
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
