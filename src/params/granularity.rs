//! Which elements share a scale.

use crate::error::{Error, Result};
use core::fmt;

/// Which elements of a tensor share one scale and zero point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Granularity {
    /// All of them.
    #[default]
    Tensor,
    /// Those with the same index along this axis: a channel.
    #[doc(alias = "channel")]
    Axis(usize),
    /// Runs of `size` elements along `axis`, the last of them shorter if need be.
    Block {
        /// The axis that is cut.
        axis: usize,
        /// Elements in a block, along that axis.
        size: usize,
    },
}

/// A run of elements, contiguous in row-major order, and the groups that they belong to.
///
/// Element `start + i` belongs to group `first_group + i / repeat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Index of the first element.
    pub start: usize,
    /// Number of elements.
    pub len: usize,
    /// Group of the first element.
    pub first_group: usize,
    /// How many neighbours share a group; at least 1.
    pub repeat: usize,
}

impl Span {
    /// Cuts the span into pieces of at most `max` elements that start with the first element of a group, or lie in one.
    pub(crate) fn pieces(self, max: usize) -> impl Iterator<Item = Span> {
        let whole_groups = self.repeat <= max;
        let step = if whole_groups { max / self.repeat * self.repeat } else { max };
        let (mut at, end) = (0, self.len);
        core::iter::from_fn(move || {
            let group_end = if whole_groups { end } else { end.min((at / self.repeat + 1) * self.repeat) };
            let len = step.min(group_end - at);
            let piece = Span {
                start: self.start + at,
                len,
                first_group: self.first_group + at / self.repeat,
                repeat: if whole_groups { self.repeat } else { len },
            };
            at += len;
            (len > 0).then_some(piece)
        })
    }
}

impl Granularity {
    /// Returns the number of groups in a tensor of this shape.
    ///
    /// In row-major order of the shape in which the axis is 1 long for `Tensor`, of full length for `Axis` (all other
    /// axes 1), and cut to the number of blocks for `Block` (all other axes kept).
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfBounds`], [`Error::BlockSizeZero`].
    pub fn groups(self, shape: &[usize]) -> Result<usize> {
        match self {
            Granularity::Tensor => Ok(1),
            Granularity::Axis(axis) => length_of(shape, axis),
            Granularity::Block { axis, size } => {
                let blocks = blocks_of(shape, axis, size)?;
                Ok(product(&[product(&shape[..axis]), blocks, product(&shape[axis + 1..])]))
            }
        }
    }

    /// Returns the runs that a tensor of this shape falls into, in row-major order.
    ///
    /// # Errors
    ///
    /// As [`groups`](Self::groups).
    pub fn spans(self, shape: &[usize]) -> Result<impl Iterator<Item = Span>> {
        self.all_spans(shape)
    }

    /// The same, by a type that has a name.
    pub(crate) fn all_spans(self, shape: &[usize]) -> Result<Spans> {
        let (count, len, groups_per_step, repeat) = match self {
            Granularity::Tensor => {
                let total = product(shape);
                (1, total, 0, total)
            }
            Granularity::Axis(axis) => {
                let channels = length_of(shape, axis)?;
                let inner = product(&shape[axis + 1..]);
                (product(&shape[..axis]), channels.saturating_mul(inner), 0, inner)
            }
            Granularity::Block { axis, size } => {
                let blocks = blocks_of(shape, axis, size)?;
                let outer = product(&shape[..axis]);
                let inner = product(&shape[axis + 1..]);
                if inner == 1 && shape[axis].is_multiple_of(size) {
                    // All blocks are whole, so that they follow each other from one end of the tensor to the other.
                    (1, outer.saturating_mul(shape[axis]), 0, size)
                } else if inner == 1 {
                    (outer, shape[axis], blocks, size)
                } else {
                    // A row of `inner` elements at a time; `size` such rows after another have the same groups.
                    let outer = if inner == 0 { 0 } else { outer };
                    return Ok(Spans::Rows { outer, axis_len: shape[axis], inner, size, blocks, next: 0 });
                }
            }
        };
        // A run of no elements is none: there may be 2⁶⁴ of them.
        let count = if len == 0 { 0 } else { count };
        Ok(Spans::Regular { count, len, groups_per_step, repeat: repeat.max(1), next: 0 })
    }

    /// Returns whether each group is one run of elements, and the runs are in the order of the groups.
    pub(crate) fn one_run_each(self, shape: &[usize]) -> bool {
        match self {
            Granularity::Tensor => true,
            Granularity::Axis(axis) => shape[..axis].iter().product::<usize>() == 1,
            Granularity::Block { axis, .. } => shape[axis + 1..].iter().product::<usize>() == 1,
        }
    }

    /// Returns the most elements that one of so many groups has.
    pub(crate) fn longest_group(self, shape: &[usize], groups: usize) -> usize {
        match self {
            // All but the last block are of full length.
            Granularity::Block { axis, size } => size.min(shape[axis]),
            _ => product(shape).checked_div(groups).unwrap_or(0),
        }
    }

    /// Returns the axis, if there is one.
    pub fn axis(self) -> Option<usize> {
        match self {
            Granularity::Tensor => None,
            Granularity::Axis(axis) | Granularity::Block { axis, .. } => Some(axis),
        }
    }
}

/// The runs of a tensor, all equally long, from one of them on.
#[derive(Clone, Debug)]
pub(crate) enum Spans {
    Regular { count: usize, len: usize, groups_per_step: usize, repeat: usize, next: usize },
    Rows { outer: usize, axis_len: usize, inner: usize, size: usize, blocks: usize, next: usize },
}

impl Spans {
    /// Returns how many runs there are, and the elements of each.
    pub(crate) fn number_and_len(&self) -> (usize, usize) {
        match self {
            Spans::Regular { count, len, .. } => (*count, *len),
            Spans::Rows { outer, axis_len, inner, .. } => (outer.saturating_mul(*axis_len), *inner),
        }
    }

    /// Returns whether all runs have the same groups.
    pub(crate) fn are_alike(&self) -> bool {
        matches!(self, Spans::Regular { groups_per_step: 0, .. })
    }

    /// Returns the runs from the one with this number on.
    pub(crate) fn starting_at(&self, number: usize) -> Self {
        let mut spans = self.clone();
        match &mut spans {
            Spans::Regular { next, .. } | Spans::Rows { next, .. } => *next = number,
        }
        spans
    }
}

impl Iterator for Spans {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        match self {
            Spans::Regular { count, len, groups_per_step, repeat, next } => {
                let i = *next;
                *next = i.saturating_add(1);
                (i < *count).then(|| Span {
                    start: i.saturating_mul(*len),
                    len: *len,
                    first_group: i.saturating_mul(*groups_per_step),
                    repeat: *repeat,
                })
            }
            Spans::Rows { outer, axis_len, inner, size, blocks, next } => {
                let row = *next;
                *next = row.saturating_add(1);
                (row < outer.saturating_mul(*axis_len)).then(|| {
                    let (o, a) = (row / *axis_len, row % *axis_len);
                    Span {
                        start: row.saturating_mul(*inner),
                        len: *inner,
                        // o < outer, so that this is less than there are groups.
                        first_group: o.saturating_mul(*blocks).saturating_add(a / *size).saturating_mul(*inner),
                        repeat: 1,
                    }
                })
            }
        }
    }
}

/// Shapes from files may be absurd: a product too large to count is too large for anything that follows, too.
fn product(lengths: &[usize]) -> usize {
    lengths.iter().fold(1, |product: usize, &len| product.saturating_mul(len))
}

fn length_of(shape: &[usize], axis: usize) -> Result<usize> {
    shape.get(axis).copied().ok_or(Error::AxisOutOfBounds { axis, ndim: shape.len() })
}

fn blocks_of(shape: &[usize], axis: usize, size: usize) -> Result<usize> {
    let len = length_of(shape, axis)?;
    if size == 0 { Err(Error::BlockSizeZero { axis }) } else { Ok(len.div_ceil(size)) }
}

impl fmt::Display for Granularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Granularity::Tensor => f.write_str("per tensor"),
            Granularity::Axis(axis) => write!(f, "per axis {axis}"),
            Granularity::Block { axis, size } => write!(f, "per block of {size} along axis {axis}"),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// The definition, one element at a time, from its index along each axis.
    fn group_of(granularity: Granularity, shape: &[usize], index: &[usize]) -> usize {
        match granularity {
            Granularity::Tensor => 0,
            Granularity::Axis(axis) => index[axis],
            Granularity::Block { axis, size } => {
                let mut group = 0;
                for (k, (&i, &n)) in index.iter().zip(shape).enumerate() {
                    let (i, n) = if k == axis { (i / size, n.div_ceil(size)) } else { (i, n) };
                    group = group * n + i;
                }
                group
            }
        }
    }

    fn index_of(mut flat: usize, shape: &[usize]) -> Vec<usize> {
        let mut index = vec![0; shape.len()];
        for (i, n) in index.iter_mut().zip(shape).rev() {
            *i = flat % n;
            flat /= n;
        }
        index
    }

    proptest! {
        #[test]
        fn spans_cover_every_element_once_with_its_own_group(
            shape in prop::collection::vec(0_usize..6, 1..5), axis in 0_usize..4, size in 1_usize..8, kind in 0..3, max in 1_usize..20,
        ) {
            let axis = axis % shape.len();
            let granularity = match kind {
                0 => Granularity::Tensor,
                1 => Granularity::Axis(axis),
                _ => Granularity::Block { axis, size },
            };
            let groups = granularity.groups(&shape).unwrap();
            for span in granularity.spans(&shape).unwrap() {
                let mut next = span.start;
                for piece in span.pieces(max) {
                    prop_assert_eq!(piece.start, next);
                    prop_assert!(piece.len <= max);
                    for i in 0..piece.len {
                        let flat = piece.start + i;
                        let group = piece.first_group + i / piece.repeat;
                        prop_assert_eq!(group, group_of(granularity, &shape, &index_of(flat, &shape)));
                    }
                    next += piece.len;
                }
                prop_assert_eq!(next, span.start + span.len);
            }
            let mut next = 0;
            for span in granularity.spans(&shape).unwrap() {
                prop_assert_eq!(span.start, next);
                for i in 0..span.len {
                    let group = span.first_group + i / span.repeat;
                    prop_assert!(group < groups);
                    prop_assert_eq!(group, group_of(granularity, &shape, &index_of(span.start + i, &shape)));
                }
                next += span.len;
            }
            prop_assert_eq!(next, shape.iter().product::<usize>());
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = |g: Granularity| g.groups(&[2, 3]).unwrap_err().to_string();
        assert_eq!(error(Granularity::Axis(2)), "axis 2 is out of bounds for a tensor of 2 dimensions");
        assert_eq!(error(Granularity::Block { axis: 1, size: 0 }), "a block size of 0 along axis 1 is not possible");
        assert!(Granularity::Axis(0).spans(&[]).is_err());
    }
}
