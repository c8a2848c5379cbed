//! Weights chosen with the channels of the float model scaled, where the outputs lose less by that.

use super::super::fold::Folded;
use super::super::improvement::{Better, Changes, improve_weights};
use super::super::integer::Data;
use super::super::judge::Judge;
use super::super::options::Options;
use super::super::progress::Progress;
use super::super::source::Source;
use crate::error::Result;
use crate::model::tflite::Model;
use crate::recipe::{Decision, Plan};

/// The share of the error that has to be left, at most: with less to gain it may be by chance.
const LEFT: f64 = 0.95;
/// The samples by which that is judged.
const JUDGES: usize = 32;

/// What makes a file of a float model, of constants and of what is to be in their place.
pub(super) type Make<'a> = dyn Fn(&Model, &[Source], &Changes) -> Result<Vec<u8>> + 'a;

/// A float model, what is planned for its constants, and what samples made of them.
pub(super) struct Chosen {
    pub(super) model: Model,
    pub(super) constants: Vec<Source>,
    pub(super) plan: Plan,
    pub(super) better: Vec<Vec<Better>>,
}

/// Returns a model whose channels are scaled and what samples make of its weights by a plan, if the samples that judge lose clearly less
/// by that than with what they made of the model itself, `better`; `None` too where a recipe says what is to be done with samples.
///
/// # Errors
///
/// Those of reading samples, of running models and of the edits.
pub(super) fn scaled(
    model: &Model,
    (plan, constants, make): (&Plan, &[Source], &Make<'_>),
    better: &[Vec<Better>],
    data: Data<'_>,
    options: &Options,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Option<Chosen>> {
    let changes_of = |better: &[Vec<Better>]| {
        let mut changes = Changes::default();
        better.iter().flatten().for_each(|better| changes.add(better));
        changes
    };
    let alone = changes_of(better);
    if alone.is_empty() || data.samples.is_noise() || !is_open(plan) {
        return Ok(None);
    }
    let Some(Folded { model: folded, scaled }) = Folded::new(model, data)? else { return Ok(None) };
    let sources: Vec<Source> = folded.constants().into_iter().map(|constant| Source::of(constant, &folded)).collect();
    if !sources.iter().map(|source| source.constant.id).eq(constants.iter().map(|source| source.constant.id)) {
        return Ok(None);
    }
    let mut plans = [plan.clone()];
    let of_folded = improve_weights(&folded, &mut plans, &sources, options, Some(data), progress)?;
    let [mut new_plan] = plans;
    let judge = Judge::new(data, &model.to_bytes()?, None, 0, JUDGES)?.on_threads(options.threads.get());
    let error = |model: &Model, constants: &[Source], changes: &Changes| -> Result<f64> {
        Ok(judge.judge(make(model, constants, changes)?, usize::MAX)?.error())
    };
    let (before, after) = (error(model, constants, &alone)?, error(&folded, &sources, &changes_of(&of_folded))?);
    // What is not a number is not less.
    let is_less = after <= LEFT * before;
    if !is_less {
        return Ok(None);
    }
    for (entry, source) in new_plan.entries.iter_mut().zip(&sources) {
        if scaled.contains(&source.constant.id) {
            entry.reason += "; its channels are scaled along with its neighbours', of which the model makes the same";
        }
    }
    Ok(Some(Chosen { model: folded, constants: sources, plan: new_plan, better: of_folded }))
}

/// Returns whether a plan says of no tensor what is to be done with samples, nor chooses codes for anything but the outputs.
fn is_open(plan: &Plan) -> bool {
    plan.entries.iter().all(|entry| match &entry.decision {
        Decision::Quantize(treatment) => {
            treatment.improve.is_none() && treatment.rate.is_none() && treatment.sparsity.is_none()
        }
        _ => true,
    })
}
