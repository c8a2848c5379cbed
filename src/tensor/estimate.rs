//! From a tensor to the parameters of its groups: one pass, in which NaN is found and values are handed to estimators.
//!
//! Where each group is one run of elements (a tensor, the first axis, blocks of the last axis) there is one estimator at
//! a time. Otherwise there is one for each group.

use super::input::{Input, PIECE, Visit, visit_in_f32};
use super::observe::Columns;
use super::observed::Observed;
use super::tasks::{Looks, Task, Tasks, collect, fold, only_piece};
use crate::error::{Error, Result};
use crate::kernel::{self, GroupExtremes};
use crate::num::{CodeType, Reals};
use crate::params::{AffineParams, Ends, Granularity, Groups, NanPolicy, QuantParams, Span, ValueRange};
use crate::range::{AnyEstimator, Feed, RangeEstimator, Target};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// What a scheme asks of a tensor: all of it but the estimator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) code: CodeType,
    pub(crate) target: &'a (dyn Target + Sync),
    pub(crate) granularity: Granularity,
    pub(crate) nan_policy: NanPolicy,
}

impl Request<'_> {
    /// Returns the parameters of a tensor, and what was noticed.
    ///
    /// # Errors
    ///
    /// As [`quantize_tensor`](crate::quantize_tensor).
    #[inline(always)]
    pub(crate) fn estimate<E: RangeEstimator>(
        self,
        input: &Input<'_>,
        estimator: &E,
    ) -> Result<(QuantParams, Observed)> {
        // A constant of the type: what is built in is compiled here, not where it is used.
        if E::IS_FOREIGN {
            estimate(self, input, estimator)
        } else {
            estimate_by_built_in(self, input, &estimator.built_in().unwrap_or_default())
        }
    }
}

fn estimate_by_built_in(
    request: Request<'_>,
    input: &Input<'_>,
    estimator: &AnyEstimator,
) -> Result<(QuantParams, Observed)> {
    estimate(request, input, estimator)
}

fn estimate<E: RangeEstimator>(
    request: Request<'_>,
    input: &Input<'_>,
    estimator: &E,
) -> Result<(QuantParams, Observed)> {
    let Request { code, target, granularity, nan_policy } = request;
    let groups = granularity.groups(input.shape)?;
    let codes = target.codes();
    codes.check_fits(code)?;
    let mut pass = Pass {
        estimator,
        target,
        granularity,
        nan_policy,
        shape: input.shape,
        observed: Observed::default(),
        params: Vec::new(),
    };
    let group_len = granularity.longest_group(input.shape, groups);
    // Without elements there may be any number of groups: one estimator at a time, up to the first that has no range.
    let in_order = input.len() == 0 || granularity.one_run_each(input.shape) || estimator.feed() == Feed::Nothing;
    // The kernel that finds extremes looks twice itself, where it must.
    let looks = if estimator.feed() == Feed::Extremes { Looks::One } else { Looks::Two };
    if let Some((span, x)) = only_piece(input, granularity, looks) {
        let params = pass.only_group(span, x)?;
        return Ok((QuantParams::from_groups(granularity, codes, [params])?, pass.observed));
    }
    // A foreign estimator may look at the order.
    let any_order = estimator.feed() == Feed::Extremes || estimator.feed() == Feed::Pieces && !E::IS_FOREIGN;
    if groups == 1 && any_order {
        let mut len = [0];
        if let Some(input) = input.in_order_of_memory(&mut len)
            && let Some(reals) = input.contiguous()
        {
            let shape = input.shape;
            let mut pass = Pass { shape, observed: Observed::default(), params: Vec::new(), ..pass };
            let tasks = Tasks::new(Granularity::Tensor, shape)?;
            // Of several NaNs the first in the tensor's own order is found below.
            if let Ok(params) = pass.one_group(&tasks, reals, looks) {
                return Ok((QuantParams::from_groups(granularity, codes, [params])?, pass.observed));
            }
        }
    }
    let pieces: Pieces<'_> = &mut |visit| input.for_each_f32_piece(granularity, visit);
    match input.contiguous() {
        Some(reals) if groups == 1 && estimator.feed() != Feed::Whole => {
            let tasks = Tasks::new(granularity, input.shape)?;
            let params = pass.one_group(&tasks, reals, looks)?;
            return Ok((QuantParams::from_groups(granularity, codes, [params])?, pass.observed));
        }
        Some(reals) if in_order => {
            pass.in_tasks(groups, &|task, visit| task.for_each_f32_piece(reals, looks, visit))?;
        }
        _ if estimator.feed() == Feed::Extremes && input.len() > 0 => {
            let mut extremes = GroupExtremes::new(groups);
            let in_any_order: Pieces<'_> = &mut |visit| match input.contiguous() {
                Some(reals) => for_each_stretch(&Tasks::new(granularity, input.shape)?, reals, visit),
                None => input.for_each_f32_piece_in_any_order(granularity, visit),
            };
            if pass.observe_extremes(&mut extremes, 0, in_any_order).is_ok() {
                if let Some((groups, ends)) = pass.by_rule(&extremes) {
                    return Ok((QuantParams::with_ends(granularity, codes, groups, ends)?, pass.observed));
                }
                pass.push_params_of_each(&extremes, 0..groups)?;
            } else {
                // Of several errors the first.
                pass.observed = Observed::default();
                if in_order {
                    pass.ordered(0..groups, pieces)?;
                } else {
                    extremes = GroupExtremes::new(groups);
                    pass.observe_extremes(&mut extremes, 0, pieces).map_err(|(_, error)| error)?;
                }
            }
        }
        _ if in_order => pass.in_order(0..groups, pieces)?,
        _ => pass.scattered(groups, group_len, pieces)?,
    }
    let params = QuantParams::of_groups(granularity, codes, &pass.params)?;
    Ok((params, pass.observed))
}

/// Shows the pieces of a task, in order.
type PiecesOf<'a> = &'a (dyn Fn(&Task, Visit<'_>) -> Result<()> + Sync);
/// Shows pieces, in order.
type Pieces<'a> = &'a mut dyn FnMut(Visit<'_>) -> Result<()>;

/// What is found on the way, and what is needed for it: of a scheme not its type, so that this is compiled once for each
/// kind of estimator.
struct Pass<'a, E> {
    estimator: &'a E,
    target: &'a (dyn Target + Sync),
    granularity: Granularity,
    nan_policy: NanPolicy,
    shape: &'a [usize],
    observed: Observed,
    params: Vec<AffineParams>,
}

impl<E: RangeEstimator> Pass<'_, E> {
    /// One estimator at a time, in tasks of whole groups, or, where there are few groups, of parts of them.
    fn in_tasks(&mut self, groups: usize, pieces_of: PiecesOf<'_>) -> Result<()> {
        let tasks = Tasks::new(self.granularity, self.shape)?;
        if self.estimator.feed() == Feed::Nothing {
            let observed = collect(&tasks, &|task| {
                let mut pass = self.empty();
                pieces_of(task, &mut |span, x| pass.check(span.start, x))?;
                Ok(pass.observed)
            })?;
            for observed in observed {
                self.observed.add(observed);
            }
            return self.in_order(0..groups, &mut |_| Ok(()));
        }
        let shared = (1..tasks.count()).any(|i| tasks.get(i - 1).groups().end > tasks.get(i).groups().start);
        if !shared {
            let parts = collect(&tasks, &|task| {
                let mut pass = self.empty();
                pass.ordered(task.groups(), &mut |visit| pieces_of(task, visit))?;
                Ok((pass.observed, pass.params))
            })?;
            for (observed, params) in parts {
                self.observed.add(observed);
                self.params.extend(params);
            }
            // Groups without elements, after the last that has some.
            return self.in_order(self.params.len()..groups, &mut |_| Ok(()));
        }
        if self.estimator.feed() == Feed::Whole {
            return self
                .in_order(0..groups, &mut |visit| tasks.iter().try_for_each(|task| pieces_of(&task, &mut *visit)));
        }
        let parts = collect(&tasks, &|task| {
            let (mut pass, mut estimators) = (self.empty(), Vec::new());
            pass.observe_runs(&mut estimators, &mut |visit| pieces_of(task, visit))?;
            Ok((pass.observed, estimators))
        })?;
        let mut merged: Vec<E> = vec![self.estimator.clone(); groups];
        for (observed, estimators) in parts {
            self.observed.add(observed);
            for (group, estimator) in estimators {
                merged[group].merge(&estimator);
            }
        }
        for (group, estimator) in merged.into_iter().enumerate() {
            self.push_params(group, estimator.range(self.target))?;
        }
        Ok(())
    }

    /// The only group of a tensor: an estimator for each task, put together in their order. One thread allocates nothing.
    fn one_group(&mut self, tasks: &Tasks, reals: Reals<'_>, looks: Looks) -> Result<AffineParams> {
        let (mut observed, mut merged) = (Observed::default(), self.estimator.clone());
        let of_task = |task: &Task| {
            let (mut pass, mut estimator) = (self.empty(), self.estimator.clone());
            let feed = estimator.feed();
            if feed == Feed::Extremes
                && let Some(seen) = task.bit_extremes(reals)
            {
                estimator.observe_extremes(&seen);
                return Ok((pass.observed, estimator));
            }
            task.for_each_f32_piece(reals, looks, &mut |span, x| pass.show(&mut estimator, feed, span.start, x))?;
            Ok((pass.observed, estimator))
        };
        fold(tasks, &of_task, &mut |(of_task, estimator)| {
            observed.add(of_task);
            merged.merge(&estimator);
        })?;
        self.observed.add(observed);
        self.params_of(0, merged.range(self.target))
    }

    /// Returns a pass of the same scheme over the same tensor, which has seen nothing.
    fn empty(&self) -> Self {
        Self { observed: Observed::default(), params: Vec::new(), ..*self }
    }

    /// An estimator for each group that comes by; groups come in order.
    fn observe_runs(&mut self, estimators: &mut Vec<(usize, E)>, pieces: Pieces<'_>) -> Result<()> {
        let feed = self.estimator.feed();
        pieces(&mut |span, x| {
            for (k, run) in x.chunks(span.repeat).enumerate() {
                let group = span.first_group + k;
                if estimators.last().is_none_or(|(last, _)| *last != group) {
                    estimators.push((group, self.estimator.clone()));
                }
                if let Some((_, estimator)) = estimators.last_mut() {
                    self.show(estimator, feed, span.start + k * span.repeat, run)?;
                }
            }
            Ok(())
        })
    }

    /// The only group of a short tensor: nothing is put together, and nothing allocated for it.
    fn only_group(&mut self, span: Span, x: &[f32]) -> Result<AffineParams> {
        let mut estimator = self.estimator.clone();
        let feed = estimator.feed();
        self.show(&mut estimator, feed, span.start, x)?;
        self.params_of(0, range_of(&estimator, x, self.target))
    }

    /// These groups, of which each is a run, in order.
    fn ordered(&mut self, groups: Range<usize>, pieces: Pieces<'_>) -> Result<()> {
        if self.estimator.feed() != Feed::Extremes || groups.len() > self.shape.iter().product() {
            return self.in_order(groups, pieces);
        }
        let mut extremes = GroupExtremes::new(groups.len());
        if let Err((group, error)) = self.observe_extremes(&mut extremes, groups.start, pieces) {
            // A group before it may have no range.
            self.push_params_of_each(&extremes, groups.start..group)?;
            return Err(error);
        }
        self.push_params_of_each(&extremes, groups)
    }

    /// Takes note of the extremes of all groups from `first` on. An error, of a NaN, comes with the group that it is in.
    fn observe_extremes(
        &mut self,
        extremes: &mut GroupExtremes,
        first: usize,
        pieces: Pieces<'_>,
    ) -> Result<(), (usize, Error)> {
        let mut group = first;
        let seen = pieces(&mut |span, x| {
            let (level, of) = (kernel::detect(), span.first_group - first);
            let found = if span.repeat == 1 {
                extremes.observe_rows(level, of, span.len, x)
            } else {
                x.chunks(span.len).fold((0, 0), |(nan, infinite), x| {
                    let found = extremes.observe(level, of, span.repeat, x);
                    (nan + found.0, infinite + found.1)
                })
            };
            self.note(span.start, x, found).inspect_err(|_| {
                group = span.first_group + kernel::first_nan(level, x).unwrap_or(0) % span.len / span.repeat;
            })
        });
        seen.map_err(|error| (group, error))
    }

    /// Finds the parameters of groups, of which the first is the first of the extremes.
    fn push_params_of_each(&mut self, extremes: &GroupExtremes, groups: Range<usize>) -> Result<()> {
        if groups.len() == extremes.len()
            && let Some((groups, _)) = self.by_rule(extremes)
        {
            self.params.extend(groups.iter());
            return Ok(());
        }
        let (mut ranges, mut error) = (Vec::new(), None);
        if !self.estimator.is_of_extremes() || groups.len() != extremes.len() || !extremes.ranges(&mut ranges) {
            (ranges, error) = self.ranges_up_to_an_error(extremes, groups.len());
        }
        self.observed.constant_groups += ranges.iter().map(|range| u64::from(range.is_constant())).sum::<u64>();
        let before = self.params.len();
        let found = self.target.params_of_each(&ranges, &mut self.params).and_then(|()| error.map_or(Ok(()), Err));
        found.map_err(|error| match self.granularity {
            Granularity::Tensor => error,
            _ => error.of_group(groups.start + self.params.len() - before),
        })
    }

    /// Returns the parameters of all groups and their ends, if there is a rule that says what each of them gets.
    fn by_rule(&self, extremes: &GroupExtremes) -> Option<(Groups, Ends)> {
        let rule = self.target.rule().filter(|_| self.estimator.is_of_extremes())?;
        let mut groups = Groups::new(extremes.len());
        let ends = extremes.params(kernel::detect(), rule, groups.places())?;
        Some((groups, ends))
    }

    /// Returns the ranges of the first so many groups, or of those before the first that has none, and why it has none.
    fn ranges_up_to_an_error(&self, extremes: &GroupExtremes, groups: usize) -> (Vec<ValueRange>, Option<Error>) {
        let mut ranges = Vec::with_capacity(groups);
        for seen in extremes.iter().take(groups) {
            match self.estimator.range_of_extremes(&seen, self.target) {
                Ok(range) => ranges.push(range),
                Err(error) => return (ranges, Some(error)),
            }
        }
        (ranges, None)
    }

    /// One estimator at a time, for these groups.
    fn in_order(&mut self, groups: Range<usize>, pieces: Pieces<'_>) -> Result<()> {
        let feed = self.estimator.feed();
        if feed == Feed::Nothing {
            let error = |_| Error::OutOfMemory { what: "scales", count: groups.len() };
            self.params.try_reserve_exact(groups.len()).map_err(error)?;
        }
        let mut current = (groups.start, self.estimator.clone());
        let mut collected = Vec::new();
        pieces(&mut |span, x| {
            if feed == Feed::Nothing {
                return self.check(span.start, x);
            }
            for (k, run) in x.chunks(span.repeat).enumerate() {
                while current.0 < span.first_group + k {
                    self.finish(&mut current, &mut collected)?;
                }
                self.show(&mut current.1, feed, span.start + k * span.repeat, run)?;
                if feed == Feed::Whole {
                    collected.extend_from_slice(run);
                }
            }
            Ok(())
        })?;
        while current.0 < groups.end {
            self.finish(&mut current, &mut collected)?;
        }
        Ok(())
    }

    /// Checks a run, and shows it to its estimator as that wants to be fed. `start` is the index of its first element.
    fn show(&mut self, estimator: &mut E, feed: Feed, start: usize, run: &[f32]) -> Result<()> {
        if feed == Feed::Extremes {
            let seen = kernel::min_max(kernel::detect(), run);
            self.note(start, run, (seen.nan, seen.infinite))?;
            estimator.observe_extremes(&seen);
            return Ok(());
        }
        self.check(start, run)?;
        if feed == Feed::Pieces {
            estimator.observe(run);
        }
        Ok(())
    }

    /// An estimator for each group.
    fn scattered(&mut self, groups: usize, group_len: usize, pieces: Pieces<'_>) -> Result<()> {
        let mut estimators = vec![self.estimator.clone(); groups];
        let feed = self.estimator.feed();
        let mut columns = Columns::new(groups, feed, group_len);
        pieces(&mut |span, x| {
            self.check(span.start, x)?;
            columns.add(span, x, &mut estimators);
            Ok(())
        })?;
        for (group, mut estimator) in estimators.into_iter().enumerate() {
            if feed != Feed::Whole {
                columns.show_rest(group, &mut estimator);
            }
            self.push_params(group, range_of(&estimator, columns.of(group), self.target))?;
        }
        Ok(())
    }

    /// Counts what is not finite, and refuses NaN where the policy says so. `start` is the index of the first element.
    fn check(&mut self, start: usize, x: &[f32]) -> Result<()> {
        self.note(start, x, kernel::count_non_finite(kernel::detect(), x))
    }

    /// Adds the counts of NaN and infinities, and refuses NaN where the policy says so.
    fn note(&mut self, start: usize, x: &[f32], (nan, infinite): (u64, u64)) -> Result<()> {
        self.observed.nan += nan;
        self.observed.infinite += infinite;
        if nan > 0 && self.nan_policy == NanPolicy::Error {
            let at = start + kernel::first_nan(kernel::detect(), x).unwrap_or(0);
            return Err(Error::NotANumber { index: unravel(at, self.shape) });
        }
        Ok(())
    }

    fn finish(&mut self, current: &mut (usize, E), collected: &mut Vec<f32>) -> Result<()> {
        let estimator = core::mem::replace(&mut current.1, self.estimator.clone());
        let range = range_of(&estimator, collected, self.target);
        collected.clear();
        let group = current.0;
        current.0 += 1;
        self.push_params(group, range)
    }

    fn push_params(&mut self, group: usize, range: Result<ValueRange>) -> Result<()> {
        let params = self.params_of(group, range)?;
        self.params.push(params);
        Ok(())
    }

    /// Returns the parameters of a group from its range; errors name the group, unless there is one for all of the tensor.
    fn params_of(&mut self, group: usize, range: Result<ValueRange>) -> Result<AffineParams> {
        let params = range.and_then(|range| {
            let was_observed = self.estimator.feed() != Feed::Nothing;
            self.observed.constant_groups += u64::from(was_observed && range.is_constant());
            self.target.params(range)
        });
        match self.granularity {
            Granularity::Tensor => params,
            _ => params.map_err(|error| error.of_group(group)),
        }
    }
}

/// Shows the elements of tasks, in order: with each span those of as many spans of the same groups as the first-level cache holds.
fn for_each_stretch(tasks: &Tasks, reals: Reals<'_>, visit: Visit<'_>) -> Result<()> {
    let max = if matches!(reals, Reals::F32(_)) { 2 * PIECE } else { PIECE };
    tasks.iter().try_for_each(|task| {
        task.for_each_stretch(max, &mut |span, len| {
            visit_in_f32(reals.part(span.start..span.start + len), span, &mut *visit)
        })
    })
}

/// Returns the range of a group whose values were shown, or are all here.
fn range_of<E: RangeEstimator>(estimator: &E, values: &[f32], target: &dyn Target) -> Result<ValueRange> {
    if estimator.feed() == Feed::Whole { estimator.range_of(values, target) } else { estimator.range(target) }
}

/// Returns the index along each axis of an element's position in row-major order.
pub(super) fn unravel(mut position: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (i, &n) in index.iter_mut().zip(shape).rev() {
        *i = position % n.max(1);
        position /= n.max(1);
    }
    index
}
