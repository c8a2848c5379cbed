//! Blocks of a codebook.
//!
//! ```text
//! x ≈ s · v[code],      s = max|x| of the block
//! ```

use super::codebook::Codebook;
use super::format::BlockFormat;

/// Blocks of `len` codes of a codebook and one f32 scale, the largest magnitude.
///
/// A block is the scale, little-endian, and the codes: two a byte, the first in the high nibble, of up to sixteen values, else one a
/// byte.
#[derive(Clone, Debug, PartialEq)]
pub struct CodebookBlocks {
    /// The values, for numbers in −1..=1.
    pub codebook: Codebook,
    /// Elements of a block, an even number.
    pub len: usize,
}

const SCALE: usize = size_of::<f32>();

impl CodebookBlocks {
    fn halves(&self) -> bool {
        self.codebook.values().len() <= 16
    }

    /// Returns the scale of a block, and writes a code for each element.
    pub fn scale_and_codes(&self, x: &[f32], codes: &mut [u8]) -> f32 {
        let scale = x.iter().fold(0.0_f32, |max, x| if x.abs() > max { x.abs() } else { max });
        let inverse = 1.0 / scale;
        for (code, x) in codes.iter_mut().zip(x) {
            *code = self.codebook.code(if scale > 0.0 { x * inverse } else { 0.0 });
        }
        scale
    }
}

impl BlockFormat for CodebookBlocks {
    fn block_len(&self) -> usize {
        self.len
    }

    fn block_bytes(&self) -> usize {
        SCALE + if self.halves() { self.len.div_ceil(2) } else { self.len }
    }

    fn quantize_row(&self, x: &[f32], _importance: Option<&[f32]>, out: &mut [u8]) {
        let mut codes = alloc::vec![0; self.len];
        for (x, out) in x.chunks_exact(self.len).zip(out.chunks_exact_mut(self.block_bytes())) {
            let scale = self.scale_and_codes(x, &mut codes);
            out[..SCALE].copy_from_slice(&scale.to_le_bytes());
            if self.halves() {
                for (out, pair) in out[SCALE..].iter_mut().zip(codes.chunks(2)) {
                    *out = pair[0] << 4 | pair.get(1).copied().unwrap_or(0);
                }
            } else {
                out[SCALE..].copy_from_slice(&codes);
            }
        }
    }

    fn dequantize_row(&self, bytes: &[u8], out: &mut [f32]) {
        for (block, out) in bytes.chunks_exact(self.block_bytes()).zip(out.chunks_exact_mut(self.len)) {
            let scale = f32::from_le_bytes([block[0], block[1], block[2], block[3]]);
            for (i, out) in out.iter_mut().enumerate() {
                let code =
                    if self.halves() { block[SCALE + i / 2] >> (4 * (1 - i % 2)) & 15 } else { block[SCALE + i] };
                *out = self.codebook.value(code) * scale;
            }
        }
    }
}
