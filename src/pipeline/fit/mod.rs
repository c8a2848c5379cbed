//! The best file for a goal: what each tensor becomes is found by running the model.

mod fitted;
mod goal;
mod integer;
mod request;

pub use fitted::{Chosen, Fitted};
pub use request::{Arithmetic, Count, Goal, Request};

use super::deflated::deflated_len;
use super::encoded::encode;
use super::improvement::{Better, Changes, improve_weights};
use super::integer::Data;
use super::judge::{Judge, Judged};
use super::options::{Options, check_output};
use super::progress::Progress;
use super::source::{self, Source};
use super::tflite::shared::Shared;
use super::tflite::{Judging, keep_operands_in_f32, write};
use crate::error::Result;
use crate::model::tflite::Model;
use crate::num::CodeType;
use crate::params::{Granularity, Symmetric, ValueRange};
use crate::range::Fixed;
use crate::recipe::RecipeError;
use crate::recipe::{Decision, Effort, Inputs, Plan, Recipe, Rule, Target};
use crate::search::{Bound, Choice, Measured, Point, front, walk};
use goal::{bound_of, check, hash, quality_of};
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

/// The samples by which the error of each tensor alone is told.
const FEW: usize = 12;
/// The steps of codes that are chosen for their bits, as shares of that with which 8 bits hold the largest magnitude. The first is
/// run by itself, and tells what the others cost.
const STEPS: [f32; 13] = [5.6, 1.0, 1.4, 2.0, 2.8, 4.0, 8.0, 11.0, 16.0, 22.0, 32.0, 45.0, 64.0];
/// What a bit is worth, in squared steps.
const RATE: f64 = 0.03;
/// The most points of the front that are reported.
const REPORTED: usize = 40;

/// Tensors that become the same, since they are stored in one place or have one name.
struct Group {
    constants: Vec<usize>,
    options: Vec<Candidate>,
}

/// What a group may become.
#[derive(Clone)]
struct Candidate {
    /// The number of its plan; `None` if it is kept.
    plan: Option<usize>,
    bytes: u64,
    error: f64,
    /// Whether its codes are chosen for their bits.
    is_rated: bool,
}

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
    let judge = Judge::new(data, &float, labels, request.seed, usize::MAX)?;
    let mut plans = plans(request, &model, &constants)?;
    let better = improve_weights(&model, &mut plans, &constants, options, Some(data), progress)?;
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
    let mut runs: HashMap<Vec<Option<usize>>, (Run, Measured)> = HashMap::new();
    let mut walked = Vec::new();
    let mut measure = |choices: &[usize]| -> Result<Measured> {
        let choice: Vec<Option<usize>> =
            choices.iter().zip(&groups).map(|(&choice, group)| group.options[choice].plan).collect();
        if let Some((_, measured)) = runs.get(&choice) {
            return Ok(*measured);
        }
        progress(Progress {
            done: done as u64,
            total: (total + request.evaluations) as u64,
            tensor: "the whole model",
        });
        let file = maker.file(&groups, &choice)?;
        let (bytes, download) = (file.len() as u64, deflated_len(&file));
        let judged = judge.judge(file, usize::MAX)?;
        let quality = quality_of(request.goal, &judged);
        let counted = if request.count == Count::Download { download } else { bytes };
        let measured = Measured { bytes: counted, quality };
        walked.push((counted, judged.sqnr_db()));
        done += 1;
        evaluations += 1;
        runs.insert(choice, (Run { bytes, download, judged }, measured));
        Ok(measured)
    };
    let on_front = request.evaluations.div_ceil(2).max(1);
    let found = walk(points.len(), first, bound, on_front, &mut |at| measure(&points[at].choices))?;
    let Some((at, measured)) = found else {
        return Err(RecipeError::NothingToQuantize {
            recipe: "fit".into(),
            reason: "it holds no tensor that may be".into(),
        }
        .into());
    };
    let mut best = (points[at].choices.clone(), measured);
    // Neighbours of the best: what the sum of errors does not tell.
    let mut left = request.evaluations.saturating_sub(on_front);
    while left > 0 {
        let mut improved = false;
        for neighbour in neighbours(&best.0, &tensors, bound, best.1) {
            if left == 0 {
                break;
            }
            left -= 1;
            let measured = measure(&neighbour)?;
            if bound.prefers(measured, best.1) {
                (best, improved) = ((neighbour, measured), true);
                break;
            }
        }
        if !improved {
            break;
        }
    }

    let choice: Vec<Option<usize>> =
        best.0.iter().zip(&groups).map(|(&choice, group)| group.options[choice].plan).collect();
    let Some((run, _)) = runs.remove(&choice) else {
        return Err(
            RecipeError::NothingToQuantize { recipe: "fit".into(), reason: "no candidate was run".into() }.into()
        );
    };
    let is_reached = bound.holds(best.1);
    if is_reached {
        crate::output::write(output, &maker.file(&groups, &choice)?)?;
    }
    let error: f64 = best.0.iter().zip(&tensors).map(|(&choice, of)| of[choice].error).sum();
    let step = points.len().div_ceil(REPORTED).max(1);
    Ok(Fitted {
        request: request.clone(),
        input: input.into(),
        output: is_reached.then(|| output.into()),
        bytes_in,
        bytes: run.bytes,
        download: run.download,
        sqnr_db: run.judged.sqnr_db(),
        bound_db: run.judged.bound_db(),
        accuracy: run.judged.accuracy(),
        predicted_db: -10.0 * error.log10(),
        judged_on: judge.samples(),
        evaluations,
        data_hash: hash(data)?,
        tensors: chosen(&groups, &best.0, &constants, &plans),
        front: points.iter().step_by(step).map(|point| (point.bytes + others, predicted(point))).collect(),
        walked,
        seconds: start.elapsed().as_secs_f64(),
        rules: None,
    })
}

/// What a candidate came to.
struct Run {
    bytes: u64,
    download: u64,
    judged: Judged,
}

/// Returns the error of an option whose codes were chosen for their bits, as that of the first such option of its group tells:
/// the error of the outputs grows as that of the layer's outputs does.
fn scaled(group: &Group, option: usize, better: &[Vec<Better>]) -> Option<f64> {
    let judged = |option: &Candidate| {
        let of_plan = better.get(option.plan?)?;
        let of_group = of_plan.iter().find(|better| better.constants.iter().any(|at| group.constants.contains(at)))?;
        Some(of_group.judged).filter(|judged| *judged > 0.0)
    };
    let option = group.options.get(option).filter(|option| option.is_rated)?;
    let first = group.options.iter().find(|other| other.is_rated && other.error.is_finite())?;
    Some(first.error * judged(option)? / judged(first)?)
}

/// Counts options by what they take when they are deflated.
fn count_downloads(
    groups: &mut [Group],
    model: &Model,
    constants: &[Source],
    plans: &[Plan],
    better: &[Vec<Better>],
) -> Result<()> {
    for group in groups {
        let Group { constants: of_group, options } = group;
        let Some(&first) = of_group.first() else { continue };
        let constant = &constants[first].constant;
        let raw = model.bytes(constant.buffer)?;
        for option in options.iter_mut() {
            let Some(number) = option.plan else {
                option.bytes = option.bytes.saturating_sub(raw.len() as u64) + deflated_len(&raw);
                continue;
            };
            let mut of_plan = better[number].iter();
            let chosen = of_plan.find(|better| better.constants.iter().any(|at| of_group.contains(at)));
            let entry = &plans[number].entries[first];
            let deflated = if let Some(bytes) = chosen.and_then(Better::deflated) {
                Some(bytes)
            } else {
                let encoded = encode(&model.values(constant)?, &entry.decision, NonZeroUsize::MIN)?;
                encoded.map(|encoded| deflated_len(&encoded.into_bytes()))
            };
            // Scales and what restores the codes hardly get shorter.
            let plain = entry.decision.code().map_or(0, |code| code.packed_len(entry.candidate.elements()) as u64);
            option.bytes = option.bytes.saturating_sub(plain) + deflated.unwrap_or(plain);
        }
    }
    Ok(())
}

/// Returns what each type alone would make of the constants.
fn plans(request: &Request, model: &Model, constants: &[Source]) -> Result<Vec<Plan>> {
    let mut plans = Vec::new();
    let mut reason = None;
    for &code in &request.types {
        let mut rule = Rule::new(Target::codes(code));
        rule.min_elements = request.min_elements;
        if code.is_integer() {
            (rule.compute, rule.improve) = (request.arithmetic.of_weights(), Some(Effort::Full));
        } else {
            rule.inputs = Inputs::Any;
        }
        let recipe = Recipe {
            name: "fit".into(),
            rules: vec![rule],
            exclude: request.exclude.clone(),
            ..Recipe::of_weights("int8")?
        };
        let shared = Shared::of(constants);
        let candidates = shared.joined(source::candidates(constants, model));
        match recipe.plan(candidates, |i| model.values(&constants[i].constant)) {
            Ok(mut plan) => {
                shared.decide_once(&mut plan);
                plans.push(plan);
            }
            Err(error) if matches!(error.floor(), Some(RecipeError::NothingToQuantize { .. })) => reason = Some(error),
            Err(error) => return Err(error),
        }
    }
    // Kernels that compute with codes want a scale for each channel.
    if request.count == Count::Download && request.arithmetic == Arithmetic::WeightOnly {
        rated(&mut plans, model, constants)?;
    }
    match reason {
        Some(error) if plans.is_empty() => Err(error),
        _ => Ok(plans),
    }
}

/// Adds plans whose 8-bit codes are chosen for their bits, with one step for all of a tensor and ever larger steps.
fn rated(plans: &mut Vec<Plan>, model: &Model, constants: &[Source]) -> Result<()> {
    let is_int8 = |plan: &&Plan| plan.entries.iter().any(|entry| entry.decision.code() == Some(CodeType::I8));
    let Some(int8) = plans.iter().find(is_int8).cloned() else { return Ok(()) };
    let mut largest = Vec::with_capacity(constants.len());
    for (entry, source) in int8.entries.iter().zip(constants) {
        largest.push(match entry.decision.code() {
            Some(CodeType::I8) => model.values(&source.constant)?.iter().fold(0.0_f32, |most, x| most.max(x.abs())),
            _ => 0.0,
        });
    }
    for step in STEPS {
        let mut plan = int8.clone();
        for (entry, &largest) in plan.entries.iter_mut().zip(&largest) {
            let Decision::Quantize(treatment) = &mut entry.decision else { continue };
            let Ok(range) = ValueRange::new(-largest * step, largest * step) else { continue };
            if treatment.scheme.code != CodeType::I8 || largest == 0.0 {
                continue;
            }
            treatment.scheme.granularity = Granularity::Tensor;
            treatment.scheme.estimator = Fixed::new(range).into();
            treatment.scheme.calculator = Symmetric::narrow().into();
            treatment.rate = Some(RATE);
        }
        plans.push(plan);
    }
    Ok(())
}

/// Returns the tensors that may become something, with what that is; the first option is to be kept.
fn groups(constants: &[Source], plans: &[Plan]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (at, source) in constants.iter().enumerate() {
        let constant = &source.constant;
        if plans.iter().all(|plan| plan.entries[at].decision.code().is_none()) {
            continue;
        }
        let is_same = |other: &usize| {
            let other = &constants[*other].constant;
            other.buffer == constant.buffer || other.name == constant.name
        };
        match groups.iter_mut().find(|group| group.constants.iter().any(is_same)) {
            Some(group) => group.constants.push(at),
            None => groups.push(Group { constants: vec![at], options: Vec::new() }),
        }
    }
    for group in &mut groups {
        let bytes = |plan: Option<usize>| {
            let mut buffers = Vec::new();
            let mut total = 0;
            for &at in &group.constants {
                let constant = &constants[at].constant;
                if buffers.contains(&constant.buffer) {
                    continue;
                }
                buffers.push(constant.buffer);
                total += match plan.and_then(|plan| Some((plan, plans[plan].entries[at].decision.code()?))) {
                    None => constant.size_in_bytes,
                    Some((plan, code)) => {
                        let entry = &plans[plan].entries[at];
                        let Decision::Quantize(treatment) = &entry.decision else { continue };
                        let scales = if code.is_integer() {
                            treatment.scheme.granularity.groups(&constant.shape).unwrap_or(1)
                        } else {
                            0
                        };
                        let restoring = match treatment.compute {
                            crate::recipe::Compute::WeightOnly => entry.candidate.cost_of_restoring,
                            crate::recipe::Compute::DynamicRange => 0,
                        };
                        let elements = entry.candidate.elements();
                        (code.packed_len(elements) + 12 * scales) as u64 + restoring
                    }
                };
            }
            total
        };
        let mut options = vec![Candidate { plan: None, bytes: bytes(None), error: 0.0, is_rated: false }];
        for (number, plan) in plans.iter().enumerate() {
            if group.constants.iter().all(|&at| plan.entries[at].decision.code().is_some()) {
                let is_rated = group.constants.iter().any(|&at| {
                    matches!(&plan.entries[at].decision, Decision::Quantize(treatment) if treatment.rate.is_some())
                });
                let (plan, bytes) = (Some(number), bytes(Some(number)));
                options.push(Candidate { plan, bytes, error: f64::INFINITY, is_rated });
            }
        }
        group.options = options;
    }
    groups.retain(|group| group.options.len() > 1);
    groups
}

/// What makes files of choices.
struct Maker<'a> {
    float: &'a [u8],
    constants: &'a [Source],
    plans: &'a [Plan],
    better: &'a [Vec<Better>],
    options: &'a Options,
}

impl Maker<'_> {
    /// Returns the file in which each group is what a plan makes of it.
    fn file(&self, groups: &[Group], choice: &[Option<usize>]) -> Result<Vec<u8>> {
        let mut plan = self.plans[0].clone();
        for entry in &mut plan.entries {
            entry.decision = Decision::Keep;
        }
        let mut changes = Changes::default();
        for (group, number) in groups.iter().zip(choice) {
            let Some(number) = *number else { continue };
            for &at in &group.constants {
                plan.entries[at] = self.plans[number].entries[at].clone();
            }
            let of_group = self.better[number]
                .iter()
                .filter(|better| better.constants.iter().any(|at| group.constants.contains(at)));
            of_group.for_each(|better| changes.add(better));
        }
        keep_operands_in_f32(&mut plan, self.constants);
        let mut model = Model::from_bytes(self.float.to_vec())?;
        write(&mut model, &plan, self.constants, changes, None, self.options, Judging::Nothing, &mut |_| ())?;
        model.to_bytes()
    }
}

/// The most choices that are compared with the best.
const NEIGHBOURS: usize = 1 << 10;

/// Returns choices that differ from the best in one tensor or two and may be better, those first that are expected to hold by most.
fn neighbours(best: &[usize], tensors: &[Vec<Choice>], bound: Bound, now: Measured) -> Vec<Vec<usize>> {
    let of = |(at, option): (usize, usize)| tensors[at][option];
    let here = |at: usize| of((at, best[at]));
    let bytes: u64 = (0..best.len()).map(|at| here(at).bytes).sum();
    let error: f64 = (0..best.len()).map(|at| here(at).error).sum();
    // A change of the second tensor that is that of the first is none.
    let mut found: Vec<(f64, [(usize, usize); 2])> = Vec::new();
    let mut consider = |changes: [(usize, usize); 2]| {
        let several = &changes[..if changes[0] == changes[1] { 1 } else { 2 }];
        let (mut other, mut with) = (bytes, error);
        for &change in several {
            other = other - here(change.0).bytes + of(change).bytes;
            with = with - here(change.0).error + of(change).error;
        }
        // What is left of errors that cancel is not less than nothing.
        let change = 10.0 * (error / with.max(error * f64::EPSILON)).log10();
        let key = match bound {
            Bound::Quality(least) if other < bytes && now.quality + change >= least - 1.0 => change,
            Bound::Bytes(most) if now.bytes + other <= most + bytes && change > -0.5 => change,
            _ => return,
        };
        found.push((key, changes));
        if found.len() == 8 * NEIGHBOURS {
            found.sort_by(|a, b| b.0.total_cmp(&a.0));
            found.truncate(NEIGHBOURS);
        }
    };
    let others =
        |at: usize| (0..tensors[at].len()).filter(move |&option| option != best[at]).map(move |option| (at, option));
    for a in 0..best.len() {
        for first in others(a) {
            consider([first, first]);
            for second in (a + 1..best.len()).flat_map(others) {
                consider([first, second]);
            }
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let choices = |changes: [(usize, usize); 2]| {
        let mut choices = best.to_vec();
        for (at, option) in changes {
            choices[at] = option;
        }
        choices
    };
    found.into_iter().take(NEIGHBOURS).map(|(_, changes)| choices(changes)).collect()
}

/// Returns what each tensor became, and what else it could have.
fn chosen(groups: &[Group], best: &[usize], constants: &[Source], plans: &[Plan]) -> Vec<Chosen> {
    let mut all = Vec::new();
    for (group, &choice) in groups.iter().zip(best) {
        let code = |option: &Candidate, at: usize| option.plan.and_then(|plan| plans[plan].entries[at].decision.code());
        let treatment = |option: &Candidate, at: usize| match &plans[option.plan?].entries[at].decision {
            Decision::Quantize(treatment) => Some(treatment),
            _ => None,
        };
        let text = |option: &Candidate, at: usize| match treatment(option, at) {
            None => "keep".to_owned(),
            Some(treatment) if treatment.rate.is_some() => {
                format!("{} {}, {}", treatment.scheme.code, treatment.scheme.granularity, treatment.scheme.estimator)
            }
            Some(treatment) => crate::recipe::spoken(treatment.scheme.code),
        };
        let ratio = |option: &Candidate| -10.0 * option.error.log10();
        let mut names: Vec<&str> = Vec::new();
        for &at in &group.constants {
            let constant = &constants[at].constant;
            if names.contains(&constant.name.as_str()) {
                continue;
            }
            names.push(&constant.name);
            let called = |option: &Candidate| match code(option, at) {
                Some(_) => text(option, at),
                None => constant.element_type.name().to_owned(),
            };
            all.push(Chosen {
                name: constant.name.clone(),
                shape: constant.shape.clone(),
                code: code(&group.options[choice], at),
                to: text(&group.options[choice], at),
                rate: treatment(&group.options[choice], at).and_then(|treatment| treatment.rate),
                bytes: group.options[choice].bytes,
                alone_db: ratio(&group.options[choice]),
                choices: group.options.iter().map(|option| (called(option), option.bytes, ratio(option))).collect(),
            });
        }
    }
    all
}
