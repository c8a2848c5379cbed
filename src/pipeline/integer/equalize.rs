//! Channels of one range: what one layer's weights are divided by, the next ones' are multiplied with.

use super::balance::Balance;
use super::channels::ChannelSets;
use super::constants::Constants;
use super::statistics::Statistics;
use crate::error::Result;
use crate::graph::{Graph, Subgraph, ValueId};
use crate::model::tflite::{ElementType, Model, NewData, Replacement, TensorId};
use crate::recipe::integer::Width;
use ndarray::{ArrayD, Axis};
use std::collections::{BTreeMap, BTreeSet};

/// Which channels of a model can be scaled.
#[derive(Debug)]
pub(crate) struct Equalizer {
    parts: Vec<Option<ChannelSets>>,
}

impl Equalizer {
    /// Returns the channels of a model that can be scaled without changing what it computes.
    pub(crate) fn new(model: &Model, graph: &Graph) -> Self {
        let mut uses: BTreeMap<usize, usize> = BTreeMap::new();
        for part in &graph.subgraphs {
            for value in part.operators.iter().flat_map(|operator| operator.inputs.iter().flatten()) {
                if let Some(constant) = part.values.get(*value).and_then(|v| v.constant.as_ref()) {
                    *uses.entry(constant.storage).or_insert(0) += 1;
                }
            }
        }
        let called: BTreeSet<usize> = graph
            .subgraphs
            .iter()
            .flat_map(|part| part.operators.iter().flat_map(|operator| operator.attributes.subgraphs()))
            .collect();
        let sets = |(subgraph, part): (usize, &Subgraph)| {
            let numbers = |value: Option<usize>| {
                let bytes = model.dense_bytes(TensorId { subgraph, tensor: value? }).ok()?;
                Some(bytes.as_chunks().0.iter().map(|&bytes| i32::from_le_bytes(bytes)).collect::<Vec<_>>())
            };
            (!called.contains(&subgraph)).then(|| ChannelSets::new(part, &uses, &numbers))
        };
        Self { parts: graph.subgraphs.iter().enumerate().map(sets).collect() }
    }

    /// Returns the values whose channels have to be observed.
    pub(crate) fn values(&self) -> BTreeSet<ValueId> {
        let mut values = BTreeSet::new();
        for (subgraph, sets) in self.parts.iter().enumerate() {
            let Some(sets) = sets else { continue };
            values.extend(
                (0..sets.values()).filter(|&value| sets.is_free(value)).map(|value| ValueId { subgraph, value }),
            );
        }
        values
    }

    /// Scales channels so that outputs are expected to lose least, puts the new weights and biases into the model, and returns how many
    /// channels have a factor other than 1.
    ///
    /// The channels of a set are divided by one s: the weights and biases that make them, by dividing; those that take them, by
    /// multiplying. The float model computes the same. (Nagel et al., "Data-Free Quantization through Weight Equalization and Bias
    /// Correction", 2019, § 4.1, there for pairs of layers and from weights alone.)
    ///
    /// Let a be the share of a tensor's range that a channel uses, the largest of those of the set. With s = a every channel uses all of
    /// it: no tensor's step gets wider, and errors of the channel's codes are a times what they were. What is multiplied with them has
    /// larger channels beside smaller weights then, and loses more by its own codes. So s = aᵅ w⁻ᵝ, with the exponents for which
    /// Σ (Δ² Σᵢ sᵢ² Eᵢ + Σₒ δₒ² Σᵢ Pᵢ / sᵢ²) / S is smallest: Δ and δₒ are the steps of activations and of a row of weights, E the squares of
    /// weights, P the variances of channels, and S the power of the layer's outputs.
    ///
    /// # Errors
    ///
    /// Those of the edits.
    pub(crate) fn apply(
        &self,
        model: &mut Model,
        graph: &Graph,
        constants: &mut Constants,
        statistics: &Statistics,
        width: Width,
    ) -> Result<usize> {
        let mut count = 0;
        for (subgraph, sets) in self.parts.iter().enumerate() {
            let (Some(sets), Some(part)) = (sets, graph.subgraphs.get(subgraph)) else { continue };
            let groups = part.scale_groups();
            let balance = Balance::new(subgraph, sets, constants, statistics, &groups);
            let factors = balance.best(width);
            let of = |value: usize, channel: usize| sets.set(value, channel).map_or(1.0, |set| factors[set]);
            count += factors.iter().filter(|&&factor| factor != 1.0).count();
            for layer in &sets.layers {
                let id = |value: usize| ValueId { subgraph, value };
                let Some(mut weights) = constants.get(id(layer.weights)).cloned() else { continue };
                let channels = sets.channels(layer.input).max(1);
                scale(&mut weights, layer.input_axis, |c| of(layer.input, c / layer.multiplier % channels));
                scale(&mut weights, layer.output_axis, |c| 1.0 / of(layer.output, c));
                put(model, constants, id(layer.weights), weights)?;
                if let Some(bias) = layer.bias
                    && let Some(mut values) = constants.get(id(bias)).cloned()
                {
                    scale(&mut values, 0, |c| 1.0 / of(layer.output, c));
                    put(model, constants, id(bias), values)?;
                }
            }
            for &(constant, value) in &sets.added {
                let id = ValueId { subgraph, value: constant };
                if let Some(mut values) = constants.get(id).cloned() {
                    let axis = values.ndim().saturating_sub(1);
                    scale(&mut values, axis, |c| 1.0 / of(value, c));
                    put(model, constants, id, values)?;
                }
            }
        }
        Ok(count)
    }
}

fn put(model: &mut Model, constants: &mut Constants, id: ValueId, values: ArrayD<f32>) -> Result<()> {
    let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let replacement = Replacement { element_type: ElementType::F32, scales: None, data: NewData::Bytes(bytes) };
    model.replace(TensorId { subgraph: id.subgraph, tensor: id.value }, replacement)?;
    constants.set(id, values);
    Ok(())
}

fn scale(values: &mut ArrayD<f32>, axis: usize, factor: impl Fn(usize) -> f32) {
    if axis < values.ndim() {
        for (index, mut row) in values.axis_iter_mut(Axis(axis)).enumerate() {
            let factor = factor(index);
            row.mapv_inplace(|x| x * factor);
        }
    }
}
