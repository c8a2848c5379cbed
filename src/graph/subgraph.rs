//! Subgraphs, and the graph that they make up.

use super::element_type::ElementType;
use super::operator::Operator;
use super::value::{Value, ValueId};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// What a model computes.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Graph {
    /// Its parts; the first is the one that runs if no signature says otherwise.
    pub subgraphs: Vec<Subgraph>,
    /// The names by which it is called.
    pub signatures: Vec<Signature>,
}

/// A list of operators with their values: the model proper, a branch, the body of a loop.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Subgraph {
    /// Its name, or "".
    pub name: String,
    /// Its values.
    pub values: Vec<Value>,
    /// Its operators, in the order in which they run.
    pub operators: Vec<Operator>,
    /// The values that it is given.
    pub inputs: Vec<usize>,
    /// The values that it gives.
    pub outputs: Vec<usize>,
}

/// The names of a subgraph's inputs and outputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signature {
    /// Its own name, as in `serving_default`.
    pub name: String,
    /// The subgraph.
    pub subgraph: usize,
    /// The inputs, in no particular order.
    pub inputs: Vec<Port>,
    /// The outputs, in no particular order.
    pub outputs: Vec<Port>,
}

/// A value of a subgraph, and the name by which callers know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The name.
    pub name: String,
    /// The value's number.
    pub value: usize,
}

impl Signature {
    /// Returns a signature without inputs and outputs.
    pub fn new(name: impl Into<String>, subgraph: usize) -> Self {
        Self { name: name.into(), subgraph, ..Self::default() }
    }
}

impl Graph {
    /// Returns a graph of these parts.
    pub fn new(subgraphs: Vec<Subgraph>, signatures: Vec<Signature>) -> Self {
        Self { subgraphs, signatures }
    }

    /// Returns a value.
    pub fn value(&self, id: ValueId) -> Option<&Value> {
        self.subgraphs.get(id.subgraph)?.values.get(id.value)
    }

    /// Returns whether a subgraph is called from without: by a signature, or as the first if there are none.
    pub fn is_called(&self, subgraph: usize) -> bool {
        let mut signatures = self.signatures.iter();
        if self.signatures.is_empty() { subgraph == 0 } else { signatures.any(|it| it.subgraph == subgraph) }
    }

    /// Returns, for each subgraph and value, a text that tells it from all others: its name, with its numbers behind it if
    /// other values have the same or it has none.
    pub fn keys(&self) -> Vec<Vec<String>> {
        let mut counts = BTreeMap::new();
        for value in self.subgraphs.iter().flat_map(|part| &part.values) {
            counts
                .entry(value.name.as_str())
                .and_modify(|is_shared| *is_shared = true)
                .or_insert(value.name.is_empty());
        }
        let key = |part: usize, number: usize, name: &str| match counts.get(name) {
            Some(false) => name.into(),
            _ => alloc::format!("{name}@{part}:{number}"),
        };
        let parts = self.subgraphs.iter().enumerate();
        let keys = parts.map(|(number, part)| {
            part.values.iter().enumerate().map(|(value, v)| key(number, value, &v.name)).collect()
        });
        keys.collect()
    }

    /// Returns the signature of a name, or with none the first one; a graph without signatures has one whose names are
    /// those of its first subgraph's values.
    pub fn signature(&self, name: Option<&str>) -> Option<Signature> {
        match name {
            Some(name) => self.signatures.iter().find(|signature| signature.name == name).cloned(),
            None if !self.signatures.is_empty() => self.signatures.first().cloned(),
            None => self.subgraphs.first().map(|graph| graph.signature_of_edge(0)),
        }
    }
}

impl Subgraph {
    /// Returns a subgraph without operators.
    pub fn new(name: impl Into<String>, values: Vec<Value>) -> Self {
        Self { name: name.into(), values, ..Self::default() }
    }

    /// Returns the values of f32 that it is given or that its operators make.
    pub fn reals(&self) -> Vec<usize> {
        let made = self.operators.iter().flat_map(|operator| &operator.outputs);
        let mut all: Vec<usize> = self.inputs.iter().chain(made).copied().collect();
        let is_real = |value: &Value| value.element_type == ElementType::F32 && value.constant.is_none();
        all.retain(|&value| self.values.get(value).is_some_and(is_real));
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Returns the operator that makes a value; `None` for inputs and constants.
    pub fn producer(&self, value: usize) -> Option<usize> {
        self.operators.iter().position(|operator| operator.outputs.contains(&value))
    }

    /// Returns, for each value, the operators that take it and which of their inputs it is.
    pub fn consumers(&self) -> Vec<Vec<(usize, usize)>> {
        let mut consumers = alloc::vec![Vec::new(); self.values.len()];
        for (number, operator) in self.operators.iter().enumerate() {
            for (input, value) in operator.inputs.iter().enumerate() {
                if let Some(list) = value.and_then(|value| consumers.get_mut(value)) {
                    list.push((number, input));
                }
            }
        }
        consumers
    }

    /// Returns whether every value that operators and edges refer to is there.
    pub fn is_whole(&self) -> bool {
        let operators = self.operators.iter();
        let of_operators = operators.flat_map(|op| op.inputs.iter().flatten().chain(&op.outputs));
        of_operators.chain(&self.inputs).chain(&self.outputs).all(|&value| value < self.values.len())
    }

    fn signature_of_edge(&self, subgraph: usize) -> Signature {
        let name = |value: usize| self.values.get(value).map(|v| v.name.clone()).unwrap_or_default();
        let ports = |values: &[usize]| values.iter().map(|&value| Port { name: name(value), value }).collect();
        Signature { name: String::new(), subgraph, inputs: ports(&self.inputs), outputs: ports(&self.outputs) }
    }
}
