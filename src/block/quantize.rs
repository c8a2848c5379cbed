//! Rows of a matrix to blocks, and back, with everything checked.

use super::block_type::BlockType;
use super::error::BlockError;
use super::format::{BlockFormat, sizes};
use crate::error::{Error, Result};
use alloc::vec;
use alloc::vec::Vec;

/// How a block is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BlockSearch {
    /// As the format's own implementation has it: of ggml's formats, its bytes.
    #[default]
    Plain,
    /// The block of least squared error, weighted by the importance, that can be found; never worse than `Plain`.
    Best,
}

/// Returns the blocks of rows of `row_len` elements, one row after another.
///
/// `importance` is one number ≥ 0 for each column: what a squared error there counts, as the mean square of the activations that the
/// column is multiplied with.
///
/// # Errors
///
/// [`Error::LengthMismatch`] if the rows are not whole blocks, if `x` is not whole rows, or the importance not as long as a row;
/// [`Error::NotANumber`] with the first NaN. A read-only type gives zeros: [`BlockType::quantize`] refuses it.
///
/// # Examples
///
/// ```
/// use tensor_quant::block::{BlockSearch, BlockType, dequantize_blocks, quantize_blocks};
///
/// let x: Vec<f32> = (0..512).map(|i| (i as f32 * 0.37).sin()).collect();
/// let bytes = quantize_blocks(&BlockType::Q4_K, &x, 256, None, BlockSearch::Plain)?;
/// assert_eq!(bytes.len(), 2 * 144);
/// let restored = dequantize_blocks(&BlockType::Q4_K, &bytes)?;
/// assert!(x.iter().zip(&restored).all(|(x, y)| (x - y).abs() < 0.1));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn quantize_blocks(
    format: &dyn BlockFormat,
    x: &[f32],
    row_len: usize,
    importance: Option<&[f32]>,
    search: BlockSearch,
) -> Result<Vec<u8>> {
    let (len, bytes) = sizes(format)?;
    let rows = check_rows(format, x.len(), row_len)?;
    if let Some(importance) = importance
        && importance.len() != row_len
    {
        return Err(Error::LengthMismatch { what: "importance", expected: row_len, actual: importance.len() });
    }
    if let Some(i) = x.iter().position(|x| x.is_nan()) {
        return Err(Error::NotANumber { index: vec![i / row_len, i % row_len] });
    }
    let row_bytes = row_len / len * bytes;
    let mut out = vec![0; rows * row_bytes];
    if row_len > 0 {
        for (x, out) in x.chunks_exact(row_len).zip(out.chunks_exact_mut(row_bytes)) {
            match search {
                BlockSearch::Plain => format.quantize_row(x, importance, out),
                BlockSearch::Best => format.best_row(x, importance, out),
            }
        }
    }
    Ok(out)
}

/// Returns the elements that blocks restore to.
///
/// # Errors
///
/// [`Error::LengthMismatch`] if there are not whole blocks.
pub fn dequantize_blocks(format: &dyn BlockFormat, bytes: &[u8]) -> Result<Vec<f32>> {
    let (len, block_bytes) = sizes(format)?;
    let whole = bytes.len() / block_bytes;
    if !bytes.len().is_multiple_of(block_bytes) {
        let expected = whole * block_bytes;
        return Err(Error::LengthMismatch { what: "bytes of whole blocks", expected, actual: bytes.len() });
    }
    let mut out = vec![0.0; whole * len];
    format.dequantize_row(bytes, &mut out);
    Ok(out)
}

/// Returns the number of rows.
fn check_rows(format: &dyn BlockFormat, elements: usize, row_len: usize) -> Result<usize> {
    let (len, _) = sizes(format)?;
    if !row_len.is_multiple_of(len) {
        let expected = row_len / len * len;
        return Err(Error::LengthMismatch { what: "a row of whole blocks", expected, actual: row_len });
    }
    let rows = elements.checked_div(row_len).unwrap_or(0);
    if rows * row_len != elements {
        return Err(Error::LengthMismatch { what: "whole rows", expected: rows * row_len, actual: elements });
    }
    Ok(rows)
}

impl BlockType {
    /// Returns what [`quantize_blocks`] gives of one of the crate's own formats.
    ///
    /// # Errors
    ///
    /// As [`quantize_blocks`], and [`BlockError::ReadOnlyFormat`] for a format that is only read.
    pub fn quantize(
        self,
        x: &[f32],
        row_len: usize,
        importance: Option<&[f32]>,
        search: BlockSearch,
    ) -> Result<Vec<u8>> {
        if !self.can_quantize() {
            return Err(BlockError::ReadOnlyFormat { format: self.name() }.into());
        }
        quantize_blocks(&self, x, row_len, importance, search)
    }

    /// Returns what [`dequantize_blocks`] gives of one of the crate's own formats.
    ///
    /// # Errors
    ///
    /// As [`dequantize_blocks`].
    pub fn dequantize(self, bytes: &[u8]) -> Result<Vec<f32>> {
        dequantize_blocks(&self, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::{Codebook, CodebookBlocks, matvec};

    #[test]
    fn blocks_of_nothing_are_refused() {
        let codebook = Codebook::new(&[-1.0, 0.0, 1.0]).expect("three values");
        let nothing = CodebookBlocks { codebook, len: 0 };
        let message = "elements of a block must be 1 or more, got 0";
        let found = [
            quantize_blocks(&nothing, &[1.0, 2.0], 2, None, BlockSearch::Plain).map(drop),
            dequantize_blocks(&nothing, &[0; 8]).map(drop),
            matvec(&nothing, &[0; 8], &[1.0, 2.0]).map(drop),
        ];
        for found in found {
            assert_eq!(found.expect_err("no blocks").to_string(), message);
        }
    }
}
