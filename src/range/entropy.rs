//! The range whose codes tell most about the values.

use super::histogram::Histogram;
use super::sample::{Sample, Values};
use super::target::integer_codes_only;
use super::{RangeEstimator, Target};
use crate::error::Result;
use crate::kernel::BINS_PER_SIDE;
use crate::params::{ValueRange, ZeroPoints};
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
/// same sign, and 128 elsewhere. The histogram's bins are a power of two wide, and between 1024 and 2048 of them are in use:
/// if fewer of them than there are levels are not empty, the range is that of all values. (TensorRT tries every number of
/// bins from the levels on. Where no value is near zero, few of them hold one, P and Q agree about these however much lies
/// beyond, and nearly everything is clipped.) It is meant for activations; of few values it says
/// little. All values equal give that value.
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
        let extremes = self.sample.extremes()?;
        let codes = target.codes();
        integer_codes_only("entropy calibration", codes)?;
        if extremes.is_constant() {
            return Ok(extremes);
        }
        let same_sign = extremes.min() >= 0.0 || extremes.max() <= 0.0;
        let levels = match target.zero_points() {
            ZeroPoints::Any if same_sign => codes.max() - codes.min() + 1.0,
            _ => codes.half_width() + 1.0,
        };
        let magnitudes = match &self.sample.values {
            Values::Counted(histogram) => Magnitudes::of(histogram),
            Values::Kept(kept) => {
                let mut histogram = Histogram::default();
                histogram.observe(kept);
                Magnitudes::of(&histogram)
            }
        };
        let threshold = magnitudes.threshold(levels as usize).map_or(f32::MAX, |t| t.min(f64::from(f32::MAX)) as f32);
        ValueRange::new(extremes.min().max(-threshold), extremes.max().min(threshold))
    }
}

/// Counts of |x|.
struct Magnitudes {
    counts: Vec<u64>,
    width: f64,
}

impl Magnitudes {
    fn of(histogram: &Histogram) -> Self {
        let mut counts = vec![0; BINS_PER_SIDE];
        for (bin, count) in histogram.bins() {
            let k = if bin < 0 { -1 - bin } else { bin };
            counts[k as usize] = count.saturating_add(counts[k as usize]);
        }
        let mut width = histogram.bin_width();
        // Zeros, of which rectifiers make half of all values, have a code of their own and lose nothing by being many.
        counts[0] = counts[0].min(counts[1]);
        counts.truncate(counts.iter().rposition(|&count| count > 0).map_or(0, |last| last + 1));
        while counts.len() > MOST_BINS {
            counts = counts.chunks(2).map(|pair| pair.iter().copied().fold(0, u64::saturating_add)).collect();
            width *= 2.0;
        }
        Self { counts, width }
    }

    /// Returns the threshold of the smallest divergence, or `None` if there are no more bins than levels; with no candidate, the end
    /// of the bins.
    ///
    /// With C the running count, Z that of the bins in use, and G the running `Σ n·ln n`, a group's part of `Σ P·ln Q` is
    /// its `ΔC · ln(ΔC / ΔZ)`: the time of a candidate goes by the levels, not by the bins.
    fn threshold(&self, levels: usize) -> Option<f64> {
        let bins = self.counts.len();
        if bins <= levels || levels == 0 {
            return None;
        }
        let (mut running, mut used, mut n_ln_n) = (vec![0_u64], vec![0_u32], vec![0.0]);
        for &count in &self.counts {
            let (c, u, g) = (running[running.len() - 1], used[used.len() - 1], n_ln_n[n_ln_n.len() - 1]);
            running.push(count.saturating_add(c));
            used.push(u + u32::from(count > 0));
            n_ln_n.push(g + x_ln_x(count as f64));
        }
        let all = running[bins] as f64;
        let mut best = (f64::INFINITY, bins);
        for i in levels..=bins {
            let beyond = (running[bins] - running[i]) as f64;
            let last = self.counts[i - 1] as f64;
            // Fewer would have a code each.
            if (used[i] as usize) < levels {
                continue;
            }
            // Σ P·ln P, then Σ P·ln Q.
            let p_ln_p = n_ln_n[i - 1] + x_ln_x(last + beyond);
            let mut p_ln_q = 0.0;
            for group in 0..levels {
                let (start, end) = (group * i / levels, (group + 1) * i / levels);
                let count = (running[end] - running[start]) as f64;
                let is_last = group + 1 == levels;
                let filled = is_last && last == 0.0 && beyond > 0.0;
                let bins_used = f64::from(used[end] - used[start]) + f64::from(u8::from(filled));
                let p = if is_last { count + beyond } else { count };
                if count > 0.0 {
                    p_ln_q += p * Float::ln(count / bins_used);
                } else if p > 0.0 {
                    // What lies beyond is put where Q has nothing.
                    p_ln_q = f64::NEG_INFINITY;
                }
            }
            let divergence = (p_ln_p - p_ln_q) / all + Float::ln(running[i] as f64 / all);
            if divergence < best.0 {
                best = (divergence, i);
            }
        }
        Some(best.1 as f64 * self.width)
    }
}

fn x_ln_x(x: f64) -> f64 {
    if x > 0.0 { x * Float::ln(x) } else { 0.0 }
}
