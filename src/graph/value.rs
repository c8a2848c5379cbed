//! A value: what flows between operators, or is constant.

use super::element_type::ElementType;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Which value of a graph: names need not be unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId {
    /// The subgraph.
    pub subgraph: usize,
    /// The value's number in it, which is that of its file.
    pub value: usize,
}

impl fmt::Display for ValueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "value {} of subgraph {}", self.value, self.subgraph)
    }
}

/// What is known of a value before the model runs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Value {
    /// Its name; need not be unique, and may be empty.
    pub name: String,
    /// The type of its elements.
    pub element_type: ElementType,
    /// Its lengths, `None` where a length is only known when the model runs; `None` as a whole if not even the number of
    /// dimensions is known.
    pub shape: Option<Vec<Option<usize>>>,
    /// What is known of its data, if it is a constant.
    pub constant: Option<Constant>,
    /// Its scales and zero points, if its elements are codes.
    pub quantization: Option<Quantization>,
    /// Whether it keeps its content from one run to the next.
    pub is_variable: bool,
}

impl Value {
    /// Returns a value of this name and type, of which nothing else is known.
    pub fn new(name: impl Into<String>, element_type: ElementType) -> Self {
        let name = name.into();
        Self { name, element_type, shape: None, constant: None, quantization: None, is_variable: false }
    }

    /// Returns the lengths of its dimensions if all are known.
    pub fn known_shape(&self) -> Option<Vec<usize>> {
        self.shape.as_ref()?.iter().copied().collect()
    }

    /// Returns the number of its dimensions, if that is known.
    pub fn ndim(&self) -> Option<usize> {
        self.shape.as_ref().map(Vec::len)
    }
}

/// The data of a constant, without the data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Constant {
    /// The bytes that it takes.
    pub size_in_bytes: u64,
    /// Where the format stores it: constants of the same number hold the same bytes.
    pub storage: usize,
    /// Whether it is stored without its zeros.
    pub is_sparse: bool,
    /// Whether its data stand in another file.
    pub is_elsewhere: bool,
}

impl Constant {
    /// Returns a constant of so many bytes, stored densely in this file.
    pub fn new(size_in_bytes: u64, storage: usize) -> Self {
        Self { size_in_bytes, storage, is_sparse: false, is_elsewhere: false }
    }
}

/// The scales and zero points of a value whose elements are codes.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantization {
    /// One, or one for each index along `axis`.
    pub scales: Vec<f32>,
    /// As many as there are scales.
    pub zero_points: Vec<i64>,
    /// The axis of the channels.
    pub axis: usize,
    /// Whether there are details that scales and zero points do not tell, as of blocks.
    pub has_details: bool,
}

impl Quantization {
    /// Returns one scale and zero point for all elements.
    pub fn per_tensor(scale: f32, zero_point: i64) -> Self {
        Self { scales: [scale].into(), zero_points: [zero_point].into(), axis: 0, has_details: false }
    }
}
