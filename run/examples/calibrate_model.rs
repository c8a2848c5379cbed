//! Prints the ranges of a model's values on data: `calibrate_model MODEL DATA [SAMPLES] [ARRAY] [SCALE]`, the last two as in
//! `images 1/255`.

use std::error::Error;
use std::time::Instant;
use tensor_quant::range::MinMax;
use tensor_quant_run::data::{Data, Normalization, Reading};
use tensor_quant_run::{Calibration, Executor};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, data, rest @ ..] = &arguments[..] else { return Err("calibrate_model MODEL DATA".into()) };
    let mut executor = Executor::open(model)?;
    let mut reading = Reading::default();
    if let Some(count) = rest.first() {
        reading = reading.with_limit(count.parse()?);
    }
    if let Some(array) = rest.get(1) {
        reading = reading.with_array(None, array);
    }
    if let Some(scale) = rest.get(2) {
        reading = reading.with_normalization(Normalization::new("0", scale)?);
    }
    let data = Data::open(data, &executor, &reading)?;
    let mut calibration = Calibration::new(executor.graph(), MinMax::default());
    let start = Instant::now();
    for sample in data.samples() {
        calibration.observe(&mut executor, None, &sample?)?;
    }
    println!("{} samples in {:.2} s", calibration.samples(), start.elapsed().as_secs_f64());
    for name in calibration.ranges().names() {
        if let Some(seen) = calibration.ranges().seen(&name) {
            println!("{:12.5} {:12.5}  {name}", seen.min, seen.max);
        }
    }
    Ok(())
}
