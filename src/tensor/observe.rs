//! A tensor's values handed to the estimators of its groups, in one pass whatever the axis.
//!
//! Where each group is one run of elements, its estimator sees pieces of that run. Groups whose runs are short, as along
//! the last axis, are first collected in a column for each, so that an estimator sees many values in a call.

use crate::params::Span;
use crate::range::{Feed, RangeEstimator};
use alloc::vec::Vec;
#[cfg(feature = "std")]
use {
    super::input::Input,
    crate::error::{Error, Result},
    crate::kernel::{self, GroupExtremes},
    crate::params::Granularity,
};

/// Runs shorter than this are collected.
const SHORT_RUN: usize = 64;
/// Values that a group's column collects before its estimator sees them.
const COLUMN: usize = 64;

/// Shows each estimator the values of its group: those of [`Feed::Whole`] all in one call, the others in pieces.
#[cfg(feature = "std")]
pub(crate) fn observe_groups<E: RangeEstimator>(
    input: &Input<'_>,
    granularity: Granularity,
    estimators: &mut [E],
) -> Result<()> {
    if input.len() == 0 {
        return Ok(());
    }
    let feed = estimators.first().map_or(Feed::Nothing, RangeEstimator::feed);
    if granularity == Granularity::Tensor
        && let Some(values) = input.as_f32s()
    {
        for estimator in estimators {
            estimator.observe(values);
        }
        return Ok(());
    }
    if feed == Feed::Extremes {
        let mut extremes = GroupExtremes::new(estimators.len());
        input.for_each_f32_piece(granularity, &mut |span, x| {
            extremes.observe(kernel::detect(), span.first_group, span.repeat, x);
            Ok(())
        })?;
        for (estimator, seen) in estimators.iter_mut().zip(extremes.iter()) {
            estimator.observe_extremes(&seen);
        }
        return Ok(());
    }
    let longest = input.len().div_ceil(estimators.len().max(1));
    let mut columns = Columns::new(estimators.len(), feed, longest);
    input.for_each_f32_piece(granularity, &mut |span, x| {
        columns.add(span, x, estimators);
        Ok(())
    })?;
    for (group, estimator) in estimators.iter_mut().enumerate() {
        columns.show_rest(group, estimator);
    }
    Ok(())
}

/// Returns a state for each of so many groups, all of them alike.
///
/// # Errors
///
/// [`Error::OutOfMemory`].
#[cfg(feature = "std")]
pub(crate) fn for_each_group<S: Clone>(groups: usize, fresh: &S) -> Result<Vec<S>> {
    let mut states = Vec::new();
    let error = |_| Error::OutOfMemory { what: "states of channels", count: groups };
    states.try_reserve_exact(groups).map_err(error)?;
    states.resize(groups, fresh.clone());
    Ok(states)
}

/// A column of values for each group, all filled to the same height, more or less.
pub(super) struct Columns {
    feed: Feed,
    groups: usize,
    depth: usize,
    values: Vec<f32>,
    heights: Vec<usize>,
}

impl Columns {
    /// Returns empty columns for so many groups, of which none is longer than `longest`.
    pub(super) fn new(groups: usize, feed: Feed, longest: usize) -> Self {
        let depth = if feed == Feed::Whole { longest + 1 } else { COLUMN };
        Self { feed, groups, depth, values: Vec::new(), heights: Vec::new() }
    }

    /// Shows the estimators a piece of a tensor, or collects it.
    pub(super) fn add<E: RangeEstimator>(&mut self, span: Span, x: &[f32], estimators: &mut [E]) {
        if self.feed == Feed::Nothing {
            return;
        }
        for (k, run) in x.chunks(span.repeat).enumerate() {
            let group = span.first_group + k;
            if self.feed == Feed::Whole || run.len() < SHORT_RUN {
                self.push(group, run, estimators);
            } else {
                estimators[group].observe(run);
            }
        }
    }

    fn push<E: RangeEstimator>(&mut self, group: usize, run: &[f32], estimators: &mut [E]) {
        let depth = self.depth;
        if self.heights.is_empty() {
            self.values.resize(self.groups * depth, 0.0);
            self.heights.resize(self.groups, 0);
        }
        for &x in run {
            let height = self.heights[group];
            self.values[group * depth + height] = x;
            if height + 1 == depth {
                estimators[group].observe(&self.values[group * depth..(group + 1) * depth]);
                self.heights[group] = 0;
            } else {
                self.heights[group] = height + 1;
            }
        }
    }

    /// Shows the estimator of a group what it has not seen.
    pub(super) fn show_rest<E: RangeEstimator>(&self, group: usize, estimator: &mut E) {
        if !self.of(group).is_empty() {
            estimator.observe(self.of(group));
        }
    }

    /// Returns the values of a group that its estimator has not seen.
    pub(super) fn of(&self, group: usize) -> &[f32] {
        match self.heights.get(group) {
            Some(&height) => &self.values[group * self.depth..group * self.depth + height],
            None => &[],
        }
    }
}
