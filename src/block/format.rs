//! The trait of block formats.

use crate::error::{Error, Result};
use core::fmt::Debug;

/// A block format: so many reals to so many bytes, and back.
///
/// The trait is open: a format of one's own needs two sizes and two functions, and is then held to the same laws and stored by the
/// same [`quantize_blocks`](super::quantize_blocks) as those of [`BlockType`](super::BlockType).
///
/// What a format owes:
///
/// - rows are whole blocks, `x.len() / block_len()` of them, and `out` is as many blocks of `block_bytes()`;
/// - every byte of `out` is written, whatever it held;
/// - no input panics: NaN and ±∞ give some block, and every block restores to something.
///
/// # Examples
///
/// ```
/// use tensor_quant::block::{BlockFormat, BlockType};
///
/// let format = BlockType::Q8_0;
/// let x: Vec<f32> = (0..32).map(|i| i as f32 - 16.0).collect();
/// let mut bytes = vec![0; format.block_bytes()];
/// format.quantize_row(&x, None, &mut bytes);
/// let mut restored = vec![0.0; 32];
/// format.dequantize_row(&bytes, &mut restored);
/// assert!(x.iter().zip(&restored).all(|(x, y)| (x - y).abs() <= 16.0 / 254.0 * 1.001));
/// ```
pub trait BlockFormat: Debug {
    /// Returns the elements of a block.
    fn block_len(&self) -> usize;

    /// Returns the bytes of a block.
    fn block_bytes(&self) -> usize;

    /// Writes a row of whole blocks. `importance`, one number an element, is what a squared error counts; a format may leave it aside.
    fn quantize_row(&self, x: &[f32], importance: Option<&[f32]>, out: &mut [u8]);

    /// Restores whole blocks.
    fn dequantize_row(&self, bytes: &[u8], out: &mut [f32]);

    /// Writes a row of blocks whose squared error, weighted by the importance, is not larger than that of
    /// [`quantize_row`](Self::quantize_row): the least there is, where the format can find it.
    fn best_row(&self, x: &[f32], importance: Option<&[f32]>, out: &mut [u8]) {
        self.quantize_row(x, importance, out);
    }
}

/// Returns the elements and the bytes of a block; a format of someone else's may say 0.
pub(super) fn sizes(format: &dyn BlockFormat) -> Result<(usize, usize)> {
    let sizes = [("elements of a block", format.block_len()), ("bytes of a block", format.block_bytes())];
    match sizes.iter().find(|(_, size)| *size == 0) {
        Some((what, _)) => Err(Error::InvalidSetting { what, expected: "1 or more", actual: 0.0 }),
        None => Ok((sizes[0].1, sizes[1].1)),
    }
}
