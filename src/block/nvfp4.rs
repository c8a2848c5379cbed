//! NVFP4 with a scale of the tensor: E2M1 elements, an E4M3 scale for 16 of them, an f32 for all.
//!
//! ```text
//! x ≈ t · s · element,      t = max|x of the tensor| / (448 · 6), or 1 without,   s = E4M3(max|x of the block| / 6 / t)
//! ```
//!
//! As `torchao` has it: scales are clamped to the smallest normal number and 448 before they are rounded, half to even, and so are
//! elements. Files of compressed-tensors hold `1 / t`, a divisor; those of `ModelOpt` t itself.

use crate::num::{F4E2M1Fn, F8E4M3Fn};
use alloc::vec::Vec;

/// Elements of a block.
const LEN: usize = 16;
/// The smallest normal number of E4M3.
const SMALLEST: f32 = 0.015_625;

/// NVFP4 with its scale of the tensor, if there is one.
///
/// # Examples
///
/// ```
/// use tensor_quant::block::Nvfp4;
///
/// let x: Vec<f32> = (0..32).map(|i| i as f32 * 0.01).collect();
/// let format = Nvfp4::of_largest(0.31);
/// let (scales, codes) = format.scales_and_codes(&x);
/// assert_eq!((scales.len(), codes.len()), (2, 32));
/// let restored = format.restore(&scales, &codes);
/// assert!(x.iter().zip(&restored).all(|(x, y)| (x - y).abs() < 0.06));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Nvfp4 {
    /// The scale of the tensor, which everything is multiplied with last.
    pub tensor_scale: Option<f32>,
}

impl Nvfp4 {
    /// Returns the format for a tensor with this largest magnitude: the block that has it gets the largest scale.
    pub fn of_largest(max: f32) -> Self {
        Self { tensor_scale: Some(max / (448.0 * 6.0)) }
    }

    /// Returns the scales, as E4M3, and the codes, one a byte, of whole blocks of 16.
    pub fn scales_and_codes(self, x: &[f32]) -> (Vec<u8>, Vec<u8>) {
        let (mut scales, mut codes) = (Vec::with_capacity(x.len() / LEN), Vec::with_capacity(x.len()));
        for x in x.as_chunks::<LEN>().0 {
            let max = x.iter().fold(0.0_f32, |max, x| max.max(x.abs()));
            let block = max / 6.0;
            let wanted = self.tensor_scale.map_or(block, |t| block / t);
            let scale = F8E4M3Fn::from_f32(wanted.clamp(SMALLEST, 448.0));
            scales.push(scale.to_bits());
            for &x in x {
                let quotient = match self.tensor_scale {
                    Some(t) => x * ((1.0 / t) / scale.to_f32()),
                    None => x / scale.to_f32(),
                };
                codes.push(F4E2M1Fn::from_f32_saturating(quotient).to_bits());
            }
        }
        (scales, codes)
    }

    /// Returns the elements that scales and codes stand for.
    pub fn restore(self, scales: &[u8], codes: &[u8]) -> Vec<f32> {
        let blocks = codes.as_chunks::<LEN>().0.iter().zip(scales);
        let restored = blocks.flat_map(|(codes, scale)| {
            let scale = F8E4M3Fn::from_bits(*scale).to_f32() * self.tensor_scale.unwrap_or(1.0);
            codes.map(|code| F4E2M1Fn::from_bits(code).to_f32() * scale)
        });
        restored.collect()
    }
}
