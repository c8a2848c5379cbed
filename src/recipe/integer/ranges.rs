//! The ranges that values get their scales from.

use crate::graph::ValueId;
use crate::params::ValueRange;
use std::collections::BTreeMap;

/// The ranges of values: of constants those of their elements, of others what was observed. A value that is not here has none.
pub type Ranges = BTreeMap<ValueId, ValueRange>;

/// Returns the smallest range that holds two.
pub(super) fn union(a: ValueRange, b: ValueRange) -> ValueRange {
    ValueRange::new(a.min().min(b.min()), a.max().max(b.max())).unwrap_or(a)
}
