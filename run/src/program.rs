//! A model that is ready to run: its graph, and when each value is used for the last time.

use crate::ops::{compute, is_control};
use std::collections::{BTreeMap, BTreeSet};
use tensor_quant::calibration::RunError;
use tensor_quant::graph::{Graph, Op, Operator, Signature};
use tensor_quant::model::tflite::Model;

#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) model: Model,
    pub(crate) graph: Graph,
    /// For each subgraph and operator the values that nothing needs once it has run.
    pub(crate) done: Vec<Vec<Vec<usize>>>,
}

impl Program {
    pub(crate) fn new(model: Model) -> Result<Self, RunError> {
        let graph = model.graph();
        for (number, part) in graph.subgraphs.iter().enumerate() {
            if !part.is_whole() {
                let reason = format!("subgraph {number} refers to values that it does not have");
                return Err(RunError::Model { reason });
            }
            let of_operators = part.operators.iter().flat_map(|operator| operator.attributes.subgraphs());
            if let Some(missing) = of_operators.into_iter().find(|&other| other >= graph.subgraphs.len()) {
                let reason = format!("subgraph {number} runs subgraph {missing}, which is not there");
                return Err(RunError::Model { reason });
            }
        }
        let known = |signature: &&Signature| {
            let values = graph.subgraphs.get(signature.subgraph).map_or(0, |part| part.values.len());
            !signature.inputs.iter().chain(&signature.outputs).all(|port| port.value < values)
        };
        if let Some(signature) = graph.signatures.iter().find(known) {
            let reason = format!("signature {:?} names values that are not there", signature.name);
            return Err(RunError::Model { reason });
        }
        let done = graph.subgraphs.iter().map(|part| {
            let mut last = vec![None; part.values.len()];
            for (number, operator) in part.operators.iter().enumerate() {
                for &value in operator.inputs.iter().flatten().chain(&operator.outputs) {
                    last[value] = Some(number);
                }
            }
            part.outputs.iter().for_each(|&output| last[output] = None);
            let mut done = vec![Vec::new(); part.operators.len()];
            for (value, last) in last.into_iter().enumerate() {
                if let Some(number) = last {
                    done[number].push(value);
                }
            }
            done
        });
        let done = done.collect();
        Ok(Self { model, graph, done })
    }

    pub(crate) fn signature(&self, name: Option<&str>) -> Result<Signature, RunError> {
        self.graph.signature(name).ok_or_else(|| RunError::NoSignature {
            name: name.unwrap_or_default().into(),
            known: self.graph.signatures.iter().map(|signature| signature.name.clone()).collect(),
        })
    }

    /// Returns the operators that subgraphs reached from one have, and that cannot be run.
    pub(crate) fn missing(&self, from: usize) -> Vec<String> {
        let (mut seen, mut open) = (BTreeSet::from([from]), vec![from]);
        let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
        while let Some(part) = open.pop().and_then(|number| self.graph.subgraphs.get(number)) {
            for operator in &part.operators {
                if !can_run(operator) {
                    *missing.entry(&operator.name).or_default() += 1;
                }
                open.extend(operator.attributes.subgraphs().into_iter().filter(|&other| seen.insert(other)));
            }
        }
        let times = |n: usize| if n == 1 { String::new() } else { format!(" ({n} times)") };
        missing.into_iter().map(|(name, count)| format!("{name}{}", times(count))).collect()
    }
}

fn can_run(operator: &Operator) -> bool {
    operator.op != Op::Other && (is_control(operator.op) || compute(operator.op).is_some())
}
