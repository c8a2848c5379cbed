//! The digits classifier: its tensors, and what quantizing them does to its accuracy.

use crate::report::{Report, Row};
use crate::scheme::{Choice, Kind, Measure, Restore};
use ndarray::{Array1, Array2, ArrayD, ArrayView1, ArrayView2, Ix1, Ix2};
use ndarray_npy::NpzReader;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::Cursor;
use std::time::{Duration, Instant};
use tensor_quant::model::safetensors::Reader;
use tensor_quant::params::Granularity;

const MODEL: &[u8] = include_bytes!("../data/digits_mlp.safetensors");
const IMAGES: &[u8] = include_bytes!("../data/digits_test.npz");

pub(crate) type Tensors = BTreeMap<String, ArrayD<f32>>;

pub(crate) fn run(choice: Choice) -> Result<Report, Box<dyn Error>> {
    let tensors = load()?;
    let mut images = NpzReader::new(Cursor::new(IMAGES))?;
    let pixels: Array2<u8> = images.by_name("images")?;
    let labels: Array1<u8> = images.by_name("labels")?;
    let inputs = pixels.mapv(|pixel| f32::from(pixel) / 16.0);

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

    let calibration: Array2<u8> = images.by_name("train_images")?;
    let calibration = calibration.mapv(|pixel| f32::from(pixel) / 16.0);
    let codes = crate::integers::run(&tensors, &calibration, &inputs)?;
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

/// The reader reads files, so the embedded bytes become one for a moment.
fn load() -> Result<Tensors, Box<dyn Error>> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), MODEL)?;
    let mut reader = Reader::open(file.path())?;
    let names = reader.names();
    names.into_iter().map(|name| Ok((name.clone(), reader.read(&name)?))).collect()
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

/// Returns the weight and bias of a layer.
pub(crate) fn layer(
    tensors: &Tensors,
    number: usize,
) -> Result<(ArrayView2<'_, f32>, ArrayView1<'_, f32>), Box<dyn Error>> {
    let tensor = |part: &str| tensors.get(&format!("dense{number}.{part}")).ok_or("a layer is missing");
    let weight = tensor("weight")?.view().into_dimensionality::<Ix2>()?;
    Ok((weight, tensor("bias")?.view().into_dimensionality::<Ix1>()?))
}

/// Runs the classifier and returns how many images it recognises.
fn correct(tensors: &Tensors, inputs: &Array2<f32>, labels: &Array1<u8>) -> Result<usize, Box<dyn Error>> {
    let mut x = inputs.clone();
    for number in 0..3 {
        let (weight, bias) = layer(tensors, number)?;
        x = x.dot(&weight.t()) + bias;
        if number < 2 {
            x.mapv_inplace(|v| v.max(0.0));
        }
    }
    Ok(agreeing(&x, labels))
}

/// Returns how many rows have their (first) largest element at the label.
fn agreeing<T: PartialOrd>(outputs: &Array2<T>, labels: &Array1<u8>) -> usize {
    let largest = |row: ArrayView1<'_, T>| (1..row.len()).fold(0, |at, i| if row[i] > row[at] { i } else { at });
    outputs.rows().into_iter().zip(labels).filter(|(row, label)| largest(row.view()) == usize::from(**label)).count()
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
