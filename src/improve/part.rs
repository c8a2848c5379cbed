//! Parts of matrices.

use core::ops::Range;
use ndarray::{ArrayView2, ArrayViewMut2, Axis, Slice};

/// Returns some rows and columns of a matrix.
pub(super) fn part<T>(matrix: ArrayView2<'_, T>, rows: Range<usize>, columns: Range<usize>) -> ArrayView2<'_, T> {
    let mut part = matrix;
    part.slice_axis_inplace(Axis(0), Slice::from(rows));
    part.slice_axis_inplace(Axis(1), Slice::from(columns));
    part
}

/// Returns some rows and columns of a matrix, to be changed.
pub(super) fn part_mut<T>(
    matrix: ArrayViewMut2<'_, T>,
    rows: Range<usize>,
    columns: Range<usize>,
) -> ArrayViewMut2<'_, T> {
    let mut part = matrix;
    part.slice_axis_inplace(Axis(0), Slice::from(rows));
    part.slice_axis_inplace(Axis(1), Slice::from(columns));
    part
}
