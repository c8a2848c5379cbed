//! Tells what choosing weights for samples gains: `better_weights MODEL CALIBRATION.npz FRESH.npz`. Each file of data has one array
//! a model's input, of f32, whose first axis counts samples; the second file's are the ones that figures are of.

use ndarray::{ArrayD, Axis, IxDyn, OwnedRepr};
use ndarray_npy::NpzReader;
use std::error::Error;
use std::fs::File;
use tensor_quant::calibration::Runner;
use tensor_quant::pipeline::{Data, Options, quantize_file_with};
use tensor_quant::recipe::{Effort, Recipe};
use tensor_quant_run::{Executor, PureRust, Sample, evaluate};

fn samples(path: &str, model: &Executor) -> Result<Vec<Sample>, Box<dyn Error>> {
    let mut npz = NpzReader::new(File::open(path)?)?;
    let mut arrays: Vec<(String, ArrayD<f32>)> = Vec::new();
    for input in model.inputs(None)? {
        arrays.push((input.name.clone(), npz.by_name::<OwnedRepr<f32>, IxDyn>(&input.name)?));
    }
    let count = arrays.first().map_or(0, |(_, array)| array.shape()[0]);
    let of = |at: usize| {
        let one = |array: &ArrayD<f32>| array.index_axis(Axis(0), at).insert_axis(Axis(0)).to_owned();
        arrays.iter().map(|(name, array)| (name.clone(), one(array).into())).collect()
    };
    Ok((0..count).map(of).collect())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, calibration, fresh] = &arguments[..] else {
        return Err("better_weights MODEL CALIBRATION.npz FRESH.npz".into());
    };
    let mut float = Executor::open(model)?;
    let (calibration, fresh) = (samples(calibration, &float)?, samples(fresh, &float)?);
    let data = Data { engine: &PureRust, samples: &calibration };
    let folder = tempfile::tempdir()?;
    for name in ["int4-weight-only", "int8-weight-only"] {
        for effort in [Effort::None, Effort::Bias, Effort::Full] {
            let mut recipe = Recipe::named(name)?;
            recipe.rules.iter_mut().for_each(|rule| rule.improve = Some(effort));
            let output = folder.path().join(format!("{name}-{effort:?}"));
            let done = quantize_file_with(model, &output, &recipe, &Options::default(), Some(data), &mut |_| ())?;
            let lost = evaluate(&mut float, &mut Executor::open(&output)?, None, fresh.iter().cloned().map(Ok), None)?;
            let (bytes, db, seconds) = (done.bytes_out, lost.sqnr_db(), done.seconds);
            println!("{name} {effort:?}: {bytes} bytes, {db:.2} dB, {seconds:.1} s");
        }
    }
    Ok(())
}
