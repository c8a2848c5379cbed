//! Inputs and outputs of subgraphs, and the names by which callers know them.

use super::constant::TensorId;
use super::model::Model;
use super::rewrite::replace_number;
use super::schema::{TENSOR_MAP, model, signature, subgraph, tensor_map};
use super::tree::{Child, Table, Vector};
use crate::error::Result;

/// The two ends of a subgraph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// What it is given.
    Inputs,
    /// What it gives.
    Outputs,
}

impl Model {
    /// Makes another tensor the input or output of a subgraph that `old` was, for callers by signature too; the names that they
    /// know stay.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`](crate::model::ModelError::NoSuchTensor) if there is no such subgraph, or `old` is not at
    /// that edge.
    pub fn replace_edge(&mut self, subgraph: usize, edge: Edge, old: usize, new: usize) -> Result<()> {
        let id = TensorId { subgraph, tensor: old };
        let (of_graph, of_signature) = match edge {
            Edge::Inputs => (subgraph::INPUTS, signature::INPUTS),
            Edge::Outputs => (subgraph::OUTPUTS, signature::OUTPUTS),
        };
        if !replace_number(self.graph_mut(id)?, of_graph, old, new) {
            return Err(id.missing());
        }
        self.follow_edge(subgraph, of_signature, old, new);
        Ok(())
    }

    /// Adds tensors to the outputs of a subgraph, and to every signature of it under the names given.
    ///
    /// With every activation as an output a model shows its values in any runtime.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`](crate::model::ModelError::NoSuchTensor) if there is no such subgraph.
    pub fn add_outputs(&mut self, subgraph: usize, outputs: &[(usize, String)]) -> Result<()> {
        let graph = self.graph_mut(TensorId { subgraph, tensor: 0 })?;
        let mut numbers = graph.i32s(subgraph::OUTPUTS);
        numbers.extend(outputs.iter().map(|(tensor, _)| *tensor as i32));
        graph.set_child(subgraph::OUTPUTS, Child::Vector(Vector::of(numbers.into_iter().map(i32::to_le_bytes))));
        if self.signatures().is_empty() {
            return Ok(());
        }
        for table in self.root.tables_mut(model::SIGNATURES) {
            if table.u32(signature::SUBGRAPH).unwrap_or(0) as usize != subgraph {
                continue;
            }
            for (tensor, name) in outputs {
                let mut entry = Table::new(&TENSOR_MAP);
                entry.set_child(tensor_map::NAME, Child::Vector(Vector::text(name)));
                entry.set_scalar(tensor_map::TENSOR, (*tensor as u32).to_le_bytes());
                table.tables_mut(signature::OUTPUTS).push(entry);
            }
        }
        Ok(())
    }

    /// Leads the ports of signatures of a subgraph to another tensor.
    fn follow_edge(&mut self, subgraph: usize, slot: u16, old: usize, new: usize) {
        if self.signatures().is_empty() {
            return;
        }
        for table in self.root.tables_mut(model::SIGNATURES) {
            if table.u32(signature::SUBGRAPH).unwrap_or(0) as usize != subgraph || table.tables(slot).is_empty() {
                continue;
            }
            for entry in table.tables_mut(slot) {
                if entry.u32(tensor_map::TENSOR).unwrap_or(0) as usize == old {
                    entry.set_scalar(tensor_map::TENSOR, (new as u32).to_le_bytes());
                }
            }
        }
    }
}
