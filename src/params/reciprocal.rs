//! What kernels multiply by in place of dividing.

/// Returns 1 / scale; of a subnormal scale, whose reciprocal would be infinite and its product with 0 NaN, `f32::MAX`.
#[inline(always)]
pub(crate) fn reciprocal(scale: f32) -> f32 {
    (1.0 / scale).min(f32::MAX)
}
