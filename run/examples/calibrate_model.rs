//! Prints the ranges of a model's values on data: `calibrate MODEL DATA.npz [SAMPLES]`. The array named as the model's input,
//! `calib/INPUT`, `SIGNATURE/INPUT` or `images` has its samples along the first axis; bytes are divided by 255.

use ndarray::{ArrayD, Axis, IxDyn, OwnedRepr};
use ndarray_npy::NpzReader;
use std::error::Error;
use std::fs::File;
use std::time::Instant;
use tensor_quant::calibration::Runner;
use tensor_quant::range::MinMax;
use tensor_quant_run::{Calibration, Executor};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, data, rest @ ..] = &arguments[..] else { return Err("calibrate MODEL DATA.npz [SAMPLES]".into()) };
    let mut executor = Executor::open(model)?;
    let mut npz = NpzReader::new(File::open(data)?)?;
    let names = npz.names()?;
    let input = executor.inputs(None)?.into_iter().next().ok_or("the model has no input")?.name;
    let is_input = |key: &&String| key.rsplit('/').next() == Some(&input) || **key == "images";
    let key = names.iter().find(is_input).ok_or_else(|| format!("{names:?} has no {input:?}"))?;
    let bytes = npz.by_name::<OwnedRepr<u8>, IxDyn>(key).map(|bytes| bytes.mapv(|byte| f32::from(byte) / 255.0));
    let samples: ArrayD<f32> = bytes.or_else(|_| npz.by_name::<OwnedRepr<f32>, IxDyn>(key))?;
    let count = rest.first().map_or(Ok(samples.shape()[0]), |text| text.parse())?;
    let mut calibration = Calibration::new(executor.graph(), MinMax::default());
    let start = Instant::now();
    for i in 0..count {
        let i = i % samples.shape()[0];
        let sample = samples.slice_axis(Axis(0), (i..=i).into()).to_owned();
        calibration.observe(&mut executor, None, &vec![(input.clone(), sample.into())])?;
    }
    println!("{count} samples in {:.2} s", start.elapsed().as_secs_f64());
    for name in calibration.ranges().names() {
        if let Some(seen) = calibration.ranges().seen(&name) {
            println!("{:12.5} {:12.5}  {name}", seen.min, seen.max);
        }
    }
    Ok(())
}
