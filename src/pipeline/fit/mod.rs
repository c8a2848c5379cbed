//! The best file for a goal: what each tensor becomes is found by running the model.

mod chosen;
mod fitted;
mod goal;
mod groups;
mod integer;
mod maker;
mod neighbours;
mod plans;
mod request;
mod runs;
mod smaller;

pub use fitted::{Chosen, Fitted};
pub use request::{Arithmetic, Count, Goal, Request};

use super::deflated::deflated_len;
use super::improvement::improve_weights;
use super::integer::Data;
use super::judge::Judge;
use super::options::{Options, check_output};
use super::progress::Progress;
use super::source::Source;
use crate::error::Result;
use crate::model::tflite::Model;
use crate::recipe::RecipeError;
use crate::search::{Bound, Choice, Measured, Point, front, walk};
use chosen::chosen;
use goal::{bound_of, check, hash};
use groups::{count_downloads, groups, scaled};
use maker::Maker;
use neighbours::neighbours;
use plans::plans;
use runs::{Runs, Together};
use smaller::{best_together, most_together};
use std::path::Path;
use std::time::Instant;

/// The samples by which the error of each tensor alone is told.
const FEW: usize = 12;
/// The most points of the front that are reported.
const REPORTED: usize = 40;

/// Finds the best file for a goal, and writes it if there is one.
///
/// Each tensor is quantized alone to each type, and judged by the outputs; these errors add up to a front of all choices, which is
/// walked with real files. `labels` are the right choices of the first output, one for each sample.
///
/// # Errors
///
/// Those of [`quantize_file_with`](super::quantize_file_with); [`Error::InvalidSetting`](crate::Error::InvalidSetting) for a goal that is none;
/// [`RecipeError::NothingToQuantize`] if no tensor may become any of the types.
#[expect(clippy::too_many_lines, reason = "the search from end to end; its steps are functions")]
pub fn fit_file(
    input: impl AsRef<Path>,
    output: impl AsRef<Path>,
    request: &Request,
    options: &Options,
    data: Data<'_>,
    labels: Option<&[usize]>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Fitted> {
    let (input, output, start) = (input.as_ref(), output.as_ref(), Instant::now());
    check(request, labels)?;
    check_output(input, output, options.overwrite)?;
    if request.arithmetic == Arithmetic::Integer {
        return integer::fit(input, output, request, options, data, labels, progress);
    }
    let model = Model::open(input)?;
    let float = model.to_bytes()?;
    let bytes_in = model.size_in_bytes();
    let constants: Vec<Source> = model.constants().into_iter().map(|constant| Source::of(constant, &model)).collect();
    let judge = Judge::new(data, &float, labels, request.seed, usize::MAX)?.on_threads(options.threads.get());
    let mut plans = plans(request, &model, &constants)?;
    let better = improve_weights(&model, &mut plans, &constants, options, Some(data), &mut |now| {
        // How many runs there will be is not known yet.
        progress(Progress { done: 0, total: request.evaluations as u64, tensor: now.tensor });
    })?;
    let maker = Maker { float: &float, constants: &constants, plans: &plans, better: &better, options };

    // Each tensor alone.
    let mut groups = groups(&constants, &plans);
    if request.count == Count::Download {
        count_downloads(&mut groups, &model, &constants, &plans, &better)?;
    }
    let total: usize = groups.iter().map(|group| group.options.len() - 1).sum();
    let (mut done, mut evaluations) = (0_usize, 0_usize);
    let none: Vec<Option<usize>> = vec![None; groups.len()];
    for at in 0..groups.len() {
        for option in 1..groups[at].options.len() {
            let name = constants[groups[at].constants[0]].constant.name.clone();
            progress(Progress { done: done as u64, total: (total + request.evaluations) as u64, tensor: &name });
            let mut choice = none.clone();
            choice[at] = groups[at].options[option].plan;
            if let Some(error) = scaled(&groups[at], option, &better) {
                groups[at].options[option].error = error;
                done += 1;
                continue;
            }
            let file = maker.file(&groups, &choice)?;
            groups[at].options[option].error = judge.judge(file, FEW)?.error();
            (done, evaluations) = (done + 1, evaluations + 1);
        }
    }
    let tensors: Vec<Vec<Choice>> = groups
        .iter()
        .map(|group| group.options.iter().map(|o| Choice { bytes: o.bytes, error: o.error }).collect())
        .collect();
    let points = front(&tensors);
    let kept: u64 = groups.iter().map(|group| group.options[0].bytes).sum();
    let whole = if request.count == Count::Download { deflated_len(&float) } else { bytes_in };
    let others = whole.saturating_sub(kept);
    let predicted = |point: &Point| -10.0 * point.error.log10();

    // Real files, until the goal is met as closely as there are runs.
    let bound = bound_of(request.goal, bytes_in);
    let first = match request.goal {
        Goal::MinSqnr(db) => points.iter().position(|point| predicted(point) >= db),
        Goal::MaxAccuracyDrop(_) => points.iter().position(|point| predicted(point) >= 20.0),
        Goal::MaxSize(_) | Goal::MaxDownload(_) => points
            .iter()
            .rposition(|point| bound.holds(Measured { bytes: point.bytes + others, quality: 0.0 }))
            .or(Some(0)),
    };
    let first = first.unwrap_or(points.len().saturating_sub(1));
    let together = if matches!(bound, Bound::Quality(_)) { most_together(request.evaluations) } else { 1 };
    let steps = [done, total + request.evaluations, together];
    let mut runs = Runs::new((request, &groups), (maker, &judge), steps, progress);
    let on_front = request.evaluations.div_ceil(2).max(1);
    let found = walk(points.len(), first, bound, on_front, &mut |at| Ok(runs.of(&points[at].choices)?.measured))?;
    let Some((at, measured)) = found else {
        return Err(RecipeError::NothingToQuantize {
            recipe: "fit".into(),
            reason: "it holds no tensor that may be".into(),
        }
        .into());
    };
    let mut best = (points[at].choices.clone(), measured);
    // Neighbours of the best: what the sum of errors does not tell.
    let mut left = request.evaluations.saturating_sub(on_front + together);
    while left > 0 {
        let mut improved = false;
        for neighbour in neighbours(&best.0, &tensors, bound, best.1) {
            if left == 0 {
                break;
            }
            left -= 1;
            let measured = runs.of(&neighbour)?.measured;
            if bound.prefers(measured, best.1) {
                (best, improved) = ((neighbour, measured), true);
                break;
            }
        }
        if !improved {
            break;
        }
    }
    let best = best_together(&mut runs, best.0, (&points, &tensors), bound, (&model, data))?;
    let Together { file, run, is_coupled } = best.of;
    let is_reached = bound.holds(run.measured);
    if is_reached {
        crate::output::write(output, &file)?;
    }
    let error: f64 = best.choices.iter().zip(&tensors).map(|(&choice, of)| of[choice].error).sum();
    let step = points.len().div_ceil(REPORTED).max(1);
    Ok(Fitted {
        request: request.clone(),
        input: input.into(),
        output: is_reached.then(|| output.into()),
        bytes_in,
        bytes: run.bytes,
        download: run.download,
        zstd: None,
        sqnr_db: run.judged.sqnr_db(),
        bound_db: run.judged.bound_db(),
        accuracy: run.judged.accuracy(),
        predicted_db: -10.0 * error.log10(),
        judged_on: judge.samples(),
        evaluations: evaluations + runs.evaluations,
        data_hash: hash(data)?,
        tensors: chosen(&groups, &best.choices, &constants, &plans),
        is_coupled,
        front: points.iter().step_by(step).map(|point| (point.bytes + others, predicted(point))).collect(),
        walked: runs.walked,
        seconds: start.elapsed().as_secs_f64(),
        rules: None,
    })
}
