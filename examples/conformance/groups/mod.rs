//! How each group's operations are computed with this crate.

pub(crate) mod dtypes;
pub(crate) mod error_metrics;
pub(crate) mod formats;
pub(crate) mod range_mapping;
