//! The constants of a model, as reals; and what restores some of them taken away.

use crate::error::Result;
use crate::graph::{Graph, Op, ValueId};
use crate::model::tflite::{ElementType, Model, NewData, Replacement, TensorId};
use crate::params::ValueRange;
use crate::recipe::integer::Ranges;
use ndarray::{ArrayD, IxDyn};
use std::collections::BTreeMap;

/// The constants of a model that are reals.
#[derive(Clone, Debug, Default)]
pub(crate) struct Constants {
    values: BTreeMap<ValueId, ArrayD<f32>>,
}

impl Constants {
    /// Reads the f32 constants of a model that operators take.
    pub(crate) fn read(model: &Model, graph: &Graph) -> Result<Self> {
        let mut values = BTreeMap::new();
        for (subgraph, part) in graph.subgraphs.iter().enumerate() {
            for operator in &part.operators {
                for &value in operator.inputs.iter().flatten() {
                    let id = ValueId { subgraph, value };
                    let Some(of_value) = part.values.get(value) else { continue };
                    let is_here = of_value.constant.as_ref().is_some_and(|constant| !constant.is_elsewhere);
                    if !is_here || of_value.element_type != crate::graph::ElementType::F32 || values.contains_key(&id) {
                        continue;
                    }
                    let bytes = model.dense_bytes(TensorId { subgraph, tensor: value })?;
                    let elements = bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
                    let shape = of_value.known_shape().unwrap_or_default();
                    // One that does not fill its shape has no range, and stays as it is.
                    if let Ok(array) = ArrayD::from_shape_vec(IxDyn(&shape), elements) {
                        values.insert(id, array);
                    }
                }
            }
        }
        Ok(Self { values })
    }

    pub(crate) fn get(&self, id: ValueId) -> Option<&ArrayD<f32>> {
        self.values.get(&id)
    }

    /// Puts other elements in place of a constant's.
    pub(crate) fn set(&mut self, id: ValueId, values: ArrayD<f32>) {
        self.values.insert(id, values);
    }

    /// Returns the ranges of those constants whose elements are all finite, and that have some.
    pub(crate) fn ranges(&self) -> Ranges {
        let range = |values: &ArrayD<f32>| {
            let (mut min, mut max) = (f32::INFINITY, f32::NEG_INFINITY);
            for &x in values {
                if !x.is_finite() {
                    return None;
                }
                (min, max) = (min.min(x), max.max(x));
            }
            ValueRange::new(min, max).ok()
        };
        self.values.iter().filter_map(|(id, values)| Some((*id, range(values)?))).collect()
    }
}

/// Takes the operators out that restore constants: `DEQUANTIZE` of float16, `DENSIFY` of sparse ones, and one behind the other. What used
/// their outputs finds f32 constants there. Returns how many there were.
pub(crate) fn fold(model: &mut Model) -> Result<usize> {
    let mut folded = 0;
    loop {
        match fold_once(model)? {
            0 => return Ok(folded),
            more => folded += more,
        }
    }
}

/// Takes those out whose inputs are constants.
fn fold_once(model: &mut Model) -> Result<usize> {
    use crate::graph::ElementType::{F16, F32};
    let graph = model.graph();
    let mut folded = 0;
    for (subgraph, part) in graph.subgraphs.iter().enumerate() {
        let mut out = Vec::new();
        for (number, operator) in part.operators.iter().enumerate() {
            let (Some(input), &[output]) = (operator.input(0), &operator.outputs[..]) else { continue };
            let (Some(from), Some(to)) = (part.values.get(input), part.values.get(output)) else { continue };
            let becomes = match (operator.op, from.element_type, to.element_type) {
                (Op::Dequantize, F16, F32) | (Op::Densify, F16 | F32, F32) => ElementType::F32,
                (Op::Densify, F16, F16) => ElementType::F16,
                _ => continue,
            };
            let is_here = from.constant.as_ref().is_some_and(|constant| !constant.is_elsewhere);
            if !is_here || part.outputs.contains(&output) {
                continue;
            }
            let bytes = model.dense_bytes(TensorId { subgraph, tensor: input })?;
            let is_widened = from.element_type != to.element_type;
            let data = NewData::Bytes(if is_widened { widened(&bytes) } else { bytes });
            let replacement = Replacement { element_type: becomes, scales: None, data };
            model.replace(TensorId { subgraph, tensor: output }, replacement)?;
            out.push((number, input));
        }
        if out.is_empty() {
            continue;
        }
        let numbers: Vec<usize> = out.iter().map(|(number, _)| *number).collect();
        model.remove_operators(subgraph, &numbers)?;
        folded += numbers.len();
        // What nothing uses any longer is not carried along.
        let used = |tensor: usize| {
            let mut operators = part.operators.iter().enumerate().filter(|(number, _)| !numbers.contains(number));
            operators.any(|(_, operator)| operator.inputs.contains(&Some(tensor))) || part.outputs.contains(&tensor)
        };
        for (_, input) in out.iter().filter(|(_, input)| !used(*input)) {
            model.clear_data(TensorId { subgraph, tensor: *input })?;
        }
    }
    Ok(folded)
}

fn widened(halves: &[u8]) -> Vec<u8> {
    let floats = halves.as_chunks().0.iter().map(|&bytes| crate::num::f16::from_le_bytes(bytes));
    floats.flat_map(|half| crate::num::Real::to_f32(half).to_le_bytes()).collect()
}
