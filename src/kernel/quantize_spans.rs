//! Reals to codes over a [`Span`], in which neighbouring elements may belong to different groups.
//!
//! What a kernel is given may be several spans of the same groups, one after another, such as the rows of a matrix with a scale for
//! each column: what it takes to begin is then done once.
//!
//! 1. Groups of many neighbours are runs with one set of parameters. Halves to even to bytes, one loop goes through all runs;
//!    otherwise the kernel for one scale does each.
//! 2. Where a group is one element wide (the last axis), the arrays of scales and zero points are read along with the
//!    elements, one vector of each a vector of elements.
//! 3. Groups of 16 or 32, as blocks are, hold whole vectors: the scale of each is splat. Where they have one zero point, as weights do,
//!    64 elements and their two or four scales are a step of a loop that computes and checks no index.
//! 4. Groups in between are spread over a tile on the stack, one entry an element, and handled as in 2: a run of 9 elements
//!    would spend its time in the remainder of a vectorised loop. Short spans, as of images of three channels, are put
//!    there several times.
//! 5. The reciprocals of a tensor's scales are computed once, where its parameters are put together.

use super::bytes::{
    BLOCK, Byte, Many, OwnZeroPoints, can_add, quantize_blocks, quantize_each, quantize_groups, quantize_shared,
    unsigned,
};
use super::destination::{BYTES, Destination, for_each_piece, write_codes};
use super::elementwise::TILE;
use super::mapping::{Mapping, grid_of};
use super::own::{LONG_RUN, Own, Part, for_each_part};
use super::quantize::Run;
use super::quotient::{Each, Method, Shared, quotients};
use super::settings::Settings;
use super::small_floats::{self, Format};
use super::store::{self, store};
use super::{first_nan, pack};
use crate::num::{CodesMut, Packing, Scaling};
use crate::params::{AffineParams, CodeRange, NanPolicy, QuantParams, Span};
use core::ops::Range;
use fearless_simd::Level;

/// Writes the codes of a span: `x` and `out` are its elements, or those of several spans of the same groups, one after another.
pub(crate) fn quantize_span(
    level: Level,
    params: &QuantParams,
    settings: Settings<'_>,
    span: Span,
    x: &[f32],
    out: CodesMut<'_>,
) {
    let spans = Spans { params, settings };
    write_codes(out, span, &mut |span, range, out| spans.quantize(level, span, &x[range], out));
}

/// Writes the codes of a span, packed: those of its elements, or those of several spans of the same groups, begin with the number
/// `first` in `bytes`.
pub(crate) fn pack_span(
    level: Level,
    params: &QuantParams,
    settings: Settings<'_>,
    span: Span,
    x: &[f32],
    first: usize,
    bytes: &mut [u8],
) {
    let spans = Spans { params, settings };
    let (mut tile, packing) = ([0_i8; BYTES], Packing::of(settings.code));
    for_each_piece(span, x.len(), BYTES, &mut |span, range| {
        let (x, tile) = (&x[range.clone()], &mut tile[..range.len()]);
        match settings.code.small_float() {
            Some(float) => spans.quantize(level, span, x, Destination::Small(unsigned(tile), float)),
            None => spans.quantize(level, span, x, Destination::I8(tile)),
        }
        pack(level, tile, packing, first + range.start, bytes);
    });
}

/// The parameters of spans, and the settings.
#[derive(Clone, Copy)]
struct Spans<'a> {
    params: &'a QuantParams,
    settings: Settings<'a>,
}

impl Spans<'_> {
    fn quantize(self, level: Level, span: Span, x: &[f32], mut out: Destination<'_>) {
        if self.settings.nan == NanPolicy::Native {
            return self.native(level, span, x, out);
        }
        let native = Spans { settings: self.settings.native(), ..self };
        for_each_nan_free(level, self.params, span, x, &mut |span, x, range| {
            native.native(level, span, x, out.part(range));
        });
    }

    /// NaN is coded as [`NanPolicy::Native`] says.
    fn native(self, level: Level, span: Span, x: &[f32], mut out: Destination<'_>) {
        let Settings { code, rounder, scaling, nan } = self.settings;
        let built_in = rounder.vector_form();
        let in_bytes = if rounder.is_ties_even() { self.in_bytes(&out) } else { None };
        if let Some(how) = in_bytes
            && (how.long_runs(level, self.params, span, x, &mut out)
                || shared(self.params, span).is_some_and(|shared| shared.in_bytes(level, how, x, &mut out)))
        {
            return;
        }
        let codes = self.params.codes();
        let prepared = self.params.prepared();
        let method = Method::of(code, scaling, prepared.scales, prepared.zero_points, built_in);
        for_each_part(Own::of(self.params), span, x.len(), |part, range| {
            let index = span.start as u64 + range.start as u64;
            let (x, mut out) = (&x[range.clone()], out.part(range));
            match part {
                Part::Group(group) => {
                    if let Some(params) = self.params.group(group) {
                        let mapping = Mapping { params, codes, scaling, nan };
                        Run { mapping: &mapping, code, rounder }.quantize(level, x, index, out);
                    }
                }
                Part::Each(own) => {
                    let zero_points = prepared.zero_points;
                    let done = in_bytes.map_or(0, |how| own.in_bytes(level, how, zero_points, x, &mut out));
                    if done < x.len() {
                        // What is left begins a span.
                        let (x, mut out) = (&x[done..], out.part(done..x.len()));
                        self.each(level, method, own, x, index + done as u64, &mut out);
                    }
                }
            }
        });
    }

    /// Writes codes of which each has parameters of its own, a tile at a time.
    fn each(self, level: Level, method: Method, own: Own<'_>, x: &[f32], first_index: u64, out: &mut Destination<'_>) {
        let Settings { code, rounder, scaling, nan } = self.settings;
        let (codes, bounds) = (self.params.codes(), widest(self.params));
        // Only its codes and rounding are asked for.
        let mapping = Mapping { params: AffineParams::UNIT, codes, scaling, nan };
        let run = Run { mapping: &mapping, code, rounder };
        own.for_each_tile(level, method, x, &mut |own, quotients, range| {
            let index = first_index.wrapping_add(range.start as u64);
            let mut out = out.part(range);
            run.round(level, quotients, bounds, index, &mut out);
            store(level, quotients, store::Own { codes, zero_points: own.zero_points }, out);
        });
    }

    /// Returns how codes of a byte are made, halves to even, if they are such.
    fn in_bytes(self, out: &Destination<'_>) -> Option<InBytes> {
        let (codes, prepared) = (self.params.codes(), self.params.prepared());
        let Settings { code, scaling, rounder, .. } = self.settings;
        let method = Method::of(code, scaling, prepared.scales, prepared.zero_points, rounder.vector_form());
        let format = match out {
            Destination::I8(_) | Destination::U8(_) if method != Method::Divide && can_add(prepared.zero_points) => {
                None
            }
            Destination::Small(_, float) => Some(Format::of(*float, scaling, prepared.scales, grid_of(codes, 0))?),
            _ => return None,
        };
        Some(InBytes { method, format, codes })
    }
}

/// Returns the smallest and the largest quotient of any group's codes.
pub(super) fn widest(params: &QuantParams) -> (f32, f32) {
    let (lowest, highest) = params.prepared().zero_points;
    (grid_of(params.codes(), highest).lo, grid_of(params.codes(), lowest).hi)
}

/// What is shown elements without NaN: a span, the elements, and their range.
pub(super) type VisitReals<'a> = &'a mut dyn FnMut(Span, &[f32], Range<usize>);

/// What is shown quotients: the parameters of their elements, the quotients, and the range of the elements.
pub(super) type VisitQuotients<'a> = &'a mut dyn FnMut(Own<'_>, &mut [f32], Range<usize>);

/// Hands over elements in which each NaN is replaced by its group's offset, in pieces where there is one: a span, the elements,
/// and their range.
pub(super) fn for_each_nan_free(level: Level, params: &QuantParams, span: Span, x: &[f32], visit: VisitReals<'_>) {
    if first_nan(level, x).is_none() {
        return visit(span, x, 0..x.len());
    }
    let mut tile = [0.0; TILE];
    for_each_piece(span, x.len(), TILE, &mut |span, range| {
        let (x, tile) = (&x[range.clone()], &mut tile[..range.len()]);
        let group = |i: usize| params.group(span.first_group + i % span.len / span.repeat);
        for (i, (tile, &x)) in tile.iter_mut().zip(x).enumerate() {
            *tile = if x.is_nan() { group(i).map_or(0.0, AffineParams::offset) } else { x };
        }
        visit(span, tile, range);
    });
}

/// Returns the parameters of neighbouring groups, if there are several groups, and none has an offset.
fn neighbours(params: &QuantParams, groups: Range<usize>) -> Option<(Each<'_>, &[i32])> {
    if !params.offsets().is_empty() {
        return None;
    }
    let inverses = params.prepared().inverses.get(groups.clone())?;
    Some((Each { scales: params.scales().get(groups.clone())?, inverses }, params.zero_points().get(groups)?))
}

/// Returns the parameters of a span whose groups are whole vectors, and a power of two of them, if it is one.
fn shared(params: &QuantParams, span: Span) -> Option<SharedRuns<'_>> {
    let Span { len, first_group, repeat, .. } = span;
    let whole_vectors = repeat.is_power_of_two() && (16..LONG_RUN).contains(&repeat) && len.is_multiple_of(16);
    if !whole_vectors || len < BLOCK {
        return None;
    }
    let (Each { scales, inverses }, zero_points) = neighbours(params, first_group..first_group + len.div_ceil(repeat))?;
    let scales = Shared { scales, inverses, shift: repeat.trailing_zeros(), first: 0 };
    let (lowest, highest) = params.prepared().zero_points;
    Some(SharedRuns { len, scales, zero_point: (lowest == highest).then_some(lowest), zero_points })
}

/// How codes of a byte are made, halves to even.
#[derive(Clone, Copy)]
struct InBytes {
    /// Of integers.
    method: Method,
    /// Of small floats.
    format: Option<Format>,
    codes: CodeRange,
}

impl InBytes {
    fn many(&self, byte: Byte) -> Many {
        Many { byte, codes: self.codes, exact: self.method == Method::Markstein }
    }

    /// Writes the codes of spans whose groups are runs of a block and more, and returns whether it could.
    fn long_runs(self, level: Level, params: &QuantParams, span: Span, x: &[f32], out: &mut Destination<'_>) -> bool {
        let Span { len, first_group, repeat, .. } = span;
        let run = repeat.min(len);
        // The last block of a run begins among elements that are done: of 65, nearly all would be done twice.
        if run < BLOCK || (run < 2 * BLOCK && !run.is_multiple_of(BLOCK)) || self.format.is_some() {
            return false;
        }
        let whole = len / run * run;
        let Some((scales, zero_points)) = neighbours(params, first_group..first_group + len.div_ceil(run)) else {
            return false;
        };
        for start in (0..x.len()).step_by(len) {
            let end = x.len().min(start + len);
            let middle = end.min(start + whole);
            let Some((byte, bytes)) = out.as_byte() else { return false };
            let (x_runs, bytes) = (&x[start..middle], &mut bytes[start..middle]);
            quantize_groups(level, x_runs, run, scales, zero_points, self.many(byte), bytes);
            // A shorter last block.
            if let Some(params) = params.group(first_group + whole / run)
                && middle < end
            {
                let scaling = if self.method == Method::Markstein { Scaling::Divide } else { Scaling::Reciprocal };
                let mapping = Mapping { scaling, ..Mapping::new(params, self.codes) };
                let (code, rounder) = (crate::num::CodeType::I8, super::rounder::Rounder::default());
                Run { mapping: &mapping, code, rounder }.quantize(level, &x[middle..end], 0, out.part(middle..end));
            }
        }
        true
    }
}

/// Spans of whole vectors of elements of which runs share their parameters.
struct SharedRuns<'a> {
    len: usize,
    scales: Shared<'a>,
    /// That of all groups, if they have one.
    zero_point: Option<i32>,
    zero_points: &'a [i32],
}

impl SharedRuns<'_> {
    /// Writes codes of a byte, and returns whether it could.
    fn in_bytes(&self, level: Level, how: InBytes, x: &[f32], out: &mut Destination<'_>) -> bool {
        let Self { len, scales, zero_point, zero_points } = *self;
        if let (Destination::Small(out, _), Some(format)) = (&mut *out, how.format) {
            for (x, out) in x.chunks(len).zip(out.chunks_mut(len)) {
                small_floats::quantize_shared(level, x, scales, format, out);
            }
            return true;
        }
        let Some((byte, out)) = out.as_byte() else { return false };
        let (per, many) = (BLOCK >> scales.shift, how.many(byte));
        if let Some(zero_point) = zero_point
            && len.is_multiple_of(BLOCK)
            && per <= 4
        {
            let scales = Each { scales: scales.scales, inverses: scales.inverses };
            for (x, out) in x.chunks(len).zip(out.chunks_mut(len)) {
                if per == 2 {
                    quantize_blocks::<2>(level, x, scales, zero_point, many, out);
                } else {
                    quantize_blocks::<4>(level, x, scales, zero_point, many, out);
                }
            }
            return true;
        }
        quantize_shared(level, x, len, scales, zero_points, many, out);
        true
    }
}

impl Own<'_> {
    /// Writes codes of a byte, and returns how many: all, or those of all but the last span, which is too short, or none.
    fn in_bytes(
        &self,
        level: Level,
        how: InBytes,
        (lowest, highest): (i32, i32),
        x: &[f32],
        out: &mut Destination<'_>,
    ) -> usize {
        let len = self.zero_points.len();
        if !self.offsets.is_empty() {
            return 0;
        }
        if let (Some(format), Destination::Small(out, _)) = (how.format, &mut *out) {
            for (x, out) in x.chunks(len).zip(out.chunks_mut(len)) {
                let scales = self.part(0..x.len()).divisors();
                small_floats::quantize_each(level, x, scales, format, out);
            }
            return x.len();
        }
        if len < BLOCK {
            return 0;
        }
        let rest = x.len() % len;
        let done = if rest < BLOCK { x.len() - rest } else { x.len() };
        let zero_points =
            if lowest == highest { OwnZeroPoints::All(lowest) } else { OwnZeroPoints::Each(self.zero_points) };
        let Some((byte, out)) = out.as_byte() else { return 0 };
        quantize_each(level, &x[..done], self.divisors(), zero_points, how.many(byte), &mut out[..done]);
        done
    }

    /// Hands over the quotients a tile at a time, with the parameters and the range of its elements, which are those of a span, or
    /// of several.
    pub(super) fn for_each_tile(self, level: Level, method: Method, x: &[f32], visit: VisitQuotients<'_>) {
        let (mut tile, mut shifted) = ([0.0; TILE], [0.0; TILE]);
        let len = self.zero_points.len();
        for span in (0..x.len()).step_by(len) {
            let end = x.len().min(span + len);
            for start in (span..end).step_by(TILE) {
                let range = start..end.min(start + TILE);
                let own = self.part(start - span..range.end - span);
                let (mut x, tile) = (&x[range.clone()], &mut tile[..range.len()]);
                if !own.offsets.is_empty() {
                    for (shifted, (x, offset)) in shifted.iter_mut().zip(x.iter().zip(own.offsets)) {
                        *shifted = if *offset == 0.0 { *x } else { x - offset };
                    }
                    x = &shifted[..x.len()];
                }
                quotients(level, method, x, own.divisors(), tile);
                visit(own, tile, range);
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::kernel::rounder::Rounder;
    use crate::kernel::{levels, reference};
    use crate::num::CodeType;
    use crate::params::Granularity;
    use alloc::vec;
    use alloc::vec::Vec;

    #[test]
    fn blocks_with_one_zero_point_are_as_their_elements() {
        for (level, size) in levels().into_iter().flat_map(|level| [(level, 16), (level, 32)]) {
            for (scaling, zero_point) in [(Scaling::Divide, 0), (Scaling::Reciprocal, -5), (Scaling::Divide, 9)] {
                let len = 640;
                let scales: Vec<f32> = (0..len / size).map(|k| 0.01 + k as f32 * 0.013).collect();
                let x: Vec<f32> = (0..3 * len).map(|i| ((i * 37 % 601) as f32 - 300.0) * 0.025).collect();
                let zero_points = vec![zero_point; scales.len()];
                let granularity = Granularity::Block { axis: 0, size };
                let params = QuantParams::new(granularity, CodeRange::of::<i8>(), scales, zero_points).unwrap();
                let span = Span { start: 0, len, first_group: 0, repeat: size };
                let (nan, rounder) = (NanPolicy::Native, Rounder::default());
                let settings = Settings { code: CodeType::I8, rounder, scaling, nan };
                let mut codes = vec![0_i8; x.len()];
                quantize_span(level, &params, settings, span, &x, CodesMut::I8(&mut codes));
                for (i, (&x, &code)) in x.iter().zip(&codes).enumerate() {
                    let group = params.group(i % len / size).unwrap();
                    let mapping = Mapping { scaling, ..Mapping::new(group, CodeRange::of::<i8>()) };
                    let mut want = [0_i8];
                    reference::quantize(&[x], &mapping, crate::num::TiesEven, &mut want, 0);
                    assert_eq!(code, want[0], "{x} in blocks of {size} at {level:?}");
                }
            }
        }
    }
}
