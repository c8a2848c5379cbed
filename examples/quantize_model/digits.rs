//! The digits classifier: its tensors, and what quantizing them does to its accuracy.

use crate::digits_mlp::{ACTIVATIONS, Digits, Tensors, agreeing, forward, integers, load};
use crate::report::{Report, Row};
use crate::scheme::{Choice, Kind, Measure, Restore};
use ndarray::{Array1, Array2, ArrayD};
use std::error::Error;
use std::time::{Duration, Instant};
use tensor_quant::Scheme;
use tensor_quant::calibration::Calibrator;
use tensor_quant::params::Granularity;
use tensor_quant::range::MinMax;

pub(crate) fn run(choice: Choice) -> Result<Report, Box<dyn Error>> {
    let tensors = load()?;
    let Digits { inputs, labels, calibration } = Digits::load()?;

    let mut report =
        Report { images: labels.len(), timed: "quantizing the weights, best of many", ..Report::default() };
    for (name, tensor) in &tensors {
        let bytes = 4 * tensor.len();
        let (row, size) = if is_weight(name) {
            let (error, size) = choice.quantize(tensor, &mut Measure { original: tensor, file: None })?;
            (Row::new(name, tensor.shape(), choice.to_string(), size as f64 / bytes as f64, &error), size)
        } else {
            (Row::kept(name, tensor.shape(), "F32, 1 dimension"), bytes)
        };
        report.tensors.push(row);
        report.bytes_in += bytes as u64;
        report.bytes_out += size as u64;
    }

    let float = correct(&tensors, &inputs, &labels)?;
    report.add("float", float, float);
    for (label, kind, granularity) in [
        ("float16", Kind::Float16, Granularity::Tensor),
        ("int8 per channel", Kind::Int8, Granularity::Axis(0)),
        ("int8 per tensor", Kind::Int8, Granularity::Tensor),
        ("int4 per channel", Kind::Int4, Granularity::Axis(0)),
        ("int4 per tensor", Kind::Int4, Granularity::Tensor),
    ] {
        let accuracy = |ceil| -> Result<usize, Box<dyn Error>> {
            correct(&restored(&tensors, Choice { kind, ceil, granularity })?, &inputs, &labels)
        };
        report.add(label, accuracy(false)?, accuracy(true)?);
    }

    let calibrator = Calibrator::new(MinMax::default());
    forward(&tensors, &calibration, |name, activation| calibrator.observe(name, activation))?;
    let activations = calibrator.params_of(ACTIVATIONS, &Scheme::<i8>::affine())?;
    let codes = integers::run(&tensors, &activations, &inputs)?;
    report.integers_only = Some(agreeing(&codes, &labels));
    report.accuracy.insert("int8, integers only".into(), agreeing(&codes, &labels) as f64 / labels.len() as f64);

    report.seconds = time(&tensors, choice)?.as_secs_f64();
    let weights = tensors.iter().filter(|(name, _)| is_weight(name));
    report.gigabytes_per_second = 4e-9 * weights.map(|(_, w)| w.len()).sum::<usize>() as f64 / report.seconds;
    Ok(report)
}

impl Report {
    fn add(&mut self, label: &str, nearest: usize, ceil: usize) {
        self.accuracy.insert(label.into(), nearest as f64 / self.images as f64);
        self.accuracy.insert(format!("{label}, ceil"), ceil as f64 / self.images as f64);
        self.correct.push((label.into(), nearest, ceil));
    }
}

fn is_weight(name: &str) -> bool {
    name.ends_with(".weight")
}

/// Returns the tensors with the weights quantized and restored; biases stay as they are.
fn restored(tensors: &Tensors, choice: Choice) -> Result<Tensors, Box<dyn Error>> {
    let restore = |(name, tensor): (&String, &ArrayD<f32>)| {
        let tensor = if is_weight(name) { choice.quantize(tensor, &mut Restore)? } else { tensor.clone() };
        Ok((name.clone(), tensor))
    };
    tensors.iter().map(restore).collect()
}

/// Runs the classifier and returns how many images it recognises.
fn correct(tensors: &Tensors, inputs: &Array2<f32>, labels: &Array1<u8>) -> Result<usize, Box<dyn Error>> {
    Ok(agreeing(&forward(tensors, inputs, |_, _| Ok(()))?, labels))
}

/// Returns the shortest time that quantizing all weights takes, within a tenth of a second of trying.
fn time(tensors: &Tensors, choice: Choice) -> Result<Duration, Box<dyn Error>> {
    struct Codes;
    impl crate::scheme::Sink for Codes {
        type Output = ();
        fn take<C: tensor_quant::num::Code>(
            &mut self,
            q: tensor_quant::QuantizedTensor<C, ndarray::IxDyn>,
        ) -> tensor_quant::Result<()> {
            std::hint::black_box(q);
            Ok(())
        }
    }
    let (start, mut best) = (Instant::now(), Duration::MAX);
    while start.elapsed() < Duration::from_millis(100) {
        let run = Instant::now();
        for (_, tensor) in tensors.iter().filter(|(name, _)| is_weight(name)) {
            choice.quantize(tensor, &mut Codes)?;
        }
        best = best.min(run.elapsed());
    }
    Ok(best)
}
