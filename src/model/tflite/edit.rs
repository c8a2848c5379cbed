//! Changing a model: other values for a constant, `DEQUANTIZE` in front of its users, versions of operators.

use super::constant::{TensorId, Use};
use super::control_edges::Moved;
use super::element_type::ElementType;
use super::model::{Model, shape_of};
use super::names::DEQUANTIZE;
use super::operator::role;
use super::schema::{
    BUFFER, FULLY_CONNECTED_OPTIONS, OPERATOR, QUANTIZATION, buffer, fully_connected, model, operator as op,
    operator_code, quantization, subgraph, tensor,
};
use super::tree::{Child, Data, Table, Vector};
use super::writer::OUTSIDE;
use crate::error::{Error, Result};
use crate::model::error::ModelError;
use std::collections::HashMap;

/// What a constant becomes.
#[derive(Clone, Debug, PartialEq)]
pub struct Replacement {
    /// The type of the new elements.
    pub element_type: ElementType,
    /// A scale for each index along an axis, or one for all; zero points are 0. None for floating-point elements.
    pub scales: Option<(Vec<f32>, usize)>,
    /// The elements.
    pub data: NewData,
}

/// Where the elements of a [`Replacement`] come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewData {
    /// Here they are.
    Bytes(Vec<u8>),
    /// The same as those of a constant that was replaced before: they are stored once.
    Of(TensorId),
}

impl Model {
    /// Gives a constant other values, of another type.
    ///
    /// A buffer that other tensors share stays as it is for them. What no tensor refers to any longer is emptied.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`].
    pub fn replace(&mut self, id: TensorId, replacement: Replacement) -> Result<()> {
        let of = match replacement.data {
            NewData::Of(other) => Some(self.tensor(other)?.u32(tensor::BUFFER).unwrap_or(0) as usize),
            NewData::Bytes(_) => None,
        };
        let table = self.tensor_mut(id)?;
        let old = table.u32(tensor::BUFFER).unwrap_or(0) as usize;
        table.set_scalar(tensor::TYPE, [replacement.element_type.number()]);
        let mut parameters = Table::new(&QUANTIZATION);
        if let Some((scales, axis)) = replacement.scales {
            let zero_points = vec![0_i64.to_le_bytes(); scales.len()];
            let scales = scales.into_iter().map(f32::to_le_bytes);
            parameters.set_child(quantization::SCALE, Child::Vector(Vector::of(scales)));
            parameters.set_child(quantization::ZERO_POINT, Child::Vector(Vector::of(zero_points)));
            parameters.set_scalar(quantization::DIMENSION, (axis as i32).to_le_bytes());
        }
        table.set_child(tensor::QUANTIZATION, Child::Table(parameters));

        let number = match (of, replacement.data) {
            (Some(other), _) => other,
            (None, NewData::Bytes(bytes)) => self.store(old, Data::Held(bytes)),
            (None, NewData::Of(_)) => old,
        };
        self.tensor_mut(id)?.set_scalar(tensor::BUFFER, (number as u32).to_le_bytes());
        if number != old {
            self.moved_reference(old, number);
        }
        Ok(())
    }

    /// Takes a tensor's data away: it is no constant any longer. Its type and shape stay.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`].
    pub fn clear_data(&mut self, id: TensorId) -> Result<()> {
        let table = self.tensor_mut(id)?;
        let old = table.u32(tensor::BUFFER).unwrap_or(0) as usize;
        table.remove(tensor::SPARSITY);
        // Buffer 0 is the one without data. An empty one of its own would be refused: it is shorter than the shape.
        table.set_scalar(tensor::BUFFER, [0; 4]);
        if old != 0 {
            self.moved_reference(old, 0);
        }
        Ok(())
    }

    /// Counts a reference to the buffer `new` that was one to `old`, which is emptied if it was the last.
    pub(super) fn moved_reference(&mut self, old: usize, new: usize) {
        if let Some(count) = self.references.get_mut(new) {
            *count += 1;
        }
        let Some(count) = self.references.get_mut(old) else { return };
        *count = count.saturating_sub(1);
        if *count == 0
            && let Some(buffer) = self.root.tables_mut(model::BUFFERS).get_mut(old)
        {
            *buffer = Table::new(&BUFFER);
        }
    }

    /// Stores data in a buffer, or in a new one if others refer to it; returns which. A new one is not counted yet.
    pub(super) fn store(&mut self, old: usize, data: Data) -> usize {
        // Buffer 0 is the one without data, whoever refers to it.
        let is_shared = old == 0 || self.references.get(old).is_none_or(|&references| references > 1);
        let buffers = self.root.tables_mut(model::BUFFERS);
        let outside = buffers.get(old).is_some_and(|table| table.outside.is_some()) && data.len() >= OUTSIDE;
        let mut table = Table::new(&BUFFER);
        if outside {
            table.outside = Some(data);
        } else {
            table.set_child(buffer::DATA, Child::Vector(Vector::blob(data)));
        }
        if let Some(buffer) = buffers.get_mut(old).filter(|_| !is_shared) {
            *buffer = table;
            return old;
        }
        buffers.push(table);
        self.references.push(0);
        self.references.len() - 1
    }

    /// Puts a `DEQUANTIZE` in front of everything that uses these tensors of a subgraph; their users then see f32.
    ///
    /// The operators stand at the head of their list, in the order given. Call [`replace`](Self::replace) first: what the
    /// tensors hold decides on the operator's version.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`].
    pub fn dequantize_in_front(&mut self, number: usize, tensors: &[usize]) -> Result<()> {
        self.dequantize_in_front_of(number, tensors, &|_, _| false)
    }

    /// Does as [`dequantize_in_front`](Self::dequantize_in_front), but for inputs of operators that go on taking the tensors
    /// themselves: `takes_codes` is given the number that the operator has before, and that of its input.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`].
    pub fn dequantize_in_front_of(
        &mut self,
        number: usize,
        tensors: &[usize],
        takes_codes: &dyn Fn(usize, usize) -> bool,
    ) -> Result<()> {
        let mut restored = HashMap::new();
        let mut operators = Vec::with_capacity(tensors.len());
        for &index in tensors {
            let id = TensorId { subgraph: number, tensor: index };
            let code = self.dequantize_code(id)?;
            let mut real = self.tensor(id)?.clone();
            real.remove(tensor::SPARSITY);
            real.set_child(tensor::QUANTIZATION, Child::Table(Table::new(&QUANTIZATION)));
            real.set_scalar(tensor::TYPE, [ElementType::F32.number()]);
            real.set_scalar(tensor::BUFFER, [0; 4]);
            real.set_child(tensor::NAME, Child::Vector(Vector::text(&(real.text(tensor::NAME) + "_dequantize"))));
            if let Some(references) = self.references.first_mut() {
                *references += 1;
            }
            let graph = self.graph_mut(id)?;
            let tensors = graph.tables_mut(subgraph::TENSORS);
            let real_index = tensors.len() as i32;
            tensors.push(real);
            let mut operator = Table::new(&OPERATOR);
            operator.set_scalar(op::CODE, (code as u32).to_le_bytes());
            operator.set_child(op::INPUTS, Child::Vector(Vector::of([(index as i32).to_le_bytes()])));
            operator.set_child(op::OUTPUTS, Child::Vector(Vector::of([real_index.to_le_bytes()])));
            operators.push(operator);
            restored.insert(index as i32, real_index);
        }
        let added = operators.len();
        self.renumber_control_edges(number, |old| Moved::To(old.saturating_add(added)))?;
        let graph = self.graph_mut(TensorId { subgraph: number, tensor: 0 })?;
        let list = graph.tables_mut(subgraph::OPERATORS);
        rewire(list, &restored, takes_codes);
        list.splice(0..0, operators);
        Ok(())
    }

    /// Returns what uses the output of an operator, if that is a `DEQUANTIZE` with an output for the subgraph alone.
    pub fn uses_behind_dequantize(&self, number: usize, index: usize) -> Option<Vec<Use>> {
        let graph = self.graphs().get(number)?;
        let operators = graph.tables(subgraph::OPERATORS);
        let codes = self.operator_codes();
        let operator = operators.get(index)?;
        let (code, ..) = codes.get(operator.u32(op::CODE).unwrap_or(0) as usize)?;
        let [output] = operator.i32s(op::OUTPUTS)[..] else { return None };
        if *code != DEQUANTIZE || graph.i32s(subgraph::OUTPUTS).contains(&output) {
            return None;
        }
        let shape =
            graph.tables(subgraph::TENSORS).get(usize::try_from(output).ok()?).map(shape_of).unwrap_or_default();
        let mut uses = Vec::new();
        for (operator, table) in operators.iter().enumerate() {
            for (input, _) in table.i32s(op::INPUTS).into_iter().enumerate().filter(|(_, tensor)| *tensor == output) {
                let (code, name, _) = codes.get(table.u32(op::CODE).unwrap_or(0) as usize)?;
                uses.push(Use { operator, name: name.clone(), input, role: role(*code, table, input, &shape) });
            }
        }
        Some(uses)
    }

    /// Gives `DEQUANTIZE` operators the version that what their inputs hold by now asks for.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`].
    pub fn retype_dequantize(&mut self, number: usize, operators: &[usize]) -> Result<()> {
        for &index in operators {
            let (input, _) = self.ends(number, index)?;
            let code = self.dequantize_code(TensorId { subgraph: number, tensor: input as usize })?;
            let graph = self.graph_mut(TensorId { subgraph: number, tensor: 0 })?;
            if let Some(operator) = graph.tables_mut(subgraph::OPERATORS).get_mut(index) {
                operator.set_scalar(op::CODE, (code as u32).to_le_bytes());
            }
        }
        Ok(())
    }

    /// Takes `DEQUANTIZE` operators out: what used their outputs uses their inputs. Those behind them move up.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`].
    pub fn bypass_dequantize(&mut self, number: usize, operators: &[usize]) -> Result<()> {
        let mut inputs_of = HashMap::new();
        for &index in operators {
            let (input, output) = self.ends(number, index)?;
            inputs_of.insert(output, input);
        }
        self.take_out(number, operators)?;
        let graph = self.graph_mut(TensorId { subgraph: number, tensor: 0 })?;
        rewire(graph.tables_mut(subgraph::OPERATORS), &inputs_of, &|_, _| false);
        Ok(())
    }

    /// Returns the only input and the only output of an operator.
    fn ends(&self, number: usize, index: usize) -> Result<(i32, i32)> {
        let missing = || ModelError::NoSuchTensor { name: format!("operator {index} of subgraph {number}") };
        let operator = self.graphs().get(number).and_then(|graph| graph.tables(subgraph::OPERATORS).get(index));
        let operator = operator.ok_or_else(missing)?;
        match (&operator.i32s(op::INPUTS)[..], &operator.i32s(op::OUTPUTS)[..]) {
            (&[input], &[output]) => Ok((input, output)),
            _ => Err(missing().into()),
        }
    }

    /// Returns the entry for a `DEQUANTIZE` of what a tensor holds, which is added if there is none.
    pub(super) fn dequantize_code(&mut self, id: TensorId) -> Result<usize> {
        let table = self.tensor(id)?;
        let scales = table.table(tensor::QUANTIZATION).map_or(0, |q| q.numbers::<4>(quantization::SCALE).len());
        let version: i32 = match ElementType::of(table.u8(tensor::TYPE).unwrap_or(0)) {
            ElementType::I2 => 7,
            ElementType::I4 => 6,
            ElementType::I8 if scales > 1 => 5,
            ElementType::F16 | ElementType::I16 => 3,
            ElementType::I8 => 2,
            _ => 1,
        };
        Ok(self.operator_code(DEQUANTIZE, version))
    }

    /// Makes an operator take quantized weights with float activations, which it quantizes as it runs.
    ///
    /// Raises the version of its entry to at least `version`; a `FULLY_CONNECTED` is told to use zero points for its
    /// activations.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`] if there is no such operator.
    pub fn run_in_dynamic_range(&mut self, number: usize, index: usize, version: i32) -> Result<()> {
        let missing = || ModelError::NoSuchTensor { name: format!("operator {index} of subgraph {number}") };
        let codes = self.operator_codes();
        let graph = self.graph_mut(TensorId { subgraph: number, tensor: 0 })?;
        let operator = graph.tables_mut(subgraph::OPERATORS).get_mut(index).ok_or_else(missing)?;
        let entry = operator.u32(op::CODE).unwrap_or(0) as usize;
        let (_, name, current) = codes.get(entry).ok_or_else(missing)?;
        if name == "FULLY_CONNECTED" {
            if operator.table(op::OPTIONS).is_none() {
                operator.set_scalar(op::OPTIONS_KIND, [fully_connected::KIND]);
                operator.set_child(op::OPTIONS, Child::Table(Table::new(&FULLY_CONNECTED_OPTIONS)));
            }
            if let Some(options) = operator.table_mut(op::OPTIONS) {
                options.set_scalar(fully_connected::ASYMMETRIC_QUANTIZE_INPUTS, [1]);
            }
        }
        if *current < version
            && let Some(entry) = self.root.tables_mut(model::OPERATOR_CODES).get_mut(entry)
        {
            entry.set_scalar(operator_code::VERSION, version.to_le_bytes());
        }
        Ok(())
    }

    pub(super) fn graph_mut(&mut self, id: TensorId) -> Result<&mut Table> {
        self.root.tables_mut(model::SUBGRAPHS).get_mut(id.subgraph).ok_or_else(|| id.missing())
    }

    pub(super) fn tensor_mut(&mut self, id: TensorId) -> Result<&mut Table> {
        self.graph_mut(id)?.tables_mut(subgraph::TENSORS).get_mut(id.tensor).ok_or_else(|| id.missing())
    }

    pub(super) fn tensor(&self, id: TensorId) -> Result<&Table> {
        let graph = self.graphs().get(id.subgraph).ok_or_else(|| id.missing())?;
        graph.tables(subgraph::TENSORS).get(id.tensor).ok_or_else(|| id.missing())
    }
}

/// Makes operators that take one tensor take another, but for some of their inputs.
pub(super) fn rewire(operators: &mut [Table], instead: &HashMap<i32, i32>, except: &dyn Fn(usize, usize) -> bool) {
    for (number, operator) in operators.iter_mut().enumerate() {
        let inputs = operator.i32s(op::INPUTS);
        if inputs.iter().any(|input| instead.contains_key(input)) {
            let inputs = inputs.iter().enumerate().map(|(at, input)| {
                let other = instead.get(input).filter(|_| !except(number, at));
                other.unwrap_or(input).to_le_bytes()
            });
            operator.set_child(op::INPUTS, Child::Vector(Vector::of(inputs)));
        }
    }
}

impl TensorId {
    pub(super) fn missing(self) -> Error {
        ModelError::NoSuchTensor { name: format!("tensor {} of subgraph {}", self.tensor, self.subgraph) }.into()
    }
}
