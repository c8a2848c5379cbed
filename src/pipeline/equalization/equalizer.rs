//! Channels of one range: what one layer's weights are divided by, the next ones' are multiplied with.

use super::channels::ChannelSets;
use super::constants::Constants;
use crate::error::Result;
use crate::graph::{Graph, Subgraph, ValueId};
use crate::model::tflite::{ElementType, Model, NewData, Replacement, TensorId};
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

    /// Returns the sets of channels of each subgraph, by its number, of those that are free.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (usize, &ChannelSets)> {
        self.parts.iter().enumerate().filter_map(|(subgraph, sets)| Some((subgraph, sets.as_ref()?)))
    }

    /// Scales channels by the factors of their sets, subgraph by subgraph, puts the new weights and biases into the model, and returns
    /// which constants these are: none where one of them could not be told in f32.
    ///
    /// The channels of a set are divided by one factor: the weights and biases that make them, by dividing; those that take them, by
    /// multiplying. The float model computes the same.
    ///
    /// # Errors
    ///
    /// Those of the edits.
    pub(crate) fn apply(
        &self,
        model: &mut Model,
        constants: &mut Constants,
        factors: &mut dyn FnMut(usize, &ChannelSets, &Constants) -> Vec<f32>,
    ) -> Result<BTreeSet<ValueId>> {
        let mut scaled = BTreeMap::new();
        for (subgraph, sets) in self.parts() {
            let factors = factors(subgraph, sets, constants);
            let of = |value: usize, channel: usize| {
                sets.set(value, channel).and_then(|set| factors.get(set)).copied().unwrap_or(1.0)
            };
            let mut scale = |value: usize, factor: &dyn Fn(usize, usize) -> f32, axes: &[usize]| {
                let id = ValueId { subgraph, value };
                let Some(old) = constants.get(id) else { return };
                let mut new = old.clone();
                for (number, &axis) in axes.iter().enumerate() {
                    self::scale(&mut new, axis, |c| factor(number, c));
                }
                if new != old {
                    scaled.insert(id, new);
                }
            };
            let is_here = |value: usize| constants.get(ValueId { subgraph, value }).is_some();
            for layer in sets.layers.iter().filter(|layer| is_here(layer.weights)) {
                let channels = sets.channels(layer.input).max(1);
                let of_input = |c: usize| of(layer.input, c / layer.multiplier % channels);
                let of_output = |c: usize| 1.0 / of(layer.output, c);
                let of_axis = |number, c| if number == 0 { of_input(c) } else { of_output(c) };
                scale(layer.weights, &of_axis, &[layer.input_axis, layer.output_axis]);
                if let Some(bias) = layer.bias {
                    scale(bias, &|_, c| of_output(c), &[0]);
                }
            }
            for &(constant, value) in &sets.added {
                let ndim = constants.get(ValueId { subgraph, value: constant }).map_or(0, ArrayD::ndim);
                scale(constant, &|_, c| 1.0 / of(value, c), &[ndim.saturating_sub(1)]);
            }
        }
        let is_told = |(id, new): (&ValueId, &ArrayD<f32>)| {
            let old = constants.get(*id).into_iter().flatten();
            new.iter().zip(old).all(|(new, old)| new.is_finite() || !old.is_finite())
        };
        if !scaled.iter().all(is_told) {
            return Ok(BTreeSet::new());
        }
        let ids = scaled.keys().copied().collect();
        for (id, values) in scaled {
            put(model, constants, id, values)?;
        }
        Ok(ids)
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
