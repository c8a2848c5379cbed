//! `.tflite` files: operators know their weights.

mod edits;
mod scaled;
pub(super) mod shared;

use super::coupled::{coupled, of_fitting};
use super::encoded::{Encoded, encode};
use super::held::Held;
use super::improvement::{Better, Changes, improve_weights};
use super::integer::{self, Data, Evidence, Quantized, WrittenConstant};
use super::judge::Judge;
use super::mean_shift::without_shift;
use super::options::Options;
use super::outcome::{Fate, TensorOutcome, Written};
use super::progress::Progress;
use super::source::{self, Source};
use crate::error::Result;
use crate::model::ModelError;
use crate::model::tflite::{Fault, Model, NewData, Replacement, Role, Severity, TensorId};
use crate::recipe::RecipeError;
use crate::recipe::{Candidate, Decision, Effort, Entry, Plan, Recipe, Warning};
use edits::{Edits, element_type};
use scaled::scaled;
use shared::Shared;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

/// Bytes of samples that are held while weights are chosen.
const HELD: usize = 24 << 20;

pub(super) fn quantize(
    input: &Path,
    output: Option<&Path>,
    recipe: &Recipe,
    options: &Options,
    evidence: Evidence<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Written> {
    let mut model = Model::open(input)?;
    let bytes_before = model.bytes_of_tensors();
    let mut integers = None;
    let before = model.check();
    if let Some(activations) = &recipe.activations {
        let step = &mut |step: &str| progress(Progress { done: 0, total: 0, tensor: step });
        let mut quantized = integer::quantize(model, recipe, activations, (evidence, options.threads.get()), step)?;
        model = quantized.model.take().map_or_else(|| Model::open(input), Ok)?;
        integers = Some(quantized);
    }
    // Activations that are codes, too, have what calibration made of the weights.
    let held = evidence.data.filter(|_| integers.is_none()).map(|data| (data.engine, Held::new(data.samples, HELD)));
    let data = held.as_ref().map(|(engine, samples)| Data { engine: *engine, samples });
    let (tensors, warnings) = weights(&mut model, recipe, options, integers.as_ref(), data, &bytes_before, progress)?;
    check(&model, &before)?;
    let bytes = model.encoded_len()?;
    let to_disk = output.map_or(Ok(Duration::ZERO), |output| model.save_timed(output))?;
    Ok(Written { tensors, warnings, to_disk, bytes, integer: integers.map(|quantized| quantized.outcome) })
}

/// Returns an error if a model that is about to be written has faults that it had not when it was read: interpreters would refuse it, or
/// run it with wrong results and not say so.
fn check(model: &Model, before: &[Fault]) -> Result<()> {
    let is_old = |fault: &Fault| before.iter().any(|old| (&old.name, &old.reason) == (&fault.name, &fault.reason));
    let faults = model.check().into_iter().filter(|fault| fault.severity != Severity::Note && !is_old(fault));
    let faults: Vec<String> = faults.map(|fault| fault.to_string()).collect();
    match faults.first() {
        None => Ok(()),
        Some(first) => {
            let count = faults.len();
            Err(ModelError::Unreadable {
                reason: format!("the quantized model would have {count} faults, and is not written: {first}"),
            }
            .into())
        }
    }
}

/// Makes weights codes by a recipe's rules; of a model in integers those that are left.
fn weights(
    model: &mut Model,
    recipe: &Recipe,
    options: &Options,
    integers: Option<&Quantized>,
    data: Option<Data<'_>>,
    bytes_before: &HashMap<TensorId, u64>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(Vec<TensorOutcome>, Vec<Warning>)> {
    let mut constants: Vec<Source> =
        model.constants().into_iter().map(|constant| Source::of(constant, model)).collect();
    if let Some(integers) = integers {
        // Tensors that were added hold what stands in the rows of others.
        constants.retain(|source| !integers.is_added(source.constant.id));
    }
    let mut candidates: Vec<Candidate> = source::candidates(&constants, model);
    for (candidate, source) in candidates.iter_mut().zip(&constants) {
        if let Some(reason) = integers.and_then(|integers| integers.obstacle(source.constant.id)) {
            candidate.obstacle.get_or_insert(reason);
        }
    }
    let shared = Shared::of(&constants);
    let candidates = shared.joined(candidates);
    let values = |i: usize| model.values(&constants[i].constant);
    let mut plan = match integers {
        None => recipe.plan(candidates, values)?,
        Some(_) => recipe.plan_for_rest(candidates, values)?,
    };
    shared.decide_once(&mut plan);
    keep_operands_in_f32(&mut plan, &constants);
    shared.decide_once(&mut plan);
    let is_nothing = integers.is_none() && plan.entries.iter().all(|entry| entry.decision == Decision::Keep);
    if let Some(entry) = plan.entries.first().filter(|_| is_nothing) {
        let reason = format!("{:?}: {}", entry.candidate.name, entry.reason);
        return Err(RecipeError::NothingToQuantize { recipe: recipe.name.clone(), reason }.into());
    }
    let mut plans = [plan.clone()];
    let mut better = improve_weights(model, &mut plans, &constants, options, data, progress)?;
    let make = |model: &Model, constants: &[Source], changes: &Changes| {
        made(&model.to_bytes()?, (&plan, constants), changes, options)?.to_bytes()
    };
    if let Some(data) = data
        && let Some(found) = scaled(model, (&plan, &constants, &make), &better, data, options, progress)?
    {
        (*model, constants, better) = (found.model, found.constants, found.better);
        plans = [found.plan];
    }
    let [mut plan] = plans;
    let changes = match data {
        Some(data) => chosen(model, &mut plan, &constants, &better, data, options)?,
        None => Changes::default(),
    };
    let mut outcomes = write(model, &plan, &constants, changes, integers, options, Judging::Tensors, progress)?;
    let bytes_after = model.bytes_of_tensors();
    for (outcome, source) in outcomes.iter_mut().zip(&constants) {
        let of = |bytes: &HashMap<TensorId, u64>| bytes.get(&source.constant.id).copied().unwrap_or(0);
        (outcome.bytes_before, outcome.bytes_after) = (of(bytes_before), of(&bytes_after));
    }
    Ok((outcomes, plan.warnings))
}

/// Returns what a plan makes of a float model, but for what is to be in place of that.
fn made(float: &[u8], (plan, constants): (&Plan, &[Source]), changes: &Changes, options: &Options) -> Result<Model> {
    let mut candidate = Model::from_bytes(float.to_vec())?;
    write(&mut candidate, plan, constants, changes.clone(), None, options, Judging::Nothing, &mut |_| ())?;
    Ok(candidate)
}

/// The samples by which the whole of a model is judged.
const WHOLE: usize = 32;

/// Returns whether nothing was said of some tensor, so that what is better for the whole may be chosen.
fn is_guarded(plan: &Plan) -> bool {
    has(plan, None)
}

/// Returns whether a plan asks for such an effort for some tensor; where nothing is said, of those whose codes are not chosen for their
/// bits.
fn has(plan: &Plan, effort: Option<Effort>) -> bool {
    let is_such = |entry: &Entry| matches!(&entry.decision, Decision::Quantize(treatment) if treatment.improve == effort && (effort.is_some() || treatment.rate.is_none()));
    plan.entries.iter().any(is_such)
}

/// Says in a plan that layers were chosen with regard to each other.
fn take_down_coupling(plan: &mut Plan, better: &[Vec<Better>]) {
    for &at in better.iter().flatten().flat_map(|better| &better.constants) {
        plan.entries[at].reason += "; with regard to what other layers lose";
    }
}

/// Returns what is to be written in place of what the plan alone would give: what samples made of the weights, unless the whole model
/// loses more with that.
fn chosen(
    model: &Model,
    plan: &mut Plan,
    constants: &[Source],
    better: &[Vec<Better>],
    data: Data<'_>,
    options: &Options,
) -> Result<Changes> {
    let mut changes = Changes::default();
    better.iter().flatten().for_each(|better| changes.add(better));
    let is_guarded = data.samples.is_noise() || is_guarded(plan);
    if changes.is_empty() || !(is_guarded || has(plan, Some(Effort::Model))) {
        return Ok(changes);
    }
    let float = model.to_bytes()?;
    let make_of = |changes: &Changes, plan: &Plan| made(&float, (plan, constants), changes, options);
    let layers = better.first().map_or(&[][..], Vec::as_slice);
    if !is_guarded {
        let judge = Judge::new(data, &float, None, 0, usize::MAX)?.on_threads(options.threads.get());
        let found = of_fitting(model, (&float, &make_of), (plan, constants, layers), (data, &judge), options)?;
        if found.is_some() {
            take_down_coupling(plan, better);
        }
        return Ok(found.unwrap_or(changes));
    }
    let judge = Judge::new(data, &float, None, 0, WHOLE)?.on_threads(options.threads.get());
    let make = |changes: &Changes| make_of(changes, plan)?.to_bytes();
    let judged = |changes: &Changes| judge.judge(make(changes)?, usize::MAX);
    let (plain, with) = (judged(&Changes::default())?.sqnr_db(), judged(&changes)?.sqnr_db());
    if with >= plain {
        // It is known how: now all samples tell what.
        let mut of_all = Changes::default();
        better.iter().flatten().for_each(|better| of_all.add_of_all(better));
        let mut is_coupled = false;
        let of_float: (&[u8], &super::coupled::Make<'_>) = (&float, &make_of);
        if let Some([fitted, coupled]) = coupled(model, of_float, plan, constants, layers, (data, &judge), options)? {
            is_coupled = judged(&fitted)?.error() < judged(&changes)?.error();
            of_all = if is_coupled { coupled } else { of_all };
        }
        let shifted = match without_shift(model, &float, constants, &of_all, data, &make)? {
            Some(shifted) if judged(&shifted)?.error() < judged(&of_all)?.error() => Some(shifted),
            _ => None,
        };
        if is_coupled {
            take_down_coupling(plan, better);
        }
        let Some(shifted) = shifted else { return Ok(of_all) };
        for &at in shifted.biases.keys().filter(|at| shifted.biases.get(at) != of_all.biases.get(at)) {
            plan.entries[at].reason += "; takes out what is left of a shift of the outputs";
        }
        return Ok(shifted);
    }
    for &at in better.iter().flatten().flat_map(|better| &better.constants) {
        plan.entries[at].reason += "; not written, as the whole model loses more with all of them";
    }
    let message = format!(
        "weights chosen for the samples lose more than the nearest on those that judge, {with:.1} dB and not {plain:.1} dB: the \
         nearest were written"
    );
    plan.warnings.push(Warning::new(message, "more samples, as the model will see them, may help".to_owned()));
    Ok(Changes::default())
}

/// Whether it is measured what became of each tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judging {
    /// It is.
    Tensors,
    /// It is not: candidates are judged by their outputs.
    Nothing,
}

/// Makes the constants of a model what a plan says, and what is to be in place of it.
#[expect(clippy::too_many_arguments, reason = "what is written, out of what, and how")]
pub(super) fn write(
    model: &mut Model,
    plan: &Plan,
    constants: &[Source],
    mut changes: Changes,
    integers: Option<&Quantized>,
    options: &Options,
    judging: Judging,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<TensorOutcome>> {
    let total = constants.iter().map(|source| source.constant.size_in_bytes).sum();
    let outputs = names_of_outputs(model);
    let outputs = |subgraph: usize, operator: usize| {
        let of_graph: Option<&Vec<Vec<String>>> = outputs.get(subgraph);
        of_graph.and_then(|graph| graph.get(operator)).cloned().unwrap_or_default()
    };
    let (mut done, mut outcomes) = (0, Vec::with_capacity(plan.entries.len()));
    let mut edits = Edits::default();
    let mut counted: HashMap<usize, String> = HashMap::new();
    for (number, (entry, source)) in plan.entries.iter().zip(constants).enumerate() {
        let constant = &source.constant;
        progress(Progress { done, total, tensor: &constant.name });
        done += constant.size_in_bytes;
        let mut outcome = TensorOutcome::planned(entry);
        outcome.used_for = source.uses().iter().flat_map(|used| outputs(constant.id.subgraph, used.operator)).collect();
        if let Some(written) = integers.and_then(|integers| integers.tensors.get(&constant.id)) {
            take_down(&mut outcome, written);
            outcomes.push(outcome);
            continue;
        }
        // What the file holds once counts once.
        let first = counted.get(&constant.buffer).filter(|_| !constant.is_elsewhere);
        if let Some(first) = first {
            outcome.reason = format!("{}; its bytes are those of {first:?}, and counted there", outcome.reason);
        }
        counted.entry(constant.buffer).or_insert_with(|| constant.name.clone());
        // Values of its own are no longer those of tensors that had the same bytes.
        let has_its_own = changes.biases.contains_key(&number) || changes.tensors.contains_key(&number);
        let bias = changes.biases.remove(&number);
        if let (Decision::Keep, Some(bias)) = (&entry.decision, &bias) {
            outcome.fate = Fate::Shifted;
            edits::keep(constant, bias, model)?;
        }
        if entry.decision != Decision::Keep {
            let values = match bias {
                Some(bias) => bias,
                None => model.values(constant)?,
            };
            let encoded = match changes.tensors.remove(&number) {
                Some(codes) => Some(Encoded::Codes(codes)),
                None => encode(&values, &entry.decision, options.threads).map_err(|e| e.of_tensor(&constant.name))?,
            };
            if let Some(encoded) = encoded {
                if judging == Judging::Tensors {
                    outcome.judge(&values, None, &encoded, entry, options)?;
                }
                // What is held from here on is what will be written.
                drop(values);
                let element_type = element_type(&entry.decision);
                let scales =
                    encoded.params().map(|params| (params.scales().to_vec(), params.granularity().axis().unwrap_or(0)));
                let bytes = encoded.into_bytes();
                let data = if has_its_own { NewData::Bytes(bytes) } else { edits.data(constant, element_type, bytes) };
                let axis = scales.as_ref().filter(|(scales, _)| scales.len() > 1).map(|(_, axis)| *axis);
                edits.users(source, &entry.decision, axis);
                model.replace(constant.id, Replacement { element_type, scales, data })?;
            }
        }
        outcomes.push(outcome);
    }
    progress(Progress { done, total, tensor: "" });
    edits.apply(model)?;
    for (at, (entry, source)) in plan.entries.iter().zip(constants).enumerate() {
        let Decision::Quantize(treatment) = &entry.decision else { continue };
        if treatment.sparsity.is_none() {
            continue;
        }
        // With a sparse operand of an operator that computes in integers LiteRT 2.3's XNNPACK refuses the whole model.
        let is_dynamic = entry.decision.is_dynamic_range();
        let saved = if is_dynamic { None } else { model.store_sparse(source.constant.id)? };
        let note = match saved {
            None if is_dynamic => "; stored with its zeros, as kernels for integers take it in no other form".into(),
            Some(saved) => format!("; stored without its zeros, {saved} bytes less"),
            None => "; stored with its zeros, as it would be no shorter without".into(),
        };
        outcomes[at].reason += &note;
    }
    Ok(outcomes)
}

/// Takes down what a constant became that operators compute with in integers.
fn take_down(outcome: &mut TensorOutcome, written: &WrittenConstant) {
    let elements = outcome.shape.iter().fold(1_u64, |n, &len| n.saturating_mul(len as u64));
    outcome.fate = if written.error.is_some() { Fate::Quantized } else { Fate::Kept };
    outcome.before = "f32".into();
    outcome.after.clone_from(&written.after);
    outcome.reason = format!("computed in integers, {elements} elements");
    outcome.error = written.error;
}

/// Returns the names of the tensors that each operator of each subgraph makes.
fn names_of_outputs(model: &Model) -> Vec<Vec<Vec<String>>> {
    let graphs = model.operators().into_iter().enumerate();
    let names = |subgraph, tensors: Vec<usize>| {
        tensors.into_iter().map(|tensor| model.name_of(TensorId { subgraph, tensor }).unwrap_or_default()).collect()
    };
    graphs.map(|(i, graph)| graph.into_iter().map(|operator| names(i, operator.outputs)).collect()).collect()
}

/// Makes operators that are to compute in integers find their biases in f32, which they take in no other form.
pub(super) fn keep_operands_in_f32(plan: &mut Plan, constants: &[Source]) {
    let users = |source: &Source| {
        let subgraph = source.constant.id.subgraph;
        source.uses().iter().map(|used| (subgraph, used.operator)).collect::<Vec<_>>()
    };
    let multipliers = |source: &Source| {
        let subgraph = source.constant.id.subgraph;
        let uses = source.uses().iter().filter(|used| matches!(used.role, Role::Weights { .. }));
        uses.map(|used| (subgraph, used.operator)).collect::<Vec<_>>()
    };
    let entries = plan.entries.iter().zip(constants).filter(|(entry, _)| entry.decision.is_dynamic_range());
    let dynamic: HashSet<(usize, usize)> = entries.flat_map(|(_, source)| multipliers(source)).collect();
    for (entry, source) in plan.entries.iter_mut().zip(constants) {
        let Some(at) = users(source).iter().position(|user| dynamic.contains(user)) else { continue };
        let operator = source.uses().get(at).map_or("", |used| &used.name);
        let is_restored = source.restored.is_some();
        match &entry.decision {
            decision if decision.is_dynamic_range() => {}
            Decision::Keep if !is_restored => {}
            _ => {
                entry.decision = if is_restored { Decision::Float32 } else { Decision::Keep };
                entry.reason = format!("an operand of {operator}, which will compute in integers and takes it in f32");
            }
        }
    }
}
