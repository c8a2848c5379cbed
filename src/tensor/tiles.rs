//! A tensor whose axes stand in memory in another order, read a tile at a time, so that each line of the cache is read once.
//!
//! Between the axis whose elements are neighbours in memory and the last axis, along which results are neighbours, the elements are
//! a matrix with its axes exchanged. A tile of it is transposed in registers, and handed over as parts of rows.
//!
//! 1. Axes that follow each other both in the shape and in memory are one: of a picture's, height and width.
//! 2. Tiles are not in the order of the elements. What is found must not depend on it; of several errors the first is found by another pass.

use crate::error::Result;
use crate::kernel::{self, Rows, transpose};
use crate::num::Reals;
use crate::params::{Span, Spans};

/// Elements in a tile: 64 KiB.
const TILE: usize = 1 << 14;
/// Rows of a tile: so many neighbours in memory, a line of the cache, are read at a time.
const ROWS: usize = 16;
/// Between the rows of a tile, so that they do not share the sets of a cache.
const PAD: usize = 16;
/// The most axes, once those that follow each other are one.
const MOST_AXES: usize = 8;

/// An axis: its length, and how far apart its elements are in memory, and in row-major order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Axis {
    len: usize,
    in_memory: usize,
    in_order: usize,
}

/// How a tensor's elements, which fill their memory, lie in it.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// The axes other than the two of the matrix.
    outer: [Axis; MOST_AXES],
    outer_axes: usize,
    /// Along it elements are neighbours in memory.
    rows: Axis,
    /// Along it they are in order.
    columns: Axis,
}

impl Layout {
    /// Returns the layout of a view, or `None` if there is no matrix to transpose. Elements fill their memory.
    pub(super) fn of(shape: &[usize], strides: &[isize]) -> Option<Self> {
        if shape.contains(&0) {
            return None;
        }
        let (mut axes, mut count) = ([Axis::default(); MOST_AXES], 0);
        let mut in_order = 1;
        for (&len, &stride) in shape.iter().zip(strides).rev() {
            if len != 1 {
                let axis = Axis { len, in_memory: usize::try_from(stride).ok()?, in_order };
                match axes[..count].last_mut() {
                    Some(last) if axis.in_memory == last.len * last.in_memory => last.len *= len,
                    _ => {
                        *axes.get_mut(count)? = axis;
                        count += 1;
                    }
                }
            }
            in_order *= len;
        }
        // The last axis comes first.
        let (columns, others) = axes[..count].split_first()?;
        let rows = others.iter().position(|axis| axis.in_memory == 1)?;
        let (mut outer, mut outer_axes) = ([Axis::default(); MOST_AXES], 0);
        for (_, axis) in others.iter().enumerate().filter(|&(k, _)| k != rows) {
            outer[outer_axes] = *axis;
            outer_axes += 1;
        }
        Some(Self { outer, outer_axes, rows: others[rows], columns: *columns })
    }

    /// Calls `visit` with parts of rows, in any order: the index of the first element in row-major order, and the elements in f32. `memory`
    /// is what the tensor fills, from its first element on.
    #[expect(clippy::large_stack_arrays, reason = "128 KiB: quantizing into memory of the caller allocates nothing")]
    pub(super) fn for_each_part(
        &self,
        memory: Reals<'_>,
        visit: &mut dyn FnMut(usize, &[f32]) -> Result<()>,
    ) -> Result<()> {
        let Self { rows, columns, .. } = *self;
        let level = kernel::detect();
        let height = ROWS.min(rows.len);
        let width = (TILE / height / PAD * PAD).min(columns.len);
        let (mut tile, mut widened) = ([0.0; TILE + ROWS * PAD], [0.0; TILE]);
        let outer = &self.outer[..self.outer_axes];
        let matrices: usize = outer.iter().map(|axis| axis.len).product();
        for matrix in 0..matrices {
            let (mut rest, mut at, mut start) = (matrix, 0, 0);
            for axis in outer {
                at += rest % axis.len * axis.in_memory;
                start += rest % axis.len * axis.in_order;
                rest /= axis.len;
            }
            for row in (0..rows.len).step_by(height) {
                let height = height.min(rows.len - row);
                for column in (0..columns.len).step_by(width) {
                    let width = width.min(columns.len - column);
                    let (first, step) = (at + row + column * columns.in_memory, width + PAD);
                    let from = Rows { number: width, len: height, step: columns.in_memory };
                    if let Reals::F32(x) = memory {
                        transpose(level, &x[first..], from, &mut tile, step);
                    } else {
                        for k in 0..width {
                            let run = first + k * columns.in_memory;
                            let widened = &mut widened[k * height..(k + 1) * height];
                            kernel::widen(level, memory.part(run..run + height), widened);
                        }
                        transpose(level, &widened, Rows { step: height, ..from }, &mut tile, step);
                    }
                    for k in 0..height {
                        let index = start + (row + k) * rows.in_order + column;
                        visit(index, &tile[k * step..k * step + width])?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Calls `visit` with the spans of a part of a tensor that begins with the element of this index, and their elements. `current` is the
/// run that the part before ended in, or none.
pub(super) fn for_each_span(
    spans: &Spans,
    current: &mut Option<Span>,
    start: usize,
    x: &[f32],
    visit: &mut dyn FnMut(Span, &[f32]) -> Result<()>,
) -> Result<()> {
    let (_, len) = spans.number_and_len();
    let mut done = 0;
    while done < x.len() {
        let at = start + done;
        let is_in = |span: &Span| (span.start..span.start + span.len).contains(&at);
        if !current.as_ref().is_some_and(is_in) {
            *current = spans.starting_at(at / len.max(1)).next();
        }
        let Some(span) = *current else { return Ok(()) };
        let (from, left) = (at - span.start, (span.start + span.len - at).min(x.len() - done));
        let (group, in_group) = (span.first_group + from / span.repeat, from % span.repeat);
        // The rest of a group, or whole ones, and a part of the last.
        let (n, repeat) = if in_group > 0 || left < span.repeat {
            let n = left.min(span.repeat - in_group);
            (n, n)
        } else {
            (left, span.repeat)
        };
        visit(Span { start: at, len: n, first_group: group, repeat }, &x[done..done + n])?;
        done += n;
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::params::Granularity;
    use alloc::vec::Vec;
    use ndarray::{ArrayD, Axis as Of, IxDyn};
    use proptest::prelude::*;

    fn check(shape: &[usize], order: &[usize], granularity: Granularity) -> Result<bool, TestCaseError> {
        let count: usize = shape.iter().product();
        let dense = ArrayD::from_shape_vec(IxDyn(shape), (0..count).map(|i| i as f64).collect()).unwrap();
        let view = dense.view().permuted_axes(IxDyn(order));
        let Some(layout) = Layout::of(view.shape(), view.strides()) else { return Ok(false) };
        let spans = granularity.all_spans(view.shape()).unwrap();
        let want: Vec<f32> = view.iter().map(|&x| x as f32).collect();
        let groups = spans.clone().flat_map(|span| (0..span.len).map(move |i| span.first_group + i / span.repeat));
        let groups: Vec<usize> = groups.collect();
        let narrow: Vec<f32> = dense.iter().map(|&x| x as f32).collect();
        for memory in [Reals::F64(dense.as_slice().unwrap()), Reals::F32(&narrow)] {
            let (mut seen, mut current) = (vec![0; count], None);
            let visited = layout.for_each_part(memory, &mut |start, x| {
                for_each_span(&spans, &mut current, start, x, &mut |span, x| {
                    assert_eq!(span.len, x.len());
                    for (i, &x) in x.iter().enumerate() {
                        seen[span.start + i] += 1;
                        assert_eq!(x, want[span.start + i]);
                        assert_eq!(span.first_group + i / span.repeat, groups[span.start + i]);
                    }
                    Ok(())
                })
            });
            prop_assert!(visited.is_ok() && seen.iter().all(|&times| times == 1));
        }
        Ok(true)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_element_is_seen_once_where_it_belongs(
            shape in prop::collection::vec(1_usize..50, 2..4),
            order in Just([0, 1, 2]).prop_shuffle(),
            (axis, size, kind) in (0_usize..3, 1_usize..40, 0..3),
        ) {
            let order: Vec<usize> = order.into_iter().filter(|&axis| axis < shape.len()).collect();
            let axis = axis % shape.len();
            let granularity = match kind {
                0 => Granularity::Tensor,
                1 => Granularity::Axis(axis),
                _ => Granularity::Block { axis, size },
            };
            check(&shape, &order, granularity)?;
        }
    }

    #[test]
    fn axes_that_follow_each_other_are_one() {
        // A picture whose channels come last, as one whose channels come first.
        let picture = ArrayD::<f32>::zeros(IxDyn(&[2, 5, 7, 3]));
        let view = picture.view().permuted_axes(IxDyn(&[0, 3, 1, 2]));
        let layout = Layout::of(view.shape(), view.strides()).unwrap();
        assert_eq!((layout.columns.len, layout.rows.len, layout.outer_axes), (35, 3, 1));
        assert!(Layout::of(picture.shape(), picture.strides()).is_none());
        let mut turned = picture.view();
        turned.invert_axis(Of(0));
        assert!(Layout::of(turned.shape(), turned.strides()).is_none());
        assert!(check(&[600, 70], &[1, 0], Granularity::Axis(0)).unwrap());
        assert!(check(&[70, 600], &[1, 0], Granularity::Block { axis: 1, size: 32 }).unwrap());
    }
}
