//! How far the weights of one file are from those of another.

use super::format::Format;
use crate::error::Result;
use crate::metrics::{ErrorMetrics, per_tensor};
use crate::model::safetensors::Reader;
use crate::model::tflite::Model;
use ndarray::ArrayD;
use std::collections::HashMap;
use std::path::Path;

/// How far the restored weights of a file are from those of the one it was made of.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// The tensors of the first file whose values can be read, in its order.
    pub tensors: Vec<Compared>,
    /// Tensors that only the second file holds.
    pub only_in_second: Vec<String>,
}

/// A tensor of both files, or of the first alone.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// Its shape in the first file.
    pub shape: Vec<usize>,
    /// The element types in the two files; `None` if the second does not hold it.
    pub element_types: (String, Option<String>),
    /// The error, or why there is none.
    pub error: Result<ErrorMetrics, String>,
}

/// Returns how far the restored weights of `second` are from those of `first`; the files may be of different formats.
///
/// Tensors are matched by name, those of equal names by their order.
///
/// # Errors
///
/// Those of opening the files.
pub fn compare_files(first: impl AsRef<Path>, second: impl AsRef<Path>) -> Result<Comparison> {
    let (mut a, mut b) = (Tensors::open(first.as_ref())?, Tensors::open(second.as_ref())?);
    let mut places: HashMap<(String, usize), usize> = HashMap::new();
    for (i, key) in numbered(&b).into_iter().enumerate() {
        places.insert(key, i);
    }
    let mut tensors = Vec::new();
    for (i, key) in numbered(&a).into_iter().enumerate() {
        let other = places.remove(&key);
        let Ok(x) = a.values(i) else { continue };
        let (error, element_type) = match other {
            None => (Err("the second file does not hold it".into()), None),
            Some(j) => {
                let y = b.values(j).map_err(|e| e.to_string());
                let error = y.and_then(|y| per_tensor(x.view(), y.view()).map_err(|e| e.to_string()));
                (error, Some(b.element_type(j)))
            }
        };
        let (name, shape) = (key.0, x.shape().to_vec());
        tensors.push(Compared { name, shape, element_types: (a.element_type(i), element_type), error });
    }
    let mut rest: Vec<(usize, String)> = places.into_iter().map(|((name, _), i)| (i, name)).collect();
    rest.sort_unstable();
    let rest = rest.into_iter().filter(|(i, _)| b.is_of_its_own(*i)).map(|(_, name)| name);
    Ok(Comparison { tensors, only_in_second: rest.collect() })
}

/// Returns each tensor's name, and how many of that name came before.
fn numbered(tensors: &Tensors) -> Vec<(String, usize)> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let names = tensors.names().into_iter().map(|name| {
        let count = seen.entry(name.clone()).or_insert(0);
        *count += 1;
        (name, *count)
    });
    names.collect()
}

enum Tensors {
    Tflite(Box<Model>, Vec<crate::model::tflite::Constant>),
    Safetensors(Box<Reader>, Vec<String>),
}

impl Tensors {
    fn open(path: &Path) -> Result<Self> {
        Ok(match Format::of(path)? {
            Format::Tflite => {
                let model = Model::open(path)?;
                let constants = model.constants();
                Tensors::Tflite(Box::new(model), constants)
            }
            Format::Safetensors => {
                let reader = Reader::open(path)?;
                let names = reader.names();
                Tensors::Safetensors(Box::new(reader), names)
            }
        })
    }

    fn names(&self) -> Vec<String> {
        match self {
            Tensors::Tflite(_, constants) => constants.iter().map(|constant| constant.name.clone()).collect(),
            Tensors::Safetensors(_, names) => names.clone(),
        }
    }

    fn element_type(&self, i: usize) -> String {
        match self {
            Tensors::Tflite(_, constants) => constants[i].element_type.name().into(),
            Tensors::Safetensors(reader, names) => {
                reader.info(&names[i]).map_or(String::new(), |info| info.dtype.to_lowercase())
            }
        }
    }

    fn values(&mut self, i: usize) -> Result<ArrayD<f32>> {
        match self {
            Tensors::Tflite(model, constants) => model.values(&constants[i]),
            Tensors::Safetensors(reader, names) => reader.restore(&names[i]),
        }
    }

    /// Whether a tensor is more than a parameter of another.
    fn is_of_its_own(&self, i: usize) -> bool {
        match self {
            Tensors::Tflite(..) => true,
            Tensors::Safetensors(reader, names) => {
                let of = |suffix| names[i].strip_suffix(suffix).and_then(|name| reader.quantization(name));
                of(".scale").or(of(".zero_point")).or(of(".offset")).is_none()
            }
        }
    }
}
