//! From where on values are saturated.

use super::number::Number;
use crate::num::CodeType;
use crate::params::{AffineParams, CodeRange, QuantParams, Span};
use alloc::vec::Vec;

/// Shorter runs of one group are counted without a call for each.
const SHORT: usize = 32;

/// Of each group, the values half a step beyond the reals of the smallest and largest code; of floating codes these reals.
#[derive(Debug)]
pub(super) struct Bounds(Vec<(f64, f64)>);

impl Bounds {
    pub(super) fn of(code: CodeType, params: &QuantParams) -> Self {
        let groups = (0..params.scales().len()).map_while(|group| params.group(group));
        Self(groups.map(|group| bounds(code, params.codes(), group)).collect())
    }

    /// Returns those of one group.
    pub(super) fn of_group(&self, group: usize) -> (f64, f64) {
        self.0.get(group).copied().unwrap_or((f64::NEG_INFINITY, f64::INFINITY))
    }

    /// Counts the saturated elements of a span, or of several spans of the same groups, one after another.
    pub(super) fn count_saturated<N: Number>(&self, span: Span, x: &[N]) -> u64 {
        let groups = self.0.get(span.first_group..).unwrap_or(&[]);
        let mut count = 0;
        for x in x.chunks(span.len.max(1)) {
            if span.repeat == 1 {
                count += N::count_outside_each(x, groups);
            } else if span.repeat < SHORT {
                for (run, &(low, high)) in x.chunks(span.repeat).zip(groups) {
                    count += run.iter().map(|x| x.wide()).map(|x| u64::from((x < low) | (x > high))).sum::<u64>();
                }
            } else {
                for (run, &bounds) in x.chunks(span.repeat).zip(groups) {
                    count += N::count_outside(run, bounds);
                }
            }
        }
        count
    }

    /// Calls `visit` with the position of each saturated element of a span.
    pub(super) fn for_each_saturated<N: Number>(&self, span: Span, x: &[N], mut visit: impl FnMut(usize)) {
        if self.count_saturated(span, x) == 0 {
            return;
        }
        for (i, x) in x.iter().enumerate() {
            let (low, high) = self.of_group(span.first_group + i % span.len / span.repeat);
            let x = x.wide();
            if x < low || x > high {
                visit(span.start + i);
            }
        }
    }
}

fn bounds(code: CodeType, codes: CodeRange, params: AffineParams) -> (f64, f64) {
    let half_step = if code.is_integer() { 0.5 } else { 0.0 };
    let zero_point = f64::from(params.zero_point());
    let real = |code: f64| (code - zero_point) * f64::from(params.scale()) + f64::from(params.offset());
    (real(codes.min().max(code.min()) - half_step), real(codes.max().min(code.max()) + half_step))
}
