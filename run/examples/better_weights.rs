//! Tells what choosing weights for samples gains: `better_weights MODEL CALIBRATION.npz FRESH.npz [FOLDER]`. Each file of data has one
//! array a model's input, whose first axis counts samples; the second file's are the ones that figures are of. Models are left in the folder,
//! if one is named.

use std::error::Error;
use std::path::Path;
use tensor_quant::pipeline::{Data, Options, Overwrite, quantize_file_with};
use tensor_quant::recipe::{Effort, Recipe};
use tensor_quant_run::data::{self, Reading};
use tensor_quant_run::{Executor, PureRust, evaluate};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, calibration, fresh, folder @ ..] = &arguments[..] else {
        return Err("better_weights MODEL CALIBRATION.npz FRESH.npz [FOLDER]".into());
    };
    let mut float = Executor::open(model)?;
    let samples = |path: &String| data::Data::open(path, &float, &Reading::default());
    let (calibration, fresh) = (samples(calibration)?, samples(fresh)?);
    let data = Data { engine: &PureRust, samples: &calibration };
    let temporary = tempfile::tempdir()?;
    let folder = folder.first().map_or(temporary.path(), Path::new);
    let options = Options { overwrite: Overwrite::Existing, ..Options::default() };
    for name in ["int4-weight-only", "int8-weight-only"] {
        // The last is what is done where a recipe says nothing.
        for effort in [Some(Effort::None), Some(Effort::Bias), Some(Effort::Full), None] {
            let mut recipe = Recipe::named(name)?;
            recipe.rules.iter_mut().for_each(|rule| rule.improve = effort);
            let said = effort.map_or("all".into(), |effort| format!("{effort:?}").to_lowercase());
            let output = folder.join(format!("{name}-{said}.tflite"));
            let done = quantize_file_with(model, &output, &recipe, &options, Some(data), &mut |_| ())?;
            let lost = evaluate(&mut float, &mut Executor::open(&output)?, None, fresh.samples(), None)?;
            let (bytes, db, seconds) = (done.bytes_out, lost.sqnr_db(), done.seconds);
            println!("{name} {said}: {bytes} bytes, {db:.2} dB, {seconds:.1} s");
        }
    }
    Ok(())
}
