//! Quotients rounded by any rounding, a user's included: whole numbers, which the loop for bytes packs.
//!
//! This is the one loop with a user's code in it. It is left to the compiler to vectorise, and so all of it is scalar and
//! branch-free: the quotient, two bounds, the rounding. Nothing is converted here: what reads the tile next packs and converts
//! in one go.

use super::elementwise::{Positions, for_each_run};
#[cfg(feature = "std")]
use super::quotient::{BOUND, has_fma};
use super::quotient::{Method, One, quotients};
use crate::num::{Grid, Rounding};
use fearless_simd::{Level, Simd, dispatch};

/// Writes the rounded quotient of each element, clamped first; of NaN the smallest. `x` and `out` are equally long.
#[expect(clippy::too_many_arguments, reason = "a step of `quantize`, with all that it was given")]
pub(super) fn rounded<R: Rounding>(
    level: Level,
    method: Method,
    x: &[f32],
    scale: One,
    grid: Grid,
    rounding: R,
    first_index: u64,
    out: &mut [f32],
) {
    let run = |x: &[f32], out: &mut [f32], positions| match method {
        Method::Multiply => {
            dispatch!(level, simd => multiplied(simd, x, scale.inverse, grid, rounding, out, positions))
        }
        #[cfg(feature = "std")]
        Method::Markstein if has_fma(level) => {
            dispatch!(level, simd => divided(simd, x, scale, grid, rounding, out, positions));
        }
        _ => {
            quotients(level, method, x, scale, out);
            dispatch!(level, simd => round(simd, grid, rounding, out, positions));
        }
    };
    for_each_run(first_index, x.len(), |range, positions| run(&x[range.clone()], &mut out[range], positions));
}

#[inline(always)]
fn multiplied<S: Simd, R: Rounding>(
    _simd: S,
    x: &[f32],
    inverse: f32,
    grid: Grid,
    rounding: R,
    out: &mut [f32],
    positions: Positions,
) {
    let n = out.len();
    let x = &x[..n];
    for i in 0..n {
        out[i] = rounding.round(grid.clamp(x[i] * inverse), positions.of(i));
    }
}

/// As the vectors' division by multiply-adds: without `std` there is no such step for single numbers.
#[cfg(feature = "std")]
#[inline(always)]
fn divided<S: Simd, R: Rounding>(
    simd: S,
    x: &[f32],
    One { scale, inverse }: One,
    grid: Grid,
    rounding: R,
    out: &mut [f32],
    positions: Positions,
) {
    if !has_fma(simd.level()) {
        return;
    }
    let n = out.len();
    let (x, bound) = (&x[..n], scale * BOUND);
    for i in 0..n {
        // One bound keeps +∞ from becoming NaN; −∞ may become it, and then the smallest code. NaN stays.
        let x = if x[i] > bound { bound } else { x[i] };
        let q = x * inverse;
        let r = (-q).mul_add(scale, x);
        out[i] = rounding.round(grid.clamp(r.mul_add(inverse, q)), positions.of(i));
    }
}

#[inline(always)]
fn round<S: Simd, R: Rounding>(_simd: S, grid: Grid, rounding: R, out: &mut [f32], positions: Positions) {
    for (i, quotient) in out.iter_mut().enumerate() {
        *quotient = rounding.round(grid.clamp(*quotient), positions.of(i));
    }
}
