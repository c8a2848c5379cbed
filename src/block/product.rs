//! Products of rows of blocks with vectors of reals, straight on the blocks.
//!
//! A few blocks at a time are restored into memory that stays in the first cache, and multiplied there: of a matrix the bytes of its
//! blocks are read, nothing else. Sums run in an order of their own that no machine changes.

use super::format::{BlockFormat, sizes};
use crate::error::{Error, Result};
use crate::kernel::{self, dot};
use alloc::vec;
use alloc::vec::Vec;

/// Elements that are restored at a time, where blocks are no longer.
const TILE: usize = 512;

/// Returns the products of each row of a matrix with a vector: `y[i] = Σ a[i, j] · x[j]`, of blocks one row after another.
///
/// # Errors
///
/// [`Error::LengthMismatch`] if the rows of `x.len()` elements are not whole blocks, or `bytes` not whole rows.
///
/// # Examples
///
/// ```
/// use tensor_quant::block::{BlockSearch, BlockType, matvec};
///
/// let a: Vec<f32> = (0..64).map(|i| (i % 7) as f32 - 3.0).collect();
/// let bytes = BlockType::Q8_0.quantize(&a, 32, None, BlockSearch::Plain)?;
/// let y = matvec(&BlockType::Q8_0, &bytes, &[1.0; 32])?;
/// let exact: f32 = a[..32].iter().sum();
/// assert!(y.len() == 2 && (y[0] - exact).abs() < 0.2);
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn matvec(format: &dyn BlockFormat, bytes: &[u8], x: &[f32]) -> Result<Vec<f32>> {
    matmul(format, bytes, x, x.len())
}

/// Returns the products of each row of a matrix with each row of another: `y[k, i] = Σ a[i, j] · x[k, j]`, rows of `row_len` elements;
/// `a` in blocks, `y` row-major, a row for each row of `x`.
///
/// # Errors
///
/// [`Error::LengthMismatch`] if `row_len` is not whole blocks, or `bytes` or `x` not whole rows.
pub fn matmul(format: &dyn BlockFormat, bytes: &[u8], x: &[f32], row_len: usize) -> Result<Vec<f32>> {
    let (len, block_bytes) = sizes(format)?;
    let row_bytes = row_len / len * block_bytes;
    let whole = |what, actual: usize, of: usize| match actual.checked_rem(of) {
        Some(0) => Ok(actual / of),
        None if actual == 0 => Ok(0),
        rest => Err(Error::LengthMismatch { what, expected: actual - rest.unwrap_or(actual), actual }),
    };
    whole("a row of whole blocks", row_len, len)?;
    let rows = whole("bytes of whole rows", bytes.len(), row_bytes)?;
    let vectors = whole("whole rows", x.len(), row_len)?;
    let mut y = vec![0.0; rows * vectors];
    if row_len == 0 {
        return Ok(y);
    }
    let tile_blocks = (TILE / len).max(1);
    let mut tile = Aligned::new(tile_blocks * len);
    let tile = tile.as_mut_slice();
    let stride = row_len.next_multiple_of(Aligned::LINE);
    let mut own_x = Aligned::new(vectors * stride);
    for (own, x) in own_x.as_mut_slice().chunks_exact_mut(stride).zip(x.chunks_exact(row_len)) {
        own[..row_len].copy_from_slice(x);
    }
    let own_x = own_x.as_mut_slice();
    let level = kernel::detect();
    for (i, row) in bytes.chunks_exact(row_bytes).enumerate() {
        for (t, blocks) in row.chunks(tile_blocks * block_bytes).enumerate() {
            let tile = &mut tile[..blocks.len() / block_bytes * len];
            format.dequantize_row(blocks, tile);
            let start = t * tile_blocks * len;
            for (k, x) in own_x.chunks_exact(stride).enumerate() {
                y[k * rows + i] += dot(level, tile, &x[start..start + tile.len()]);
            }
        }
    }
    Ok(y)
}

/// Numbers that begin where a line of the cache does: a vector that lies in two of them takes twice as long to load or store.
struct Aligned {
    numbers: Vec<f32>,
    start: usize,
}

impl Aligned {
    /// Numbers of a line.
    const LINE: usize = 16;

    /// Returns so many zeros.
    fn new(len: usize) -> Self {
        let numbers = vec![0.0; len + (Self::LINE - 1)];
        // The place stays the same as long as nothing is added; where it cannot be told, any is right.
        let start = numbers.as_ptr().align_offset(Self::LINE * size_of::<f32>()).min(Self::LINE - 1);
        Self { numbers, start }
    }

    fn as_mut_slice(&mut self) -> &mut [f32] {
        let len = self.numbers.len() - (Self::LINE - 1);
        &mut self.numbers[self.start..self.start + len]
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::block::mx::{Mx, MxElement, ScaleRule};

    #[test]
    fn products_are_those_of_the_restored_matrix() {
        let format = Mx { element: MxElement::E4M3, rule: ScaleRule::Floor };
        let number = |i: u32| (i.wrapping_mul(0x9e37_79b9) >> 8) as f32 / 1e7 - 0.8;
        let a: Vec<f32> = (0..3 * 1056).map(number).collect();
        let x: Vec<f32> = (0..2 * 1056).map(|i| number(i + 99_999)).collect();
        let mut bytes = vec![0; 3 * 33 * 33];
        format.quantize_row(&a, None, &mut bytes);
        let mut restored = vec![0.0; a.len()];
        format.dequantize_row(&bytes, &mut restored);
        let y = matmul(&format, &bytes, &x, 1056).unwrap();
        for (k, x) in x.chunks(1056).enumerate() {
            for (i, a) in restored.chunks(1056).enumerate() {
                let exact: f64 = a.iter().zip(x).map(|(a, x)| f64::from(*a) * f64::from(*x)).sum();
                assert!((f64::from(y[3 * k + i]) - exact).abs() < 1e-3);
            }
        }
        assert!(matvec(&format, &bytes, &[0.0; 31]).is_err() && matvec(&format, &bytes[1..], &x[..1056]).is_err());
    }
}
