//! Reals to codes, with one scale.
//!
//! ```text
//! code = round(clamp((x − offset) / scale, qmin − zero_point, qmax − zero_point)) + zero_point
//! ```
//!
//! which equals the textbook's `clamp(round(…) + zero_point, qmin, qmax)` for every monotone rounding that keeps whole
//! numbers; see [`Grid`].
//!
//! 1. Codes of a byte, rounded in a way that the hardware has, take one loop: [`bytes`](super::bytes).
//! 2. Codes of a byte by another rounding take a loop that is compiled with it: [`rounded`](super::rounded).
//! 3. Everything else goes by way of a tile in the first-level cache: quotients, then the rounding, then [`store`]. A step is
//!    compiled for each scaling, or for each rounding, or for each type that codes are stored in, but none for all of these at
//!    once; storing and loading a vector costs little beside computing it.

use super::bytes::{self, Byte, Shifted, Single, can_add, quantize_divided, quantize_one as bytes_of_one, signed};
use super::destination::{Destination, write_codes};
use super::elementwise::{Map, TILE, map_slice};
use super::float_grid::FloatGrid;
use super::mapping::{Mapping, is_far};
use super::nan::with_nan_replaced;
use super::quotient::{Method, One, quotients};
use super::reference;
use super::rounded::{self, BytesOf};
use super::rounder::Rounder;
use super::rounding::BuiltIn;
use super::settings::Settings;
use super::small_floats::{self, Format};
use super::store::{clamp_floats, store};
use crate::num::{Code, CodeType, CodesMut, Real, Reals, Rounding};
use crate::params::{NanPolicy, Prepared, QuantParams, Span};
use fearless_simd::Level;

impl Mapping {
    /// Returns how quotients are computed: exactly as asked for, and as fast as that can be.
    pub(super) fn method(&self, code: CodeType, rounding: Option<BuiltIn>) -> Method {
        let (scale, zero_point) = (self.params.scale(), self.params.zero_point());
        Method::of(code, self.scaling, (scale, scale), (zero_point, zero_point), rounding)
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
    if is_far(C::TYPE, mapping.params) {
        return reference::quantize(x, mapping, rounding, out, first_index);
    }
    quantize_reals(level, T::reals(x), mapping, Rounder::of(&rounding), C::codes_mut(out), first_index);
}

fn quantize_reals(
    level: Level,
    x: Reals<'_>,
    mapping: &Mapping,
    rounder: Rounder<'_>,
    out: CodesMut<'_>,
    first_index: u64,
) {
    let code = out.code_type();
    let span = Span { start: 0, len: x.len(), first_group: 0, repeat: x.len().max(1) };
    write_codes(out, span, &mut |_, range, mut out| {
        let first_index = first_index.wrapping_add(range.start as u64);
        let run = Run { mapping, code, rounder };
        if let Reals::F32(x) = x {
            return run.quantize(level, &x[range], first_index, out);
        }
        let mut tile = [0.0; TILE];
        for start in (0..range.len()).step_by(TILE) {
            let end = range.len().min(start + TILE);
            let tile = &mut tile[..end - start];
            super::convert::widen(level, x.part(range.start + start..range.start + end), tile);
            run.quantize(level, tile, first_index.wrapping_add(start as u64), out.part(start..end));
        }
    });
}

/// Writes the codes of elements with one scale and looks whether all are finite, in one pass, where there is a loop for it: to bytes,
/// halves to even, without an offset, where the quotient needs no divider. Returns whether it did and they are; otherwise `out` may be
/// partly written, and is to be written by [`quantize_span`](super::quantize_span). Its object code does nothing but compute
/// (`tests/real_time`).
#[inline(never)]
pub(crate) fn quantize_finite(
    level: Level,
    params: &QuantParams,
    settings: Settings<'_>,
    x: &[f32],
    out: &mut CodesMut<'_>,
) -> bool {
    let Settings { code, rounder, scaling, .. } = settings;
    let &[scale] = params.scales() else { return false };
    let (Prepared { scales, zero_points, .. }, codes) = (params.prepared(), params.codes());
    let (byte, out) = match out {
        CodesMut::I8(out) => (Byte::Signed, &mut **out),
        CodesMut::U8(out) => (Byte::Unsigned, signed(out)),
        _ => return false,
    };
    let method = Method::of(code, scaling, *scales, *zero_points, rounder.vector_form());
    if !rounder.is_ties_even() || method == Method::Divide || !params.offsets().is_empty() || !can_add(*zero_points) {
        return false;
    }
    let single = Single { scale, zero_point: zero_points.0, codes, exact: method == Method::Markstein };
    bytes::quantize_finite(level, x, single, byte, out)
}

/// What the codes of a run of elements are made with.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) mapping: &'a Mapping,
    pub(super) code: CodeType,
    pub(super) rounder: Rounder<'a>,
}

impl Run<'_> {
    /// Writes the codes of `x`, of which the first stands at `first_index`.
    pub(super) fn quantize(&self, level: Level, x: &[f32], first_index: u64, mut out: Destination<'_>) {
        self.for_each_native(level, x, &mut |run, x, start| {
            run.native(level, x, first_index.wrapping_add(start as u64), out.part(start..start + x.len()));
        });
    }

    /// Calls `visit` with elements, and the position of the first, in which NaN may be coded as [`NanPolicy::Native`] says: all at
    /// once, or, where the policy is another, in pieces in which the offset takes the place of NaN.
    pub(super) fn for_each_native(&self, level: Level, x: &[f32], visit: &mut dyn FnMut(Run<'_>, &[f32], usize)) {
        if self.mapping.nan == NanPolicy::Native {
            return visit(*self, x, 0);
        }
        let native = Mapping { nan: NanPolicy::Native, ..*self.mapping };
        let (offset, run) = (self.mapping.params.offset(), Run { mapping: &native, ..*self });
        with_nan_replaced(level, x, |_| offset, |x, start| visit(run, x, start));
    }

    /// NaN is coded as [`NanPolicy::Native`] says.
    fn native(&self, level: Level, x: &[f32], first_index: u64, mut out: Destination<'_>) {
        let offset = self.mapping.params.offset();
        if offset == 0.0 {
            return self.unshifted(level, x, first_index, out);
        }
        let mapping = Mapping { params: self.mapping.params.without_offset(), ..*self.mapping };
        let run = Run { mapping: &mapping, ..*self };
        let mut tile = [0.0; TILE];
        for (k, x) in x.chunks(TILE).enumerate() {
            let tile = &mut tile[..x.len()];
            map_slice(level, Subtract(offset), x, tile, 0);
            let start = k * TILE;
            run.unshifted(level, tile, first_index.wrapping_add(start as u64), out.part(start..start + x.len()));
        }
    }

    /// Without an offset.
    fn unshifted(&self, level: Level, x: &[f32], first_index: u64, mut out: Destination<'_>) {
        let Mapping { params, codes, scaling, .. } = *self.mapping;
        let (grid, scale, zero_point) = (self.mapping.grid(), params.scale(), params.zero_point());
        let built_in = self.rounder.vector_form();
        let method = self.mapping.method(self.code, built_in);
        if can_add((zero_point, zero_point))
            && let Some((byte, out)) = out.as_byte()
        {
            return match built_in {
                Some(rounding) if method != Method::Divide && rounding.allows(scale) => {
                    let single = Single { scale, zero_point, codes, exact: method == Method::Markstein };
                    bytes_of_one(level, x, single, rounding, byte, out);
                }
                Some(rounding) => {
                    let single = Single { scale, zero_point, codes, exact: true };
                    quantize_divided(level, x, single, method, rounding, byte, out);
                }
                None => self.rounded_bytes(level, method, x, first_index, byte, out),
            };
        }
        let scale = One::new(scale);
        if let Destination::Small(out, float) = &mut out
            && self.rounder.is_ties_even()
            && let Some(format) = Format::of(*float, scaling, (scale.scale, scale.scale), grid)
        {
            return small_floats::quantize_one(level, x, scale, format, out);
        }
        let mut tile = [0.0; TILE];
        for (k, x) in x.chunks(TILE).enumerate() {
            let (tile, start) = (&mut tile[..x.len()], k * TILE);
            let mut out = out.part(start..start + x.len());
            quotients(level, method, x, scale, tile);
            self.round(level, tile, (grid.lo, grid.hi), first_index.wrapping_add(start as u64), &mut out);
            store(level, tile, grid, out);
        }
    }

    /// Rounds quotients on their way to a destination, where that does not round them itself; bounds are those of small integers.
    pub(super) fn round(
        &self,
        level: Level,
        quotients: &mut [f32],
        bounds: (f32, f32),
        first_index: u64,
        out: &mut Destination<'_>,
    ) {
        let loops = self.rounder.loops();
        let grid = match out {
            Destination::I32(_) => {
                return loops.whole(level, quotients, (f32::NEG_INFINITY, f32::INFINITY), first_index);
            }
            Destination::F16(_) => FloatGrid::f16(),
            Destination::Bf16(_) => FloatGrid::Bf16,
            Destination::Small(_, float) => FloatGrid::small(*float),
            _ if self.rounder.is_ties_even() => return,
            _ => return loops.whole(level, quotients, bounds, first_index),
        };
        clamp_floats(level, quotients, self.mapping.codes);
        if !self.rounder.is_ties_even() {
            grid.round(level, quotients, loops, first_index);
        }
    }

    /// Writes codes of a byte by a rounding that vectors have no instruction for.
    fn rounded_bytes(&self, level: Level, method: Method, x: &[f32], first_index: u64, byte: Byte, out: &mut [i8]) {
        let Some(loops) = self.rounder.byte_loops() else { return };
        let (params, codes) = (self.mapping.params, self.mapping.codes);
        let codes =
            rounded::Codes { grid: self.mapping.grid(), shifted: Shifted::of(byte, codes, params.zero_point()) };
        let run = BytesOf { method, x, scale: One::new(params.scale()), codes, first_index };
        loops.bytes(level, run, out);
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::kernel::levels;
    use crate::num::Scaling;
    use crate::params::CodeRange;
    use alloc::vec;
    use alloc::vec::Vec;

    /// Halves, ends, and what lies beyond them.
    fn values(len: usize, scale: f32) -> Vec<f32> {
        (0..len).map(|i| ((i * 37 % 601) as f32 - 300.0) * 0.5 * scale).collect()
    }

    fn settings(code: CodeType, scaling: Scaling) -> Settings<'static> {
        Settings { code, rounder: Rounder::default(), scaling, nan: NanPolicy::Error }
    }

    #[test]
    fn one_pass_gives_the_codes_and_finds_what_is_not_finite() {
        for (level, scaling) in levels().into_iter().flat_map(|l| [(l, Scaling::Divide), (l, Scaling::Reciprocal)]) {
            for (len, zero_point) in (0..=200).map(|len| (len, len as i32 % 200)) {
                let scale = 0.1 + len as f32 * 1e-3;
                let (mut x, mut codes, mut want) = (values(len, scale), vec![7_u8; len], vec![0_u8; len]);
                let params = QuantParams::per_tensor::<u8>(scale, zero_point).unwrap();
                let mapping = Mapping { scaling, ..Mapping::new(params.group(0).unwrap(), CodeRange::of::<u8>()) };
                reference::quantize(&x, &mapping, crate::num::TiesEven, &mut want, 0);
                let settings = settings(CodeType::U8, scaling);
                assert!(quantize_finite(level, &params, settings, &x, &mut CodesMut::U8(&mut codes)), "{len}");
                assert_eq!(codes, want, "{len} at {level:?}");
                for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    let at = len * 7 / 9;
                    if let Some(value) = x.get_mut(at) {
                        let before = core::mem::replace(value, odd);
                        let mut out = CodesMut::U8(&mut codes);
                        assert!(!quantize_finite(level, &params, settings, &x, &mut out), "{odd} of {len}");
                        x[at] = before;
                    }
                }
            }
        }
    }

    #[test]
    fn what_has_no_such_loop_is_left_to_the_others() {
        let level = super::super::detect();
        let (x, mut codes) = (values(100, 0.1), vec![0_i8; 100]);
        let params = QuantParams::per_tensor::<i8>(0.1, 0).unwrap();
        let usual = settings(CodeType::I8, Scaling::Divide);
        let away = crate::num::HalfAway;
        let with_offset = params.clone().with_offsets(vec![1.0]).unwrap();
        let tiny = QuantParams::per_tensor::<i8>(1e-36, 0).unwrap();
        for (params, rounder) in
            [(&params, Rounder::of(&away)), (&with_offset, Rounder::default()), (&tiny, Rounder::default())]
        {
            let settings = Settings { rounder, ..usual };
            assert!(!quantize_finite(level, params, settings, &x, &mut CodesMut::I8(&mut codes)));
        }
    }
}
