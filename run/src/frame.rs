//! One run of a subgraph.

use crate::call::{Call, Limits};
use crate::codes::{Halves, grid, to_codes};
use crate::constants::constant;
use crate::meter::Meter;
use crate::ops::compute;
use crate::program::Program;
use crate::tensor::{Data, Reason, Tensor};
use ndarray::{ArrayD, ArrayViewD, IxDyn};
use std::collections::{HashMap, HashSet};
use tensor_quant::calibration::{Observe, Replace, RunError, ValueView};
use tensor_quant::graph::{Attributes, ElementType, Op, Operator, Subgraph, ValueId};
use tensor_quant::model::tflite::TensorId;

/// How deep subgraphs may run each other.
const DEPTH: usize = 16;

/// What is kept from one run to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    constants: HashMap<ValueId, Tensor>,
    variables: HashMap<String, Tensor>,
    /// What constants, variables and the values of a run take.
    meter: Meter,
    /// The subgraphs that run once, and have.
    has_run: HashSet<usize>,
}

impl State {
    /// Returns a constant that a run came to.
    pub(crate) fn constant(&self, id: ValueId) -> Option<&Tensor> {
        self.constants.get(&id)
    }

    /// Forgets variables, and what was done to set them.
    pub(crate) fn reset(&mut self) {
        self.variables.clear();
        self.has_run.clear();
    }
}

/// A run: what all its subgraphs have in common.
pub(crate) struct Run<'a, 'b> {
    pub(crate) program: &'a Program,
    pub(crate) state: &'a mut State,
    pub(crate) observe: &'a mut Observe<'b>,
    /// What values are replaced by, if they are.
    pub(crate) replace: Option<&'a mut Replace<'b>>,
    pub(crate) limits: Limits,
    /// Operators that may still run.
    pub(crate) left: u64,
    /// Where all values of the first subgraph are left, if they are kept.
    pub(crate) tape: Option<&'a mut Vec<Option<Tensor>>>,
}

/// Why an operator failed: its own reason, or what a subgraph or an observer came to.
enum Failure {
    Reason(Reason),
    Whole(RunError),
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Self::Reason(reason)
    }
}

impl From<&str> for Failure {
    fn from(reason: &str) -> Self {
        Self::Reason(reason.into())
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::Whole(error)
    }
}

impl Run<'_, '_> {
    /// Runs a subgraph on its inputs, in their order, and returns its outputs.
    pub(crate) fn subgraph(
        &mut self,
        number: usize,
        inputs: Vec<Tensor>,
        depth: usize,
    ) -> Result<Vec<Tensor>, RunError> {
        let program = self.program;
        let bad = |reason: String| RunError::Model { reason };
        let part = program.graph.subgraphs.get(number).ok_or_else(|| bad(format!("there is no subgraph {number}")))?;
        if depth > DEPTH {
            return Err(bad(format!("subgraphs run each other more than {DEPTH} deep")));
        }
        if inputs.len() != part.inputs.len() {
            let (given, taken) = (inputs.len(), part.inputs.len());
            return Err(bad(format!("subgraph {number} takes {taken} inputs, and is given {given}")));
        }
        let mut values: Vec<Option<Tensor>> = vec![None; part.values.len()];
        for (&input, tensor) in part.inputs.iter().zip(inputs) {
            values[input] = Some(self.take(number, part, input, tensor)?);
        }
        for (index, operator) in part.operators.iter().enumerate() {
            self.left = self
                .left
                .checked_sub(1)
                .ok_or_else(|| bad(format!("the run is longer than {} operators", self.limits.operators)))?;
            let outputs = self.operator(number, part, operator, &values, depth).map_err(|failure| match failure {
                Failure::Whole(error) => error,
                Failure::Reason(reason) => {
                    let name = operator.name.clone();
                    RunError::Operator { subgraph: number, operator: index, name, reason }
                }
            })?;
            for (&output, tensor) in operator.outputs.iter().zip(outputs) {
                values[output] = Some(self.take(number, part, output, tensor)?);
            }
            if depth > 0 || self.tape.is_none() {
                program.done[number][index].iter().for_each(|&value| values[value] = None);
            }
        }
        let output = |&output: &usize| match values[output].clone() {
            Some(tensor) => Ok(tensor),
            None => self.constant(number, part, output).map_err(bad),
        };
        let outputs = part.outputs.iter().map(output).collect();
        if depth == 0
            && let Some(tape) = &mut self.tape
        {
            **tape = values;
        }
        outputs
    }

    fn operator(
        &mut self,
        number: usize,
        part: &Subgraph,
        operator: &Operator,
        values: &[Option<Tensor>],
        depth: usize,
    ) -> Result<Vec<Tensor>, Failure> {
        let mut inputs = Vec::with_capacity(operator.inputs.len());
        for input in &operator.inputs {
            inputs.push(match *input {
                None => None,
                Some(value) => Some(match &values[value] {
                    Some(tensor) => tensor.clone(),
                    // The state of a recurrent layer, whose runs start with zeros.
                    None if part.values[value].is_variable => {
                        inputs.push(None);
                        continue;
                    }
                    None => self.constant(number, part, value)?,
                }),
            });
        }
        if let Some(outputs) = self.control(operator, &inputs, depth)? {
            return Ok(outputs);
        }
        let compute = compute(operator.op).ok_or("this runner lacks it")?;
        if operator.op == Op::Cast
            && let (Some(Some(tensor)), Some(value)) = (inputs.first_mut(), operator.input(0))
        {
            *tensor = to_codes(tensor, &part.values[value])?;
        }
        let element_type = |value: usize| part.values[value].element_type;
        let input_types: Vec<Option<ElementType>> =
            operator.inputs.iter().map(|input| input.map(element_type)).collect();
        let output_types: Vec<ElementType> = operator.outputs.iter().map(|&output| element_type(output)).collect();
        let first = operator.input(0).and_then(|input| grid(&part.values[input]));
        let call = Call {
            operator,
            inputs: &inputs,
            input_types: &input_types,
            output_types: &output_types,
            grid: first.filter(|_| first == operator.outputs.first().and_then(|&output| grid(&part.values[output]))),
            limits: self.limits,
            free: self.free(),
        };
        let outputs = compute(&call)?;
        if outputs.len() < operator.outputs.len() {
            return Err(format!("{} outputs, where it makes {}", operator.outputs.len(), outputs.len()).into());
        }
        drop(inputs);
        let on_grid = operator.outputs.iter().zip(outputs).map(|(&output, tensor)| {
            let value = &part.values[output];
            match (grid(value), tensor.data()) {
                // What was only moved lies on the grid.
                (Some(to), Data::F32(_)) if operator.op.moves_data() && first == Some(to) => Ok(tensor),
                (Some(grid), Data::F32(_)) => {
                    let shape = tensor.shape().to_vec();
                    let mut x = tensor.into_elements()?;
                    grid.snap(&mut x, if operator.op == Op::Quantize { Halves::Even } else { Halves::Away });
                    Tensor::of(shape, x)
                }
                _ => Ok(tensor),
            }
        });
        Ok(on_grid.collect::<Result<_, Reason>>()?)
    }

    /// Runs operators that run others, or that keep something.
    fn control(
        &mut self,
        operator: &Operator,
        inputs: &[Option<Tensor>],
        depth: usize,
    ) -> Result<Option<Vec<Tensor>>, Failure> {
        let all = || -> Result<Vec<Tensor>, Reason> {
            inputs.iter().map(|input| input.clone().ok_or_else(|| "an input is absent".into())).collect()
        };
        let outputs = match (operator.op, &operator.attributes) {
            (Op::If, &Attributes::If { then, otherwise }) => {
                let mut inputs = all()?;
                if inputs.is_empty() {
                    return Err("there is no condition".into());
                }
                let is_true = truth(&inputs.remove(0))?;
                self.subgraph(if is_true { then } else { otherwise }, inputs, depth + 1)?
            }
            (Op::While, &Attributes::While { condition, body }) => {
                let mut values = all()?;
                loop {
                    let outputs = self.subgraph(condition, values.clone(), depth + 1)?;
                    if !truth(outputs.first().ok_or("a condition without outputs")?)? {
                        break values;
                    }
                    // A loop of empty subgraphs ends as well.
                    self.left = self.left.checked_sub(1).ok_or("the loop is longer than the limit")?;
                    values = self.subgraph(body, values, depth + 1)?;
                }
            }
            (Op::Call, &Attributes::Call(other)) => self.subgraph(other, all()?, depth + 1)?,
            (Op::CallOnce, &Attributes::Call(other)) => {
                if self.state.has_run.insert(other) {
                    self.subgraph(other, Vec::new(), depth + 1)?;
                }
                Vec::new()
            }
            (Op::VarHandle, Attributes::Variable { container, name }) => {
                vec![Tensor::variable(format!("{container}/{name}"))]
            }
            (Op::ReadVariable, _) => {
                let name = variable(inputs)?;
                let content = self.state.variables.get(name);
                vec![content.cloned().ok_or_else(|| format!("variable {name:?} has no content yet"))?]
            }
            (Op::AssignVariable, _) => {
                let content = inputs.get(1).cloned().flatten().ok_or("there is no content")?;
                self.state.variables.insert(variable(inputs)?.to_owned(), content);
                Vec::new()
            }
            _ => return Ok(None),
        };
        if outputs.len() < operator.outputs.len() {
            return Err(format!("{} outputs, where {} are due", outputs.len(), operator.outputs.len()).into());
        }
        Ok(Some(outputs))
    }

    /// Returns a constant, which is read once.
    fn constant(&mut self, number: usize, part: &Subgraph, value: usize) -> Result<Tensor, Reason> {
        let id = ValueId { subgraph: number, value };
        if let Some(tensor) = self.state.constants.get(&id) {
            return Ok(tensor.clone());
        }
        let of_value = &part.values[value];
        let named = |reason: String| format!("{:?}: {reason}", of_value.name);
        // A tensor without elements has no data.
        let is_empty = of_value.known_shape().is_some_and(|shape| shape.contains(&0));
        let elements: Option<usize> =
            of_value.known_shape().and_then(|shape| shape.iter().try_fold(1_usize, |n, &len| n.checked_mul(len)));
        if elements.is_some_and(|elements| elements > self.free()) {
            let shape = of_value.known_shape().unwrap_or_default();
            let free = self.free();
            return Err(named(format!("a constant of shape {shape:?}, where {free} elements more may be held")));
        }
        let bytes = match &of_value.constant {
            Some(_) => {
                let bytes = self.program.model.dense_bytes(TensorId { subgraph: number, tensor: value });
                bytes.map_err(|error| error.to_string())?
            }
            None if is_empty => Vec::new(),
            None => return Err(named("no operator made this value, and it is no constant".into())),
        };
        let tensor = constant(of_value, &bytes).map_err(named)?;
        tensor.hold(&self.state.meter);
        self.state.constants.insert(id, tensor.clone());
        Ok(tensor)
    }

    /// The most elements that may be held: a file justifies four for each of its bytes, which may be codes of two bits.
    fn most(&self) -> usize {
        let of_file = self.program.model.size_in_bytes().saturating_mul(4);
        usize::try_from(of_file).unwrap_or(usize::MAX).saturating_add(self.limits.held)
    }

    /// Returns how many elements more may be held.
    fn free(&self) -> usize {
        self.most().saturating_sub(self.state.meter.held())
    }

    /// Shows a value, and counts what is held from now on.
    fn take(&mut self, subgraph: usize, part: &Subgraph, value: usize, tensor: Tensor) -> Result<Tensor, RunError> {
        let tensor = self.show(subgraph, part, value, tensor)?;
        tensor.hold(&self.state.meter);
        if self.state.meter.held() > self.most() {
            let (name, shape) = (&part.values[value].name, tensor.shape());
            let (held, most) = (self.state.meter.held(), self.most());
            let reason = format!("with {name:?} of shape {shape:?}, {held} elements are held, where {most} may be");
            return Err(RunError::Model { reason });
        }
        Ok(tensor)
    }

    /// Shows a value, if it is of reals, and returns it or what it is replaced by.
    fn show(&mut self, subgraph: usize, part: &Subgraph, value: usize, tensor: Tensor) -> Result<Tensor, RunError> {
        let Data::F32(elements) = tensor.data() else { return Ok(tensor) };
        let shape = IxDyn(tensor.shape());
        let Ok(view) = ArrayViewD::from_shape(shape, elements) else { return Ok(tensor) };
        let view = ValueView::new(ValueId { subgraph, value }, &part.values[value].name, view);
        (self.observe)(&view).map_err(RunError::Other)?;
        let Some(other) = self.replace.as_mut().and_then(|replace| replace(&view)) else { return Ok(tensor) };
        let shape = other.shape().to_vec();
        Tensor::of(shape, row_major(other)).map_err(|reason| RunError::Model { reason })
    }
}

/// Returns the elements of an array in row-major order.
fn row_major(array: ArrayD<f32>) -> Vec<f32> {
    if !array.is_standard_layout() {
        return array.iter().copied().collect();
    }
    let len = array.len();
    let (mut elements, first) = array.into_raw_vec_and_offset();
    elements.drain(..first.unwrap_or(0).min(elements.len()));
    elements.truncate(len);
    elements
}

fn truth(tensor: &Tensor) -> Result<bool, Reason> {
    match tensor.elements::<bool>()? {
        &[truth] => Ok(truth),
        more => Err(format!("a condition of {} truths", more.len())),
    }
}

fn variable(inputs: &[Option<Tensor>]) -> Result<&str, Reason> {
    match inputs.first().and_then(Option::as_ref).map(Tensor::data) {
        Some(Data::Variable(name)) => Ok(name),
        _ => Err("its first input is no variable".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Axis, Slice};

    #[test]
    fn elements_of_arrays_that_are_part_of_others_are_theirs_alone() {
        let whole = Array2::from_shape_fn((4, 3), |(i, j)| (10 * i + j) as f32);
        let expected = |array: &ArrayD<f32>| array.iter().copied().collect::<Vec<_>>();
        for (axis, slice) in
            [(0, Slice::from(1..3)), (0, Slice::from(2..)), (1, Slice::from(1..)), (0, Slice::from(4..))]
        {
            let mut part = whole.clone();
            part.slice_axis_inplace(Axis(axis), slice);
            for array in [part.clone().into_dyn(), part.reversed_axes().into_dyn()] {
                assert_eq!(row_major(array.clone()), expected(&array), "{array:?}");
            }
        }
        let mut turned = whole.into_dyn();
        turned.invert_axis(Axis(0));
        assert_eq!(row_major(turned.clone()), expected(&turned));
        assert_eq!(row_major(ArrayD::from_elem(vec![], 7.0)), [7.0]);
    }
}
