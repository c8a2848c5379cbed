//! Reals to codes.
//!
//! ```text
//! code = round(clamp((x − offset) / scale, qmin − zero_point, qmax − zero_point)) + zero_point
//! ```
//!
//! which equals the textbook's `clamp(round(…) + zero_point, qmin, qmax)` for every monotone rounding that keeps whole
//! numbers; see [`Grid`].
//!
//! 1. Codes of a byte, rounded in a way that the hardware has, take one loop: [`bytes`](super::bytes).
//! 2. Everything else goes by way of a tile in the first-level cache: quotients first, then what is done with them. A step
//!    is compiled for each scaling, or for each rounding and code type, but no step for all of these at once; storing and
//!    loading a vector costs little beside computing it.
//! 3. Codes of a byte by a user's rounding take a loop that is compiled with it: [`rounded`](super::rounded).

use super::bytes::{Shifted, Single, can_add, quantize_one};
use super::convert::{clamp, f32_to_bf16, f32_to_f16};
use super::elementwise::{Map, map_slice};
use super::nan::with_nan_replaced;
use super::quotient::{Method, One, quotients};
use super::reference;
use super::rounded::{self, Codes};
use super::rounding::BuiltIn;
use super::small_floats::{self, Format};
use crate::num::{Code, CodeKind, Grid, Real, Rounding, Scaling};
use crate::params::{AffineParams, CodeRange, NanPolicy};
use core::marker::PhantomData;
use core::ops::Range;
use fearless_simd::Level;

/// Elements in a tile: 4 KiB of quotients.
pub(super) const TILE: usize = 1024;

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

/// Returns whether the zero point is further away than whole numbers are exact in the loops, which no tensor's is: it is one of its
/// codes.
pub(super) fn is_far<C: Code>(params: AffineParams) -> bool {
    C::BITS <= 16 && params.zero_point().unsigned_abs() > 1 << 21
}

#[inline(always)]
pub(super) fn grid_of(codes: CodeRange, zero_point: i32) -> Grid {
    let (min, max) = (codes.min(), codes.max());
    // In f32 this is exact for codes of up to 16 bits; the type for which it is not, i32, clamps by `min` and `max`.
    Grid { lo: min as f32 - zero_point as f32, hi: max as f32 - zero_point as f32, zero_point, min, max }
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
    if is_far::<C>(mapping.params) {
        return reference::quantize(x, mapping, rounding, out, first_index);
    }
    if let Some(x) = T::as_f32s(x) {
        return quantize_f32(level, x, mapping, rounding, out, first_index);
    }
    let mut tile = [0.0; TILE];
    for (k, (x, out)) in x.chunks(TILE).zip(out.chunks_mut(TILE)).enumerate() {
        let tile = &mut tile[..x.len()];
        super::to_f32(level, x, tile);
        quantize_f32(level, tile, mapping, rounding, out, first_index.wrapping_add((k * TILE) as u64));
    }
}

fn quantize_f32<C: Code, R: Rounding>(
    level: Level,
    x: &[f32],
    mapping: &Mapping,
    rounding: R,
    out: &mut [C],
    first_index: u64,
) {
    if mapping.nan == NanPolicy::Native {
        return quantize_native(level, x, mapping, rounding, out, first_index);
    }
    let native = Mapping { nan: NanPolicy::Native, ..*mapping };
    let offset = mapping.params.offset();
    with_nan_replaced(
        level,
        x,
        |_| offset,
        |x, start| {
            let out = &mut out[start..start + x.len()];
            quantize_native(level, x, &native, rounding, out, first_index.wrapping_add(start as u64));
        },
    );
}

/// NaN is coded as whatever comes of it.
fn quantize_native<C: Code, R: Rounding>(
    level: Level,
    x: &[f32],
    mapping: &Mapping,
    rounding: R,
    out: &mut [C],
    first_index: u64,
) {
    let offset = mapping.params.offset();
    if offset == 0.0 {
        return quantize_unshifted(level, x, mapping, rounding, out, first_index);
    }
    let mapping = Mapping { params: mapping.params.without_offset(), ..*mapping };
    let mut tile = [0.0; TILE];
    for (k, (x, out)) in x.chunks(TILE).zip(out.chunks_mut(TILE)).enumerate() {
        let tile = &mut tile[..x.len()];
        map_slice(level, Subtract(offset), x, tile, 0);
        let index = first_index.wrapping_add((k * TILE) as u64);
        quantize_unshifted(level, tile, &mapping, rounding, out, index);
    }
}

/// Without an offset.
fn quantize_unshifted<C: Code, R: Rounding>(
    level: Level,
    x: &[f32],
    mapping: &Mapping,
    rounding: R,
    out: &mut [C],
    first_index: u64,
) {
    let (grid, scale, zero_point) = (mapping.grid(), mapping.params.scale(), mapping.params.zero_point());
    let builtin = BuiltIn::of::<R>();
    let method = mapping.method::<C>(builtin);
    if can_add((zero_point, zero_point)) {
        let single = Single { scale, zero_point, codes: mapping.codes, exact: method == Method::Markstein };
        let done = match builtin {
            Some(rounding) if method != Method::Divide && rounding.allows(scale) => {
                in_bytes(level, x, single, rounding, out)
            }
            _ => rounded_in_bytes(level, method, x, mapping, rounding, out, first_index),
        };
        if done {
            return;
        }
    }
    let scale = One::new(scale);
    if builtin == Some(BuiltIn::TiesEven)
        && let Some(format) = Format::of::<C>(mapping.scaling, (scale.scale, scale.scale), grid)
    {
        return in_small_floats(level, out, |range, bytes| {
            small_floats::quantize_one(level, &x[range], scale, format, bytes);
        });
    }
    let mut tile = [0.0; TILE];
    for (k, (x, out)) in x.chunks(TILE).zip(out.chunks_mut(TILE)).enumerate() {
        let index = first_index.wrapping_add((k * TILE) as u64);
        let tile = &mut tile[..x.len()];
        quotients(level, method, x, scale, tile);
        if !(builtin == Some(BuiltIn::TiesEven) && to_halves(level, tile, grid, out)) {
            map_slice(level, Encode { grid, rounding, code: PhantomData }, tile, out, index);
        }
    }
}

impl Mapping {
    /// Returns how quotients are computed: exactly as asked for, and as fast as that can be.
    pub(super) fn method<C: Code>(&self, rounding: Option<BuiltIn>) -> Method {
        let (scale, zero_point) = (self.params.scale(), self.params.zero_point());
        Method::of::<C>(self.scaling, (scale, scale), (zero_point, zero_point), rounding)
    }

    /// Returns the quotients of a tile of elements.
    pub(super) fn quotients<'a>(
        &self,
        level: Level,
        method: Method,
        x: &[f32],
        tile: &'a mut [f32; TILE],
    ) -> &'a mut [f32] {
        let (offset, scale) = (self.params.offset(), One::new(self.params.scale()));
        let tile = &mut tile[..x.len()];
        if offset == 0.0 {
            quotients(level, method, x, scale, tile);
        } else {
            let mut shifted = [0.0; TILE];
            let shifted = &mut shifted[..x.len()];
            map_slice(level, Subtract(offset), x, shifted, 0);
            quotients(level, method, shifted, scale, tile);
        }
        tile
    }
}

/// Writes codes of a byte or less, and returns whether the code type is one.
fn in_bytes<C: Code>(level: Level, x: &[f32], single: Single, rounding: BuiltIn, out: &mut [C]) -> bool {
    if let Some(out) = C::as_i8s(out) {
        quantize_one(level, x, single, rounding, out);
    } else if let Some(out) = C::as_u8s(out) {
        quantize_one(level, x, single, rounding, out);
    } else if C::KIND == CodeKind::Integer && C::BITS < 8 {
        let mut bytes = [0_i8; TILE];
        for (x, out) in x.chunks(TILE).zip(out.chunks_mut(TILE)) {
            let bytes = &mut bytes[..x.len()];
            quantize_one(level, x, single, rounding, bytes);
            map_slice(level, FromByte, bytes, out, 0);
        }
    } else {
        return false;
    }
    true
}

/// The same by any rounding.
fn rounded_in_bytes<C: Code, R: Rounding>(
    level: Level,
    method: Method,
    x: &[f32],
    mapping: &Mapping,
    rounding: R,
    out: &mut [C],
    first_index: u64,
) -> bool {
    if C::KIND != CodeKind::Integer || C::BITS > 8 {
        return false;
    }
    let (zero_point, scale) = (mapping.params.zero_point(), One::new(mapping.params.scale()));
    let unsigned = C::as_u8s(&mut []).is_some();
    let shifted = if unsigned { Shifted::of::<u8> } else { Shifted::of::<i8> };
    let codes = Codes { grid: mapping.grid(), rounding, shifted: shifted(mapping.codes, zero_point) };
    if let Some(out) = C::as_i8s(out) {
        rounded::quantize(level, method, x, scale, codes, first_index, out);
        return true;
    }
    let mut bytes = [0_i8; TILE];
    for (k, (x, out)) in x.chunks(TILE).zip(out.chunks_mut(TILE)).enumerate() {
        let (bytes, index) = (&mut bytes[..x.len()], first_index.wrapping_add((k * TILE) as u64));
        rounded::quantize(level, method, x, scale, codes, index, bytes);
        match C::as_u8s(out) {
            Some(out) => map_slice(level, Unshift, bytes, out, 0),
            None => map_slice(level, FromByte, bytes, out, 0),
        }
    }
    true
}

/// From a code of `u8` less 128.
#[derive(Clone, Copy)]
struct Unshift;

impl Map<i8, u8> for Unshift {
    #[inline(always)]
    fn apply(self, code: i8, _index: u64) -> u8 {
        code as u8 ^ 0x80
    }
}

#[derive(Clone, Copy)]
pub(super) struct Subtract(pub(super) f32);

impl Map<f32, f32> for Subtract {
    #[inline(always)]
    fn apply(self, x: f32, _index: u64) -> f32 {
        x - self.0
    }
}

#[derive(Clone, Copy)]
pub(super) struct FromByte;

impl<C: Code> Map<i8, C> for FromByte {
    #[inline(always)]
    fn apply(self, code: i8, _index: u64) -> C {
        C::from_i8(code)
    }
}

/// From a quotient to its code.
#[derive(Clone, Copy)]
struct Encode<C, R> {
    grid: Grid,
    rounding: R,
    code: PhantomData<C>,
}

impl<C: Code, R: Rounding> Map<f32, C> for Encode<C, R> {
    #[inline(always)]
    fn apply(self, quotient: f32, index: u64) -> C {
        C::encode(quotient, self.grid, self.rounding, index)
    }
}

/// Writes small floats, a tile at a time: `write` is given the place of a tile's first element, and where its bits go.
pub(super) fn in_small_floats<C: Code>(level: Level, out: &mut [C], mut write: impl FnMut(Range<usize>, &mut [u8])) {
    let mut bytes = [0; TILE];
    for (k, out) in out.chunks_mut(TILE).enumerate() {
        let bytes = &mut bytes[..out.len()];
        write(k * TILE..k * TILE + out.len(), bytes);
        map_slice(level, FromBits, bytes, out, 0);
    }
}

#[derive(Clone, Copy)]
struct FromBits;

impl<C: Code> Map<u8, C> for FromBits {
    #[inline(always)]
    fn apply(self, bits: u8, _index: u64) -> C {
        C::from_byte(bits)
    }
}

/// Writes the f16 or bfloat16 nearest to each quotient, and returns whether the code type is one of them: these conversions
/// are shorter than the general one, or instructions.
fn to_halves<C: Code>(level: Level, quotients: &mut [f32], grid: Grid, out: &mut [C]) -> bool {
    if let Some(out) = C::as_f16s(out) {
        clamp(level, quotients, grid);
        f32_to_f16(level, quotients, out);
    } else if let Some(out) = C::as_bf16s(out) {
        clamp(level, quotients, grid);
        f32_to_bf16(level, quotients, out);
    } else {
        return false;
    }
    true
}
