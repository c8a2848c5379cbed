//! One tensor of weights: its codes and scales, and the bias that belongs to them, for the least error of its outputs.

use super::codes::Codes;
use super::descent::Row;
use super::effort::Effort;
use super::product::group;
use super::quadratic::Shrinkage;
use super::rate::{Rate, Shares};
use super::solver::{Prepared, Task, solve};
use super::statistics::Statistics;
use ndarray::{Array2, ArrayView2};

/// The shrinkages that are tried. Which is best depends on how much the samples have in common with those to come: about .03 for
/// convolutions, .1 for dense layers, .6 for a layer that sees one position a sample.
const SHRINKAGES: [Shrinkage; 5] = [
    Shrinkage { rho: 0.01, floor: 0.001 },
    Shrinkage { rho: 0.03, floor: 0.02 },
    Shrinkage { rho: 0.1, floor: 0.05 },
    Shrinkage { rho: 0.3, floor: 0.05 },
    Shrinkage { rho: 0.6, floor: 0.05 },
];

/// What became of a tensor of weights.
#[derive(Clone, Debug)]
pub(crate) struct Improved {
    pub(crate) rows: Vec<Row>,
    /// What is to be added to the bias of each row, if it has one.
    pub(crate) shifts: Option<Vec<f64>>,
    /// The judged error of the outputs, of rounding to the nearest and of what came out.
    pub(crate) judged: [f64; 2],
    /// The shrinkage that was best, if codes are not those next to the weights.
    pub(crate) shrinkage: Option<Shrinkage>,
}

/// A tensor of weights, and what its rows may become.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Problem<'a> {
    pub(crate) weights: &'a Array2<f32>,
    /// Codes and scales of rounding to the nearest.
    pub(crate) nearest: &'a [Row],
    pub(crate) codes: Codes,
    /// Whether each row may have another scale than in `nearest`.
    pub(crate) own_scales: bool,
    /// Whether there is a bias that may be changed.
    pub(crate) has_bias: bool,
    pub(crate) effort: Effort,
    /// λ, if codes are chosen for their bits, too.
    pub(crate) rate: Option<f64>,
    pub(crate) threads: usize,
}

/// Returns the best rows for a tensor of weights: never worse than rounding to the nearest, on the samples that judge.
///
/// # Errors
///
/// Why nothing can be improved, in a few words.
pub(crate) fn improve(statistics: &Statistics, problem: &Problem<'_>) -> Result<Improved, String> {
    let [fit, judge] = statistics.seen();
    if fit == 0 || judge == 0 {
        return Err(match fit + judge {
            0 => "no sample reached it".into(),
            1 => "one sample is too few".into(),
            _ => "too few samples reached it".into(),
        });
    }
    let groups = statistics.groups();
    let means: Vec<Vec<f64>> = (0..groups).map(|group| statistics.mean(group)).collect();
    let judged = |rows: &[Row], centred: bool| {
        let errors = errors_of(problem.weights, rows);
        let of_group = |number: usize| {
            let centre = centred.then(|| means[number].as_slice());
            statistics.judged(number, group(&errors, groups, number), centre).iter().sum::<f64>()
        };
        (0..groups).map(of_group).sum::<f64>()
    };
    let plain = judged(problem.nearest, false);
    if let Some(lambda) = problem.rate {
        return rated(statistics, problem, lambda, plain, &judged, &means);
    }
    let mut best = Improved { rows: problem.nearest.to_vec(), shifts: None, judged: [plain; 2], shrinkage: None };
    let mut is_shifted = false;
    let mut accept = |rows: Vec<Row>, centred: bool, shrinkage: Option<Shrinkage>| {
        let judged = judged(&rows, centred);
        if judged < best.judged[1] {
            best.judged[1] = judged;
            (best.rows, best.shrinkage, is_shifted) = (rows, shrinkage, centred);
        }
    };
    if problem.has_bias {
        accept(problem.nearest.to_vec(), true, None);
    }
    if problem.effort == Effort::Full {
        let mut tried: Option<(f64, Shrinkage)> = None;
        for shrinkage in SHRINKAGES {
            let Some(rows) = solved(statistics, problem, shrinkage, false) else { continue };
            let judged = judged(&rows, problem.has_bias);
            if tried.is_none_or(|(best, _)| judged < best) {
                tried = Some((judged, shrinkage));
            }
            accept(rows, problem.has_bias, Some(shrinkage));
        }
        let Some((_, shrinkage)) = tried else {
            return Err("its inputs have no second moments to speak of".into());
        };
        if let Some(rows) = solved(statistics, problem, shrinkage, true) {
            accept(rows, problem.has_bias, Some(shrinkage));
        }
    }
    if is_shifted {
        best.shifts = Some(shifts_of(problem.weights, &best.rows, &means));
    }
    Ok(best)
}

/// Returns what a bias has to take out of each row, given the mean inputs of each group.
fn shifts_of(weights: &Array2<f32>, rows: &[Row], means: &[Vec<f64>]) -> Vec<f64> {
    let errors = errors_of(weights, rows);
    let of_group = (errors.nrows() / means.len().max(1)).max(1);
    let shift = |(number, error): (usize, ndarray::ArrayView1<'_, f64>)| {
        error.iter().zip(&means[number / of_group]).map(|(e, mean)| e * mean).sum::<f64>()
    };
    errors.rows().into_iter().enumerate().map(shift).collect()
}

/// How often codes are chosen with the shares of those chosen before.
const RATE_ROUNDS: usize = 3;

/// Returns the rows whose codes are chosen for their bits as well, under the scales that are given, and the shrinkage of which they lose
/// least on the samples that judge.
fn rated(
    statistics: &Statistics,
    problem: &Problem<'_>,
    lambda: f64,
    plain: f64,
    judged: &dyn Fn(&[Row], bool) -> f64,
    means: &[Vec<f64>],
) -> Result<Improved, String> {
    let groups = statistics.groups();
    let of_group = problem.weights.nrows() / groups;
    let mut best: Option<(f64, Vec<Row>, Shrinkage)> = None;
    for shrinkage in [SHRINKAGES[1], SHRINKAGES[3]] {
        let mut prepared = Vec::with_capacity(groups);
        for number in 0..groups {
            let form = statistics.quadratic(number, problem.has_bias, shrinkage);
            prepared.extend(form.and_then(Prepared::new));
        }
        if prepared.len() != groups {
            continue;
        }
        let mut rows: Vec<Row> = Vec::new();
        let mut rate: Option<Rate> = None;
        for _ in 0..=RATE_ROUNDS {
            let (mut shares, mut pivots) = (Shares::new(problem.codes), 0.0);
            rows.clear();
            for (number, prepared) in prepared.iter().enumerate() {
                let nearest = &problem.nearest[number * of_group..(number + 1) * of_group];
                let scales: Vec<f64> = nearest.iter().map(|row| f64::from(row.scale)).collect();
                let weights = group(problem.weights, groups, number).mapv(f64::from);
                let weights = weights.t().as_standard_layout().into_owned();
                let rounded = prepared.round(weights.view(), &scales, problem.codes, rate.as_ref());
                let rounded = rounded.ok_or("its inputs have no second moments to speak of")?;
                pivots += rounded.mean_pivot;
                for (codes, row) in rounded.codes.columns().into_iter().zip(nearest) {
                    let codes = codes.to_vec();
                    shares.add(&codes);
                    rows.push(Row { codes, scale: row.scale });
                }
            }
            rate = Some(shares.priced(lambda, pivots / groups as f64));
        }
        let error = judged(&rows, problem.has_bias);
        if best.as_ref().is_none_or(|(least, ..)| error < *least) {
            best = Some((error, rows, shrinkage));
        }
    }
    let (error, rows, shrinkage) = best.ok_or("its inputs have no second moments to speak of")?;
    let shifts = problem.has_bias.then(|| shifts_of(problem.weights, &rows, means));
    Ok(Improved { rows, shifts, judged: [plain, error], shrinkage: Some(shrinkage) })
}

/// Returns the rows that are best under a shrinkage; `None` if no damping makes the moments of some group usable.
fn solved(statistics: &Statistics, problem: &Problem<'_>, shrinkage: Shrinkage, descend: bool) -> Option<Vec<Row>> {
    let groups = statistics.groups();
    let of_group = problem.weights.nrows() / groups;
    let mut rows = Vec::with_capacity(problem.weights.nrows());
    for number in 0..groups {
        let prepared = Prepared::new(statistics.quadratic(number, problem.has_bias, shrinkage)?)?;
        let nearest = &problem.nearest[number * of_group..(number + 1) * of_group];
        let (codes, own_scales) = (problem.codes, problem.own_scales);
        let task = Task { codes, own_scales, descend, threads: problem.threads };
        rows.extend(solve(&prepared, group(problem.weights, groups, number), nearest, task));
    }
    Some(rows)
}

/// Returns what restored rows lack: w − s·q, as f32 restores it.
fn errors_of(weights: &Array2<f32>, rows: &[Row]) -> Array2<f64> {
    let mut errors = weights.mapv(f64::from);
    for (mut error, row) in errors.rows_mut().into_iter().zip(rows) {
        error.iter_mut().zip(&row.codes).for_each(|(e, &q)| *e -= f64::from(row.scale * q as f32));
    }
    errors
}

/// Returns rows as the reals that they stand for.
pub(crate) fn restored(rows: &[Row], len: usize) -> Option<Array2<f32>> {
    let values = rows.iter().flat_map(|row| row.codes.iter().map(|&q| row.scale * q as f32)).collect();
    Array2::from_shape_vec((rows.len(), len), values).ok()
}

/// Returns codes and scales as rows.
pub(crate) fn rows_from(codes: ArrayView2<'_, f32>, scales: impl Fn(usize) -> f32) -> Vec<Row> {
    let row = |(number, codes): (usize, ndarray::ArrayView1<'_, f32>)| {
        let scale = scales(number);
        Row { codes: codes.iter().map(|&x| f64::from(x / scale).round_ties_even()).collect(), scale }
    };
    codes.rows().into_iter().enumerate().map(row).collect()
}
