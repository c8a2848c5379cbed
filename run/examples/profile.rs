//! Tells where a model's time goes: `profile MODEL [RUNS]`. For each kind of operator the shortest time of all runs, summed,
//! and multiplications a second where they count.

use ndarray::ArrayD;
use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;
use tensor_quant::calibration::{Array, Runner};
use tensor_quant::graph::{ElementType, Op, Operator};
use tensor_quant_run::Executor;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut executor = Executor::open(arguments.first().ok_or("profile MODEL [RUNS]")?)?;
    let runs: usize = arguments.get(1).map_or(Ok(20), |text| text.parse())?;
    let endpoints = executor.inputs(None)?;
    let inputs: Vec<(&str, Array)> = endpoints
        .iter()
        .map(|input| {
            let shape: Vec<usize> = input.shape.iter().flatten().map(|len| len.unwrap_or(1)).collect();
            let array = match input.element_type {
                ElementType::I32 => Array::I32(ArrayD::zeros(shape)),
                ElementType::I64 => Array::I64(ArrayD::zeros(shape)),
                ElementType::Bool => Array::Bool(ArrayD::from_elem(shape, false)),
                _ => Array::F32(ArrayD::from_elem(shape, 0.5)),
            };
            (input.name.as_str(), array)
        })
        .collect();
    let graph = executor.graph().clone();
    let part = &graph.subgraphs[0];
    let makers: BTreeMap<usize, usize> =
        part.operators.iter().enumerate().flat_map(|(i, op)| op.outputs.iter().map(move |&out| (out, i))).collect();
    let mut best: BTreeMap<usize, (f64, Vec<usize>)> = BTreeMap::new();
    let mut whole = f64::INFINITY;
    for _ in 0..runs {
        let start = Instant::now();
        let mut last = start;
        executor.run(None, &inputs, &mut |value| {
            let now = Instant::now();
            if let Some(&operator) = makers.get(&value.id.value).filter(|_| value.id.subgraph == 0) {
                let shape = value.values.shape().to_vec();
                let entry = best.entry(operator).or_insert((f64::INFINITY, shape));
                entry.0 = entry.0.min((now - last).as_secs_f64());
            }
            last = Instant::now();
            Ok(())
        })?;
        whole = whole.min(start.elapsed().as_secs_f64());
    }
    let mut kinds: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (operator, (seconds, shape)) in &best {
        let operator = &part.operators[*operator];
        let kind = kinds.entry(&operator.name).or_default();
        kind.0 += seconds;
        kind.1 += multiplications(operator, &|value| part.values[value].known_shape(), shape);
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by(|a, b| b.1.0.total_cmp(&a.1.0));
    println!("{:.3} ms", whole * 1e3);
    for (name, (seconds, products)) in kinds {
        let speed = if products > 0.0 { format!("{:.1} GMAC/s", products / seconds / 1e9) } else { String::new() };
        println!("{name:28} {:8.3} ms  {:9.2} MMAC  {speed}", seconds * 1e3, products / 1e6);
    }
    Ok(())
}

fn multiplications(operator: &Operator, shape_of: &dyn Fn(usize) -> Option<Vec<usize>>, out: &[usize]) -> f64 {
    let weights = operator.input(1).and_then(shape_of).unwrap_or_default();
    let out: f64 = out.iter().map(|&len| len as f64).product();
    match operator.op {
        Op::Conv => out * weights.iter().skip(1).map(|&len| len as f64).product::<f64>(),
        Op::DepthwiseConv => out * weights.iter().take(3).map(|&len| len as f64).product::<f64>(),
        Op::FullyConnected => out * weights.last().map_or(0.0, |&len| len as f64),
        _ => 0.0,
    }
}
