//! Constants that are stored without their zeros.
//!
//! Such a tensor is a tree of dimensions in an order of their own: a dense dimension has all its indices, a sparse one
//! lists those with values, `segments` telling where the list of each parent begins. Dimensions behind the tensor's own
//! are blocks of them. Source: the schema of TensorFlow Lite, `SparsityParameters`.

#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use super::constant::TensorId;
use super::element_type::ElementType;
use super::model::{Model, shape_of};
use super::schema::{dimension, sparsity, tensor};
use super::tree::Table;
use crate::error::{Error, Result};
use crate::model::error::ModelError;

/// The most elements that a tensor gets for each byte that is stored.
const ELEMENTS_A_BYTE: usize = 64;

/// Bytes that count besides those that are stored: a tensor of zeros alone stores none.
const ALLOWANCE: usize = 1 << 10;
/// The most levels that a tree may have.
const LEVELS: usize = 32;

/// A dimension of the tree.
enum Dimension {
    Dense { len: usize },
    Sparse { segments: Vec<usize>, indices: Vec<usize> },
}

impl Model {
    /// Returns the bytes of a constant's elements in row-major order, those that a sparse tensor leaves out being zeros.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`] if there is no such tensor, or it has no data here; [`Error::Tensor`] with the name around
    /// [`ModelError::Unreadable`] if its sparse data do not fit its shape; [`Error::Io`].
    pub fn dense_bytes(&self, id: TensorId) -> Result<Vec<u8>> {
        let table = self.tensor(id)?;
        let bytes = self.bytes(table.u32(tensor::BUFFER).unwrap_or(0) as usize)?;
        let Some(sparse) = table.table(tensor::SPARSITY) else { return Ok(bytes) };
        let element_type = ElementType::of(table.u8(tensor::TYPE).unwrap_or(0));
        let width = element_type.size_of(2).filter(|size| size % 2 == 0).map(|size| size as usize / 2);
        let dense = width.filter(|&width| width > 0).and_then(|width| expand(sparse, &shape_of(table), &bytes, width));
        dense.ok_or_else(|| {
            let reason = "its sparse data do not fit its shape".into();
            Error::from(ModelError::Unreadable { reason }).of_tensor(&table.text(tensor::NAME))
        })
    }
}

fn expand(sparse: &Table, shape: &[usize], bytes: &[u8], width: usize) -> Option<Vec<u8>> {
    let numbers = |values: Vec<i32>| values.into_iter().map(|v| usize::try_from(v).ok()).collect::<Option<Vec<_>>>();
    let order = numbers(sparse.i32s(sparsity::TRAVERSAL_ORDER))?;
    let block_map = numbers(sparse.i32s(sparsity::BLOCK_MAP))?;
    let dimensions: Vec<Dimension> =
        sparse.tables(sparsity::DIMENSIONS).iter().map(dimension_of).collect::<Option<_>>()?;
    let rank = shape.len();
    if order.len() > LEVELS || order.len() != dimensions.len() || order.len() != rank.checked_add(block_map.len())? {
        return None;
    }
    let elements = shape.iter().try_fold(1_usize, |n, &len| n.checked_mul(len))?;
    if elements > bytes.len().saturating_add(ALLOWANCE).checked_mul(ELEMENTS_A_BYTE)? {
        return None;
    }
    // How far a step along each level of the tree goes in the dense tensor.
    let strides = strides_of(shape);
    let mut steps = vec![0; order.len()];
    for (level, &axis) in order.iter().enumerate() {
        let block = |of: usize| block_map.iter().position(|&mapped| mapped == of);
        let block_len = |position: usize| {
            let level = order.iter().position(|&axis| Some(axis) == rank.checked_add(position))?;
            match dimensions.get(level)? {
                Dimension::Dense { len } => Some(*len),
                Dimension::Sparse { .. } => None,
            }
        };
        let step = if let Some(position) = axis.checked_sub(rank) {
            *strides.get(*block_map.get(position)?)?
        } else {
            let blocks = match block(axis) {
                Some(position) => block_len(position)?,
                None => 1,
            };
            strides.get(axis)?.checked_mul(blocks)?
        };
        *steps.get_mut(level)? = step;
    }
    let mut dense = vec![0; elements.checked_mul(width)?];
    let mut walk =
        Walk { dimensions: &dimensions, steps: &steps, budget: elements.saturating_mul(2).saturating_add(64) };
    walk.visit(0, 0, 0, &mut |at, number| {
        let from = number.checked_mul(width)?;
        let to = at.checked_mul(width)?;
        let element = bytes.get(from..from.checked_add(width)?)?;
        dense.get_mut(to..to.checked_add(width)?)?.copy_from_slice(element);
        Some(())
    })?;
    Some(dense)
}

fn strides_of(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1_usize; shape.len()];
    let mut stride = 1_usize;
    for (of_axis, len) in strides.iter_mut().zip(shape).rev() {
        *of_axis = stride;
        stride = stride.saturating_mul(*len);
    }
    strides
}

fn dimension_of(table: &Table) -> Option<Dimension> {
    if table.u8(dimension::FORMAT).unwrap_or(0) == 0 {
        return Some(Dimension::Dense { len: usize::try_from(table.i32(dimension::DENSE_SIZE).unwrap_or(0)).ok()? });
    }
    let list = |slot: u16| {
        let values = table.table(slot)?;
        // A vector of the width that the union's kind says: 4, 2 or 1 bytes.
        match values.vector(0).map(|vector| vector.width) {
            Some(4) => values.i32s(0).into_iter().map(|v| usize::try_from(v).ok()).collect::<Option<Vec<_>>>(),
            Some(2) => Some(values.numbers(0).iter().map(|&v| u16::from_le_bytes(v).into()).collect()),
            Some(1) => Some(values.numbers(0).iter().map(|&[v]| usize::from(v)).collect()),
            _ => Some(Vec::new()),
        }
    };
    Some(Dimension::Sparse { segments: list(dimension::SEGMENTS)?, indices: list(dimension::INDICES)? })
}

struct Walk<'a> {
    dimensions: &'a [Dimension],
    steps: &'a [usize],
    /// Visits that are left: a tree of empty dimensions cannot be walked for ever.
    budget: usize,
}

impl Walk<'_> {
    /// Visits what is under a parent of a level, which stands at `at` of the dense tensor.
    fn visit(
        &mut self,
        level: usize,
        parent: usize,
        at: usize,
        leaf: &mut dyn FnMut(usize, usize) -> Option<()>,
    ) -> Option<()> {
        let Some(dimension) = self.dimensions.get(level) else { return leaf(at, parent) };
        let step = *self.steps.get(level)?;
        let next = level.checked_add(1)?;
        match dimension {
            Dimension::Dense { len } => {
                for index in 0..*len {
                    self.spend()?;
                    let child = parent.checked_mul(*len)?.checked_add(index)?;
                    self.visit(next, child, at.checked_add(index.checked_mul(step)?)?, leaf)?;
                }
            }
            Dimension::Sparse { segments, indices } => {
                let (from, to) = (*segments.get(parent)?, *segments.get(parent.checked_add(1)?)?);
                for child in from..to {
                    self.spend()?;
                    let index = *indices.get(child)?;
                    self.visit(next, child, at.checked_add(index.checked_mul(step)?)?, leaf)?;
                }
            }
        }
        Some(())
    }

    fn spend(&mut self) -> Option<()> {
        self.budget = self.budget.checked_sub(1)?;
        Some(())
    }
}
