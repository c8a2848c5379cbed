//! The range of least quantization error, searched for on a histogram.
//!
//! With the values of a source bin spread evenly in it, and each rounded to the centre of one of `codes` equal destination
//! bins, the squared error of values of density ρ between the distances a and b from their centre is `ρ · (b³ − a³) / 3`. A
//! source bin that reaches over several destination bins has a part in the first, a part in the last, and whole ones
//! between.
//!
//! The search starts with all bins. Each step takes 10⁻⁵ of the values from the end where that removes more bins, and ends
//! when the error grows. (`NormMinimization` of Caffe2, and PyTorch after it.)
//!
//! Single values are f32 and rounded one by one, as tensors are; only their sum is taken in f64, so that a step on which two
//! errors are equal to the last bit of an f32 may end the search earlier or later than in PyTorch. Ranges narrower than 10⁻⁹
//! or wider than 10¹⁰, whose cubes f32 does not hold, are searched in units of a bin.

use crate::error::Result;
use crate::params::ValueRange;
use alloc::vec::Vec;

/// The share of the values that a step removes.
const STEP: f64 = 1e-5;
/// Spans for which the cubes are f32 that are neither subnormal nor infinite.
const NARROWEST: f64 = 1e-9;
const WIDEST: f64 = 1e10;

/// Returns the range within `observed`, whose equal bins are `histogram`, that is best for this many codes.
pub(super) fn l2_range(histogram: &[f32], observed: ValueRange, codes: f64) -> Result<ValueRange> {
    let span = observed.width();
    let width = if (NARROWEST..=WIDEST).contains(&span) { span / histogram.len() as f64 } else { 1.0 };
    let search = Search { histogram, width, codes };
    let (first, last) = search.best_bins();
    let width = (observed.max() - observed.min()).min(f32::MAX) / histogram.len() as f32;
    let min = observed.min() + width * first as f32;
    let max = observed.min() + width * (last + 1) as f32;
    ValueRange::new(min.min(max), max.max(min).min(f32::MAX))
}

struct Search<'a> {
    histogram: &'a [f32],
    /// Of a bin.
    width: f64,
    codes: f64,
}

impl Search<'_> {
    /// The first and the last bin of the best range.
    fn best_bins(&self) -> (usize, usize) {
        let mut sum = 0.0_f64;
        let sums: Vec<f32> = self.histogram.iter().map(|&count| (sum += f64::from(count), sum as f32).1).collect();
        let total = f64::from(sum as f32);
        let (mut low, mut high) = (0.0, 1.0);
        let (mut first, mut last) = (0, self.histogram.len() - 1);
        let mut least = f64::INFINITY;
        while low < high {
            let (next_low, next_high) = (low + STEP, high - STEP);
            let (below, above) = ((next_low * total) as f32, (next_high * total) as f32);
            let left = (first..last).find(|&bin| sums[bin] >= below).unwrap_or(last);
            let right = (first + 1..=last).rev().find(|&bin| sums[bin] <= above).unwrap_or(first);
            let (next_first, next_last) = if left - first > last - right {
                low = next_low;
                (left, last)
            } else {
                high = next_high;
                (first, right)
            };
            if (next_first, next_last) == (first, last) {
                continue;
            }
            let error = self.error(next_first, next_last);
            if error > least {
                break;
            }
            least = error;
            (first, last) = (next_first, next_last);
        }
        (first, last)
    }

    /// The squared error with the codes spread over the bins from `first` to `last`.
    fn error(&self, first: usize, last: usize) -> f64 {
        let of_codes = self.width * (last - first + 1) as f64 / self.codes;
        if of_codes == 0.0 {
            return 0.0;
        }
        let (width, step, half, highest) =
            (self.width as f32, of_codes as f32, (of_codes / 2.0) as f32, (self.codes - 1.0) as f32);
        let whole = cube_difference(-half, half);
        let code_of = |x: f32| floor_quotient(x, step).clamp(0.0, highest);
        let mut sum = 0.0_f64;
        for (bin, &count) in self.histogram.iter().enumerate() {
            let begin = (bin as f32 - first as f32) * width;
            let end = begin + width;
            let (code_of_begin, code_of_end) = (code_of(begin), code_of(end));
            let density = count / width;
            let from = begin - (code_of_begin + 0.5) * step;
            let to = end - (code_of_end * step + half);
            let error = density * cube_difference(from, half)
                + (code_of_end - code_of_begin - 1.0) * (density * whole)
                + density * cube_difference(-half, to);
            sum += f64::from(error);
        }
        sum
    }
}

/// `(to³ − from³) / 3`.
#[inline(always)]
fn cube_difference(from: f32, to: f32) -> f32 {
    (to * to * to - from * from * from) / 3.0
}

/// `⌊x / step⌋`, exactly, for quotients from 0 to 2³¹; what lies below is negative, what lies above is large.
#[inline(always)]
fn floor_quotient(x: f32, step: f32) -> f32 {
    let quotient = f64::from(x) / f64::from(step);
    if quotient < 0.0 { -1.0 } else { (quotient as u32) as f32 }
}
