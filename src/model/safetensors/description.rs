//! The entry `tensor_quant` of a file's metadata: what is needed to restore the tensors.

use crate::error::{Error, Result};
use crate::params::{BlockShape, Granularity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The entry's key.
pub(super) const KEY: &str = "tensor_quant";
/// The latest version; those before it are read, too.
///
/// 1: one scale a tensor, a channel or a block along one axis. 2: N-dimensional blocks as well. 3: blocks whose format stands in place of
/// the code type; tensors without zero points, all of which are 0. A file is written as the first that it can be.
pub(super) const VERSION: u32 = 3;

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
    /// The lengths of N-dimensional blocks, as in `128x128`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) blocks: Option<BlockShape>,
    /// Whether there is a tensor of zero points; they are 0 otherwise.
    #[serde(default = "yes", skip_serializing_if = "core::clone::Clone::clone")]
    pub(super) zero_points: bool,
    /// Whether there is a tensor of offsets.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(super) offset: bool,
}

fn yes() -> bool {
    true
}

impl Description {
    /// Returns the first version that can say what is described.
    pub(super) fn first_version(&self) -> u32 {
        let any = |is: fn(&TensorDescription) -> bool| self.tensors.values().any(is);
        let is_block = |tensor: &TensorDescription| crate::num::CodeType::named(&tensor.code).is_none();
        match (any(is_block) || any(|tensor| !tensor.zero_points), any(|tensor| tensor.blocks.is_some())) {
            (true, _) => 3,
            (false, true) => 2,
            (false, false) => 1,
        }
    }
}

impl TensorDescription {
    /// Returns which elements share a scale.
    ///
    /// # Errors
    ///
    /// [`Error::BlockSizeZero`].
    pub(super) fn granularity(&self) -> Result<Granularity> {
        Ok(match (self.blocks, self.axis, self.block_size) {
            (Some(blocks), _, _) => Granularity::Blocks(blocks),
            (None, None, _) => Granularity::Tensor,
            (None, Some(axis), None) => Granularity::Axis(axis),
            (None, Some(axis), Some(0)) => return Err(Error::BlockSizeZero { axis }),
            (None, Some(axis), Some(size)) => Granularity::Block { axis, size },
        })
    }
}
