//! The factor of a quadratic form that says what later weights can make good of an error of earlier ones.
//!
//! H = `LᵀDL` with L unit lower triangular and D > 0: eᵀHe = Σⱼ dⱼ (eⱼ + Σᵢ﹤ⱼ Lⱼᵢ eᵢ)². Weights that are chosen in their order make
//! each term as small as they can: weight j is rounded from wⱼ + Σᵢ﹤ⱼ Lⱼᵢ eᵢ. That is GPTQ (Frantar et al., 2022), without
//! its inverse: its factor of H⁻¹ is the inverse of this one.
//!
//! 1. The factorization runs from the last element to the first, by panels, so that nearly all of it is products of matrices.
//! 2. It is in f64: moments of few samples are nearly singular.

use super::part::{part, part_mut};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, Axis};

/// The width of a panel.
const PANEL: usize = 48;

/// L below its diagonal, and D.
#[derive(Clone, Debug)]
pub(crate) struct Factor {
    /// L; what stands on and above the diagonal means nothing.
    pub(crate) lower: Array2<f64>,
    pub(crate) pivots: Vec<f64>,
}

impl Factor {
    /// Returns the factor of a symmetric matrix; `None` unless it is positive definite beyond rounding.
    pub(crate) fn new(mut h: Array2<f64>) -> Option<Self> {
        let len = h.nrows();
        let least = h.diag().iter().fold(0.0_f64, |most, &d| most.max(d)) * f64::EPSILON * len as f64;
        let mut pivots = vec![0.0; len];
        let mut end = len;
        while end > 0 {
            let start = end.saturating_sub(PANEL);
            // Inside the panel: rows and columns start..end, and the panel's rows to the left of it.
            for j in (start..end).rev() {
                let pivot = h[[j, j]];
                if !(pivot > least && pivot.is_finite()) {
                    return None;
                }
                pivots[j] = pivot;
                let (mut above, row) = h.view_mut().split_at(Axis(0), j);
                let row = row.row(0);
                let row = row.as_slice()?;
                // Row i of the panel, i < j: h[i][..=i] −= h[j][i] / d · h[j][..=i].
                for i in start..j {
                    let factor = row[i] / pivot;
                    let mut target = above.row_mut(i);
                    let target = target.as_slice_mut()?;
                    target[..=i].iter_mut().zip(&row[..=i]).for_each(|(t, &x)| *t -= factor * x);
                }
            }
            // What is left of the panel: h[..start][..start] −= Σⱼ h[j]ᵀ h[j] / dⱼ, in strips, of which the part right of the
            // diagonal is not needed.
            let panel = part(h.view(), start..end, 0..start).to_owned();
            let mut scaled = panel.clone();
            for (mut row, j) in scaled.rows_mut().into_iter().zip(start..end) {
                let inverse = pivots[j].recip();
                row.iter_mut().for_each(|x| *x *= inverse);
            }
            let mut at = 0;
            while at < start {
                let to = (at + 2 * PANEL).min(start);
                let mut target = part_mut(h.view_mut(), at..to, 0..to);
                general_mat_mul(
                    -1.0,
                    &part(scaled.view(), 0..end - start, at..to).t(),
                    &part(panel.view(), 0..end - start, 0..to),
                    1.0,
                    &mut target,
                );
                at = to;
            }
            for (j, mut row) in (start..end).zip(part_mut(h.view_mut(), start..end, 0..len).rows_mut()) {
                let inverse = pivots[j].recip();
                row.iter_mut().take(j).for_each(|x| *x *= inverse);
            }
            end = start;
        }
        Some(Self { lower: h, pivots })
    }

    /// Divides columns by H, in place.
    pub(crate) fn divide(&self, columns: &mut Array2<f64>) {
        let (len, width) = (self.pivots.len(), columns.ncols());
        // Lᵀ y = b from the last panel on, D z = y, and L x = z from the first.
        let mut end = len;
        while end > 0 {
            let start = end.saturating_sub(PANEL);
            for j in (start..end).rev() {
                let (mut before, rest) = columns.view_mut().split_at(Axis(0), j);
                let row = rest.row(0);
                for (mut before, &factor) in before.rows_mut().into_iter().zip(self.lower.row(j)).skip(start) {
                    before.scaled_add(-factor, &row);
                }
            }
            let (mut before, rest) = columns.view_mut().split_at(Axis(0), start);
            let lower = part(self.lower.view(), start..end, 0..start);
            general_mat_mul(-1.0, &lower.t(), &part(rest.view(), 0..end - start, 0..width), 1.0, &mut before);
            end = start;
        }
        for (mut row, pivot) in columns.rows_mut().into_iter().zip(&self.pivots) {
            row.iter_mut().for_each(|x| *x /= pivot);
        }
        for start in (0..len).step_by(PANEL) {
            let end = (start + PANEL).min(len);
            let (before, rest) = columns.view_mut().split_at(Axis(0), start);
            let lower = part(self.lower.view(), start..end, 0..start);
            general_mat_mul(-1.0, &lower, &before, 1.0, &mut part_mut(rest, 0..end - start, 0..width));
            for j in start..end {
                let (before, mut rest) = columns.view_mut().split_at(Axis(0), j);
                let mut row = rest.row_mut(0);
                for (before, &factor) in before.rows().into_iter().zip(self.lower.row(j)).skip(start) {
                    row.scaled_add(-factor, &before);
                }
            }
        }
    }
}
