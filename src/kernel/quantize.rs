//! Reals to codes.
//!
//! ```text
//! code = round(clamp((x − offset) / scale, qmin − zero_point, qmax − zero_point)) + zero_point
//! ```
//!
//! which equals the textbook's `clamp(round(…) + zero_point, qmin, qmax)` for every monotone rounding that keeps whole
//! numbers; see [`Grid`]. The offset is subtracted only where there is one.

use super::elementwise::{Map, map_slice};
use super::nan::{Piece, with_nan_replaced};
use crate::num::{Code, CodeKind, Grid, Real, Rounding, Scaling, TiesEven};
use crate::params::{AffineParams, CodeRange, NanPolicy};
use core::any::TypeId;
use core::marker::PhantomData;
use fearless_simd::Level;

/// All that the mapping of one group needs: its parameters, and the settings of the scheme.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mapping {
    /// Scale, zero point and offset.
    pub params: AffineParams,
    /// The codes in use.
    pub codes: CodeRange,
    /// Division, or multiplication by the reciprocal.
    pub scaling: Scaling,
    /// What a NaN is coded as. (`Error` does not check here: it codes as `Skip` does.)
    pub nan: NanPolicy,
}

impl Mapping {
    /// Returns the bare mapping: division, and NaN coded as the smallest code.
    pub fn new(params: AffineParams, codes: CodeRange) -> Self {
        Self { params, codes, scaling: Scaling::Divide, nan: NanPolicy::Native }
    }

    #[inline(always)]
    pub(super) fn grid(&self) -> Grid {
        grid_of(self.codes, self.params.zero_point())
    }
}

#[inline(always)]
pub(super) fn grid_of(codes: CodeRange, zero_point: i32) -> Grid {
    let (min, max) = (codes.min(), codes.max());
    // In f32 this is exact for codes of up to 16 bits; the type for which it is not, i32, clamps by `min` and `max`.
    Grid { lo: min as f32 - zero_point as f32, hi: max as f32 - zero_point as f32, zero_point, min, max }
}

/// How an element is brought to the scale of the codes.
pub(super) trait Quotient: Copy {
    fn of(self, x: f32) -> f32;
}

#[derive(Clone, Copy)]
pub(super) struct Divide(pub(super) f32);
#[derive(Clone, Copy)]
pub(super) struct Multiply(pub(super) f32);
#[derive(Clone, Copy)]
pub(super) struct ShiftDivide(pub(super) f32, pub(super) f32);
#[derive(Clone, Copy)]
pub(super) struct ShiftMultiply(pub(super) f32, pub(super) f32);

impl Quotient for Divide {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        x / self.0
    }
}

impl Quotient for Multiply {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        x * self.0
    }
}

impl Quotient for ShiftDivide {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        (x - self.0) / self.1
    }
}

impl Quotient for ShiftMultiply {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        (x - self.0) * self.1
    }
}

/// Returns 1 / scale; of a subnormal scale, whose reciprocal would be infinite and its product with 0 NaN, `f32::MAX`.
#[inline(always)]
pub(super) fn reciprocal(scale: f32) -> f32 {
    (1.0 / scale).min(f32::MAX)
}

/// Runs `$body` with `$quotient` bound to the kind of quotient that the mapping asks for.
macro_rules! with_quotient {
    ($mapping:expr, $quotient:ident => $body:expr) => {{
        let (scale, offset) = ($mapping.params.scale(), $mapping.params.offset());
        match ($mapping.scaling, offset == 0.0) {
            (Scaling::Reciprocal, true) => {
                let $quotient = $crate::kernel::quantize::Multiply($crate::kernel::quantize::reciprocal(scale));
                $body
            }
            // Subtracting 0 changes nothing, and costs nothing beside a division: one loop for both.
            (Scaling::Divide, _) => {
                let $quotient = $crate::kernel::quantize::ShiftDivide(offset, scale);
                $body
            }
            (Scaling::Reciprocal, false) => {
                let $quotient =
                    $crate::kernel::quantize::ShiftMultiply(offset, $crate::kernel::quantize::reciprocal(scale));
                $body
            }
        }
    }};
}
pub(super) use with_quotient;

#[derive(Clone, Copy)]
struct Quantize<C, R, Q> {
    quotient: Q,
    grid: Grid,
    rounding: R,
    code: PhantomData<C>,
}

impl<T: Real, C: Code, R: Rounding, Q: Quotient> Map<T, C> for Quantize<C, R, Q> {
    #[inline(always)]
    fn apply(self, x: T, index: u64) -> C {
        C::encode(self.quotient.of(x.to_f32()), self.grid, self.rounding, index)
    }
}

/// Writes the code of each element of `x` to `out`.
///
/// `first_index` is the position of `x[0]` in its tensor, for roundings that depend on it.
///
/// ±∞ and quotients beyond the codes saturate; NaN is coded by `mapping.nan`. `NanPolicy::Native` costs nothing, so it is
/// the one to use where there is no NaN.
///
/// # Panics
///
/// If `x` and `out` differ in length.
pub fn quantize<T: Real, C: Code, R: Rounding>(
    level: Level,
    x: &[T],
    mapping: &Mapping,
    rounding: R,
    out: &mut [C],
    first_index: u64,
) {
    assert_eq!(x.len(), out.len(), "codes: expected a length of {}, got {}", x.len(), out.len());
    if mapping.nan == NanPolicy::Native {
        return quantize_native(level, x, mapping, rounding, out, first_index);
    }
    let native = Mapping { nan: NanPolicy::Native, ..*mapping };
    let offset = mapping.params.offset();
    with_nan_replaced(
        level,
        x,
        |_| offset,
        |piece, start| {
            let out = &mut out[start..start + piece.len()];
            let index = first_index.wrapping_add(start as u64);
            match piece {
                Piece::Clean(x) => quantize_native(level, x, &native, rounding, out, index),
                Piece::Replaced(x) => quantize_native(level, x, &native, rounding, out, index),
            }
        },
    );
}

fn quantize_native<T: Real, C: Code, R: Rounding>(
    level: Level,
    x: &[T],
    mapping: &Mapping,
    rounding: R,
    out: &mut [C],
    first_index: u64,
) {
    if let Some(done) = convert_halves(level, x, mapping, rounding, out) {
        return done;
    }
    let grid = mapping.grid();
    with_quotient!(mapping, quotient => {
        map_slice(level, Quantize { quotient, grid, rounding, code: PhantomData }, x, out, first_index);
    });
}

/// A cast to f16 by IEEE 754's rules is an instruction on most machines.
fn convert_halves<T: Real, C: Code, R: Rounding>(
    level: Level,
    x: &[T],
    mapping: &Mapping,
    _rounding: R,
    out: &mut [C],
) -> Option<()> {
    let plain = C::KIND == CodeKind::Float
        && TypeId::of::<R>() == TypeId::of::<TiesEven>()
        && mapping.params.scale() == 1.0
        && mapping.params.offset() == 0.0;
    if !plain {
        return None;
    }
    let (x, out) = (T::as_f32s(x)?, C::as_f16s(out)?);
    super::convert::f32_to_f16_clamped(level, x, mapping.grid(), out);
    Some(())
}
