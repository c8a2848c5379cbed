//! Calibrates a classifier's activations with each estimator, and runs it in integers only.
//!
//! ```text
//! cargo run --release --features safetensors --example calibrate
//! ```
//!
//! Two hundred images go through the float model once for each estimator; a `Calibrator` notes what range each activation
//! has. Then 497 others go through int8 weights, int8 activations and int32 sums.

#[path = "../digits_mlp/mod.rs"]
mod digits_mlp;

use digits_mlp::{ACTIVATIONS, Digits, Tensors, agreeing, forward, integers, load};
use ndarray::Array2;
use std::error::Error;
use tensor_quant::Scheme;
use tensor_quant::calibration::Calibrator;
use tensor_quant::metrics::ErrorMetrics;
use tensor_quant::range::{Entropy, MinMax, MovingAverage, Mse, Octav, Percentile, RangeEstimator};

fn main() -> Result<(), Box<dyn Error>> {
    let (tensors, digits) = (load()?, Digits::load()?);
    let float = forward(&tensors, &digits.inputs, |_, _| Ok(()))?;
    let images = digits.labels.len();
    println!("{:<20} {:>12} {:>12}   ranges of the activations", "activations", "accuracy", "SQNR");
    println!("{:<20} {:>12}", "float", format!("{} of {images}", agreeing(&float, &digits.labels)));
    let table = Table { tensors: &tensors, digits: &digits, float: &float };
    table.row("min-max", MinMax::default())?;
    table.row("moving average", MovingAverage::new(0.1)?)?;
    table.row("percentile 99.9 %", Percentile::two_sided(0.999)?)?;
    table.row("entropy", Entropy::default())?;
    table.row("MSE", Mse::default())?;
    table.row("OCTAV", Octav::default())?;
    Ok(())
}

struct Table<'a> {
    tensors: &'a Tensors,
    digits: &'a Digits,
    float: &'a Array2<f32>,
}

impl Table<'_> {
    /// Calibrates with an estimator, ten images at a time, and prints what comes of it.
    fn row<E: RangeEstimator>(&self, label: &str, estimator: E) -> Result<(), Box<dyn Error>> {
        let (digits, scheme) = (self.digits, Scheme::<i8>::affine());
        let calibrator = Calibrator::new(estimator);
        for batch in digits.calibration.axis_chunks_iter(ndarray::Axis(0), 10) {
            forward(self.tensors, &batch.to_owned(), |name, activation| calibrator.observe(name, activation))?;
        }
        let activations = calibrator.params_of(ACTIVATIONS, &scheme)?;
        let codes = integers::run(self.tensors, &activations, &digits.inputs)?;

        let output = &activations[ACTIVATIONS[3]];
        let (scale, zero_point) = (output.scales()[0], output.zero_points()[0]);
        let restored = codes.mapv(|code| (i32::from(code) - zero_point) as f32 * scale);
        let values = |x: &Array2<f32>| x.iter().copied().collect::<Vec<_>>();
        let error = ErrorMetrics::between(&values(self.float), &values(&restored))?;
        let accuracy = format!("{} of {}", agreeing(&codes, &digits.labels), digits.labels.len());
        print!("{label:<20} {accuracy:>12} {:>9.1} dB  ", error.sqnr_db());
        for name in ACTIVATIONS {
            let range = calibrator.ranges(name, &scheme)?[0];
            print!(" {:.2}..{:.2}", range.min(), range.max());
        }
        println!();
        Ok(())
    }
}
