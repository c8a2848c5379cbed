//! How a histogram is written.

use super::super::histogram::Histogram;
use super::{Checked, MOST, check};
use crate::kernel::{BINS_PER_SIDE, SMALLEST_EXPONENT, exponent_for};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// [`Histogram`]: the bins in use, in ascending order, and their counts.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::range) struct HistogramState {
    /// Bins are two to this power wide.
    exponent: i32,
    bins: Vec<(i32, u64)>,
}

impl From<Histogram> for HistogramState {
    fn from(histogram: Histogram) -> Self {
        Self { exponent: histogram.exponent, bins: histogram.bins().collect() }
    }
}

impl TryFrom<HistogramState> for Histogram {
    type Error = String;

    fn try_from(HistogramState { exponent, bins }: HistogramState) -> Checked<Self> {
        let widest = exponent_for(f32::MAX);
        check((SMALLEST_EXPONENT..=widest).contains(&exponent), || {
            format!("the exponent must be from {SMALLEST_EXPONENT} to {widest}, got {exponent}")
        })?;
        let half = BINS_PER_SIDE as i32;
        let mut histogram = Self { exponent, ..Self::default() };
        let (mut last, mut total, mut farthest) = (i32::MIN, 0_u64, 0);
        for (bin, count) in bins {
            check((-half..half).contains(&bin) && bin > last, || {
                format!("bin {bin} after bin {last}: from {} to {}, ascending", -half, half - 1)
            })?;
            total = total.saturating_add(count);
            check(count > 0 && total <= MOST, || format!("bin {bin} counts {count}, all so far {total}"))?;
            histogram.counts[(bin + half) as usize] = count;
            farthest = farthest.max(if bin < 0 { -1 - bin } else { bin });
            last = bin;
        }
        check(farthest >= half / 2 || exponent == SMALLEST_EXPONENT, || {
            format!("bins of 2^{exponent} are wider than a farthest bin of {farthest} needs")
        })?;
        Ok(histogram)
    }
}
