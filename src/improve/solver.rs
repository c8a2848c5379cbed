//! Rows of weights under a scale each, chosen for the least error of a layer's outputs.

use super::codes::Codes;
use super::descent::{Row, descend};
use super::factor::Factor;
use super::feedback::{Choice, Rounded, Updates, in_sample_space, inverse_of_all, with_factor};
use super::part::part;
use super::quadratic::Quadratic;
use crate::threads::{on_threads, shares};
use ndarray::{Array2, ArrayView2, Axis};

/// The scales that are tried, as shares of the one that holds the largest magnitude.
const GRID: &[f64] = &[0.5, 0.58, 0.66, 0.74, 0.82, 0.9, 1.0];
/// Those that are tried where there is no descent: enough to tell shrinkages apart.
const FEW: &[f64] = &[0.75, 1.0];
/// How often damping is raised before a form is given up.
const ATTEMPTS: usize = 6;
/// What damping is raised by.
const RAISE: f64 = 10.0;
/// The first damping, as a share of the mean of the diagonal.
const FIRST: f64 = 1e-6;
/// Rows that are worked on at once; whatever the number of threads, so that it does not show in the result.
const ROWS_AT_ONCE: usize = 32;
/// The same in sample space, where an inverse is updated for all of them together.
const IN_SAMPLE_SPACE: usize = 256;

/// A quadratic form with what rounding needs of it.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) h: Quadratic,
    form: Form,
    /// The order in which elements are rounded: those first whose errors cost most.
    order: Vec<usize>,
}

#[derive(Clone, Debug)]
enum Form {
    Factor(Factor),
    Updates(Updates),
}

impl Prepared {
    /// Factorizes a form, with as little damping as it takes; `None` if six times as much and ten times more each time is not
    /// enough.
    pub(crate) fn new(mut h: Quadratic) -> Option<Self> {
        let diagonal = h.diagonal();
        let mean = diagonal.iter().sum::<f64>() / diagonal.len().max(1) as f64;
        if !mean.is_finite() {
            return None;
        }
        let mut order: Vec<usize> = (0..diagonal.len()).collect();
        order.sort_by(|&a, &b| diagonal[b].total_cmp(&diagonal[a]));
        let mut damping = 0.0;
        for attempt in 0..=ATTEMPTS {
            let next =
                if attempt == 0 { 0.0 } else { FIRST * RAISE.powi(attempt as i32 - 1) * mean.max(f64::MIN_POSITIVE) };
            h.damp(next - damping);
            damping = next;
            let form = match &h {
                Quadratic::Matrix(matrix) => Factor::new(in_order(matrix, &order)).map(Form::Factor),
                Quadratic::Samples { diagonal, x } if diagonal.iter().all(|&d| d > 0.0) => {
                    Updates::new(diagonal, x.view(), &order).map(Form::Updates)
                }
                Quadratic::Samples { .. } => None,
            };
            if let Some(form) = form {
                return Some(Self { h, form, order });
            }
        }
        None
    }

    /// Rounds rows, [elements, rows].
    pub(crate) fn round(&self, weights: ArrayView2<'_, f64>, scales: &[f64], choice: &Choice<'_>) -> Option<Rounded> {
        match (&self.h, &self.form) {
            (Quadratic::Samples { diagonal, x }, Form::Updates(updates)) => {
                let of_samples = (&diagonal[..], x.view(), updates);
                Some(in_sample_space(of_samples, weights, scales, &self.order, choice))
            }
            (Quadratic::Matrix(_), Form::Factor(factor)) => {
                let sorted = weights.select(Axis(0), &self.order);
                let kept = choice.kept.map(|kept| kept.select(Axis(0), &self.order));
                let choice = Choice { kept: kept.as_ref().map(|kept| kept.view()), ..*choice };
                let mut rounded = with_factor(factor, sorted.view(), scales, &choice);
                let of_sorted = std::mem::take(&mut rounded.codes);
                rounded.codes = sorted;
                for (&at, codes) in self.order.iter().zip(of_sorted.rows()) {
                    rounded.codes.row_mut(at).assign(&codes);
                }
                Some(rounded)
            }
            _ => None,
        }
    }

    /// Returns V H⁻¹ for rows of V.
    pub(crate) fn divided(&self, v: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
        match (&self.h, &self.form) {
            (Quadratic::Samples { diagonal, x }, _) => {
                // (D + X Xᵀ)⁻¹ = D⁻¹ − D⁻¹ X (I + Xᵀ D⁻¹ X)⁻¹ Xᵀ D⁻¹.
                let over = |rows: &mut Array2<f64>| {
                    for mut row in rows.rows_mut() {
                        row.iter_mut().zip(diagonal).for_each(|(v, d)| *v /= d);
                    }
                };
                let mut divided = v.to_owned();
                over(&mut divided);
                let mut shared = divided.dot(x).dot(&inverse_of_all(diagonal, x.view())?).dot(&x.t());
                over(&mut shared);
                Some(divided - shared)
            }
            (_, Form::Factor(factor)) => {
                let mut columns = v.t().select(Axis(0), &self.order);
                factor.divide(&mut columns);
                let mut divided = Array2::zeros(v.dim());
                for (&at, column) in self.order.iter().zip(columns.rows()) {
                    divided.column_mut(at).assign(&column);
                }
                Some(divided)
            }
            _ => None,
        }
    }
}

/// Returns a symmetric matrix with its rows and columns in another order.
pub(super) fn in_order(matrix: &Array2<f64>, order: &[usize]) -> Array2<f64> {
    let mut sorted = matrix.select(Axis(0), order);
    for mut row in sorted.rows_mut() {
        let of_row = row.to_owned();
        row.iter_mut().zip(order).for_each(|(x, &at)| *x = of_row[at]);
    }
    sorted
}

/// What is asked of the solver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task<'a> {
    pub(crate) codes: Codes,
    /// Whether rows may have other scales than those given.
    pub(crate) own_scales: bool,
    /// Whether codes and scales are improved one at a time, after the rounding with feedback.
    pub(crate) descend: bool,
    /// Which elements, [rows, elements], may be anything but 0, if not all may.
    pub(crate) kept: Option<ArrayView2<'a, bool>>,
    pub(crate) threads: usize,
}

/// Returns the best rows that are found for `weights`, [rows, elements], where `nearest` are codes and scales of rounding to the
/// nearest. No row costs more than that.
pub(crate) fn solve(prepared: &Prepared, weights: ArrayView2<'_, f32>, nearest: &[Row], task: Task<'_>) -> Vec<Row> {
    let at_once = match prepared.h {
        Quadratic::Matrix(_) => ROWS_AT_ONCE,
        Quadratic::Samples { .. } => IN_SAMPLE_SPACE,
    };
    let chunks: Vec<usize> = (0..weights.nrows()).step_by(at_once).collect();
    let one = |&start: &usize| {
        let end = (start + at_once).min(weights.nrows());
        let of_rows = |kept| part(kept, start..end, 0..weights.ncols());
        let task = Task { kept: task.kept.map(of_rows), ..task };
        solve_chunk(prepared, part(weights, start..end, 0..weights.ncols()), &nearest[start..end], task)
    };
    let some = |share: &[usize]| share.iter().flat_map(one).collect::<Vec<Row>>();
    on_threads(shares(&chunks, task.threads), &some).concat()
}

fn solve_chunk(prepared: &Prepared, weights: ArrayView2<'_, f32>, nearest: &[Row], task: Task<'_>) -> Vec<Row> {
    let (rows, len) = weights.dim();
    let weights = weights.mapv(f64::from);
    let mut best: Vec<Row> = nearest.to_vec();
    let mut costs = cost_of(&prepared.h, weights.view(), &best);
    // All rows under all scales side by side.
    let grid: &[f64] = match task {
        Task { own_scales: false, .. } => &[1.0],
        Task { descend: true, .. } => GRID,
        Task { descend: false, .. } => FEW,
    };
    let mut wide = Array2::<f64>::zeros((len, rows * grid.len()));
    let mut scales = Vec::with_capacity(rows * grid.len());
    for (r, weight) in weights.rows().into_iter().enumerate() {
        let largest = weight.iter().fold(0.0_f64, |most, w| most.max(w.abs()));
        for (g, share) in grid.iter().enumerate() {
            let scale = if task.own_scales { (largest * share / task.codes.reach()) as f32 } else { nearest[r].scale };
            scales.push(f64::from(scale.max(f32::MIN_POSITIVE)));
            wide.column_mut(r * grid.len() + g).assign(&weight);
        }
    }
    let kept = task.kept.map(|kept| Array2::from_shape_fn(wide.dim(), |(k, at)| kept[[at / grid.len(), k]]));
    let choice = Choice { codes: task.codes, rate: None, kept: kept.as_ref().map(|kept| kept.view()) };
    if let Some(rounded) = prepared.round(wide.view(), &scales, &choice) {
        for (at, &cost) in rounded.costs.iter().enumerate() {
            let r = at / grid.len();
            if cost < costs[r] {
                costs[r] = cost;
                best[r] = Row { codes: rounded.codes.column(at).to_vec(), scale: scales[at] as f32 };
            }
        }
    }
    if task.descend {
        descend(&prepared.h, weights.view(), &mut best, task.codes, task.own_scales, task.kept.is_some());
    }
    // Costs along the way are sums of roundings; the law is about what comes out.
    let after = cost_of(&prepared.h, weights.view(), &best);
    let before = cost_of(&prepared.h, weights.view(), nearest);
    for ((best, nearest), (after, before)) in best.iter_mut().zip(nearest).zip(after.into_iter().zip(before)) {
        if after >= before || after.is_nan() {
            best.clone_from(nearest);
        }
    }
    best
}

/// Returns eᵀHe of each row.
pub(crate) fn cost_of(h: &Quadratic, weights: ArrayView2<'_, f64>, rows: &[Row]) -> Vec<f64> {
    let mut errors = weights.to_owned();
    for (mut error, row) in errors.rows_mut().into_iter().zip(rows) {
        let scale = f64::from(row.scale);
        error.iter_mut().zip(&row.codes).for_each(|(e, q)| *e -= scale * q);
    }
    let of_errors = h.product(errors.view());
    errors.axis_iter(Axis(0)).zip(of_errors.rows()).map(|(e, g)| e.dot(&g)).collect()
}
