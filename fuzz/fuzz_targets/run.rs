//! The graph and the executor: any model is lowered, asked everything, and runs on ones, there and back, or ends in an error, within
//! its limits.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ndarray::ArrayD;
use std::collections::BTreeMap;
use tensor_quant::calibration::{Array, Backwards, Runner, ValueView};
use tensor_quant::graph::{ElementType, Graph, Runtime, ValueId};
use tensor_quant::model::tflite::{Model, integer_version};
use tensor_quant_fuzz::memory;
use tensor_quant_run::{Executor, Limits};

/// An operator takes two dozen bytes of a file, and each of its outputs may be as large as the limit.
const OF_A_BYTE: usize = 1 << 13;
/// Patches, packed matrices, and what is always there.
const ALWAYS: usize = 1 << 24;
const ELEMENTS: usize = 1 << 12;
/// Of all values; an element takes 8 bytes at most.
const HELD: usize = 1 << 18;

fuzz_target!(|bytes: &[u8]| {
    memory::within(ALWAYS + OF_A_BYTE * bytes.len(), || {
        let Ok(mut model) = Model::from_bytes(bytes.to_vec()) else { return };
        ask(&model.graph());
        let _ = model.expose();
        ask(&model.graph());
        let Ok(executor) = Executor::from_bytes(bytes.to_vec()) else { return };
        run(executor);
    });
});

/// Everything that a graph answers.
fn ask(graph: &Graph) {
    let _ = (graph.keys(), graph.signature(None));
    for part in &graph.subgraphs {
        let _ = (part.is_whole(), part.scale_groups(), part.consumers());
        for operator in &part.operators {
            let _ = (operator.bias(), operator.same_scale(), integer_version(operator, 8));
            let _ = (operator.op.fixed_output(8), Runtime::LiteRtXnnpack.kernels(operator.op));
            for (input, value) in operator.inputs.iter().enumerate() {
                let ndim = value.and_then(|value| part.values.get(value)?.ndim());
                let axis = ndim.and_then(|ndim| operator.weights_axis(input, ndim));
                assert!(axis.is_none_or(|axis| ndim.is_some_and(|ndim| axis < ndim)));
            }
        }
    }
}

fn run(executor: Executor) {
    let limits =
        Limits::default().with_elements(ELEMENTS).with_held(HELD).with_multiplications(1 << 22).with_operators(300);
    let mut executor = executor.with_limits(limits);
    let Ok(endpoints) = executor.inputs(None) else { return };
    let mut inputs: Vec<(&str, Array)> = Vec::new();
    for endpoint in &endpoints {
        let shape: Vec<usize> = endpoint.shape.iter().flatten().map(|len| len.unwrap_or(2)).collect();
        let elements = shape.iter().try_fold(1_usize, |n, &len| n.checked_mul(len.max(1)));
        if elements.is_none_or(|n| n > ELEMENTS) {
            return;
        }
        let array = match endpoint.element_type {
            ElementType::I64 => Array::I64(ArrayD::from_elem(shape, 1)),
            ElementType::I32 => Array::I32(ArrayD::from_elem(shape, 1)),
            ElementType::I16 => Array::I16(ArrayD::from_elem(shape, 1)),
            ElementType::I8 => Array::I8(ArrayD::from_elem(shape, 1)),
            ElementType::U8 => Array::U8(ArrayD::from_elem(shape, 1)),
            ElementType::Bool => Array::Bool(ArrayD::from_elem(shape, true)),
            _ => Array::F32(ArrayD::from_elem(shape, 1.0)),
        };
        inputs.push((&endpoint.name, array));
    }
    let _ = executor.run(None, &inputs, &mut |_| Ok(()));
    let mut back = Back::default();
    let _ = executor.run_backwards(None, &inputs, &mut back);
    assert!(back.rounds <= Back::ROUNDS);
}

/// Gradients of all that a run comes to, and what was shown of them.
#[derive(Default)]
struct Back {
    shapes: BTreeMap<(usize, usize), Vec<usize>>,
    rounds: usize,
    is_shown: bool,
}

impl Back {
    /// Of ones, of what is not finite, and of a seed that fits nothing.
    const ROUNDS: usize = 3;
}

impl Backwards for Back {
    fn value(&mut self, value: &ValueView<'_>) {
        self.shapes.insert((value.id.subgraph, value.id.value), value.values.shape().to_vec());
    }

    fn seeds(&mut self, round: usize) -> Option<Vec<(ValueId, ArrayD<f32>)>> {
        (self.rounds, self.is_shown) = (round, false);
        let weight = *[1.0, f32::NAN, 1.0].get(round)?;
        let seed = |(&(subgraph, value), shape): (&(usize, usize), &Vec<usize>)| {
            let mut shape = shape.clone();
            if round == 2 {
                shape.push(2);
            }
            (ValueId { subgraph, value }, ArrayD::from_elem(shape, weight))
        };
        // The main graph's: those of branches and of bodies have no gradients.
        let first = self.shapes.keys().map(|(subgraph, _)| *subgraph).min()?;
        Some(self.shapes.iter().filter(|((subgraph, _), _)| *subgraph == first).map(seed).collect())
    }

    fn gradient(&mut self, gradient: &ValueView<'_>) {
        assert!(!(self.rounds == 1 && self.is_shown), "more than was asked for");
        let shape = self.shapes.get(&(gradient.id.subgraph, gradient.id.value));
        assert!(shape.is_none_or(|shape| shape == gradient.values.shape()), "a gradient of another shape");
        self.is_shown = true;
    }

    fn has_enough(&self) -> bool {
        self.rounds == 1 && self.is_shown
    }
}
