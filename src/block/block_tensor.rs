//! A tensor in blocks.

use super::block_scheme::BlockScheme;
use super::block_type::BlockType;
use super::format::BlockFormat;
use crate::error::{Error, Result};
use alloc::vec::Vec;
use ndarray::{ArrayD, ArrayView, Dimension, IxDyn};

/// A tensor whose rows, along its last axis, are blocks of a format.
///
/// # Examples
///
/// ```
/// use ndarray::Array2;
/// use tensor_quant::block::{BlockTensor, BlockType};
///
/// let x = Array2::from_shape_fn((3, 64), |(i, j)| (i as f32 + 1.0) * (j as f32 * 0.3).sin());
/// let q = BlockTensor::quantize(x.view(), BlockType::Q8_0.into(), None)?;
/// assert_eq!((q.shape(), q.bytes().len()), (&[3, 64][..], 3 * 2 * 34));
/// assert!(q.dequantize().iter().zip(&x).all(|(y, x)| (x - y).abs() < 0.02));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockTensor {
    block: BlockType,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl BlockTensor {
    /// Returns the blocks of a tensor. `importance` is one number for each index along the last axis.
    ///
    /// # Errors
    ///
    /// As [`BlockType::quantize`]: rows that are not whole blocks, NaN, a format that is only read.
    pub fn quantize<D: Dimension>(
        x: ArrayView<'_, f32, D>,
        scheme: BlockScheme,
        importance: Option<&[f32]>,
    ) -> Result<Self> {
        let shape = x.shape().to_vec();
        let row_len = shape.last().copied().unwrap_or(1);
        let x = x.as_standard_layout();
        let bytes = scheme.block.quantize(x.as_slice().unwrap_or(&[]), row_len, importance, scheme.search)?;
        Ok(Self { block: scheme.block, shape, bytes })
    }

    /// Returns the tensor of blocks from elsewhere, as from a file.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the last axis is not whole blocks, or there are not exactly the bytes of the shape's blocks.
    pub fn from_bytes(block: BlockType, shape: &[usize], bytes: Vec<u8>) -> Result<Self> {
        let expected = block.bytes_of(shape)?;
        if bytes.len() != expected {
            return Err(Error::LengthMismatch { what: "bytes of blocks", expected, actual: bytes.len() });
        }
        Ok(Self { block, shape: shape.to_vec(), bytes })
    }

    /// Returns the format.
    pub fn block_type(&self) -> BlockType {
        self.block
    }

    /// Returns the shape, in elements.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the blocks, row after row.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the restored tensor.
    pub fn dequantize(&self) -> ArrayD<f32> {
        let mut out = ArrayD::zeros(IxDyn(&self.shape));
        if let Some(out) = out.as_slice_mut() {
            self.block.dequantize_row(&self.bytes, out);
        }
        out
    }
}

impl BlockType {
    /// Returns the bytes of the blocks of a tensor, rows along its last axis.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if a row is not whole blocks; [`Error::OutOfMemory`] if the bytes cannot be counted.
    pub fn bytes_of(self, shape: &[usize]) -> Result<usize> {
        let (&row, rows) = shape.split_last().unwrap_or((&1, &[]));
        let (len, bytes) = (self.block_len(), self.block_bytes());
        if !row.is_multiple_of(len) {
            let expected = row / len * len;
            return Err(Error::LengthMismatch { what: "a row of whole blocks", expected, actual: row });
        }
        // No array has more elements, not even an empty one.
        let lengths = shape.iter().filter(|&&len| len > 0);
        let elements = lengths.clone().try_fold(1_usize, |product, &len| product.checked_mul(len));
        if elements.is_none_or(|elements| isize::try_from(elements).is_err()) {
            return Err(Error::OutOfMemory {
                what: "elements",
                count: lengths.fold(1, |n: usize, &m| n.saturating_mul(m)),
            });
        }
        let row_bytes = (row / len).checked_mul(bytes);
        let total = rows.iter().try_fold(row_bytes, |total, &n| Some(total?.checked_mul(n)));
        total.flatten().ok_or(Error::OutOfMemory {
            what: "rows of blocks",
            count: rows.iter().fold(1, |n: usize, &m| n.saturating_mul(m)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_no_array_has_are_refused_though_they_are_empty() {
        for shape in [&[1 << 62, 4, 0][..], &[0, 1 << 63], &[usize::MAX, 32]] {
            let found = BlockTensor::from_bytes(BlockType::Q4_0, shape, Vec::new());
            assert!(matches!(found, Err(Error::OutOfMemory { .. })), "{shape:?}: {found:?}");
        }
        let empty = BlockTensor::from_bytes(BlockType::Q4_0, &[7, 0], Vec::new()).expect("an empty tensor");
        assert_eq!(empty.dequantize().shape(), [7, 0]);
    }
}
