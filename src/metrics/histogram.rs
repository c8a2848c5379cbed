//! Counts of values in bins of equal width.

use crate::error::{Error, Result};
use crate::kernel::{self, ABOVE, BELOW, EqualBins, NAN, OUTSIDE};
use crate::params::ValueRange;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// More would be more than an f32 can tell apart.
const MOST_BINS: usize = 1 << 24;

/// Errors that exist at a time.
const ERRORS: usize = 2048;

/// Counts of values in bins of equal width over a range.
///
/// Bin k of n holds the values in `[min + k · w, min + (k + 1) · w)` with `w = (max − min) / n`; the last one holds `max`
/// too. Values outside are counted at the side where they lie, NaN on its own.
///
/// # Examples
///
/// ```
/// use tensor_quant::{metrics::Histogram, params::ValueRange};
///
/// let mut histogram = Histogram::new(ValueRange::new(0.0, 4.0)?, 4)?;
/// histogram.add(&[0.0, 0.5, 3.0, 4.0, 9.0, f32::NAN]);
/// assert_eq!(histogram.counts(), [2, 0, 0, 2]);
/// assert_eq!((histogram.below(), histogram.above(), histogram.nan()), (0, 1, 1));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    range: ValueRange,
    counts: Vec<u64>,
    below: u64,
    above: u64,
    nan: u64,
}

impl Histogram {
    /// Returns an empty histogram.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] without bins, or with more than 2²⁴.
    pub fn new(range: ValueRange, bins: usize) -> Result<Self> {
        if !(1..=MOST_BINS).contains(&bins) {
            let (what, expected) = ("the number of bins", "from 1 to 16777216");
            return Err(Error::InvalidSetting { what, expected, actual: bins as f64 });
        }
        Ok(Self { range, counts: vec![0; bins], below: 0, above: 0, nan: 0 })
    }

    /// Returns the histogram of the errors x − y, over ± the largest of them.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`], [`Error::InvalidSetting`].
    pub fn of_errors(original: &[f32], restored: &[f32], bins: usize) -> Result<Self> {
        let largest = super::ErrorMetrics::between(original, restored)?.max_abs_error();
        // Rounded up, so that the largest error itself is inside.
        let bound = (largest as f32).next_up().min(f32::MAX);
        let mut histogram = Self::new(ValueRange::new(-bound, bound)?, bins)?;
        let mut errors = [0.0_f64; ERRORS];
        for (x, y) in original.chunks(ERRORS).zip(restored.chunks(ERRORS)) {
            let errors = &mut errors[..x.len()];
            for (error, (&x, &y)) in errors.iter_mut().zip(x.iter().zip(y)) {
                *error = f64::from(x) - f64::from(y);
            }
            histogram.count(errors);
        }
        Ok(histogram)
    }

    /// Counts values.
    pub fn add(&mut self, values: &[f32]) {
        self.count(values);
    }

    fn count<V: Copy + Into<f64>>(&mut self, values: &[V]) {
        let (min, max) = (f64::from(self.range.min()), f64::from(self.range.max()));
        let mut outside = [0; OUTSIDE];
        let bins = EqualBins { min, max, number: self.counts.len() };
        bins.count(kernel::detect(), values, &mut self.counts, &mut outside);
        self.below += outside[BELOW];
        self.above += outside[ABOVE];
        self.nan += outside[NAN];
    }

    /// Returns the range that the bins cover.
    pub fn range(&self) -> ValueRange {
        self.range
    }

    /// Returns the count of each bin.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Returns how many values lay below the range.
    pub fn below(&self) -> u64 {
        self.below
    }

    /// Returns how many values lay above the range.
    pub fn above(&self) -> u64 {
        self.above
    }

    /// Returns how many values were NaN.
    pub fn nan(&self) -> u64 {
        self.nan
    }

    /// Returns the lower edge of each bin, and the upper edge of the last.
    pub fn edges(&self) -> impl Iterator<Item = f64> + '_ {
        let (min, width) = (f64::from(self.range.min()), self.range.width());
        let bins = self.counts.len();
        (0..=bins).map(move |k| min + width * (k as f64 / bins as f64))
    }
}

/// A bar for each bin, the longest 40 characters.
impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self.counts.iter().copied().max().unwrap_or(0).max(1);
        for (edge, &count) in self.edges().zip(&self.counts) {
            write!(f, "{edge:>12.4e} | ")?;
            for _ in 0..count.saturating_mul(40).div_ceil(most) {
                f.write_str("#")?;
            }
            writeln!(f, " {count}")?;
        }
        Ok(())
    }
}
