//! How a histogram is written.

use super::super::histogram::BinaryHistogram;
use super::{Checked, MOST, check};
use crate::kernel::{BINS_PER_SIDE, SHARES, SMALLEST_EXPONENT, TwoGrids, exponent_for};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// [`BinaryHistogram`]: the bins in use, in ascending order, and their counts; then those of small values, once more.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::range) struct HistogramState {
    /// Bins are two to this power wide.
    exponent: i32,
    bins: Vec<(i32, u64)>,
    /// By the upper 16 bits of the floats; those below zero are −1 less these of their magnitudes.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    small: Vec<(i32, u64)>,
}

impl From<BinaryHistogram> for HistogramState {
    fn from(histogram: BinaryHistogram) -> Self {
        let limit = limit(histogram.grids.exponent);
        let small = histogram.entries().filter(|&(near, _, _)| near < limit);
        let signed = |(near, below_zero, count): (f64, bool, u64)| {
            let share = ((near as f32).to_bits() >> 16) as i32;
            (if below_zero { -1 - share } else { share }, count)
        };
        let mut small: Vec<_> = small.map(signed).collect();
        small.sort_unstable();
        Self { exponent: histogram.grids.exponent, bins: histogram.bins().collect(), small }
    }
}

/// Returns the magnitude below which values are counted by their shares.
fn limit(exponent: i32) -> f64 {
    let grids = TwoGrids::new(exponent);
    f64::from(grids.even_from()) * f64::from_bits(((exponent + 1023) as u64) << 52)
}

impl TryFrom<HistogramState> for BinaryHistogram {
    type Error = String;

    fn try_from(HistogramState { exponent, bins, small }: HistogramState) -> Checked<Self> {
        let widest = exponent_for(f32::MAX);
        check((SMALLEST_EXPONENT..=widest).contains(&exponent), || {
            format!("the exponent must be from {SMALLEST_EXPONENT} to {widest}, got {exponent}")
        })?;
        let half = BINS_PER_SIDE as i32;
        let (limit, width) = (limit(exponent), f64::from_bits(((exponent + 1023) as u64) << 52));
        let mut large = Vec::new();
        let mut missing = BTreeMap::new();
        let (mut last, mut total, mut farthest) = (i32::MIN, 0_u64, 0);
        for (bin, count) in bins {
            check((-half..half).contains(&bin) && bin > last, || {
                format!("bin {bin} after bin {last}: from {} to {}, ascending", -half, half - 1)
            })?;
            total = total.saturating_add(count);
            check(count > 0 && total <= MOST, || format!("bin {bin} counts {count}, all so far {total}"))?;
            let number = if bin < 0 { -1 - bin } else { bin };
            let near = f64::from(number) * width;
            if near < limit {
                missing.insert(bin, count);
            } else {
                large.push((near, bin < 0, count));
            }
            farthest = farthest.max(number);
            last = bin;
        }
        check(farthest >= half / 2 || exponent == SMALLEST_EXPONENT, || {
            format!("bins of 2^{exponent} are wider than a farthest bin of {farthest} needs")
        })?;
        // What each of the first bins holds, once more.
        last = i32::MIN;
        for (number, count) in small {
            let share = if number < 0 { -1 - number } else { number };
            let near = f64::from(f32::from_bits((share as u32) << 16));
            // The first bin holds all numbers below the smallest normal one.
            let is_share = share == 0 || (i32::from(SHARES)..0x7f80).contains(&share) && near < limit;
            check(is_share && number > last, || format!("small values {number} after {last}: ascending shares"))?;
            let even = (near / width) as i32;
            let bin = if number < 0 { -1 - even } else { even };
            let rest = missing.get(&bin).and_then(|rest| rest.checked_sub(count)).filter(|_| count > 0);
            let rest = rest.ok_or_else(|| format!("{count} small values {number} are not in their bin {bin}"))?;
            missing.insert(bin, rest);
            large.push((near, number < 0, count));
            last = number;
        }
        check(missing.values().all(|&rest| rest == 0), || {
            "small values are in bins around zero alone, as version 0.1.0 counted them: observe the data once more"
                .into()
        })?;
        let normal = large.iter().map(|(near, _, _)| *near as f32).filter(|near| near.is_normal());
        let smallest = normal.map(f32::to_bits).min().unwrap_or(u32::MAX);
        let mut histogram = Self::with(TwoGrids::new(exponent).with_room(smallest));
        for (near, below_zero, count) in large {
            histogram.add(near, below_zero, count);
        }
        Ok(histogram)
    }
}
