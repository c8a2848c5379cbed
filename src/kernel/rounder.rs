//! A rounding, whatever its type: what is compiled with a rounding, and where it is found.
//!
//! Two loops depend on a rounding; all else in the kernels does not. For the built-in roundings they are compiled in this
//! crate, for one of a user's in the crate that uses it: [`Rounder::of`] looks at a constant of the type, so that a caller who
//! uses a built-in one compiles none of them.
//!
//! 1. [`Loops::whole`]: a tile of quotients becomes whole numbers where it lies. What makes codes of them rounds to the nearest,
//!    which changes them no more.
//! 2. [`ByteLoops::bytes`]: from reals to codes of one byte, in one loop (see [`rounded`](super::rounded)), for the roundings that
//!    vectors have no instructions for.
//!
//! Floating codes need no loop of their own: a quotient is divided by the distance of its neighbours, rounded to a whole number,
//! and multiplied again.

use super::elementwise::{Positions, for_each_run};
use super::level::dispatch;
use super::rounded::{self, BytesOf};
use super::rounding::BuiltIn;
use crate::num::{AnyRounding, Rounding};
use core::fmt::Debug;
use fearless_simd::{Level, Simd};

/// What is compiled with any rounding. Each is what [`Rounding::round`] says, an element at a time.
pub(crate) trait Loops: Debug + Send + Sync {
    /// Returns what [`Rounding::round`] does.
    fn one(&self, x: f32, index: u64) -> f32;

    /// Returns whether the result depends on the index.
    fn is_random(&self) -> bool;

    /// Clamps quotients to `lo..=hi` and rounds them; NaN stays NaN, or becomes `lo`.
    fn whole(&self, level: Level, quotients: &mut [f32], bounds: (f32, f32), first_index: u64);
}

/// What is compiled with a rounding that vectors have no instructions for.
pub(crate) trait ByteLoops: Loops {
    /// Writes codes of one byte, shifted.
    fn bytes(&self, level: Level, run: BytesOf<'_>, out: &mut [i8]);
}

impl<R: Rounding> Loops for R {
    fn one(&self, x: f32, index: u64) -> f32 {
        self.round(x, index)
    }

    fn is_random(&self) -> bool {
        Rounding::is_random(*self)
    }

    fn whole(&self, level: Level, quotients: &mut [f32], bounds: (f32, f32), first_index: u64) {
        for_each_run(first_index, quotients.len(), |range, positions| {
            let quotients = &mut quotients[range];
            dispatch!(level, simd => whole_body(simd, quotients, bounds, *self, positions));
        });
    }
}

impl<R: Rounding> ByteLoops for R {
    fn bytes(&self, level: Level, run: BytesOf<'_>, out: &mut [i8]) {
        rounded::quantize(level, *self, run, out);
    }
}

#[inline(always)]
fn whole_body<S: Simd, R: Rounding>(
    _simd: S,
    quotients: &mut [f32],
    (lo, hi): (f32, f32),
    rounding: R,
    positions: Positions,
) {
    for (i, quotient) in quotients.iter_mut().enumerate() {
        let q = if *quotient > lo { *quotient } else { lo };
        let q = if q < hi { q } else { hi };
        *quotient = rounding.round(q, positions.of(i));
    }
}

/// A rounding by value: a built-in one, or the loops of another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rounder<'a> {
    BuiltIn(AnyRounding),
    Foreign(&'a dyn ByteLoops),
}

/// For single values, as references and estimators ask for them.
impl Rounding for Rounder<'_> {
    fn round(self, x: f32, index: u64) -> f32 {
        self.loops().one(x, index)
    }

    fn is_random(self) -> bool {
        self.loops().is_random()
    }
}

impl Default for Rounder<'_> {
    fn default() -> Self {
        Rounder::BuiltIn(AnyRounding::default())
    }
}

impl<'a> Rounder<'a> {
    /// Returns the rounding by value.
    #[inline(always)]
    pub(crate) fn of<R: Rounding>(rounding: &'a R) -> Self {
        // A constant of the type: of a built-in one the second branch is not compiled.
        if R::IS_FOREIGN {
            Rounder::Foreign(rounding)
        } else {
            Rounder::BuiltIn(rounding.built_in().unwrap_or_default())
        }
    }

    /// Returns the loop that makes codes of a byte, if vectors have no instructions for the rounding.
    pub(super) fn byte_loops(&self) -> Option<&dyn ByteLoops> {
        match self {
            Rounder::BuiltIn(AnyRounding::Stochastic(it)) => Some(it),
            Rounder::BuiltIn(_) => None,
            Rounder::Foreign(loops) => Some(*loops),
        }
    }

    /// Returns the loops that were compiled with it.
    pub(crate) fn loops(&self) -> &dyn Loops {
        match self {
            Rounder::BuiltIn(AnyRounding::TiesEven(it)) => it,
            Rounder::BuiltIn(AnyRounding::HalfAway(it)) => it,
            Rounder::BuiltIn(AnyRounding::Ceil(it)) => it,
            Rounder::BuiltIn(AnyRounding::Floor(it)) => it,
            Rounder::BuiltIn(AnyRounding::TowardZero(it)) => it,
            Rounder::BuiltIn(AnyRounding::Stochastic(it)) => it,
            Rounder::Foreign(loops) => *loops,
        }
    }

    /// Returns which of the roundings with vector instructions it is, if it is one.
    pub(super) fn vector_form(&self) -> Option<BuiltIn> {
        match self {
            Rounder::BuiltIn(AnyRounding::TiesEven(_)) => Some(BuiltIn::TiesEven),
            Rounder::BuiltIn(AnyRounding::HalfAway(_)) => Some(BuiltIn::HalfAway),
            Rounder::BuiltIn(AnyRounding::Ceil(_)) => Some(BuiltIn::Ceil),
            Rounder::BuiltIn(AnyRounding::Floor(_)) => Some(BuiltIn::Floor),
            Rounder::BuiltIn(AnyRounding::TowardZero(_)) => Some(BuiltIn::TowardZero),
            Rounder::BuiltIn(AnyRounding::Stochastic(_)) | Rounder::Foreign(_) => None,
        }
    }

    /// Returns whether it rounds halves to even, which converting does anyway.
    pub(super) fn is_ties_even(&self) -> bool {
        matches!(self, Rounder::BuiltIn(AnyRounding::TiesEven(_)))
    }
}
