//! The histogram that PyTorch keeps of activations.
//!
//! 1. A batch is counted by `torch.histc` over the range of everything so far: bin `⌊(x − min) · bins / (max − min)⌋`, the
//!    largest value in the last bin. In f32. A range of a single value has it in the middle bin.
//! 2. When the range grows, each old bin is cut in 16 parts, and a part goes to the new bin in which its middle lies. The
//!    middles and the new edges come from `torch.linspace`, which counts from both ends and rounds once:
//!    `fma(step, i, min)` in the first half, `fma(−step, n − i, max)` in the second.

use super::search::l2_range;
use crate::error::{Error, Result};
use crate::kernel::{self, Extremes};
use crate::params::ValueRange;
use crate::range::{Feed, RangeEstimator, Target, no_data};
use alloc::vec;
use alloc::vec::Vec;
use num_traits::Float;

/// Parts that an old bin is cut in.
const PARTS: usize = 16;
/// The most bins that may be asked for.
const MOST_BINS: usize = 1 << 16;

/// Returns the range that `torch.ao.quantization.HistogramObserver` finds: the one whose quantization error is smallest, as
/// estimated from a histogram, in a search that takes 10⁻⁵ of the values from either end at a time.
///
/// As in PyTorch 2.5 and later. A call of `observe` is a batch.
///
/// **Merging is not exact**, and neither is splitting: each time the range grows, the old counts are moved to new bins, so
/// that the state depends on how the data were cut in batches. `merge` moves both histograms to their common range. Memory
/// is bounded: one f32 a bin.
///
/// | input | answer |
/// | --- | --- |
/// | NaN | ignored and counted (PyTorch refuses the batch) |
/// | ±∞ | ignored and counted, as in PyTorch |
/// | an empty batch | changes nothing |
/// | nothing finite at all | [`Error::NoData`] (PyTorch warns and takes a scale of 1) |
/// | a constant, or all zeros | the range is that value |
/// | a range so wide that f32 overflows | counted in f64 (PyTorch puts everything in the first bin, or loses it) |
/// | more than 2²⁴ values in a bin | the f32 stays at 2²⁴ or grows in larger steps, as in PyTorch |
///
/// # Examples
///
/// ```
/// use tensor_quant::{RangeEstimator, convention::torch, params::CodeRange};
///
/// let mut observer = torch::HistogramObserver::default();
/// observer.observe(&[0.5, 3.0]);
/// observer.observe(&[-1.0, f32::INFINITY]);
/// let observed = observer.observed()?;
/// assert_eq!((observed.min(), observed.max()), (-1.0, 3.0));
/// let range = observer.range(&CodeRange::of::<u8>())?;
/// assert!(-1.0 <= range.min() && range.max() <= 3.0);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::HistogramObserverState", try_from = "super::state::HistogramObserverState")
)]
pub struct HistogramObserver {
    /// All zero before the first batch.
    pub(super) histogram: Vec<f32>,
    pub(super) seen: Extremes,
}

impl Default for HistogramObserver {
    /// With PyTorch's 2048 bins.
    fn default() -> Self {
        Self { histogram: vec![0.0; 2048], seen: Extremes::default() }
    }
}

impl HistogramObserver {
    /// Returns an observer with this many bins.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] unless there are from 1 to 65536.
    pub fn new(bins: usize) -> Result<Self> {
        if (1..=MOST_BINS).contains(&bins) {
            Ok(Self { histogram: vec![0.0; bins], seen: Extremes::default() })
        } else {
            let (what, expected) = ("the number of bins", "from 1 to 65536");
            Err(Error::InvalidSetting { what, expected, actual: bins as f64 })
        }
    }

    /// Returns the counts: of equal bins from the smallest to the largest value observed.
    ///
    /// Whole numbers until the range has grown.
    pub fn histogram(&self) -> &[f32] {
        &self.histogram
    }

    /// Returns the smallest and the largest finite value observed.
    ///
    /// # Errors
    ///
    /// [`Error::NoData`].
    pub fn observed(&self) -> Result<ValueRange> {
        if self.seen.min > self.seen.max {
            return Err(no_data(&self.seen));
        }
        ValueRange::new(self.seen.min, self.seen.max)
    }

    /// Moves the counts to the bins of a range that holds the present one.
    fn widen(&mut self, seen: Extremes) {
        let (old, bins) = (self.seen, self.histogram.len());
        if old.min > old.max || (old.min, old.max) == (seen.min, seen.max) {
            return;
        }
        let (from, to) = (Axis::new(old.min, old.max), Axis::new(seen.min, seen.max));
        let mut moved = vec![0.0; bins];
        if old.min == old.max {
            moved[to.bin(old.min, bins)] = self.histogram.iter().sum();
        } else {
            let edges: Vec<f32> = (0..=bins).map(|i| to.point(i, bins)).collect();
            let half_a_part = 0.5 * from.part(PARTS * bins);
            let mut bin = 0;
            for part in 0..PARTS * bins {
                let middle = from.point(part, PARTS * bins) + half_a_part;
                // Middles and edges ascend, so the bins do; the last one holds what rounding put beyond it.
                while bin + 1 < bins && edges[bin + 1] <= middle {
                    bin += 1;
                }
                moved[bin] += self.histogram[part / PARTS] / PARTS as f32;
            }
        }
        self.histogram = moved;
    }
}

/// From `min` to `max`, cut in equal parts.
#[derive(Clone, Copy)]
struct Axis {
    min: f32,
    max: f32,
}

impl Axis {
    fn new(min: f32, max: f32) -> Self {
        Self { min, max }
    }

    /// The width of one of `n` parts.
    fn part(self, n: usize) -> f32 {
        let width = self.max - self.min;
        if width.is_finite() {
            width / n as f32
        } else {
            ((f64::from(self.max) - f64::from(self.min)) / n as f64) as f32
        }
    }

    /// Point `i` of `n + 1`, the ends included.
    fn point(self, i: usize, n: usize) -> f32 {
        let step = self.part(n);
        if i < n.div_ceil(2) {
            Float::mul_add(step, i as f32, self.min)
        } else {
            Float::mul_add(-step, (n - i) as f32, self.max)
        }
    }

    /// The bin of a value between the ends.
    fn bin(self, x: f32, bins: usize) -> usize {
        if self.min == self.max {
            return bins / 2;
        }
        let (width, from_min) = (self.max - self.min, (x - self.min) * bins as f32);
        let bin = if width.is_finite() && from_min.is_finite() {
            (from_min / width) as usize
        } else {
            let (min, max) = (f64::from(self.min), f64::from(self.max));
            ((f64::from(x) - min) * bins as f64 / (max - min)) as usize
        };
        bin.min(bins - 1)
    }
}

impl RangeEstimator for HistogramObserver {
    fn observe(&mut self, values: &[f32]) {
        let batch = kernel::min_max(kernel::detect(), values);
        let seen = self.seen.merge(batch);
        if batch.min <= batch.max {
            self.widen(seen);
            let (axis, bins) = (Axis::new(seen.min, seen.max), self.histogram.len());
            let mut counts = vec![0_u32; bins];
            for &x in values.iter().filter(|x| x.is_finite()) {
                let count = &mut counts[axis.bin(x, bins)];
                *count = count.saturating_add(1);
            }
            for (sum, count) in self.histogram.iter_mut().zip(counts) {
                *sum += count.min(1 << 24) as f32;
            }
        }
        self.seen = seen;
    }

    fn merge(&mut self, other: &Self) {
        let seen = self.seen.merge(other.seen);
        let mut other = other.clone();
        self.widen(seen);
        other.widen(seen);
        if self.histogram.len() == other.histogram.len() {
            for (sum, more) in self.histogram.iter_mut().zip(&other.histogram) {
                *sum += more;
            }
        } else {
            let (from, to) = (other.histogram.len(), self.histogram.len());
            for (bin, more) in other.histogram.iter().enumerate() {
                self.histogram[(2 * bin + 1) * to / (2 * from)] += more;
            }
        }
        self.seen = seen;
    }

    fn range(&self, target: &dyn Target) -> Result<ValueRange> {
        let codes = target.codes();
        let observed = self.observed()?;
        if !codes.is_integer() {
            return Err(Error::IntegerCodesOnly { what: "an observer of PyTorch" });
        }
        l2_range(&self.histogram, observed, codes.max() - codes.min() + 1.0)
    }

    fn feed(&self) -> Feed {
        Feed::Whole
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::params::CodeRange;
    use proptest::prelude::*;

    fn observed(bins: usize, batches: &[&[f32]]) -> HistogramObserver {
        let mut observer = HistogramObserver::new(bins).unwrap();
        for batch in batches {
            observer.observe(batch);
        }
        observer
    }

    fn range_of(observer: &HistogramObserver) -> (f32, f32) {
        let range = observer.range(&CodeRange::of::<u8>()).unwrap();
        (range.min(), range.max())
    }

    /// Expected values: torch 2.15.0.
    #[test]
    fn batches_of_a_single_value_are_as_in_pytorch() {
        let bins = |filled: &[(usize, f32)]| {
            let mut bins = vec![0.0; 16];
            for &(bin, count) in filled {
                bins[bin] = count;
            }
            bins
        };
        let threes = observed(16, &[&[3.0, 3.0]]);
        assert_eq!((threes.histogram().to_vec(), range_of(&threes)), (bins(&[(8, 2.0)]), (3.0, 3.0)));
        let huge = observed(8, &[&[1e9; 5]]);
        assert_eq!(huge.histogram()[4], 5.0);
        let grown = observed(16, &[&[3.0], &[5.0, 1.0]]);
        assert_eq!(grown.histogram(), bins(&[(0, 1.0), (8, 1.0), (15, 1.0)]));
        assert_eq!(range_of(&grown), (1.0, 4.75));
        let zeros = observed(16, &[&[0.0; 3]]);
        assert_eq!((zeros.histogram().to_vec(), range_of(&zeros)), (bins(&[(8, 3.0)]), (0.0, 0.0)));
    }

    #[test]
    fn without_a_finite_value_there_is_no_range() {
        let mut observer = HistogramObserver::default();
        for batch in [&[][..], &[f32::NAN], &[f32::INFINITY, f32::NEG_INFINITY]] {
            observer.observe(batch);
            assert!(matches!(observer.range(&CodeRange::of::<u8>()), Err(Error::NoData { .. })), "{batch:?}");
        }
        observer.observe(&[f32::NAN, 1.0, f32::INFINITY, 2.0]);
        assert_eq!(observer.histogram().iter().sum::<f32>(), 2.0);
        assert!(matches!(observer.range(&CodeRange::of::<crate::num::f16>()), Err(Error::IntegerCodesOnly { .. })));
        assert!(HistogramObserver::new(0).is_err() && HistogramObserver::new(MOST_BINS + 1).is_err());
    }

    #[test]
    fn a_merge_holds_all_counts_over_the_common_range() {
        let mut one = observed(64, &[&[0.0, 1.0, 2.0]]);
        one.merge(&observed(64, &[&[-2.0, 0.5], &[0.25]]));
        assert_eq!(one.observed().unwrap(), ValueRange::new(-2.0, 2.0).unwrap());
        assert_eq!(one.histogram().iter().sum::<f32>(), 6.0);
        let mut nothing = HistogramObserver::new(64).unwrap();
        nothing.merge(&one);
        assert_eq!(nothing, one);
        nothing.merge(&HistogramObserver::new(8).unwrap());
        assert_eq!(nothing, one);
        one.merge(&observed(8, &[&[1.0, 1.5]]));
        assert_eq!(one.histogram().iter().sum::<f32>(), 8.0);
    }

    proptest! {
        #[test]
        fn any_batches_give_a_range_within_what_was_seen(
            batches in prop::collection::vec(prop::collection::vec(any::<u32>().prop_map(f32::from_bits), 0..20), 1..5),
            bins in 1_usize..40,
        ) {
            let mut observer = HistogramObserver::new(bins).unwrap();
            for batch in &batches {
            observer.observe(batch);
        }
            let finite: Vec<f32> = batches.concat().into_iter().filter(|x| x.is_finite()).collect();
            match observer.range(&CodeRange::of::<i8>()) {
                Ok(range) => {
                    let seen = observer.observed().unwrap();
                    let slack = (seen.width() * 1e-6) as f32;
                    prop_assert!(seen.min() - slack <= range.min() && range.max() <= seen.max() + slack, "{} {}", seen, range);
                    let counted: f32 = observer.histogram().iter().sum();
                    prop_assert!((counted - finite.len() as f32).abs() < 0.01, "{} of {}", counted, finite.len());
                }
                Err(error) => prop_assert!(finite.is_empty(), "{}", error),
            }
        }
    }
}
