//! Rows of weights rounded for what the model's outputs lose by them, and not their layer's.
//!
//! With g the gradient of what is judged by a layer's output, an error E of the weights, [rows, elements], costs about
//! E\[(gᵀEx)²\] = tr(G E H Eᵀ), with G = E\[g gᵀ\] and H = E\[x xᵀ\]: the Fisher information as a product of both (Martens and Grosse,
//! "Optimizing Neural Networks with Kronecker-factored Approximate Curvature", 2015). G is seldom near a diagonal: a model has fewer
//! outputs than most layers, and what one row misses others can make good of, as elements of a row do for each other. With G = `LᵀDL`
//! the cost is Σⱼ dⱼ tⱼᵀHtⱼ, tⱼ = eⱼ + Σᵢ﹤ⱼ Lⱼᵢ eᵢ, so row after row is rounded from wⱼ + Σᵢ﹤ⱼ Lⱼᵢ eᵢ, the rows first whose errors cost most.

use super::codes::Codes;
use super::descent::Row;
use super::factor::Factor;
use super::moments::Moments;
use super::part::part;
use super::product::Product;
use super::quadratic::{Quadratic, Shrinkage};
use super::solver::{Prepared, Task, in_order, solve};
use super::statistics::Purpose;
use crate::calibration::ValueView;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis};

/// How far G is taken back to its diagonal, and what is added to that, as a share of its mean.
const RHO: f64 = 0.1;
const FLOOR: f64 = 0.05;
/// Of so many parts of a layer's rows each is rounded without regard to errors inside the part, so that a factor of H is read less often.
pub(super) const PARTS: usize = 32;
/// The most rows of a part.
pub(super) const MOST: usize = 8;
/// The most weights of a layer whose rows have inputs of their own.
const LONGEST: usize = 1152;
/// So many inputs of such a layer are enough.
const ENOUGH: usize = 8192;

/// What errors of a layer's outputs cost the model's.
#[derive(Clone, Debug)]
pub(crate) struct Coupling {
    g: Array2<f64>,
    pub(super) order: Vec<usize>,
    pub(super) factor: Factor,
}

impl Coupling {
    /// Returns the coupling of a layer, given G; `None` if nothing depends on the layer.
    pub(crate) fn new(mut g: Array2<f64>) -> Option<Self> {
        let diagonal: Vec<f64> = g.diag().iter().map(|&d| d.max(0.0)).collect();
        let mean = diagonal.iter().sum::<f64>() / diagonal.len().max(1) as f64;
        if !(mean > 0.0 && mean.is_finite()) {
            return None;
        }
        g *= 1.0 - RHO;
        for (x, d) in g.diag_mut().iter_mut().zip(&diagonal) {
            *x = d + FLOOR * mean;
        }
        let mut order: Vec<usize> = (0..diagonal.len()).collect();
        order.sort_by(|&a, &b| diagonal[b].total_cmp(&diagonal[a]));
        let factor = Factor::new(in_order(&g, &order))?;
        Some(Self { g, order, factor })
    }

    /// Returns tr(G A) for A = V Wᵀ of rows of V and W.
    pub(crate) fn inner(&self, v: ArrayView2<'_, f64>, w: ArrayView2<'_, f64>) -> f64 {
        let products = v.dot(&w.t());
        products.iter().zip(&self.g).map(|(a, g)| a * g).sum()
    }

    /// Returns rows for `weights`, [rows, elements], that all have the same inputs; `scales` are those of rounding to the nearest.
    pub(crate) fn solve(&self, prepared: &Prepared, weights: &Array2<f64>, scales: &[f32], task: Task<'_>) -> Vec<Row> {
        let count = weights.nrows();
        let mut errors = Array2::<f64>::zeros(weights.dim());
        let mut rows: Vec<Option<Row>> = vec![None; count];
        let at_once = (count / PARTS).clamp(1, MOST);
        for start in (0..count).step_by(at_once) {
            let end = (start + at_once).min(count);
            let targets = self.targets(weights, &errors, start..end);
            let scales: Vec<f32> = (start..end).map(|j| scales[self.order[j]]).collect();
            let nearest = nearest_rows(&targets, &scales, task.codes);
            let solved = solve(prepared, targets.mapv(|t| t as f32).view(), &nearest, Task { threads: 1, ..task });
            for (j, row) in (start..end).zip(solved) {
                let scale = f64::from(row.scale);
                let of_row = errors.row_mut(j).into_iter().zip(weights.row(self.order[j])).zip(&row.codes);
                of_row.for_each(|((e, w), q)| *e = w - scale * q);
                rows[self.order[j]] = Some(row);
            }
        }
        rows.into_iter().flatten().collect()
    }

    /// Returns what some rows, by their places in the order, are rounded from, given the errors of those before them.
    pub(super) fn targets(
        &self,
        weights: &Array2<f64>,
        errors: &Array2<f64>,
        range: core::ops::Range<usize>,
    ) -> Array2<f64> {
        let mut targets = weights.select(Axis(0), &self.order[range.clone()]);
        if range.start > 0 {
            let before = part(errors.view(), 0..range.start, 0..weights.ncols());
            let lower = part(self.factor.lower.view(), range.clone(), 0..range.start);
            general_mat_mul(1.0, &lower, &before, 1.0, &mut targets);
        }
        targets
    }

    /// Returns a row by itself, with regard to no other.
    pub(crate) fn alone(prepared: &Prepared, weights: ArrayView2<'_, f32>, scale: f32, task: Task<'_>) -> Option<Row> {
        let nearest = nearest_rows(&weights.mapv(f64::from), &[scale], task.codes);
        solve(prepared, weights, &nearest, Task { threads: 1, ..task }).pop()
    }

    /// Returns rows of a layer each of whose rows has inputs of its own, under the scales of `rows`. `second` are the moments of all
    /// inputs side by side.
    pub(crate) fn solve_separate(
        &self,
        second: &Array2<f64>,
        weights: &Array2<f64>,
        rows: &[Row],
        codes: Codes,
    ) -> Option<Vec<Row>> {
        let (count, len) = weights.dim();
        // Weights in units of their scales, as one row.
        let scale = |at: usize| f64::from(rows[at / len].scale);
        let h = Array2::from_shape_fn(second.dim(), |(a, b)| {
            second[[a, b]] * self.g[[a / len, b / len]] * scale(a) * scale(b)
        });
        let prepared = Prepared::new(Quadratic::Matrix(h))?;
        let one = Array2::from_shape_fn((1, count * len), |(_, at)| weights[[at / len, at % len]] / scale(at));
        let nearest: Vec<f64> = rows.iter().flat_map(|row| row.codes.iter().copied()).collect();
        let task = Task { codes, own_scales: false, descend: true, kept: None, threads: 1 };
        let solved = solve(&prepared, one.mapv(|w| w as f32).view(), &[Row { codes: nearest, scale: 1.0 }], task);
        let codes = solved.into_iter().next()?.codes;
        let of_row = |(codes, row): (&[f64], &Row)| Row { codes: codes.to_vec(), scale: row.scale };
        Some(codes.chunks_exact(len).zip(rows).map(of_row).collect())
    }
}

/// The inputs of a layer each of whose rows has inputs of its own, side by side.
#[derive(Clone, Debug)]
pub(crate) struct Joint {
    product: Product,
    /// Those to fit, and those to judge by.
    moments: [Moments; 2],
    most: usize,
}

impl Joint {
    /// Returns what is known before any of so many samples; `None` for a layer whose rows share inputs, or that has too many weights.
    pub(crate) fn new(product: &Product, rows: usize, samples: usize) -> Option<Self> {
        let len = product.groups * product.len;
        let most = (ENOUGH / samples.max(1)).clamp(1, 256);
        let nothing = || Moments::new(len);
        (product.groups > 1 && rows == product.groups && len <= LONGEST).then(|| Self {
            product: product.clone(),
            moments: [nothing(), nothing()],
            most,
        })
    }

    /// Returns the bytes that this takes for a layer.
    pub(crate) fn most_bytes(product: &Product, rows: usize) -> usize {
        let len = product.groups * product.len;
        let is_there = product.groups > 1 && rows == product.groups && len <= LONGEST;
        if is_there { 2 * 8 * len * len } else { 0 }
    }

    /// Takes note of a value, if it is the layer's input.
    pub(crate) fn observe(&mut self, value: &ValueView<'_>, purpose: Purpose) {
        if value.id != self.product.input {
            return;
        }
        let Some(rows) = self.product.inputs(value.values.view(), self.most) else { return };
        self.moments[usize::from(purpose == Purpose::Judge)].add(rows.view());
    }

    /// Returns the second moments of the inputs to fit or of all, taken back to their diagonal.
    pub(crate) fn second(&self, of_all: bool, centred: bool, shrinkage: Shrinkage) -> Array2<f64> {
        let [fit, judge] = &self.moments;
        let mut h = if of_all {
            let mut all = fit.clone();
            all.merge(judge);
            all.second(centred)
        } else {
            fit.second(centred)
        };
        let diagonal: Vec<f64> = h.diag().iter().map(|&d| d.max(0.0)).collect();
        h *= 1.0 - shrinkage.rho;
        let whole = diagonal.iter().sum::<f64>() / diagonal.len().max(1) as f64;
        for (number, of_row) in diagonal.chunks(self.product.len).enumerate() {
            let mean = of_row.iter().sum::<f64>() / of_row.len() as f64;
            let floor = if mean > 0.0 { mean * shrinkage.floor } else { whole.max(f64::MIN_POSITIVE) };
            for (k, d) in of_row.iter().enumerate() {
                let at = number * self.product.len + k;
                h[[at, at]] = d + floor;
            }
        }
        h
    }
}

/// Returns the codes next to weights.
fn nearest_rows(weights: &Array2<f64>, scales: &[f32], codes: Codes) -> Vec<Row> {
    let of_row = |(row, &scale): (ndarray::ArrayView1<'_, f64>, &f32)| Row {
        codes: row.iter().map(|w| codes.nearest(w / f64::from(scale))).collect(),
        scale,
    };
    weights.rows().into_iter().zip(scales).map(of_row).collect()
}
