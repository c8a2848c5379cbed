//! Elementwise kernels over a [`Span`], in which neighbouring elements may belong to different groups.
//!
//! What a kernel is given may be several spans of the same groups, one after another, such as the rows of a matrix with a scale for
//! each column: what it takes to begin is then done once.
//!
//! 1. Groups of many neighbours are runs with one set of parameters. Halves to even to bytes, one loop goes through all runs;
//!    otherwise the kernel for one scale does each.
//! 2. Where a group is one element wide (the last axis), the arrays of scales and zero points are read along with the
//!    elements, one vector of each a vector of elements.
//! 3. Groups of 16 or 32, as blocks are, hold whole vectors: the scale of each is splat.
//! 4. Groups in between are spread over a tile on the stack, one entry an element, and handled as in 2: a run of 9 elements
//!    would spend its time in the remainder of a vectorised loop. Short spans, as of images of three channels, are put
//!    there several times.
//! 5. The reciprocals of a tensor's scales are computed once, for all spans.

use super::bytes::{BLOCK, Many, OwnZeroPoints, can_add, quantize_each, quantize_groups, quantize_shared};
use super::elementwise::{Positions, for_each_run, map_slice};
use super::fake_quantize::{Unrounded, backward, fake_each, shifted_by};
use super::own::{LONG_RUN, Own, Part, for_each_part};
use super::quantize::{FromByte, TILE, grid_of, in_small_floats};
use super::quotient::{Each, Method, Shared, quotients, reciprocal};
use super::rounding::BuiltIn;
use super::small_floats::{self, Format};
use super::{Mapping, dequantize, fake_quantize, first_nan, quantize};
use crate::num::{Code, CodeKind, Rounding, Scaling, TiesEven};
use crate::params::{AffineParams, CodeRange, NanPolicy, QuantParams, Span};
use alloc::vec::Vec;
use core::ops::Range;
use fearless_simd::{Level, Simd, dispatch};

/// What a scheme says beside its parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings<R> {
    pub(crate) rounding: R,
    pub(crate) scaling: Scaling,
    pub(crate) nan: NanPolicy,
}

impl<R> Settings<R> {
    /// Returns the settings for values of which so many are NaN: where none is, the bare mapping need not look for one.
    pub(crate) fn given(self, nan: u64) -> Self {
        if nan == 0 { self.native() } else { self }
    }

    fn native(self) -> Self {
        Self { nan: NanPolicy::Native, ..self }
    }
}

/// The parameters of a tensor, and what the kernels want to know about all of its groups.
#[derive(Clone, Debug)]
pub(crate) struct Groups<'a> {
    params: &'a QuantParams,
    inverses: Vec<f32>,
    scales: (f32, f32),
    zero_points: (i32, i32),
}

impl<'a> Groups<'a> {
    pub(crate) fn new(params: &'a QuantParams) -> Self {
        let (scales, zero_points) = (params.scales(), params.zero_points());
        Self {
            params,
            // One group is a matter of the kernel for one scale.
            inverses: if scales.len() > 1 { scales.iter().copied().map(reciprocal).collect() } else { Vec::new() },
            scales: scales.iter().fold((f32::MAX, 0.0), |(min, max), &s| (s.min(min), s.max(max))),
            zero_points: zero_points.iter().fold((i32::MAX, i32::MIN), |(min, max), &z| (z.min(min), z.max(max))),
        }
    }

    fn method<C: Code>(&self, scaling: Scaling, rounding: Option<BuiltIn>) -> Method {
        Method::of::<C>(scaling, self.scales, self.zero_points, rounding)
    }

    /// Returns the parameters of neighbouring groups, if there are several groups, and none has an offset.
    fn neighbours(&self, groups: Range<usize>) -> Option<(Each<'_>, &[i32])> {
        if !self.params.offsets().is_empty() {
            return None;
        }
        let (scales, inverses) = (self.params.scales().get(groups.clone())?, self.inverses.get(groups.clone())?);
        Some((Each { scales, inverses }, self.params.zero_points().get(groups)?))
    }

    /// Returns the parameters of a span whose groups are whole vectors, and a power of two of them, if it is one.
    fn shared(&self, span: Span) -> Option<SharedRuns<'_>> {
        let Span { len, first_group, repeat, .. } = span;
        let whole_vectors = repeat.is_power_of_two() && (16..LONG_RUN).contains(&repeat) && len.is_multiple_of(16);
        if !whole_vectors || len < BLOCK {
            return None;
        }
        let (Each { scales, inverses }, zero_points) =
            self.neighbours(first_group..first_group + len.div_ceil(repeat))?;
        let scales = Shared { scales, inverses, shift: repeat.trailing_zeros(), first: 0 };
        Some(SharedRuns { len, scales, zero_points })
    }

    /// Returns a copy of the elements with each NaN replaced by its group's offset, where there is a NaN and the bare
    /// mapping is not what is wanted.
    fn nan_replaced(&self, level: Level, nan: NanPolicy, span: Span, x: &[f32]) -> Option<Vec<f32>> {
        if nan == NanPolicy::Native {
            return None;
        }
        first_nan(level, x)?;
        let group = |i: usize| self.params.group(span.first_group + i % span.len / span.repeat);
        let offset = |i: usize| group(i).map_or(0.0, AffineParams::offset);
        let replaced = x.iter().enumerate().map(|(i, &x)| if x.is_nan() { offset(i) } else { x });
        Some(replaced.collect())
    }
}

/// How codes of a byte or less are made, halves to even.
#[derive(Clone, Copy)]
struct InBytes {
    /// Of integers.
    method: Method,
    /// Of small floats.
    format: Option<Format>,
    codes: CodeRange,
}

impl InBytes {
    fn of<C: Code>(groups: &Groups<'_>, scaling: Scaling) -> Option<Self> {
        let codes = groups.params.codes();
        let method = groups.method::<C>(scaling, Some(BuiltIn::TiesEven));
        let format = Format::of::<C>(scaling, groups.scales, grid_of(codes, 0));
        let integer = C::KIND == CodeKind::Integer && C::BITS <= 8;
        let can = if integer { method != Method::Divide && can_add(groups.zero_points) } else { format.is_some() };
        can.then_some(Self { method, format, codes })
    }

    fn many(&self) -> Many {
        Many { codes: self.codes, exact: self.method == Method::Markstein }
    }

    /// Writes the codes of spans whose groups are runs of a block and more, and returns whether it could.
    fn long_runs<C: Code>(self, level: Level, groups: &Groups<'_>, span: Span, x: &[f32], out: &mut [C]) -> bool {
        let Span { len, first_group, repeat, .. } = span;
        let run = repeat.min(len);
        // The last block of a run begins among elements that are done: of 65, nearly all would be done twice.
        if run < BLOCK || (run < 2 * BLOCK && !run.is_multiple_of(BLOCK)) || self.format.is_some() {
            return false;
        }
        let whole = len / run * run;
        let Some((scales, zero_points)) = groups.neighbours(first_group..first_group + len.div_ceil(run)) else {
            return false;
        };
        let bytes = |x: &[f32], out: &mut [C]| {
            if let Some(out) = C::as_i8s(out) {
                quantize_groups(level, x, run, scales, zero_points, self.many(), out);
            } else if let Some(out) = C::as_u8s(out) {
                quantize_groups(level, x, run, scales, zero_points, self.many(), out);
            } else {
                return false;
            }
            true
        };
        for (x, out) in x.chunks(len).zip(out.chunks_mut(len)) {
            let (out, out_rest) = out.split_at_mut(whole);
            if !bytes(&x[..whole], out) {
                return false;
            }
            // A shorter last block.
            if let Some(params) = groups.params.group(first_group + whole / run)
                && whole < len
            {
                let scaling = if self.method == Method::Markstein { Scaling::Divide } else { Scaling::Reciprocal };
                let mapping = Mapping { scaling, ..Mapping::new(params, self.codes) };
                quantize(level, &x[whole..], &mapping, TiesEven, out_rest, 0);
            }
        }
        true
    }
}

/// Spans of whole vectors of elements of which runs share their parameters.
struct SharedRuns<'a> {
    len: usize,
    scales: Shared<'a>,
    zero_points: &'a [i32],
}

impl SharedRuns<'_> {
    /// Writes codes of a byte or less, and returns whether it could.
    fn in_bytes<C: Code>(&self, level: Level, how: InBytes, x: &[f32], out: &mut [C]) -> bool {
        let Self { len, scales, zero_points } = *self;
        if let Some(out) = C::as_i8s(out) {
            quantize_shared(level, x, len, scales, zero_points, how.many(), out);
            return true;
        }
        if let Some(out) = C::as_u8s(out) {
            quantize_shared(level, x, len, scales, zero_points, how.many(), out);
            return true;
        }
        for (x, out) in x.chunks(len).zip(out.chunks_mut(len)) {
            if let Some(format) = how.format {
                in_small_floats(level, out, |range, bytes| {
                    let scales = Shared { first: range.start, ..scales };
                    small_floats::quantize_shared(level, &x[range], scales, format, bytes);
                });
                continue;
            }
            let mut bytes = [0_i8; TILE];
            for start in (0..x.len()).step_by(TILE) {
                let end = x.len().min(start + TILE);
                // The kernel wants a block: the last one begins among elements that are done.
                let start = start.min(end - BLOCK);
                let (scales, bytes) = (Shared { first: start, ..scales }, &mut bytes[..end - start]);
                quantize_shared(level, &x[start..end], end - start, scales, zero_points, how.many(), bytes);
                map_slice(level, FromByte, bytes, &mut out[start..end], 0);
            }
        }
        true
    }
}

/// Writes the codes of a span: `x` and `out` are its elements, or those of several spans of the same groups, one after another.
pub(crate) fn quantize_span<C: Code, R: Rounding>(
    level: Level,
    groups: &Groups<'_>,
    settings: Settings<R>,
    span: Span,
    x: &[f32],
    out: &mut [C],
) {
    if let Some(replaced) = groups.nan_replaced(level, settings.nan, span, x) {
        return quantize_span(level, groups, settings.native(), span, &replaced, out);
    }
    let Settings { rounding, scaling, nan } = settings.native();
    let codes = groups.params.codes();
    let builtin = BuiltIn::of::<R>();
    let in_bytes = if builtin == Some(BuiltIn::TiesEven) { InBytes::of::<C>(groups, scaling) } else { None };
    if let Some(how) = in_bytes
        && (how.long_runs(level, groups, span, x, out)
            || groups.shared(span).is_some_and(|shared| shared.in_bytes(level, how, x, out)))
    {
        return;
    }
    let method = groups.method::<C>(scaling, builtin);
    for_each_piece(groups, span, x.len(), |piece, range| {
        let index = span.start as u64 + range.start as u64;
        let (x, out) = (&x[range.clone()], &mut out[range]);
        let encode = |x: &[f32], own: Own<'_>, index: u64, out: &mut [C]| {
            own.for_each_tile(level, method, x, index, |own, quotients, tile, positions| {
                let (zero_points, out) = (own.zero_points, &mut out[tile]);
                dispatch!(level, simd => encode_body(simd, quotients, zero_points, codes, rounding, out, positions));
            });
        };
        match piece {
            Piece::One(params) => quantize(level, x, &Mapping { params, codes, scaling, nan }, rounding, out, index),
            Piece::Each(own) => {
                let done = in_bytes.map_or(0, |how| own.in_bytes(level, how, groups.zero_points, x, out));
                if done < x.len() {
                    // What is left begins a span.
                    encode(&x[done..], own, index + done as u64, &mut out[done..]);
                }
            }
        }
    });
}

/// Writes what the elements of a span are restored as, having been codes of type `C`.
pub(crate) fn fake_quantize_span<C: Code, R: Rounding>(
    level: Level,
    groups: &Groups<'_>,
    settings: Settings<R>,
    span: Span,
    x: &[f32],
    out: &mut [f32],
) {
    if let Some(replaced) = groups.nan_replaced(level, settings.nan, span, x) {
        return fake_quantize_span::<C, R>(level, groups, settings.native(), span, &replaced, out);
    }
    let Settings { rounding, scaling, nan } = settings.native();
    let codes = groups.params.codes();
    let method = groups.method::<C>(scaling, BuiltIn::of::<R>());
    for_each_piece(groups, span, x.len(), |piece, range| {
        let index = span.start as u64 + range.start as u64;
        let (x, out) = (&x[range.clone()], &mut out[range]);
        match piece {
            Piece::One(params) => {
                let mapping = Mapping { params, codes, scaling, nan };
                fake_quantize::<f32, C, R>(level, x, &mapping, rounding, out, index);
            }
            Piece::Each(own) => own.for_each_tile(level, method, x, index, |own, quotients, tile, positions| {
                fake_each::<C, R>(level, quotients, own, codes, rounding, &mut out[tile], positions);
            }),
        }
    });
}

/// Writes the straight-through gradient of a span: `gradient` where the code was not clamped, else `gradient · 0`.
pub(crate) fn fake_quantize_backward_span<C: Code, R: Rounding>(
    level: Level,
    groups: &Groups<'_>,
    settings: Settings<R>,
    span: Span,
    x: &[f32],
    gradient: &[f32],
    out: &mut [f32],
) {
    let codes = groups.params.codes();
    let method = groups.method::<C>(settings.scaling, BuiltIn::of::<R>());
    let (mut lo, mut hi) = ([0.0; TILE], [0.0; TILE]);
    for_each_piece(groups, span, x.len(), |piece, range| {
        let index = span.start as u64 + range.start as u64;
        let (x, gradient, out) = (&x[range.clone()], &gradient[range.clone()], &mut out[range]);
        match piece {
            Piece::One(params) => {
                let mapping = Mapping { params, codes, scaling: settings.scaling, nan: settings.nan };
                super::fake_quantize_backward(level, x, gradient, &mapping, settings.rounding, out, index);
            }
            Piece::Each(own) => own.for_each_tile(level, method, x, index, |own, quotients, tile, positions| {
                for ((lo, hi), &zero_point) in lo.iter_mut().zip(&mut hi).zip(own.zero_points) {
                    let grid = grid_of(codes, zero_point);
                    (*lo, *hi) = (grid.lo, grid.hi);
                }
                let bounds = (&lo[..quotients.len()], &hi[..quotients.len()]);
                let (gradient, out) = (&gradient[tile.clone()], &mut out[tile]);
                if codes.is_integer() {
                    backward(level, quotients, gradient, bounds, settings.rounding, out, positions);
                } else {
                    backward(level, quotients, gradient, bounds, Unrounded, out, positions);
                }
            }),
        }
    });
}

/// Writes the reals of a span's codes, or those of several spans of the same groups, one after another.
pub(crate) fn dequantize_span<C: Code>(level: Level, params: &QuantParams, span: Span, codes: &[C], out: &mut [f32]) {
    let own =
        Own { scales: params.scales(), inverses: &[], zero_points: params.zero_points(), offsets: params.offsets() };
    if (16..LONG_RUN).contains(&span.repeat) && span.repeat < span.len && own.offsets.is_empty() {
        let groups = span.first_group..span.first_group + span.len.div_ceil(span.repeat);
        let own = own.part(groups);
        for (codes, out) in codes.chunks(span.len).zip(out.chunks_mut(span.len)) {
            dispatch!(level, simd => dequantize_runs(simd, codes, span.repeat, own, out));
        }
        return;
    }
    for_each_part(own, span, codes.len(), |part, range| {
        let (codes, out) = (&codes[range.clone()], &mut out[range]);
        match part {
            Part::Group(group) => {
                if let Some(group) = params.group(group) {
                    dequantize(level, codes, group, out);
                }
            }
            Part::Each(own) if own.offsets.is_empty() => {
                dispatch!(level, simd => dequantize_body::<_, C, false>(simd, codes, own, out));
            }
            Part::Each(own) => dispatch!(level, simd => dequantize_body::<_, C, true>(simd, codes, own, out)),
        }
    });
}

/// A run of elements for each of the parameters: the loop over runs is inside, so that it costs no call each.
#[inline(always)]
fn dequantize_runs<S: Simd, C: Code>(_simd: S, codes: &[C], repeat: usize, own: Own<'_>, out: &mut [f32]) {
    let runs = codes.chunks(repeat).zip(out.chunks_mut(repeat));
    for ((codes, out), (&scale, &zero_point)) in runs.zip(own.scales.iter().zip(own.zero_points)) {
        for (out, code) in out.iter_mut().zip(codes) {
            *out = code.decode(zero_point) * scale;
        }
    }
}

#[inline(always)]
fn dequantize_body<S: Simd, C: Code, const SHIFTED: bool>(_simd: S, codes: &[C], own: Own<'_>, out: &mut [f32]) {
    let len = own.zero_points.len();
    for (codes, out) in codes.chunks(len).zip(out.chunks_mut(len)) {
        let n = out.len();
        let (codes, scales, zero_points) = (&codes[..n], &own.scales[..n], &own.zero_points[..n]);
        let offsets = if SHIFTED { &own.offsets[..n] } else { scales };
        for i in 0..n {
            let real = codes[i].decode(zero_points[i]) * scales[i];
            out[i] = if SHIFTED { shifted_by(real, offsets[i]) } else { real };
        }
    }
}

impl Own<'_> {
    /// Writes codes of a byte or less, and returns how many: all, or those of all but the last span, which is too short, or none.
    fn in_bytes<C: Code>(
        &self,
        level: Level,
        how: InBytes,
        (lowest, highest): (i32, i32),
        x: &[f32],
        out: &mut [C],
    ) -> usize {
        let len = self.zero_points.len();
        if !self.offsets.is_empty() {
            return 0;
        }
        if let Some(format) = how.format {
            for (x, out) in x.chunks(len).zip(out.chunks_mut(len)) {
                in_small_floats(level, out, |range, bytes| {
                    let scales = self.part(range.clone()).divisors();
                    small_floats::quantize_each(level, &x[range], scales, format, bytes);
                });
            }
            return x.len();
        }
        if len < BLOCK {
            return 0;
        }
        let rest = x.len() % len;
        let done = if rest < BLOCK { x.len() - rest } else { x.len() };
        let (x, out) = (&x[..done], &mut out[..done]);
        let zero_points =
            if lowest == highest { OwnZeroPoints::All(lowest) } else { OwnZeroPoints::Each(self.zero_points) };
        if let Some(out) = C::as_i8s(out) {
            quantize_each(level, x, self.divisors(), zero_points, how.many(), out);
        } else if let Some(out) = C::as_u8s(out) {
            quantize_each(level, x, self.divisors(), zero_points, how.many(), out);
        } else {
            let mut bytes = [0_i8; TILE];
            for (x, out) in x.chunks(len).zip(out.chunks_mut(len)) {
                for start in (0..x.len()).step_by(TILE) {
                    let end = x.len().min(start + TILE);
                    // The kernel wants a block: the last one begins among elements that are done.
                    let start = start.min(end - BLOCK);
                    let (own, bytes) = (self.part(start..end), &mut bytes[..end - start]);
                    let zero_points = match zero_points {
                        OwnZeroPoints::Each(_) => OwnZeroPoints::Each(own.zero_points),
                        all @ OwnZeroPoints::All(_) => all,
                    };
                    quantize_each(level, &x[start..end], own.divisors(), zero_points, how.many(), bytes);
                    map_slice(level, FromByte, bytes, &mut out[start..end], 0);
                }
            }
        }
        done
    }

    /// Hands over the quotients a tile at a time, with the parameters, range and positions of its elements, which are those of a
    /// span, or of several; `first` is the position of `x[0]`.
    fn for_each_tile(
        self,
        level: Level,
        method: Method,
        x: &[f32],
        first: u64,
        mut visit: impl FnMut(Self, &[f32], Range<usize>, Positions),
    ) {
        let (mut tile, mut shifted) = ([0.0; TILE], [0.0; TILE]);
        let len = self.zero_points.len();
        let spans = (0..x.len()).step_by(len).map(|start| start..x.len().min(start + len));
        let tiles = spans.flat_map(|span| {
            let (first, end) = (span.start, span.end);
            span.step_by(TILE).map(move |start| (start - first, start..end.min(start + TILE)))
        });
        for (at, range) in tiles {
            let start = range.start;
            let (own, mut x) = (self.part(at..at + range.len()), &x[range.clone()]);
            let tile = &mut tile[..range.len()];
            if !own.offsets.is_empty() {
                for (shifted, (x, offset)) in shifted.iter_mut().zip(x.iter().zip(own.offsets)) {
                    *shifted = if *offset == 0.0 { *x } else { x - offset };
                }
                x = &shifted[..x.len()];
            }
            quotients(level, method, x, own.divisors(), tile);
            for_each_run(first + start as u64, range.len(), |run, positions| {
                visit(own.part(run.clone()), &tile[run.clone()], start + run.start..start + run.end, positions);
            });
        }
    }
}

#[inline(always)]
fn encode_body<S: Simd, C: Code, R: Rounding>(
    _simd: S,
    quotients: &[f32],
    zero_points: &[i32],
    codes: CodeRange,
    rounding: R,
    out: &mut [C],
    positions: Positions,
) {
    let n = out.len();
    let (quotients, zero_points) = (&quotients[..n], &zero_points[..n]);
    for i in 0..n {
        let grid = grid_of(codes, zero_points[i]);
        out[i] = C::encode(quotients[i], grid, rounding, positions.of(i));
    }
}

enum Piece<'a> {
    One(AffineParams),
    /// A span of elements with their own parameters, or several such spans, one after another.
    Each(Own<'a>),
}

/// Cuts `total` elements into pieces and hands each over with its range: those of a span, or of several spans of the same groups.
fn for_each_piece(groups: &Groups<'_>, span: Span, total: usize, mut visit: impl FnMut(Piece<'_>, Range<usize>)) {
    let params = groups.params;
    let own = Own {
        scales: params.scales(),
        inverses: &groups.inverses,
        zero_points: params.zero_points(),
        offsets: params.offsets(),
    };
    for_each_part(own, span, total, |part, range| match part {
        Part::Group(group) => {
            if let Some(group) = params.group(group) {
                visit(Piece::One(group), range);
            }
        }
        Part::Each(own) => visit(Piece::Each(own), range),
    });
}
