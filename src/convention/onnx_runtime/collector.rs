//! The histogram that grows with the data.
//!
//! ONNX Runtime keeps the width of its bins and adds bins as larger values come, so that what it holds depends on the first
//! batch, and has no bound. Two forms:
//!
//! - **Signed**: from −t to t, where t is the largest |x| of the first batch. For a batch with a larger one,
//!   `n = ⌊(t' − t) / width⌋ + 1` bins are added on each side, and t grows by n widths.
//! - **Magnitudes**: of |x|, from the smallest to the largest of the first batch. For a batch with a larger one, bins are
//!   added above. (Later values below the smallest of the first batch are not counted, there as here.)

use super::histogram::CollectedHistogram;
use crate::error::{Error, Result};
use crate::kernel::{self, Extremes};
use crate::params::ValueRange;
use crate::range::no_data;
use alloc::vec::Vec;
use num_traits::Float;

/// Where a histogram would need more bins, it starts anew with as many as at first.
const MOST_BINS: usize = 1 << 16;

/// Checks how many bins a histogram is to start with.
pub(super) fn check_bins(bins: usize, fewest: usize) -> Result<()> {
    if (fewest..=MOST_BINS).contains(&bins) {
        return Ok(());
    }
    let expected = if fewest == 512 { "from 512 to 65536" } else { "from 1 to 65536" };
    Err(Error::InvalidSetting { what: "the number of bins", expected, actual: bins as f64 })
}

/// A histogram of batches, and what was seen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Collector {
    /// To start with.
    pub(super) bins: usize,
    pub(super) form: Form,
    /// Empty before the first batch.
    pub(super) histogram: CollectedHistogram,
    pub(super) seen: Extremes,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    /// With the largest |x| that the bins are for.
    Signed(f32),
    Magnitudes,
}

impl Collector {
    pub(super) fn signed(bins: usize) -> Self {
        Self { bins, form: Form::Signed(0.0), histogram: CollectedHistogram::default(), seen: Extremes::default() }
    }

    pub(super) fn magnitudes(bins: usize) -> Self {
        Self { form: Form::Magnitudes, ..Self::signed(bins) }
    }

    pub(super) fn histogram(&self) -> &CollectedHistogram {
        &self.histogram
    }

    /// The range of what was seen.
    pub(super) fn observed(&self) -> Result<ValueRange> {
        if self.seen.min > self.seen.max {
            return Err(no_data(&self.seen));
        }
        ValueRange::new(self.seen.min, self.seen.max)
    }

    /// Takes note of a batch.
    pub(super) fn collect(&mut self, values: &[f32]) {
        let batch = kernel::min_max(kernel::detect(), values);
        self.seen = self.seen.merge(batch);
        if batch.min > batch.max {
            return;
        }
        let max_abs = batch.min.abs().max(batch.max.abs());
        let finite = values.iter().copied().filter(|x| x.is_finite());
        match self.form {
            Form::Signed(threshold) => {
                let threshold = self.reach(threshold, max_abs);
                self.form = Form::Signed(threshold);
                self.histogram.count(finite);
            }
            Form::Magnitudes => {
                let magnitudes = finite.map(f32::abs);
                if self.histogram.bins() == 0 {
                    let min_abs = magnitudes.clone().fold(max_abs, f32::min);
                    self.histogram = CollectedHistogram::between(min_abs, max_abs, self.bins);
                }
                let appended = self.append(max_abs);
                self.histogram.count(magnitudes);
                self.histogram.round_edges(&appended);
            }
        }
    }

    /// Makes the signed histogram hold ±`max_abs`, and returns the magnitude that it is for.
    fn reach(&mut self, threshold: f32, max_abs: f32) -> f32 {
        let bins = self.histogram.bins();
        if bins == 0 {
            self.histogram = CollectedHistogram::between(-max_abs, max_abs, self.bins);
            return max_abs;
        }
        if max_abs <= threshold {
            return threshold;
        }
        if threshold == 0.0 {
            // So far all zeros: in the middle bin, wherever the ends are.
            let mut wider = CollectedHistogram::between(-max_abs, max_abs, bins);
            wider.add_at(0, self.histogram.counts());
            self.histogram = wider;
            return max_abs;
        }
        let width = 2.0 * threshold / bins as f32;
        let added = floor_divide(max_abs - threshold, width) + 1.0;
        // Beyond 2¹⁶ bins, or where f32 is at its ends, it starts anew.
        let wanted = bins as f32 + 2.0 * added;
        let reached = added * width + threshold;
        if wanted <= MOST_BINS as f32 && reached.is_finite() && reached >= max_abs {
            let added = added as usize;
            let mut wider = CollectedHistogram::between(-reached, reached, bins + 2 * added);
            wider.add_at(added, self.histogram.counts());
            self.histogram = wider;
            reached
        } else {
            let mut wider = CollectedHistogram::between(-max_abs, max_abs, self.bins);
            wider.add_middles(&self.histogram);
            self.histogram = wider;
            max_abs
        }
    }

    /// Makes the histogram of magnitudes hold `max_abs`, and returns the edges that were added: they are f64 while a batch
    /// is counted (`numpy.arange` widens), and f32 afterwards.
    ///
    /// Rounding may leave the last edge just below the largest value, which then goes uncounted, as it does there.
    fn append(&mut self, max_abs: f32) -> Vec<f64> {
        let Some((min, max)) = self.histogram.ends().filter(|&(_, max)| max_abs > max) else { return Vec::new() };
        let width = self.histogram.edges()[1] - min;
        let (start, stop) = (max + width, max_abs + width);
        let added = Float::ceil(f64::from((stop - start) / width));
        if width > 0.0 && added + self.histogram.bins() as f64 <= MOST_BINS as f64 {
            let step = f64::from(start + width) - f64::from(start);
            let edges: Vec<f64> = (0..added as usize).map(|i| f64::from(start) + i as f64 * step).collect();
            self.histogram.extend(&edges);
            edges
        } else {
            let mut wider = CollectedHistogram::between(min, max_abs, self.bins);
            wider.add_middles(&self.histogram);
            self.histogram = wider;
            Vec::new()
        }
    }

    /// Takes note of what another collected: where the bins are not the same, the middle of a bin stands for its values.
    pub(super) fn merge(&mut self, other: &Self) {
        self.seen = self.seen.merge(other.seen);
        if other.histogram.bins() == 0 {
            return;
        }
        if self.histogram.bins() == 0 {
            (self.form, self.histogram) = (other.form, other.histogram.clone());
            return;
        }
        match (self.form, other.form) {
            (Form::Signed(ours), Form::Signed(theirs)) => self.form = Form::Signed(self.reach(ours, theirs)),
            _ => {
                if let Some((_, max)) = other.histogram.ends() {
                    let appended = self.append(max);
                    self.histogram.round_edges(&appended);
                }
            }
        }
        if self.histogram.edges() == other.histogram.edges() {
            self.histogram.add_at(0, other.histogram.counts());
        } else {
            self.histogram.add_middles(&other.histogram);
        }
    }
}

/// `⌊a / b⌋` of positive numbers as numpy's `//` has it: from the remainder.
fn floor_divide(a: f32, b: f32) -> f32 {
    let quotient = (a - a % b) / b;
    let down = Float::floor(quotient);
    if quotient - down > 0.5 { down + 1.0 } else { down }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bins_keep_their_width_as_values_grow() {
        let mut collector = Collector::signed(4);
        collector.collect(&[-1.0, 0.25]);
        collector.collect(&[2.2]);
        let edges: Vec<f32> = (-5..=5).map(|edge| edge as f32 / 2.0).collect();
        assert_eq!(collector.histogram().edges(), edges);
        assert_eq!(collector.histogram().counts(), [0, 0, 0, 1, 0, 1, 0, 0, 0, 1]);
    }

    #[test]
    fn magnitudes_append_bins_and_do_not_count_what_lies_below_the_first_batch() {
        let mut collector = Collector::magnitudes(4);
        collector.collect(&[-1.0, 3.0]);
        collector.collect(&[0.5, -4.2]);
        assert_eq!(collector.histogram().edges()[..7], [1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]);
        assert_eq!(collector.histogram().total(), 3);
        assert_eq!((collector.seen.min, collector.seen.max), (-4.2, 3.0));
    }

    #[test]
    fn a_batch_of_other_magnitude_does_not_take_the_memory() {
        for mut collector in [Collector::signed(2048), Collector::magnitudes(2048)] {
            collector.collect(&[1e-3, -2e-3, 1.5e-3]);
            collector.collect(&[1e9, 0.0]);
            assert_eq!(collector.histogram().bins(), 2048);
            assert!(collector.histogram().total() >= 4, "{collector:?}");
            collector.collect(&[f32::MAX, f32::MIN]);
            assert_eq!(collector.histogram().bins(), 2048);
            assert!(collector.histogram().edges().iter().all(|edge| edge.is_finite()));
        }
    }

    #[test]
    fn zeros_before_values_stay_in_the_middle() {
        let mut collector = Collector::signed(4);
        collector.collect(&[0.0, 0.0]);
        assert_eq!(collector.histogram().edges(), [-0.5, -0.25, 0.0, 0.25, 0.5]);
        collector.collect(&[8.0]);
        assert_eq!(collector.histogram().counts(), [0, 0, 2, 1]);
    }

    #[test]
    fn a_merge_counts_everything() {
        let batches: [&[f32]; 3] = [&[-1.0, 0.5, 0.0], &[3.0, -0.25], &[f32::NAN, 40.0]];
        for empty in [Collector::signed(16), Collector::magnitudes(16)] {
            let mut merged = empty.clone();
            for batch in batches {
                let mut one = empty.clone();
                one.collect(batch);
                merged.merge(&one);
            }
            assert_eq!((merged.seen.count, merged.seen.nan), (7, 1));
            assert_eq!(merged.histogram().total(), 6, "{merged:?}");
            let state = merged.clone();
            merged.merge(&empty);
            assert_eq!(merged, state);
        }
    }

    proptest! {
        #[test]
        fn any_batches_are_counted_in_bounded_memory(
            batches in prop::collection::vec(prop::collection::vec(any::<u32>().prop_map(f32::from_bits), 0..9), 1..5),
            bins in 1_usize..9,
        ) {
            let (mut signed, mut magnitudes) = (Collector::signed(bins), Collector::magnitudes(bins));
            for batch in &batches {
                signed.collect(batch);
                magnitudes.collect(batch);
            }
            let finite = batches.iter().flatten().filter(|x| x.is_finite()).count() as u64;
            prop_assert_eq!(signed.histogram().total(), finite);
            for collector in [signed, magnitudes] {
                prop_assert!(collector.histogram().bins() <= MOST_BINS);
                prop_assert!(collector.histogram().edges().is_sorted());
                prop_assert_eq!(collector.observed().is_ok(), finite > 0);
            }
        }
    }
}
