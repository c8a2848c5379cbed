//! Compares every value of models in TensorFlow Lite with those of the executor: `agree MODEL…`, the library by `LITERT_LIBRARY`.
//! Prints the largest difference of each model beside its values' range, and fails if one is more than 1e-5.

use std::collections::BTreeMap;
use std::error::Error;
use tensor_quant::calibration::{Array, Runner};
use tensor_quant::graph::ValueId;
use tensor_quant_litert::Library;
use tensor_quant_run::Executor;
use tensor_quant_run::data::Data;

/// The largest difference beside a value's range.
const MOST: f32 = 1e-5;

type Values = BTreeMap<ValueId, (String, Vec<f32>)>;

type Outputs = Vec<(String, Array)>;

/// Runs a sample and returns all values, and the outputs.
fn values(runner: &mut dyn Runner, inputs: &[(&str, Array)]) -> Result<(Values, Outputs), Box<dyn Error>> {
    let mut values = Values::new();
    let outputs = runner.run(None, inputs, &mut |value| {
        values.insert(value.id, (value.name.to_owned(), value.values.iter().copied().collect()));
        Ok(())
    })?;
    Ok((values, outputs))
}

fn main() -> Result<(), Box<dyn Error>> {
    let library = Library::open(None)?;
    println!("{}", library.name());
    let mut is_wrong = false;
    for path in std::env::args().skip(1) {
        let (mut theirs, mut ours) = (library.load(&path)?, Executor::open(&path)?);
        let data = Data::noise(&ours, None, 2)?;
        let (mut worst, mut of, mut shown) = (0.0_f32, String::new(), 0);
        for sample in data.samples() {
            let sample = sample?;
            let inputs: Vec<(&str, Array)> =
                sample.iter().map(|(name, array)| (name.as_str(), array.clone())).collect();
            let (a, their_outputs) = values(&mut theirs, &inputs)?;
            let (b, our_outputs) = values(&mut ours, &inputs)?;
            shown = a.len();
            for (id, (name, x)) in &a {
                let Some((_, y)) = b.get(id) else { return Err(format!("{path}: no value {name:?}").into()) };
                let range = y.iter().fold(1e-6_f32, |most, y| most.max(y.abs()));
                let far = x.iter().zip(y).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max) / range;
                let far = if x.len() == y.len() { far } else { f32::INFINITY };
                if far > worst || far.is_nan() {
                    (worst, of) = (far, name.clone());
                }
            }
            for ((name, x), (other, y)) in their_outputs.iter().zip(&our_outputs) {
                if name != other || x.shape() != y.shape() || x.element_type() != y.element_type() {
                    return Err(format!("{path}: outputs {name:?} and {other:?} are not alike").into());
                }
            }
        }
        println!("{worst:9.2e}  {shown:4} values  {path}  {of}");
        is_wrong |= worst > MOST || worst.is_nan();
    }
    if is_wrong { Err("a value is further off than 1e-5 of its range".into()) } else { Ok(()) }
}
