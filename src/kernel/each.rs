//! Elementwise kernels over a [`Span`], in which neighbouring elements may belong to different groups.
//!
//! 1. Groups of many neighbours are runs with one set of parameters: the kernel for one scale does each.
//! 2. Where a group is one element wide (the last axis), the arrays of scales and zero points are read along with the
//!    elements, one vector of each a vector of elements.
//! 3. Groups in between are spread over a tile on the stack, one entry an element, and handled as in 2: a run of 9 or 32
//!    elements would spend its time in the remainder of a vectorised loop.

use super::quantize::{Divide, Mapping, Multiply, Quotient, ShiftDivide, ShiftMultiply, grid_of, reciprocal};
use super::{dequantize, fake_quantize, first_nan, quantize};
use crate::num::{Code, Rounding, Scaling};
use crate::params::{AffineParams, CodeRange, NanPolicy, QuantParams, Span};
use alloc::vec::Vec;
use core::marker::PhantomData;
use core::ops::Range;
use fearless_simd::{Level, Simd, dispatch};

/// Runs at least this long use the kernel for one scale.
const LONG_RUN: usize = 256;
/// Entries of a tile: 12 KiB in all, which leaves room in the first-level cache.
const TILE: usize = 1024;

/// What a scheme says beside its parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings<R> {
    pub(crate) rounding: R,
    pub(crate) scaling: Scaling,
    pub(crate) nan: NanPolicy,
}

impl<R> Settings<R> {
    fn native(self) -> Self {
        Self { nan: NanPolicy::Native, ..self }
    }
}

/// Returns a copy of the elements with each NaN replaced by its group's offset, where there is a NaN and the bare mapping
/// is not what is wanted.
fn nan_replaced<R>(
    level: Level,
    params: &QuantParams,
    settings: Settings<R>,
    span: Span,
    x: &[f32],
) -> Option<Vec<f32>> {
    if settings.nan == NanPolicy::Native {
        return None;
    }
    first_nan(level, x)?;
    let offset = |i: usize| params.group(span.first_group + i / span.repeat).map_or(0.0, AffineParams::offset);
    let replaced = x.iter().enumerate().map(|(i, &x)| if x.is_nan() { offset(i) } else { x });
    Some(replaced.collect())
}

/// Writes the codes of a span: `x` and `out` are its elements.
pub(crate) fn quantize_span<C: Code, R: Rounding>(
    level: Level,
    params: &QuantParams,
    settings: Settings<R>,
    span: Span,
    x: &[f32],
    out: &mut [C],
) {
    if let Some(replaced) = nan_replaced(level, params, settings, span, x) {
        return quantize_span(level, params, settings.native(), span, &replaced, out);
    }
    let Settings { rounding, scaling, nan } = settings.native();
    let first = span.start as u64;
    let codes = params.codes();
    for_each_piece(params, span, |piece, range| {
        let index = first + range.start as u64;
        let (x, out) = (&x[range.clone()], &mut out[range]);
        match piece {
            Piece::One(group) => {
                quantize(level, x, &Mapping { params: group, codes, scaling, nan }, rounding, out, index);
            }
            Piece::Each(groups) => {
                let map = EachQuantize { codes, rounding, code: PhantomData };
                each(level, map, scaling, groups, x, out, index);
            }
        }
    });
}

/// Writes what the elements of a span are restored as, having been codes of type `C`.
pub(crate) fn fake_quantize_span<C: Code, R: Rounding>(
    level: Level,
    params: &QuantParams,
    settings: Settings<R>,
    span: Span,
    x: &[f32],
    out: &mut [f32],
) {
    if let Some(replaced) = nan_replaced(level, params, settings, span, x) {
        return fake_quantize_span::<C, R>(level, params, settings.native(), span, &replaced, out);
    }
    let Settings { rounding, scaling, nan } = settings.native();
    let first = span.start as u64;
    let codes = params.codes();
    for_each_piece(params, span, |piece, range| {
        let index = first + range.start as u64;
        let (x, out) = (&x[range.clone()], &mut out[range]);
        match piece {
            Piece::One(group) => {
                let mapping = Mapping { params: group, codes, scaling, nan };
                fake_quantize::<f32, C, R>(level, x, &mapping, rounding, out, index);
            }
            Piece::Each(groups) => {
                let map = EachFakeQuantize(EachQuantize { codes, rounding, code: PhantomData::<C> });
                each(level, map, scaling, groups, x, out, index);
            }
        }
    });
}

/// Writes the reals of a span's codes.
pub(crate) fn dequantize_span<C: Code>(level: Level, params: &QuantParams, span: Span, codes: &[C], out: &mut [f32]) {
    for_each_piece(params, span, |piece, range| {
        let (codes, out) = (&codes[range.clone()], &mut out[range]);
        match piece {
            Piece::One(group) => dequantize(level, codes, group, out),
            Piece::Each(groups) => each(level, EachDequantize, Scaling::Divide, groups, codes, out, 0),
        }
    });
}

/// Parameters of neighbouring elements, one entry an element.
#[derive(Clone, Copy)]
struct Groups<'a> {
    scales: &'a [f32],
    zero_points: &'a [i32],
    /// Empty if all are 0.
    offsets: &'a [f32],
}

enum Piece<'a> {
    One(AffineParams),
    Each(Groups<'a>),
}

/// Cuts a span into pieces and hands each over with its range of elements.
fn for_each_piece(params: &QuantParams, span: Span, mut visit: impl FnMut(Piece<'_>, Range<usize>)) {
    let Span { len, first_group, repeat, .. } = span;
    let all = Groups { scales: params.scales(), zero_points: params.zero_points(), offsets: params.offsets() };
    if repeat >= LONG_RUN || repeat >= len {
        for (k, start) in (0..len).step_by(repeat).enumerate() {
            if let Some(group) = params.group(first_group + k) {
                visit(Piece::One(group), start..len.min(start + repeat));
            }
        }
    } else if repeat == 1 {
        let groups = first_group..first_group + len;
        let offsets = if all.offsets.is_empty() { &[] } else { &all.offsets[groups.clone()] };
        let groups = Groups { scales: &all.scales[groups.clone()], zero_points: &all.zero_points[groups], offsets };
        visit(Piece::Each(groups), 0..len);
    } else {
        let (mut scales, mut zero_points, mut offsets) = ([0.0; TILE], [0; TILE], [0.0; TILE]);
        // Whole groups only, so that every tile starts at the first element of one.
        let tile = TILE / repeat * repeat;
        for start in (0..len).step_by(tile) {
            let n = tile.min(len - start);
            let group = first_group + start / repeat;
            spread(all.scales, group, repeat, &mut scales[..n]);
            spread(all.zero_points, group, repeat, &mut zero_points[..n]);
            let mut groups = Groups { scales: &scales[..n], zero_points: &zero_points[..n], offsets: &[] };
            if !all.offsets.is_empty() {
                spread(all.offsets, group, repeat, &mut offsets[..n]);
                groups.offsets = &offsets[..n];
            }
            visit(Piece::Each(groups), start..start + n);
        }
    }
}

fn spread<V: Copy>(values: &[V], first: usize, repeat: usize, out: &mut [V]) {
    for (run, &value) in out.chunks_mut(repeat).zip(&values[first..]) {
        run.fill(value);
    }
}

/// The parameters of one element, and how its quotient is computed.
#[derive(Clone, Copy)]
struct Own<const RECIPROCAL: bool, const SHIFTED: bool> {
    scale: f32,
    zero_point: i32,
    offset: f32,
}

impl<const RECIPROCAL: bool, const SHIFTED: bool> Own<RECIPROCAL, SHIFTED> {
    #[inline(always)]
    fn quotient(self, x: f32) -> f32 {
        match (RECIPROCAL, SHIFTED) {
            (false, false) => Divide(self.scale).of(x),
            (true, false) => Multiply(reciprocal(self.scale)).of(x),
            (false, true) => ShiftDivide(self.offset, self.scale).of(x),
            (true, true) => ShiftMultiply(self.offset, reciprocal(self.scale)).of(x),
        }
    }
}

/// What happens to one element whose parameters are its own.
trait EachMap<I, O>: Copy {
    fn apply<const K: bool, const S: bool>(self, x: I, own: Own<K, S>, index: u64) -> O;
}

#[derive(Clone, Copy)]
struct EachQuantize<C, R> {
    codes: CodeRange,
    rounding: R,
    code: PhantomData<C>,
}

impl<C: Code, R: Rounding> EachMap<f32, C> for EachQuantize<C, R> {
    #[inline(always)]
    fn apply<const K: bool, const S: bool>(self, x: f32, own: Own<K, S>, index: u64) -> C {
        let grid = grid_of(self.codes, own.zero_point);
        C::encode(own.quotient(x), grid, self.rounding, index)
    }
}

#[derive(Clone, Copy)]
struct EachDequantize;

impl<C: Code> EachMap<C, f32> for EachDequantize {
    #[inline(always)]
    fn apply<const K: bool, const S: bool>(self, code: C, own: Own<K, S>, _index: u64) -> f32 {
        let real = code.decode(own.zero_point) * own.scale;
        if S { real + own.offset } else { real }
    }
}

#[derive(Clone, Copy)]
struct EachFakeQuantize<C, R>(EachQuantize<C, R>);

impl<C: Code, R: Rounding> EachMap<f32, f32> for EachFakeQuantize<C, R> {
    #[inline(always)]
    fn apply<const K: bool, const S: bool>(self, x: f32, own: Own<K, S>, index: u64) -> f32 {
        let code: C = self.0.apply(x, own, index);
        EachDequantize.apply(code, own, index)
    }
}

fn each<I: Copy, O, M: EachMap<I, O>>(
    level: Level,
    map: M,
    scaling: Scaling,
    groups: Groups<'_>,
    x: &[I],
    out: &mut [O],
    first: u64,
) {
    match (scaling, !groups.offsets.is_empty()) {
        (Scaling::Divide, false) => {
            dispatch!(level, simd => body::<_, _, _, _, false, false>(simd, map, groups, x, out, first));
        }
        (Scaling::Reciprocal, false) => {
            dispatch!(level, simd => body::<_, _, _, _, true, false>(simd, map, groups, x, out, first));
        }
        (Scaling::Divide, true) => {
            dispatch!(level, simd => body::<_, _, _, _, false, true>(simd, map, groups, x, out, first));
        }
        (Scaling::Reciprocal, true) => {
            dispatch!(level, simd => body::<_, _, _, _, true, true>(simd, map, groups, x, out, first));
        }
    }
}

#[inline(always)]
fn body<S: Simd, I: Copy, O, M: EachMap<I, O>, const RECIPROCAL: bool, const SHIFTED: bool>(
    _simd: S,
    map: M,
    groups: Groups<'_>,
    x: &[I],
    out: &mut [O],
    first: u64,
) {
    let n = out.len();
    let (x, scales, zero_points) = (&x[..n], &groups.scales[..n], &groups.zero_points[..n]);
    let offsets = if SHIFTED { &groups.offsets[..n] } else { scales };
    for i in 0..n {
        let offset = if SHIFTED { offsets[i] } else { 0.0 };
        let own = Own::<RECIPROCAL, SHIFTED> { scale: scales[i], zero_point: zero_points[i], offset };
        out[i] = map.apply(x[i], own, first.wrapping_add(i as u64));
    }
}
