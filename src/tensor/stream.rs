//! A tensor's elements in row-major order, a contiguous piece at a time, whatever the memory layout.

use crate::error::Result;
use crate::kernel;
use crate::num::Real;
use crate::params::{Granularity, Span};
use alloc::vec;
use alloc::vec::Vec;
use ndarray::{ArrayView, ArrayView1, Axis, Dimension, Slice};

/// Elements in a piece: small enough that a second look at it comes from the first-level cache.
pub(super) const PIECE: usize = 4096;

/// What is shown a piece: its groups, and its elements.
pub(super) type Visit<'a> = &'a mut dyn FnMut(Span, &[f32]) -> Result<()>;

/// Calls `visit` with each piece of the tensor, in order: the groups that its elements belong to, and the elements in f32,
/// where they lie if that is their type, else widened in a tile.
pub(crate) fn for_each_f32_piece<T: Real, D: Dimension>(
    view: &ArrayView<'_, T, D>,
    granularity: Granularity,
    mut visit: impl FnMut(Span, &[f32]) -> Result<()>,
) -> Result<()> {
    for_each_piece(view, granularity, &mut visit)
}

/// The same, compiled once for each type of element and dimension.
fn for_each_piece<T: Real, D: Dimension>(
    view: &ArrayView<'_, T, D>,
    granularity: Granularity,
    visit: Visit<'_>,
) -> Result<()> {
    let pieces = granularity.spans(view.shape())?.flat_map(|span| span.pieces(PIECE));
    let mut widened = Vec::new();
    if let Some(slice) = view.as_slice() {
        for piece in pieces {
            visit(piece, in_f32(&slice[piece.start..piece.start + piece.len], &mut widened))?;
        }
    } else {
        let mut tile = vec![T::default(); PIECE.min(view.len())];
        let mut cursor = Cursor::new(view);
        for piece in pieces {
            let tile = &mut tile[..piece.len];
            cursor.fill(tile);
            visit(piece, in_f32(tile, &mut widened))?;
        }
    }
    Ok(())
}

/// Returns the elements in f32: themselves, or in `widened`.
pub(super) fn in_f32<'a, T: Real>(x: &'a [T], widened: &'a mut Vec<f32>) -> &'a [f32] {
    if let Some(x) = T::as_f32s(x) {
        return x;
    }
    widened.resize(x.len(), 0.0);
    kernel::to_f32(kernel::detect(), x, widened);
    widened
}

/// Reads elements in row-major order, rows at a time.
struct Cursor<'a, T, I> {
    rows: I,
    row: ArrayView1<'a, T>,
    at: usize,
}

impl<'a, T: Real> Cursor<'a, T, ()> {
    fn new<D: Dimension>(
        view: &'a ArrayView<'_, T, D>,
    ) -> Cursor<'a, T, impl Iterator<Item = ArrayView1<'a, T>> + use<'a, T, D>> {
        Cursor { rows: view.rows().into_iter(), row: ArrayView1::from(&[]), at: 0 }
    }
}

impl<'a, T: Real, I: Iterator<Item = ArrayView1<'a, T>>> Cursor<'a, T, I> {
    fn fill(&mut self, mut out: &mut [T]) {
        while !out.is_empty() {
            if self.at == self.row.len() {
                match self.rows.next() {
                    Some(row) => (self.row, self.at) = (row, 0),
                    None => return,
                }
            }
            let n = out.len().min(self.row.len() - self.at);
            let (now, later) = out.split_at_mut(n);
            let part = self.row.slice_axis(Axis(0), Slice::from(self.at..self.at + n));
            match part.as_slice() {
                Some(part) => now.copy_from_slice(part),
                None => now.iter_mut().zip(part).for_each(|(to, &from)| *to = from),
            }
            (self.at, out) = (self.at + n, later);
        }
    }
}
