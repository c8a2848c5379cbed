//! Smaller files that hold once their layers are chosen together.
//!
//! A walk finds the smallest file that holds with each layer chosen by itself. Chosen together, its layers lose some dB less, which is more
//! than was asked for: so a file further down the front will do, about as many dB below. Each that is tried is made and run, and tells where
//! the next is to be looked for.

use super::super::integer::Data;
use super::request::Goal;
use super::runs::{Run, Runs, Together};
use crate::error::Result;
use crate::model::tflite::Model;
use crate::search::{Bound, Choice, Point};

/// The most files whose layers are chosen together: that takes far longer than to run one.
const MOST: usize = 4;
/// What is looked for below this share of a file's bytes is not worth it.
const FINE: f64 = 0.002;
/// A file that is better than what was asked for by no more than so many dB is as small as such files get.
const CLOSE: f64 = 0.2;
/// What 95 of 100 draws of the samples that judge may be below what was asked for, in dB: files are made and chosen by these samples again
/// and again, and are to be as good on others.
pub(super) const DRAWN: f64 = 1.0;

/// The best file that was found.
pub(super) struct Best {
    pub(super) choices: Vec<usize>,
    pub(super) of: Together,
}

/// Returns how many files may have their layers chosen together, of so many evaluations.
pub(super) fn most_together(evaluations: usize) -> usize {
    (evaluations / 4).clamp(1, MOST)
}

/// Returns the best file with layers chosen together: of the best choices so far, or of smaller ones on the front for which a bound of
/// quality holds then.
pub(super) fn best_together(
    runs: &mut Runs<'_>,
    choices: Vec<usize>,
    (points, tensors): (&[Point], &[Vec<Choice>]),
    bound: Bound,
    (model, data): (&Model, Data<'_>),
) -> Result<Best> {
    let of_choices =
        |value: fn(&Choice) -> f64| choices.iter().zip(tensors).map(|(&choice, of)| value(&of[choice])).sum::<f64>();
    let (bytes, error) = (of_choices(|choice| choice.bytes as f64) as u64, of_choices(|choice| choice.error));
    let alone = runs.of(&choices)?;
    let together = runs.together(&choices, model, data)?;
    let (of_first, is_coupled) = (together.run.clone(), together.is_coupled);
    let gain = of_first.judged.sqnr_db() - alone.judged.sqnr_db();
    let of = if is_coupled && bound.prefers(alone.measured, of_first.measured) {
        Together { file: runs.file(&choices)?, run: alone, is_coupled: false }
    } else {
        together
    };
    let mut best = Best { choices, of };
    let Bound::Quality(least) = bound else { return Ok(best) };
    // Better by a few bytes more is a way to fewer, too.
    if !(is_coupled && gain > 0.0 && bound.holds(of_first.measured)) {
        return Ok(best);
    }
    let decibels = |error: f64| -10.0 * error.log10();
    // Points from `high` on are no smaller than what holds; `low` is the largest that did not hold.
    let (mut low, mut high) = (None::<(usize, f64)>, points.partition_point(|point| point.bytes < bytes));
    let by_ratio = matches!(runs.request.goal, Goal::MinSqnr(_));
    let margin = |run: &Run| match run.measured.quality - least {
        margin if by_ratio => margin.min(run.judged.bound_db() - (least - DRAWN)),
        margin => margin,
    };
    if margin(&of_first) < 0.0 {
        return Ok(best);
    }
    let mut held = (decibels(error), if by_ratio { margin(&of_first) } else { gain });
    for _ in 1..most_together(runs.request.evaluations) {
        let wanted = match low {
            None => held.0 - held.1,
            // Where a line through both meets the bound.
            Some((at, missed)) if by_ratio => {
                let below = decibels(points[at].error);
                below + (held.0 - below) * missed / (missed + held.1)
            }
            Some((at, _)) => f64::midpoint(decibels(points[at].error), held.0),
        };
        let first = low.map_or(0, |(at, _)| at + 1);
        let at = points.partition_point(|point| decibels(point.error) < wanted).max(first).min(high.saturating_sub(1));
        let bytes_at = |at: usize| points.get(at).map_or(bytes, |point| point.bytes);
        let room = bytes_at(high).saturating_sub(bytes_at(first)) as f64;
        let is_close = by_ratio && held.1 < CLOSE;
        if is_close || first >= high || room < FINE * best.of.run.measured.bytes as f64 {
            break;
        }
        let other = runs.together(&points[at].choices, model, data)?;
        if margin(&other.run) >= 0.0 {
            high = at;
            held = (decibels(points[at].error), if by_ratio { margin(&other.run) } else { 0.0 });
            if !by_ratio && low.is_none() {
                held.1 = gain / 2.0;
            }
            if bound.prefers(other.run.measured, best.of.run.measured) {
                best = Best { choices: points[at].choices.clone(), of: other };
            }
        } else {
            low = Some((at, -margin(&other.run)));
        }
    }
    Ok(best)
}
