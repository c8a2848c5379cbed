//! Ranges and moments of a model's values, from samples.

use crate::rows::Rows;
use ndarray::{ArrayViewD, Axis};
use std::collections::{BTreeMap, BTreeSet};
use tensor_quant::Error;
use tensor_quant::calibration::{Array, Calibrator, OperatorMoments, RunError, Runner, Sample, Statistics, ValueView};
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
    /// What the second moments are of, in their order.
    rows: Vec<Rows>,
}

impl<E: RangeEstimator> Calibration<E> {
    /// Returns a calibration that has seen nothing; each value gets a clone of `fresh`.
    pub fn new(graph: &Graph, fresh: E) -> Self {
        Self::with_estimators(graph, fresh, &mut |_| None)
    }

    /// Returns a calibration that has seen nothing; each value gets the estimator that is chosen for it, by its [key](Graph::keys),
    /// and one for which none is chosen a clone of `fresh`.
    ///
    /// # Examples
    ///
    /// ```
    /// use tensor_quant::range::AnyEstimator;
    /// use tensor_quant_run::{Calibration, Executor};
    ///
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/digits_cnn.tflite");
    /// let executor = Executor::open(path)?;
    /// let percentile: AnyEstimator = "percentile 99.9".parse()?;
    /// let calibration = Calibration::with_estimators(executor.graph(), AnyEstimator::default(), &mut |key| {
    ///     key.contains("Relu").then(|| percentile.clone())
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_estimators(graph: &Graph, fresh: E, choose: &mut dyn FnMut(&str) -> Option<E>) -> Self {
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
        let mut ranges = Calibrator::new(fresh);
        for key in keys.values() {
            if let Some(own) = choose(key) {
                ranges = ranges.with_estimator(key, own);
            }
        }
        Self { statistics: Statistics::with_ranges(ranges), keys, factors, rows: Vec::new() }
    }

    /// Returns the calibration with the second moments of what an operator multiplies with its weights; unchanged if that is no
    /// convolution or dense layer, or its rows are of more than 4096 elements.
    ///
    /// Of a dense layer these are the rows of its input, of a convolution the patches under its filters, in the order in which a filter's
    /// elements are stored; at most 256 of a sample, at equal distances. In a file they take 6 bytes for each pair of inputs of a weight row:
    /// they are for the layers that are to be improved, not for all.
    #[must_use]
    pub fn with_second_moments(mut self, graph: &Graph, subgraph: usize, operator: usize) -> Self {
        if let Some(rows) = Rows::of(graph, subgraph, operator)
            && self.statistics.add_second_moments(subgraph, operator, rows.len).is_ok()
        {
            self.rows.push(rows);
        }
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
        self.observe_and(runner, signature, sample, &mut |_, _| Ok(()))
    }

    /// The same, and shows each value with its [key](Graph::keys).
    ///
    /// # Errors
    ///
    /// Those of [`observe`](Self::observe), and what `show` returns.
    pub fn observe_and(
        &mut self,
        runner: &mut dyn Runner,
        signature: Option<&str>,
        sample: &Sample,
        show: &mut dyn FnMut(&str, &ValueView<'_>) -> Result<(), Error>,
    ) -> Result<Vec<(String, Array)>, RunError> {
        let inputs: Vec<(&str, Array)> = sample.iter().map(|(name, array)| (name.as_str(), array.clone())).collect();
        let outputs = runner.run(signature, &inputs, &mut |value| {
            self.take(value)?;
            show(self.keys.get(&value.id).map_or(value.name, String::as_str), value)
        })?;
        self.statistics.count_samples(1);
        Ok(outputs)
    }

    fn take(&mut self, value: &ValueView<'_>) -> Result<(), Error> {
        let key = self.keys.get(&value.id).map_or(value.name, String::as_str);
        self.statistics.observe(key, &value.values, self.factors.contains(&value.id))?;
        self.take_rows(value).map(|_| ())
    }

    /// Takes note of the rows that operators multiply; returns whether the value has any.
    fn take_rows(&mut self, value: &ValueView<'_>) -> Result<bool, Error> {
        let mut has_rows = false;
        for (number, rows) in self.rows.iter().enumerate() {
            if let Some(rows) = rows.taken_from(value) {
                self.statistics.observe_rows(number, rows.view())?;
                has_rows = true;
            }
        }
        Ok(has_rows)
    }

    /// Takes note of a value that a run elsewhere came to, of one sample or of several along the first axis, under its
    /// [key](Graph::keys); returns whether the model has a value of this key.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the channels of a value are not as many as before.
    pub fn observe_value(&mut self, key: &str, values: ArrayViewD<'_, f32>) -> Result<bool, Error> {
        let Some(id) = self.keys.iter().find(|(_, known)| *known == key).map(|(id, _)| *id) else { return Ok(false) };
        self.statistics.observe(key, &values, self.factors.contains(&id))?;
        if self.rows.is_empty() || values.ndim() == 0 {
            return Ok(true);
        }
        // Each sample by itself, as a run shows it: with an axis of length 1 in front, or where its own was longer, without.
        for sample in values.axis_chunks_iter(Axis(0), 1) {
            if !self.take_rows(&ValueView::new(id, key, sample.view()))? {
                self.take_rows(&ValueView::new(id, key, sample.index_axis(Axis(0), 0)))?;
            }
        }
        Ok(true)
    }

    /// Counts samples that were run elsewhere.
    pub fn count_samples(&mut self, samples: u64) {
        self.statistics.count_samples(samples);
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
    pub fn second_moments(&self) -> &[OperatorMoments] {
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
