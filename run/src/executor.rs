//! The executor: a model, what it keeps, and the doors to it.

use crate::call::Limits;
use crate::codes::{Halves, grid, to_codes};
use crate::frame::{Run, State};
use crate::program::Program;
use crate::tape::{self, Tape};
use crate::tensor::{Data, Element, Tensor};
use ndarray::{ArrayD, IxDyn};
use std::path::Path;
use tensor_quant::calibration::{Array, Backwards, Endpoint, Observe, Replace, RunError, Runner, ValueView};
use tensor_quant::graph::{ElementType, Graph, Port, Value};
use tensor_quant::model::tflite::Model;

/// Runs a `.tflite` model and shows its values.
///
/// Weights are read when they are first needed, and kept.
#[derive(Debug)]
pub struct Executor {
    program: Program,
    state: State,
    limits: Limits,
}

impl Executor {
    /// Opens a model.
    ///
    /// # Errors
    ///
    /// [`RunError::Other`] around what reading the file comes to; [`RunError::Model`] if it refers to values or subgraphs that
    /// it does not have. Operators that cannot be run are no error before [`run`](Runner::run).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RunError> {
        Self::new(Model::open(path)?)
    }

    /// Reads a model that is held in memory.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, RunError> {
        Self::new(Model::from_bytes(bytes)?)
    }

    /// Returns what runs a model.
    ///
    /// # Errors
    ///
    /// [`RunError::Model`] if it refers to values or subgraphs that it does not have.
    pub fn new(model: Model) -> Result<Self, RunError> {
        Ok(Self { program: Program::new(model)?, state: State::default(), limits: Limits::default() })
    }

    /// Returns the executor with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Returns what the model computes.
    pub fn graph(&self) -> &Graph {
        &self.program.graph
    }

    /// Returns the model.
    pub fn model(&self) -> &Model {
        &self.program.model
    }

    /// Returns the operators of a signature that cannot be run, with how often it has them; none if it can.
    ///
    /// # Errors
    ///
    /// [`RunError::NoSignature`].
    pub fn missing(&self, signature: Option<&str>) -> Result<Vec<String>, RunError> {
        Ok(self.program.missing(self.program.signature(signature)?.subgraph))
    }

    fn run_with<'b>(
        &mut self,
        signature: Option<&str>,
        inputs: &[(&str, Array)],
        observe: &mut Observe<'b>,
        replace: Option<&mut Replace<'b>>,
        tape: Option<&mut Vec<Option<Tensor>>>,
    ) -> Result<Vec<(String, Array)>, RunError> {
        let signature = self.program.signature(signature)?;
        let missing = self.program.missing(signature.subgraph);
        if !missing.is_empty() {
            return Err(RunError::Missing { missing });
        }
        let Some(part) = self.program.graph.subgraphs.get(signature.subgraph) else {
            return Err(RunError::Model { reason: format!("there is no subgraph {}", signature.subgraph) });
        };
        if let Some((name, _)) = inputs.iter().find(|(name, _)| signature.inputs.iter().all(|port| port.name != *name))
        {
            let known: Vec<&str> = signature.inputs.iter().map(|port| port.name.as_str()).collect();
            return Err(RunError::Input { name: (*name).into(), reason: format!("the model takes {known:?}") });
        }
        let tensor = |&value: &usize| {
            let name = signature.inputs.iter().find(|port| port.value == value).map_or("", |port| port.name.as_str());
            let failed = |reason: String| RunError::Input { name: name.into(), reason };
            let given = inputs.iter().find(|(given, _)| *given == name).map(|(_, array)| array);
            let given = given.ok_or_else(|| failed("it is not given".into()))?;
            input(given, &part.values[value]).map_err(failed)
        };
        let tensors = part.inputs.iter().map(tensor).collect::<Result<Vec<_>, _>>()?;
        let left = self.limits.operators;
        let mut run =
            Run { program: &self.program, state: &mut self.state, observe, replace, limits: self.limits, left, tape };
        let outputs = run.subgraph(signature.subgraph, tensors, 0)?;
        let named = |port: &Port| {
            let bad = |reason| RunError::Model { reason };
            let position = part.outputs.iter().position(|&output| output == port.value);
            let tensor = position.and_then(|position| outputs.get(position));
            let tensor = tensor.ok_or_else(|| bad(format!("{:?} is no output of its subgraph", port.name)))?;
            let tensor = to_codes(tensor, &part.values[port.value]).map_err(bad)?;
            Ok((port.name.clone(), array(&tensor).map_err(bad)?))
        };
        signature.outputs.iter().map(named).collect()
    }

    fn endpoints(&self, subgraph: usize, ports: &[Port]) -> Vec<Endpoint> {
        let part = self.program.graph.subgraphs.get(subgraph);
        let endpoint = |port: &Port| {
            let value = part?.values.get(port.value)?;
            let mut endpoint = Endpoint::new(port.name.clone(), value.element_type, value.shape.clone());
            endpoint.quantization = grid(value).map(|grid| (grid.scale, grid.zero_point));
            Some(endpoint)
        };
        ports.iter().filter_map(endpoint).collect()
    }
}

impl Runner for Executor {
    fn signatures(&self) -> Vec<String> {
        self.program.graph.signatures.iter().map(|signature| signature.name.clone()).collect()
    }

    fn inputs(&self, signature: Option<&str>) -> Result<Vec<Endpoint>, RunError> {
        let signature = self.program.signature(signature)?;
        Ok(self.endpoints(signature.subgraph, &signature.inputs))
    }

    fn outputs(&self, signature: Option<&str>) -> Result<Vec<Endpoint>, RunError> {
        let signature = self.program.signature(signature)?;
        Ok(self.endpoints(signature.subgraph, &signature.outputs))
    }

    fn run(
        &mut self,
        signature: Option<&str>,
        inputs: &[(&str, Array)],
        observe: &mut Observe<'_>,
    ) -> Result<Vec<(String, Array)>, RunError> {
        self.run_with(signature, inputs, observe, None, None)
    }

    fn run_replacing(
        &mut self,
        signature: Option<&str>,
        inputs: &[(&str, Array)],
        replace: &mut Replace<'_>,
    ) -> Result<Vec<(String, Array)>, RunError> {
        self.run_with(signature, inputs, &mut |_| Ok(()), Some(replace), None)
    }

    fn run_backwards(
        &mut self,
        signature: Option<&str>,
        inputs: &[(&str, Array)],
        backwards: &mut dyn Backwards,
    ) -> Result<(), RunError> {
        let subgraph = self.program.signature(signature)?.subgraph;
        let missing = tape::missing(&self.program.graph, subgraph);
        if !missing.is_empty() {
            return Err(RunError::Missing { missing });
        }
        let mut values = Vec::new();
        let observe = &mut |value: &ValueView<'_>| {
            backwards.value(value);
            Ok(())
        };
        self.run_with(signature, inputs, observe, None, Some(&mut values))?;
        let graph = &self.program.graph;
        let depends = graph.subgraphs.get(subgraph).map_or_else(Vec::new, tape::depends_on_weights);
        let tape = Tape { graph, state: &self.state, subgraph, values, limits: self.limits, depends };
        let mut round = 0;
        while let Some(seeds) = backwards.seeds(round) {
            tape.pull(seeds, &mut |gradient| {
                backwards.gradient(gradient);
                backwards.has_enough()
            })?;
            round += 1;
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.state.reset();
    }

    fn graph(&self) -> Option<&Graph> {
        Some(&self.program.graph)
    }
}

/// Returns an input as a tensor, on the grid of its codes if it has any.
fn input(array: &Array, value: &Value) -> Result<Tensor, String> {
    if let Some(shape) = &value.shape {
        // The length of the first axis is the number of samples, which models that tell one take as well.
        let fits =
            |(axis, (len, &given)): (usize, (&Option<usize>, &usize))| axis == 0 || len.is_none_or(|len| len == given);
        if shape.len() != array.shape().len() || !shape.iter().zip(array.shape()).enumerate().all(fits) {
            let lengths: Vec<String> =
                shape.iter().map(|len| len.map_or("any".into(), |len| len.to_string())).collect();
            return Err(format!("the shape {:?}, where [{}] is due", array.shape(), lengths.join(", ")));
        }
    }
    let tensor = match array {
        Array::F32(a) => of(a),
        Array::I64(a) => of(a),
        Array::I32(a) => of(a),
        Array::I16(a) => of(a),
        Array::I8(a) => of(a),
        Array::U8(a) => of(a),
        Array::Bool(a) => of(a),
        _ => Err("its type is not known here".into()),
    }?;
    let expected = value.element_type;
    match (grid(value), tensor.data()) {
        (Some(grid), Data::F32(_)) => {
            let shape = tensor.shape().to_vec();
            let mut x = tensor.into_elements()?;
            grid.snap(&mut x, Halves::Even);
            Tensor::of(shape, x)
        }
        (Some(grid), _) if array.element_type() == expected => {
            Tensor::of(tensor.shape().to_vec(), grid.reals(tensor.integers()?.into_iter()))
        }
        _ if array.element_type() == expected || (expected.is_float() && array.element_type() == ElementType::F32) => {
            Ok(tensor)
        }
        _ => Err(format!("elements of {}, where {expected} are due", array.element_type())),
    }
}

fn of<E: Element>(array: &ArrayD<E>) -> Result<Tensor, String> {
    let elements = array.as_slice().map_or_else(|| array.iter().copied().collect(), <[E]>::to_vec);
    Tensor::of(array.shape().to_vec(), elements)
}

/// Returns a tensor as an array.
fn array(tensor: &Tensor) -> Result<Array, String> {
    fn shaped<E: Element>(tensor: &Tensor, elements: &[E]) -> Result<ArrayD<E>, String> {
        ArrayD::from_shape_vec(IxDyn(tensor.shape()), elements.to_vec()).map_err(|error| error.to_string())
    }
    Ok(match tensor.data() {
        Data::F32(x) => Array::F32(shaped(tensor, x)?),
        Data::I64(x) => Array::I64(shaped(tensor, x)?),
        Data::I32(x) => Array::I32(shaped(tensor, x)?),
        Data::I16(x) => Array::I16(shaped(tensor, x)?),
        Data::I8(x) => Array::I8(shaped(tensor, x)?),
        Data::U8(x) => Array::U8(shaped(tensor, x)?),
        Data::Bool(x) => Array::Bool(shaped(tensor, x)?),
        Data::Variable(_) => return Err("an output is a variable".into()),
    })
}
