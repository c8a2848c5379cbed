//! Searches for a range, in what a sample holds or in values at hand.

use super::finite::finite;
use super::least_error::Data;
use super::range_of;
use super::sample::{Sample, Values};
use super::target::Target;
use crate::error::Result;
use crate::kernel;
use crate::params::ValueRange;

/// Finds a range for values of which the extremes are known.
pub(super) type Search = fn(Data<'_>, ValueRange, &dyn Target) -> Result<ValueRange>;

impl Sample {
    /// Returns what a search finds in the values seen.
    pub(super) fn search(&self, target: &dyn Target, search: Search) -> Result<ValueRange> {
        let data = match &self.values {
            Values::Kept(kept) => Data::Values(kept),
            Values::Counted(histogram) => Data::Counted(histogram),
        };
        search(data, self.extremes()?, target)
    }

    /// Returns what a search finds in the values seen and these: in the values themselves if there were none before.
    pub(super) fn search_with(&self, values: &[f32], target: &dyn Target, search: Search) -> Result<ValueRange> {
        if self.seen.count > 0 {
            let mut all = self.clone();
            all.observe(values);
            return all.search(target, search);
        }
        let seen = kernel::min_max(kernel::detect(), values);
        search(Data::Values(&finite(values, &seen)), range_of(&seen)?, target)
    }
}
