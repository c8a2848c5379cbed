//! Quotients to numbers of a floating-point type, by any rounding.
//!
//! ```text
//! number = round(x / step) · step          step = the distance of the type's numbers around x, a power of two
//! ```
//!
//! Division and product are exact. Around a bfloat16 near the largest, whose step has no reciprocal in f32, the count of numbers
//! below takes the place of the quotient: the bits of |x|, of which all but the lowest four of the upper half are left out.

use super::level::dispatch;
use super::rounder::Loops;
use crate::num::{FloatSteps, SmallFloat};
use fearless_simd::{Level, Simd};

/// Quotients that are rounded at once.
const TILE: usize = 1024;

/// A floating-point type whose numbers quotients are rounded to.
#[derive(Clone, Copy, Debug)]
pub(super) enum FloatGrid {
    /// A type whose steps have reciprocals in f32.
    Steps(FloatSteps),
    Bf16,
}

impl FloatGrid {
    pub(super) fn f16() -> Self {
        FloatGrid::Steps(FloatSteps::F16)
    }

    pub(super) fn small(float: SmallFloat) -> Self {
        FloatGrid::Steps(float.steps())
    }

    /// Rounds quotients where they lie; NaN and infinities stay.
    pub(super) fn round(self, level: Level, quotients: &mut [f32], loops: &dyn Loops, first_index: u64) {
        let (mut tile, unbounded) = ([0.0; TILE], (f32::NEG_INFINITY, f32::INFINITY));
        for (k, x) in quotients.chunks_mut(TILE).enumerate() {
            let (tile, index) = (&mut tile[..x.len()], first_index.wrapping_add((k * TILE) as u64));
            match self {
                FloatGrid::Steps(steps) => dispatch!(level, simd => divide(simd, x, steps, tile)),
                FloatGrid::Bf16 => dispatch!(level, simd => count(simd, x, tile)),
            }
            loops.whole(level, tile, unbounded, index);
            match self {
                FloatGrid::Steps(steps) => dispatch!(level, simd => multiply(simd, tile, steps, x)),
                FloatGrid::Bf16 => dispatch!(level, simd => number(simd, tile, x)),
            }
        }
    }
}

#[inline(always)]
fn divide<S: Simd>(_simd: S, x: &[f32], steps: FloatSteps, out: &mut [f32]) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = x * steps.inverse(x);
    }
}

#[inline(always)]
fn multiply<S: Simd>(_simd: S, whole: &[f32], steps: FloatSteps, x: &mut [f32]) {
    for (x, &whole) in x.iter_mut().zip(whole) {
        let rounded = (whole * steps.step(*x)).abs().copysign(*x);
        *x = if x.abs() < f32::INFINITY { rounded } else { *x };
    }
}

#[inline(always)]
fn count<S: Simd>(_simd: S, x: &[f32], out: &mut [f32]) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = crate::num::bf16_count(x);
    }
}

#[inline(always)]
fn number<S: Simd>(_simd: S, whole: &[f32], x: &mut [f32]) {
    for (x, &whole) in x.iter_mut().zip(whole) {
        let rounded = crate::num::bf16_of_count(*x, whole);
        *x = if x.abs() < f32::INFINITY { rounded } else { *x };
    }
}
