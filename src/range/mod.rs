//! Range estimators: which interval of values the codes should cover.
//!
//! A [`RangeEstimator`] is fed values, in as many calls as one likes, and then asked for a [`ValueRange`]. What all of
//! them have in common:
//!
//! - NaN and ±∞ are counted and otherwise ignored.
//! - Without a finite value there is no range: [`Error::NoData`], never a silent default.
//! - Memory is bounded, whatever is observed.
//! - The state after observing is the same, bit for bit, however the values were split, ordered or merged. The exception
//!   is [`MovingAverage`], which is about order, and says so.
//!
//! Adding an estimator is one file here and its line below.

mod double_double;
mod exact_moments;
mod fixed;
mod histogram;
mod mean_std;
mod min_max;
mod moving_average;
mod percentile;

pub use fixed::Fixed;
pub use mean_std::MeanStd;
pub use min_max::MinMax;
pub use moving_average::MovingAverage;
pub use percentile::Percentile;

use crate::error::{Error, Result};
use crate::kernel::Extremes;
use crate::params::{CodeRange, ValueRange};
use core::fmt::Debug;

/// Finds the interval of values that the codes should cover.
///
/// The trait is open. A [`Scheme`](crate::Scheme) holds an estimator that has observed nothing, and gives a clone of it to
/// each group of elements.
///
/// # Examples
///
/// Half of the largest magnitude, in a dozen lines:
///
/// ```
/// use tensor_quant::{Error, RangeEstimator, params::{CodeRange, ValueRange}, range::MinMax};
///
/// #[derive(Clone, Debug, Default)]
/// struct HalfOfMax(MinMax);
///
/// impl RangeEstimator for HalfOfMax {
///     fn observe(&mut self, values: &[f32]) {
///         self.0.observe(values);
///     }
///     fn merge(&mut self, other: &Self) {
///         self.0.merge(&other.0);
///     }
///     fn range(&self, codes: CodeRange) -> Result<ValueRange, Error> {
///         let half = self.0.range(codes)?.max_abs() / 2.0;
///         ValueRange::new(-half, half)
///     }
/// }
///
/// let mut estimator = HalfOfMax::default();
/// estimator.observe(&[1.0, -8.0, f32::NAN]);
/// assert_eq!(estimator.range(CodeRange::of::<i8>())?.max(), 4.0);
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "observer")]
#[doc(alias = "calibrator")]
pub trait RangeEstimator: Clone + Debug {
    /// Takes note of values.
    fn observe(&mut self, values: &[f32]);

    /// Takes note of everything that `other` observed.
    fn merge(&mut self, other: &Self);

    /// Returns the interval that `codes` should cover.
    ///
    /// # Errors
    ///
    /// [`Error::NoData`] if no finite value was observed.
    fn range(&self, codes: CodeRange) -> Result<ValueRange>;

    /// Returns whether observing values in several calls gives what observing them in one call gives.
    ///
    /// Where it does not, as for a moving average of batches, a tensor's values are handed over in a single call.
    fn is_mergeable(&self) -> bool {
        true
    }

    /// Returns whether there is no range before something was observed: `false` saves a pass over the data.
    fn needs_data(&self) -> bool {
        true
    }
}

/// The error of an estimator that saw no finite value.
pub(crate) fn no_data(seen: &Extremes) -> Error {
    Error::NoData { observed: seen.count, nan: seen.nan, infinite: seen.infinite }
}

/// Returns the extremes as a range.
fn range_of(seen: &Extremes) -> Result<ValueRange> {
    if seen.min > seen.max { Err(no_data(seen)) } else { ValueRange::new(seen.min, seen.max) }
}
