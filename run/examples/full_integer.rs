//! A classifier of handwritten digits in float, in dynamic range, and all in integers, side by side: the size of each, how many
//! digits it recognises, and what its outputs lose.
//!
//! `full_integer [FOLDER]`: with a folder, the models are left there.

use ndarray::{Array1, Array4, Axis};
use ndarray_npy::NpzReader;
use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;
use tensor_quant::calibration::{Runner, Sample};
use tensor_quant::pipeline::{Data, Options, Overwrite, quantize_file_with};
use tensor_quant::recipe::Recipe;
use tensor_quant_run::data::Classes;
use tensor_quant_run::{Executor, PureRust, evaluate};

fn main() -> Result<(), Box<dyn Error>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data");
    let temporary = tempfile::tempdir()?;
    let folder = std::env::args().nth(1).map_or_else(|| temporary.path().to_path_buf(), PathBuf::from);
    fs::create_dir_all(&folder)?;
    let model = data.join("mnist_cnn.tflite");

    let mut npz = NpzReader::new(File::open(data.join("mnist_test.npz"))?)?;
    let input = Executor::open(&model)?.inputs(None)?.remove(0).name;
    let samples = |images: Array4<u8>| -> Vec<Sample> {
        let image =
            |image: ndarray::ArrayView3<'_, u8>| image.mapv(|x| f32::from(x) / 255.0).insert_axis(Axis(0)).into_dyn();
        images.outer_iter().map(|pixels| vec![(input.clone(), image(pixels).into())]).collect()
    };
    // Two hundred images to learn ranges from, others to judge with.
    let calibration = samples(npz.by_name("calibration")?);
    let test = samples(npz.by_name("images")?);
    let labels: Array1<u8> = npz.by_name("labels")?;
    let labels = Classes::from(labels.into_iter().map(usize::from).collect::<Vec<_>>());

    println!("{:14} {:>8} {:>6} {:>12} {:>9} {:>9}", "", "bytes", "ratio", "recognised", "outputs", "took");
    let bytes = fs::metadata(&model)?.len();
    for recipe in ["float", "int8-dynamic", "int8", "int16x8"] {
        let mut output = model.clone();
        let start = Instant::now();
        if recipe != "float" {
            output = folder.join(format!("{recipe}.tflite"));
            let options = Options { overwrite: Overwrite::Existing, ..Options::default() };
            let data = Data { engine: &PureRust, samples: &calibration };
            quantize_file_with(&model, &output, &Recipe::named(recipe)?, &options, Some(data), &mut |_| ())?;
        }
        let took = start.elapsed().as_secs_f64();
        let (mut float, mut judged) = (Executor::open(&model)?, Executor::open(&output)?);
        let result = evaluate(&mut float, &mut judged, None, test.iter().cloned().map(Ok), Some(&labels))?;
        let right = result.labels.map_or(0, |labels| labels.judged);
        let size = fs::metadata(&output)?.len();
        println!(
            "{recipe:14} {size:>8} {:>6.3} {:>12} {:>6.1} dB {took:>7.2} s",
            size as f64 / bytes as f64,
            format!("{right} of {}", labels.samples()),
            result.sqnr_db(),
        );
    }
    Ok(())
}
