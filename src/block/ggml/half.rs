//! The f16 scales of the blocks.

use crate::num::{f16_bits_from_f32, f16_bits_to_f32};

/// Returns the bytes of the nearest f16, halves to even; of a NaN those of the one that ggml has.
#[inline(always)]
pub(super) fn to_half(x: f32) -> [u8; 2] {
    let bits = if x.is_nan() { 0x7e00 | (x.to_bits() >> 16) as u16 & 0x8000 } else { f16_bits_from_f32(x) };
    bits.to_le_bytes()
}

/// Returns the value of the f16 at a place.
#[inline(always)]
pub(super) fn from_half(bytes: &[u8], at: usize) -> f32 {
    f16_bits_to_f32(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}
