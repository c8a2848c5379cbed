//! Channels of one range: what one layer's weights are divided by, the next one's are multiplied with.

use super::constants::Constants;
use super::statistics::Statistics;
use crate::error::Result;
use crate::graph::{Activation, Attributes, Graph, Op, Operator, Subgraph, ValueId};
use crate::model::tflite::{ElementType, Model, NewData, Replacement, TensorId};
use ndarray::{ArrayD, Axis};
use std::collections::BTreeMap;

/// The most that a channel is stretched or shrunk.
const MOST: f32 = 256.0;

/// Scales channels between pairs of layers so that activations and weights have ranges of the same width, and puts the
/// new weights and biases into the model; returns how many pairs there were.
///
/// Between the layers stands nothing, or what commutes with positive factors: RELU, PRELU, pools, padding with zeros, a
/// mean over places, a reshape that keeps channels together. With aᶜ the largest magnitude of channel c and bᶜ that of the weights it is
/// multiplied with, the first layer's channel is divided by √(aᶜ / bᶜ) and the second one's multiplied: both are then √(aᶜ bᶜ). (Nagel et
/// al., "Data-Free Quantization through Weight Equalization and Bias Correction", 2019, § 4.1, with activations in place of the
/// first layer's weights, whose channels have scales of their own here.) The float model computes the same.
///
/// # Errors
///
/// Those of the edits.
pub(crate) fn equalize(
    model: &mut Model,
    graph: &Graph,
    constants: &mut Constants,
    statistics: &Statistics,
) -> Result<usize> {
    let mut uses: BTreeMap<usize, usize> = BTreeMap::new();
    for part in &graph.subgraphs {
        for value in part.operators.iter().flat_map(|operator| operator.inputs.iter().flatten()) {
            if let Some(constant) = part.values.get(*value).and_then(|v| v.constant.as_ref()) {
                *uses.entry(constant.storage).or_insert(0) += 1;
            }
        }
    }
    let mut pairs = 0;
    for (subgraph, part) in graph.subgraphs.iter().enumerate() {
        let consumers = part.consumers();
        for first in &part.operators {
            let Some(a) = Layer::of(part, first, &uses) else { continue };
            if !matches!(first.attributes.activation(), Activation::None | Activation::Relu) {
                continue;
            }
            let Some((second, input)) = next_layer(part, first, &consumers) else { continue };
            let Some(b) = Layer::of(part, second, &uses) else { continue };
            let id = |value: usize| ValueId { subgraph, value };
            let (Some(wa), Some(wb)) = (constants.get(id(a.weights)), constants.get(id(b.weights))) else { continue };
            let Some(largest) = statistics.largest(id(input)) else { continue };
            let channels = wa.shape().get(a.output_axis).copied().unwrap_or(0);
            let Some(factors) = factors(channels, largest, wb, &b) else { continue };
            let (mut wa, mut wb) = (wa.clone(), wb.clone());
            scale(&mut wa, a.output_axis, |c| factors.get(c).map_or(1.0, |s| 1.0 / s));
            scale(&mut wb, b.input_axis, |c| factors.get(b.channel(c, channels)).copied().unwrap_or(1.0));
            if let Some(bias) = a.bias {
                let Some(mut values) = constants.get(id(bias)).cloned() else { continue };
                scale(&mut values, 0, |c| factors.get(c).map_or(1.0, |s| 1.0 / s));
                put(model, constants, id(bias), values)?;
            }
            put(model, constants, id(a.weights), wa)?;
            put(model, constants, id(b.weights), wb)?;
            pairs += 1;
        }
    }
    Ok(pairs)
}

fn put(model: &mut Model, constants: &mut Constants, id: ValueId, values: ArrayD<f32>) -> Result<()> {
    let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let replacement = Replacement { element_type: ElementType::F32, scales: None, data: NewData::Bytes(bytes) };
    model.replace(TensorId { subgraph: id.subgraph, tensor: id.value }, replacement)?;
    constants.set(id, values);
    Ok(())
}

/// A layer with weights.
#[derive(Clone, Copy, Debug)]
struct Layer {
    op: Op,
    weights: usize,
    output_axis: usize,
    input_axis: usize,
    multiplier: usize,
    bias: Option<usize>,
}

impl Layer {
    /// Returns a layer whose weights and bias nothing else uses.
    fn of(part: &Subgraph, operator: &Operator, uses: &BTreeMap<usize, usize>) -> Option<Self> {
        let place = match operator.op {
            Op::Conv | Op::DepthwiseConv | Op::FullyConnected | Op::TransposeConv => 1,
            _ => return None,
        };
        let is_own = |value: usize| {
            let constant = part.values.get(value).and_then(|v| v.constant.as_ref());
            constant.is_some_and(|constant| uses.get(&constant.storage) == Some(&1))
        };
        let weights = operator.input(place)?;
        let ndim = part.values.get(weights)?.ndim()?;
        let output_axis = operator.weights_axis(place, ndim)?;
        let bias = operator.input(if operator.op == Op::TransposeConv { 3 } else { 2 });
        if !is_own(weights) || bias.is_some_and(|bias| !is_own(bias)) || part.outputs.contains(&weights) {
            return None;
        }
        let multiplier = match &operator.attributes {
            Attributes::Window(window) => window.multiplier.max(1),
            _ => 1,
        };
        let input_axis = if operator.op == Op::DepthwiseConv { output_axis } else { ndim.checked_sub(1)? };
        Some(Self { op: operator.op, weights, output_axis, input_axis, multiplier, bias })
    }

    /// Returns the channel of the layer before that an index of the input axis belongs to.
    fn channel(&self, index: usize, channels: usize) -> usize {
        let index = if self.op == Op::DepthwiseConv { index / self.multiplier } else { index };
        index % channels.max(1)
    }
}

/// Returns the only layer behind a layer's output, through what commutes with positive factors, and its input.
fn next_layer<'a>(
    part: &'a Subgraph,
    first: &Operator,
    consumers: &[Vec<(usize, usize)>],
) -> Option<(&'a Operator, usize)> {
    let mut value = *first.outputs.first()?;
    for _ in 0..part.operators.len() {
        if part.outputs.contains(&value) {
            return None;
        }
        let [(user, input)] = consumers.get(value)?[..] else { return None };
        let operator = part.operators.get(user)?;
        let is_data = input == if operator.op == Op::TransposeConv { 2 } else { 0 };
        if !is_data {
            return None;
        }
        match operator.op {
            Op::Conv | Op::DepthwiseConv | Op::FullyConnected | Op::TransposeConv => return Some((operator, value)),
            Op::Relu | Op::PRelu | Op::LeakyRelu | Op::MaxPool | Op::AveragePool | Op::Pad | Op::Mean | Op::Reshape => {
            }
            _ => return None,
        }
        if !matches!(operator.attributes.activation(), Activation::None | Activation::Relu) {
            return None;
        }
        let channels = |value: usize| part.values.get(value)?.shape.as_ref()?.last().copied().flatten();
        let next = *operator.outputs.first()?;
        let (before, after) = (channels(value)?, channels(next)?);
        // A mean over channels, or a reshape that takes them apart.
        let keeps = if operator.op == Op::Reshape { before > 0 && after % before == 0 } else { before == after };
        if !keeps || (operator.op == Op::Mean && !is_mean_over_places(part, operator)) {
            return None;
        }
        value = next;
    }
    None
}

/// Whether a mean leaves the last axis, by the numbers of dimensions and lengths alone.
fn is_mean_over_places(part: &Subgraph, operator: &Operator) -> bool {
    let ndim = |value: usize| part.values.get(value).and_then(crate::graph::Value::ndim);
    let (Some(input), Some(&output)) = (operator.input(0), operator.outputs.first()) else { return false };
    let axes =
        operator.input(1).and_then(|axes| part.values.get(axes)?.known_shape()).map(|shape| shape.iter().product());
    // Height and width of four axes; which ones they are follows from the length that stays.
    (ndim(input), ndim(output), axes) == (Some(4), Some(2), Some(2))
        || (ndim(input), ndim(output), axes) == (Some(4), Some(4), Some(2))
}

/// Returns what the channels of the first layer are divided by; `None` if there is nothing to gain, or lengths do not fit.
fn factors(channels: usize, largest: &[f32], wb: &ArrayD<f32>, b: &Layer) -> Option<Vec<f32>> {
    if channels == 0 || largest.is_empty() || !largest.len().is_multiple_of(channels) {
        return None;
    }
    let mut of_values = vec![0.0_f32; channels];
    for (index, &x) in largest.iter().enumerate() {
        of_values[index % channels] = of_values[index % channels].max(x);
    }
    let mut of_weights = vec![0.0_f32; channels];
    let length = *wb.shape().get(b.input_axis)?;
    if b.op != Op::DepthwiseConv && length != largest.len() {
        return None;
    }
    for index in 0..length {
        let row = wb.index_axis(Axis(b.input_axis), index);
        let largest = row.iter().fold(0.0_f32, |largest, w| largest.max(w.abs()));
        let channel = b.channel(index, channels);
        of_weights[channel] = of_weights[channel].max(largest);
    }
    let widest = of_values.iter().copied().fold(0.0, f32::max);
    let factor = |(&a, &w): (&f32, &f32)| {
        if a <= widest / 1e6 || w <= 0.0 || !a.is_finite() {
            return 1.0;
        }
        // Channels of a depthwise layer have scales of their own: its weights cost nothing.
        let by = if b.op == Op::DepthwiseConv { a / widest } else { (a / w).sqrt() };
        if by.is_finite() { by.clamp(1.0 / MOST, MOST) } else { 1.0 }
    };
    Some(of_values.iter().zip(&of_weights).map(factor).collect())
}

fn scale(values: &mut ArrayD<f32>, axis: usize, factor: impl Fn(usize) -> f32) {
    for (index, mut row) in values.axis_iter_mut(Axis(axis)).enumerate() {
        let factor = factor(index);
        row.mapv_inplace(|x| x * factor);
    }
}
