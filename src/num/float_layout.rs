//! How a floating-point number of 8 bits or fewer is laid out.

/// What the codes are used for that are no ordinary numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Specials {
    /// The largest exponent is infinity and NaN, as in IEEE 754.
    Ieee,
    /// The largest magnitude is NaN; there is no infinity.
    NanOnly,
    /// The code of −0 is NaN; there is no infinity and no −0.
    NanIsMinusZero,
    /// Every code is a number.
    None,
}

pub(super) trait Layout {
    const EXPONENT: u32;
    const MANTISSA: u32;
    const BIAS: i32;
    const SPECIALS: Specials;
    const MAX: f32;

    /// The sign's place.
    const SIGN: u32 = 1 << (Self::EXPONENT + Self::MANTISSA);
    /// The code of the smallest magnitude with the largest exponent.
    const TOP: u32 = ((1 << Self::EXPONENT) - 1) << Self::MANTISSA;
    /// The biased f32 exponent of the smallest normal number.
    const MIN_EXPONENT: u32 = (127 + 1 - Self::BIAS) as u32;
}

/// The layout of a float of 8 bits or fewer as numbers: what it takes to round to the nearest code in integers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmallFloat {
    /// The bits of an f32's mantissa that are dropped.
    pub(crate) dropped: u32,
    /// Subtracted from the bits of an f32, for the difference of the exponents' biases.
    pub(crate) rebias: i32,
    /// The bits of the smallest f32 that is a normal number of the format.
    pub(crate) smallest_normal: i32,
    /// The bits of an f32 whose last place is the smallest code: adding it rounds what lies below the normal numbers.
    pub(crate) base: i32,
    /// The code of the largest number.
    pub(crate) largest: i32,
    /// The largest number.
    pub(crate) max: f64,
    /// The code of what lies beyond, but for the sign.
    pub(crate) beyond: i8,
    /// The code of NaN, but for the sign.
    pub(crate) nan: i8,
    /// The sign's bit.
    pub(crate) sign: i8,
    /// Whether zero and NaN have no sign.
    pub(crate) unsigned: bool,
    /// The bits of the exponent's and the mantissa's places, without the sign.
    pub(crate) magnitude: u32,
    /// The magnitude that is infinity, if there is one; else one that no code has.
    pub(crate) infinity: u32,
    /// The first magnitude that is NaN, if there is one; else one that no code has.
    pub(crate) first_nan: u32,
    /// The code that is NaN beside those, if there is one; else one that no code is.
    pub(crate) nan_code: u32,
}

/// A magnitude or code that no code of 8 bits has.
const ABSENT: u32 = 0x100;

impl SmallFloat {
    pub(super) const fn of<L: Layout>() -> Self {
        let dropped = 23 - L::MANTISSA;
        let rebias = ((127 - L::BIAS) as u32) << 23;
        let (beyond, nan) = match L::SPECIALS {
            Specials::Ieee => (L::TOP, L::TOP | (1 << (L::MANTISSA - 1))),
            Specials::NanOnly => (L::SIGN - 1, L::SIGN - 1),
            Specials::NanIsMinusZero => (L::SIGN, L::SIGN),
            Specials::None => (L::SIGN - 1, L::SIGN),
        };
        Self {
            dropped,
            rebias: rebias as i32,
            smallest_normal: (L::MIN_EXPONENT << 23) as i32,
            base: ((L::MIN_EXPONENT + dropped) << 23) as i32,
            largest: ((L::MAX.to_bits() >> dropped) - (rebias >> dropped)) as i32,
            max: L::MAX as f64,
            beyond: beyond as i8,
            nan: nan as i8,
            sign: L::SIGN as i8,
            unsigned: matches!(L::SPECIALS, Specials::NanIsMinusZero),
            magnitude: L::SIGN - 1,
            infinity: if matches!(L::SPECIALS, Specials::Ieee) { L::TOP } else { ABSENT },
            first_nan: match L::SPECIALS {
                Specials::Ieee => L::TOP + 1,
                Specials::NanOnly => L::SIGN - 1,
                Specials::NanIsMinusZero | Specials::None => ABSENT,
            },
            nan_code: if matches!(L::SPECIALS, Specials::NanIsMinusZero) { L::SIGN } else { ABSENT },
        }
    }

    /// Returns whether there are codes for ±∞.
    pub(super) fn has_infinities(self) -> bool {
        self.infinity != ABSENT
    }

    /// Returns the number of a code; exact.
    #[inline(always)]
    pub(crate) fn decode(&self, code: u8) -> f32 {
        let code = u32::from(code);
        let magnitude = code & self.magnitude;
        let normal = f32::from_bits((magnitude << self.dropped).wrapping_add(self.rebias as u32));
        // The smallest number: its exponent is that of the smallest normal one, less the bits of the mantissa.
        let smallest = f32::from_bits((self.smallest_normal as u32).wrapping_sub((23 - self.dropped) << 23));
        let subnormal = magnitude as i32 as f32 * smallest;
        let value = if magnitude < 1 << (23 - self.dropped) { subnormal } else { normal };
        let value = if magnitude == self.infinity { f32::INFINITY } else { value };
        let is_nan = (magnitude >= self.first_nan) | (code == self.nan_code);
        let value = if is_nan { f32::NAN } else { value };
        if code > self.magnitude { -value } else { value }
    }

    /// Returns the distances of the format's numbers.
    pub(crate) fn steps(&self) -> FloatSteps {
        FloatSteps { min_exponent: (self.smallest_normal >> 23) as u32, mantissa: 23 - self.dropped }
    }
}

/// The distances of neighbouring numbers of a binary floating-point type, as far as f32 has their reciprocals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FloatSteps {
    /// The biased f32 exponent of the smallest normal number.
    min_exponent: u32,
    /// Bits of the mantissa.
    mantissa: u32,
}

impl FloatSteps {
    /// Those of f16.
    pub(crate) const F16: Self = Self { min_exponent: 127 - 14, mantissa: 10 };

    #[inline(always)]
    fn exponent(self, x: f32) -> u32 {
        ((x.to_bits() >> 23) & 0xff).max(self.min_exponent)
    }

    /// Returns the distance of the numbers around `x`.
    #[inline(always)]
    pub(crate) fn step(self, x: f32) -> f32 {
        f32::from_bits((self.exponent(x) - self.mantissa) << 23)
    }

    /// Returns its reciprocal.
    #[inline(always)]
    pub(crate) fn inverse(self, x: f32) -> f32 {
        f32::from_bits((254 + self.mantissa - self.exponent(x)) << 23)
    }
}
