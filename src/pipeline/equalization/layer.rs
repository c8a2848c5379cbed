//! Layers whose weights and biases may be scaled.

use crate::graph::{Attributes, ElementType, Layout, Op, Operator, Subgraph};
use std::collections::BTreeMap;

/// A layer with weights and perhaps a bias that nothing else uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layer {
    pub(crate) input: usize,
    pub(crate) output: usize,
    pub(crate) weights: usize,
    pub(crate) bias: Option<usize>,
    /// The axis of the weights that output channels lie along.
    pub(crate) output_axis: usize,
    /// The axis that input channels lie along.
    pub(crate) input_axis: usize,
    /// How many indices of the input's axis belong to a channel of the input, one behind the other: more than 1 in depthwise
    /// convolutions alone.
    pub(crate) multiplier: usize,
}

impl Layer {
    /// Returns an operator's layer; `None` if something else uses its weights or its bias.
    pub(crate) fn of(part: &Subgraph, operator: &Operator, uses: &BTreeMap<usize, usize>) -> Option<Self> {
        let (place, of_bias) = if operator.op == Op::TransposeConv { (2, 3) } else { (0, 2) };
        let (input, output) = (operator.input(place)?, *operator.outputs.first()?);
        let (weights, bias) = (operator.input(1)?, operator.input(of_bias));
        let ndim = part.values.get(weights)?.ndim()?;
        let output_axis = operator.weights_axis(1, ndim)?;
        let used = |value: usize| is_own(part, value, uses);
        if !used(weights) || bias.is_some_and(|bias| !used(bias)) {
            return None;
        }
        let multiplier = match &operator.attributes {
            Attributes::Window(window) if window.layout != Layout::ChannelsLast => return None,
            Attributes::Window(window) if operator.op == Op::DepthwiseConv => window.multiplier.max(1),
            _ => 1,
        };
        let input_axis = if operator.op == Op::DepthwiseConv { output_axis } else { ndim.checked_sub(1)? };
        Some(Self { input, output, weights, bias, output_axis, input_axis, multiplier })
    }
}

/// Whether a value is a constant that nothing else uses.
pub(crate) fn is_own(part: &Subgraph, value: usize, uses: &BTreeMap<usize, usize>) -> bool {
    let of_value = part.values.get(value);
    let constant = of_value.filter(|v| v.element_type == ElementType::F32).and_then(|v| v.constant.as_ref());
    constant.is_some_and(|constant| uses.get(&constant.storage) == Some(&1) && !constant.is_elsewhere)
        && !part.outputs.contains(&value)
}
