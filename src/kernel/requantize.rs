//! Codes to codes of another scale, in integers only:
//! `clamp(multiplier · (code − zero_point_in) + zero_point_out, qmin, qmax)`.

use super::elementwise::{Map, map_slice};
use crate::num::Code;
use crate::params::{FixedPointMultiplier, ProductRounding};
use core::marker::PhantomData;
use fearless_simd::Level;

/// What requantization needs: the ratio of the scales in fixed point, both zero points, and the codes in use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Requantization {
    /// `s_in / s_out`; for an accumulator `s_in · s_weight / s_out`.
    pub multiplier: FixedPointMultiplier,
    /// How the product is rounded.
    pub rounding: ProductRounding,
    /// Subtracted before.
    pub zero_point_in: i32,
    /// Added after.
    pub zero_point_out: i32,
    /// The smallest and the largest code that come out; they may be the same.
    pub codes: (i32, i32),
}

impl Requantization {
    /// Returns the code of a difference `code − zero_point_in`, or of an accumulator.
    #[inline(always)]
    pub fn apply(self, difference: i32) -> i32 {
        let scaled = self.multiplier.multiply_saturating(difference, self.rounding);
        let (min, max) = self.codes;
        scaled.saturating_add(self.zero_point_out).clamp(min, max)
    }
}

#[derive(Clone, Copy)]
struct Requantize<A, B> {
    settings: Requantization,
    types: PhantomData<(A, B)>,
}

impl<A: Code, B: Code> Map<A, B> for Requantize<A, B> {
    #[inline(always)]
    fn apply(self, code: A, _index: u64) -> B {
        let difference = (code.to_f64() as i32).saturating_sub(self.settings.zero_point_in);
        B::from_f64(f64::from(self.settings.apply(difference)))
    }
}

/// Writes the code of each of `codes` in another scale to `out`.
///
/// # Panics
///
/// If `codes` and `out` differ in length.
pub fn requantize<A: Code, B: Code>(level: Level, codes: &[A], settings: Requantization, out: &mut [B]) {
    assert_eq!(codes.len(), out.len(), "codes: expected a length of {}, got {}", codes.len(), out.len());
    map_slice(level, Requantize { settings, types: PhantomData }, codes, out, 0);
}
