//! ggml's arithmetic of single numbers.

/// Returns the nearest integer, halves to even, as ggml takes it: the low bits of the sum with 1.5 · 2²³, whatever they are.
#[inline(always)]
pub(super) fn nearest(x: f32) -> i32 {
    ((x + 12_582_912.0).to_bits() & 0x007f_ffff) as i32 - 0x0040_0000
}

/// Returns the integer towards zero of a number whose magnitude is below 2²², 0 of NaN and any other: the low byte of what x86
/// converts them to.
#[inline(always)]
pub(super) fn truncated(x: f32) -> i32 {
    let x = if x.abs() < 4_194_304.0 { x } else { 0.0 };
    let magnitude = x.abs();
    let whole = (magnitude + 8_388_608.0) - 8_388_608.0;
    let whole = if whole > magnitude { whole - 1.0 } else { whole };
    nearest(whole.copysign(x))
}

/// Returns the nearest integer, halves away from zero, 0 of NaN and of magnitudes from 2²² on.
#[inline(always)]
pub(super) fn half_away(x: f32) -> i32 {
    // The largest f32 below one half: with one half the sum would round up from there.
    truncated(x + 0.499_999_97_f32.copysign(x))
}

/// Returns the element of largest magnitude, the first of several; NaN is none.
#[inline(always)]
pub(super) fn largest(x: &[f32]) -> f32 {
    let (mut max, mut magnitude) = (0.0, 0.0);
    for &x in x {
        if x.abs() > magnitude {
            (max, magnitude) = (x, x.abs());
        }
    }
    max
}

/// Returns the largest magnitude; NaN is none.
#[inline(always)]
pub(super) fn largest_magnitude(x: &[f32]) -> f32 {
    x.iter().fold(0.0, |max, x| if x.abs() > max { x.abs() } else { max })
}

/// Returns 1 / x, and 0 of 0.
#[inline(always)]
pub(super) fn reciprocal(x: f32) -> f32 {
    if x == 0.0 { 0.0 } else { 1.0 / x }
}

/// Returns Σ x², summed in order.
pub(super) fn sum_of_squares(x: &[f32]) -> f32 {
    x.iter().fold(0.0, |sum, x| sum + x * x)
}
