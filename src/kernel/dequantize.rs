//! Codes to reals: `(code − zero_point) · scale + offset`, the difference taken in integers.
//!
//! 1. One scale, runs of elements that share one, and elements with one each are three loops, compiled for each type that codes
//!    are stored in. Small floats are decoded from their bits by numbers that describe the type, so that one loop serves all.
//! 2. Where each element has a scale of its own, codes of 32 bits and floating ones are decoded first, and multiplied where they
//!    lie.
//! 3. Offsets, which hardly any tensor has, are added in a pass of their own.

use super::bytes::unsigned;
use super::destination::{BYTES, Source, for_each_piece, read_codes};
use super::level::dispatch;
use super::mapping::is_far;
use super::own::{LONG_RUN, Own, Part, for_each_part};
use super::reference;
use super::{HighBits, unpack};
use crate::num::{Code, CodeType, Codes, Packing, SmallFloat, Stored, bf16, f16};
use crate::params::{AffineParams, QuantParams, Span};
use fearless_simd::{Level, Simd};

/// How codes that are stored as `C` are decoded.
trait Format<C>: Copy {
    /// Returns `code − zero_point`.
    fn difference(self, code: C, zero_point: i32) -> f32;
}

/// By the type that they are stored in.
#[derive(Clone, Copy)]
struct Plain;

macro_rules! plain {
    ($($code:ident)*) => {$(
        impl Format<$code> for Plain {
            #[inline(always)]
            fn difference(self, code: $code, zero_point: i32) -> f32 {
                code.decode(zero_point)
            }
        }
    )*};
}

plain! { i8 u8 i16 u16 i32 f16 bf16 }

impl Format<u8> for SmallFloat {
    #[inline(always)]
    fn difference(self, code: u8, _zero_point: i32) -> f32 {
        self.decode(code)
    }
}

/// Calls a function with the codes, and how they are decoded.
macro_rules! with_format {
    ($codes:expr, $function:ident($level:expr, $($argument:expr),*)) => {
        match $codes {
            Source::I8(codes) => $function($level, codes, Plain, $($argument),*),
            Source::U8(codes) => $function($level, codes, Plain, $($argument),*),
            Source::I16(codes) => $function($level, codes, Plain, $($argument),*),
            Source::U16(codes) => $function($level, codes, Plain, $($argument),*),
            Source::I32(codes) => $function($level, codes, Plain, $($argument),*),
            Source::F16(codes) => $function($level, codes, Plain, $($argument),*),
            Source::Bf16(codes) => $function($level, codes, Plain, $($argument),*),
            Source::Small(codes, float) => $function($level, codes, float, $($argument),*),
        }
    };
}

/// Writes the real of each code to `out`, in f32 with one rounding (two where there is an offset).
///
/// A product beyond `f32::MAX` is ±∞; NaN codes of floating types stay NaN.
///
/// # Panics
///
/// If `codes` and `out` differ in length.
pub fn dequantize<C: Code>(level: Level, codes: &[C], params: AffineParams, out: &mut [f32]) {
    assert_eq!(codes.len(), out.len(), "reals: expected a length of {}, got {}", codes.len(), out.len());
    if is_far(C::TYPE, params) {
        return reference::dequantize(codes, params, out);
    }
    let span = Span { start: 0, len: codes.len(), first_group: 0, repeat: codes.len().max(1) };
    read_codes(C::codes(codes), span, &mut |_, range, codes| dequantize_one(level, codes, params, &mut out[range]));
}

/// Writes the reals of codes of a byte with one scale and no offset, and returns whether they are such. Its object code does nothing but
/// compute (`tests/real_time`).
#[inline(never)]
pub(crate) fn dequantize_bytes(level: Level, params: &QuantParams, codes: Codes<'_>, out: &mut [f32]) -> bool {
    let Some(group) = params.group(0).filter(|group| params.len() == 1 && group.offset() == 0.0) else { return false };
    match codes {
        Codes::I8(codes) => one_of(level, codes, Plain, group, out),
        Codes::U8(codes) => one_of(level, codes, Plain, group, out),
        _ => return false,
    }
    true
}

/// Writes the reals of a span's codes, or those of several spans of the same groups, one after another.
pub(crate) fn dequantize_span(level: Level, params: &QuantParams, span: Span, codes: Codes<'_>, out: &mut [f32]) {
    read_codes(codes, span, &mut |span, range, codes| spans(level, params, span, codes, &mut out[range]));
}

/// Writes the reals of a span's packed codes, of which the first has the number `span.start` in `bytes`.
pub(crate) fn unpack_span(
    level: Level,
    params: &QuantParams,
    code: CodeType,
    span: Span,
    bytes: &[u8],
    out: &mut [f32],
) {
    let high = high_bits(code);
    let (mut tile, packing) = ([0_i8; BYTES], Packing::of(code));
    for_each_piece(span, out.len(), BYTES, &mut |piece, range| {
        let (tile, out) = (&mut tile[..range.len()], &mut out[range.clone()]);
        unpack(level, bytes, packing, high, span.start + range.start, tile);
        match code.small_float() {
            Some(float) => spans(level, params, piece, Source::Small(unsigned(tile), float), out),
            None => spans(level, params, piece, Source::I8(tile), out),
        }
    });
}

/// Returns what the bits of a byte are that a packed code has none for.
pub(crate) fn high_bits(code: CodeType) -> HighBits {
    if code.min() < 0.0 && code.is_integer() { HighBits::Sign } else { HighBits::Zeros }
}

fn spans(level: Level, params: &QuantParams, span: Span, codes: Source<'_>, out: &mut [f32]) {
    let own = Own { inverses: &[], ..Own::of(params) };
    if (16..LONG_RUN).contains(&span.repeat) && span.repeat < span.len && own.offsets.is_empty() {
        let groups = span.first_group..span.first_group + span.len.div_ceil(span.repeat);
        let own = own.part(groups);
        for start in (0..out.len()).step_by(span.len) {
            let range = start..out.len().min(start + span.len);
            with_format!(codes.part(range.clone()), runs_of(level, span.repeat, own, &mut out[range]));
        }
        return;
    }
    for_each_part(own, span, out.len(), |part, range| {
        let (codes, out) = (codes.part(range.clone()), &mut out[range]);
        match part {
            Part::Group(group) => {
                if let Some(group) = params.group(group) {
                    dequantize_one(level, codes, group, out);
                }
            }
            Part::Each(own) => {
                let len = own.zero_points.len();
                for start in (0..out.len()).step_by(len) {
                    let range = start..out.len().min(start + len);
                    let own = own.part(0..range.len());
                    dequantize_each(level, codes.part(range.clone()), own, &mut out[range]);
                }
            }
        }
    });
}

/// Writes the reals of codes with one scale.
pub(super) fn dequantize_one(level: Level, codes: Source<'_>, params: AffineParams, out: &mut [f32]) {
    if let (Source::F16(codes), true) = (codes, params == AffineParams::UNIT) {
        return super::f16_to_f32(level, codes, out);
    }
    with_format!(codes, one_of(level, params, out));
    add(params.offset(), out);
}

/// Returns the sum; adding an offset of 0 would make +0 of −0, which small floats have.
#[inline(always)]
pub(super) fn shifted_by(real: f32, offset: f32) -> f32 {
    if offset == 0.0 { real } else { real + offset }
}

/// Writes the reals of codes of which each has parameters of its own.
pub(super) fn dequantize_each(level: Level, codes: Source<'_>, own: Own<'_>, out: &mut [f32]) {
    match codes {
        Source::I8(codes) => dispatch!(level, simd => each_body(simd, codes, own, out)),
        Source::U8(codes) => dispatch!(level, simd => each_body(simd, codes, own, out)),
        Source::I16(codes) => dispatch!(level, simd => each_body(simd, codes, own, out)),
        Source::U16(codes) => dispatch!(level, simd => each_body(simd, codes, own, out)),
        Source::I32(codes) => dispatch!(level, simd => each_body(simd, codes, own, out)),
        codes => {
            dequantize_one(level, codes, AffineParams::UNIT, out);
            dispatch!(level, simd => scale_each(simd, own.scales, out));
        }
    }
    for (real, &offset) in out.iter_mut().zip(own.offsets) {
        *real = shifted_by(*real, offset);
    }
}

/// Adding an offset of 0 would make +0 of −0, which small floats have.
fn add(offset: f32, out: &mut [f32]) {
    if offset != 0.0 {
        for real in out {
            *real += offset;
        }
    }
}

fn one_of<C: Copy, F: Format<C>>(level: Level, codes: &[C], format: F, params: AffineParams, out: &mut [f32]) {
    let (scale, zero_point) = (params.scale(), params.zero_point());
    dispatch!(level, simd => one_body(simd, codes, format, (scale, zero_point), out));
}

#[inline(always)]
fn one_body<S: Simd, C: Copy, F: Format<C>>(
    _simd: S,
    codes: &[C],
    format: F,
    (scale, zero_point): (f32, i32),
    out: &mut [f32],
) {
    let n = codes.len().min(out.len());
    let (codes, out) = (&codes[..n], &mut out[..n]);
    for i in 0..n {
        out[i] = format.difference(codes[i], zero_point) * scale;
    }
}

fn runs_of<C: Copy, F: Format<C>>(level: Level, codes: &[C], format: F, repeat: usize, own: Own<'_>, out: &mut [f32]) {
    dispatch!(level, simd => runs_body(simd, codes, format, repeat, own, out));
}

/// A run of elements for each of the parameters: the loop over runs is inside, so that it costs no call each.
#[inline(always)]
fn runs_body<S: Simd, C: Copy, F: Format<C>>(
    _simd: S,
    codes: &[C],
    format: F,
    repeat: usize,
    own: Own<'_>,
    out: &mut [f32],
) {
    let runs = codes.chunks(repeat).zip(out.chunks_mut(repeat));
    for ((codes, out), (&scale, &zero_point)) in runs.zip(own.scales.iter().zip(own.zero_points)) {
        for (out, code) in out.iter_mut().zip(codes) {
            *out = format.difference(*code, zero_point) * scale;
        }
    }
}

#[inline(always)]
fn each_body<S: Simd, C: Copy>(_simd: S, codes: &[C], own: Own<'_>, out: &mut [f32])
where
    Plain: Format<C>,
{
    let n = out.len();
    let (codes, scales, zero_points) = (&codes[..n], &own.scales[..n], &own.zero_points[..n]);
    for i in 0..n {
        out[i] = Plain.difference(codes[i], zero_points[i]) * scales[i];
    }
}

#[inline(always)]
fn scale_each<S: Simd>(_simd: S, scales: &[f32], out: &mut [f32]) {
    for (real, scale) in out.iter_mut().zip(scales) {
        *real *= scale;
    }
}
