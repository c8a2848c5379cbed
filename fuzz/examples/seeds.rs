//! Writes the seeds: small valid files of every kind, and a few bytes for the targets that take any.
//!
//! `cargo run --release --example seeds`, in this folder.

use ndarray::{Array1, Array2, ArrayD, IxDyn};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use tensor_quant::calibration::{Calibrator, State, Statistics};
use tensor_quant::model::safetensors::{Reader, Stored, Writer};
use tensor_quant::num::{Code, I4, U4};
use tensor_quant::params::Affine;
use tensor_quant::pipeline::{Options, Overwrite, quantize_file};
use tensor_quant::range::{
    AnyEstimator, Entropy, Fixed, LpNorm, MeanStd, MinMax, MovingAverage, Mse, Octav, Percentile,
};
use tensor_quant::recipe::Recipe;
use tensor_quant::{ParamsCalculator, RangeEstimator, Result, Scheme, quantize_tensor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let seeds = |target: &str| -> std::io::Result<PathBuf> {
        let folder = root.join("seeds").join(target);
        fs::create_dir_all(&folder).map(|()| folder)
    };
    safetensors(&seeds("safetensors")?)?;
    tflite(&seeds("tflite")?, &root.join("../tests/tflite"))?;
    recipes(&seeds("recipe")?)?;
    calibrations(&seeds("calibration")?)?;
    for target in ["tensors", "parts"] {
        bytes(&seeds(target)?)?;
    }
    Ok(())
}

fn weights() -> ArrayD<f32> {
    ArrayD::from_shape_fn(IxDyn(&[3, 5]), |i| ((i[0] * 5 + i[1]) as f32 * 0.7).sin() * (i[0] + 1) as f32)
}

fn safetensors(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    // One element of each type that is read, and one that is not.
    let mut data = Vec::new();
    data.extend_from_slice(&7_i64.to_le_bytes());
    data.extend_from_slice(&1.25_f64.to_le_bytes());
    weights().iter().for_each(|x| data.extend_from_slice(&x.to_le_bytes()));
    data.extend_from_slice(&[0x00, 0x3e, 0x80, 0x3f]);
    let header = r#"{"__metadata__":{"format":"pt"},"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"wide":{"dtype":"F64","shape":[1,1],"data_offsets":[8,16]},"w":{"dtype":"F32","shape":[3,5],"data_offsets":[16,76]},"half":{"dtype":"F16","shape":[1],"data_offsets":[76,78]},"b":{"dtype":"BF16","shape":[],"data_offsets":[78,80]}}"#;
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.extend_from_slice(&data);
    fs::write(folder.join("floats"), file)?;
    fs::write(folder.join("nothing"), [&2_u64.to_le_bytes()[..], b"{}"].concat())?;

    coded(&folder.join("i8-per-axis"), &Scheme::<i8>::symmetric().with_axis(0))?;
    coded(&folder.join("u8-per-tensor"), &Scheme::<u8>::affine())?;
    coded(&folder.join("i4-in-blocks"), &Scheme::<I4>::symmetric().with_blocks(1, 2))?;
    let offsets = Scheme::<U4>::affine().with_calculator(Affine::without_zero()).with_axis(1);
    coded(&folder.join("u4-with-offsets"), &offsets)?;
    Ok(())
}

fn coded<C: Code>(path: &Path, scheme: &Scheme<C, impl RangeEstimator, impl ParamsCalculator>) -> Result<()> {
    let q = quantize_tensor(weights().view(), scheme)?;
    let stored = Stored::quantized::<C>(q.codes().shape(), scheme.granularity);
    let stored = if q.params().offsets().is_empty() { stored } else { stored.with_offset() };
    let mut writer = Writer::create(path, vec![("w".into(), stored)], HashMap::new())?;
    writer.write_quantized("w", &q)?;
    writer.finish()?;
    Reader::open(path)?.restore("w").map(|_| ())
}

fn tflite(folder: &Path, samples: &Path) -> Result<(), Box<dyn std::error::Error>> {
    for name in ["odd", "outside"] {
        let sample = samples.join(name).with_extension("tflite");
        fs::copy(&sample, folder.join(name))?;
        for recipe in ["float16", "int8-dynamic", "int4-weight-only"] {
            let options = Options { overwrite: Overwrite::Existing, ..Options::default() };
            let output = folder.join(format!("{name}-{recipe}"));
            // Where a recipe would change nothing there is no such seed.
            let _ = quantize_file(&sample, output, &Recipe::named(recipe)?, &options, &mut |_| ());
        }
    }
    Ok(())
}

fn recipes(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    for recipe in Recipe::ready_made() {
        fs::write(folder.join(&recipe.name), Recipe::text_of(&recipe.name)?)?;
    }
    fs::write(folder.join("json"), Recipe::named("int4-dynamic")?.to_json())?;
    let every_field = r#"
name = "every field"
description = ""
exclude = ["*head*", "?"]

[[rule]]
names = ["*kernel"]
operators = ["CONV_2D"]
inputs = "any"
element-types = ["f32", "f16"]
min-elements = 1
max-elements = 18446744073709551615
to = "int4"
compute = "dynamic-range"
estimator = "octav"
codes = "full"
axis = 1

[[rule]]
to = "keep"
"#;
    fs::write(folder.join("every-field"), every_field)?;
    Ok(())
}

fn calibrations(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    calibration(folder, Entropy::default())?;
    calibration(folder, Fixed::new(tensor_quant::params::ValueRange::new(-1.0, 1.0)?))?;
    calibration(folder, LpNorm::new(2.4)?)?;
    calibration(folder, MeanStd::new(3.0)?)?;
    calibration(folder, MinMax::default())?;
    calibration(folder, MovingAverage::new(0.1)?)?;
    calibration(folder, Mse::default())?;
    let mut statistics = Statistics::new(AnyEstimator::from(Mse::default()));
    statistics.add_second_moments(0, 1, 3)?;
    let rows = ndarray::array![[0.5_f32, -2.0, 1e-3], [7.0, 0.0, 1.0]];
    statistics.observe("relu1", &rows.view().into_dyn(), true)?;
    statistics.observe_rows(0, rows.view())?;
    statistics.count_samples(2);
    fs::write(folder.join("statistics"), statistics.to_json()?)?;
    calibration(folder, Octav::default())?;
    calibration(folder, Percentile::two_sided(0.99)?)?;
    Ok(())
}

/// One calibrator of a few values, one of two channels, one of more than are kept as they are.
fn calibration<E: State>(folder: &Path, fresh: E) -> Result<(), Box<dyn std::error::Error>> {
    let few = Calibrator::new(fresh.clone());
    few.observe("x", Array1::from(vec![0.5_f32, -1.0, f32::NAN, 0.0]).view())?;
    let channels = Calibrator::new(fresh.clone()).with_axis(1);
    channels.observe("x", Array2::from_shape_fn((3, 2), |(i, j)| (i as f32 - j as f32) * 0.25).view())?;
    let many = Calibrator::new(fresh);
    many.observe("x", Array1::from_shape_fn(5000, |i| (i % 7) as f32 - 2.0).view())?;
    for (what, calibrator) in [("few", few), ("channels", channels), ("many", many)] {
        fs::write(folder.join(format!("{}-{what}", E::NAME)), calibrator.to_json()?)?;
    }
    Ok(())
}

/// Bytes without a pattern.
fn bytes(folder: &Path) -> std::io::Result<()> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for (i, len) in [64, 200, 500, 1500].into_iter().enumerate() {
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.push(state as u8);
        }
        fs::write(folder.join(i.to_string()), bytes)?;
    }
    Ok(())
}
