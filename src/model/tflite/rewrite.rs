//! Changing what a model computes: tensors and operators added, operators taken out, types and scales set.
//!
//! Numbers of tensors never change: tensors are added at the end. Numbers of operators do; what counts them in the file
//! ([`control_edges`](super::control_edges)) is changed with them.

use super::constant::TensorId;
use super::control_edges::Moved;
use super::element_type::ElementType;
use super::model::Model;
use super::names::code_of_name;
use super::schema::{
    OPERATOR, OPERATOR_CODE, QUANTIZATION, TENSOR, model, operator as op, operator_code, quantization, scalars,
    subgraph, tensor,
};
use super::tree::{Child, Data, Table, Vector};
use crate::error::{Error, Result};
use crate::graph::Quantization;
use crate::model::error::ModelError;

/// A tensor to be added.
#[derive(Clone, Debug, PartialEq)]
pub struct NewTensor {
    /// Its name.
    pub name: String,
    /// The type of its elements.
    pub element_type: ElementType,
    /// Its lengths; `None` where one is only known when the model runs.
    pub shape: Vec<Option<usize>>,
    /// Its scales and zero points.
    pub quantization: Option<Quantization>,
    /// Its elements, if it is a constant.
    pub data: Option<Vec<u8>>,
}

/// An operator to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOperator {
    /// Its name in the schema, as in `QUANTIZE`.
    pub name: String,
    /// Its version.
    pub version: i32,
    /// The tensors that it takes; `None` where an optional one is absent.
    pub inputs: Vec<Option<usize>>,
    /// The tensors that it makes.
    pub outputs: Vec<usize>,
}

/// An option that is true or false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flag {
    /// Whether `ADD` and `SUB` of 16-bit codes have scales that are powers of two; the schema says they have unless told
    /// otherwise.
    PowerOfTwoScales,
    /// Whether `FULLY_CONNECTED` and `BATCH_MATMUL` give float inputs zero points when they quantize them on the fly.
    AsymmetricInputs,
}

/// For each flag and operator the kind of its options and the flag's slot.
const FLAGS: &[(Flag, &str, u8, u16)] = &[
    (Flag::PowerOfTwoScales, "ADD", 11, 1),
    (Flag::PowerOfTwoScales, "SUB", 28, 1),
    (Flag::AsymmetricInputs, "FULLY_CONNECTED", 8, 3),
    (Flag::AsymmetricInputs, "BATCH_MATMUL", 101, 2),
];

impl Model {
    /// Adds a tensor to a subgraph and returns which it is.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`] if there is no such subgraph.
    pub fn add_tensor(&mut self, subgraph: usize, new: NewTensor) -> Result<TensorId> {
        let tensors = self.graphs().get(subgraph).map(|graph| graph.tables(subgraph::TENSORS).len());
        let id = TensorId { subgraph, tensor: tensors.ok_or_else(|| no_subgraph(subgraph))? };
        let mut table = Table::new(&TENSOR);
        let lengths = |unknown: i32| {
            let lengths = new.shape.iter().map(move |len| len.map_or(unknown, |len| len as i32).to_le_bytes());
            Child::Vector(Vector::of(lengths))
        };
        table.set_child(tensor::SHAPE, lengths(1));
        if new.shape.contains(&None) {
            table.set_child(tensor::SHAPE_SIGNATURE, lengths(-1));
        }
        table.set_scalar(tensor::HAS_RANK, [1]);
        table.set_scalar(tensor::TYPE, [new.element_type.number()]);
        table.set_child(tensor::NAME, Child::Vector(Vector::text(&new.name)));
        set_parameters(&mut table, new.quantization.as_ref());
        let buffer = match new.data {
            // Buffer 0 is the one without data.
            None => 0,
            Some(bytes) => self.store(usize::MAX, Data::Held(bytes)),
        };
        table.set_scalar(tensor::BUFFER, (buffer as u32).to_le_bytes());
        if let Some(count) = self.references.get_mut(buffer) {
            *count += 1;
        }
        self.graph_mut(id)?.tables_mut(subgraph::TENSORS).push(table);
        Ok(id)
    }

    /// Gives a tensor another element type; its data, if it has any, stay as they are ([`replace`](Self::replace) changes
    /// both).
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`].
    pub fn set_element_type(&mut self, id: TensorId, element_type: ElementType) -> Result<()> {
        self.tensor_mut(id)?.set_scalar(tensor::TYPE, [element_type.number()]);
        Ok(())
    }

    /// Gives a tensor other scales and zero points, or none. Details that scales do not tell are lost.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`]; [`Error::LengthMismatch`] unless there is a zero point for each scale.
    pub fn set_quantization(&mut self, id: TensorId, quantization: Option<&Quantization>) -> Result<()> {
        if let Some(Quantization { scales, zero_points, .. }) = quantization
            && scales.len() != zero_points.len()
        {
            let (expected, actual) = (scales.len(), zero_points.len());
            return Err(Error::LengthMismatch { what: "the zero points", expected, actual });
        }
        set_parameters(self.tensor_mut(id)?, quantization);
        Ok(())
    }

    /// Gives a tensor another name; the names by which signatures know it stay.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`].
    pub fn rename(&mut self, id: TensorId, name: &str) -> Result<()> {
        self.tensor_mut(id)?.set_child(tensor::NAME, Child::Vector(Vector::text(name)));
        Ok(())
    }

    /// Puts an operator in front of the one that has the number `at` now, or at the end; those from there on move up.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`] if the subgraph, one of the operators in front, or the operator's name is not there;
    /// [`Error::Io`] if the order of operators cannot be read.
    pub fn insert_operator(&mut self, subgraph: usize, at: usize, new: &NewOperator) -> Result<()> {
        let operators = self.graphs().get(subgraph).map(|graph| graph.tables(subgraph::OPERATORS).len());
        let operators = operators.ok_or_else(|| no_subgraph(subgraph))?;
        if at > operators {
            return Err(no_operator(subgraph, at));
        }
        let code = code_of_name(&new.name).ok_or_else(|| ModelError::NoSuchTensor { name: new.name.clone() })?;
        let entry = self.operator_code(code, new.version);
        let mut operator = Table::new(&OPERATOR);
        operator.set_scalar(op::CODE, (entry as u32).to_le_bytes());
        set_numbers(&mut operator, op::INPUTS, &new.inputs);
        set_numbers(&mut operator, op::OUTPUTS, &new.outputs.iter().copied().map(Some).collect::<Vec<_>>());
        self.renumber_control_edges(subgraph, |old| Moved::To(if old < at { old } else { old + 1 }))?;
        let id = TensorId { subgraph, tensor: 0 };
        self.graph_mut(id)?.tables_mut(subgraph::OPERATORS).insert(at, operator);
        Ok(())
    }

    /// Takes operators out of a subgraph; those behind them move down. What used their outputs still does:
    /// [`use_instead`](Self::use_instead) leads it elsewhere.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`] if one of them is not there; [`Error::Io`] if the order of operators cannot be read.
    pub fn remove_operators(&mut self, subgraph: usize, operators: &[usize]) -> Result<()> {
        let count = self.graphs().get(subgraph).map(|graph| graph.tables(subgraph::OPERATORS).len());
        let count = count.ok_or_else(|| no_subgraph(subgraph))?;
        if let Some(missing) = operators.iter().find(|&&operator| operator >= count) {
            return Err(no_operator(subgraph, *missing));
        }
        self.take_out(subgraph, operators)
    }

    /// Takes out those operators that are there.
    pub(super) fn take_out(&mut self, subgraph: usize, operators: &[usize]) -> Result<()> {
        let mut out = operators.to_vec();
        out.sort_unstable();
        out.dedup();
        self.renumber_control_edges(subgraph, |old| match out.binary_search(&old) {
            Ok(_) => Moved::Out,
            Err(before) => Moved::To(old - before),
        })?;
        let mut index = 0;
        let id = TensorId { subgraph, tensor: 0 };
        self.graph_mut(id)?.tables_mut(subgraph::OPERATORS).retain(|_| {
            index += 1;
            out.binary_search(&(index - 1)).is_err()
        });
        Ok(())
    }

    /// Makes an operator take other tensors.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`] if there is no such operator.
    pub fn set_inputs(&mut self, subgraph: usize, operator: usize, inputs: &[Option<usize>]) -> Result<()> {
        set_numbers(self.operator_mut(subgraph, operator)?, op::INPUTS, inputs);
        Ok(())
    }

    /// Makes an operator make other tensors.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`] if there is no such operator.
    pub fn set_outputs(&mut self, subgraph: usize, operator: usize, outputs: &[usize]) -> Result<()> {
        let outputs: Vec<_> = outputs.iter().copied().map(Some).collect();
        set_numbers(self.operator_mut(subgraph, operator)?, op::OUTPUTS, &outputs);
        Ok(())
    }

    /// Makes every operator of a subgraph that takes the tensor `old` take `new`.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`] if there is no such subgraph.
    pub fn use_instead(&mut self, subgraph: usize, old: usize, new: usize) -> Result<()> {
        let graph = self.graph_mut(TensorId { subgraph, tensor: 0 })?;
        for operator in graph.tables_mut(subgraph::OPERATORS) {
            replace_number(operator, op::INPUTS, old, new);
        }
        Ok(())
    }

    /// Gives an operator a version of its own; others of its kind keep theirs.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`] if there is no such operator.
    pub fn set_operator_version(&mut self, subgraph: usize, operator: usize, version: i32) -> Result<()> {
        let old = self.operator_mut(subgraph, operator)?.u32(op::CODE).unwrap_or(0) as usize;
        let mut entry = match self.root.tables(model::OPERATOR_CODES).get(old) {
            Some(entry) => entry.clone(),
            None => return Err(no_operator(subgraph, operator)),
        };
        let (code, name, _) = self.operator_codes().get(old).cloned().unwrap_or_default();
        let codes = self.operator_codes();
        let found = codes.iter().position(|(c, n, v)| (*c, n, *v) == (code, &name, version));
        let number = found.unwrap_or_else(|| {
            entry.set_scalar(operator_code::VERSION, version.to_le_bytes());
            let codes = self.root.tables_mut(model::OPERATOR_CODES);
            codes.push(entry);
            codes.len() - 1
        });
        self.operator_mut(subgraph, operator)?.set_scalar(op::CODE, (number as u32).to_le_bytes());
        Ok(())
    }

    /// Sets an option of an operator; returns whether the operator has that option.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`] if there is no such operator.
    pub fn set_flag(&mut self, subgraph: usize, operator: usize, flag: Flag, value: bool) -> Result<bool> {
        let codes = self.operator_codes();
        let table = self.operator_mut(subgraph, operator)?;
        let name = codes.get(table.u32(op::CODE).unwrap_or(0) as usize).map(|(_, name, _)| name.as_str());
        let known = FLAGS.iter().find(|(listed, of, ..)| *listed == flag && Some(*of) == name);
        let Some(&(_, _, kind, slot)) = known else { return Ok(false) };
        if table.table(op::OPTIONS).is_none() || table.u8(op::OPTIONS_KIND) != Some(kind) {
            table.set_scalar(op::OPTIONS_KIND, [kind]);
            table.set_child(op::OPTIONS, Child::Table(Table::new(scalars())));
        }
        if let Some(options) = table.table_mut(op::OPTIONS) {
            options.set_scalar(slot, [u8::from(value)]);
        }
        Ok(true)
    }

    /// Returns an option of an operator, as the schema has it where the file does not say; `None` if the operator has no such
    /// option.
    pub(super) fn flag(&self, subgraph: usize, operator: usize, flag: Flag) -> Option<bool> {
        let table = self.graphs().get(subgraph)?.tables(subgraph::OPERATORS).get(operator)?;
        let codes = self.operator_codes();
        let (_, name, _) = codes.get(table.u32(op::CODE).unwrap_or(0) as usize)?;
        let &(.., slot) = FLAGS.iter().find(|(listed, of, ..)| *listed == flag && of == name)?;
        let said = table.table(op::OPTIONS).and_then(|options| options.u8(slot));
        Some(said.map_or(flag == Flag::PowerOfTwoScales, |value| value != 0))
    }

    fn operator_mut(&mut self, subgraph: usize, operator: usize) -> Result<&mut Table> {
        let graph = self.graph_mut(TensorId { subgraph, tensor: 0 })?;
        graph.tables_mut(subgraph::OPERATORS).get_mut(operator).ok_or_else(|| no_operator(subgraph, operator))
    }

    /// Returns the entry for an operator of a version, which is added if there is none.
    pub(super) fn operator_code(&mut self, code: i32, version: i32) -> usize {
        let found = self.operator_codes().iter().position(|(known, _, of)| (*known, *of) == (code, version));
        found.unwrap_or_else(|| {
            let mut entry = Table::new(&OPERATOR_CODE);
            entry.set_scalar(operator_code::BUILTIN, code.to_le_bytes());
            entry.set_scalar(operator_code::VERSION, version.to_le_bytes());
            // The field that interpreters from before 2020 read.
            entry.set_scalar(operator_code::DEPRECATED_BUILTIN, [code.min(127) as u8]);
            let codes = self.root.tables_mut(model::OPERATOR_CODES);
            codes.push(entry);
            codes.len() - 1
        })
    }
}

/// Gives a tensor's table scales and zero points.
pub(super) fn set_parameters(table: &mut Table, of: Option<&Quantization>) {
    let mut parameters = Table::new(&QUANTIZATION);
    if let Some(Quantization { scales, zero_points, axis, .. }) = of {
        let scales = scales.iter().map(|scale| scale.to_le_bytes());
        let zero_points = zero_points.iter().map(|zero_point| zero_point.to_le_bytes());
        parameters.set_child(quantization::SCALE, Child::Vector(Vector::of(scales)));
        parameters.set_child(quantization::ZERO_POINT, Child::Vector(Vector::of(zero_points)));
        parameters.set_scalar(quantization::DIMENSION, (*axis as i32).to_le_bytes());
    }
    table.set_child(tensor::QUANTIZATION, Child::Table(parameters));
}

fn set_numbers(table: &mut Table, slot: u16, numbers: &[Option<usize>]) {
    let numbers = numbers.iter().map(|number| number.map_or(-1, |number| number as i32).to_le_bytes());
    table.set_child(slot, Child::Vector(Vector::of(numbers)));
}

/// Replaces a number in a vector of them; returns whether it was there.
pub(super) fn replace_number(table: &mut Table, slot: u16, old: usize, new: usize) -> bool {
    let (old, new) = (old as i32, new as i32);
    let numbers = table.i32s(slot);
    let found = numbers.contains(&old);
    if found {
        let numbers = numbers.into_iter().map(|number| if number == old { new } else { number }.to_le_bytes());
        table.set_child(slot, Child::Vector(Vector::of(numbers)));
    }
    found
}

fn no_subgraph(number: usize) -> Error {
    ModelError::NoSuchTensor { name: format!("subgraph {number}") }.into()
}

pub(super) fn no_operator(subgraph: usize, number: usize) -> Error {
    ModelError::NoSuchTensor { name: format!("operator {number} of subgraph {subgraph}") }.into()
}
