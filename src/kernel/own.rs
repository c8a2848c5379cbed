//! The parameters of elements that belong to many groups: how a [`Span`] is cut into parts of one group, or of elements with parameters of their own.

use super::elementwise::TILE;
use super::quotient::Each;
use crate::params::{QuantParams, Span};
use core::ops::Range;

/// Runs at least this long use the kernel for one scale.
pub(super) const LONG_RUN: usize = 256;

/// Parameters of neighbouring elements, one entry an element.
#[derive(Clone, Copy)]
pub(super) struct Own<'a> {
    pub(super) scales: &'a [f32],
    /// The reciprocals of the scales; empty where codes are restored, which takes none.
    pub(super) inverses: &'a [f32],
    pub(super) zero_points: &'a [i32],
    /// Empty if all are 0.
    pub(super) offsets: &'a [f32],
}

impl<'a> Own<'a> {
    /// Returns those of all groups of a tensor.
    pub(super) fn of(params: &'a QuantParams) -> Self {
        Self {
            scales: params.scales(),
            inverses: &params.prepared().inverses,
            zero_points: params.zero_points(),
            offsets: params.offsets(),
        }
    }

    /// Returns those of some of the elements.
    pub(super) fn part(&self, range: Range<usize>) -> Self {
        let floats = |all: &'_ [f32]| if all.is_empty() { 0..0 } else { range.clone() };
        Self {
            scales: &self.scales[floats(self.scales)],
            inverses: &self.inverses[floats(self.inverses)],
            zero_points: &self.zero_points[range.clone()],
            offsets: &self.offsets[floats(self.offsets)],
        }
    }

    /// Returns the scales, as kernels want them.
    pub(super) fn divisors(&self) -> Each<'a> {
        Each { scales: self.scales, inverses: self.inverses }
    }
}

/// What the elements of a range have in common.
pub(super) enum Part<'a> {
    /// One group.
    Group(usize),
    /// A span of elements with their own parameters, or several such spans, one after another.
    Each(Own<'a>),
}

/// Cuts `total` elements into parts and hands each over with its range: those of a span, or of several spans of the same groups.
/// `all` has the parameters of all groups.
pub(super) fn for_each_part(all: Own<'_>, span: Span, total: usize, mut visit: impl FnMut(Part<'_>, Range<usize>)) {
    let Span { len, first_group, repeat, .. } = span;
    if total == 0 {
        return;
    }
    if repeat >= LONG_RUN || repeat >= len {
        for span in (0..total).step_by(len) {
            for (k, start) in (0..len).step_by(repeat).enumerate() {
                visit(Part::Group(first_group + k), span + start..span + len.min(start + repeat));
            }
        }
        return;
    }
    if repeat == 1 && (total == len || len >= TILE / 2) {
        return visit(Part::Each(all.part(first_group..first_group + len)), 0..total);
    }
    let mut tile = Tile::new();
    if len <= TILE {
        let times = (TILE / len).min(total / len);
        return visit(Part::Each(tile.spread(all, first_group, repeat, len, times)), 0..total);
    }
    // Whole groups only, so that every tile starts at the first element of one.
    let step = TILE / repeat * repeat;
    for span in (0..total).step_by(len) {
        for start in (0..len).step_by(step) {
            let n = step.min(len - start);
            let own = tile.spread(all, first_group + start / repeat, repeat, n, 1);
            visit(Part::Each(own), span + start..span + start + n);
        }
    }
}

/// Where parameters are spread.
struct Tile {
    scales: [f32; TILE],
    inverses: [f32; TILE],
    offsets: [f32; TILE],
    zero_points: [i32; TILE],
}

impl Tile {
    fn new() -> Self {
        Self { scales: [0.0; TILE], inverses: [0.0; TILE], offsets: [0.0; TILE], zero_points: [0; TILE] }
    }

    /// Returns the parameters of `len` elements from the first of a group on, so many times.
    fn spread(&mut self, all: Own<'_>, group: usize, repeat: usize, len: usize, times: usize) -> Own<'_> {
        let n = len * times;
        Own {
            scales: spread(all.scales, group, repeat, len, &mut self.scales[..n]),
            inverses: spread(all.inverses, group, repeat, len, &mut self.inverses[..n]),
            zero_points: spread(all.zero_points, group, repeat, len, &mut self.zero_points[..n]),
            offsets: spread(all.offsets, group, repeat, len, &mut self.offsets[..n]),
        }
    }
}

/// Returns each value as often as it is needed for `len` elements, and these as often as they fit; nothing, if there are no
/// values.
fn spread<'a, V: Copy>(values: &[V], first: usize, repeat: usize, len: usize, out: &'a mut [V]) -> &'a [V] {
    if values.is_empty() {
        return &[];
    }
    for out in out.chunks_mut(len) {
        for (run, &value) in out.chunks_mut(repeat).zip(&values[first..]) {
            run.fill(value);
        }
    }
    out
}
