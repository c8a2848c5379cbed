//! What a file holds.

use super::format::Format;
use super::source::Source;
use crate::error::Result;
use crate::model::safetensors::Reader;
use crate::model::tflite::Model;
use ndarray::ArrayD;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a file holds: its tensors, and the operators that use them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Inspection {
    /// The file.
    pub path: PathBuf,
    /// Its format.
    pub format: Format,
    /// Its length.
    pub size_in_bytes: u64,
    /// How often each operator stands in it; empty for formats without.
    pub operators: BTreeMap<String, usize>,
    /// The number of subgraphs; 0 for formats without.
    pub subgraphs: usize,
    /// The tensors whose values it holds.
    pub tensors: Vec<Inspected>,
}

/// A tensor of a file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Inspected {
    /// Its name.
    pub name: String,
    /// The type of its elements.
    pub element_type: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// How many values of the model it holds: its elements, packed ones each by itself; none if it holds the scales or zero
    /// points of another.
    pub values: u64,
    /// The bytes that it takes.
    pub size_in_bytes: u64,
    /// The operators that use it, each once.
    pub operators: Vec<String>,
    /// The smallest and largest finite value, where values are floating-point numbers, or codes that can be restored.
    pub range: Option<(f32, f32)>,
    /// How it is quantized, if it is, and how that cannot be read, if it cannot.
    pub quantization: Option<String>,
}

/// Returns what a file holds.
///
/// # Errors
///
/// Those of opening a file of its format.
pub fn inspect_file(path: impl AsRef<Path>) -> Result<Inspection> {
    let path = path.as_ref();
    match Format::of(path)? {
        Format::Tflite => tflite(path),
        Format::Safetensors => safetensors(path),
    }
}

fn tflite(path: &Path) -> Result<Inspection> {
    let model = Model::open(path)?;
    let graphs = model.operators();
    let mut operators = BTreeMap::new();
    for operator in graphs.iter().flatten() {
        *operators.entry(operator.name.clone()).or_insert(0) += 1;
    }
    let tensors = model.constants().into_iter().map(|constant| {
        let elsewhere = constant.is_elsewhere.then(|| String::from("in another file"));
        let quantization = constant.quantization.as_ref().map(|q| match q.scales.as_slice() {
            [] => "of its own kind".into(),
            [scale] => format!("scale {scale:e}, zero point {}", q.zero_points.first().unwrap_or(&0)),
            scales => format!("{} scales along axis {}", scales.len(), q.axis),
        });
        let range = model.values(&constant).ok().and_then(|values| range(&values));
        let constant = Source::of(constant, &model).constant;
        let mut operators: Vec<String> = constant.uses.into_iter().map(|used| used.name).collect();
        operators.sort_unstable();
        operators.dedup();
        Inspected {
            name: constant.name,
            element_type: constant.element_type.name().into(),
            values: count(&constant.shape),
            shape: constant.shape,
            size_in_bytes: constant.size_in_bytes,
            operators,
            range,
            quantization: elsewhere.or(quantization),
        }
    });
    Ok(Inspection {
        path: path.into(),
        format: Format::Tflite,
        size_in_bytes: model.size_in_bytes(),
        subgraphs: graphs.len(),
        operators,
        tensors: tensors.collect(),
    })
}

fn safetensors(path: &Path) -> Result<Inspection> {
    let mut reader = Reader::open(path)?;
    let mut tensors = Vec::new();
    for info in reader.tensors().cloned().collect::<Vec<_>>() {
        let quantization = reader.quantization(&info.name);
        let range = match &quantization {
            None if !info.is_float => None,
            _ => reader.restore(&info.name).ok().and_then(|values| range(&values)),
        };
        let values = if reader.is_parameter(&info.name) { 0 } else { count(reader.restored_shape(&info.name)) };
        tensors.push(Inspected {
            values,
            name: info.name,
            element_type: info.dtype.to_lowercase(),
            shape: info.shape,
            size_in_bytes: info.size_in_bytes as u64,
            operators: Vec::new(),
            range,
            quantization,
        });
    }
    let size_in_bytes = reader.size_in_bytes();
    let (operators, subgraphs) = (BTreeMap::new(), 0);
    Ok(Inspection { path: path.into(), format: Format::Safetensors, size_in_bytes, operators, subgraphs, tensors })
}

fn count(shape: &[usize]) -> u64 {
    shape.iter().fold(1, |n, &len| n.saturating_mul(len as u64))
}

/// Returns the smallest and largest finite value.
fn range(values: &ArrayD<f32>) -> Option<(f32, f32)> {
    let finite = values.iter().filter(|x| x.is_finite());
    let (min, max) = finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), &x| (min.min(x), max.max(x)));
    (min <= max).then_some((min, max))
}
