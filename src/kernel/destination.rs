//! Where codes are written and read, as the kernels work on them.
//!
//! Integers of 8 to 32 bits, f16 and bfloat16 are worked on where they lie. Integers of fewer bits, and floats of 8 bits and
//! fewer, stand one in a byte of a type of their own; the kernels work on a tile of bytes, which is copied.

use super::bytes::{Byte, signed};
use crate::num::{Codes, CodesMut, SmallFloat, Stored, bf16, f16, for_each_code_type};
use crate::params::Span;
use core::ops::Range;

/// Codes in a tile of bytes.
pub(super) const BYTES: usize = 4096;

/// Where codes are written.
#[derive(Debug)]
pub(super) enum Destination<'a> {
    I8(&'a mut [i8]),
    U8(&'a mut [u8]),
    I16(&'a mut [i16]),
    U16(&'a mut [u16]),
    I32(&'a mut [i32]),
    F16(&'a mut [f16]),
    Bf16(&'a mut [bf16]),
    /// The bits of small floats.
    Small(&'a mut [u8], SmallFloat),
}

impl Destination<'_> {
    /// Returns the place of integers of one byte, if they are such.
    pub(super) fn as_byte(&mut self) -> Option<(Byte, &mut [i8])> {
        match self {
            Destination::I8(out) => Some((Byte::Signed, out)),
            Destination::U8(out) => Some((Byte::Unsigned, signed(out))),
            _ => None,
        }
    }

    /// Returns the place of a range of the codes.
    pub(super) fn part(&mut self, range: Range<usize>) -> Destination<'_> {
        match self {
            Destination::I8(out) => Destination::I8(&mut out[range]),
            Destination::U8(out) => Destination::U8(&mut out[range]),
            Destination::I16(out) => Destination::I16(&mut out[range]),
            Destination::U16(out) => Destination::U16(&mut out[range]),
            Destination::I32(out) => Destination::I32(&mut out[range]),
            Destination::F16(out) => Destination::F16(&mut out[range]),
            Destination::Bf16(out) => Destination::Bf16(&mut out[range]),
            Destination::Small(out, float) => Destination::Small(&mut out[range], *float),
        }
    }
}

impl Destination<'_> {
    /// Returns the codes that were written.
    pub(super) fn as_source(&self) -> Source<'_> {
        match self {
            Destination::I8(codes) => Source::I8(codes),
            Destination::U8(codes) => Source::U8(codes),
            Destination::I16(codes) => Source::I16(codes),
            Destination::U16(codes) => Source::U16(codes),
            Destination::I32(codes) => Source::I32(codes),
            Destination::F16(codes) => Source::F16(codes),
            Destination::Bf16(codes) => Source::Bf16(codes),
            Destination::Small(codes, float) => Source::Small(codes, *float),
        }
    }
}

/// Codes to be read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    I8(&'a [i8]),
    U8(&'a [u8]),
    I16(&'a [i16]),
    U16(&'a [u16]),
    I32(&'a [i32]),
    F16(&'a [f16]),
    Bf16(&'a [bf16]),
    /// The bits of small floats.
    Small(&'a [u8], SmallFloat),
}

impl<'a> Source<'a> {
    /// Returns the codes of a range.
    pub(super) fn part(&self, range: Range<usize>) -> Source<'a> {
        match self {
            Source::I8(codes) => Source::I8(&codes[range]),
            Source::U8(codes) => Source::U8(&codes[range]),
            Source::I16(codes) => Source::I16(&codes[range]),
            Source::U16(codes) => Source::U16(&codes[range]),
            Source::I32(codes) => Source::I32(&codes[range]),
            Source::F16(codes) => Source::F16(&codes[range]),
            Source::Bf16(codes) => Source::Bf16(&codes[range]),
            Source::Small(codes, float) => Source::Small(&codes[range], *float),
        }
    }
}

/// What writes codes of a range of elements, which are those of a span, or of several spans of the same groups, one after
/// another.
pub(super) type Write<'a> = &'a mut dyn FnMut(Span, Range<usize>, Destination<'_>);

/// What reads codes of such a range.
pub(super) type Read<'a> = &'a mut dyn FnMut(Span, Range<usize>, Source<'_>);

macro_rules! through_destinations {
    ($($variant:ident($code:ty) $layout:ident $aliases:tt;)*) => {
        /// Writes codes of any type by way of `write`: all at once, or, of a type that stands one in a byte, a piece at a time, in
        /// order.
        pub(super) fn write_codes(out: CodesMut<'_>, span: Span, write: Write<'_>) {
            let total = out.len();
            match out {
                $(CodesMut::$variant(out) => through_destinations!(@write $layout $variant, out, span, total, write),)*
            }
        }

        /// Reads codes of any type by way of `read`, as they are written by [`write_codes`].
        pub(super) fn read_codes(codes: Codes<'_>, span: Span, read: Read<'_>) {
            let total = codes.len();
            match codes {
                $(Codes::$variant(codes) => through_destinations!(@read $layout $variant, codes, span, total, read),)*
            }
        }
    };
    (@write plain $variant:ident, $out:ident, $span:ident, $total:ident, $write:ident) => {
        $write($span, 0..$total, Destination::$variant($out))
    };
    (@write int $variant:ident, $out:ident, $span:ident, $total:ident, $write:ident) => {
        write_bytes($span, $total, None, $write, &mut |range, bytes| from_bytes(bytes, &mut $out[range]))
    };
    (@write float $variant:ident, $out:ident, $span:ident, $total:ident, $write:ident) => {{
        let float = Some(small_float::<crate::num::$variant>());
        write_bytes($span, $total, float, $write, &mut |range, bytes| from_bytes(bytes, &mut $out[range]))
    }};
    (@read plain $variant:ident, $codes:ident, $span:ident, $total:ident, $read:ident) => {
        $read($span, 0..$total, Source::$variant($codes))
    };
    (@read int $variant:ident, $codes:ident, $span:ident, $total:ident, $read:ident) => {
        read_bytes($span, $total, None, $read, &mut |range, bytes| to_bytes(&$codes[range], bytes))
    };
    (@read float $variant:ident, $codes:ident, $span:ident, $total:ident, $read:ident) => {{
        let float = Some(small_float::<crate::num::$variant>());
        read_bytes($span, $total, float, $read, &mut |range, bytes| to_bytes(&$codes[range], bytes))
    }};
}

for_each_code_type! { through_destinations }

/// Writes codes that stand one in a byte, a piece at a time: `copy` puts each piece where it belongs. One loop for all of them;
/// only the copying is compiled for each type.
fn write_bytes(
    span: Span,
    total: usize,
    float: Option<SmallFloat>,
    write: Write<'_>,
    copy: &mut dyn FnMut(Range<usize>, &[u8]),
) {
    let mut bytes = [0_u8; BYTES];
    for_each_piece(span, total, BYTES, &mut |span, range| {
        let bytes = &mut bytes[..range.len()];
        match float {
            Some(float) => write(span, range.clone(), Destination::Small(bytes, float)),
            None => write(span, range.clone(), Destination::I8(signed(bytes))),
        }
        copy(range, bytes);
    });
}

/// Reads codes that stand one in a byte, a piece at a time, which `copy` fetches.
fn read_bytes(
    span: Span,
    total: usize,
    float: Option<SmallFloat>,
    read: Read<'_>,
    copy: &mut dyn FnMut(Range<usize>, &mut [u8]),
) {
    let mut bytes = [0_u8; BYTES];
    for_each_piece(span, total, BYTES, &mut |span, range| {
        let bytes = &mut bytes[..range.len()];
        copy(range.clone(), bytes);
        match float {
            Some(float) => read(span, range, Source::Small(bytes, float)),
            None => read(span, range, Source::I8(signed(bytes))),
        }
    });
}

/// Writes the codes that stand in bytes.
fn from_bytes<C: Stored>(bytes: &[u8], codes: &mut [C]) {
    for (code, &byte) in codes.iter_mut().zip(bytes) {
        *code = C::from_byte(byte);
    }
}

/// Writes the bytes that codes stand in.
fn to_bytes<C: Stored + Copy>(codes: &[C], bytes: &mut [u8]) {
    for (byte, code) in bytes.iter_mut().zip(codes) {
        *byte = code.to_byte();
    }
}

/// Returns the layout of a float of 8 bits or fewer.
fn small_float<C: Stored>() -> SmallFloat {
    const { C::SMALL_FLOAT.expect("the list of code types says that it is one") }
}

/// Cuts `total` elements, which are those of a span, or of several spans of the same groups, into pieces of up to `max` elements
/// that are so, too, and hands each over with its range.
pub(super) fn for_each_piece(span: Span, total: usize, max: usize, visit: &mut dyn FnMut(Span, Range<usize>)) {
    if total <= max {
        return if total > 0 {
            visit(span, 0..total);
        };
    }
    let whole_spans = max / span.len * span.len;
    if whole_spans > 0 {
        for start in (0..total).step_by(whole_spans) {
            visit(Span { start: span.start + start, ..span }, start..total.min(start + whole_spans));
        }
        return;
    }
    for start in (0..total).step_by(span.len) {
        let one = Span { start: span.start + start, ..span };
        for piece in one.pieces(max) {
            let start = piece.start - span.start;
            visit(piece, start..start + piece.len);
        }
    }
}
