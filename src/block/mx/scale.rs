//! The scales of microscaling blocks: powers of two.

/// The exponent of the scale 1.
pub(super) const BIAS: i32 = 127;
/// The scale of a block with NaN.
pub(super) const NAN: u8 = 255;

/// Returns the number that a scale stands for.
#[inline(always)]
pub(super) fn scale_value(e: u8) -> f32 {
    // 2⁻¹²⁷ is subnormal; what would be infinity is NaN.
    f32::from_bits(u32::from(e) << 23 | u32::from(e.wrapping_add(1) < 2) << 22)
}
