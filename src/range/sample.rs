//! What estimators remember of values: the values themselves while they are few, then a histogram.

use super::histogram::BinaryHistogram;
use super::no_data;
use crate::error::Result;
use crate::kernel::{self, Extremes};
use crate::params::ValueRange;
use alloc::vec::Vec;

/// Values that are kept as they are before they are counted in a histogram.
pub(super) const KEPT: usize = 4096;

/// The extremes, and either all values or their histogram. Which of the two it is, and the counts, depend on the values
/// alone: merging is exact in any order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sample {
    pub(super) seen: Extremes,
    pub(super) values: Values,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    /// All of them, in ascending order.
    Kept(Vec<f32>),
    Counted(BinaryHistogram),
}

impl Default for Values {
    fn default() -> Self {
        Self::Kept(Vec::new())
    }
}

impl Sample {
    pub(super) fn observe(&mut self, values: &[f32]) {
        let seen = kernel::min_max(kernel::detect(), values);
        self.seen = self.seen.merge(seen);
        self.values.add(values, &seen);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.seen = self.seen.merge(other.seen);
        match &other.values {
            Values::Kept(kept) => self.values.add(kept, &kernel::min_max(kernel::detect(), kept)),
            Values::Counted(theirs) => {
                let mut histogram = theirs.clone();
                match &self.values {
                    Values::Kept(kept) => histogram.observe(kept),
                    Values::Counted(ours) => histogram.merge(ours),
                }
                self.values = Values::Counted(histogram);
            }
        }
    }

    /// Returns how many finite values there were.
    pub(super) fn finite(&self) -> u64 {
        self.seen.count.saturating_sub(self.seen.nan).saturating_sub(self.seen.infinite)
    }

    /// Returns the smallest range of all finite values.
    pub(super) fn extremes(&self) -> Result<ValueRange> {
        if self.seen.min > self.seen.max {
            Err(no_data(&self.seen))
        } else {
            ValueRange::new(self.seen.min, self.seen.max)
        }
    }
}

impl Values {
    fn add(&mut self, values: &[f32], seen: &Extremes) {
        match self {
            Self::Kept(kept) => {
                let finite = (seen.count - seen.nan - seen.infinite) as usize;
                if kept.len() + finite <= KEPT {
                    kept.extend(values.iter().filter(|x| x.is_finite()).map(|x| x + 0.0));
                    kept.sort_unstable_by(f32::total_cmp);
                } else {
                    let mut histogram = BinaryHistogram::default();
                    histogram.observe(kept);
                    histogram.observe_known(values, seen);
                    *self = Self::Counted(histogram);
                }
            }
            Self::Counted(histogram) => histogram.observe_known(values, seen),
        }
    }
}
