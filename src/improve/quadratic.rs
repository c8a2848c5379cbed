//! The quadratic form eᵀHe that an error e of a row of weights costs a layer's output.

use super::moments::Moments;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis};

/// How far second moments are taken back to their diagonal: H′ = (1 − ρ)H + ρ·diag H + floor·mean(diag H)·I.
///
/// Moments of few samples tell more of those samples than of the inputs to come; products between different inputs are what few
/// samples know least.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shrinkage {
    pub(crate) rho: f64,
    pub(crate) floor: f64,
}

/// A positive definite form over `len` elements.
#[derive(Clone, Debug)]
pub(crate) enum Quadratic {
    /// H itself.
    Matrix(Array2<f64>),
    /// D + X Xᵀ, of a diagonal and as many columns of X as there were samples: for fewer samples than elements.
    Samples { diagonal: Vec<f64>, x: Array2<f64> },
}

impl Quadratic {
    /// Returns the form of second moments.
    pub(crate) fn of_moments(moments: &Moments, centred: bool, shrinkage: Shrinkage) -> Self {
        let mut h = moments.second(centred);
        let diagonal: Vec<f64> = h.diag().iter().map(|&d| d.max(0.0)).collect();
        h *= 1.0 - shrinkage.rho;
        let floor = floor_of(&diagonal, shrinkage.floor);
        for (x, d) in h.diag_mut().iter_mut().zip(&diagonal) {
            *x = d + floor;
        }
        Self::Matrix(h)
    }

    /// Returns the form of samples, a row each.
    pub(crate) fn of_samples(samples: ArrayView2<'_, f32>, mean: Option<&[f64]>, shrinkage: Shrinkage) -> Self {
        let (count, len) = samples.dim();
        let mut x = Array2::<f64>::zeros((len, count));
        let factor = (count.max(1) as f64).sqrt().recip();
        for (mut column, sample) in x.axis_iter_mut(Axis(1)).zip(samples.rows()) {
            for (k, (x, &sample)) in column.iter_mut().zip(sample).enumerate() {
                *x = (f64::from(sample) - mean.map_or(0.0, |mean| mean[k])) * factor;
            }
        }
        let squares: Vec<f64> = x.rows().into_iter().map(|row| row.iter().map(|x| x * x).sum()).collect();
        let floor = floor_of(&squares, shrinkage.floor);
        let diagonal = squares.iter().map(|square| shrinkage.rho * square + floor).collect();
        x *= (1.0 - shrinkage.rho).sqrt();
        Self::Samples { diagonal, x }
    }

    /// Returns the number of elements.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Matrix(h) => h.nrows(),
            Self::Samples { diagonal, .. } => diagonal.len(),
        }
    }

    /// Returns the diagonal of H.
    pub(crate) fn diagonal(&self) -> Vec<f64> {
        match self {
            Self::Matrix(h) => h.diag().to_vec(),
            Self::Samples { diagonal, x } => {
                let squares = x.rows().into_iter().map(|row| row.iter().map(|x| x * x).sum::<f64>());
                diagonal.iter().zip(squares).map(|(d, square)| d + square).collect()
            }
        }
    }

    /// Returns V H for rows of V.
    pub(crate) fn product(&self, v: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut product = Array2::zeros(v.dim());
        match self {
            Self::Matrix(h) => general_mat_mul(1.0, &v, h, 0.0, &mut product),
            Self::Samples { diagonal, x } => {
                let mut inner = Array2::zeros((v.nrows(), x.ncols()));
                general_mat_mul(1.0, &v, x, 0.0, &mut inner);
                general_mat_mul(1.0, &inner, &x.t(), 0.0, &mut product);
                for (mut product, v) in product.rows_mut().into_iter().zip(v.rows()) {
                    product.iter_mut().zip(v).zip(diagonal).for_each(|((p, v), d)| *p += v * d);
                }
            }
        }
        product
    }

    /// Adds `amount` to the diagonal.
    pub(crate) fn damp(&mut self, amount: f64) {
        match self {
            Self::Matrix(h) => h.diag_mut().iter_mut().for_each(|d| *d += amount),
            Self::Samples { diagonal, .. } => diagonal.iter_mut().for_each(|d| *d += amount),
        }
    }

    /// Returns the form as a matrix.
    #[cfg(test)]
    pub(crate) fn matrix(&self) -> Self {
        let len = self.len();
        Self::Matrix(self.product(Array2::eye(len).view()))
    }
}

/// Returns what is added to the diagonal: a share of its mean, and something where all of it is 0.
fn floor_of(diagonal: &[f64], share: f64) -> f64 {
    let mean = diagonal.iter().sum::<f64>() / diagonal.len().max(1) as f64;
    if mean > 0.0 && mean.is_finite() { mean * share } else { 1.0 }
}
