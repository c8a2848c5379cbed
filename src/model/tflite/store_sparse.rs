//! Constants stored without their zeros, and the `DENSIFY` that puts them back.
//!
//! All dimensions but the last are dense; of the last the indices of what is not zero are listed, as in compressed sparse rows. Source:
//! the schema of TensorFlow Lite, `SparsityParameters`.

use super::constant::TensorId;
use super::control_edges::Moved;
use super::edit::rewire;
use super::element_type::ElementType;
use super::model::{Model, shape_of};
use super::names::DENSIFY;
use super::schema::{
    DIMENSION_METADATA, OPERATOR, SPARSE_INDEX, SPARSITY, dimension, operator as op, sparsity, subgraph, tensor,
};
use super::tree::{Child, Data, Table, Vector};
use crate::error::Result;
use crate::model::error::ModelError;
use std::collections::HashMap;

/// About what a `DENSIFY` and the tensor behind it take in a file, and the tables that tell where elements are.
const COST: usize = 400;

/// A constant of rows without its zeros.
struct Rows {
    segments: Vec<usize>,
    indices: Vec<usize>,
    elements: Vec<u8>,
}

impl Rows {
    /// Returns rows of `len` elements of `width` bytes each.
    fn of(bytes: &[u8], len: usize, width: usize) -> Self {
        let mut rows = Self { segments: vec![0], indices: Vec::new(), elements: Vec::new() };
        for row in bytes.chunks_exact((len * width).max(1)) {
            for (index, element) in row.chunks_exact(width).enumerate() {
                if element.iter().any(|&byte| byte != 0) {
                    rows.indices.push(index);
                    rows.elements.extend_from_slice(element);
                }
            }
            rows.segments.push(rows.indices.len());
        }
        rows
    }

    /// Returns the bytes that they take.
    fn size(&self) -> usize {
        let list = |values: &[usize]| values.len() * usize::from(width_of(values));
        self.elements.len() + list(&self.segments) + list(&self.indices)
    }
}

/// Returns the bytes that the largest of some numbers takes, 1, 2 or 4.
fn width_of(values: &[usize]) -> u8 {
    match values.iter().max() {
        Some(&most) if most > 0xffff => 4,
        Some(&most) if most > 0xff => 2,
        _ => 1,
    }
}

/// Returns a list of numbers, and the kind of its table in the union.
fn list_of(values: &[usize]) -> (u8, Table) {
    let width = width_of(values);
    let bytes = values.iter().flat_map(|&value| value.to_le_bytes().into_iter().take(usize::from(width))).collect();
    let kind = match width {
        4 => 1,
        2 => 2,
        _ => 3,
    };
    let mut table = Table::new(SPARSE_INDEX.shape(kind));
    table.set_child(0, Child::Vector(Vector { width, align: 4, terminated: false, data: Data::Held(bytes) }));
    (kind, table)
}

impl Model {
    /// Stores a constant without its zeros, and puts a `DENSIFY` in front of everything that uses it, if that is shorter; returns how
    /// many bytes of elements it saves, or `None` if it stays as it is.
    ///
    /// Its elements have to take whole bytes, and it must not be sparse already. The operator stands at the head of its list.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`]; [`Error::Io`](crate::Error::Io).
    pub fn store_sparse(&mut self, id: TensorId) -> Result<Option<u64>> {
        let table = self.tensor(id)?;
        let (shape, old) = (shape_of(table), table.u32(tensor::BUFFER).unwrap_or(0) as usize);
        let element_type = ElementType::of(table.u8(tensor::TYPE).unwrap_or(0));
        let width = match element_type {
            ElementType::F32 => 4,
            ElementType::F16 => 2,
            ElementType::I8 => 1,
            _ => return Ok(None),
        };
        let is_shared = self.references.get(old).is_none_or(|&references| references > 1);
        let Some((&len, outer)) = shape.split_last() else { return Ok(None) };
        if table.child(tensor::SPARSITY).is_some() || is_shared || outer.is_empty() || len == 0 {
            return Ok(None);
        }
        let bytes = self.bytes(old)?;
        if bytes.len() != shape.iter().product::<usize>() * width {
            return Ok(None);
        }
        let rows = Rows::of(&bytes, len, width);
        let Some(saved) = bytes.len().checked_sub(rows.size() + COST).filter(|&saved| saved > 0) else {
            return Ok(None);
        };
        let code = self.operator_code(DENSIFY, 1);
        let dense = self.dense_behind(id)?;
        let number = self.store(old, Data::Held(rows.elements.clone()));
        let table = self.tensor_mut(id)?;
        table.set_scalar(tensor::BUFFER, (number as u32).to_le_bytes());
        table.set_child(tensor::SPARSITY, Child::Table(parameters(&shape, &rows)));
        self.renumber_control_edges(id.subgraph, |old| Moved::To(old.saturating_add(1)))?;
        let mut operator = Table::new(&OPERATOR);
        operator.set_scalar(op::CODE, (code as u32).to_le_bytes());
        operator.set_child(op::INPUTS, Child::Vector(Vector::of([(id.tensor as i32).to_le_bytes()])));
        operator.set_child(op::OUTPUTS, Child::Vector(Vector::of([dense.to_le_bytes()])));
        let list = self.graph_mut(id)?.tables_mut(subgraph::OPERATORS);
        rewire(list, &HashMap::from([(id.tensor as i32, dense)]), &|_, _| false);
        list.insert(0, operator);
        Ok(Some(saved as u64))
    }

    /// Adds the tensor that a `DENSIFY` gives, and returns its number.
    fn dense_behind(&mut self, id: TensorId) -> Result<i32> {
        let mut dense = self.tensor(id)?.clone();
        dense.set_scalar(tensor::BUFFER, [0; 4]);
        dense.set_child(tensor::NAME, Child::Vector(Vector::text(&(dense.text(tensor::NAME) + "_dense"))));
        if let Some(references) = self.references.first_mut() {
            *references += 1;
        }
        let tensors = self.graph_mut(id)?.tables_mut(subgraph::TENSORS);
        tensors.push(dense);
        i32::try_from(tensors.len() - 1)
            .map_err(|_| ModelError::Unreadable { reason: "it has too many tensors for another".into() }.into())
    }
}

fn parameters(shape: &[usize], rows: &Rows) -> Table {
    let mut dimensions = Vec::with_capacity(shape.len());
    for (axis, &len) in shape.iter().enumerate() {
        let mut table = Table::new(&DIMENSION_METADATA);
        if axis + 1 < shape.len() {
            table.set_scalar(dimension::DENSE_SIZE, (len as i32).to_le_bytes());
        } else {
            table.set_scalar(dimension::FORMAT, [1]);
            for (slot, values) in [(dimension::SEGMENTS, &rows.segments), (dimension::INDICES, &rows.indices)] {
                let (kind, list) = list_of(values);
                table.set_scalar(slot - 1, [kind]);
                table.set_child(slot, Child::Table(list));
            }
        }
        dimensions.push(table);
    }
    let mut parameters = Table::new(&SPARSITY);
    let order = (0..shape.len()).map(|axis| (axis as i32).to_le_bytes());
    parameters.set_child(sparsity::TRAVERSAL_ORDER, Child::Vector(Vector::of(order)));
    parameters.set_child(sparsity::DIMENSIONS, Child::Tables(dimensions));
    parameters
}
