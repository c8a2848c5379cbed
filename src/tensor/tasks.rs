//! A tensor cut into tasks that do not depend on each other, for threads to share out, or for one thread.
//!
//! 1. Where a task begins depends on the shape and the granularity alone, and what tasks give is put together in their order:
//!    the result is the same for any number of threads.
//! 2. A thread that maps alone goes through the tasks from the last to the first. The pass before, which looked for the range,
//!    ended at the last, so that as much as fits is still in the cache.
//! 3. A task is large beside what it costs to hand it over (some microseconds), and fits the second-level cache.

use super::estimate::Observed;
use super::stream::{PIECE, Visit, for_each_f32_piece, in_f32};
use crate::error::Result;
use crate::num::Real;
use crate::params::{Granularity, OneOrMany, Span, Spans};
use alloc::vec::Vec;
use core::ops::Range;
use ndarray::{ArrayView, Dimension};

/// Elements in a task, if its groups let it be: 256 KiB of f32.
const TASK: usize = 1 << 16;
/// With fewer tasks than that one thread is as fast as two.
#[cfg(feature = "rayon")]
const FEWEST: usize = 4;

/// Neighbouring elements of a tensor, in row-major order.
#[derive(Clone, Debug)]
pub(super) struct Task {
    runs: Runs,
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
    /// Returns the indices of its elements.
    pub(super) fn range(&self) -> Range<usize> {
        self.range.clone()
    }

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

    /// Calls `visit` with each of its pieces, in order. `slice` is the whole tensor.
    pub(super) fn for_each_f32_piece<T: Real>(&self, slice: &[T], looks: Looks, visit: Visit<'_>) -> Result<()> {
        let mut widened = Vec::new();
        for piece in self.spans().flat_map(|span| span.pieces(longest_piece::<T>(looks))) {
            visit(piece, in_f32(&slice[piece.start..piece.start + piece.len], &mut widened))?;
        }
        Ok(())
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
        self.spans().flat_map(|span| span.pieces(max)).try_for_each(|span| visit(span, span.len))
    }
}

/// Returns how many elements to show at a time: a task, or, where they are widened first or looked at twice, what stays in the
/// first-level cache.
fn longest_piece<T: Real>(looks: Looks) -> usize {
    if looks == Looks::One && T::as_f32s(&[]).is_some() { TASK } else { PIECE }
}

/// Returns a tensor with one scale as one piece, if it is short enough and need not be copied: then no tasks are made.
pub(super) fn only_piece<'a, T: Real, D: Dimension>(
    view: &'a ArrayView<'_, T, D>,
    granularity: Granularity,
    looks: Looks,
) -> Option<(Span, &'a [f32])> {
    let x = view.as_slice().and_then(T::as_f32s)?;
    let len = x.len();
    let short = granularity == Granularity::Tensor && (1..=longest_piece::<T>(looks)).contains(&len);
    short.then_some((Span { start: 0, len, first_group: 0, repeat: len }, x))
}

/// Returns the tasks of a tensor of this shape, in order. Groups of up to a task's length are not cut.
///
/// # Errors
///
/// Those of [`Granularity::spans`].
pub(super) fn tasks_of(granularity: Granularity, shape: &[usize]) -> Result<OneOrMany<Task>> {
    let spans = granularity.all_spans(shape)?;
    let (number, len) = spans.number_and_len();
    if len == 0 {
        return Ok(OneOrMany::Many(Vec::new()));
    }
    if len > TASK {
        let parts = spans.flat_map(|span| span.pieces(TASK));
        let task = |part: Span| Task { range: part.start..part.start + part.len, runs: Runs::Part(part) };
        return Ok(OneOrMany::Many(parts.map(task).collect()));
    }
    let together = TASK / len;
    let task = |first| {
        let runs = together.min(number - first);
        Task { range: first * len..(first + runs) * len, runs: Runs::Whole(spans.starting_at(first), runs) }
    };
    if number <= together {
        return Ok(OneOrMany::One(task(0)));
    }
    Ok(OneOrMany::Many((0..number).step_by(together).map(task).collect()))
}

/// How often a piece is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    One,
    Two,
}

/// What is done with a piece of a tensor: its elements, and as many of the output. They are those of the span, or of several
/// spans of the same groups, one after another. Returns what was noticed.
pub(super) type MapPiece<'a, O> = &'a (dyn Fn(Span, &[f32], &mut [O]) -> Result<Observed> + Sync);

/// Maps each piece of a tensor to as many elements of `out`, which is of its length, and returns what was noticed in all.
///
/// # Errors
///
/// Those of [`Granularity::spans`], and of several pieces' errors that of the first piece.
pub(super) fn map_pieces<T: Real, D: Dimension, O: Send>(
    view: &ArrayView<'_, T, D>,
    granularity: Granularity,
    looks: Looks,
    out: &mut [O],
    map: MapPiece<'_, O>,
) -> Result<Observed> {
    if let Some((span, x)) = only_piece(view, granularity, looks) {
        return map(span, x, out);
    }
    let mut all = Observed::default();
    if let Some(slice) = view.as_slice() {
        for observed in map_slice(slice, &tasks_of(granularity, view.shape())?, looks, out, map) {
            all.add(observed?);
        }
    } else {
        for_each_f32_piece(view, granularity, |span, x| {
            all.add(map(span, x, &mut out[span.start..span.start + span.len])?);
            Ok(())
        })?;
    }
    Ok(all)
}

fn map_slice<T: Real, O: Send>(
    slice: &[T],
    tasks: &[Task],
    looks: Looks,
    out: &mut [O],
    map: MapPiece<'_, O>,
) -> OneOrMany<Result<Observed>> {
    run(tasks, out, &|task, out| {
        let (mut all, mut widened) = (Observed::default(), Vec::new());
        task.for_each_stretch(longest_piece::<T>(looks), &mut |span, len| {
            let start = span.start - task.range.start;
            let x = in_f32(&slice[span.start..span.start + len], &mut widened);
            all.add(map(span, x, &mut out[start..start + len])?);
            Ok(())
        })?;
        Ok(all)
    })
}

/// Runs each task with its part of `out`, and returns what they give, in order. The tasks cover `out`, in order.
pub(super) fn run<O: Send, A: Send>(
    tasks: &[Task],
    mut out: &mut [O],
    run: &(dyn Fn(&Task, &mut [O]) -> A + Sync),
) -> OneOrMany<A> {
    if let [task] = tasks {
        return OneOrMany::One(run(task, out));
    }
    let mut found: Vec<Option<A>> = tasks.iter().map(|_| None).collect();
    let mut parts = Vec::with_capacity(tasks.len());
    for (task, found) in tasks.iter().zip(&mut found) {
        let (part, rest) = out.split_at_mut(task.range.len());
        parts.push((task, part, found));
        out = rest;
    }
    let work = |(task, part, found): (&Task, &mut [O], &mut Option<A>)| *found = Some(run(task, part));
    #[cfg(feature = "rayon")]
    if parts.len() >= FEWEST {
        threads::consume(parts, &work);
        return OneOrMany::Many(found.into_iter().flatten().collect());
    }
    parts.into_iter().rev().for_each(work);
    OneOrMany::Many(found.into_iter().flatten().collect())
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
pub(super) fn collect<A: Send>(tasks: &[Task], run: &(dyn Fn(&Task) -> Result<A> + Sync)) -> Result<OneOrMany<A>> {
    if let [task] = tasks {
        return Ok(OneOrMany::One(run(task)?));
    }
    #[cfg(feature = "rayon")]
    if tasks.len() >= FEWEST {
        // All of them, so that which error is the first does not depend on which thread was.
        return each(tasks, run).into_iter().collect::<Result<Vec<A>>>().map(OneOrMany::Many);
    }
    tasks.iter().map(run).collect::<Result<Vec<A>>>().map(OneOrMany::Many)
}

/// Calls `run` with each of the values, on as many threads as there are.
#[cfg(feature = "rayon")]
pub(super) mod threads {
    use alloc::vec::Vec;
    use rayon::iter::{IntoParallelIterator, ParallelIterator};
    use std::sync::Mutex;

    /// Hands each value to one thread. Only the loop over numbers is rayon's: compiled once, not for each kind of value.
    pub(in crate::tensor) fn consume<V: Send>(values: Vec<V>, run: &(dyn Fn(V) + Sync)) {
        let values: Vec<Mutex<Option<V>>> = values.into_iter().map(|value| Mutex::new(Some(value))).collect();
        for_each_number(values.len(), &|i| {
            // Nobody panics with the lock held, and every number comes once.
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
