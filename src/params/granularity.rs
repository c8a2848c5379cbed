//! Which elements share a scale.

use super::BlockShape;
use crate::error::{Error, Result};
use core::fmt;
use core::str::FromStr;

/// Which elements of a tensor share one scale and zero point.
///
/// The text form is `per tensor`, `per axis 0`, `per block of 32 along axis 1`, `per block of 128x128`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
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
    /// Blocks of a length along every axis, as 128 × 128.
    Blocks(BlockShape),
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

/// Calls `visit` with the pieces of each span, in order, and stops at the first error. Compiled once, for spans from anywhere.
pub(crate) fn for_each_piece_of(
    spans: &mut dyn Iterator<Item = Span>,
    max: usize,
    visit: &mut dyn FnMut(Span) -> Result<()>,
) -> Result<()> {
    for span in spans {
        span.pieces(max).try_for_each(&mut *visit)?;
    }
    Ok(())
}

impl Granularity {
    /// Returns the number of groups in a tensor of this shape.
    ///
    /// In row-major order of the shape in which the axis is 1 long for `Tensor`, of full length for `Axis` (all other
    /// axes 1), and cut to the number of blocks for `Block` (all other axes kept) and `Blocks` (each axis).
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfBounds`], [`Error::BlockSizeZero`], [`Error::BlockAxes`].
    pub fn groups(self, shape: &[usize]) -> Result<usize> {
        match self {
            Granularity::Tensor => Ok(1),
            Granularity::Axis(axis) => length_of(shape, axis),
            Granularity::Block { axis, size } => {
                let blocks = blocks_of(shape, axis, size)?;
                Ok(product(&[product(&shape[..axis]), blocks, product(&shape[axis + 1..])]))
            }
            Granularity::Blocks(blocks) => {
                check_axes(blocks, shape)?;
                let counts = shape.iter().zip(blocks.lengths()).map(|(&len, &size)| len.div_ceil(size));
                Ok(counts.fold(1, usize::saturating_mul))
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
            Granularity::Blocks(blocks) => {
                check_axes(blocks, shape)?;
                return Ok(Spans::grid(blocks, shape));
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
            Granularity::Blocks(blocks) => {
                let cut = last_cut(blocks, shape);
                blocks.lengths().iter().zip(shape).take(cut).all(|(&size, &len)| size == 1 || len == 1)
            }
        }
    }

    /// Returns the most elements that one of so many groups has.
    pub(crate) fn longest_group(self, shape: &[usize], groups: usize) -> usize {
        match self {
            // All but the last block are of full length.
            Granularity::Block { axis, size } => size.min(shape[axis]),
            Granularity::Blocks(blocks) => {
                let lengths = shape.iter().zip(blocks.lengths()).map(|(&len, &size)| size.min(len));
                lengths.fold(1, usize::saturating_mul)
            }
            _ => product(shape).checked_div(groups).unwrap_or(0),
        }
    }

    /// Returns the axis, if there is one: of `Axis` and `Block`.
    pub fn axis(self) -> Option<usize> {
        match self {
            Granularity::Tensor | Granularity::Blocks(_) => None,
            Granularity::Axis(axis) | Granularity::Block { axis, .. } => Some(axis),
        }
    }
}

/// The runs of a tensor, all equally long, from one of them on.
#[derive(Clone, Debug)]
pub(crate) enum Spans {
    Regular { count: usize, len: usize, groups_per_step: usize, repeat: usize, next: usize },
    Rows { outer: usize, axis_len: usize, inner: usize, size: usize, blocks: usize, next: usize },
    Grid(Grid),
}

/// The runs of a tensor in N-dimensional blocks: each takes the last axis that is cut, and those behind it.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    blocks: BlockShape,
    /// The lengths of the axes before the last that is cut, and how many there are.
    outer: [usize; 8],
    ndim: usize,
    /// Runs, the elements of each, and its blocks.
    count: usize,
    len: usize,
    per_run: usize,
    repeat: usize,
    next: usize,
}

impl Grid {
    /// Returns the first group of a run.
    fn first_group(&self, run: usize) -> usize {
        let (mut rest, mut group, mut stride) = (run, 0_usize, self.per_run);
        let axes = self.outer[..self.ndim].iter().zip(self.blocks.lengths());
        for (&len, &size) in axes.rev() {
            group = group.saturating_add((rest % len / size).saturating_mul(stride));
            stride = stride.saturating_mul(len.div_ceil(size));
            rest /= len;
        }
        group
    }
}

/// Returns the last axis that is cut, or 0 if none is.
fn last_cut(blocks: BlockShape, shape: &[usize]) -> usize {
    blocks.lengths().iter().zip(shape).rposition(|(size, len)| size < len).unwrap_or(0)
}

fn check_axes(blocks: BlockShape, shape: &[usize]) -> Result<()> {
    let axes = blocks.lengths().len();
    if axes == shape.len() { Ok(()) } else { Err(Error::BlockAxes { axes, ndim: shape.len() }) }
}

impl Spans {
    fn grid(blocks: BlockShape, shape: &[usize]) -> Self {
        let cut = last_cut(blocks, shape);
        let inner = product(&shape[cut + 1..]);
        let (axis_len, size) = (shape[cut], blocks.lengths()[cut].min(shape[cut]));
        let len = axis_len.saturating_mul(inner);
        let mut outer = [1; 8];
        outer[..cut].copy_from_slice(&shape[..cut]);
        Spans::Grid(Grid {
            blocks,
            outer,
            ndim: cut,
            count: if len == 0 { 0 } else { product(&shape[..cut]) },
            len,
            per_run: axis_len.div_ceil(size.max(1)),
            repeat: size.saturating_mul(inner).max(1),
            next: 0,
        })
    }

    /// Returns how many runs there are, and the elements of each.
    pub(crate) fn number_and_len(&self) -> (usize, usize) {
        match self {
            Spans::Regular { count, len, .. } => (*count, *len),
            Spans::Rows { outer, axis_len, inner, .. } => (outer.saturating_mul(*axis_len), *inner),
            Spans::Grid(grid) => (grid.count, grid.len),
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
            Spans::Regular { next, .. } | Spans::Rows { next, .. } | Spans::Grid(Grid { next, .. }) => *next = number,
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
            Spans::Grid(grid) => {
                let run = grid.next;
                grid.next = run.saturating_add(1);
                (run < grid.count).then(|| Span {
                    start: run.saturating_mul(grid.len),
                    len: grid.len,
                    first_group: grid.first_group(run),
                    repeat: grid.repeat,
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
            Granularity::Blocks(blocks) => write!(f, "per block of {blocks}"),
        }
    }
}

impl FromStr for Granularity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || Error::UnknownName {
            what: "granularity",
            name: text.into(),
            expected: ["per tensor", "per axis 0", "per block of 32 along axis 1", "per block of 128x128"].into(),
        };
        let number = |word: &str| match word.parse::<usize>() {
            Ok(number) => Ok(number),
            // Digits alone, and more than an axis or a size can be.
            Err(_) if !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit()) => Err(Error::InvalidSetting {
                what: "an axis or block size",
                expected: "a number of at most 64 bits",
                actual: word.parse().unwrap_or(f64::INFINITY),
            }),
            Err(_) => Err(unknown()),
        };
        let (mut words, mut count) = ([""; 8], 0);
        for word in text.split_whitespace() {
            *words.get_mut(count).ok_or_else(unknown)? = word;
            count += 1;
        }
        match words[..count] {
            ["per", "tensor"] => Ok(Granularity::Tensor),
            ["per", "axis", axis] => Ok(Granularity::Axis(number(axis)?)),
            ["per", "block", "of", size, "along", "axis", axis] => match (number(size)?, number(axis)?) {
                (0, axis) => Err(Error::BlockSizeZero { axis }),
                (size, axis) => Ok(Granularity::Block { axis, size }),
            },
            ["per", "block", "of", shape] => shape.parse().map(Granularity::Blocks).map_err(|error| match error {
                Error::UnknownName { .. } => unknown(),
                other => other,
            }),
            _ => Err(unknown()),
        }
    }
}

#[cfg(feature = "serde")]
crate::text::serde_by_text!(Granularity);

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
            Granularity::Blocks(blocks) => {
                let axes = index.iter().zip(shape).zip(blocks.lengths());
                axes.fold(0, |group, ((&i, &n), &size)| group * n.div_ceil(size) + i / size)
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
            shape in prop::collection::vec(0_usize..6, 1..5), axis in 0_usize..4, size in 1_usize..8, kind in 0..4, max in 1_usize..20,
            sizes in prop::collection::vec(prop_oneof![1_usize..8, Just(BlockShape::WHOLE)], 5),
        ) {
            let axis = axis % shape.len();
            let granularity = match kind {
                0 => Granularity::Tensor,
                1 => Granularity::Axis(axis),
                2 => Granularity::Block { axis, size },
                _ => Granularity::Blocks(BlockShape::new(&sizes[..shape.len()]).unwrap()),
            };
            prop_assert_eq!(granularity.to_string().parse::<Granularity>().unwrap(), granularity);
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
        let blocks = Granularity::Blocks(BlockShape::new(&[2, 2, 2]).unwrap());
        assert_eq!(error(blocks), "blocks of 3 dimensions do not fit a tensor of 2");
        assert_eq!(BlockShape::new(&[4, 0]).unwrap_err().to_string(), "a block size of 0 along axis 1 is not possible");
        assert!(BlockShape::new(&[]).is_err() && BlockShape::new(&[1; 9]).is_err());
    }
}
