//! A constant tensor: what it is, and what uses it.

use super::element_type::ElementType;
use super::operator::Role;
use crate::graph::Quantization;

/// Which tensor of a model: names need not be unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId {
    /// The subgraph.
    pub subgraph: usize,
    /// The tensor's number in it.
    pub tensor: usize,
}

/// A tensor whose values stand in the file, or in another that it names.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Constant {
    /// Which one it is.
    pub id: TensorId,
    /// Its name; need not be unique.
    pub name: String,
    /// The type of its elements.
    pub element_type: ElementType,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The bytes that its values take.
    pub size_in_bytes: u64,
    /// The buffer that holds them; tensors that share it hold the same bytes.
    pub buffer: usize,
    /// Whether its values stand in another file: they are left there, and cannot be read.
    pub is_elsewhere: bool,
    /// Its scales and zero points, if it has any.
    pub quantization: Option<Quantization>,
    /// Whether its values are stored in a sparse format.
    pub is_sparse: bool,
    /// Whether it is an input or an output of its subgraph.
    pub is_at_the_edge: bool,
    /// What uses it.
    pub uses: Vec<Use>,
}

impl Constant {
    /// Returns whether its bytes are those of its shape and element type; `false` for types whose elements differ in length.
    pub fn is_whole(&self) -> bool {
        let elements = self.shape.iter().try_fold(1_u64, |n, &len| n.checked_mul(len as u64));
        elements.and_then(|elements| self.element_type.size_of(elements)) == Some(self.size_in_bytes)
    }
}

/// An operator that takes a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Use {
    /// The operator's number in its subgraph.
    pub operator: usize,
    /// Its name, as in `CONV_2D`; the name of a custom operator.
    pub name: String,
    /// Which of its inputs the tensor is.
    pub input: usize,
    /// What the operator does with it.
    pub role: Role,
}
