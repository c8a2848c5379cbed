//! Elementwise kernels over a [`Span`], in which neighbouring elements may belong to different groups.
//!
//! 1. Groups of many neighbours are runs with one set of parameters: the kernel for one scale does each.
//! 2. Where a group is one element wide (the last axis), the arrays of scales and zero points are read along with the
//!    elements, one vector of each a vector of elements.
//! 3. Groups of 16, 32, 64 or 128, as blocks are, hold whole vectors: the scale of each is splat.
//! 4. Groups in between are spread over a tile on the stack, one entry an element, and handled as in 2: a run of 9 elements
//!    would spend its time in the remainder of a vectorised loop.
//! 5. The reciprocals of a tensor's scales are computed once, for all spans.

use super::bytes::{BLOCK, OwnZeroPoints, can_add, quantize_each, quantize_shared};
use super::elementwise::{Positions, for_each_run, map_slice};
use super::fake_quantize::{Unrounded, backward, fake_each};
use super::quantize::{FromByte, TILE, grid_of, in_small_floats};
use super::quotient::{Each, Method, Shared, quotients, reciprocal};
use super::rounding::BuiltIn;
use super::small_floats::{self, Format};
use super::{Mapping, dequantize, fake_quantize, first_nan, quantize};
use crate::num::{Code, CodeKind, Rounding, Scaling};
use crate::params::{AffineParams, CodeRange, NanPolicy, QuantParams, Span};
use alloc::vec::Vec;
use core::ops::Range;
use fearless_simd::{Level, Simd, dispatch};

/// Runs at least this long use the kernel for one scale.
const LONG_RUN: usize = 256;

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
            inverses: scales.iter().copied().map(reciprocal).collect(),
            scales: scales.iter().fold((f32::MAX, 0.0), |(min, max), &s| (s.min(min), s.max(max))),
            zero_points: zero_points.iter().fold((i32::MAX, i32::MIN), |(min, max), &z| (z.min(min), z.max(max))),
        }
    }

    fn method<C: Code>(&self, scaling: Scaling, rounding: Option<BuiltIn>) -> Method {
        Method::of::<C>(scaling, self.scales, self.zero_points, rounding)
    }

    /// Returns the parameters of a span whose groups are whole vectors, and a power of two of them, if it is one.
    fn shared(&self, span: Span) -> Option<SharedRuns<'_>> {
        let Span { len, first_group, repeat, .. } = span;
        let whole_vectors = repeat.is_power_of_two() && (16..LONG_RUN).contains(&repeat) && len.is_multiple_of(16);
        if !whole_vectors || len < BLOCK || !self.params.offsets().is_empty() {
            return None;
        }
        let groups = first_group..first_group + len.div_ceil(repeat);
        let (scales, inverses) = (self.params.scales().get(groups.clone())?, self.inverses.get(groups.clone())?);
        let scales = Shared { scales, inverses, shift: repeat.trailing_zeros(), first: 0 };
        Some(SharedRuns { scales, zero_points: self.params.zero_points().get(groups)? })
    }

    /// Returns a copy of the elements with each NaN replaced by its group's offset, where there is a NaN and the bare
    /// mapping is not what is wanted.
    fn nan_replaced(&self, level: Level, nan: NanPolicy, span: Span, x: &[f32]) -> Option<Vec<f32>> {
        if nan == NanPolicy::Native {
            return None;
        }
        first_nan(level, x)?;
        let group = |i: usize| self.params.group(span.first_group + i / span.repeat);
        let offset = |i: usize| group(i).map_or(0.0, AffineParams::offset);
        let replaced = x.iter().enumerate().map(|(i, &x)| if x.is_nan() { offset(i) } else { x });
        Some(replaced.collect())
    }
}

/// Whole vectors of elements of which runs share their parameters.
struct SharedRuns<'a> {
    scales: Shared<'a>,
    zero_points: &'a [i32],
}

impl SharedRuns<'_> {
    /// Writes codes of a byte or less, halves to even, and returns whether it could.
    fn in_bytes<C: Code>(
        &self,
        level: Level,
        (method, format): (Method, Option<Format>),
        codes: CodeRange,
        x: &[f32],
        out: &mut [C],
    ) -> bool {
        if let Some(format) = format {
            in_small_floats(level, out, |range, bytes| {
                let scales = Shared { first: range.start, ..self.scales };
                small_floats::quantize_shared(level, &x[range], scales, format, bytes);
            });
            return true;
        }
        if method == Method::Divide {
            return false;
        }
        let exact = method == Method::Markstein;
        if let Some(out) = C::as_i8s(out) {
            quantize_shared(level, x, self.scales, self.zero_points, codes, exact, out);
        } else if let Some(out) = C::as_u8s(out) {
            quantize_shared(level, x, self.scales, self.zero_points, codes, exact, out);
        } else if C::KIND == CodeKind::Integer && C::BITS < 8 {
            let mut bytes = [0_i8; TILE];
            for start in (0..x.len()).step_by(TILE) {
                let end = x.len().min(start + TILE);
                // The kernel wants a block: the last one begins among elements that are done.
                let start = start.min(end - BLOCK);
                let (scales, bytes) = (Shared { first: start, ..self.scales }, &mut bytes[..end - start]);
                quantize_shared(level, &x[start..end], scales, self.zero_points, codes, exact, bytes);
                map_slice(level, FromByte, bytes, &mut out[start..end], 0);
            }
        } else {
            return false;
        }
        true
    }
}

/// Writes the codes of a span: `x` and `out` are its elements.
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
    let method = groups.method::<C>(scaling, builtin);
    let packed = builtin == Some(BuiltIn::TiesEven) && can_add(groups.zero_points);
    let format = match builtin {
        Some(BuiltIn::TiesEven) => Format::of::<C>(scaling, groups.scales, grid_of(codes, 0)),
        _ => None,
    };
    if packed
        && let Some(shared) = groups.shared(span)
        && shared.in_bytes(level, (method, format), codes, x, out)
    {
        return;
    }
    for_each_piece(groups, span, |piece, range| {
        let index = span.start as u64 + range.start as u64;
        let (x, out) = (&x[range.clone()], &mut out[range]);
        match piece {
            Piece::One(params) => quantize(level, x, &Mapping { params, codes, scaling, nan }, rounding, out, index),
            Piece::Each(own) if packed && own.in_bytes(level, (method, format), codes, groups.zero_points, x, out) => {}
            Piece::Each(own) => own.for_each_tile(level, method, x, index, |own, quotients, tile, positions| {
                let (zero_points, out) = (own.zero_points, &mut out[tile]);
                dispatch!(level, simd => encode_body(simd, quotients, zero_points, codes, rounding, out, positions));
            }),
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
    for_each_piece(groups, span, |piece, range| {
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

/// Writes the straight-through gradient of a span: `gradient` where the code was not clamped, else a zero of its sign.
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
    for_each_piece(groups, span, |piece, range| {
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

/// Writes the reals of a span's codes.
pub(crate) fn dequantize_span<C: Code>(level: Level, params: &QuantParams, span: Span, codes: &[C], out: &mut [f32]) {
    let own =
        Own { scales: params.scales(), inverses: &[], zero_points: params.zero_points(), offsets: params.offsets() };
    if (16..LONG_RUN).contains(&span.repeat) && span.repeat < span.len && own.offsets.is_empty() {
        let groups = span.first_group..span.first_group + span.len.div_ceil(span.repeat);
        let own = own.part(groups);
        return dispatch!(level, simd => dequantize_runs(simd, codes, span.repeat, own, out));
    }
    for_each_part(own, span, |part, range| {
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
    let n = out.len();
    let (codes, scales, zero_points) = (&codes[..n], &own.scales[..n], &own.zero_points[..n]);
    let offsets = if SHIFTED { &own.offsets[..n] } else { scales };
    for i in 0..n {
        let real = codes[i].decode(zero_points[i]) * scales[i];
        out[i] = if SHIFTED { real + offsets[i] } else { real };
    }
}

/// Parameters of neighbouring elements, one entry an element.
#[derive(Clone, Copy)]
pub(super) struct Own<'a> {
    pub(super) scales: &'a [f32],
    /// Empty where nobody divides.
    inverses: &'a [f32],
    pub(super) zero_points: &'a [i32],
    /// Empty if all are 0.
    pub(super) offsets: &'a [f32],
}

impl<'a> Own<'a> {
    fn part(&self, range: Range<usize>) -> Self {
        let floats = |all: &'_ [f32]| if all.is_empty() { 0..0 } else { range.clone() };
        Self {
            scales: &self.scales[floats(self.scales)],
            inverses: &self.inverses[floats(self.inverses)],
            zero_points: &self.zero_points[range.clone()],
            offsets: &self.offsets[floats(self.offsets)],
        }
    }

    fn divisors(&self) -> Each<'a> {
        Each { scales: self.scales, inverses: self.inverses }
    }

    /// Writes codes of a byte or less, halves to even, and returns whether it could.
    fn in_bytes<C: Code>(
        self,
        level: Level,
        (method, format): (Method, Option<Format>),
        codes: CodeRange,
        (lowest, highest): (i32, i32),
        x: &[f32],
        out: &mut [C],
    ) -> bool {
        if !self.offsets.is_empty() {
            return false;
        }
        if let Some(format) = format {
            in_small_floats(level, out, |range, bytes| {
                let scales = self.part(range.clone()).divisors();
                small_floats::quantize_each(level, &x[range], scales, format, bytes);
            });
            return true;
        }
        if method == Method::Divide || x.len() < BLOCK {
            return false;
        }
        let exact = method == Method::Markstein;
        let zero_points =
            if lowest == highest { OwnZeroPoints::All(lowest) } else { OwnZeroPoints::Each(self.zero_points) };
        if let Some(out) = C::as_i8s(out) {
            quantize_each(level, x, self.divisors(), zero_points, codes, exact, out);
        } else if let Some(out) = C::as_u8s(out) {
            quantize_each(level, x, self.divisors(), zero_points, codes, exact, out);
        } else if C::KIND == CodeKind::Integer && C::BITS < 8 {
            let mut bytes = [0_i8; TILE];
            for start in (0..x.len()).step_by(TILE) {
                let end = x.len().min(start + TILE);
                // The kernel wants a block: the last one begins among elements that are done.
                let start = start.min(end - BLOCK);
                let (own, bytes) = (self.part(start..end), &mut bytes[..end - start]);
                let zero_points = match zero_points {
                    OwnZeroPoints::Each(_) => OwnZeroPoints::Each(own.zero_points),
                    all @ OwnZeroPoints::All(_) => all,
                };
                quantize_each(level, &x[start..end], own.divisors(), zero_points, codes, exact, bytes);
                map_slice(level, FromByte, bytes, &mut out[start..end], 0);
            }
        } else {
            return false;
        }
        true
    }

    /// Hands over the quotients a tile at a time, with the parameters, range and positions of its elements; `first` is the
    /// position of `x[0]`.
    fn for_each_tile(
        self,
        level: Level,
        method: Method,
        x: &[f32],
        first: u64,
        mut visit: impl FnMut(Self, &[f32], Range<usize>, Positions),
    ) {
        let (mut tile, mut shifted) = ([0.0; TILE], [0.0; TILE]);
        for start in (0..x.len()).step_by(TILE) {
            let range = start..x.len().min(start + TILE);
            let (own, mut x, tile) = (self.part(range.clone()), &x[range.clone()], &mut tile[..range.len()]);
            if !own.offsets.is_empty() {
                for (shifted, (x, offset)) in shifted.iter_mut().zip(x.iter().zip(own.offsets)) {
                    *shifted = x - offset;
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
    Each(Own<'a>),
}

/// Cuts a span into pieces and hands each over with its range of elements.
fn for_each_piece(groups: &Groups<'_>, span: Span, mut visit: impl FnMut(Piece<'_>, Range<usize>)) {
    let params = groups.params;
    let own = Own {
        scales: params.scales(),
        inverses: &groups.inverses,
        zero_points: params.zero_points(),
        offsets: params.offsets(),
    };
    for_each_part(own, span, |part, range| match part {
        Part::Group(group) => {
            if let Some(group) = params.group(group) {
                visit(Piece::One(group), range);
            }
        }
        Part::Each(own) => visit(Piece::Each(own), range),
    });
}

enum Part<'a> {
    Group(usize),
    Each(Own<'a>),
}

/// As [`for_each_piece`], from the parameters of all groups.
fn for_each_part(all: Own<'_>, span: Span, mut visit: impl FnMut(Part<'_>, Range<usize>)) {
    let Span { len, first_group, repeat, .. } = span;
    if repeat >= LONG_RUN || repeat >= len {
        for (k, start) in (0..len).step_by(repeat).enumerate() {
            visit(Part::Group(first_group + k), start..len.min(start + repeat));
        }
    } else if repeat == 1 {
        visit(Part::Each(all.part(first_group..first_group + len)), 0..len);
    } else {
        let (mut scales, mut inverses, mut offsets) = ([0.0; TILE], [0.0; TILE], [0.0; TILE]);
        let mut zero_points = [0; TILE];
        // Whole groups only, so that every tile starts at the first element of one.
        let tile = TILE / repeat * repeat;
        for start in (0..len).step_by(tile) {
            let n = tile.min(len - start);
            let group = first_group + start / repeat;
            let own = Own {
                scales: spread(all.scales, group, repeat, &mut scales[..n]),
                inverses: spread(all.inverses, group, repeat, &mut inverses[..n]),
                zero_points: spread(all.zero_points, group, repeat, &mut zero_points[..n]),
                offsets: spread(all.offsets, group, repeat, &mut offsets[..n]),
            };
            visit(Part::Each(own), start..start + n);
        }
    }
}

/// Returns each value as often as it is needed; nothing, if there are no values.
fn spread<'a, V: Copy>(values: &[V], first: usize, repeat: usize, out: &'a mut [V]) -> &'a [V] {
    if values.is_empty() {
        return &[];
    }
    for (run, &value) in out.chunks_mut(repeat).zip(&values[first..]) {
        run.fill(value);
    }
    out
}
