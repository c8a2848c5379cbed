//! The roundings that vectors have instructions for.

use super::narrow::{downward, nearest, truncate, upward};
use crate::num::{Ceil, Floor, HalfAway, Rounding, TiesEven, TowardZero};
use core::any::TypeId;
use fearless_simd::prelude::*;
use fearless_simd::{f32x16, i32x16};

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
    /// Returns which of them `R` is, if it is one.
    pub(super) fn of<R: Rounding>() -> Option<Self> {
        let it = TypeId::of::<R>();
        let all = [
            (TypeId::of::<TiesEven>(), BuiltIn::TiesEven),
            (TypeId::of::<HalfAway>(), BuiltIn::HalfAway),
            (TypeId::of::<Ceil>(), BuiltIn::Ceil),
            (TypeId::of::<Floor>(), BuiltIn::Floor),
            (TypeId::of::<TowardZero>(), BuiltIn::TowardZero),
        ];
        all.into_iter().find(|(id, _)| *id == it).map(|(_, rounding)| rounding)
    }

    /// Returns whether quotients below ¼ all become 0.
    pub(super) fn is_to_nearest(self) -> bool {
        matches!(self, BuiltIn::TiesEven | BuiltIn::HalfAway)
    }
}

/// A rounding of vectors: the integers of x ≤ 2¹⁷, of NaN and anything far below some integer far below.
pub(super) trait VectorRounding {
    /// Returns the integers.
    fn to_integers<S: Simd>(simd: S, x: f32x16<S>) -> i32x16<S>;
}

impl VectorRounding for TiesEven {
    #[inline(always)]
    fn to_integers<S: Simd>(simd: S, x: f32x16<S>) -> i32x16<S> {
        nearest(simd, x)
    }
}

/// Adds the largest number below ½, away from zero, and drops the fraction: ½ itself would make 1 of 0.49999997.
impl VectorRounding for HalfAway {
    #[inline(always)]
    fn to_integers<S: Simd>(simd: S, x: f32x16<S>) -> i32x16<S> {
        truncate(simd, x + f32x16::splat(simd, const { 0.5_f32.next_down() }).copysign(x))
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
