//! Every value as an output: what a runtime shows that has outputs alone.

use super::model::Model;
use crate::error::Result;
use crate::graph::{ElementType, Graph, Operator, Subgraph, ValueId};
use std::collections::BTreeSet;

impl Model {
    /// Makes every real value that depends on the inputs an output of its subgraph, for the subgraphs that signatures name
    /// and the first; returns them with the names under which signatures have them, their [keys](Graph::keys).
    ///
    /// Values of codes count as real ones. Values inside loops and branches stay where they are; what is computed of constants
    /// alone does too, as runtimes that compute it beforehand do not have it.
    ///
    /// # Errors
    ///
    /// Those of [`add_outputs`](Self::add_outputs); none for a model that was read.
    pub fn expose(&mut self) -> Result<Vec<(ValueId, String)>> {
        self.expose_where(&|_, _| true)
    }

    /// The same, for the values that operators make of which `is_shown` holds, given the subgraph that they stand in.
    ///
    /// # Errors
    ///
    /// As [`expose`](Self::expose).
    pub fn expose_where(&mut self, is_shown: &dyn Fn(&Subgraph, &Operator) -> bool) -> Result<Vec<(ValueId, String)>> {
        let graph = self.graph();
        let keys = graph.keys();
        let mut parts: BTreeSet<usize> = graph.signatures.iter().map(|signature| signature.subgraph).collect();
        parts.insert(0);
        let mut exposed = Vec::new();
        for part in parts {
            let named = |value: usize| {
                let key = keys.get(part).and_then(|keys| keys.get(value)).cloned().unwrap_or_default();
                (value, key)
            };
            let outputs: Vec<(usize, String)> = hidden(&graph, part, is_shown).into_iter().map(named).collect();
            if !outputs.is_empty() {
                self.add_outputs(part, &outputs)?;
            }
            exposed.extend(outputs.into_iter().map(|(value, name)| (ValueId { subgraph: part, value }, name)));
        }
        Ok(exposed)
    }
}

/// Returns the real values of a subgraph that follow from its inputs, and are no outputs yet.
fn hidden(graph: &Graph, part: usize, is_shown: &dyn Fn(&Subgraph, &Operator) -> bool) -> Vec<usize> {
    let Some(part) = graph.subgraphs.get(part) else { return Vec::new() };
    let mut depends: BTreeSet<usize> = part.inputs.iter().copied().collect();
    let mut hidden = Vec::new();
    for operator in &part.operators {
        if !operator.inputs.iter().flatten().any(|input| depends.contains(input)) {
            continue;
        }
        for &output in &operator.outputs {
            let Some(value) = part.values.get(output) else { continue };
            let is_real = match value.element_type {
                ElementType::F32 | ElementType::F16 => true,
                ElementType::I8 | ElementType::U8 | ElementType::I16 => value.quantization.is_some(),
                _ => false,
            };
            if depends.insert(output) && is_real && is_shown(part, operator) && !part.outputs.contains(&output) {
                hidden.push(output);
            }
        }
    }
    hidden
}
