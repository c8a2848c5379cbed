//! How the observer's state is written: plain fields, that are checked when they are read.

use super::histogram_observer::HistogramObserver;
use crate::kernel::Extremes;
use crate::range::{Checked, check, seen};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// [`HistogramObserver`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HistogramObserverState {
    #[serde(with = "seen")]
    seen: Extremes,
    histogram: Vec<f32>,
}

impl From<HistogramObserver> for HistogramObserverState {
    fn from(HistogramObserver { histogram, seen }: HistogramObserver) -> Self {
        Self { seen, histogram }
    }
}

impl TryFrom<HistogramObserverState> for HistogramObserver {
    type Error = String;

    fn try_from(HistogramObserverState { seen, histogram }: HistogramObserverState) -> Checked<Self> {
        Self::new(histogram.len()).map_err(|error| error.to_string())?;
        let finite = seen.count - seen.nan - seen.infinite;
        check(histogram.iter().all(|count| count.is_finite() && *count >= 0.0), || {
            "counts are finite, and not negative".into()
        })?;
        // Counts are sums in f32, of parts of a bin where the range has grown.
        let total: f64 = histogram.iter().map(|&count| f64::from(count)).sum();
        check((total > 0.0) == (finite > 0) && total <= 2.0 * finite as f64, || {
            format!("{total} values are counted of {finite}")
        })?;
        Ok(Self { histogram, seen })
    }
}
