//! The roundings that vectors have instructions for.

use super::narrow::{downward, nearest, truncate, upward};
use crate::num::{Ceil, Floor, HalfAway, TiesEven, TowardZero};
use fearless_simd::prelude::*;
use fearless_simd::{f32x16, i16x32, i32x16};

/// The roundings with a vector form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BuiltIn {
    TiesEven,
    HalfAway,
    Ceil,
    Floor,
    TowardZero,
}

impl BuiltIn {
    /// Returns whether the vector form can do with a scale, by whose reciprocal elements are multiplied: twice that must be a
    /// number too.
    pub(super) fn allows(self, scale: f32) -> bool {
        self != BuiltIn::HalfAway || scale >= f32::MIN_POSITIVE
    }

    /// Returns whether quotients below ¼ all become 0.
    pub(super) fn is_to_nearest(self) -> bool {
        matches!(self, BuiltIn::TiesEven | BuiltIn::HalfAway)
    }
}

/// A rounding of vectors: the integers of x ≤ 2¹⁷, of NaN and anything far below some integer far below.
pub(super) trait VectorRounding {
    /// What quotients are multiplied with before they are made integers, a power of two.
    const FACTOR: f32 = 1.0;

    /// Returns the integers.
    fn to_integers<S: Simd>(simd: S, x: f32x16<S>) -> i32x16<S>;

    /// Returns what the integers stand for, once they are packed.
    #[inline(always)]
    fn finish<S: Simd>(_simd: S, integers: i16x32<S>) -> i16x32<S> {
        integers
    }
}

impl VectorRounding for TiesEven {
    #[inline(always)]
    fn to_integers<S: Simd>(simd: S, x: f32x16<S>) -> i32x16<S> {
        nearest(simd, x)
    }
}

/// Twice the quotient, without its fraction, is t; the result is ⌊(t + 1) / 2⌋ if t is not negative, else ⌊t / 2⌋: four steps
/// on 16-bit integers, where three on floats, of which there are twice as many vectors, would put the sign on ½ first.
impl VectorRounding for HalfAway {
    const FACTOR: f32 = 2.0;

    #[inline(always)]
    fn to_integers<S: Simd>(simd: S, x: f32x16<S>) -> i32x16<S> {
        truncate(simd, x)
    }

    #[inline(always)]
    fn finish<S: Simd>(simd: S, t: i16x32<S>) -> i16x32<S> {
        (t.saturating_add(i16x32::splat(simd, 1)) + (t >> 15)) >> 1
    }
}

impl VectorRounding for TowardZero {
    #[inline(always)]
    fn to_integers<S: Simd>(simd: S, x: f32x16<S>) -> i32x16<S> {
        truncate(simd, x)
    }
}

impl VectorRounding for Ceil {
    #[inline(always)]
    fn to_integers<S: Simd>(simd: S, x: f32x16<S>) -> i32x16<S> {
        upward(simd, x)
    }
}

impl VectorRounding for Floor {
    #[inline(always)]
    fn to_integers<S: Simd>(simd: S, x: f32x16<S>) -> i32x16<S> {
        downward(simd, x)
    }
}
