//! Quantize and dequantize in one pass: the rounding error, without the codes.
//!
//! ```text
//! real = round(clamp((x − offset) / scale, qmin − zero_point, qmax − zero_point)) · scale + offset
//! ```
//!
//! 1. The zero point cancels, so for integers of up to 16 bits there is no code at all, and one loop serves all of them.
//! 2. Halves to even are rounded by adding 1.5 · 2²³ and subtracting it, which gives +0 for what is nearly 0, as a code would.
//!    What another rounding made whole is not changed by it.
//! 3. Where the quotient is rounded to the nearest, x can be clamped instead of it: the bounds' own quotients are off by one
//!    last place at most. In the division by multiply-adds x has to be clamped anyway.
//! 4. Codes of i32 and floating codes are made and restored, a tile at a time.

use super::dequantize::{dequantize_each, dequantize_one, shifted_by};
use super::destination::Destination;
use super::elementwise::TILE;
use super::level::dispatch;
use super::mapping::{Mapping, grid_of, is_far};
use super::narrow::{greater, lesser};
use super::own::{Own, Part, for_each_part};
use super::quantize::Run;
use super::quantize_spans::{for_each_nan_free, widest};
use super::quotient::{Method, One, divided};
use super::reference;
use super::rounder::Rounder;
use super::settings::Settings;
use super::store;
use crate::num::{Code, CodeType, Grid, MAGIC, Real, Rounding, bf16, f16};
use crate::params::{AffineParams, NanPolicy, QuantParams, Span};
use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, f32x16};

/// Writes what each element of `x` is restored as: the same bits as [`quantize`](super::quantize()) to codes of type `C`
/// followed by [`dequantize`](super::dequantize).
///
/// # Panics
///
/// If `x` and `out` differ in length.
pub fn fake_quantize<T: Real, C: Code, R: Rounding>(
    level: Level,
    x: &[T],
    mapping: &Mapping,
    rounding: R,
    out: &mut [f32],
    first_index: u64,
) {
    assert_eq!(x.len(), out.len(), "reals: expected a length of {}, got {}", x.len(), out.len());
    if is_far(C::TYPE, mapping.params) {
        return reference::fake_quantize::<T, C, R>(x, mapping, rounding, out, first_index);
    }
    let run = Run { mapping, code: C::TYPE, rounder: Rounder::of(&rounding) };
    super::convert::for_each_f32_tile(level, T::reals(x), &mut |x, range| {
        let index = first_index.wrapping_add(range.start as u64);
        run.fake_quantize(level, x, &mut out[range], index);
    });
}

impl Run<'_> {
    /// Writes what elements are restored as.
    fn fake_quantize(&self, level: Level, x: &[f32], out: &mut [f32], first_index: u64) {
        self.for_each_native(level, x, &mut |run, x, start| {
            run.restore(level, x, &mut out[start..start + x.len()], first_index.wrapping_add(start as u64));
        });
    }

    /// NaN gives what [`NanPolicy::Native`] says.
    fn restore(&self, level: Level, x: &[f32], out: &mut [f32], first_index: u64) {
        let Run { mapping, code, rounder } = *self;
        let (scale, offset, grid) = (mapping.params.scale(), mapping.params.offset(), mapping.grid());
        let method = mapping.method(code, rounder.vector_form());
        let small = is_small_integer(code);
        if small && offset == 0.0 && rounder.is_ties_even() && method != Method::Divide {
            return if method == Method::Markstein {
                restore::<true>(level, x, scale, grid, out);
            } else {
                restore::<false>(level, x, scale, grid, out);
            };
        }
        let mut tile = [0.0; TILE];
        for (k, (x, out)) in x.chunks(TILE).zip(out.chunks_mut(TILE)).enumerate() {
            let index = first_index.wrapping_add((k * TILE) as u64);
            if small {
                let tile = mapping.quotients(level, method, x, &mut tile);
                if !rounder.is_ties_even() {
                    rounder.loops().whole(level, tile, (grid.lo, grid.hi), index);
                }
                dispatch!(level, simd => restore_one(simd, tile, grid, (scale, offset), out));
            } else {
                with_codes(code, x.len(), &mut |mut codes| {
                    self.quantize(level, x, index, codes.part(0..x.len()));
                    dequantize_one(level, codes.as_source(), mapping.params, out);
                });
            }
        }
    }
}

/// Writes what the elements of a span are restored as.
pub(crate) fn fake_quantize_span(
    level: Level,
    params: &QuantParams,
    settings: Settings<'_>,
    span: Span,
    x: &[f32],
    out: &mut [f32],
) {
    if settings.nan == NanPolicy::Native {
        return fake_quantize_native(level, params, settings, span, x, out);
    }
    for_each_nan_free(level, params, span, x, &mut |span, x, range| {
        fake_quantize_native(level, params, settings.native(), span, x, &mut out[range]);
    });
}

fn fake_quantize_native(
    level: Level,
    params: &QuantParams,
    settings: Settings<'_>,
    span: Span,
    x: &[f32],
    out: &mut [f32],
) {
    let Settings { code, rounder, scaling, nan } = settings;
    let (codes, prepared) = (params.codes(), params.prepared());
    let method = Method::of(code, scaling, prepared.scales, prepared.zero_points, rounder.vector_form());
    let bounds = widest(params);
    for_each_part(Own::of(params), span, x.len(), |part, range| {
        let index = span.start as u64 + range.start as u64;
        let (x, out) = (&x[range.clone()], &mut out[range.clone()]);
        match part {
            Part::Group(group) => {
                if let Some(params) = params.group(group) {
                    let mapping = Mapping { params, codes, scaling, nan };
                    Run { mapping: &mapping, code, rounder }.restore(level, x, out, index);
                }
            }
            Part::Each(own) => own.for_each_tile(level, method, x, &mut |own, quotients, tile| {
                let (index, out) = (index.wrapping_add(tile.start as u64), &mut out[tile]);
                if is_small_integer(code) {
                    if !rounder.is_ties_even() {
                        rounder.loops().whole(level, quotients, bounds, index);
                    }
                    let own_zero_points = store::Own { codes, zero_points: own.zero_points };
                    dispatch!(level, simd => restore_each(simd, quotients, own_zero_points, own.scales, out));
                    for (real, &offset) in out.iter_mut().zip(own.offsets) {
                        *real = shifted_by(*real, offset);
                    }
                } else {
                    let mapping = Mapping { params: AffineParams::UNIT, codes, scaling, nan };
                    let run = Run { mapping: &mapping, code, rounder };
                    with_codes(code, quotients.len(), &mut |mut tile| {
                        let mut to = tile.part(0..quotients.len());
                        run.round(level, quotients, bounds, index, &mut to);
                        store::store(level, quotients, store::Own { codes, zero_points: own.zero_points }, to);
                        dequantize_each(level, tile.as_source(), own, out);
                    });
                }
            }),
        }
    });
}

/// Calls `visit` with a tile for codes of a type that is not a small integer: i32, or a floating-point type.
fn with_codes(code: CodeType, len: usize, visit: &mut dyn FnMut(Destination<'_>)) {
    match code {
        CodeType::F16 => visit(Destination::F16(&mut [f16::ZERO; TILE][..len])),
        CodeType::Bf16 => visit(Destination::Bf16(&mut [bf16::ZERO; TILE][..len])),
        code => match code.small_float() {
            Some(float) => visit(Destination::Small(&mut [0; TILE][..len], float)),
            None => visit(Destination::I32(&mut [0; TILE][..len])),
        },
    }
}

/// Whether differences of two codes are exact in f32, and within what roundings by addition can do.
fn is_small_integer(code: CodeType) -> bool {
    code.is_integer() && code.bits() <= 16
}

/// Halves to even, one scale, no offset.
fn restore<const EXACT: bool>(level: Level, x: &[f32], scale: f32, grid: Grid, out: &mut [f32]) {
    dispatch!(level, simd => restore_body::<_, EXACT>(simd, x, One::new(scale), grid, out));
}

#[inline(always)]
fn restore_body<S: Simd, const EXACT: bool>(simd: S, x: &[f32], one: One, grid: Grid, out: &mut [f32]) {
    let mut blocks = x.chunks_exact(16);
    let mut out_blocks = out.chunks_exact_mut(16);
    for (x, out) in blocks.by_ref().zip(out_blocks.by_ref()) {
        restore_vector::<S, EXACT>(simd, f32x16::from_slice(simd, x), one, grid).store_slice(out);
    }
    let (rest, out) = (blocks.remainder(), out_blocks.into_remainder());
    if !rest.is_empty() {
        let mut padded = [0.0; 16];
        padded[..rest.len()].copy_from_slice(rest);
        restore_vector::<S, EXACT>(simd, f32x16::from_slice(simd, &padded), one, grid).store_slice(&mut padded);
        out.copy_from_slice(&padded[..rest.len()]);
    }
}

#[inline(always)]
fn restore_vector<S: Simd, const EXACT: bool>(simd: S, x: f32x16<S>, one: One, grid: Grid) -> f32x16<S> {
    let (scale, inverse) = (f32x16::splat(simd, one.scale), f32x16::splat(simd, one.inverse));
    let (lo, hi) = (f32x16::splat(simd, grid.lo), f32x16::splat(simd, grid.hi));
    let quotient = if EXACT {
        divided(lesser(greater(x, lo * scale), hi * scale), scale, inverse)
    } else {
        lesser(greater(x * inverse, lo), hi)
    };
    ((quotient + MAGIC) - MAGIC) * scale
}

/// Restores quotients, whole or to be rounded halves to even, with one scale.
#[inline(always)]
fn restore_one<S: Simd>(_simd: S, quotients: &[f32], grid: Grid, (scale, offset): (f32, f32), out: &mut [f32]) {
    let n = out.len();
    let quotients = &quotients[..n];
    for i in 0..n {
        out[i] = ((grid.clamp(quotients[i]) + MAGIC) - MAGIC) * scale + offset;
    }
}

/// The same, each with a scale and zero point of its own.
#[inline(always)]
fn restore_each<S: Simd>(_simd: S, quotients: &[f32], own: store::Own<'_>, scales: &[f32], out: &mut [f32]) {
    let n = out.len();
    let (quotients, scales, zero_points) = (&quotients[..n], &scales[..n], &own.zero_points[..n]);
    for i in 0..n {
        let grid = grid_of(own.codes, zero_points[i]);
        out[i] = ((grid.clamp(quotients[i]) + MAGIC) - MAGIC) * scales[i];
    }
}
