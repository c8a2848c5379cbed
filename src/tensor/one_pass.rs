//! The parameters of short groups and what becomes of their elements, in one pass over the tensor.
//!
//! 1. A piece of whole groups is read for their ranges. It is still in the cache when its codes are made. Smaller pieces, of what the
//!    first-level cache holds, took longer: each costs some 150 ns to begin.
//! 2. Ranges are those from the smallest to the largest value. Where the calculator is a rule, a kernel finds the parameters of all
//!    groups of a piece at once, and with them what kernels ask of parameters.
//! 3. A view with exchanged axes, and elements of another type than f32, are gathered and converted once, not twice.
//! 4. What is unusual is not done here: NaN, a group without a number, an offset, an error. Two passes, one for the ranges and one for
//!    the codes, then say what there is to say.

use super::estimate::Request;
use super::input::{Input, PIECE, visit_in_f32};
use super::observed::Observed;
use super::output::Output;
use super::tasks::{Tasks, map_tasks};
use crate::error::{Error, Result};
use crate::kernel::{self, GroupExtremes, ends_of};
use crate::params::{
    AffineParams, CodeRange, Granularity, Groups, GroupsMut, QuantParams, Rule, Span, ValueRange, for_each_piece_of,
};
use alloc::vec::Vec;
use core::ops::Range;

/// The elements of a piece, and the longest group, of f32s: 64 KiB.
const LONGEST: usize = 1 << 14;
/// Runs of fewer elements take longer to begin than to do.
const SHORTEST: usize = 256;
/// Of longer groups there are so few that nothing is gained where all f32s, up to [`CACHED`], stay in the cache for a second pass.
const MANY: usize = 256;
const CACHED: usize = 1 << 16;

/// What is done with a piece: it is given the parameters of its groups, of which the span counts the first as 0, its elements, and
/// the range of their results in a place.
pub(super) type MapGroups<'a, O> = &'a (dyn Fn(&QuantParams, Span, &[f32], &mut O, Range<usize>) + Sync);

/// Returns the parameters of a tensor, by the ranges from the smallest to the largest value of each group, and what was noticed,
/// having mapped each piece of it. `None` if groups are not short runs in order, or if anything is unusual: `out` may then be partly
/// written.
pub(super) fn in_one_pass<O: Output>(
    request: Request<'_>,
    input: &Input<'_>,
    out: O,
    map: MapGroups<'_, O>,
) -> Option<(QuantParams, Observed)> {
    let Request { code, target, granularity, .. } = request;
    let (groups, runs) = Runs::of(granularity, input, out.granule())?;
    let codes = target.codes();
    codes.check_fits(code).ok()?;
    let mut all_groups = Groups::new(groups);
    let pass = Pass { request, codes, rule: target.rule(), map };
    let mut place = Place { out, groups: all_groups.places(), runs };
    let observed = match input.contiguous() {
        Some(reals) => map_tasks(&Tasks::new(granularity, input.shape).ok()?, place, &|task, place, first| {
            let (mut buffers, mut all) = (pass.buffers()?, Observed::default());
            for_each_piece_of(&mut task.spans(), runs.longest_piece, &mut |span| {
                visit_in_f32(reals.part(span.start..span.start + span.len), span, &mut |span, x| {
                    all.add(pass.piece(span, x, place, first, &mut buffers)?);
                    Ok(())
                })
            })?;
            Ok(all)
        }),
        None => pass.buffers().and_then(|mut buffers| {
            let mut all = Observed::default();
            input.for_each_f32_piece_in_any_order(granularity, &mut |span, x| {
                all.add(pass.piece(span, x, &mut place, 0, &mut buffers)?);
                Ok(())
            })?;
            Ok(all)
        }),
    };
    let observed = observed.ok()?;
    let ends = ends_of(kernel::detect(), &all_groups.places());
    Some((QuantParams::with_ends(granularity, codes, all_groups, ends).ok()?, observed))
}

/// How groups lie: each run of a tensor begins with one, and all but the last of a run are equally long.
#[derive(Clone, Copy)]
pub(super) struct Runs {
    len: usize,
    repeat: usize,
    longest_piece: usize,
}

impl Runs {
    /// Returns the number of groups, and how they lie, if one pass is possible and worth it, with results of which so many neighbours
    /// are written in order.
    pub(super) fn of(granularity: Granularity, input: &Input<'_>, granule: usize) -> Option<(usize, Self)> {
        let groups = granularity.groups(input.shape).ok()?;
        if granularity == Granularity::Tensor || input.len() == 0 || !granularity.one_run_each(input.shape) {
            return None;
        }
        let first = granularity.all_spans(input.shape).ok()?.next()?;
        // What is converted stands in a tile.
        let longest_piece = if input.as_f32s().is_some() { LONGEST } else { PIECE };
        let runs = Self { len: first.len, repeat: first.repeat.min(first.len), longest_piece };
        let in_order = input.contiguous().is_some() || granule == 1;
        if input.as_f32s().is_some_and(|x| x.len() <= CACHED) && runs.repeat > MANY {
            return None;
        }
        (in_order && runs.len >= SHORTEST && runs.repeat <= longest_piece).then_some((groups, runs))
    }

    /// Returns how many groups end at or before the end of a group.
    fn groups_before(self, end: usize) -> usize {
        end / self.len * self.len.div_ceil(self.repeat) + (end % self.len).div_ceil(self.repeat)
    }

    /// Returns whether a part of a run is whole groups.
    fn are_whole(self, span: Span) -> bool {
        let from = span.start % self.len;
        let end = from + span.len;
        from.is_multiple_of(self.repeat) && (span.len.is_multiple_of(self.repeat) || end == self.len)
    }
}

/// Where results go, and the parameters of the groups of their elements.
struct Place<'a, O> {
    out: O,
    groups: GroupsMut<'a>,
    runs: Runs,
}

impl<O: Output> Output for Place<'_, O> {
    fn granule(&self) -> usize {
        self.out.granule()
    }

    #[cfg(feature = "rayon")]
    fn split_at(self, at: usize) -> (Self, Self) {
        let Place { out, groups, runs } = self;
        // The first element begins a run, or there is but one run, and it begins a group.
        let (before, after) = groups.split_at(runs.groups_before(at));
        let out = out.split_at(at);
        (Place { out: out.0, groups: before, runs }, Place { out: out.1, groups: after, runs })
    }
}

/// Memory that each piece uses anew.
struct Buffers {
    extremes: GroupExtremes,
    ranges: Vec<ValueRange>,
    found: Vec<AffineParams>,
    params: QuantParams,
}

/// What is the same for all pieces.
struct Pass<'a, O> {
    request: Request<'a>,
    codes: CodeRange,
    rule: Option<Rule>,
    map: MapGroups<'a, O>,
}

/// What two passes will say more about.
fn unusual() -> Error {
    Error::NotANumber { index: Vec::new() }
}

impl<O> Pass<'_, O> {
    fn buffers(&self) -> Result<Buffers> {
        let params = QuantParams::new(self.request.granularity, self.codes, Vec::new(), Vec::new())?;
        Ok(Buffers { extremes: GroupExtremes::new(0), ranges: Vec::new(), found: Vec::new(), params })
    }

    /// Finds the parameters of a piece, and maps it. The first element of the place is that with the number `first`.
    fn piece(
        &self,
        span: Span,
        x: &[f32],
        place: &mut Place<'_, O>,
        first: usize,
        buffers: &mut Buffers,
    ) -> Result<Observed> {
        if !place.runs.are_whole(span) {
            return Err(unusual());
        }
        let Buffers { extremes, ranges, found, params } = buffers;
        let (level, groups) = (kernel::detect(), x.len().div_ceil(span.repeat));
        extremes.clear(groups);
        let (nan, infinite) = extremes.observe(level, 0, span.repeat, x);
        if nan > 0 {
            return Err(unusual());
        }
        let mut observed = Observed { infinite, ..Observed::default() };
        let at = place.runs.groups_before(span.start) - place.runs.groups_before(first);
        let mut own = place.groups.part(at..at + groups);
        let by_rule = self.rule.and_then(|rule| extremes.params(level, rule, own.part(0..groups)));
        if by_rule.is_none() {
            if !extremes.ranges(ranges) {
                return Err(unusual());
            }
            found.clear();
            self.request.target.params_of_each(ranges, found)?;
            observed.constant_groups = ranges.iter().map(|range| u64::from(range.is_constant())).sum();
            for (k, found) in found.iter().enumerate() {
                if found.offset() != 0.0 {
                    return Err(unusual());
                }
                own.set(k, *found);
            }
        }
        let ends = by_rule.unwrap_or_else(|| ends_of(level, &own));
        params.set_groups(&own, ends)?;
        let range = span.start - first..span.start - first + x.len();
        (self.map)(params, Span { first_group: 0, ..span }, x, &mut place.out, range);
        Ok(observed)
    }
}
