//! E8M0: a bare power of two, the scale of the OCP microscaling formats.

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct E8M0(u8);

impl E8M0 {
    /// The code of NaN.
    pub const NAN: Self = Self(0xff);

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
            assert_eq!(E8M0::from_f32(x), E8M0::NAN, "{x}");
        }
        assert_eq!(E8M0::from_f32(1e-45).to_bits(), 0);
    }
}
