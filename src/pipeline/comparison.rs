//! How far the weights of one file are from those of another.

use super::format::Format;
use crate::error::Result;
use crate::metrics::{ErrorMetrics, per_tensor};
use crate::model::safetensors::Reader;
use crate::model::tflite::{Model, Quantization};
use ndarray::ArrayD;
use std::collections::HashMap;
use std::path::Path;

/// How far the restored weights of a file are from those of the one it was made of.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// The tensors of the first file, in its order; without parameters of others that the second file has not.
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
    /// Whether the stored bytes are the same, where that can be told and the values are no reals, such as integers without
    /// a scale.
    pub same_bytes: Option<bool>,
}

/// Returns how far the restored weights of `second` are from those of `first`; the files may be of different formats.
///
/// Tensors are matched by name, those of equal names by their order. Those that hold no reals are compared byte for byte if
/// they have the same type, shape and parameters.
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
        let (mut shape, mut same_bytes, mut element_type) = (a.shape(i), None, None);
        let error = match other {
            None if !a.is_of_its_own(i) => continue,
            None => Err("the second file does not hold it".into()),
            Some(j) => {
                element_type = Some(b.element_type(j));
                match a.values(i) {
                    Ok(x) => {
                        shape = x.shape().to_vec();
                        b.values(j).and_then(|y| x.error(y)).map_err(|e| e.to_string())
                    }
                    Err(_) if a.element_type(i) != b.element_type(j) || shape != b.shape(j) => {
                        Err("its values are no reals, and its type or shape is another".into())
                    }
                    Err(reason) => {
                        same_bytes = have_same_bytes((&mut a, i), (&mut b, j));
                        Err(reason.to_string())
                    }
                }
            }
        };
        let (name, element_types) = (key.0, (a.element_type(i), element_type));
        tensors.push(Compared { name, shape, element_types, error, same_bytes });
    }
    let mut rest: Vec<(usize, String)> = places.into_iter().map(|((name, _), i)| (i, name)).collect();
    rest.sort_unstable();
    let rest = rest.into_iter().filter(|(i, _)| b.is_of_its_own(*i)).map(|(_, name)| name);
    Ok(Comparison { tensors, only_in_second: rest.collect() })
}

/// Returns whether two tensors of one type and shape hold the same bytes; `None` where bytes cannot be had, or mean something else.
fn have_same_bytes((a, i): (&mut Tensors, usize), (b, j): (&mut Tensors, usize)) -> Option<bool> {
    if a.quantization(i) == b.quantization(j) { Some(a.bytes(i)? == b.bytes(j)?) } else { None }
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

/// The values of a tensor: as they are, if they are f64.
enum Reals {
    F32(ArrayD<f32>),
    F64(ArrayD<f64>),
}

impl Reals {
    fn shape(&self) -> &[usize] {
        match self {
            Reals::F32(values) => values.shape(),
            Reals::F64(values) => values.shape(),
        }
    }

    fn wide(self) -> ArrayD<f64> {
        match self {
            Reals::F32(values) => values.mapv(f64::from),
            Reals::F64(values) => values,
        }
    }

    /// How far others are from these.
    fn error(self, others: Self) -> Result<ErrorMetrics> {
        match (self, others) {
            (Reals::F32(x), Reals::F32(y)) => per_tensor(x.view(), y.view()),
            (x, y) => per_tensor(x.wide().view(), y.wide().view()),
        }
    }
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

    fn values(&mut self, i: usize) -> Result<Reals> {
        let is_wide = self.element_type(i) == "f64";
        match self {
            Tensors::Tflite(model, constants) if is_wide => model.wide_values(&constants[i]).map(Reals::F64),
            Tensors::Tflite(model, constants) => model.values(&constants[i]).map(Reals::F32),
            Tensors::Safetensors(reader, names) if is_wide => reader.read_wide(&names[i]).map(Reals::F64),
            Tensors::Safetensors(reader, names) => reader.restore(&names[i]).map(Reals::F32),
        }
    }

    fn shape(&self, i: usize) -> Vec<usize> {
        match self {
            Tensors::Tflite(_, constants) => constants[i].shape.clone(),
            Tensors::Safetensors(reader, names) => reader.info(&names[i]).map_or(vec![], |info| info.shape.clone()),
        }
    }

    /// The scales and zero points of codes.
    fn quantization(&self, i: usize) -> Option<&Quantization> {
        match self {
            Tensors::Tflite(_, constants) => constants[i].quantization.as_ref(),
            Tensors::Safetensors(..) => None,
        }
    }

    /// Returns the bytes of a tensor if they are all that there is of it.
    fn bytes(&mut self, i: usize) -> Option<Vec<u8>> {
        match self {
            Tensors::Tflite(model, constants) => {
                let constant = &constants[i];
                let has_details = constant.quantization.as_ref().is_some_and(|q| q.has_details);
                let has_more = constant.is_sparse || constant.is_elsewhere || has_details;
                if has_more { None } else { model.bytes(constant.buffer).ok() }
            }
            Tensors::Safetensors(reader, names) => reader.bytes(&names[i]).ok(),
        }
    }

    /// Whether a tensor is more than a parameter of another.
    fn is_of_its_own(&self, i: usize) -> bool {
        match self {
            Tensors::Tflite(..) => true,
            Tensors::Safetensors(reader, names) => !reader.is_parameter(&names[i]),
        }
    }
}
