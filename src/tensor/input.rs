//! A tensor's elements in row-major order, a contiguous piece at a time, whatever their type and memory layout.
//!
//! Everything here is compiled once: a caller's element and dimension types are turned into values where a view comes in.
//!
//! What is not contiguous is gathered in a tile. Where the elements of one axis are neighbours in memory, as those of a transposed
//! matrix are, as many rows as the tile holds are gathered together, so that each cache line is read for all of them.

use super::tiles::{Layout, for_each_span};
use crate::error::Result;
use crate::kernel;
use crate::num::{Real, RealViews, Reals};
use crate::params::{Granularity, Span, Spans, for_each_piece_of};
use ndarray::{ArrayView, ArrayViewD, Axis, Dimension, Ix2, Slice};

/// Elements in a piece: small enough that a second look at it comes from the first-level cache.
pub(super) const PIECE: usize = 4096;

/// What is shown a piece: its groups, and its elements.
pub(super) type Visit<'a> = &'a mut dyn FnMut(Span, &[f32]) -> Result<()>;

/// A tensor to be read.
#[derive(Clone, Debug)]
pub(crate) struct Input<'a> {
    pub(super) shape: &'a [usize],
    elements: Elements<'a>,
}

#[derive(Clone, Debug)]
enum Elements<'a> {
    /// In row-major order, without gaps.
    Contiguous(Reals<'a>),
    /// In any order.
    Strided(RealViews<'a>),
}

impl<'a> Input<'a> {
    /// Returns what a view shows. Of up to four dimensions nothing is allocated.
    pub(crate) fn of<T: Real, D: Dimension>(view: &'a ArrayView<'_, T, D>) -> Self {
        let elements = match view.as_slice() {
            Some(slice) => Elements::Contiguous(T::reals(slice)),
            None => Elements::Strided(T::views(view.view().into_dyn())),
        };
        Self { shape: view.shape(), elements }
    }

    /// Returns what a slice holds, of which this is the shape.
    pub(crate) fn of_slice<T: Real>(slice: &'a [T], shape: &'a [usize]) -> Self {
        Self { shape, elements: Elements::Contiguous(T::reals(slice)) }
    }

    /// Returns the tensor's shape.
    #[cfg(feature = "std")]
    pub(crate) fn shape(&self) -> &'a [usize] {
        self.shape
    }

    /// Returns the number of elements.
    pub(super) fn len(&self) -> usize {
        match &self.elements {
            Elements::Contiguous(reals) => reals.len(),
            Elements::Strided(views) => match views {
                RealViews::F32(view) => view.len(),
                RealViews::F64(view) => view.len(),
                RealViews::F16(view) => view.len(),
                RealViews::Bf16(view) => view.len(),
            },
        }
    }

    /// Returns the elements in order, if they lie so.
    pub(super) fn contiguous(&self) -> Option<Reals<'a>> {
        match &self.elements {
            Elements::Contiguous(reals) => Some(*reals),
            Elements::Strided(_) => None,
        }
    }

    /// Returns the elements as f32s, if they lie so.
    pub(super) fn as_f32s(&self) -> Option<&'a [f32]> {
        match self.contiguous() {
            Some(Reals::F32(x)) => Some(x),
            _ => None,
        }
    }

    /// Returns the elements as they lie in memory, and how, if axes are exchanged there and nothing else.
    fn exchanged(&self) -> Option<(Reals<'_>, Layout)> {
        macro_rules! exchanged {
            ($view:ident, $variant:ident) => {
                Layout::of($view.shape(), $view.strides())
                    .and_then(|layout| Some((Reals::$variant($view.as_slice_memory_order()?), layout)))
            };
        }
        match &self.elements {
            Elements::Contiguous(_) => None,
            Elements::Strided(RealViews::F32(view)) => exchanged!(view, F32),
            Elements::Strided(RealViews::F64(view)) => exchanged!(view, F64),
            Elements::Strided(RealViews::F16(view)) => exchanged!(view, F16),
            Elements::Strided(RealViews::Bf16(view)) => exchanged!(view, Bf16),
        }
    }

    /// Returns the same elements in the order in which they lie in memory, as a tensor of one dimension, if axes are exchanged there and
    /// nothing else. `len` is the place of its length.
    pub(super) fn in_order_of_memory<'m>(&'m self, len: &'m mut [usize; 1]) -> Option<Input<'m>> {
        let (reals, _) = self.exchanged()?;
        *len = [reals.len()];
        Some(Input { shape: len, elements: Elements::Contiguous(reals) })
    }

    /// Calls `visit` with pieces of the tensor, where axes are exchanged in memory in an order in which that is read fast. Of several
    /// errors it is any.
    pub(super) fn for_each_f32_piece_in_any_order(&self, granularity: Granularity, visit: Visit<'_>) -> Result<()> {
        let Some((memory, layout)) = self.exchanged() else { return self.for_each_f32_piece(granularity, visit) };
        let spans = granularity.all_spans(self.shape)?;
        let mut current = None;
        layout.for_each_part(memory, &mut |start, x| for_each_span(&spans, &mut current, start, x, visit))
    }

    /// Calls `visit` with each piece of the tensor, in order.
    pub(crate) fn for_each_f32_piece(&self, granularity: Granularity, visit: Visit<'_>) -> Result<()> {
        let mut spans = granularity.all_spans(self.shape)?;
        match &self.elements {
            Elements::Contiguous(reals) => for_each_piece_of(&mut spans, PIECE, &mut |piece| {
                visit_in_f32(reals.part(piece.start..piece.start + piece.len), piece, visit)
            }),
            Elements::Strided(RealViews::F32(view)) => gather(view, spans, visit),
            Elements::Strided(RealViews::F64(view)) => gather(view, spans, visit),
            Elements::Strided(RealViews::F16(view)) => gather(view, spans, visit),
            Elements::Strided(RealViews::Bf16(view)) => gather(view, spans, visit),
        }
    }
}

/// Calls `visit` with each piece of a view, in an order in which they are read fast: the groups that its elements belong to, and the
/// elements in f32. `visit` does not fail.
pub(crate) fn for_each_f32_piece_in_any_order<T: Real, D: Dimension>(
    view: &ArrayView<'_, T, D>,
    granularity: Granularity,
    mut visit: impl FnMut(Span, &[f32]) -> Result<()>,
) -> Result<()> {
    Input::of(view).for_each_f32_piece_in_any_order(granularity, &mut visit)
}

/// Calls `visit` with the elements of a piece in f32: themselves, or, a tile at a time, what they are in f32. A piece that is not
/// f32 has at most [`PIECE`] elements.
pub(super) fn visit_in_f32(reals: Reals<'_>, piece: Span, visit: Visit<'_>) -> Result<()> {
    if let Reals::F32(x) = reals {
        return visit(piece, x);
    }
    let mut widened = [0.0; PIECE];
    let widened = &mut widened[..reals.len()];
    kernel::widen(kernel::detect(), reals, widened);
    visit(piece, widened)
}

/// Gathers the pieces of spans and calls `visit` with each, in order.
fn gather<T: Real>(view: &ArrayViewD<'_, T>, mut spans: Spans, visit: Visit<'_>) -> Result<()> {
    let (mut gathered, mut tile) = (Gathered::new(view), [T::default(); PIECE]);
    for_each_piece_of(&mut spans, PIECE, &mut |piece| {
        let tile = &mut tile[..piece.len];
        gathered.fill(piece.start, tile);
        visit_in_f32(T::reals(tile), piece, visit)
    })
}

/// Elements of a view in row-major order, as many rows at a time as a tile holds, or a part of one.
struct Gathered<'v, T> {
    view: &'v ArrayViewD<'v, T>,
    tile: [T; PIECE],
    /// The index of the first element in the tile.
    first: usize,
    /// Elements in the tile.
    len: usize,
}

impl<'v, T: Real> Gathered<'v, T> {
    fn new(view: &'v ArrayViewD<'v, T>) -> Self {
        Self { view, tile: [T::default(); PIECE], first: 0, len: 0 }
    }

    /// Writes the elements from an index on; there are as many.
    fn fill(&mut self, mut start: usize, mut out: &mut [T]) {
        while !out.is_empty() {
            if !(self.first..self.first + self.len).contains(&start) {
                self.first = start;
                self.len = self.gather(start);
            }
            let at = start - self.first;
            let n = out.len().min(self.len - at);
            let (now, later) = out.split_at_mut(n);
            now.copy_from_slice(&self.tile[at..at + n]);
            (start, out) = (start + n, later);
        }
    }

    /// Fills the tile from an index on, and returns with how many elements; at least one.
    fn gather(&mut self, start: usize) -> usize {
        let shape = self.view.shape();
        let [leading @ .., outer, inner] = shape else {
            // A view of no dimensions is contiguous.
            let end = self.view.len().min(start + PIECE);
            let part = self.view.slice_axis(Axis(0), Slice::from(start..end));
            self.tile.iter_mut().zip(part.iter()).for_each(|(to, &from)| *to = from);
            return end - start;
        };
        let (outer, inner) = (*outer, *inner);
        let (row, column) = (start / inner, start % inner);
        let (mut matrix, mut rest) = (self.view.view(), row / outer);
        for axis in (0..leading.len()).rev() {
            matrix.index_axis_inplace(Axis(axis), rest % leading[axis]);
            rest /= leading[axis];
        }
        let Ok(matrix) = matrix.into_dimensionality::<Ix2>() else { unreachable!("two axes are left") };
        let row = row % outer;
        if column > 0 || inner > PIECE {
            let n = PIECE.min(inner - column);
            let mut part = matrix.index_axis(Axis(0), row);
            part.slice_axis_inplace(Axis(0), Slice::from(column..column + n));
            self.tile.iter_mut().zip(part).for_each(|(to, &from)| *to = from);
            return n;
        }
        let rows = (PIECE / inner).min(outer - row);
        let block = matrix.slice_axis(Axis(0), Slice::from(row..row + rows));
        let tile = &mut self.tile[..rows * inner];
        if block.strides()[0].abs() < block.strides()[1].abs() {
            for (c, column) in block.columns().into_iter().enumerate() {
                for (to, &from) in tile[c..].iter_mut().step_by(inner).zip(column) {
                    *to = from;
                }
            }
        } else {
            for (to, row) in tile.chunks_mut(inner).zip(block.rows()) {
                match row.as_slice() {
                    Some(row) => to.copy_from_slice(row),
                    None => to.iter_mut().zip(row).for_each(|(to, &from)| *to = from),
                }
            }
        }
        rows * inner
    }
}
