//! ggml's arithmetic of single numbers.

/// Returns the nearest integer, halves to even, as ggml takes it: the low bits of the sum with 1.5 · 2²³, whatever they are.
#[inline(always)]
pub(super) fn nearest(x: f32) -> i32 {
    ((x + 12_582_912.0).to_bits() & 0x007f_ffff) as i32 - 0x0040_0000
}

/// Returns ⌊x⌋ of 0 ≤ x < 2²², at most `limit`; 0 of NaN and any other: what a conversion to a byte gives where ggml runs.
#[expect(clippy::manual_range_contains, reason = "written with `&`, the loop has no branch")]
#[inline(always)]
pub(super) fn floor_code(x: f32, limit: f32) -> u8 {
    let x = if (x >= 0.0) & (x < 4_194_304.0) { x } else { 0.0 };
    let whole = (x + 8_388_608.0) - 8_388_608.0;
    let whole = if whole > x { whole - 1.0 } else { whole };
    let whole = if whole > limit { limit } else { whole };
    (whole + 8_388_608.0).to_bits() as u8
}

/// Returns the nearest integer as a byte, halves away from zero; 0 of NaN and of magnitudes from 2²² on.
#[inline(always)]
pub(super) fn half_away(x: f32) -> i8 {
    let magnitude = x.abs();
    let magnitude = if magnitude < 4_194_304.0 { magnitude } else { 0.0 };
    // The largest f32 below one half: with one half the sum would round up from there.
    let up = magnitude + 0.499_999_97;
    let whole = (up + 8_388_608.0) - 8_388_608.0;
    let whole = if whole > up { whole - 1.0 } else { whole };
    let whole = (whole + 8_388_608.0).to_bits() as i8;
    if x < 0.0 { whole.wrapping_neg() } else { whole }
}

/// Returns the bits of a magnitude, 0 of NaN.
#[inline(always)]
fn magnitude_bits(x: f32) -> i32 {
    let bits = (x.to_bits() & 0x7fff_ffff) as i32;
    if bits > 0x7f80_0000 { 0 } else { bits }
}

/// Returns the element of largest magnitude, the first of several; NaN is none.
#[inline(always)]
pub(super) fn largest(x: &[f32]) -> f32 {
    // As integers, the order of magnitudes is that of bits, and a maximum of them is taken in any order.
    let (mut positive, mut negative) = (0, 0);
    for &x in x {
        let bits = magnitude_bits(x);
        let is_negative = x.is_sign_negative();
        positive = positive.max(if is_negative { 0 } else { bits });
        negative = negative.max(if is_negative { bits } else { 0 });
    }
    let max = f32::from_bits(positive.max(negative) as u32);
    match positive.cmp(&negative) {
        _ if max == 0.0 => 0.0,
        core::cmp::Ordering::Greater => max,
        core::cmp::Ordering::Less => -max,
        core::cmp::Ordering::Equal => x.iter().copied().find(|x| x.abs() == max).unwrap_or(max),
    }
}

/// Returns the largest magnitude; NaN is none.
#[inline(always)]
pub(super) fn largest_magnitude(x: &[f32]) -> f32 {
    let mut max = 0;
    for &x in x {
        max = max.max(magnitude_bits(x));
    }
    f32::from_bits(max as u32)
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
