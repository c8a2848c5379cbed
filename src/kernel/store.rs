//! From quotients to codes, where neither a rounding nor a scale is left to apply.
//!
//! ```text
//! code = nearest(clamp(quotient, qmin − zero_point, qmax − zero_point)) + zero_point
//! ```
//!
//! Quotients come a tile at a time. Those that a rounding has made whole are not changed by rounding to the nearest, halves to
//! even; where that is the rounding, this is what rounds. Floating codes are clamped and converted.

use super::convert::{clamp, f32_to_bf16, f32_to_f16};
use super::destination::Destination;
use super::level::dispatch;
use super::mapping::grid_of;
use super::quotient::One;
use super::small_floats::{self, Format};
use crate::num::{Grid, nearest_i32};
use crate::params::CodeRange;
use fearless_simd::{Level, Simd};

/// The zero points of a tile, and with them what quotients are clamped to.
pub(super) trait Grids: Copy {
    /// Returns those of `n` elements.
    fn cut(self, n: usize) -> Self;
    /// Returns that of element `i`.
    fn of(self, i: usize) -> Grid;
}

impl Grids for Grid {
    #[inline(always)]
    fn cut(self, _n: usize) -> Self {
        self
    }

    #[inline(always)]
    fn of(self, _i: usize) -> Grid {
        self
    }
}

/// Each element has its own zero point.
#[derive(Clone, Copy)]
pub(super) struct Own<'a> {
    pub(super) codes: CodeRange,
    pub(super) zero_points: &'a [i32],
}

impl Grids for Own<'_> {
    #[inline(always)]
    fn cut(self, n: usize) -> Self {
        Self { zero_points: &self.zero_points[..n], ..self }
    }

    #[inline(always)]
    fn of(self, i: usize) -> Grid {
        grid_of(self.codes, self.zero_points[i])
    }
}

/// An integer code of up to 16 bits.
trait Narrow: Copy {
    /// Returns the code of an integer that is one.
    fn of(integer: i32) -> Self;
}

macro_rules! narrow {
    ($($int:ident)*) => {$(
        impl Narrow for $int {
            #[inline(always)]
            fn of(integer: i32) -> Self {
                integer as $int
            }
        }
    )*};
}

narrow! { i8 u8 i16 u16 }

/// Writes the codes of quotients, which are rounded already, or rounded here, halves to even. Quotients of i32 codes are rounded
/// already; those of floating codes are clamped where they lie.
pub(super) fn store<G: Grids>(level: Level, quotients: &mut [f32], grids: G, out: Destination<'_>) {
    match out {
        Destination::I8(out) => dispatch!(level, simd => integers(simd, quotients, grids, out)),
        Destination::U8(out) => dispatch!(level, simd => integers(simd, quotients, grids, out)),
        Destination::I16(out) => dispatch!(level, simd => integers(simd, quotients, grids, out)),
        Destination::U16(out) => dispatch!(level, simd => integers(simd, quotients, grids, out)),
        Destination::I32(out) => dispatch!(level, simd => wide_integers(simd, quotients, grids, out)),
        // Floating codes have no zero point, so that one grid serves all.
        Destination::F16(out) => f32_to_f16(level, quotients, out),
        Destination::Bf16(out) => f32_to_bf16(level, quotients, out),
        Destination::Small(out, float) if !quotients.is_empty() => {
            let format = Format::of_clamped(float, grids.of(0));
            small_floats::quantize_one(level, quotients, One::new(1.0), format, out);
        }
        Destination::Small(..) => {}
    }
}

/// Clamps quotients to the ends of floating codes; NaN stays.
pub(super) fn clamp_floats(level: Level, quotients: &mut [f32], codes: CodeRange) {
    clamp(level, quotients, grid_of(codes, 0));
}

#[inline(always)]
fn integers<S: Simd, G: Grids, T: Narrow>(_simd: S, quotients: &[f32], grids: G, out: &mut [T]) {
    let n = out.len();
    let (quotients, grids) = (&quotients[..n], grids.cut(n));
    for i in 0..n {
        let grid = grids.of(i);
        out[i] = T::of(nearest_i32(grid.clamp(quotients[i])).wrapping_add(grid.zero_point));
    }
}

#[inline(always)]
fn wide_integers<S: Simd, G: Grids>(_simd: S, quotients: &[f32], grids: G, out: &mut [i32]) {
    let n = out.len();
    let (quotients, grids) = (&quotients[..n], grids.cut(n));
    for i in 0..n {
        out[i] = grids.of(i).wide_code(quotients[i]);
    }
}
