//! Golden vectors that other implementations made: a folder a group, with its cases in `index.json` and its arrays in
//! `data.npz`.

use ndarray::Array1;
use ndarray_npy::{NpzReader, ReadableElement};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// One case: what goes in, what must come out, and how closely.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) op: String,
    pub(crate) params: Value,
    inputs: BTreeMap<String, Member>,
    expected: BTreeMap<String, Member>,
    tolerance: Value,
}

#[derive(Deserialize)]
struct Member {
    array: String,
    shape: Vec<usize>,
}

#[derive(Deserialize)]
struct Index {
    cases: Vec<Case>,
}

/// The arrays of a group.
pub(crate) struct Arrays(NpzReader<File>);

/// Returns the cases and the arrays of a group.
pub(crate) fn load(group: &str) -> (Vec<Case>, Arrays) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance").join(group);
    let index = std::fs::read_to_string(folder.join("index.json")).expect("the index is readable");
    let index: Index = serde_json::from_str(&index).expect("the index is in the format of its description");
    let data = File::open(folder.join("data.npz")).expect("the arrays are there");
    (index.cases, Arrays(NpzReader::new(data).expect("the arrays are a zip archive")))
}

impl Arrays {
    /// Returns an array of a case, inputs first.
    pub(crate) fn get<T: ReadableElement + Clone>(&mut self, case: &Case, name: &str) -> Vec<T> {
        let member = case.inputs.get(name).or_else(|| case.expected.get(name));
        let member = member.unwrap_or_else(|| panic!("{}: no array {name}", case.name));
        let array: Array1<T> = match self.0.by_name(&format!("{}.npy", member.array)) {
            Ok(array) => array,
            Err(error) => panic!("{}: {name}: {error}", case.name),
        };
        assert_eq!(array.shape(), member.shape, "{}: {name}", case.name);
        array.to_vec()
    }
}

impl Case {
    /// Returns the names of the arrays that must be reproduced.
    pub(crate) fn expected(&self) -> impl Iterator<Item = &str> {
        self.expected.keys().map(String::as_str)
    }

    /// Asserts that a number is as close to the expected one as the case asks for.
    pub(crate) fn check(&self, name: &str, got: f64, want: f64) {
        let tolerance = if self.tolerance.is_object() { &self.tolerance[name] } else { &self.tolerance };
        let close = if tolerance == "exact" {
            got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan())
        } else {
            assert!(tolerance.is_object(), "{}: {name} has no tolerance", self.name);
            let part = |key: &str| tolerance.get(key).and_then(Value::as_f64).unwrap_or(0.0);
            got == want || (got - want).abs() <= part("abs") + part("rel") * want.abs()
        };
        assert!(close, "{}: {name} is {got:e}, not {want:e}", self.name);
    }
}
