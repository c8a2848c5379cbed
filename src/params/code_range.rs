//! Which codes are used.

use crate::error::{Error, Result};
use crate::num::{Code, CodeKind, CodeType};
use core::fmt;

/// The codes from `min` to `max` that a mapping may produce: all of a type, or fewer.
///
/// Bounds are f64, which holds those of every code type exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::state::CodeRangeState", try_from = "super::state::CodeRangeState")
)]
pub struct CodeRange {
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) kind: CodeKind,
}

impl CodeRange {
    /// Returns all finite codes of a type, as in −128..=127 for `i8`.
    pub fn of<C: Code>() -> Self {
        Self { min: C::MIN, max: C::MAX, kind: C::KIND }
    }

    /// Returns the codes from `min` to `max` of a type.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCodes`] if there are fewer than two such codes, or if the type does not hold them.
    pub fn new<C: Code>(min: C, max: C) -> Result<Self> {
        let (min, max) = (min.to_f64(), max.to_f64());
        if min < max && C::MIN <= min && max <= C::MAX {
            Ok(Self { min, max, kind: C::KIND })
        } else {
            Err(Error::InvalidCodes { min, max, full_min: C::MIN, full_max: C::MAX, code: C::NAME })
        }
    }

    /// Returns the smallest code.
    pub fn min(self) -> f64 {
        self.min
    }

    /// Returns the largest code.
    pub fn max(self) -> f64 {
        self.max
    }

    /// Returns whether the codes are whole numbers.
    pub fn is_integer(self) -> bool {
        self.kind == CodeKind::Integer
    }

    /// Returns whether a code type can hold these codes.
    pub fn fits<C: Code>(self) -> bool {
        self.check_fits(C::TYPE).is_ok()
    }

    /// Returns all finite codes of a type, as in −128..=127 for `i8`.
    pub fn of_type(code: CodeType) -> Self {
        Self { min: code.min(), max: code.max(), kind: code.kind() }
    }

    /// Returns those of the codes that lie from `min` to `max`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCodes`] if there are fewer than two of them, or a bound is none.
    #[cfg(feature = "safetensors")]
    pub(crate) fn between(self, min: f64, max: f64) -> Result<Self> {
        if min < max && self.min <= min && max <= self.max {
            return Ok(Self { min, max, ..self });
        }
        let code = "the code type";
        Err(Error::InvalidCodes { min, max, full_min: self.min, full_max: self.max, code })
    }

    /// Returns whether these are all codes of a type, so that no code of it is outside.
    pub(crate) fn is_all_of(self, code: CodeType) -> bool {
        let widest = if self.is_integer() { Self::of_type(code) } else { Self::of_type(code).with_infinities() };
        self == widest
    }

    /// Checks that a code type can hold these codes.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCodes`] if it cannot.
    pub fn check_fits(self, code: CodeType) -> Result<()> {
        let (full_min, full_max) = (code.min(), code.max());
        if code.kind() == self.kind && (!self.is_integer() || full_min <= self.min && self.max <= full_max) {
            return Ok(());
        }
        Err(Error::InvalidCodes { min: self.min, max: self.max, full_min, full_max, code: code.name() })
    }

    /// Returns the number of whole steps from the middle code to the largest one: 127 for `i8` and for `u8`.
    pub fn half_width(self) -> f64 {
        let width = self.max - self.min;
        if self.is_integer() { ((width as u64) / 2) as f64 } else { self.max }
    }

    /// Returns the code that zero has in a symmetric mapping: 0 for `i8`, 128 for `u8`.
    pub fn middle(self) -> i32 {
        if self.is_integer() { (self.max - self.half_width()) as i32 } else { 0 }
    }

    /// Returns the codes that lie symmetrically around the middle one: −127..=127 for `i8`, 1..=255 for `u8`. Two codes, of
    /// which none lies in the middle, are returned unchanged.
    #[doc(alias = "narrow_range")]
    #[must_use]
    pub fn narrow(self) -> Self {
        if self.has_middle() { Self { min: f64::from(self.middle()) - self.half_width(), ..self } } else { self }
    }

    /// Returns whether there are codes on both sides of a middle one.
    fn has_middle(self) -> bool {
        !self.is_integer() || self.half_width() >= 1.0
    }

    /// Checks that zero can be in the middle of the codes.
    pub(super) fn check_middle(self) -> Result<()> {
        if self.has_middle() {
            return Ok(());
        }
        let (what, expected) = ("the number of codes of a symmetric mapping", "at least 3");
        Err(Error::InvalidSetting { what, expected, actual: self.max - self.min + 1.0 })
    }

    /// Returns whether a constant is so large that with zero in the middle of the codes it has none that restores it: its scale, were
    /// it given the last code on the side that has fewer of them, would make the last one on the other side infinite.
    #[cfg(feature = "proptest")]
    pub(crate) fn is_beyond_the_short_side(self, constant: f32) -> bool {
        let (long, short) = (f64::from(self.middle()) - self.min, self.max - f64::from(self.middle()));
        self.is_integer() && short > 0.0 && f64::from(constant.abs()) * long > f64::from(f32::MAX) * short
    }

    /// Returns a floating code type's codes with its infinities: values beyond the largest finite code become ±∞, as
    /// IEEE 754 prescribes, where otherwise they saturate. Integer codes are returned unchanged.
    #[must_use]
    pub fn with_infinities(self) -> Self {
        if self.is_integer() { self } else { Self { min: f64::NEG_INFINITY, max: f64::INFINITY, ..self } }
    }
}

impl fmt::Display for CodeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..={}", self.min, self.max)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::num::{I1, I4, U1, U4};

    #[test]
    fn narrow_ranges_are_symmetric_around_the_middle() {
        let bounds = |r: CodeRange| (r.narrow().min(), r.max(), r.middle());
        assert_eq!(bounds(CodeRange::of::<i8>()), (-127.0, 127.0, 0));
        assert_eq!(bounds(CodeRange::of::<u8>()), (1.0, 255.0, 128));
        assert_eq!(bounds(CodeRange::of::<I4>()), (-7.0, 7.0, 0));
        assert_eq!(bounds(CodeRange::of::<U4>()), (1.0, 15.0, 8));
        assert_eq!(bounds(CodeRange::of::<i32>()), (-2_147_483_647.0, 2_147_483_647.0, 0));
    }

    #[test]
    fn two_codes_have_no_middle_and_stay_two() {
        for codes in [CodeRange::of::<I1>(), CodeRange::of::<U1>(), CodeRange::new(3_u8, 4).unwrap()] {
            assert_eq!(codes.narrow(), codes);
            assert!(codes.check_middle().is_err());
        }
        assert!(CodeRange::new(3_u8, 5).unwrap().check_middle().is_ok());
    }

    #[test]
    fn one_code_is_too_few() {
        assert!(CodeRange::new(3_i8, 3_i8).is_err());
        assert!(CodeRange::new(0_i8, 127_i8).unwrap().fits::<u8>());
        assert!(!CodeRange::new(-1_i8, 127_i8).unwrap().fits::<u8>());
    }
}
