//! Codes and a scale made better one at a time, as long as eᵀHe falls.
//!
//! For given codes q the best scale is s = qᵀHw / qᵀHq. For a given scale, changing code k by δ changes eᵀHe by
//! −2sδ(He)ₖ + s²δ²Hₖₖ, which is least at the integer next to (He)ₖ / (s Hₖₖ).

use super::codes::Codes;
use super::quadratic::Quadratic;
use ndarray::{Array2, ArrayView1, ArrayView2};

/// Rounds of a refit and passes over the codes.
const ROUNDS: usize = 3;
/// Passes over the codes in a round.
const PASSES: usize = 2;

/// A row of codes under a scale.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) codes: Vec<f64>,
    pub(crate) scale: f32,
}

/// Makes rows of codes better; `weights` are [rows, elements]. With `refit` scales may change, too; with `keeps_zeros` what is 0 stays
/// so.
pub(crate) fn descend(
    h: &Quadratic,
    weights: ArrayView2<'_, f64>,
    rows: &mut [Row],
    codes: Codes,
    refit: bool,
    keeps_zeros: bool,
) {
    let len = h.len();
    let diagonal = h.diagonal();
    let mut errors = Array2::<f64>::zeros((rows.len(), len));
    for ((mut error, weight), row) in errors.rows_mut().into_iter().zip(weights.rows()).zip(&*rows) {
        let scale = f64::from(row.scale);
        error.iter_mut().zip(weight).zip(&row.codes).for_each(|((e, w), q)| *e = w - scale * q);
    }
    let of_errors = h.product(errors.view());
    let of_weights = h.product(weights);
    for (at, row) in rows.iter_mut().enumerate() {
        let mut state = State {
            h,
            diagonal: &diagonal,
            weights: weights.row(at),
            error: errors.row(at).to_vec(),
            gradient: of_errors.row(at).to_vec(),
            residual: residual(h, errors.row(at)),
        };
        for _ in 0..ROUNDS {
            let refitted = refit && state.refit(row, of_weights.row(at));
            let mut changed = 0;
            for _ in 0..PASSES {
                let now = state.pass(row, codes, keeps_zeros);
                changed += now;
                if now == 0 {
                    break;
                }
            }
            if changed == 0 && !refitted {
                break;
            }
        }
    }
}

/// Returns Xᵀe where a form is kept as samples; nothing otherwise.
fn residual(h: &Quadratic, error: ArrayView1<'_, f64>) -> Vec<f64> {
    match h {
        Quadratic::Matrix(_) => Vec::new(),
        Quadratic::Samples { x, .. } => x.t().dot(&error).to_vec(),
    }
}

struct State<'a> {
    h: &'a Quadratic,
    diagonal: &'a [f64],
    weights: ArrayView1<'a, f64>,
    error: Vec<f64>,
    /// He, kept up to date where H is a matrix.
    gradient: Vec<f64>,
    /// Xᵀe, kept up to date where H is D + X Xᵀ.
    residual: Vec<f64>,
}

impl State<'_> {
    /// Goes over all codes once, and returns how many it changed.
    fn pass(&mut self, row: &mut Row, codes: Codes, keeps_zeros: bool) -> usize {
        let scale = f64::from(row.scale);
        let mut changed = 0;
        for k in 0..self.error.len() {
            if keeps_zeros && row.codes[k] == 0.0 {
                continue;
            }
            let gradient = self.gradient_at(k);
            let curvature = scale * self.diagonal[k];
            let wanted = gradient / curvature;
            // Less than half a step is no change, and most codes want none.
            if wanted.abs() < 0.5 || !wanted.is_finite() {
                continue;
            }
            let code = codes.nearest(row.codes[k] + wanted);
            let delta = code - row.codes[k];
            if delta == 0.0 || delta * (delta * curvature - 2.0 * gradient) >= 0.0 {
                continue;
            }
            row.codes[k] = code;
            self.change(k, -scale * delta);
            changed += 1;
        }
        changed
    }

    fn gradient_at(&self, k: usize) -> f64 {
        match self.h {
            Quadratic::Matrix(_) => self.gradient[k],
            Quadratic::Samples { diagonal, x } => diagonal[k] * self.error[k] + dot(x.row(k), &self.residual),
        }
    }

    /// Adds to an element of the error.
    fn change(&mut self, k: usize, by: f64) {
        self.error[k] += by;
        let (row, target) = match self.h {
            Quadratic::Matrix(h) => (h.row(k), &mut self.gradient),
            Quadratic::Samples { x, .. } => (x.row(k), &mut self.residual),
        };
        target.iter_mut().zip(row).for_each(|(t, &x)| *t += by * x);
    }

    /// Gives the row the best scale for its codes if that costs less, and returns whether it did.
    fn refit(&mut self, row: &mut Row, of_weights: ArrayView1<'_, f64>) -> bool {
        let codes = &row.codes;
        let (mut with_weights, mut with_codes) = (0.0, 0.0);
        let scale = f64::from(row.scale);
        let gradient = self.whole_gradient();
        // Hq = (Hw − He) / s.
        for ((q, of_weights), of_errors) in codes.iter().zip(of_weights).zip(&gradient) {
            with_weights += q * of_weights;
            with_codes += q * (of_weights - of_errors) / scale;
        }
        let best = (with_weights / with_codes) as f32;
        let is_usable = best.is_finite() && best >= f32::MIN_POSITIVE && with_codes > 0.0;
        // eᵀHe over s is a parabola around its minimum.
        let (now, then) = (scale - with_weights / with_codes, f64::from(best) - with_weights / with_codes);
        if !is_usable || best == row.scale || then.abs() >= now.abs() {
            return false;
        }
        let step = f64::from(best) - scale;
        row.scale = best;
        let scale_after = f64::from(best);
        for ((e, w), q) in self.error.iter_mut().zip(self.weights).zip(codes) {
            *e = w - scale_after * q;
        }
        match self.h {
            Quadratic::Matrix(_) => {
                for (target, &of_weights) in self.gradient.iter_mut().zip(of_weights) {
                    *target -= step * (of_weights - *target) / scale;
                }
            }
            Quadratic::Samples { .. } => self.residual = residual(self.h, ArrayView1::from(&self.error)),
        }
        true
    }

    fn whole_gradient(&self) -> Vec<f64> {
        match self.h {
            Quadratic::Matrix(_) => self.gradient.clone(),
            Quadratic::Samples { .. } => (0..self.error.len()).map(|k| self.gradient_at(k)).collect(),
        }
    }
}

/// Returns a sum of products, in four lanes.
fn dot(a: ArrayView1<'_, f64>, b: &[f64]) -> f64 {
    let Some(a) = a.as_slice() else { return a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let mut lanes = [0.0; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f64>() + rest
}
