//! Runs a model on the arrays of a `.npz` file, named `t` and the tensor's number, and writes every real value of its
//! first subgraph into another, named `v` and the number: `dump MODEL INPUTS.npz VALUES.npz`.
//!
//! `dump MODEL` lists what cannot be run.

use ndarray::{ArrayD, IxDyn, OwnedRepr};
use ndarray_npy::{NpzReader, NpzWriter};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::time::Instant;
use tensor_quant::calibration::{Array, Runner};
use tensor_quant_run::Executor;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let model = arguments.first().ok_or("dump MODEL INPUTS.npz VALUES.npz")?;
    let mut executor = Executor::open(model)?;
    let (Some(inputs), Some(out)) = (arguments.get(1), arguments.get(2)) else {
        println!("{}", executor.missing(None)?.join(", "));
        return Ok(());
    };
    let signature = executor.graph().signature(None).ok_or("the model has no signature")?;
    let mut npz = NpzReader::new(File::open(inputs)?)?;
    let mut arrays = Vec::new();
    for port in &signature.inputs {
        arrays.push((port.name.as_str(), read(&mut npz, &format!("t{}", port.value))?));
    }
    let mut values: BTreeMap<usize, ArrayD<f32>> = BTreeMap::new();
    executor.run(None, &arrays, &mut |value| {
        if value.id.subgraph == signature.subgraph {
            values.insert(value.id.value, value.values.to_owned());
        }
        Ok(())
    })?;
    let mut writer = NpzWriter::new(File::create(out)?);
    for (number, value) in &values {
        writer.add_array(format!("v{number}"), value)?;
    }
    writer.finish()?;
    // Once more, for the time.
    executor.reset();
    let start = Instant::now();
    executor.run(None, &arrays, &mut |_| Ok(()))?;
    println!("{:.3}", start.elapsed().as_secs_f64() * 1e3);
    Ok(())
}

fn read(npz: &mut NpzReader<File>, name: &str) -> Result<Array, Box<dyn Error>> {
    macro_rules! try_type {
        ($($t:ty => $variant:ident),*) => {$(
            if let Ok(array) = npz.by_name::<OwnedRepr<$t>, IxDyn>(name) {
                return Ok(Array::$variant(array));
            }
        )*};
    }
    try_type!(f32 => F32, i64 => I64, i32 => I32, i16 => I16, i8 => I8, u8 => U8, bool => Bool);
    Err(format!("{name} is not there, or of another type").into())
}
