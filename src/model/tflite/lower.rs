//! From the tables of a file to the graph that they tell.
//!
//! Values and operators of the graph have the numbers of the file's tensors and operators: a number is the handle for an
//! edit.

#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use super::constant::TensorId;
use super::element_type::ElementType;
use super::model::{Model, quantization_of};
use super::options::meaning;
use super::schema::{model, operator as op, signature, subgraph, tensor, tensor_map};
use super::tree::Table;
use crate::graph::{self, Graph, Operator, Port, Signature, Subgraph, Value};

impl Model {
    /// Returns what the model computes. Values and operators have the numbers that tensors and operators have here.
    ///
    /// Whatever the file says is carried: a reference to a tensor or a subgraph that is not there stays one, and is
    /// nowhere in the graph either ([`Subgraph::is_whole`]).
    pub fn graph(&self) -> Graph {
        let codes = self.operator_codes();
        let part = |(number, table): (usize, &Table)| {
            let tensors = table.tables(subgraph::TENSORS).iter().enumerate();
            let values = tensors.map(|(i, t)| self.value(TensorId { subgraph: number, tensor: i }, t)).collect();
            let mut part = Subgraph::new(table.text(subgraph::NAME), values);
            let operators = table.tables(subgraph::OPERATORS).iter();
            part.operators = operators.map(|operator| lowered(operator, &codes)).collect();
            part.inputs = numbers(&table.i32s(subgraph::INPUTS));
            part.outputs = numbers(&table.i32s(subgraph::OUTPUTS));
            part
        };
        Graph::new(self.graphs().iter().enumerate().map(part).collect(), self.signatures())
    }

    /// Returns the names by which the model is called.
    pub fn signatures(&self) -> Vec<Signature> {
        let ports = |table: &Table, slot: u16| {
            let port = |entry: &Table| Port {
                name: entry.text(tensor_map::NAME),
                value: entry.u32(tensor_map::TENSOR).unwrap_or(0) as usize,
            };
            table.tables(slot).iter().map(port).collect()
        };
        let signature = |table: &Table| {
            let number = table.u32(signature::SUBGRAPH).unwrap_or(0) as usize;
            let mut lowered = Signature::new(table.text(signature::NAME), number);
            lowered.inputs = ports(table, signature::INPUTS);
            lowered.outputs = ports(table, signature::OUTPUTS);
            lowered
        };
        self.root.tables(model::SIGNATURES).iter().map(signature).collect()
    }

    fn value(&self, id: TensorId, table: &Table) -> Value {
        let element_type = ElementType::of(table.u8(tensor::TYPE).unwrap_or(0));
        let mut value = Value::new(table.text(tensor::NAME), element_type.into());
        let mut lengths = table.i32s(tensor::SHAPE_SIGNATURE);
        if lengths.is_empty() {
            lengths = table.i32s(tensor::SHAPE);
        }
        value.shape = Some(lengths.into_iter().map(|len| usize::try_from(len).ok()).collect());
        value.quantization = quantization_of(table);
        value.is_variable = table.u8(tensor::IS_VARIABLE).unwrap_or(0) != 0;
        value.constant = self.constant(id, table).map(|constant| {
            let mut data = graph::Constant::new(constant.size_in_bytes, constant.buffer);
            data.is_sparse = constant.is_sparse;
            data.is_elsewhere = constant.is_elsewhere;
            data
        });
        value
    }
}

/// Returns an operator with the numbers of its values; a code that is not there is that of no known operator.
fn lowered(table: &Table, codes: &[(i32, String, i32)]) -> Operator {
    let entry = table.u32(op::CODE).unwrap_or(0) as usize;
    let (code, name) = codes.get(entry).map_or((-1, String::new()), |(code, name, _)| (*code, name.clone()));
    let (op, attributes) = meaning(code, table);
    let inputs = table.i32s(op::INPUTS).into_iter().map(|input| usize::try_from(input).ok()).collect();
    Operator::new(op, attributes, inputs, numbers(&table.i32s(op::OUTPUTS))).with_name(name)
}

/// Negative numbers become one that is nowhere.
fn numbers(values: &[i32]) -> Vec<usize> {
    values.iter().map(|&value| usize::try_from(value).unwrap_or(usize::MAX)).collect()
}
