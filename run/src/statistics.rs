//! What samples told of a model's values, by the values' keys.

use crate::second_moments::SecondMoments;
use ndarray::ArrayViewD;
use std::collections::BTreeMap;
use tensor_quant::Error;
use tensor_quant::calibration::{Calibrator, ChannelMeans};
use tensor_quant::range::RangeEstimator;

/// What samples told of a model's values, under their [keys](tensor_quant::graph::Graph::keys): the state of an estimator for each, and for
/// the inputs of products with weights the means of their channels and of the channels' squares.
///
/// Statistics of parts of the samples can be merged; with the feature `serde` they are saved, and read again.
///
/// # Examples
///
/// ```
/// use tensor_quant::range::MinMax;
/// use tensor_quant_run::Statistics;
///
/// let statistics = Statistics::new(MinMax::default());
/// assert_eq!((statistics.samples(), statistics.ranges().names().len()), (0, 0));
/// ```
#[derive(Clone, Debug)]
pub struct Statistics<E: RangeEstimator> {
    pub(crate) ranges: Calibrator<E>,
    pub(crate) moments: BTreeMap<String, Moments>,
    pub(crate) products: Vec<SecondMoments>,
    pub(crate) samples: u64,
}

/// What is known of the channels of a value.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub(crate) struct Moments {
    pub(crate) means: ChannelMeans,
    pub(crate) squares: ChannelMeans,
}

impl<E: RangeEstimator> Statistics<E> {
    /// Returns statistics of nothing; each value gets a clone of `fresh`.
    pub fn new(fresh: E) -> Self {
        Self { ranges: Calibrator::new(fresh), moments: BTreeMap::new(), products: Vec::new(), samples: 0 }
    }

    /// Takes note of a value; of its channels, along the last axis, if it is multiplied with weights.
    pub(crate) fn observe(&mut self, key: &str, values: &ArrayViewD<'_, f32>, is_factor: bool) -> Result<(), Error> {
        self.ranges.observe(key, values.view())?;
        let ndim = values.ndim();
        if ndim > 0 && is_factor {
            let fresh = || Moments { means: ChannelMeans::new(ndim - 1), squares: ChannelMeans::new(ndim - 1) };
            let moments = self.moments.entry(key.to_owned()).or_insert_with(fresh);
            moments.means.observe(values.view())?;
            moments.squares.observe(values.mapv(|x| x * x).view())?;
        }
        Ok(())
    }

    /// Returns the number of samples.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Returns the estimators' states, by key.
    pub fn ranges(&self) -> &Calibrator<E> {
        &self.ranges
    }

    /// Returns the mean of each channel of a value that is multiplied with weights; `None` for others, and those never seen.
    pub fn means(&self, key: &str) -> Option<Vec<f32>> {
        Some(self.moments.get(key)?.means.means())
    }

    /// Returns the mean square of each channel of a value that is multiplied with weights; `None` for others.
    pub fn mean_squares(&self, key: &str) -> Option<Vec<f32>> {
        Some(self.moments.get(key)?.squares.means())
    }

    /// Returns the second moments that were asked for.
    pub fn second_moments(&self) -> &[SecondMoments] {
        &self.products
    }

    /// Takes note of everything that `other` has seen of the same model.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if a value's channels are not as many in both, or they have second moments of different
    /// operators.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        if self.products.len() != other.products.len() {
            let (expected, actual) = (self.products.len(), other.products.len());
            return Err(Error::LengthMismatch { what: "the operators with second moments", expected, actual });
        }
        self.ranges.merge(&other.ranges)?;
        for (key, theirs) in &other.moments {
            match self.moments.get_mut(key) {
                Some(ours) => {
                    ours.means.merge(&theirs.means)?;
                    ours.squares.merge(&theirs.squares)?;
                }
                None => {
                    self.moments.insert(key.clone(), theirs.clone());
                }
            }
        }
        for (ours, theirs) in self.products.iter_mut().zip(&other.products) {
            ours.merge(theirs)?;
        }
        self.samples += other.samples;
        Ok(())
    }
}
