//! A tensor cut into tasks that do not depend on each other, for threads to share out, or for one thread.
//!
//! 1. Where a task begins depends on the shape and the granularity alone, and what tasks give is put together in their order:
//!    the result is the same for any number of threads.
//! 2. A thread that maps alone goes through the tasks from the last to the first. The pass before, which looked for the range,
//!    ended at the last, so that as much as fits is still in the cache. Tasks are made when they are asked for: nothing is allocated.
//! 3. A task is large beside what it costs to hand it over (some microseconds), and fits the second-level cache.

use super::input::{Input, PIECE, Visit, visit_in_f32};
use super::observed::Observed;
use super::output::Output;
use crate::error::Result;
use crate::kernel::{self, Extremes, bit_extremes};
use crate::num::Reals;
use crate::params::{Granularity, OneOrMany, Span, Spans, for_each_piece_of};
use alloc::vec::Vec;
use core::ops::Range;

/// Elements in a task, if its groups let it be: 256 KiB of f32.
const TASK: usize = 1 << 16;
/// With fewer tasks than that one thread is as fast as two.
#[cfg(feature = "rayon")]
const FEWEST: usize = 4;

/// The tasks of a tensor.
#[derive(Clone, Debug)]
pub(super) struct Tasks {
    spans: Spans,
    /// Runs, and the elements of each.
    number: usize,
    #[cfg(feature = "rayon")]
    len: usize,
    cut: Cut,
}

/// What a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// So many whole runs.
    Runs(usize),
    /// One of so many parts of a run, of so many elements.
    Parts { of_run: usize, len: usize },
}

impl Tasks {
    /// Returns the tasks of a tensor of this shape. Groups of up to a task's length are not cut.
    ///
    /// # Errors
    ///
    /// Those of [`Granularity::spans`].
    pub(super) fn new(granularity: Granularity, shape: &[usize]) -> Result<Self> {
        let spans = granularity.all_spans(shape)?;
        let (number, len) = spans.number_and_len();
        let cut = if len <= TASK {
            let together = TASK / len.max(1);
            // So that tasks begin with a byte where eight codes share one.
            Cut::Runs(if together > 8 { together / 8 * 8 } else { together })
        } else {
            let repeat = spans.clone().next().map_or(len, |span| span.repeat);
            // As `Span::pieces` does: whole groups, or parts of one.
            let step = if repeat <= TASK { TASK / repeat * repeat } else { TASK };
            let per_group = repeat.div_ceil(step);
            let of_run = if repeat <= TASK { len.div_ceil(step) } else { parts(len, repeat, step, per_group) };
            Cut::Parts { of_run, len: step }
        };
        Ok(Self {
            spans,
            number: if len == 0 { 0 } else { number },
            #[cfg(feature = "rayon")]
            len,
            cut,
        })
    }

    /// Returns how many there are.
    pub(super) fn count(&self) -> usize {
        match self.cut {
            Cut::Runs(together) => self.number.div_ceil(together),
            Cut::Parts { of_run, .. } => self.number.saturating_mul(of_run),
        }
    }

    /// Returns a task by its number.
    pub(super) fn get(&self, i: usize) -> Task {
        match self.cut {
            Cut::Runs(together) => {
                let first = i * together;
                let runs = together.min(self.number - first);
                Task {
                    runs: Runs::Whole(self.spans.starting_at(first), runs),
                    #[cfg(feature = "rayon")]
                    range: first * self.len..(first + runs) * self.len,
                }
            }
            Cut::Parts { of_run, len: step } => {
                let (run, part) = (i / of_run, i % of_run);
                let nothing = Span { start: 0, len: 0, first_group: 0, repeat: 1 };
                let piece = self.spans.starting_at(run).next().map_or(nothing, |span| part_of(span, part, step));
                Task {
                    runs: Runs::Part(piece),
                    #[cfg(feature = "rayon")]
                    range: piece.start..piece.start + piece.len,
                }
            }
        }
    }

    /// Returns whether each task begins at a multiple of so many elements.
    #[cfg(feature = "rayon")]
    fn begin_at_multiples_of(&self, granule: usize) -> bool {
        match self.cut {
            Cut::Runs(together) => (together * self.len).is_multiple_of(granule),
            Cut::Parts { len, .. } => len.is_multiple_of(granule) && self.len.is_multiple_of(granule),
        }
    }

    /// Returns all tasks, in order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Task> {
        (0..self.count()).map(|i| self.get(i))
    }
}

/// Returns the parts of a run whose groups are longer than a task: those of each group, and of a shorter last one.
fn parts(len: usize, repeat: usize, step: usize, per_group: usize) -> usize {
    len / repeat * per_group + (len % repeat).div_ceil(step)
}

/// Returns a part of a run, by its number, as [`Span::pieces`] cuts it.
fn part_of(span: Span, part: usize, step: usize) -> Span {
    let Span { start, len, first_group, repeat } = span;
    if repeat <= step {
        let at = part * step;
        return Span { start: start + at, len: step.min(len - at), first_group: first_group + at / repeat, repeat };
    }
    let per_group = repeat.div_ceil(step);
    let (group, part) = (part / per_group, part % per_group);
    let at = group * repeat + part * step;
    let end = len.min((group + 1) * repeat);
    let len = step.min(end - at);
    Span { start: start + at, len, first_group: first_group + group, repeat: len }
}

/// Neighbouring elements of a tensor, in row-major order.
#[derive(Clone, Debug)]
pub(super) struct Task {
    runs: Runs,
    #[cfg(feature = "rayon")]
    range: Range<usize>,
}

/// The runs of a task. There may be one for each few elements, and so they are made when they are asked for.
#[derive(Clone, Debug)]
enum Runs {
    /// So many whole runs, from one on.
    Whole(Spans, usize),
    /// A part of a run.
    Part(Span),
}

impl Task {
    /// Returns its elements as runs, in order.
    pub(super) fn spans(&self) -> impl Iterator<Item = Span> {
        let (whole, part) = match &self.runs {
            Runs::Whole(spans, number) => (Some(spans.clone().take(*number)), None),
            Runs::Part(span) => (None, Some(*span)),
        };
        whole.into_iter().flatten().chain(part)
    }

    /// Returns the groups of its elements, where groups are runs in order.
    pub(super) fn groups(&self) -> Range<usize> {
        let end = |span: Span| span.first_group + span.len.div_ceil(span.repeat);
        match &self.runs {
            Runs::Part(span) => span.first_group..end(*span),
            Runs::Whole(spans, number) => {
                let (first, last) = (spans.clone().next(), spans.clone().take(*number).last());
                first.map_or(0, |span| span.first_group)..last.map_or(0, end)
            }
        }
    }

    /// Calls `visit` with each of its pieces, in order. `reals` are the whole tensor.
    pub(super) fn for_each_f32_piece(&self, reals: Reals<'_>, looks: Looks, visit: Visit<'_>) -> Result<()> {
        for_each_piece_of(&mut self.spans(), longest_piece(reals, looks), &mut |piece| {
            visit_in_f32(reals.part(piece.start..piece.start + piece.len), piece, visit)
        })
    }

    /// Returns the extremes of its elements, if they are of another type than f32, and all finite there. `reals` are the whole tensor.
    pub(super) fn bit_extremes(&self, reals: Reals<'_>) -> Option<Extremes> {
        let mut all = Extremes::default();
        for span in self.spans() {
            all = all.merge(bit_extremes(kernel::detect(), reals.part(span.start..span.start + span.len))?);
        }
        Some(all)
    }

    /// Calls `visit` with stretches of up to `max` elements, in order: a span, and how many elements, which are those of
    /// the span, or of several spans of the same groups, one after another.
    pub(super) fn for_each_stretch(&self, max: usize, visit: &mut dyn FnMut(Span, usize) -> Result<()>) -> Result<()> {
        if let Runs::Whole(spans, number) = &self.runs
            && spans.are_alike()
        {
            let (_, len) = spans.number_and_len();
            let together = max.checked_div(len).unwrap_or(0);
            if together > 1 {
                for (k, span) in spans.clone().take(*number).enumerate().step_by(together) {
                    visit(span, together.min(number - k) * len)?;
                }
                return Ok(());
            }
        }
        for_each_piece_of(&mut self.spans(), max, &mut |span| visit(span, span.len))
    }
}

/// Returns how many elements to show at a time: a task, or, where they are widened first or looked at twice, what stays in the
/// first-level cache.
fn longest_piece(reals: Reals<'_>, looks: Looks) -> usize {
    if looks == Looks::One && matches!(reals, Reals::F32(_)) { TASK } else { PIECE }
}

/// Returns a tensor with one scale as one piece, if it is short enough and need not be copied: then no tasks are made.
pub(super) fn only_piece<'a>(input: &Input<'a>, granularity: Granularity, looks: Looks) -> Option<(Span, &'a [f32])> {
    let x = input.as_f32s()?;
    let len = x.len();
    let short = granularity == Granularity::Tensor && (1..=longest_piece(Reals::F32(x), looks)).contains(&len);
    short.then_some((Span { start: 0, len, first_group: 0, repeat: len }, x))
}

/// How often a piece is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    One,
    Two,
}

/// What is done with a piece of a tensor: it is given the elements, and the range of their results in a place. They are those of
/// the span, or of several spans of the same groups, one after another. Returns what was noticed.
pub(super) type MapPiece<'a, O> = &'a (dyn Fn(Span, &[f32], &mut O, Range<usize>) -> Result<Observed> + Sync);

/// Maps each piece of a tensor to as many results in `out`, and returns what was noticed in all.
///
/// # Errors
///
/// Those of [`Granularity::spans`], and of several pieces' errors that of the first piece.
pub(super) fn map_pieces<O: Output>(
    input: &Input<'_>,
    granularity: Granularity,
    looks: Looks,
    mut out: O,
    map: MapPiece<'_, O>,
) -> Result<Observed> {
    if let Some((span, x)) = only_piece(input, granularity, looks) {
        return map(span, x, &mut out, 0..span.len);
    }
    let Some(reals) = input.contiguous() else {
        // Codes that share bytes are written in order.
        let out_of_order = out.granule() == 1;
        let mut all = Observed::default();
        let visit: Visit<'_> = &mut |span, x| {
            all.add(map(span, x, &mut out, span.start..span.start + span.len)?);
            Ok(())
        };
        if out_of_order && input.for_each_f32_piece_in_any_order(granularity, visit).is_ok() {
            return Ok(all);
        }
        // Of several errors the first.
        all = Observed::default();
        input.for_each_f32_piece(granularity, &mut |span, x| {
            all.add(map(span, x, &mut out, span.start..span.start + span.len)?);
            Ok(())
        })?;
        return Ok(all);
    };
    map_tasks(&Tasks::new(granularity, input.shape)?, out, &|task, out, first| {
        let mut all = Observed::default();
        task.for_each_stretch(longest_piece(reals, looks), &mut |span, len| {
            let range = span.start..span.start + len;
            visit_in_f32(reals.part(range.clone()), span, &mut |span, x| {
                all.add(map(span, x, out, range.start - first..range.end - first)?);
                Ok(())
            })
        })?;
        Ok(all)
    })
}

/// What is done with a task: it is given the place of results, and the index of the element whose result is the first there.
type MapTask<'a, O> = &'a (dyn Fn(&Task, &mut O, usize) -> Result<Observed> + Sync);

/// Runs each task with the place of its results, and returns what was noticed in all. The tasks cover `out`, in order.
///
/// # Errors
///
/// Of several tasks' errors that of the first.
pub(super) fn map_tasks<O: Output>(tasks: &Tasks, mut out: O, map: MapTask<'_, O>) -> Result<Observed> {
    let count = tasks.count();
    let mut all = Ok(Observed::default());
    let mut add = |result: Result<Observed>| match (&mut all, result) {
        (Ok(all), Ok(observed)) => all.add(observed),
        // From the last to the first: what comes later in here is earlier in the tensor.
        (all, Err(error)) => *all = Err(error),
        (Err(_), Ok(_)) => {}
    };
    let granule = out.granule();
    #[cfg(feature = "rayon")]
    if count >= FEWEST && tasks.begin_at_multiples_of(granule) {
        let results = threads::map(tasks, out, map);
        results.into_iter().rev().for_each(add);
        return all;
    }
    if granule == 1 {
        for i in (0..count).rev() {
            add(map(&tasks.get(i), &mut out, 0));
        }
        return all;
    }
    let mut all = Observed::default();
    for task in tasks.iter() {
        all.add(map(&task, &mut out, 0)?);
    }
    Ok(all)
}

/// Returns what `run` gives for each of the values, in order.
pub(super) fn each<V: Sync, A: Send>(values: &[V], run: &(dyn Fn(&V) -> A + Sync)) -> Vec<A> {
    #[cfg(feature = "rayon")]
    if values.len() > 1 {
        let mut found: Vec<Option<A>> = values.iter().map(|_| None).collect();
        threads::consume(values.iter().zip(&mut found).collect(), &|(value, found)| *found = Some(run(value)));
        return found.into_iter().flatten().collect();
    }
    values.iter().map(run).collect()
}

/// Returns what each task gives, in order, and stops at the first error; of several errors it is that of the first task.
pub(super) fn collect<A: Send>(tasks: &Tasks, run: &(dyn Fn(&Task) -> Result<A> + Sync)) -> Result<OneOrMany<A>> {
    if tasks.count() == 1 {
        return Ok(OneOrMany::One(run(&tasks.get(0))?));
    }
    #[cfg(feature = "rayon")]
    if tasks.count() >= FEWEST {
        // All of them, so that which error is the first does not depend on which thread was.
        let tasks: Vec<Task> = tasks.iter().collect();
        return each(&tasks, run).into_iter().collect::<Result<Vec<A>>>().map(OneOrMany::Many);
    }
    tasks.iter().map(|task| run(&task)).collect::<Result<Vec<A>>>().map(OneOrMany::Many)
}

/// Hands on what each task gives, in order, and stops at the first error, as [`collect`] does. One thread allocates nothing.
pub(super) fn fold<A: Send>(
    tasks: &Tasks,
    run: &(dyn Fn(&Task) -> Result<A> + Sync),
    add: &mut dyn FnMut(A),
) -> Result<()> {
    #[cfg(feature = "rayon")]
    if tasks.count() >= FEWEST {
        collect(tasks, run)?.into_iter().for_each(add);
        return Ok(());
    }
    tasks.iter().try_for_each(|task| run(&task).map(&mut *add))
}

/// Calls `run` with each of the values, on as many threads as there are.
#[cfg(feature = "rayon")]
pub(super) mod threads {
    use super::{MapTask, Observed, Output, Result, Task, Tasks};
    use alloc::vec::Vec;
    use rayon::iter::{IntoParallelIterator, ParallelIterator};
    use std::sync::Mutex;

    /// Runs each task with its own part of `out`, and returns what they give, in order.
    pub(super) fn map<O: Output>(tasks: &Tasks, out: O, map: MapTask<'_, O>) -> Vec<Result<Observed>> {
        let tasks: Vec<Task> = tasks.iter().collect();
        let mut found: Vec<Option<Result<Observed>>> = tasks.iter().map(|_| None).collect();
        let mut parts = Vec::with_capacity(tasks.len());
        let mut rest = out;
        for (task, found) in tasks.iter().zip(&mut found) {
            let (part, others) = rest.split_at(task.range.len());
            parts.push((task, part, found));
            rest = others;
        }
        consume(parts, &|(task, mut part, found): (&Task, O, &mut Option<_>)| {
            *found = Some(map(task, &mut part, task.range.start));
        });
        found.into_iter().flatten().collect()
    }

    /// Hands each value to one thread. Only the loop over numbers is rayon's: compiled once, not for each kind of value.
    pub(in crate::tensor) fn consume<V: Send>(values: Vec<V>, run: &(dyn Fn(V) + Sync)) {
        let values: Vec<Mutex<Option<V>>> = values.into_iter().map(|value| Mutex::new(Some(value))).collect();
        for_each_number(values.len(), &|i| {
            // No thread panics with the lock held, and every number comes once.
            let value = values[i].lock().ok().and_then(|mut value| value.take());
            if let Some(value) = value {
                run(value);
            }
        });
    }

    fn for_each_number(end: usize, run: &(dyn Fn(usize) + Sync)) {
        (0..end).into_par_iter().for_each(run);
    }
}
