//! From numbers to codes and back, for every layout.

use crate::num::Rounding;
use crate::num::float_layout::{Layout, Specials};
use crate::num::rounding::{nearest_i32, round_to_grid};

/// Returns the code that `rounding` chooses; beyond the largest value, and for NaN, what the format prescribes.
#[inline(always)]
pub(super) fn encode_rounded<L: Layout, R: Rounding>(x: f32, rounding: R, index: u64) -> u8 {
    let bits = x.to_bits();
    let exponent = ((bits >> 23) & 0xff).max(L::MIN_EXPONENT);
    let step = f32::from_bits((exponent - L::MANTISSA) << 23);
    let inverse = f32::from_bits((254 + L::MANTISSA - exponent) << 23);
    let rounded = (rounding.round(x * inverse, index) * step).abs();

    let normal = (rounded.to_bits() >> (23 - L::MANTISSA)).wrapping_sub(((127 - L::BIAS) as u32) << L::MANTISSA);
    // A multiple of the smallest number, and that multiple is the code. (The minimum keeps larger numbers, whose
    // result is not used, in the range of `nearest_i32`.)
    let smallest_inverse = f32::from_bits((254 + L::MANTISSA - L::MIN_EXPONENT) << 23);
    let subnormal = nearest_i32(rounded.min(2.0) * smallest_inverse) as u32;
    let magnitude = if rounded < f32::from_bits(L::MIN_EXPONENT << 23) { subnormal } else { normal };
    // As bits, so that ∞ · 0, which is NaN, is beyond the largest too.
    let overflow = rounded.to_bits() > L::MAX.to_bits();
    finish::<L>(x.is_sign_negative(), x.is_nan(), overflow, magnitude)
}

/// The same as `encode_rounded` with `TiesEven`, in integers, as for f16: half of the last place, less one unless the place is
/// odd, is added before the low bits are dropped, and carries where it must. Below the normal range the addition of a number
/// whose last place is the smallest code does the rounding.
#[inline(always)]
pub(super) fn encode_nearest<L: Layout>(x: f32) -> u8 {
    let bits = x.to_bits();
    let magnitude = bits & 0x7fff_ffff;
    let dropped = 23 - L::MANTISSA;
    let odd = (magnitude >> dropped) & 1;
    let half = (1 << (dropped - 1)) - 1;
    let rebias = ((127 - L::BIAS) as u32) << 23;
    let normal = magnitude.wrapping_sub(rebias).wrapping_add(half + odd) >> dropped;
    let base = f32::from_bits((L::MIN_EXPONENT + dropped) << 23);
    let subnormal = (f32::from_bits(magnitude) + base).to_bits().wrapping_sub(base.to_bits());
    let code = if magnitude < L::MIN_EXPONENT << 23 { subnormal } else { normal };
    let largest = (L::MAX.to_bits() >> dropped) - (rebias >> dropped);
    let overflow = (code > largest) | (magnitude >= 0x7f80_0000);
    finish::<L>(x.is_sign_negative(), magnitude > 0x7f80_0000, overflow, code)
}

/// Returns the code of a magnitude, or of what it is not.
#[inline(always)]
pub(super) fn finish<L: Layout>(negative: bool, nan: bool, overflow: bool, magnitude: u32) -> u8 {
    let sign = if negative { L::SIGN } else { 0 };
    let (beyond, not_a_number) = match L::SPECIALS {
        Specials::Ieee => (sign | L::TOP, sign | L::TOP | (1 << (L::MANTISSA - 1))),
        Specials::NanOnly => (sign | (L::SIGN - 1), sign | (L::SIGN - 1)),
        Specials::NanIsMinusZero => (L::SIGN, L::SIGN),
        Specials::None => (sign | (L::SIGN - 1), sign ^ L::SIGN),
    };
    let no_sign = L::SPECIALS == Specials::NanIsMinusZero && magnitude == 0;
    let code = if no_sign { 0 } else { sign | magnitude };
    let code = if overflow { beyond } else { code };
    (if nan { not_a_number } else { code }) as u8
}

/// Returns the value; exact.
#[inline(always)]
pub(super) fn decode<L: Layout>(code: u8) -> f32 {
    let code = u32::from(code);
    let magnitude = code & (L::SIGN - 1);
    let normal = f32::from_bits((magnitude << (23 - L::MANTISSA)) + (((127 - L::BIAS) as u32) << 23));
    let smallest = f32::from_bits((L::MIN_EXPONENT - L::MANTISSA) << 23);
    let subnormal = magnitude as i32 as f32 * smallest;
    let value = if magnitude < 1 << L::MANTISSA { subnormal } else { normal };
    let value = match L::SPECIALS {
        Specials::Ieee if magnitude == L::TOP => f32::INFINITY,
        Specials::Ieee if magnitude > L::TOP => f32::NAN,
        Specials::NanOnly if magnitude == L::SIGN - 1 => f32::NAN,
        Specials::NanIsMinusZero if code == L::SIGN => f32::NAN,
        _ => value,
    };
    if code & L::SIGN == 0 { value } else { -value }
}

/// Returns the code nearest to an f64, halves to even, rounded once; beyond the largest value what the format prescribes.
pub(super) fn encode_f64<L: Layout>(x: f64) -> u8 {
    let rounded = round_to_grid(x.abs(), L::MANTISSA, 1 - L::BIAS);
    if rounded > f64::from(L::MAX) || x.is_nan() {
        finish::<L>(x.is_sign_negative(), x.is_nan(), true, 0)
    } else {
        // Representable, so this rounds no more.
        encode_nearest::<L>((rounded as f32).copysign(if x.is_sign_negative() { -1.0 } else { 1.0 }))
    }
}
