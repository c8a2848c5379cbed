//! Ranges and moments of a model's values, from samples.

use crate::second_moments::SecondMoments;
use crate::statistics::Statistics;
use ndarray::ArrayViewD;
use std::collections::{BTreeMap, BTreeSet};
use tensor_quant::Error;
use tensor_quant::calibration::{Array, Calibrator, RunError, Runner, Sample, ValueView};
use tensor_quant::graph::{Graph, ValueId};
use tensor_quant::range::RangeEstimator;

/// What samples told of a model's values.
///
/// Every value that is shown has an estimator's state, under its [key](Graph::keys); the inputs of products with weights have
/// the means of their channels, along their last axis, and the means of the channels' squares. Memory does not grow with
/// samples.
///
/// # Examples
///
/// ```
/// use ndarray::ArrayD;
/// use tensor_quant::range::MinMax;
/// use tensor_quant_run::{Calibration, Executor};
///
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/digits_cnn.tflite");
/// let mut executor = Executor::open(path)?;
/// let mut calibration = Calibration::new(executor.graph(), MinMax::default());
/// let name = tensor_quant::calibration::Runner::inputs(&executor, None)?.remove(0).name;
/// for level in [0.0_f32, 0.5, 1.0] {
///     let sample = vec![(name.clone(), ArrayD::from_elem(vec![1, 8, 8, 1], level).into())];
///     calibration.observe(&mut executor, None, &sample)?;
/// }
/// assert_eq!(calibration.samples(), 3);
/// assert!(calibration.ranges().names().len() > 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Calibration<E: RangeEstimator> {
    statistics: Statistics<E>,
    keys: BTreeMap<ValueId, String>,
    /// The values that are multiplied with weights.
    factors: BTreeSet<ValueId>,
}

impl<E: RangeEstimator> Calibration<E> {
    /// Returns a calibration that has seen nothing; each value gets a clone of `fresh`.
    pub fn new(graph: &Graph, fresh: E) -> Self {
        let mut factors = BTreeSet::new();
        let mut keys = BTreeMap::new();
        let all_keys = graph.keys();
        for (subgraph, part) in graph.subgraphs.iter().enumerate() {
            for (value, key) in all_keys.get(subgraph).into_iter().flatten().enumerate() {
                keys.insert(ValueId { subgraph, value }, key.clone());
            }
            for operator in &part.operators {
                let ndim = |value: usize| part.values.get(value).and_then(tensor_quant::graph::Value::ndim);
                let is_product = |(input, value): (usize, &Option<usize>)| {
                    let weights = value.filter(|&value| part.values.get(value).is_some_and(|v| v.constant.is_some()));
                    weights.and_then(ndim).is_some_and(|ndim| operator.weights_axis(input, ndim).is_some())
                };
                if operator.inputs.iter().enumerate().any(is_product) {
                    let activations = operator.inputs.iter().flatten();
                    factors.extend(activations.map(|&value| ValueId { subgraph, value }));
                }
            }
        }
        Self { statistics: Statistics::new(fresh), keys, factors }
    }

    /// Returns the calibration with the second moments of what an operator multiplies with its weights; unchanged if that is no
    /// convolution or dense layer.
    ///
    /// They take 8 bytes for each pair of inputs of a weight row: they are for the layers that are to be improved, not for all.
    #[must_use]
    pub fn with_second_moments(mut self, graph: &Graph, subgraph: usize, operator: usize) -> Self {
        self.statistics.products.extend(SecondMoments::new(graph, subgraph, operator));
        self
    }

    /// Runs the model on a sample, takes note of its values, and returns its outputs.
    ///
    /// # Errors
    ///
    /// Those of [`Runner::run`]; [`RunError::Other`] around [`Error::LengthMismatch`] if the channels of a value are not as
    /// many as before.
    pub fn observe(
        &mut self,
        runner: &mut dyn Runner,
        signature: Option<&str>,
        sample: &Sample,
    ) -> Result<Vec<(String, Array)>, RunError> {
        let inputs: Vec<(&str, Array)> = sample.iter().map(|(name, array)| (name.as_str(), array.clone())).collect();
        let outputs = runner.run(signature, &inputs, &mut |value| self.take(value))?;
        self.statistics.samples += 1;
        Ok(outputs)
    }

    fn take(&mut self, value: &ValueView<'_>) -> Result<(), Error> {
        let key = self.keys.get(&value.id).map_or(value.name, String::as_str);
        let is_factor = self.factors.contains(&value.id);
        self.statistics.observe(key, &value.values, is_factor)?;
        for product in &mut self.statistics.products {
            product.observe(value);
        }
        Ok(())
    }

    /// Takes note of a value that a run elsewhere came to, under its [key](Graph::keys); returns whether the model has a value of this key.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the channels of a value are not as many as before.
    pub fn observe_value(&mut self, key: &str, values: ArrayViewD<'_, f32>) -> Result<bool, Error> {
        let Some(id) = self.keys.iter().find(|(_, known)| *known == key).map(|(id, _)| *id) else { return Ok(false) };
        self.take(&ValueView::new(id, key, values)).map(|()| true)
    }

    /// Counts samples that were run elsewhere.
    pub fn count_samples(&mut self, samples: u64) {
        self.statistics.samples += samples;
    }

    /// Returns what the samples told.
    pub fn statistics(&self) -> &Statistics<E> {
        &self.statistics
    }

    /// Returns what the samples told, by value.
    pub fn into_statistics(self) -> Statistics<E> {
        self.statistics
    }

    /// Returns the keys that the model's values have.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.values().map(String::as_str)
    }

    /// Returns the number of samples.
    pub fn samples(&self) -> u64 {
        self.statistics.samples()
    }

    /// Returns the estimators' states, by key.
    pub fn ranges(&self) -> &Calibrator<E> {
        self.statistics.ranges()
    }

    /// Returns the mean of each channel of a value that is multiplied with weights; `None` for others, and those never seen.
    pub fn means(&self, key: &str) -> Option<Vec<f32>> {
        self.statistics.means(key)
    }

    /// Returns the mean square of each channel of a value that is multiplied with weights; `None` for others.
    pub fn mean_squares(&self, key: &str) -> Option<Vec<f32>> {
        self.statistics.mean_squares(key)
    }

    /// Returns the second moments that were asked for.
    pub fn second_moments(&self) -> &[SecondMoments] {
        self.statistics.second_moments()
    }

    /// Takes note of everything that `other` has seen of the same model.
    ///
    /// # Errors
    ///
    /// Those of [`Statistics::merge`].
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        self.statistics.merge(&other.statistics)
    }
}
