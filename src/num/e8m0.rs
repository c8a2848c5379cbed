//! E8M0: a bare power of two, the scale of the OCP microscaling formats.

use core::cmp::Ordering;
use core::fmt;

/// A power of two from 2⁻¹²⁷ to 2¹²⁷, or NaN: an exponent of 8 bits with no sign and no mantissa.
///
/// # Examples
///
/// ```
/// use tensor_quant::num::E8M0;
/// assert_eq!(E8M0::from_f32(0.25).to_f32(), 0.25);
/// assert_eq!(E8M0::from_f32(6.0).to_f32(), 8.0);
/// assert!(E8M0::from_f32(-1.0).to_f32().is_nan());
/// ```
#[derive(Clone, Copy, Default)]
#[repr(transparent)]
pub struct E8M0(u8);

impl E8M0 {
    /// The code of NaN.
    pub const NAN: Self = Self(0xff);
    /// The smallest power, 2⁻¹²⁷.
    pub const MIN: Self = Self(0);
    /// 1, which is 2⁰.
    pub const ONE: Self = Self(127);
    /// The largest power, 2¹²⁷.
    pub const MAX: Self = Self(0xfe);

    /// Returns the power of two with these bits: `2^(bits − 127)`, NaN for 255.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Returns the bits: the exponent plus 127.
    pub const fn to_bits(self) -> u8 {
        self.0
    }

    /// Returns the nearest power of two, the upper one half-way between two, at 1.5 · 2ᵏ.
    ///
    /// Positive numbers up to 2⁻¹²⁷ give 2⁻¹²⁷, those above it 2⁻¹²⁶, of which they are a fraction in f32 (as in
    /// `ml_dtypes`); zero, negative numbers, NaN and what would round beyond 2¹²⁷ give NaN.
    #[inline(always)]
    pub fn from_f32(x: f32) -> Self {
        let bits = x.to_bits();
        let normal = (bits.wrapping_add(0x0040_0000) >> 23) as u8;
        let code = if bits < 0x0080_0000 { u8::from(bits > 0x0040_0000) } else { normal };
        if x > 0.0 && bits < 0x7f40_0000 { Self(code) } else { Self::NAN }
    }

    /// Returns the value; exact.
    #[inline(always)]
    pub fn to_f32(self) -> f32 {
        match self.0 {
            0 => f32::from_bits(0x0040_0000),
            0xff => f32::NAN,
            exponent => f32::from_bits(u32::from(exponent) << 23),
        }
    }

    /// Returns the value; exact.
    pub fn to_f64(self) -> f64 {
        f64::from(self.to_f32())
    }

    /// Returns whether this is NaN.
    pub const fn is_nan(self) -> bool {
        self.0 == Self::NAN.0
    }

    /// Returns the order of all codes; NaN is the last.
    pub fn total_cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

/// As numbers: NaN is equal to nothing.
impl PartialEq for E8M0 {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 && !self.is_nan()
    }
}

/// As numbers: NaN has no place among them. [`total_cmp`](Self::total_cmp) orders all codes.
impl PartialOrd for E8M0 {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (!self.is_nan() && !other.is_nan()).then(|| self.total_cmp(other))
    }
}

/// Exact.
impl From<E8M0> for f32 {
    fn from(number: E8M0) -> f32 {
        number.to_f32()
    }
}

/// Exact.
impl From<E8M0> for f64 {
    fn from(number: E8M0) -> f64 {
        number.to_f64()
    }
}

impl fmt::Debug for E8M0 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_f32(), f)
    }
}

impl fmt::Display for E8M0 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_f32(), f)
    }
}

/// As its bits, which keep NaN in any format.
#[cfg(feature = "serde")]
impl serde::Serialize for E8M0 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.0)
    }
}

/// From its bits.
#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for E8M0 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <u8 as serde::Deserialize>::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_comes_back() {
        for bits in 0..=254 {
            let value = E8M0::from_bits(bits).to_f32();
            assert_eq!(f64::from(value), 2.0_f64.powi(i32::from(bits) - 127));
            assert_eq!(E8M0::from_f32(value).to_bits(), bits);
            let half_way = (1.5 * f64::from(value)) as f32;
            let above = if bits == 254 { 255 } else { bits + 1 };
            assert_eq!(E8M0::from_f32(half_way).to_bits(), above);
            if bits > 0 {
                assert_eq!(E8M0::from_f32(half_way.next_down()).to_bits(), bits);
            }
        }
        assert!(E8M0::NAN.to_f32().is_nan());
    }

    #[test]
    fn what_is_no_power_of_two_is_nan_or_the_smallest() {
        for x in [0.0, -0.0, -1.0, f32::NAN, f32::INFINITY, f32::MAX] {
            assert!(E8M0::from_f32(x).is_nan(), "{x}");
        }
        assert_eq!(E8M0::from_f32(1e-45).to_bits(), 0);
    }

    #[test]
    fn powers_compare_as_numbers_and_nan_with_none() {
        assert!(E8M0::MIN < E8M0::ONE && E8M0::ONE < E8M0::MAX && E8M0::ONE == E8M0::from_f32(1.0));
        let nan = E8M0::NAN;
        assert!(nan.partial_cmp(&nan).is_none() && nan.partial_cmp(&E8M0::ONE).is_none());
        assert_eq!((nan.total_cmp(&nan), nan.total_cmp(&E8M0::MAX)), (Ordering::Equal, Ordering::Greater));
        assert_eq!((f32::from(E8M0::MAX), f64::from(E8M0::MIN)), (2.0_f32.powi(127), 2.0_f64.powi(-127)));
    }
}
