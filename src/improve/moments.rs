//! What is known of the inputs of a layer: their mean and their second moments, or the inputs themselves.

use super::part::{part, part_mut};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis};

/// Rows that are multiplied at once, in f32, before their products are added up in f64.
const AT_ONCE: usize = 256;
/// Rows of Σ x xᵀ that are made at once.
const STRIP: usize = 128;

/// Sums over the inputs x of a layer: Σ x and Σ x xᵀ.
///
/// Products are in f32 and summed over at most 256 rows; sums of those are in f64, so that the order of samples hardly matters.
/// A row with a number that is not finite counts as zeros.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    rows: u64,
    sums: Vec<f64>,
    /// Σ x xᵀ, left of the diagonal and on it; elsewhere nothing that is told.
    products: Array2<f64>,
}

impl Moments {
    /// Returns the sums over no inputs, of `len` elements each.
    pub(crate) fn new(len: usize) -> Self {
        Self { rows: 0, sums: vec![0.0; len], products: Array2::zeros((len, len)) }
    }

    /// Takes note of inputs, a row each.
    pub(crate) fn add(&mut self, rows: ArrayView2<'_, f32>) {
        for rows in rows.axis_chunks_iter(Axis(0), AT_ONCE) {
            let len = rows.ncols();
            // In strips, of which the part right of the diagonal is not needed.
            for start in (0..len).step_by(STRIP) {
                let end = (start + STRIP).min(len);
                let mut product = Array2::<f32>::zeros((end - start, end));
                let of_strip = part(rows, 0..rows.nrows(), start..end);
                general_mat_mul(1.0, &of_strip.t(), &part(rows, 0..rows.nrows(), 0..end), 0.0, &mut product);
                let mut sums = part_mut(self.products.view_mut(), start..end, 0..end);
                sums.zip_mut_with(&product, |sum, &x| *sum += f64::from(x));
            }
            for row in rows.rows() {
                self.sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
            }
            self.rows += rows.nrows() as u64;
        }
    }

    /// Takes note of what others saw.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.products += &other.products;
        self.sums.iter_mut().zip(&other.sums).for_each(|(sum, x)| *sum += x);
        self.rows += other.rows;
    }

    /// Returns E\[x\].
    pub(crate) fn mean(&self) -> Vec<f64> {
        let count = self.rows.max(1) as f64;
        self.sums.iter().map(|sum| sum / count).collect()
    }

    /// Returns E\[x xᵀ\], and with `centred` less E\[x\] E\[x\]ᵀ.
    pub(crate) fn second(&self, centred: bool) -> Array2<f64> {
        let mut second = &self.products / (self.rows.max(1) as f64);
        for i in 1..second.nrows() {
            let (mut above, row) = second.view_mut().split_at(Axis(0), i);
            for (mut above, &x) in above.rows_mut().into_iter().zip(row.row(0)) {
                above[i] = x;
            }
        }
        if centred {
            let mean = self.mean();
            for (mut row, a) in second.rows_mut().into_iter().zip(&mean) {
                row.iter_mut().zip(&mean).for_each(|(x, b)| *x -= a * b);
            }
        }
        second
    }
}
