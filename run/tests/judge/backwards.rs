//! Gradients are what small steps come to.

use ndarray::{ArrayD, IxDyn};
use std::collections::HashMap;
use tensor_quant::calibration::{Array, Backwards, Endpoint, Runner, ValueView};
use tensor_quant::graph::{Graph, ValueId};
use tensor_quant_run::Executor;

/// Numbers that look random, in −1..1.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as f64 / f64::from(1_u32 << 30) - 1.0) as f32
    }
}

/// Gradients of a weighed sum of outputs.
struct Sum {
    weights: Vec<(ValueId, ArrayD<f32>)>,
    gradients: HashMap<ValueId, ArrayD<f32>>,
}

impl Backwards for Sum {
    fn value(&mut self, _: &ValueView<'_>) {}

    fn seeds(&mut self, round: usize) -> Option<Vec<(ValueId, ArrayD<f32>)>> {
        (round == 0).then(|| self.weights.clone())
    }

    fn gradient(&mut self, gradient: &ValueView<'_>) {
        self.gradients.insert(gradient.id, gradient.values.to_owned());
    }
}

/// Few values cross the bend of a rectifier in so small a step.
const STEP: f32 = 1e-3;

fn outputs(graph: &Graph) -> Vec<ValueId> {
    let signature = graph.signature(None).unwrap();
    signature.outputs.iter().map(|port| ValueId { subgraph: signature.subgraph, value: port.value }).collect()
}

/// Checks the gradients of all values of a model that depend on weights, and returns how many there are.
fn check(path: &str, seed: u64) -> usize {
    let (mut executor, mut random) = (Executor::open(path).unwrap(), Random(seed));
    let shape =
        |endpoint: &Endpoint| endpoint.shape.as_ref().unwrap().iter().map(|len| len.unwrap_or(1)).collect::<Vec<_>>();
    let endpoints = executor.inputs(None).unwrap();
    let inputs: Vec<(&str, Array)> = endpoints
        .iter()
        .map(|endpoint| {
            let values = ArrayD::from_shape_simple_fn(IxDyn(&shape(endpoint)), || random.next().abs());
            (endpoint.name.as_str(), values.into())
        })
        .collect();
    let made = executor.run(None, &inputs, &mut |_| Ok(())).unwrap();
    let outputs = outputs(executor.graph());
    let weights: Vec<(ValueId, ArrayD<f32>)> = outputs
        .into_iter()
        .zip(&made)
        .map(|(id, (_, value))| (id, ArrayD::from_shape_simple_fn(IxDyn(value.shape()), || random.next())))
        .collect();
    let mut sum = Sum { weights: weights.clone(), gradients: HashMap::new() };
    executor.run_backwards(None, &inputs, &mut sum).unwrap();
    for (id, gradient) in &sum.gradients {
        // Values that an activation holds down are left alone.
        let step = gradient.mapv(|g| if g == 0.0 { 0.0 } else { STEP * random.next() });
        let mut sum_with = |times: f32| {
            let made = executor
                .run_replacing(None, &inputs, &mut |value| (value.id == *id).then(|| &value.values + &step * times))
                .unwrap();
            let sums = weights.iter().zip(made).map(|((_, weights), (_, value))| {
                weights.iter().zip(value.to_f32().iter()).map(|(&w, &y)| f64::from(w) * f64::from(y)).sum::<f64>()
            });
            sums.sum::<f64>()
        };
        let measured = (sum_with(1.0) - sum_with(-1.0)) / 2.0;
        let expected: f64 = gradient.iter().zip(&step).map(|(&g, &s)| f64::from(g) * f64::from(s)).sum();
        let size: f64 =
            gradient.iter().zip(&step).map(|(&g, &s)| (f64::from(g) * f64::from(s)).powi(2)).sum::<f64>().sqrt();
        assert!((measured - expected).abs() < 0.1 * size + 1e-6, "{path} {id:?}: {measured} and not {expected}");
    }
    sum.gradients.len()
}

#[test]
fn gradients_are_what_small_steps_come_to() {
    let root = env!("CARGO_MANIFEST_DIR");
    assert_eq!(check(&format!("{root}/tests/data/mlp.tflite"), 1), 4);
    assert!(check(&format!("{root}/../examples/data/digits_cnn.tflite"), 2) > 5);
}
