//! How far the weights of one file are from those of another.

use super::channels::{Channels, first_axis};
use super::format::Format;
use crate::error::Result;
use crate::metrics::{ErrorMetrics, per_tensor};
use crate::model::safetensors::Reader;
use crate::model::tflite::{Model, Quantization};
use crate::num::Real;
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
    /// How its channels fared, each beside its own values; `None` if there is no error, or there are no channels.
    pub channels: Option<Channels>,
    /// Whether the stored bytes are the same, where that can be told and the values are no reals, such as integers without
    /// a scale.
    pub same_bytes: Option<bool>,
}

/// Whether a tensor of two files is the same in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sameness {
    /// Its values are, or its bytes.
    Same,
    /// They are not.
    Different,
    /// It could not be compared.
    NotCompared,
}

/// How many tensors of two files differ, and by how much.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Totals {
    /// Those that are the same.
    pub same: usize,
    /// Those that are not.
    pub different: usize,
    /// Those that could not be compared.
    pub not_compared: usize,
    /// The lowest SQNR in dB of those that differ; `None` if none does that holds reals.
    pub worst_db: Option<f64>,
    /// The SQNR that half of those are below.
    pub median_db: Option<f64>,
    /// The channels of those that differ.
    pub channels: usize,
    /// Those of them that are lost: below 6 dB.
    pub lost_channels: usize,
}

impl Compared {
    /// Returns whether the tensor is the same in both files.
    pub fn sameness(&self) -> Sameness {
        match (&self.error, self.same_bytes) {
            (Ok(error), _) if error.max_abs_error() == 0.0 && error.non_finite_changed() == 0 => Sameness::Same,
            (Err(_), Some(true)) => Sameness::Same,
            (Ok(_), _) | (Err(_), Some(false)) => Sameness::Different,
            (Err(_), None) => Sameness::NotCompared,
        }
    }

    /// Returns what tensors are ordered by: first those that cannot be compared, then those of which something that is finite is not
    /// any longer, then by the worst channel, those without a ratio before those with one.
    fn rank(&self) -> (u8, f64) {
        match (self.sameness(), &self.error) {
            (Sameness::NotCompared, _) => (0, 0.0),
            (Sameness::Same, _) => (3, 0.0),
            (_, Ok(error)) if error.non_finite_changed() > 0 => (1, error.sqnr_db()),
            (_, Ok(error)) => {
                let worst = self.channels.as_ref().map_or(f64::INFINITY, |channels| channels.worst_db);
                (2, worst.min(error.sqnr_db()))
            }
            (_, Err(_)) => (2, f64::NEG_INFINITY),
        }
    }
}

impl Comparison {
    /// Returns the tensors of the first file, those that differ most first; equal ones in the file's order.
    pub fn worst_first(&self) -> Vec<&Compared> {
        let mut tensors: Vec<&Compared> = self.tensors.iter().collect();
        tensors.sort_by(|a, b| {
            let ((a, of_a), (b, of_b)) = (a.rank(), b.rank());
            a.cmp(&b).then(of_a.total_cmp(&of_b))
        });
        tensors
    }

    /// Returns how many tensors differ, and by how much.
    pub fn totals(&self) -> Totals {
        let count = |sameness| self.tensors.iter().filter(|tensor| tensor.sameness() == sameness).count();
        let different = || self.tensors.iter().filter(|tensor| tensor.sameness() == Sameness::Different);
        let mut ratios: Vec<f64> =
            different().filter_map(|tensor| tensor.error.as_ref().ok()).map(ErrorMetrics::sqnr_db).collect();
        ratios.sort_by(f64::total_cmp);
        let channels = || different().filter_map(|tensor| tensor.channels.as_ref());
        Totals {
            same: count(Sameness::Same),
            different: count(Sameness::Different),
            not_compared: count(Sameness::NotCompared),
            worst_db: ratios.first().copied(),
            median_db: ratios.get(ratios.len().saturating_sub(1) / 2).copied(),
            channels: channels().map(|channels| channels.count).sum(),
            lost_channels: channels().map(|channels| channels.lost).sum(),
        }
    }
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
        let (mut shape, mut same_bytes, mut element_type, mut channels) = (a.shape(i), None, None, None);
        let error = match other {
            None if !a.is_of_its_own(i) => continue,
            None => Err("the second file does not hold it".into()),
            Some(j) => {
                element_type = Some(b.element_type(j));
                match a.values(i) {
                    Ok(x) => {
                        shape = x.shape().to_vec();
                        let axis = b.axis(j).or_else(|| first_axis(&shape));
                        let errors = b.values(j).and_then(|y| x.errors(y, axis));
                        errors.map_err(|e| e.to_string()).map(|(error, of_channels)| {
                            channels = of_channels;
                            error
                        })
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
        tensors.push(Compared { name, shape, element_types, error, channels, same_bytes });
    }
    let mut rest: Vec<(usize, String)> = places.into_iter().map(|((name, _), i)| (i, name)).collect();
    rest.sort_unstable();
    let rest = rest.into_iter().filter(|(i, _)| b.is_of_its_own(*i)).map(|(_, name)| name);
    Ok(Comparison { tensors, only_in_second: rest.collect() })
}

/// Returns how far values are from others, as a whole and by their channels along an axis.
fn errors<T: Real>(x: &ArrayD<T>, y: &ArrayD<T>, axis: Option<usize>) -> Result<(ErrorMetrics, Option<Channels>)> {
    let error = per_tensor(x.view(), y.view())?;
    let axis = axis.filter(|&axis| x.shape().get(axis).is_some_and(|&count| count > 1));
    let Some(axis) = axis.filter(|_| error.max_abs_error() > 0.0) else { return Ok((error, None)) };
    Ok((error, Channels::between(x.view(), y, axis)?))
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
    fn errors(self, others: Self, axis: Option<usize>) -> Result<(ErrorMetrics, Option<Channels>)> {
        match (self, others) {
            (Reals::F32(x), Reals::F32(y)) => errors(&x, &y, axis),
            (x, y) => errors(&x.wide(), &y.wide(), axis),
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

    /// Returns the axis that scales lie along, if there are several.
    fn axis(&self, i: usize) -> Option<usize> {
        self.quantization(i).filter(|quantization| quantization.scales.len() > 1).map(|quantization| quantization.axis)
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
