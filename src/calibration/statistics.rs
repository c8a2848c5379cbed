//! What samples told of a model's values, by the values' keys.

use super::calibrator::Calibrator;
use super::channel_means::ChannelMeans;
use super::error::CalibrationError;
use super::second_moments::SecondMoments;
use crate::error::{Error, Result};
use crate::range::RangeEstimator;
use ndarray::{Array2, ArrayView2, ArrayViewD};
use std::collections::BTreeMap;

/// What samples told of a model's values, under their [keys](crate::graph::Graph::keys): the state of an estimator for each, and for
/// the inputs of products with weights the means of their channels and of the channels' squares.
///
/// Statistics of parts of the samples can be merged: but for those of moving averages they are the same, bit for bit, in whatever order and
/// however the samples were shared out. With the feature `serde` they are saved, and read again.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::calibration::Statistics;
/// use tensor_quant::range::MinMax;
///
/// let (mut one, mut other) = (Statistics::new(MinMax::default()), Statistics::new(MinMax::default()));
/// one.observe("relu1", &array![[0.0_f32, 3.0]].into_dyn().view(), true)?;
/// other.observe("relu1", &array![[1.0_f32, 5.0]].into_dyn().view(), true)?;
/// one.count_samples(1);
/// other.count_samples(1);
/// one.merge(&other)?;
/// assert_eq!((one.means("relu1"), one.samples()), (Some(vec![0.5, 4.0]), 2));
/// assert_eq!(one.ranges().seen("relu1").map(|seen| seen.max), Some(5.0));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Statistics<E: RangeEstimator> {
    pub(super) samples: u64,
    pub(super) model: Option<String>,
    pub(super) ranges: Calibrator<E>,
    pub(super) channels: BTreeMap<String, Channels>,
    pub(super) products: Vec<OperatorMoments>,
}

/// What is known of the channels of a value.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub(super) struct Channels {
    means: ChannelMeans,
    squares: ChannelMeans,
}

/// The second moments of what an operator multiplies with its weights.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct OperatorMoments {
    subgraph: usize,
    operator: usize,
    moments: SecondMoments,
}

impl<E: RangeEstimator> Statistics<E> {
    /// Returns statistics of nothing; each value gets a clone of `fresh`.
    pub fn new(fresh: E) -> Self {
        Self::with_ranges(Calibrator::new(fresh))
    }

    /// Returns statistics with a calibrator for the values' ranges.
    pub fn with_ranges(ranges: Calibrator<E>) -> Self {
        Self { samples: 0, model: None, ranges, channels: BTreeMap::new(), products: Vec::new() }
    }

    /// Adds the second moments of an operator, of rows of `len` elements.
    ///
    /// # Errors
    ///
    /// Those of [`SecondMoments::new`].
    pub fn add_second_moments(&mut self, subgraph: usize, operator: usize, len: usize) -> Result<()> {
        self.products.push(OperatorMoments { subgraph, operator, moments: SecondMoments::new(len)? });
        Ok(())
    }

    /// Takes note of a value; with `has_channels` of its channels, too, along the last axis: of what is multiplied with weights.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if its channels are not as many as before.
    pub fn observe(&mut self, key: &str, values: &ArrayViewD<'_, f32>, has_channels: bool) -> Result<()> {
        self.ranges.observe(key, values.view())?;
        let Some(axis) = values.ndim().checked_sub(1).filter(|_| has_channels) else { return Ok(()) };
        let fresh = || Channels { means: ChannelMeans::new(axis), squares: ChannelMeans::new(axis) };
        let channels = self.channels.entry(key.to_owned()).or_insert_with(fresh);
        channels.means.observe(values.view())?;
        channels.squares.observe(values.mapv(|x| x * x).view())
    }

    /// Takes note of rows that the operator multiplies whose moments are the `number`th.
    ///
    /// # Errors
    ///
    /// Those of [`SecondMoments::observe`].
    pub fn observe_rows(&mut self, number: usize, rows: ArrayView2<'_, f32>) -> Result<()> {
        self.products.get_mut(number).map_or(Ok(()), |product| product.moments.observe(rows))
    }

    /// Counts samples whose values were observed.
    pub fn count_samples(&mut self, samples: u64) {
        self.samples = self.samples.saturating_add(samples);
    }

    /// Returns the number of samples.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Returns the SHA-256 of the model's file; `None` if it is not known.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Returns the estimators' states, by key.
    pub fn ranges(&self) -> &Calibrator<E> {
        &self.ranges
    }

    /// Returns the mean of each channel of a value that is multiplied with weights; `None` for others, and those never seen.
    pub fn means(&self, key: &str) -> Option<Vec<f32>> {
        Some(self.channels.get(key)?.means.means())
    }

    /// Returns the mean square of each channel of a value that is multiplied with weights; `None` for others.
    pub fn mean_squares(&self, key: &str) -> Option<Vec<f32>> {
        Some(self.channels.get(key)?.squares.means())
    }

    /// Returns the second moments that were asked for.
    pub fn second_moments(&self) -> &[OperatorMoments] {
        &self.products
    }

    /// Takes note of everything that `other` has seen of the same model.
    ///
    /// # Errors
    ///
    /// [`CalibrationError::Unusable`] if they are of different models; those of [`Calibrator::merge`]; [`Error::LengthMismatch`] if a value's
    /// channels are not as many in both, or they have second moments of different operators.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if let (Some(ours), Some(theirs)) = (&self.model, &other.model)
            && ours != theirs
        {
            let reason = format!("statistics of different models, with the SHA-256 {ours} and {theirs}");
            return Err(CalibrationError::Unusable { reason }.into());
        }
        let mut products = self.products.clone();
        let places = |products: &[OperatorMoments]| products.iter().map(OperatorMoments::operator).collect::<Vec<_>>();
        if places(&products) != places(&other.products) {
            let (expected, actual) = (self.products.len(), other.products.len());
            return Err(Error::LengthMismatch { what: "the operators with second moments", expected, actual });
        }
        for (ours, theirs) in products.iter_mut().zip(&other.products) {
            ours.moments.merge(&theirs.moments)?;
        }
        let mut channels = self.channels.clone();
        for (key, theirs) in &other.channels {
            let Some(ours) = channels.get_mut(key) else {
                channels.insert(key.clone(), theirs.clone());
                continue;
            };
            let merged = ours.means.merge(&theirs.means).and_then(|()| ours.squares.merge(&theirs.squares));
            merged.map_err(|error| error.of_tensor(key))?;
        }
        self.ranges.merge(&other.ranges)?;
        (self.products, self.channels) = (products, channels);
        self.model = self.model.take().or_else(|| other.model.clone());
        self.samples = self.samples.saturating_add(other.samples);
        Ok(())
    }
}

impl OperatorMoments {
    /// Returns the subgraph and the operator.
    pub fn operator(&self) -> (usize, usize) {
        (self.subgraph, self.operator)
    }

    /// Returns the number of rows that were taken note of.
    pub fn rows(&self) -> u64 {
        self.moments.rows()
    }

    /// Returns the mean of x xᵀ over the rows x; zeros before anything was observed.
    pub fn mean(&self) -> Array2<f64> {
        self.moments.mean()
    }

    /// Returns the moments themselves.
    pub fn moments(&self) -> &SecondMoments {
        &self.moments
    }
}
