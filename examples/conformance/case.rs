//! Cases as the files of a group describe them.

use ndarray::{Array1, ArrayD};
use ndarray_npy::{NpzReader, ReadNpzError, ReadableElement};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::path::Path;

/// The values of an array, in row-major order.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I8(Vec<i8>),
    U8(Vec<u8>),
    I16(Vec<i16>),
    U16(Vec<u16>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
}

#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Values,
}

/// One case: what to compute, and what must come out.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) op: String,
    pub(crate) params: Value,
    pub(crate) inputs: BTreeMap<String, Array>,
    pub(crate) expected: BTreeMap<String, Array>,
    pub(crate) tolerance: Value,
    pub(crate) ignore: Option<Vec<u8>>,
}

#[derive(Deserialize)]
struct Index {
    data: String,
    cases: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    op: String,
    params: Value,
    inputs: BTreeMap<String, Reference>,
    expected: BTreeMap<String, Reference>,
    tolerance: Value,
    ignore: Option<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    array: String,
    dtype: String,
    shape: Vec<usize>,
}

/// Reads all cases of a group.
pub(crate) fn load(folder: &Path) -> Result<Vec<Case>, Box<dyn Error>> {
    let index: Index = serde_json::from_reader(File::open(folder.join("index.json"))?)?;
    let mut arrays = NpzReader::new(File::open(folder.join(&index.data))?)?;
    let mut cases = Vec::with_capacity(index.cases.len());
    for entry in index.cases {
        let mut read_all = |references: BTreeMap<String, Reference>| {
            references
                .into_iter()
                .map(|(name, r)| Ok((name, read(&mut arrays, &r)?)))
                .collect::<Result<_, Box<dyn Error>>>()
        };
        let (inputs, expected) = (read_all(entry.inputs)?, read_all(entry.expected)?);
        let ignore = match entry.ignore {
            Some(reference) => match read(&mut arrays, &reference)?.values {
                Values::U8(ignore) => Some(ignore),
                _ => return Err(format!("{}: `ignore` is not u8", entry.name).into()),
            },
            None => None,
        };
        let Entry { name, op, params, tolerance, .. } = entry;
        cases.push(Case { name, op, params, inputs, expected, tolerance, ignore });
    }
    Ok(cases)
}

fn read(arrays: &mut NpzReader<File>, reference: &Reference) -> Result<Array, Box<dyn Error>> {
    let name = format!("{}.npy", reference.array);
    let values = match reference.dtype.as_str() {
        "f32" => Values::F32(flat(arrays, &name)?),
        "f64" => Values::F64(flat(arrays, &name)?),
        "i8" => Values::I8(flat(arrays, &name)?),
        "u8" => Values::U8(flat(arrays, &name)?),
        "i16" => Values::I16(flat(arrays, &name)?),
        "u16" => Values::U16(flat(arrays, &name)?),
        "i32" => Values::I32(flat(arrays, &name)?),
        "u32" => Values::U32(flat(arrays, &name)?),
        "i64" => Values::I64(flat(arrays, &name)?),
        other => return Err(format!("{name}: the type {other:?} is unknown").into()),
    };
    let array = Array { shape: reference.shape.clone(), values };
    if array.shape.iter().product::<usize>() == array.len() {
        Ok(array)
    } else {
        Err(format!("{name}: {} values do not have the shape {:?}", array.len(), array.shape).into())
    }
}

fn flat<T: ReadableElement>(arrays: &mut NpzReader<File>, name: &str) -> Result<Vec<T>, ReadNpzError> {
    let array: ArrayD<T> = arrays.by_name(name)?;
    Ok(Array1::from_iter(array).into_raw_vec_and_offset().0)
}

macro_rules! each {
    ($values:expr, $v:ident => $body:expr) => {
        match $values {
            Values::F32($v) => $body,
            Values::F64($v) => $body,
            Values::I8($v) => $body,
            Values::U8($v) => $body,
            Values::I16($v) => $body,
            Values::U16($v) => $body,
            Values::I32($v) => $body,
            Values::U32($v) => $body,
            Values::I64($v) => $body,
        }
    };
}

impl Array {
    pub(crate) fn len(&self) -> usize {
        each!(&self.values, v => v.len())
    }

    #[expect(clippy::unnecessary_cast, reason = "one of the types is f64 already")]
    /// Returns an element as a number; exact for every type here but i64 beyond 2⁵³, of which the cases have none.
    pub(crate) fn number(&self, i: usize) -> f64 {
        each!(&self.values, v => v[i] as f64)
    }

    /// Returns an element's bits.
    pub(crate) fn bits(&self, i: usize) -> u64 {
        match &self.values {
            Values::F32(v) => u64::from(v[i].to_bits()),
            Values::F64(v) => v[i].to_bits(),
            _ => self.number(i) as i64 as u64,
        }
    }

    pub(crate) fn numbers(&self) -> Vec<f64> {
        (0..self.len()).map(|i| self.number(i)).collect()
    }

    /// Returns the elements as integers.
    pub(crate) fn integers(&self) -> Vec<i64> {
        self.numbers().into_iter().map(|x| x as i64).collect()
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match self.values {
            Values::F32(_) => "f32",
            Values::F64(_) => "f64",
            Values::I8(_) => "i8",
            Values::U8(_) => "u8",
            Values::I16(_) => "i16",
            Values::U16(_) => "u16",
            Values::I32(_) => "i32",
            Values::U32(_) => "u32",
            Values::I64(_) => "i64",
        }
    }
}

/// What is missing where a case does not hold what its kind should: such a case is uncovered.
pub(crate) type Found<T> = Option<T>;

impl Case {
    pub(crate) fn input(&self, name: &str) -> Found<&Array> {
        self.inputs.get(name)
    }

    pub(crate) fn f32s(&self, name: &str) -> Found<&[f32]> {
        match &self.inputs.get(name)?.values {
            Values::F32(v) => Some(v),
            _ => None,
        }
    }

    pub(crate) fn f64s(&self, name: &str) -> Found<&[f64]> {
        match &self.inputs.get(name)?.values {
            Values::F64(v) => Some(v),
            _ => None,
        }
    }

    pub(crate) fn integers(&self, name: &str) -> Found<Vec<i64>> {
        Some(self.inputs.get(name)?.integers())
    }

    pub(crate) fn shape(&self, name: &str) -> Found<&[usize]> {
        Some(&self.inputs.get(name)?.shape)
    }

    /// Returns a text parameter.
    pub(crate) fn text(&self, name: &str) -> Found<&str> {
        self.params.get(name)?.as_str()
    }

    pub(crate) fn integer(&self, name: &str) -> Found<i64> {
        self.params.get(name)?.as_i64()
    }

    pub(crate) fn flag(&self, name: &str) -> Found<bool> {
        self.params.get(name)?.as_bool()
    }

    /// Returns an f32 parameter, from its bits.
    pub(crate) fn f32(&self, name: &str) -> Found<f32> {
        let bits = self.params.get(name)?.get("bits")?.as_str()?;
        Some(f32::from_bits(u32::from_str_radix(bits.trim_start_matches("0x"), 16).ok()?))
    }
}
