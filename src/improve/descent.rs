//! Codes and a scale made better one at a time, as long as eᵀHe falls.
//!
//! For given codes q the best scale is s = qᵀHw / qᵀHq. For a given scale, changing code k by δ changes eᵀHe by
//! −2sδ(He)ₖ + s²δ²Hₖₖ, which is least at the integer next to (He)ₖ / (s Hₖₖ).

use super::codes::Codes;
use super::part::part;
use super::quadratic::Quadratic;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis};

/// Rounds of a refit and passes over the codes.
const ROUNDS: usize = 3;
/// Passes over the codes in a round.
const PASSES: usize = 2;
/// Elements whose gradients are found at once in sample space.
const BLOCK: usize = 32;

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
    if rows.is_empty() || h.len() == 0 {
        return;
    }
    let (len, diagonal) = (h.len(), h.diagonal());
    let mut errors = Array2::<f64>::zeros((rows.len(), len));
    for ((mut error, weight), row) in errors.rows_mut().into_iter().zip(weights.rows()).zip(&*rows) {
        set_error(&mut error, weight, row);
    }
    let mut state = State { diagonal: &diagonal, weights, codes, keeps_zeros, errors };
    let of_weights = h.product(weights);
    match h {
        Quadratic::Matrix(h) => state.with_matrix(h, of_weights.view(), rows, refit),
        Quadratic::Samples { diagonal, x } => {
            let of_diagonal = diagonal;
            let blocks = (0..len).step_by(BLOCK).map(|start| {
                let block = part(x.view(), start..(start + BLOCK).min(len), 0..x.ncols());
                block.dot(&block.t())
            });
            let samples = Samples { h, of_diagonal, x, blocks: blocks.collect() };
            state.in_sample_space(&samples, of_weights.view(), rows, refit);
        }
    }
}

/// Sets what a row lacks: w − s·q.
fn set_error(error: &mut ArrayViewMut1<'_, f64>, weight: ArrayView1<'_, f64>, row: &Row) {
    let scale = f64::from(row.scale);
    error.iter_mut().zip(weight).zip(&row.codes).for_each(|((e, w), q)| *e = w - scale * q);
}

/// A form D + X Xᵀ.
struct Samples<'a> {
    h: &'a Quadratic,
    of_diagonal: &'a [f64],
    x: &'a Array2<f64>,
    /// X Xᵀ of each block of elements.
    blocks: Vec<Array2<f64>>,
}

struct State<'a> {
    /// The diagonal of H.
    diagonal: &'a [f64],
    weights: ArrayView2<'a, f64>,
    codes: Codes,
    keeps_zeros: bool,
    /// [rows, elements].
    errors: Array2<f64>,
}

impl State<'_> {
    /// Changes a code if that costs less, and returns by how much the error changes.
    #[inline(always)]
    fn changed(&self, row: &mut Row, k: usize, gradient: f64) -> Option<f64> {
        let scale = f64::from(row.scale);
        let curvature = scale * self.diagonal[k];
        let wanted = gradient / curvature;
        // Less than half a step is no change, and most codes want none.
        if wanted.abs() < 0.5 || !wanted.is_finite() || (self.keeps_zeros && row.codes[k] == 0.0) {
            return None;
        }
        let code = self.codes.nearest(row.codes[k] + wanted);
        let delta = code - row.codes[k];
        if delta == 0.0 || delta * (delta * curvature - 2.0 * gradient) >= 0.0 {
            return None;
        }
        row.codes[k] = code;
        Some(-scale * delta)
    }

    /// Gives a row the best scale for its codes if that costs less, and returns by how much the scale changed.
    fn refit(&mut self, at: usize, row: &mut Row, of_weights: ArrayView1<'_, f64>, of_errors: &[f64]) -> Option<f64> {
        let (mut with_weights, mut with_codes) = (0.0, 0.0);
        let scale = f64::from(row.scale);
        // Hq = (Hw − He) / s.
        for ((q, of_weights), of_errors) in row.codes.iter().zip(of_weights).zip(of_errors) {
            with_weights += q * of_weights;
            with_codes += q * (of_weights - of_errors) / scale;
        }
        let best = (with_weights / with_codes) as f32;
        let is_usable = best.is_finite() && best >= f32::MIN_POSITIVE && with_codes > 0.0;
        // eᵀHe over s is a parabola around its minimum.
        let (now, then) = (scale - with_weights / with_codes, f64::from(best) - with_weights / with_codes);
        if !is_usable || best == row.scale || then.abs() >= now.abs() {
            return None;
        }
        row.scale = best;
        set_error(&mut self.errors.row_mut(at), self.weights.row(at), row);
        Some(f64::from(best) - scale)
    }

    fn with_matrix(&mut self, h: &Array2<f64>, of_weights: ArrayView2<'_, f64>, rows: &mut [Row], refit: bool) {
        // He, kept up to date.
        let mut gradients = Array2::<f64>::zeros(self.errors.dim());
        general_mat_mul(1.0, &self.errors, h, 0.0, &mut gradients);
        for (at, (row, mut gradient)) in rows.iter_mut().zip(gradients.rows_mut()).enumerate() {
            let Some(gradient) = gradient.as_slice_mut() else { continue };
            for _ in 0..ROUNDS {
                let scale = f64::from(row.scale);
                let step = if refit { self.refit(at, row, of_weights.row(at), gradient) } else { None };
                if let Some(step) = step {
                    for (gradient, &of_weights) in gradient.iter_mut().zip(of_weights.row(at)) {
                        *gradient -= step * (of_weights - *gradient) / scale;
                    }
                }
                let mut changed = 0;
                for _ in 0..PASSES {
                    let before = changed;
                    for k in 0..gradient.len() {
                        let Some(by) = self.changed(row, k, gradient[k]) else { continue };
                        self.errors[[at, k]] += by;
                        gradient.iter_mut().zip(h.row(k)).for_each(|(gradient, h)| *gradient += by * h);
                        changed += 1;
                    }
                    if changed == before {
                        break;
                    }
                }
                if changed == 0 && step.is_none() {
                    break;
                }
            }
        }
    }

    /// The same for all rows side by side, so that what samples tell is read once for all of them.
    fn in_sample_space(
        &mut self,
        samples: &Samples<'_>,
        of_weights: ArrayView2<'_, f64>,
        rows: &mut [Row],
        refit: bool,
    ) {
        let mut active: Vec<usize> = (0..rows.len()).collect();
        for _ in 0..ROUNDS {
            let mut is_done = vec![true; rows.len()];
            if refit {
                let gradients = samples.h.product(self.errors.select(Axis(0), &active).view());
                for (&at, gradient) in active.iter().zip(gradients.rows()) {
                    let step = self.refit(at, &mut rows[at], of_weights.row(at), &gradient.to_vec());
                    is_done[at] = step.is_none();
                }
            }
            let mut residuals = self.errors.select(Axis(0), &active).dot(samples.x);
            let mut moving: Vec<usize> = (0..active.len()).collect();
            for _ in 0..PASSES {
                moving = self.pass(samples, (&active, &moving), &mut residuals, rows);
                for &number in &moving {
                    is_done[active[number]] = false;
                }
            }
            active.retain(|&at| !is_done[at]);
            if active.is_empty() {
                break;
            }
        }
    }

    /// Goes over all codes of some of the active rows once, and returns of which it changed any. `residuals` are eᵀX of the active rows.
    fn pass(
        &mut self,
        samples: &Samples<'_>,
        (active, moving): (&[usize], &[usize]),
        residuals: &mut Array2<f64>,
        rows: &mut [Row],
    ) -> Vec<usize> {
        if moving.is_empty() {
            return Vec::new();
        }
        let mut of_moving = residuals.select(Axis(0), moving);
        let mut is_changed = vec![false; moving.len()];
        for (number, inner) in samples.blocks.iter().enumerate() {
            let (start, len) = (number * BLOCK, inner.nrows());
            let x = part(samples.x.view(), start..start + len, 0..samples.x.ncols());
            let mut gradients = of_moving.dot(&x.t());
            let mut moves = Array2::<f64>::zeros(gradients.dim());
            let mut is_any = false;
            for (of_row, &place) in moving.iter().enumerate() {
                let (at, mut gradient) = (active[place], gradients.row_mut(of_row));
                for k in 0..len {
                    let whole = gradient[k] + samples.of_diagonal[start + k] * self.errors[[at, start + k]];
                    let Some(by) = self.changed(&mut rows[at], start + k, whole) else { continue };
                    self.errors[[at, start + k]] += by;
                    moves[[of_row, k]] = by;
                    gradient.scaled_add(by, &inner.row(k));
                    (is_changed[of_row], is_any) = (true, true);
                }
            }
            if is_any {
                general_mat_mul(1.0, &moves, &x, 1.0, &mut of_moving);
            }
        }
        for (&place, row) in moving.iter().zip(of_moving.rows()) {
            residuals.row_mut(place).assign(&row);
        }
        moving.iter().zip(&is_changed).filter(|(_, is)| **is).map(|(&place, _)| place).collect()
    }
}
