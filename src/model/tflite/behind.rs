//! Rows of codes: an operator that looks rows of a table up gives codes, and a `DEQUANTIZE` behind it restores them.

use super::constant::TensorId;
use super::control_edges::Moved;
use super::model::{Model, quantization_of, shape_of};
use super::rewrite::{no_operator, set_parameters};
use super::schema::{OPERATOR, operator as op, subgraph, tensor};
use super::tree::{Child, Table, Vector};
use crate::error::Result;

impl Model {
    /// Makes an operator that gives rows of a table of codes give codes, with the table's scales, and restores them behind it; what
    /// takes its first output finds reals there as before. The operator gets a version of at least `version`, and those behind it
    /// move down by one.
    ///
    /// Call [`replace`](Self::replace) for the table first. The axes behind the one along which rows are taken are the last of the
    /// output: so its scales lie as far from the end as the table's.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`](crate::model::ModelError::NoSuchTensor); [`Error::Io`](crate::Error::Io) if the order of
    /// operators cannot be read.
    pub fn dequantize_behind(&mut self, number: usize, at: usize, table: TensorId, version: i32) -> Result<()> {
        let operators = self.operators();
        let of_graph = operators.get(number).and_then(|graph| graph.get(at));
        let operator = of_graph.ok_or_else(|| no_operator(number, at))?;
        let [output, ..] = operator.outputs[..] else { return Err(no_operator(number, at)) };
        let current = operator.version;
        let id = TensorId { subgraph: number, tensor: output };
        let of_table = self.tensor(table)?;
        let (ndim, mut quantization) = (shape_of(of_table).len(), quantization_of(of_table));
        let element_type = of_table.u8(tensor::TYPE).unwrap_or(0);

        let mut codes = self.tensor(id)?.clone();
        let given = shape_of(&codes).len();
        if let Some(quantization) = &mut quantization {
            let from_end = ndim.saturating_sub(quantization.axis);
            quantization.axis = given.saturating_sub(from_end);
        }
        set_parameters(&mut codes, quantization.as_ref());
        codes.set_scalar(tensor::TYPE, [element_type]);
        codes.set_scalar(tensor::BUFFER, [0; 4]);
        codes.set_child(tensor::NAME, Child::Vector(Vector::text(&(codes.text(tensor::NAME) + "_codes"))));
        if let Some(references) = self.references.first_mut() {
            *references += 1;
        }
        let tensors = self.graph_mut(id)?.tables_mut(subgraph::TENSORS);
        let codes_number = tensors.len();
        tensors.push(codes);

        let mut outputs =
            operators.get(number).and_then(|graph| graph.get(at)).map_or(Vec::new(), |o| o.outputs.clone());
        if let Some(first) = outputs.first_mut() {
            *first = codes_number;
        }
        self.set_outputs(number, at, &outputs)?;
        if current < version {
            self.set_operator_version(number, at, version)?;
        }
        let code = self.dequantize_code(TensorId { subgraph: number, tensor: codes_number })?;
        let mut restoring = Table::new(&OPERATOR);
        restoring.set_scalar(op::CODE, (code as u32).to_le_bytes());
        restoring.set_child(op::INPUTS, Child::Vector(Vector::of([(codes_number as i32).to_le_bytes()])));
        restoring.set_child(op::OUTPUTS, Child::Vector(Vector::of([(output as i32).to_le_bytes()])));
        self.renumber_control_edges(number, |old| Moved::To(if old <= at { old } else { old + 1 }))?;
        let list = self.graph_mut(id)?.tables_mut(subgraph::OPERATORS);
        list.insert((at + 1).min(list.len()), restoring);
        Ok(())
    }
}
