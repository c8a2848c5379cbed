//! The errors of each column of a matrix in row-major order, summed where they lie.

use super::ErrorMetrics;
use super::number::Number;
use crate::kernel::{self, COLUMNS_TOGETHER, ColumnSums, TILE_ROWS};
use crate::num::Real;
use alloc::vec::Vec;
use core::ops::Range;
use ndarray::{ArrayView, Dimension};

/// Columns whose sums are kept at once: a KiB each.
const STRIPE: usize = 1024;
/// With fewer rows the sums would cost more to begin and to end than to make.
const FEWEST_ROWS: usize = 16;

/// Returns the elements, if the indices along `axis` are columns of rows, and there are enough of both.
pub(super) fn rows<'a, T: Real, D: Dimension>(view: &'a ArrayView<'_, T, D>, axis: usize) -> Option<&'a [f32]> {
    let (&columns, behind) = view.shape().get(axis..)?.split_first()?;
    let x = T::reals(view.as_slice()?).as_f32s()?;
    let are_last = behind.iter().all(|&len| len == 1) && columns >= COLUMNS_TOGETHER;
    (are_last && x.len() / columns >= FEWEST_ROWS).then_some(x)
}

/// Returns the metrics of each column, or `None` if a value is not finite.
pub(super) fn column_metrics(x: &[f32], columns: usize, restored: &mut dyn RestoredRows) -> Option<Vec<ErrorMetrics>> {
    let rows = x.len() / columns;
    let mut metrics = alloc::vec![ErrorMetrics::default(); columns];
    let mut start = 0;
    while start < columns {
        // Whole vectors of columns: the last of them may hold some that were summed before.
        let width = match start {
            0 => columns / COLUMNS_TOGETHER * COLUMNS_TOGETHER,
            _ => (columns - start).next_multiple_of(COLUMNS_TOGETHER),
        };
        let width = width.min(STRIPE);
        let first = start.min(columns - width);
        let stripe = first..first + width;
        start = stripe.end;
        let mut sums = ColumnSums::new(kernel::detect(), width);
        for row in (0..rows).step_by(TILE_ROWS) {
            let tile = row..rows.min(row + TILE_ROWS);
            let x = (&x[row * columns + stripe.start..], columns);
            sums.add(tile.len(), x, restored.of(tile, stripe.clone()));
        }
        for (metrics, sums) in metrics[stripe].iter_mut().zip(sums.end()?) {
            *metrics = f32::metrics(&sums);
        }
    }
    Some(metrics)
}

/// Where restored values come from.
pub(super) trait RestoredRows {
    /// Returns those of some rows and columns, and how far their rows lie apart.
    fn of(&mut self, rows: Range<usize>, columns: Range<usize>) -> (&[f32], usize);
}

/// A matrix with so many columns.
pub(super) struct Matrix<'a>(pub(super) &'a [f32], pub(super) usize);

impl RestoredRows for Matrix<'_> {
    fn of(&mut self, rows: Range<usize>, columns: Range<usize>) -> (&[f32], usize) {
        (&self.0[rows.start * self.1 + columns.start..], self.1)
    }
}
