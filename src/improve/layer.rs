//! One tensor of weights: its codes and scales, and the bias that belongs to them, for the least error of its outputs.

use super::codes::Codes;
use super::descent::Row;
use super::effort::Effort;
use super::feedback::Choice;
use super::product::group;
use super::prune::mask;
use super::quadratic::{Quadratic, Shrinkage};
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

/// The same for samples that are noise: that inputs go together, and how, is then no more than a guess.
const OF_NOISE: [Shrinkage; 2] = [Shrinkage { rho: 0.5, floor: 0.05 }, Shrinkage { rho: 0.8, floor: 0.05 }];

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
    /// The rows and shifts that all samples together give, with what was found on some of them: nothing is left to judge these by.
    pub(crate) of_all: Option<(Vec<Row>, Option<Vec<f64>>)>,
}

impl Improved {
    /// Returns what rounding to the nearest is, given its judged error.
    fn nearest(problem: &Problem<'_>, judged: f64) -> Self {
        let rows = problem.nearest.to_vec();
        Self { rows, shifts: None, judged: [judged; 2], shrinkage: None, of_all: None }
    }
}

/// What is made of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Belief {
    /// Some are fitted to, the others judge.
    Split,
    /// The same, and once it is known how, codes are chosen again on all.
    All,
    /// They are no inputs as the model will see them.
    Noise,
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
    /// The share of elements that become 0.
    pub(crate) sparsity: Option<f64>,
    pub(crate) belief: Belief,
    pub(crate) threads: usize,
}

/// Returns the best rows for a table, whose elements the outputs are: those with the least Σ e², without samples.
pub(crate) fn improve_table(problem: &Problem<'_>) -> Improved {
    let square = |rows: &[Row]| errors_of(problem.weights, rows).iter().map(|e| e * e).sum::<f64>();
    let plain = square(problem.nearest);
    let mut table = Improved::nearest(problem, plain);
    let len = problem.weights.ncols();
    // H is the identity: of a diagonal, and no samples.
    let identity = Quadratic::Samples { diagonal: vec![1.0; len], x: Array2::zeros((len, 0)) };
    let Some(prepared) = Prepared::new(identity)
        .filter(|_| problem.effort.chooses_codes() && problem.own_scales && problem.sparsity.is_none())
    else {
        return table;
    };
    let task = Task { codes: problem.codes, own_scales: true, descend: true, kept: None, threads: problem.threads };
    let rows = solve(&prepared, problem.weights.view(), problem.nearest, task);
    let square = square(&rows);
    if square < plain {
        let none = Shrinkage { rho: 1.0, floor: 0.0 };
        table = Improved { rows, judged: [plain, square], shrinkage: Some(none), ..table };
    }
    table
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
    let mut best = Improved::nearest(problem, plain);
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
    if problem.effort.chooses_codes() {
        let shrinkages = if problem.belief == Belief::Noise { &OF_NOISE[..] } else { &SHRINKAGES };
        let mut error_of = |shrinkage: Shrinkage| {
            let rows = solved(statistics, problem, shrinkage, false)?;
            let judged = judged(&rows, problem.has_bias);
            accept(rows, problem.has_bias, Some(shrinkage));
            Some(judged)
        };
        let Some(shrinkage) = best_of(shrinkages, &mut error_of) else {
            return Err("its inputs have no second moments to speak of".into());
        };
        if problem.belief != Belief::All
            && let Some(rows) = solved(statistics, problem, shrinkage, true)
        {
            accept(rows, problem.has_bias, Some(shrinkage));
        }
    }
    if is_shifted {
        best.shifts = Some(shifts_of(problem.weights, &best.rows, &means));
    }
    if let Some(shrinkage) = best.shrinkage.filter(|_| problem.belief == Belief::All) {
        let all = statistics.of_all();
        let means: Vec<Vec<f64>> = (0..groups).map(|group| all.mean(group)).collect();
        let with_shifts = |rows: Vec<Row>| {
            let shifts = is_shifted.then(|| shifts_of(problem.weights, &rows, &means));
            (rows, shifts)
        };
        best.of_all = solved(&all, problem, shrinkage, true).map(with_shifts);
    }
    Ok(best)
}

/// Returns the shrinkage with the least error: from the middle on, as long as it falls.
fn best_of(shrinkages: &[Shrinkage], error_of: &mut dyn FnMut(Shrinkage) -> Option<f64>) -> Option<Shrinkage> {
    let middle = shrinkages.len() / 2;
    let (below, above) = (&shrinkages[..middle], &shrinkages[middle..]);
    let mut best: Option<(f64, Shrinkage)> = None;
    let mut walk = |of: &mut dyn Iterator<Item = &Shrinkage>| {
        let mut is_further = false;
        for &shrinkage in of {
            let Some(error) = error_of(shrinkage) else { continue };
            if best.is_some_and(|(least, _)| error >= least) {
                break;
            }
            (best, is_further) = (Some((error, shrinkage)), true);
        }
        is_further
    };
    walk(&mut above.iter().take(1));
    if !walk(&mut below.iter().rev()) {
        walk(&mut above.iter().skip(1));
    }
    best.map(|(_, shrinkage)| shrinkage)
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
        let mask = mask_of(problem, &prepared);
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
                let kept = mask.as_ref().map(|mask| group(mask, groups, number).reversed_axes());
                let choice = Choice { codes: problem.codes, rate: rate.as_ref(), kept };
                let rounded = prepared.round(weights.view(), &scales, &choice);
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
    Ok(Improved { rows, shifts, judged: [plain, error], shrinkage: Some(shrinkage), of_all: None })
}

/// Returns the rows that are best under a shrinkage; `None` if no damping makes the moments of some group usable.
fn solved(statistics: &Statistics, problem: &Problem<'_>, shrinkage: Shrinkage, descend: bool) -> Option<Vec<Row>> {
    let groups = statistics.groups();
    let of_group = problem.weights.nrows() / groups;
    let form = |number| Prepared::new(statistics.quadratic(number, problem.has_bias, shrinkage)?);
    let mut rows = Vec::with_capacity(problem.weights.nrows());
    // What goes is told by all groups together.
    let of_all: Vec<Prepared> = match problem.sparsity {
        Some(_) => (0..groups).map(form).collect::<Option<_>>()?,
        None => Vec::new(),
    };
    let mask = mask_of(problem, &of_all);
    for number in 0..groups {
        let formed;
        let prepared = if let Some(prepared) = of_all.get(number) {
            prepared
        } else {
            formed = form(number)?;
            &formed
        };
        let nearest = &problem.nearest[number * of_group..(number + 1) * of_group];
        let (codes, own_scales, threads) = (problem.codes, problem.own_scales, problem.threads);
        let kept = mask.as_ref().map(|mask| group(mask, groups, number));
        let task = Task { codes, own_scales, descend, kept, threads };
        rows.extend(solve(prepared, group(problem.weights, groups, number), nearest, task));
    }
    Some(rows)
}

/// Returns which elements may be anything but 0, given the forms of all groups; `None` if all may.
fn mask_of(problem: &Problem<'_>, prepared: &[Prepared]) -> Option<Array2<bool>> {
    let diagonals: Vec<Vec<f64>> = prepared.iter().map(|prepared| prepared.h.diagonal()).collect();
    problem.sparsity.map(|share| mask(problem.weights, &diagonals, share))
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
