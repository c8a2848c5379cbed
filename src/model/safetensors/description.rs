//! The entry `tensor_quant` of a file's metadata: what is needed to restore the tensors.

use crate::params::Granularity;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The entry's key.
pub(super) const KEY: &str = "tensor_quant";
/// The version that is written, and the only one that is read.
pub(super) const VERSION: u32 = 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Description {
    pub(super) version: u32,
    pub(super) tensors: BTreeMap<String, TensorDescription>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TensorDescription {
    /// The code type, as in `i8`.
    pub(super) code: String,
    /// The shape of the original.
    pub(super) shape: Vec<usize>,
    /// The smallest and largest code in use. Of floating codes all are, and the ends of `i64` stand for infinities.
    pub(super) codes: (i64, i64),
    /// The axis of channels or blocks; absent if one scale serves the tensor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) axis: Option<usize>,
    /// Elements in a block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) block_size: Option<usize>,
    /// Whether there is a tensor of offsets.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(super) offset: bool,
}

impl TensorDescription {
    pub(super) fn granularity(&self) -> Granularity {
        match (self.axis, self.block_size) {
            (None, _) => Granularity::Tensor,
            (Some(axis), None) => Granularity::Axis(axis),
            (Some(axis), Some(size)) => Granularity::Block { axis, size },
        }
    }
}
