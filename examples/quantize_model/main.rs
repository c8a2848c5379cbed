//! Quantizes the classifier of handwritten digits in `examples/data`, and says what each scheme does to its tensors and to its
//! accuracy. Files are quantized by the command line, `tensor-quant`.
//!
//! ```text
//! cargo run --release --features safetensors --example quantize_model
//! ```

#[path = "../digits_mlp/mod.rs"]
mod digits_mlp;
mod report;

use digits_mlp::{ACTIVATIONS, Digits, Tensors, agreeing, forward, integers, load};
use ndarray::{Array1, Array2};
use report::{Report, Row};
use std::error::Error;
use std::time::{Duration, Instant};
use tensor_quant::calibration::Calibrator;
use tensor_quant::range::MinMax;
use tensor_quant::{AnyScheme, Ceil, Scheme};

/// What each line of the table of accuracies is called, and its scheme in words.
const SCHEMES: [(&str, &str); 5] = [
    ("float16", "float16"),
    ("int8 per channel", "int8 per axis 0"),
    ("int8 per tensor", "int8"),
    ("int4 per channel", "int4 per axis 0"),
    ("int4 per tensor", "int4"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let tensors = load()?;
    let Digits { inputs, labels, calibration } = Digits::load()?;
    let scheme: AnyScheme = SCHEMES[1].1.parse()?;

    let mut report = Report { images: labels.len(), ..Report::default() };
    for (name, tensor) in &tensors {
        let bytes = 4 * tensor.len();
        let row = if is_weight(name) {
            let q = scheme.quantize(tensor)?;
            let error = tensor_quant::metrics::per_tensor(tensor.view(), q.dequantize().view())?;
            Row::new(name, tensor.shape(), scheme.to_string(), q.size_in_bytes(), &error)
        } else {
            Row::kept(name, tensor.shape(), bytes)
        };
        report.bytes_in += bytes;
        report.tensors.push(row);
    }

    let float = correct(&tensors, &inputs, &labels)?;
    report.accuracies.push(("float", float, float));
    for (label, words) in SCHEMES {
        let nearest: AnyScheme = words.parse()?;
        let up = nearest.clone().with_rounding(Ceil);
        let accuracy = |scheme| correct(&restored(&tensors, scheme)?, &inputs, &labels);
        report.accuracies.push((label, accuracy(&nearest)?, accuracy(&up)?));
    }

    let calibrator = Calibrator::new(MinMax::default());
    forward(&tensors, &calibration, |name, activation| calibrator.observe(name, activation))?;
    let activations = calibrator.params_of(ACTIVATIONS, &Scheme::<i8>::affine())?;
    report.integers_only = agreeing(&integers::run(&tensors, &activations, &inputs)?, &labels);

    let weights = tensors.iter().filter(|(name, _)| is_weight(name));
    report.elements = weights.map(|(_, weight)| weight.len()).sum();
    report.time = time(&tensors, &scheme)?;
    print!("{report}");
    Ok(())
}

fn is_weight(name: &str) -> bool {
    name.ends_with(".weight")
}

/// Returns the tensors with the weights quantized and restored; biases stay as they are.
fn restored(tensors: &Tensors, scheme: &AnyScheme) -> Result<Tensors, Box<dyn Error>> {
    let mut restored = tensors.clone();
    for (_, weight) in restored.iter_mut().filter(|(name, _)| is_weight(name)) {
        *weight = scheme.fake_quantize(&*weight)?;
    }
    Ok(restored)
}

/// Runs the classifier and returns how many images it recognises.
fn correct(tensors: &Tensors, inputs: &Array2<f32>, labels: &Array1<u8>) -> Result<usize, Box<dyn Error>> {
    Ok(agreeing(&forward(tensors, inputs, |_, _| Ok(()))?, labels))
}

/// Returns the shortest time that quantizing all weights takes, within a tenth of a second of trying.
fn time(tensors: &Tensors, scheme: &AnyScheme) -> Result<Duration, Box<dyn Error>> {
    let (start, mut best) = (Instant::now(), Duration::MAX);
    while start.elapsed() < Duration::from_millis(100) {
        let run = Instant::now();
        for (_, weight) in tensors.iter().filter(|(name, _)| is_weight(name)) {
            std::hint::black_box(scheme.quantize(weight)?);
        }
        best = best.min(run.elapsed());
    }
    Ok(best)
}
