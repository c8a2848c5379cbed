//! The values of a run, and gradients on their way back through its operators.

use crate::call::{Call, Limits};
use crate::frame::State;
use crate::ops::{Back, adjoint, before_activation};
use crate::tensor::{Data, Reason, Tensor};
use ndarray::{ArrayD, ArrayViewD, IxDyn};
use std::collections::BTreeMap;
use tensor_quant::calibration::{RunError, ValueView};
use tensor_quant::graph::{ElementType, Graph, Operator, Subgraph, ValueId};

/// A run of a subgraph.
pub(crate) struct Tape<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) state: &'a State,
    pub(crate) subgraph: usize,
    pub(crate) values: Vec<Option<Tensor>>,
    pub(crate) limits: Limits,
    /// Which values gradients are asked of.
    pub(crate) depends: Vec<bool>,
}

/// Returns which values change when weights do: what products with weights make, and what is made of that.
pub(crate) fn depends_on_weights(part: &Subgraph) -> Vec<bool> {
    let mut depends = vec![false; part.values.len()];
    for operator in &part.operators {
        let is_product = |(input, value): (usize, &Option<usize>)| {
            let value = value.and_then(|value| part.values.get(value));
            value.is_some_and(|value| value.ndim().is_some_and(|ndim| operator.weights_axis(input, ndim).is_some()))
        };
        let is_changed = operator.inputs.iter().flatten().any(|&value| depends[value]);
        if is_changed || operator.inputs.iter().enumerate().any(is_product) {
            // Shapes and positions stay as they are.
            let is_real = |output: usize| part.values.get(output).is_some_and(|value| value.element_type.is_float());
            operator.outputs.iter().for_each(|&output| depends[output] = is_real(output));
        }
    }
    depends
}

/// Returns the operators through which gradients would have to go and cannot, with how often there are any.
pub(crate) fn missing(graph: &Graph, subgraph: usize) -> Vec<String> {
    let Some(part) = graph.subgraphs.get(subgraph) else { return Vec::new() };
    let depends = depends_on_weights(part);
    // What leads to no output has no gradient.
    let mut leads = vec![false; part.values.len()];
    part.outputs.iter().for_each(|&output| leads[output] = true);
    let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
    for operator in part.operators.iter().rev() {
        if !operator.outputs.iter().any(|&output| leads[output]) {
            continue;
        }
        let inputs = || operator.inputs.iter().flatten();
        if adjoint(operator.op).is_none() && operator.outputs.iter().any(|&output| depends[output]) {
            *missing.entry(&operator.name).or_default() += 1;
        }
        inputs().for_each(|&value| leads[value] = true);
    }
    missing.into_iter().map(|(name, count)| format!("{name} backwards ({count} times)")).collect()
}

impl Tape<'_> {
    /// Takes gradients of some values back to all that these are made of, and shows those of the operators' outputs, each before the
    /// operator's own activation, until `show` returns that this is enough.
    pub(crate) fn pull(
        &self,
        seeds: Vec<(ValueId, ArrayD<f32>)>,
        show: &mut dyn FnMut(&ValueView<'_>) -> bool,
    ) -> Result<(), RunError> {
        let bad = |reason: String| RunError::Model { reason };
        let part = self.graph.subgraphs.get(self.subgraph).ok_or_else(|| bad("there is no such subgraph".into()))?;
        let depends = &self.depends;
        let mut gradients: Vec<Option<Vec<f32>>> = vec![None; part.values.len()];
        for (id, seed) in seeds {
            let len = self.values.get(id.value).and_then(Option::as_ref).map(Tensor::len);
            if id.subgraph != self.subgraph || len != Some(seed.len()) {
                return Err(bad(format!("a gradient of {} elements, of a value of {len:?}", seed.len())));
            }
            add(&mut gradients[id.value], seed.iter().copied().collect());
        }
        for (index, operator) in part.operators.iter().enumerate().rev() {
            let mut of_outputs: Vec<Option<Vec<f32>>> =
                operator.outputs.iter().map(|&output| gradients[output].take()).collect();
            if of_outputs.iter().all(Option::is_none) || !operator.outputs.iter().any(|&output| depends[output]) {
                continue;
            }
            let outputs: Option<Vec<Tensor>> =
                operator.outputs.iter().map(|&output| self.values.get(output).cloned().flatten()).collect();
            let Some(outputs) = outputs else { continue };
            let activation = operator.attributes.activation();
            for ((gradient, tensor), &output) in of_outputs.iter_mut().zip(&outputs).zip(&operator.outputs) {
                let (Some(gradient), Data::F32(elements)) = (gradient, tensor.data()) else { continue };
                before_activation(gradient, elements, activation);
                if let Ok(view) = ArrayViewD::from_shape(IxDyn(tensor.shape()), &gradient[..]) {
                    let id = ValueId { subgraph: self.subgraph, value: output };
                    if show(&ValueView::new(id, &part.values[output].name, view)) {
                        return Ok(());
                    }
                }
            }
            let wanted: Vec<bool> =
                operator.inputs.iter().map(|input| input.is_some_and(|value| depends[value])).collect();
            if !wanted.contains(&true) {
                continue;
            }
            let of_inputs = self.operator(part, operator, &outputs, &of_outputs, &wanted).map_err(|reason| {
                RunError::Operator { subgraph: self.subgraph, operator: index, name: operator.name.clone(), reason }
            })?;
            for ((input, gradient), wanted) in operator.inputs.iter().zip(of_inputs).zip(wanted) {
                if let (Some(value), Some(gradient), true) = (*input, gradient, wanted) {
                    add(&mut gradients[value], gradient);
                }
            }
        }
        Ok(())
    }

    fn operator(
        &self,
        part: &Subgraph,
        operator: &Operator,
        outputs: &[Tensor],
        gradients: &[Option<Vec<f32>>],
        wanted: &[bool],
    ) -> Result<Vec<Option<Vec<f32>>>, Reason> {
        let adjoint = adjoint(operator.op).ok_or("this runner lacks it backwards")?;
        let tensor = |value: usize| {
            let id = ValueId { subgraph: self.subgraph, value };
            let made = self.values.get(value).and_then(Option::as_ref).or_else(|| self.state.constant(id));
            made.cloned().ok_or_else(|| format!("{:?} has no value", part.values[value].name))
        };
        let inputs =
            operator.inputs.iter().map(|input| input.map(tensor).transpose()).collect::<Result<Vec<_>, _>>()?;
        let element_type = |value: usize| part.values[value].element_type;
        let input_types: Vec<Option<ElementType>> = operator.inputs.iter().map(|i| i.map(element_type)).collect();
        let output_types: Vec<ElementType> = operator.outputs.iter().map(|&output| element_type(output)).collect();
        let call = Call {
            operator,
            inputs: &inputs,
            input_types: &input_types,
            output_types: &output_types,
            grid: None,
            limits: self.limits,
            free: self.limits.held,
        };
        adjoint(&Back { call: &call, outputs, gradients, wanted })
    }
}

fn add(sum: &mut Option<Vec<f32>>, gradient: Vec<f32>) {
    match sum {
        Some(sum) => sum.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g),
        None => *sum = Some(gradient),
    }
}
