//! From a tensor to the parameters of its groups: one pass, in which NaN is found and values are handed to estimators.
//!
//! Where each group is one run of elements (a tensor, the first axis, blocks of the last axis) there is one estimator at
//! a time. Otherwise there is one for each group.

use super::observe::Columns;
use super::scheme::Scheme;
use super::stream::for_each_f32_piece;
use crate::error::{Error, Result};
use crate::kernel;
use crate::num::{Code, Real, Rounding};
use crate::params::{AffineParams, CodeRange, Granularity, NanPolicy, ParamsCalculator, QuantParams, Span, ValueRange};
use crate::range::{Feed, RangeEstimator};
use alloc::vec;
use alloc::vec::Vec;
use ndarray::{ArrayView, Dimension};

/// What was noticed while a tensor was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Observed {
    /// Elements that are NaN.
    pub nan: u64,
    /// Elements that are infinite.
    pub infinite: u64,
    /// Groups whose range is a single value: channels that are constant, or all zero.
    pub constant_groups: u64,
}

pub(super) fn estimate<T, D, C, E, P, R>(
    view: &ArrayView<'_, T, D>,
    scheme: &Scheme<C, E, P, R>,
) -> Result<(QuantParams, Observed)>
where
    T: Real,
    D: Dimension,
    C: Code,
    E: RangeEstimator,
    P: ParamsCalculator,
    R: Rounding,
{
    let groups = scheme.granularity.groups(view.shape())?;
    let codes = scheme.codes();
    if !codes.fits::<C>() {
        return Err(codes.does_not_fit::<C>());
    }
    let mut pass =
        Pass { scheme, codes, shape: view.shape(), observed: Observed::default(), params: Vec::with_capacity(groups) };
    let group_len = match scheme.granularity {
        // All but the last block are of full length.
        Granularity::Block { size, .. } => size.min(view.len()),
        _ => view.len().checked_div(groups).unwrap_or(0),
    };
    if one_run_each(scheme.granularity, view.shape()) || scheme.estimator.feed() == Feed::Nothing {
        pass.in_order(view, groups)?;
    } else {
        pass.scattered(view, groups, group_len)?;
    }
    let params = QuantParams::from_groups(scheme.granularity, pass.codes, pass.params)?;
    Ok((params, pass.observed))
}

/// Returns whether each group is one run of elements, and the runs are in the order of the groups.
fn one_run_each(granularity: Granularity, shape: &[usize]) -> bool {
    match granularity {
        Granularity::Tensor => true,
        Granularity::Axis(axis) => shape[..axis].iter().product::<usize>() == 1,
        Granularity::Block { axis, .. } => shape[axis + 1..].iter().product::<usize>() == 1,
    }
}

struct Pass<'a, C, E, P, R> {
    scheme: &'a Scheme<C, E, P, R>,
    codes: CodeRange,
    shape: &'a [usize],
    observed: Observed,
    params: Vec<AffineParams>,
}

impl<C: Code, E: RangeEstimator, P: ParamsCalculator, R: Rounding> Pass<'_, C, E, P, R> {
    /// One estimator at a time.
    fn in_order<T: Real, D: Dimension>(&mut self, view: &ArrayView<'_, T, D>, groups: usize) -> Result<()> {
        let feed = self.scheme.estimator.feed();
        let mut current = (0, self.scheme.estimator.clone());
        let mut collected = Vec::new();
        for_each_f32_piece(view, self.scheme.granularity, |span, x| {
            self.check(span, x)?;
            let runs = if feed == Feed::Nothing { &[] } else { x };
            for (k, run) in runs.chunks(span.repeat).enumerate() {
                while current.0 < span.first_group + k {
                    self.finish(&mut current, &mut collected)?;
                }
                if feed == Feed::Whole { collected.extend_from_slice(run) } else { current.1.observe(run) }
            }
            Ok(())
        })?;
        while current.0 < groups {
            self.finish(&mut current, &mut collected)?;
        }
        Ok(())
    }

    /// An estimator for each group.
    fn scattered<T: Real, D: Dimension>(
        &mut self,
        view: &ArrayView<'_, T, D>,
        groups: usize,
        group_len: usize,
    ) -> Result<()> {
        let mut estimators = vec![self.scheme.estimator.clone(); groups];
        let feed = self.scheme.estimator.feed();
        let mut columns = Columns::new(groups, feed, group_len);
        for_each_f32_piece(view, self.scheme.granularity, |span, x| {
            self.check(span, x)?;
            columns.add(span, x, &mut estimators);
            Ok(())
        })?;
        for (group, mut estimator) in estimators.into_iter().enumerate() {
            let rest = columns.of(group);
            let range = if feed == Feed::Whole {
                estimator.range_of(rest, self.scheme)?
            } else {
                estimator.observe(rest);
                estimator.range(self.scheme)?
            };
            self.push_params(range)?;
        }
        Ok(())
    }

    /// Counts what is not finite, and refuses NaN where the policy says so.
    fn check(&mut self, span: Span, x: &[f32]) -> Result<()> {
        let level = kernel::detect();
        let (nan, infinite) = kernel::count_non_finite(level, x);
        self.observed.nan += nan;
        self.observed.infinite += infinite;
        if nan > 0 && self.scheme.nan_policy == NanPolicy::Error {
            let at = span.start + kernel::first_nan(level, x).unwrap_or(0);
            return Err(Error::NotANumber { index: unravel(at, self.shape) });
        }
        Ok(())
    }

    fn finish(&mut self, current: &mut (usize, E), collected: &mut Vec<f32>) -> Result<()> {
        let estimator = core::mem::replace(&mut current.1, self.scheme.estimator.clone());
        let range = if estimator.feed() == Feed::Whole {
            estimator.range_of(collected, self.scheme)?
        } else {
            estimator.range(self.scheme)?
        };
        collected.clear();
        current.0 += 1;
        self.push_params(range)
    }

    fn push_params(&mut self, range: ValueRange) -> Result<()> {
        let was_observed = self.scheme.estimator.feed() != Feed::Nothing;
        self.observed.constant_groups += u64::from(was_observed && range.is_constant());
        self.params.push(self.scheme.calculator.params(range, self.codes)?);
        Ok(())
    }
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
