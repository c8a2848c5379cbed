//! Range estimators: which interval of values the codes should cover.
//!
//! A [`RangeEstimator`] is fed values, in as many calls as one likes, and then asked for a [`ValueRange`]. What all of
//! them have in common:
//!
//! - NaN and ±∞ are counted and otherwise ignored.
//! - Without a finite value there is no range: [`Error::NoData`], never a silent default.
//! - Memory is bounded, whatever is observed: for those that remember more than a few numbers it is that of a [`BinaryHistogram`],
//!   some 100 KiB.
//! - Those whose answer is better for values that are all at hand ([`Feed::Whole`]) give the better one for a tensor.
//! - The state after observing is the same, bit for bit, however the values were split, ordered or merged. The exception
//!   is [`MovingAverage`], which is about order, and says so.
//! - The range is found for a [`Target`]: the codes, calculator and rounding that it is to serve.
//!
//! | estimator | the range | for |
//! | --- | --- | --- |
//! | [`MinMax`] | of all values | weights; whatever must not saturate |
//! | [`Percentile`] | between two quantiles | a known share of outliers |
//! | [`MeanStd`] | mean ± k·σ | bells |
//! | [`Mse`] | of the smallest squared error, exactly | weights of few bits; activations |
//! | [`Octav`] | of the smallest modelled squared error | the same, in a few steps |
//! | [`LpNorm`] | of the smallest error in another norm | where large errors should weigh more, or less |
//! | [`Entropy`] | of the smallest loss of information | activations of classifiers |
//! | [`MovingAverage`] | follows batches | training |
//! | [`Fixed`] | known beforehand | a softmax's output |
//!
//! Adding an estimator is one file here, with its text form, the lines below that name the file, and its name in the list in
//! `any_estimator.rs`.

mod any_estimator;
mod directed_search;
mod double_double;
mod entropy;
mod exact_moments;
mod few;
mod finite;
mod fixed;
mod grid;
mod histogram;
mod least_error;
mod lp_norm;
mod mean_std;
mod min_max;
mod moving_average;
mod mse;
mod nearest_search;
mod octav;
mod percentile;
mod pieces;
mod radix_sort;
mod sample;
mod search;
mod selection;
mod sorted;
#[cfg(feature = "serde")]
mod state;
mod target;
mod text_form;
mod thresholds;

pub use any_estimator::AnyEstimator;
pub use entropy::Entropy;
pub use fixed::Fixed;
pub use histogram::BinaryHistogram;
pub use lp_norm::LpNorm;
pub use mean_std::MeanStd;
pub use min_max::MinMax;
pub use moving_average::MovingAverage;
pub use mse::Mse;
pub use octav::Octav;
pub use percentile::Percentile;
pub use target::Target;

#[cfg(feature = "serde")]
pub(crate) use state::{Checked, MOST, check, seen};

use crate::error::{Error, Result};
use crate::kernel::Extremes;
use crate::params::ValueRange;
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
/// use tensor_quant::params::{CodeRange, ValueRange};
/// use tensor_quant::range::{MinMax, Target};
/// use tensor_quant::{Error, RangeEstimator};
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
///     fn range(&self, target: &dyn Target) -> Result<ValueRange, Error> {
///         let half = self.0.range(target)?.max_abs() / 2.0;
///         ValueRange::new(-half, half)
///     }
/// }
///
/// let mut estimator = HalfOfMax::default();
/// estimator.observe(&[1.0, -8.0, f32::NAN]);
/// assert_eq!(estimator.range(&CodeRange::of::<i8>())?.max(), 4.0);
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "observer")]
#[doc(alias = "calibrator")]
pub trait RangeEstimator: Clone + Debug + Send + Sync {
    /// Takes note of values.
    fn observe(&mut self, values: &[f32]);

    /// Takes note of values of which the extremes are known: for an estimator with [`Feed::Extremes`], which need not see
    /// the values. The provided body observes the two extremes.
    fn observe_extremes(&mut self, seen: &Extremes) {
        if seen.min <= seen.max {
            self.observe(&[seen.min, seen.max]);
        }
    }

    /// Takes note of everything that `other` observed.
    fn merge(&mut self, other: &Self);

    /// Returns the interval that the codes of `target` should cover.
    ///
    /// # Errors
    ///
    /// [`Error::NoData`] if no finite value was observed.
    fn range(&self, target: &dyn Target) -> Result<ValueRange>;

    /// Returns the range of what was observed and these values, which are all that will come: an estimator that can make
    /// more of values that are all at hand does so here.
    ///
    /// # Errors
    ///
    /// Those of [`range`](Self::range).
    fn range_of(&self, values: &[f32], target: &dyn Target) -> Result<ValueRange> {
        let mut all = self.clone();
        all.observe(values);
        all.range(target)
    }

    /// Returns the range of what was observed and values of which these are the extremes: for an estimator with
    /// [`Feed::Extremes`]. The provided body observes them.
    ///
    /// # Errors
    ///
    /// Those of [`range`](Self::range).
    fn range_of_extremes(&self, seen: &Extremes, target: &dyn Target) -> Result<ValueRange> {
        let mut all = self.clone();
        all.observe_extremes(seen);
        all.range(target)
    }

    /// Returns what a tensor's values are handed over as.
    fn feed(&self) -> Feed {
        Feed::Pieces
    }

    /// Whether what uses this has to be compiled with it, because this crate does not know it.
    #[doc(hidden)]
    const IS_FOREIGN: bool = true;

    /// Whether the range is from the smallest to the largest value that is to come, whatever it is for.
    #[doc(hidden)]
    fn is_of_extremes(&self) -> bool {
        false
    }

    /// Returns the built-in estimator that this is, if it is one.
    #[doc(hidden)]
    fn built_in(&self) -> Option<AnyEstimator> {
        None
    }
}

/// What an estimator is fed when the range of a tensor is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Feed {
    /// Nothing: there is a range before anything was observed. It saves a pass over the data.
    Nothing,
    /// The values of a group in as many calls of [`observe`](RangeEstimator::observe) as is convenient.
    Pieces,
    /// The extremes of the values of a group, in as many calls of [`observe_extremes`](RangeEstimator::observe_extremes) as
    /// is convenient: they are found on the way, where a tensor is searched for NaN.
    Extremes,
    /// All values of a group in one call of [`range_of`](RangeEstimator::range_of): for estimators whose answer depends
    /// on how values are split, as that of a moving average of batches does, or is better for values at hand.
    Whole,
}

/// The error of an estimator that saw no finite value.
pub(crate) fn no_data(seen: &Extremes) -> Error {
    Error::NoData { group: None, observed: seen.count, nan: seen.nan, infinite: seen.infinite }
}

/// Returns the extremes as a range.
fn range_of(seen: &Extremes) -> Result<ValueRange> {
    if seen.min > seen.max { Err(no_data(seen)) } else { ValueRange::new(seen.min, seen.max) }
}
