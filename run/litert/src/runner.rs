//! A model in the runtime, as a runner.

use crate::interpreter::{Given, Interpreter, Place};
use crate::library::Library;
use crate::numbers::{array, bytes, reals};
use std::path::Path;
use tensor_quant::calibration::{Array, Endpoint, Observe, RunError, Runner, ValueView};
use tensor_quant::graph::{ElementType, Graph, Op, Operator, Port, Signature, Subgraph, Value, ValueId};
use tensor_quant::model::tflite::Model;

/// A model that LiteRT or TensorFlow Lite runs.
///
/// Values inside loops and branches are not shown. The classic C API of TensorFlow Lite runs signatures of the first subgraph.
pub struct LiteRt {
    library: Library,
    /// As it was, without the outputs that were added.
    graph: Graph,
    /// With them.
    bytes: Vec<u8>,
    /// The values that are outputs now, of each subgraph.
    outputs: Vec<Vec<usize>>,
    /// That of the signature which ran last, with its number.
    interpreter: Option<(usize, Box<dyn Interpreter>)>,
}

impl std::fmt::Debug for LiteRt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiteRt").field("library", &self.library).finish_non_exhaustive()
    }
}

impl Library {
    /// Loads a model.
    ///
    /// # Errors
    ///
    /// [`RunError::Other`] around what reading the file comes to.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<LiteRt, RunError> {
        LiteRt::new(self.clone(), Model::open(path)?)
    }

    /// Loads a model that is held in memory.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_bytes(&self, bytes: Vec<u8>) -> Result<LiteRt, RunError> {
        LiteRt::new(self.clone(), Model::from_bytes(bytes)?)
    }
}

impl LiteRt {
    fn new(library: Library, mut model: Model) -> Result<Self, RunError> {
        let graph = model.graph();
        model.expose_where(&|part, operator| !library.has_fixed_shapes() || !is_shape_computed(part, operator))?;
        let exposed = model.graph();
        let outputs = exposed.subgraphs.into_iter().map(|part| part.outputs).collect();
        Ok(Self { library, graph, bytes: model.to_bytes()?, outputs, interpreter: None })
    }

    fn signature(&self, name: Option<&str>) -> Result<Signature, RunError> {
        let known = || self.graph.signatures.iter().map(|signature| signature.name.clone()).collect();
        let missing = || RunError::NoSignature { name: name.unwrap_or_default().into(), known: known() };
        self.graph.signature(name).ok_or_else(missing)
    }

    fn endpoints(&self, subgraph: usize, ports: &[Port]) -> Vec<Endpoint> {
        let part = self.graph.subgraphs.get(subgraph);
        let endpoint = |port: &Port| {
            let value = part?.values.get(port.value)?;
            let mut endpoint = Endpoint::new(port.name.clone(), value.element_type, value.shape.clone());
            endpoint.quantization = grid(value);
            Some(endpoint)
        };
        ports.iter().filter_map(endpoint).collect()
    }

    /// Returns the number of a signature in its file.
    fn number(&self, signature: &Signature) -> usize {
        self.graph.signatures.iter().position(|other| other.name == signature.name).unwrap_or(0)
    }

    /// Gives the inputs to the interpreter of a signature, and runs it.
    fn invoke(&mut self, signature: &Signature, inputs: &[(&str, Array)]) -> Result<(), RunError> {
        let failed = |reason: String| RunError::Model { reason };
        let Some(part) = self.graph.subgraphs.get(signature.subgraph) else {
            return Err(failed(format!("there is no subgraph {}", signature.subgraph)));
        };
        let known = || signature.inputs.iter().map(|port| port.name.as_str()).collect::<Vec<_>>();
        if let Some((name, _)) = inputs.iter().find(|(name, _)| !known().contains(name)) {
            return Err(RunError::Input { name: (*name).into(), reason: format!("the model takes {:?}", known()) });
        }
        let mut given = Vec::new();
        for port in &signature.inputs {
            let of = |reason: String| RunError::Input { name: port.name.clone(), reason };
            let found = inputs.iter().find(|(name, _)| *name == port.name);
            let (_, array) = found.ok_or_else(|| of("it is not given".into()))?;
            let value = part.values.get(port.value).ok_or_else(|| of("it is no value".into()))?;
            fits(array.shape(), value).map_err(of)?;
            let bytes = bytes(array, value.element_type, grid(value)).map_err(of)?;
            given.push(Given { value: port.value, shape: array.shape().to_vec(), bytes });
        }
        let number = self.number(signature);
        if self.interpreter.as_ref().is_none_or(|(of, _)| *of != number) {
            let place = Place {
                model: &self.bytes,
                signature: number,
                subgraph: signature.subgraph,
                inputs: &part.inputs,
                outputs: self.outputs.get(signature.subgraph).map(Vec::as_slice).unwrap_or_default(),
            };
            self.interpreter = Some((number, self.library.interpreter(&place).map_err(failed)?));
        }
        let Some((_, interpreter)) = &mut self.interpreter else { return Ok(()) };
        interpreter.run(&given).map_err(failed)
    }

    /// Returns an output of the last run.
    fn output(&mut self, subgraph: usize, value: usize) -> Result<Array, RunError> {
        let failed = |reason: String| RunError::Model { reason };
        let of = self.graph.value(ValueId { subgraph, value });
        let (Some((_, interpreter)), Some(of)) = (&mut self.interpreter, of) else {
            return Err(failed(format!("there is no output {value}")));
        };
        let (shape, bytes) = interpreter.output(value).map_err(failed)?;
        array(&bytes, of.element_type, &shape).map_err(|reason| failed(format!("{:?}: {reason}", of.name)))
    }
}

/// Whether the shape of what an operator makes comes from numbers that are no constants.
fn is_shape_computed(part: &Subgraph, operator: &Operator) -> bool {
    let shape_inputs: &[usize] = match operator.op {
        Op::Reshape
        | Op::Pad
        | Op::MirrorPad
        | Op::Tile
        | Op::BroadcastTo
        | Op::ExpandDims
        | Op::ResizeBilinear
        | Op::ResizeNearest => &[1],
        Op::Slice | Op::StridedSlice => &[1, 2, 3],
        Op::Fill | Op::TransposeConv => &[0],
        _ => &[],
    };
    let values = shape_inputs.iter().filter_map(|&input| part.values.get(operator.input(input)?));
    values.into_iter().any(|value| value.constant.is_none())
}

impl Runner for LiteRt {
    fn signatures(&self) -> Vec<String> {
        self.graph.signatures.iter().map(|signature| signature.name.clone()).collect()
    }

    fn inputs(&self, signature: Option<&str>) -> Result<Vec<Endpoint>, RunError> {
        let signature = self.signature(signature)?;
        Ok(self.endpoints(signature.subgraph, &signature.inputs))
    }

    fn outputs(&self, signature: Option<&str>) -> Result<Vec<Endpoint>, RunError> {
        let signature = self.signature(signature)?;
        Ok(self.endpoints(signature.subgraph, &signature.outputs))
    }

    fn run(
        &mut self,
        signature: Option<&str>,
        inputs: &[(&str, Array)],
        observe: &mut Observe<'_>,
    ) -> Result<Vec<(String, Array)>, RunError> {
        let signature = self.signature(signature)?;
        self.invoke(&signature, inputs)?;
        let subgraph = signature.subgraph;
        let part = self.graph.subgraphs.get(subgraph).cloned().unwrap_or_default();
        let outputs = self.outputs.get(subgraph).cloned().unwrap_or_default();
        let mut show = |value: usize, array: &Array| {
            let Some(of) = part.values.get(value) else { return Ok(()) };
            if !(of.element_type.is_float() || grid(of).is_some()) {
                return Ok(());
            }
            let id = ValueId { subgraph, value };
            observe(&ValueView::new(id, &of.name, reals(array, grid(of)).view()))
        };
        for port in &signature.inputs {
            if let Some((_, array)) = inputs.iter().find(|(name, _)| *name == port.name) {
                let value = part.values.get(port.value);
                // What the model sees: an input of codes has been rounded to them.
                let seen = match (array, value.and_then(grid)) {
                    (Array::F32(_), Some(_)) => value.and_then(|value| {
                        let codes = bytes(array, value.element_type, grid(value)).ok()?;
                        crate::numbers::array(&codes, value.element_type, array.shape()).ok()
                    }),
                    _ => None,
                };
                show(port.value, seen.as_ref().unwrap_or(array))?;
            }
        }
        let mut results = Vec::new();
        let made = part.operators.iter().flat_map(|operator| operator.outputs.iter().copied());
        let mut order: Vec<usize> = made.filter(|value| outputs.contains(value)).collect();
        order.extend(outputs.iter().copied().filter(|value| !order.contains(value)).collect::<Vec<_>>());
        for value in order {
            let array = self.output(subgraph, value)?;
            if !part.inputs.contains(&value) {
                show(value, &array)?;
            }
            results
                .extend(signature.outputs.iter().filter(|port| port.value == value).map(|port| (port, array.clone())));
        }
        let named = |port: &Port| {
            let found = results.iter().find(|(of, _)| of.name == port.name).map(|(_, array)| array.clone());
            let missing = || RunError::Model { reason: format!("{:?} is no output of its subgraph", port.name) };
            Ok((port.name.clone(), found.ok_or_else(missing)?))
        };
        signature.outputs.iter().map(named).collect()
    }

    fn reset(&mut self) {
        // Variables, of either kind, live in the interpreter.
        self.interpreter = None;
    }

    fn graph(&self) -> Option<&Graph> {
        Some(&self.graph)
    }
}

/// Returns what is wrong with the shape of an input, if anything is.
fn fits(shape: &[usize], value: &Value) -> Result<(), String> {
    let Some(due) = &value.shape else { return Ok(()) };
    // The length of the first axis is the number of samples.
    let same = |(axis, (due, len)): (usize, (&Option<usize>, &usize))| axis == 0 || due.is_none_or(|due| due == *len);
    if due.len() == shape.len() && due.iter().zip(shape).enumerate().all(same) {
        return Ok(());
    }
    let due: Vec<String> = due.iter().map(|len| len.map_or("any".into(), |len| len.to_string())).collect();
    Err(format!("the shape {shape:?}, where [{}] is due", due.join(", ")))
}

/// Returns the one scale and zero point of a value's codes.
fn grid(value: &Value) -> Option<(f32, i64)> {
    let quantization = value.quantization.as_ref()?;
    let (&[scale], &[zero_point]) = (&quantization.scales[..], &quantization.zero_points[..]) else { return None };
    let is_code = matches!(value.element_type, ElementType::I8 | ElementType::U8 | ElementType::I16);
    (is_code && scale > 0.0 && scale.is_finite()).then_some((scale, zero_point))
}
