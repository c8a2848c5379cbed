//! INT4 in groups: what GPTQ, AWQ and their kin store, as blocks.
//!
//! ```text
//! x ≈ s · q,      q in −8..=7,      s = max|x| of the group / 7
//! ```

use super::format::BlockFormat;
use crate::error::{Error, Result};
use crate::kernel::{self, LANES, RestoreGroup, Simd, Sixteen, restore_groups};

/// Groups of `len` codes of INT4 with an f32 scale each: a block is the scale, little-endian, and two codes a byte, the first in the
/// low nibble.
///
/// Codes are rounded half to even. Of NaN the code is 0, and of a group with an infinity all finite numbers have the code 0.
///
/// # Examples
///
/// ```
/// use tensor_quant::block::{BlockSearch, Int4Groups, dequantize_blocks, matvec, quantize_blocks};
///
/// let format = Int4Groups::new(128)?;
/// let weights: Vec<f32> = (0..256).map(|i| (i as f32 * 0.3).sin()).collect();
/// let bytes = quantize_blocks(&format, &weights, 128, None, BlockSearch::Plain)?;
/// assert_eq!(bytes.len(), 2 * (4 + 64));
/// let products = matvec(&format, &bytes, &[1.0; 128])?;
/// let restored = dequantize_blocks(&format, &bytes)?;
/// assert!((products[0] - restored[..128].iter().sum::<f32>()).abs() < 1e-4);
/// assert!(weights.iter().zip(&restored).all(|(x, y)| (x - y).abs() <= 0.5 / 7.0 + 1e-6));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Int4Groups {
    len: usize,
}

const SCALE: usize = size_of::<f32>();
/// Codes that are restored at a time.
const AT_A_TIME: usize = 2 * LANES;

impl Int4Groups {
    /// Returns groups of so many elements.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] unless it is a multiple of 32 that is not 0.
    pub fn new(len: usize) -> Result<Self> {
        if len == 0 || !len.is_multiple_of(AT_A_TIME) {
            let expected = (len / AT_A_TIME * AT_A_TIME).max(AT_A_TIME);
            return Err(Error::LengthMismatch { what: "a group of INT4", expected, actual: len });
        }
        Ok(Self { len })
    }
}

/// The values of the codes.
const VALUES: [f32; LANES] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, -8.0, -7.0, -6.0, -5.0, -4.0, -3.0, -2.0, -1.0];

/// A scale and sixteen bytes of 32 codes, again and again.
struct Groups;

impl RestoreGroup for Groups {
    #[inline(always)]
    fn restore<S: Simd>(v: Sixteen<S>, block: &[u8], out: &mut [f32]) {
        let scale = v.all(f32::from_le_bytes([block[0], block[1], block[2], block[3]]));
        let list = v.load(&VALUES) * scale;
        for (bytes, out) in block[SCALE..].as_chunks().0.iter().zip(out.as_chunks_mut::<AT_A_TIME>().0) {
            let both = v.of_i8(bytes);
            let (low, high) = if Sixteen::<S>::LOOKS_UP {
                v.alternate(v.lookup(list, both), v.lookup(list, both >> 4))
            } else {
                v.alternate(v.reals((both << 28) >> 28) * scale, v.reals(both >> 4) * scale)
            };
            if let [first, second] = out.as_chunks_mut().0 {
                v.store(low, first);
                v.store(high, second);
            }
        }
    }
}

impl BlockFormat for Int4Groups {
    fn block_len(&self) -> usize {
        self.len
    }

    fn block_bytes(&self) -> usize {
        SCALE + self.len / 2
    }

    fn quantize_row(&self, x: &[f32], _importance: Option<&[f32]>, out: &mut [u8]) {
        for (x, out) in x.chunks_exact(self.len).zip(out.chunks_exact_mut(self.block_bytes())) {
            let max = x.iter().fold(0.0_f32, |max, x| if x.abs() > max { x.abs() } else { max });
            let scale = max / 7.0;
            let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
            let code = |x: f32| (crate::num::ties_even((x * inverse).clamp(-8.0, 7.0)) as i8 & 15) as u8;
            out[..SCALE].copy_from_slice(&scale.to_le_bytes());
            for (out, [a, b]) in out[SCALE..].iter_mut().zip(x.as_chunks().0) {
                *out = code(*a) | code(*b) << 4;
            }
        }
    }

    fn dequantize_row(&self, bytes: &[u8], out: &mut [f32]) {
        restore_groups::<Groups>(kernel::detect(), (bytes, self.block_bytes()), (out, self.len));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    #[test]
    fn codes_stand_in_order_and_odd_numbers_give_some() {
        let format = Int4Groups::new(32).unwrap();
        let x: Vec<f32> = (0..32).map(|i| (i % 15) as f32 - 7.0).collect();
        let (mut bytes, mut restored) = (vec![0; 20], vec![0.0; 32]);
        format.quantize_row(&x, None, &mut bytes);
        assert_eq!((&bytes[..4], bytes[4]), (&1.0_f32.to_le_bytes()[..], 0xa9));
        format.dequantize_row(&bytes, &mut restored);
        assert_eq!(restored, x);
        bytes[4] = 0x78;
        format.dequantize_row(&bytes, &mut restored);
        assert_eq!(restored[..2], [-8.0, 7.0]);
        for odd in [f32::NAN, f32::INFINITY, 1e-44, 0.0, f32::MAX] {
            format.quantize_row(&[odd; 32], None, &mut bytes);
            format.dequantize_row(&bytes, &mut restored);
        }
        assert!(Int4Groups::new(0).is_err() && Int4Groups::new(48).unwrap_err().to_string().contains("48"));
    }
}
