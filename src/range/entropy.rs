//! The range whose codes tell most about the values.

use super::finite::finite;
use super::histogram::BinaryHistogram;
use super::sample::{Sample, Values};
use super::target::integer_codes_only;
use super::text_form::{TextForm, without_settings};
use super::{Feed, RangeEstimator, Target, range_of};
use crate::error::Result;
use crate::kernel::{self, BINS_PER_SIDE, SMALLEST_EXPONENT};
use crate::params::{ValueRange, ZeroPoints};
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use num_traits::Float;

/// Bins of magnitudes that are searched: as many as TensorRT has.
const MOST_BINS: usize = 2048;

/// Returns the range that loses least information: the smallest Kullback-Leibler divergence between the distribution of
/// the values and that of their codes.
///
/// The method of TensorRT (Migacz, "8-bit Inference with TensorRT", 2017). Of the histogram of |x|, for each number i of
/// bins, of which at least as many as there are levels are not empty: the reference P is the first i bins, what lies beyond added to the last; Q is the same
/// without what lies beyond, its bins put together in as many groups as there are levels, and each group's count spread
/// evenly over those of its bins that are not empty in P. The threshold t is where i ends for the smallest
/// `Σ P·ln(P / Q)`, both normalised; the answer is the part of `−t..=t` in which there are values.
///
/// The bin at zero counts no more than its neighbour, as in NVIDIA's pytorch-quantization: zeros have a code of their own.
/// There is a level for each code of a magnitude: 128 for a symmetric i8; for an affine one 256 where all values have the
/// same sign, and 128 elsewhere. The histogram's bins are a power of two wide. Their end is the power of two above the largest
/// magnitude, halved as often as that leaves no more than one in a thousand of the values other than zero beyond it (rounded up
/// to whole values; none, if there are fewer of them than levels): however far a few outliers are, they do not make the bins
/// wide, and count as what lies beyond. Between 1024 and 2048 of the bins are in use. If fewer of them than there are levels are
/// not empty, the range is that of all values but these outliers. (TensorRT tries every number of
/// bins from the levels on. Where no value is near zero, few of them hold one, P and Q agree about these however much lies
/// beyond, and nearly everything is clipped.) It is meant for activations; of few values it says
/// little. All values equal give that value.
///
/// Values at hand ([`range_of`](RangeEstimator::range_of)), and up to 4096 observed ones, are counted in these bins exactly. So are
/// more, unless the end was halved: then some of the bins of a [`BinaryHistogram`](super::BinaryHistogram) are wider, and their counts are
/// spread evenly.
///
/// [`convention::onnx_runtime`](crate::convention) computes what that tool does instead, bit for bit.
///
/// # Errors
///
/// `range` gives [`Error::IntegerCodesOnly`](crate::Error::IntegerCodesOnly) for floating codes.
///
/// # Examples
///
/// ```
/// use tensor_quant::{RangeEstimator, Scheme, range::Entropy};
///
/// let mut estimator = Entropy::default();
/// estimator.observe(&(0..10_000).map(|i| (i as f32 / 5_000.0 - 1.0).powi(5) * 10.0).collect::<Vec<_>>());
/// assert!(estimator.range(&Scheme::<i8>::symmetric())?.max() < 10.0);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[doc(alias = "kl")]
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::SampleState", try_from = "super::state::SampleState")
)]
pub struct Entropy {
    pub(super) sample: Sample,
}

impl RangeEstimator for Entropy {
    const IS_FOREIGN: bool = false;

    fn built_in(&self) -> Option<super::AnyEstimator> {
        Some(self.clone().into())
    }

    fn observe(&mut self, values: &[f32]) {
        self.sample.observe(values);
    }

    fn merge(&mut self, other: &Self) {
        self.sample.merge(&other.sample);
    }

    fn range(&self, target: &dyn Target) -> Result<ValueRange> {
        match &self.sample.values {
            Values::Counted(histogram) => range_from(histogram, None, self.sample.extremes(), target),
            Values::Kept(kept) => {
                let mut histogram = BinaryHistogram::default();
                histogram.observe(kept);
                range_from(&histogram, Some(kept), self.sample.extremes(), target)
            }
        }
    }

    fn range_of(&self, values: &[f32], target: &dyn Target) -> Result<ValueRange> {
        if self.sample.seen.count > 0 {
            let mut all = self.clone();
            all.observe(values);
            return all.range(target);
        }
        let seen = kernel::min_max(kernel::detect(), values);
        let mut histogram = BinaryHistogram::default();
        histogram.observe_known(values, &seen);
        range_from(&histogram, Some(&finite(values, &seen)), range_of(&seen), target)
    }

    fn feed(&self) -> Feed {
        Feed::Whole
    }
}

impl TextForm for Entropy {
    const NAME: &'static str = "entropy";
    #[cfg(feature = "proptest")]
    const INTEGER_CODES_ONLY: bool = true;

    fn of_settings(settings: &str) -> Option<Result<Self>> {
        without_settings(settings)
    }
}

/// Returns the range for the values of a histogram, which may be at hand, too.
fn range_from(
    histogram: &BinaryHistogram,
    values: Option<&[f32]>,
    extremes: Result<ValueRange>,
    target: &dyn Target,
) -> Result<ValueRange> {
    let extremes = extremes?;
    let codes = target.codes();
    integer_codes_only("entropy calibration", codes)?;
    if extremes.is_constant() {
        return Ok(extremes);
    }
    let same_sign = extremes.min() >= 0.0 || extremes.max() <= 0.0;
    let levels = match target.zero_points() {
        ZeroPoints::Any if same_sign => codes.max() - codes.min() + 1.0,
        _ => codes.half_width() + 1.0,
    } as usize;
    let threshold = Magnitudes::of(histogram, values, levels).threshold(levels);
    let threshold = threshold.min(f64::from(f32::MAX)) as f32;
    ValueRange::new(extremes.min().max(-threshold), extremes.max().min(threshold))
}

/// Counts of |x| in even bins from zero on.
struct Magnitudes {
    counts: Vec<u64>,
    width: f64,
    /// How many lie beyond the bins.
    beyond: u64,
}

impl Magnitudes {
    fn of(histogram: &BinaryHistogram, values: Option<&[f32]>, levels: usize) -> Self {
        let (exponent, beyond) = without_outliers(histogram, levels);
        let mut counts = match values {
            _ if exponent == histogram.grids.exponent => mirrored(&histogram.even_counts()),
            Some(values) => {
                let mut bins = kernel::no_counts();
                let end = f64::from_bits(((exponent + 12 + 1023) as u64) << 52);
                let inside: Vec<f32> = values.iter().copied().filter(|x| f64::from(x.abs()) < end).collect();
                kernel::histogram(kernel::detect(), &inside, exponent, &mut bins);
                mirrored(&*bins)
            }
            None => spread(histogram, exponent),
        };
        let mut width = f64::from_bits(((exponent + 1023) as u64) << 52);
        // Zeros, of which rectifiers make half of all values, have a code of their own and lose nothing by being many.
        counts[0] = counts[0].min(counts[1]);
        counts.truncate(counts.iter().rposition(|&count| count > 0).map_or(0, |last| last + 1));
        while counts.len() > MOST_BINS {
            counts = counts.chunks(2).map(|pair| pair.iter().copied().fold(0, u64::saturating_add)).collect();
            width *= 2.0;
        }
        Self { counts, width, beyond }
    }

    /// Returns the threshold of the smallest divergence; with no candidate, the end of the bins that are in use.
    ///
    /// With C the running count, Z that of the bins in use, and G the running `Σ n·ln n`, what a group adds to the divergence is
    /// `ΔG − ΔC · ln(ΔC / ΔZ)`: the time of a candidate goes by the levels, not by the bins. None of them is negative (the
    /// even distribution is the one of the smallest `Σ n·ln n`), so that a candidate is left as soon as it is worse than the best.
    fn threshold(&self, levels: usize) -> f64 {
        let bins = self.counts.len();
        let mut best = (f64::INFINITY, bins);
        if bins <= levels || levels == 0 {
            return bins as f64 * self.width;
        }
        let ln = Logarithms::new();
        let (mut running, mut used, mut n_ln_n) = (vec![0.0], vec![0_u32], vec![0.0]);
        let (mut c, mut u, mut g) = (0.0, 0, 0.0);
        for &count in &self.counts {
            c += count as f64;
            u += u32::from(count > 0);
            g += ln.x_ln_x(count as f64);
            running.push(c);
            used.push(u);
            n_ln_n.push(g);
        }
        let all = c + self.beyond as f64;
        // The whole range first: it is often near the best.
        for i in (levels..=bins).rev() {
            // Fewer would have a code each.
            if (used[i] as usize) < levels {
                break;
            }
            let beyond = all - running[i];
            let last = self.counts[i - 1] as f64;
            let enough = (best.0 - ln.of(running[i] / all)) * all;
            // The last group, to whose last bin is added what lies beyond.
            let mut start = (levels - 1) * i / levels;
            let count = running[i] - running[start];
            let filled = f64::from(u8::from(last == 0.0 && beyond > 0.0));
            let bins_used = f64::from(used[i] - used[start]) + filled;
            let mut lost = if count > 0.0 {
                let p_ln_p = n_ln_n[i - 1] - n_ln_n[start] + ln.x_ln_x(last + beyond);
                p_ln_p - (count + beyond) * ln.of(count / bins_used)
            } else if beyond > 0.0 {
                // What lies beyond is put where Q has nothing.
                f64::INFINITY
            } else {
                0.0
            };
            let (step, rest) = (i / levels, i % levels);
            let mut behind = (levels - 1) * i % levels;
            for _ in 1..levels {
                if lost > enough {
                    break;
                }
                let end = start;
                start -= step;
                if behind < rest {
                    start -= 1;
                    behind += levels;
                }
                behind -= rest;
                let count = running[end] - running[start];
                if count > 0.0 {
                    let bins_used = f64::from(used[end] - used[start]);
                    lost += n_ln_n[end] - n_ln_n[start] - count * ln.of(count / bins_used);
                }
            }
            let divergence = lost / all + ln.of(running[i] / all);
            if divergence <= best.0 && lost <= enough {
                best = (divergence, i);
            }
        }
        best.1 as f64 * self.width
    }
}

/// Returns the counts of the magnitudes, given those of bins on both sides of zero.
fn mirrored(bins: &[u64]) -> Vec<u64> {
    let (below, above) = bins.split_at(BINS_PER_SIDE);
    below.iter().rev().zip(above).map(|(below, &above)| below.saturating_add(above)).collect()
}

/// Returns the exponent of bins that end where few values lie beyond, and how many do.
fn without_outliers(histogram: &BinaryHistogram, levels: usize) -> (i32, u64) {
    // Counts by binade: where all magnitudes of a bin are below a power of two.
    let mut by_binade = BTreeMap::new();
    let mut all = 0_u64;
    for (start, end, count) in histogram.finest() {
        let far = start.abs().max(end.abs());
        // The bin that holds zero ends below all others.
        if start == 0.0 && end <= f64::from(f32::MIN_POSITIVE) {
            continue;
        }
        let binade = by_binade.entry(exponent_above(far)).or_insert(0_u64);
        *binade = binade.saturating_add(count);
        all = all.saturating_add(count);
    }
    let allowed = if all < levels as u64 { 0 } else { all.div_ceil(1000) };
    let (mut exponent, mut beyond) = (histogram.grids.exponent, 0_u64);
    let mut binades = by_binade.iter().rev().peekable();
    while let Some((_, &count)) = binades.next() {
        let Some(&(&next, _)) = binades.peek() else { break };
        beyond = beyond.saturating_add(count);
        if beyond > allowed {
            return (exponent, beyond - count);
        }
        // 4096 bins end at 2^(exponent + 12).
        exponent = (next - 12).max(SMALLEST_EXPONENT).min(exponent);
    }
    (exponent, beyond)
}

/// Returns the smallest e with `x ≤ 2^e`.
fn exponent_above(x: f64) -> i32 {
    let bits = x.to_bits();
    (bits >> 52) as i32 - 1023 + i32::from(bits << 12 != 0)
}

/// Returns counts in bins of `2^exponent`, with those of wider bins spread evenly over them; what lies beyond is left out.
fn spread(histogram: &BinaryHistogram, exponent: i32) -> Vec<u64> {
    let mut counts = vec![0_u64; BINS_PER_SIDE];
    let inverse = f64::from_bits(((1023 - exponent) as u64) << 52);
    for (start, end, count) in histogram.finest() {
        let (near, far) = (start.abs().min(end.abs()) * inverse, start.abs().max(end.abs()) * inverse);
        if far > BINS_PER_SIDE as f64 {
            continue;
        }
        let bins = near as usize..(far as usize).max(near as usize + 1);
        let (number, mut given) = (bins.len() as u128, 0);
        for (i, bin) in (1..).zip(bins) {
            // Rounded so that all together are the count.
            let up_to = (u128::from(count) * i / number) as u64;
            counts[bin] = counts[bin].saturating_add(up_to - given);
            given = up_to;
        }
    }
    counts
}

/// Natural logarithms, from a table of 128 and a series: a call of `ln` takes three times as long.
struct Logarithms {
    /// The logarithm of the middle of each 128th from 1 to 2, and its reciprocal.
    table: [(f64, f64); 128],
}

impl Logarithms {
    fn new() -> Self {
        let mut table = [(0.0, 0.0); 128];
        for (i, entry) in table.iter_mut().enumerate() {
            let middle = 1.0 + (i as f64 + 0.5) / 128.0;
            *entry = (Float::ln(middle), 1.0 / middle);
        }
        Self { table }
    }

    /// Returns ln x of a positive normal number, to 10⁻¹⁵ of it or of 1.
    fn of(&self, x: f64) -> f64 {
        let bits = x.to_bits();
        let exponent = (bits >> 52) as i32 - 1023;
        let mantissa = f64::from_bits(bits & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000);
        let (ln, inverse) = self.table[(bits >> 45) as usize % 128];
        let r = mantissa * inverse - 1.0;
        // |r| ≤ 2⁻⁸: what is left out is below 2⁻⁵⁸.
        let series = r * (1.0 - r * (0.5 - r * (1.0 / 3.0 - r * (0.25 - r * (0.2 - r / 6.0)))));
        f64::from(exponent) * core::f64::consts::LN_2 + (ln + series)
    }

    fn x_ln_x(&self, x: f64) -> f64 {
        if x > 0.0 { x * self.of(x) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_those_of_the_library() {
        let ln = Logarithms::new();
        for i in 1..20_000 {
            let x = f64::from(i) * 0.37;
            assert!((ln.of(x) - x.ln()).abs() <= 4e-16 * (1.0 + x.ln().abs()), "{x}");
        }
    }
}
