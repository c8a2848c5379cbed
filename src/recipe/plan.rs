//! A plan: what a recipe comes to, tensor by tensor, and why.

use super::candidate::{Candidate, Part, Storage};
use super::error::RecipeError;
use super::idle::idle_parts;
use super::recipe::Recipe;
use super::rule::{Compute, FLOATS, Inputs, Mismatch, Rule, TargetForm};
use super::survival::{survives_cast, survives_integers, whole_numbers};
use super::warning::Warning;
use crate::block::{BlockFormat, BlockScheme, BlockTensor};
use crate::error::Result;
use crate::improve::Effort;
use crate::num::{CodeKind, CodeType};
use crate::params::{AnyCalculator, BlockShape, CodeRange, Granularity, MaxAbs, ParamsCalculator, Symmetric};
use crate::range::AnyEstimator;
use crate::tensor::AnyScheme;
use core::iter;
use ndarray::ArrayD;
use std::collections::BTreeMap;

/// From this length on the last of three axes is taken to be the inputs of experts, [experts, out, in], and not the kernel of a
/// convolution in one dimension, [out, in, kernel].
const EXPERT_INPUTS: usize = 32;

/// From so many elements a column on, a table has a scale for each of its columns: they take a tenth of the codes' bytes at most.
const LEAST_OF_A_COLUMN: usize = 256;
/// Blocks of smaller magnitudes have finite scales, minima and sums: 32 of them add up to no more than the largest f16.
const SAFE_IN_BLOCKS: f32 = 2047.0;

/// What is decided about each tensor of a file.
///
/// Where a rule does not say which elements share a scale, those of an output channel do. Formats with operators know the axis of
/// the channels. Of others it is the first that is not of length 1, unless a rule names one; and tensors of three such axes of which
/// the last has 32 elements and more are taken to be experts, [experts, out, in], with a scale for each row of each.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The name of the recipe.
    pub recipe: String,
    /// Every tensor, in the order in which they were given.
    pub entries: Vec<Entry>,
    /// What of the recipe came to nothing.
    pub warnings: Vec<Warning>,
}

/// What is decided about a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The tensor.
    pub candidate: Candidate,
    /// What is done to it.
    pub decision: Decision,
    /// Why.
    pub reason: String,
}

/// What is done to a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Nothing.
    Keep,
    /// It is widened to 32-bit floating point: an operator that computes in integers from now on takes it in no other
    /// form. No rule asks for this; formats with operators do.
    Float32,
    /// It becomes codes.
    Quantize(Box<Treatment>),
    /// It becomes blocks.
    Blocks(BlockScheme),
}

/// How a tensor becomes codes.
#[derive(Clone, Debug, PartialEq)]
pub struct Treatment {
    /// The scheme.
    pub scheme: AnyScheme,
    /// How operators compute with the codes.
    pub compute: Compute,
    /// What is done with samples for outputs to lose less; `None` if nothing was said.
    pub improve: Option<Effort>,
    /// What a bit of a deflated file is worth, in squared steps.
    pub rate: Option<f64>,
    /// The share of elements that become 0.
    pub sparsity: Option<f64>,
}

impl Decision {
    /// Returns whether operators compute with the tensor in integers.
    pub fn is_dynamic_range(&self) -> bool {
        matches!(self, Decision::Quantize(treatment) if treatment.compute == Compute::DynamicRange)
    }

    /// Returns the type of the codes that a tensor becomes; `None` if it becomes none.
    pub fn code(&self) -> Option<CodeType> {
        match self {
            Decision::Quantize(treatment) => Some(treatment.scheme.code),
            Decision::Keep | Decision::Float32 | Decision::Blocks(_) => None,
        }
    }
}

impl Recipe {
    /// Returns what the recipe comes to for the tensors of a file. `values` gives those of a tensor by its position, and is
    /// asked only of tensors that a rule matches.
    ///
    /// # Errors
    ///
    /// [`RecipeError::NothingToQuantize`] if no tensor is to be changed; what `values` gives.
    pub fn plan(&self, candidates: Vec<Candidate>, values: impl FnMut(usize) -> Result<ArrayD<f32>>) -> Result<Plan> {
        let Plan { recipe, entries, warnings } = self.plan_for_rest(candidates, values)?;
        if entries.iter().all(|entry| entry.decision == Decision::Keep) {
            let largest = entries.iter().max_by_key(|entry| entry.candidate.size_in_bytes);
            let reason = largest.map_or("it holds no constant tensor".into(), |entry| {
                format!("the largest of {} tensors, {:?}: {}", entries.len(), entry.candidate.name, entry.reason)
            });
            let reasons: Vec<String> = iter::once(reason).chain(warnings.iter().map(ToString::to_string)).collect();
            return Err(RecipeError::NothingToQuantize { recipe, reason: reasons.join("; ") }.into());
        }
        Ok(Plan { recipe, entries, warnings })
    }

    /// Returns what the rules come to for tensors of a file of which others have been changed already: it may be nothing.
    ///
    /// # Errors
    ///
    /// What `values` gives.
    pub(crate) fn plan_for_rest(
        &self,
        candidates: Vec<Candidate>,
        mut values: impl FnMut(usize) -> Result<ArrayD<f32>>,
    ) -> Result<Plan> {
        let (mut entries, mut decided) = (Vec::with_capacity(candidates.len()), Vec::with_capacity(candidates.len()));
        for (i, candidate) in candidates.into_iter().enumerate() {
            let Decided { decision, reason, by } = self.decide(&candidate, || values(i))?;
            entries.push(Entry { candidate, decision, reason });
            decided.push(by);
        }
        keep_what_does_not_pay_for_zero_points(&mut entries);
        let all: Vec<&Candidate> = entries.iter().map(|entry| &entry.candidate).collect();
        let warnings = idle_parts(self, &all, &decided);
        Ok(Plan { recipe: self.name.clone(), entries, warnings })
    }

    fn decide(&self, candidate: &Candidate, values: impl FnOnce() -> Result<ArrayD<f32>>) -> Result<Decided> {
        let keep = |reason: String| Ok(Decided { decision: Decision::Keep, reason, by: None });
        if let Some(obstacle) = &candidate.obstacle {
            return keep(obstacle.clone());
        }
        if let Some(glob) = self.exclude.iter().find(|glob| glob.matches(&candidate.name)) {
            return keep(format!("excluded by {:?}", glob.to_string()));
        }
        if candidate.elements() == 0 {
            return keep("it has no elements".into());
        }
        let is_float = FLOATS.contains(&candidate.element_type.as_str());
        if let Some(exact) = candidate.exact.as_ref().filter(|_| is_float) {
            return keep(exact.clone());
        }
        let mut size = None;
        for (at, rule) in self.rules.iter().enumerate() {
            let part = Part::of(candidate);
            match rule.matches(candidate, &part) {
                Ok(()) => {
                    let (decision, reason) = apply(rule, candidate, &part, values)?;
                    return Ok(Decided { decision, reason, by: Some(at) });
                }
                Err(Mismatch::Size(reason)) => size = Some(reason),
                Err(Mismatch::Other) => {}
            }
        }
        let for_weights = self.rules.iter().all(|rule| rule.inputs == Inputs::Weights);
        keep(size.unwrap_or_else(|| match Part::of(candidate) {
            Part::Out(reason) => reason,
            _ if !is_float => no_reals(&candidate.element_type),
            Part::Operand { operators } if operators.is_empty() => {
                format!("{} dimensions: no rule for such a tensor", candidate.shape.len())
            }
            Part::Operand { operators } if for_weights => {
                format!("an operand of {operators}: the recipe is for weights")
            }
            Part::Operand { operators } => format!("an operand of {operators}: no rule for it"),
            Part::Weights { operators, .. } if operators.is_empty() => "no rule for it".into(),
            Part::Table { operators, .. } => format!("a table of {operators}: no rule for it"),
            Part::Weights { operators, .. } => {
                format!("{} weights of {operators}: no rule for them", candidate.element_type)
            }
        }))
    }
}

/// Keeps tensors whose zero points, which all of as many channels share, take more than quantizing them saves.
fn keep_what_does_not_pay_for_zero_points(entries: &mut [Entry]) {
    // By the number of groups: what the tensors save, and what their zero points take.
    let mut accounts: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
    let of = |entry: &Entry| {
        let Decision::Quantize(treatment) = &entry.decision else { return None };
        let Treatment { scheme, compute, .. } = treatment.as_ref();
        let groups = scheme.granularity.groups(&entry.candidate.shape).ok()?;
        let is_symmetric = Storage::is_symmetric(scheme);
        let (own, shared) = entry.candidate.storage.bytes_of_parameters(groups as u64, is_symmetric);
        let restoring = if *compute == Compute::WeightOnly { entry.candidate.cost_of_restoring } else { 0 };
        let after = (scheme.code.packed_len(entry.candidate.elements()) as u64 + own).saturating_add(restoring);
        let is_cast = matches!(scheme.calculator, AnyCalculator::Cast(_));
        (!is_cast && shared > 0).then(|| (groups, shared, entry.candidate.size_in_bytes.saturating_sub(after)))
    };
    for (groups, shared, saved) in entries.iter().filter_map(of) {
        let account = accounts.entry(groups).or_insert((0, shared));
        account.0 = account.0.saturating_add(saved);
    }
    for entry in entries {
        if let Some((saved, taken)) = of(entry).and_then(|(groups, ..)| accounts.get(&groups))
            && saved <= taken
        {
            entry.decision = Decision::Keep;
            entry.reason =
                format!("would save {saved} bytes with others of as many channels, whose zero points take {taken}");
        }
    }
}

/// What is decided about a tensor, and by which rule, if one matches it.
struct Decided {
    decision: Decision,
    reason: String,
    by: Option<usize>,
}

/// Returns why elements of a type are left alone that are no reals of 16 bits and more.
fn no_reals(element_type: &str) -> String {
    if element_type.starts_with('f') {
        format!("{element_type} has 8 bits or fewer: it is a form of codes already")
    } else {
        format!("{element_type} is not a floating-point type")
    }
}

/// Returns what a rule that matches does to a tensor.
fn apply(
    rule: &Rule,
    candidate: &Candidate,
    part: &Part,
    values: impl FnOnce() -> Result<ArrayD<f32>>,
) -> Result<(Decision, String)> {
    let keep = |reason: String| Ok((Decision::Keep, reason));
    let elements = candidate.elements() as u64;
    let (operators, role) = match part {
        Part::Weights { operators, .. } => (operators, "weights"),
        Part::Table { operators, .. } => (operators, "a table"),
        Part::Operand { operators } => (operators, "an operand"),
        Part::Out(reason) => return keep(reason.clone()),
    };
    let role = if operators.is_empty() { String::new() } else { format!("{role} of {operators}, ") };
    let mut reason = format!("{role}{elements} elements");
    if let TargetForm::Blocks(blocks) = &rule.to {
        return apply_blocks(rule, *blocks, candidate, reason, values);
    }
    let Some((mut scheme, is_granularity_said)) = rule.scheme() else { return keep(format!("{role}kept by a rule")) };
    let code = scheme.code;
    if candidate.element_type == code.name() {
        return keep(format!("{} already", spoken(code)));
    }
    if let AnyCalculator::Cast(_) = scheme.calculator {
        return apply_cast(scheme, candidate, part, reason, rule.sparsity, values);
    }
    if !is_granularity_said {
        let granularity = match part {
            // So that rows can be looked up as codes.
            Part::Table { axis, .. } => Ok(columns(&candidate.shape, *axis)),
            Part::Weights { axis, .. } => channels(&candidate.shape, *axis, rule.axis),
            _ => channels(&candidate.shape, None, rule.axis),
        };
        match granularity {
            Ok(granularity) => scheme.granularity = granularity,
            Err(obstacle) => return keep(obstacle),
        }
    }
    if let Some(obstacle) = candidate.storage.obstacle(&scheme) {
        return keep(obstacle);
    }
    let groups = match scheme.granularity.groups(&candidate.shape) {
        Ok(groups) => groups,
        Err(error) => return keep(error.to_string()),
    };
    let (dynamic, is_copied) = kernels_of(part, code, scheme.granularity);
    let compute = match rule.compute {
        _ if is_copied => {
            reason += "; rows of codes are looked up, and restored behind it";
            Compute::WeightOnly
        }
        Compute::DynamicRange if !dynamic => {
            reason += match part {
                Part::Weights { axis: Some(axis), .. } if scheme.granularity != Granularity::Axis(*axis) => {
                    "; restored first, as dynamic-range kernels take a scale for each output channel"
                }
                _ => "; restored first, for want of a dynamic-range kernel that takes them",
            };
            Compute::WeightOnly
        }
        compute => compute,
    };
    // Integer kernels turn signs around, and the smallest code has no opposite: LiteRT's built-in ones compute nonsense.
    let all = CodeRange::of_type(code);
    if compute == Compute::DynamicRange && candidate.uses.is_some() && scheme.calculator.codes(all) == all {
        reason += "; narrow codes, as integer kernels go wrong on the smallest of all";
        let is_max = scheme.estimator == AnyEstimator::default();
        scheme.calculator = if is_max { MaxAbs.into() } else { Symmetric::narrow().into() };
    }
    let stored = code.packed_len(usize::try_from(elements).unwrap_or(usize::MAX)) as u64;
    let is_restored = compute == Compute::WeightOnly || matches!(part, Part::Weights { is_also_restored: true, .. });
    let restoring = if is_restored { candidate.cost_of_restoring } else { 0 };
    // What is looked up has the scales as well.
    let times = if is_copied { 2 } else { 1 };
    // Shapes from files may be absurd.
    let (parameters, _) = candidate.storage.bytes_of_parameters(groups as u64, Storage::is_symmetric(&scheme));
    let after = stored.saturating_add(parameters.saturating_mul(times)).saturating_add(restoring);
    if after >= candidate.size_in_bytes {
        let before = candidate.size_in_bytes;
        return keep(format!("{before} bytes would become {after}, with {groups} scales and what restores it"));
    }
    let values = values()?;
    let obstacle = survives_integers(&values).or_else(|| match part {
        Part::Table { .. } => whole_numbers(&values),
        _ => None,
    });
    if let Some(obstacle) = obstacle {
        return keep(obstacle);
    }
    let &Rule { improve, rate, sparsity, .. } = rule;
    Ok((Decision::Quantize(Box::new(Treatment { scheme, compute, improve, rate, sparsity })), reason))
}

/// Returns what a rule that asks for a cast does to a tensor.
fn apply_cast(
    scheme: AnyScheme,
    candidate: &Candidate,
    part: &Part,
    reason: String,
    sparsity: Option<f64>,
    values: impl FnOnce() -> Result<ArrayD<f32>>,
) -> Result<(Decision, String)> {
    let keep = |reason: String| Ok((Decision::Keep, reason));
    let code = scheme.code;
    if let Some(obstacle) = candidate.storage.obstacle(&scheme) {
        return keep(obstacle);
    }
    let stored = code.packed_len(candidate.elements()) as u64;
    let saved = candidate.size_in_bytes.saturating_sub(stored);
    if saved <= candidate.cost_of_restoring {
        let cost = candidate.cost_of_restoring;
        return keep(format!("would save {saved} bytes, and take {cost} to be restored"));
    }
    let is_weights = matches!(part, Part::Weights { .. });
    match survives_cast(&values()?, code, is_weights)? {
        None => Ok((
            Decision::Quantize(Box::new(Treatment {
                scheme,
                compute: Compute::WeightOnly,
                improve: Some(Effort::None),
                rate: None,
                sparsity,
            })),
            reason,
        )),
        Some(obstacle) => keep(obstacle),
    }
}

/// Returns what a rule that asks for blocks does to a tensor.
fn apply_blocks(
    rule: &Rule,
    blocks: BlockScheme,
    candidate: &Candidate,
    mut reason: String,
    values: impl FnOnce() -> Result<ArrayD<f32>>,
) -> Result<(Decision, String)> {
    let keep = |reason: String| Ok((Decision::Keep, reason));
    if candidate.storage != Storage::Any {
        return keep(format!("the format has no blocks, as of {blocks}"));
    }
    if !blocks.block.can_quantize() {
        return keep(format!("blocks of {} can be read, not written", blocks.block));
    }
    let Ok(after) = blocks.block.bytes_of(&candidate.shape) else {
        let (row, len) = (candidate.shape.last().copied().unwrap_or(1), blocks.block.block_len());
        return keep(format!("rows of {row} elements are not whole blocks of {len}, as {} has them", blocks.block));
    };
    let after = after as u64;
    if after >= candidate.size_in_bytes {
        return keep(format!("{} bytes would become {after}", candidate.size_in_bytes));
    }
    let values = values()?;
    if let Some(obstacle) = survives_integers(&values) {
        return keep(obstacle);
    }
    if let Some(obstacle) = survives_blocks(&values, blocks)? {
        return keep(obstacle);
    }
    let of_scales = rule.estimator.is_some() || rule.calculator.is_some() || rule.granularity.is_some();
    let of_codes = rule.rounding.is_some() || rule.codes.is_some();
    if of_scales || of_codes || rule.improve.is_some() || rule.rate.is_some() || rule.sparsity.is_some() {
        reason += "; blocks find their scales themselves: what else the rule says of them is left aside";
    }
    Ok((Decision::Blocks(blocks), reason))
}

/// Returns why finite values would not stay finite as blocks, if they would not: scales of many formats are f16.
fn survives_blocks(values: &ArrayD<f32>, blocks: BlockScheme) -> Result<Option<String>> {
    let largest = values.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    if largest < SAFE_IN_BLOCKS {
        return Ok(None);
    }
    let restored = BlockTensor::quantize(values.view(), blocks, None)?.dequantize();
    let lost = restored.iter().filter(|x| !x.is_finite()).count();
    Ok((lost > 0)
        .then(|| format!("{lost} values would not be finite as {blocks}: the largest magnitude is {largest:e}")))
}

/// Returns which elements of a table share a scale, so that what is looked up has the same: those of a column, or all.
fn columns(shape: &[usize], axis: usize) -> Granularity {
    match shape.split_last() {
        Some((_, rest)) if axis < rest.len() => {
            let of_a_column = rest.iter().fold(1, |product: usize, &len| product.saturating_mul(len));
            if of_a_column < LEAST_OF_A_COLUMN { Granularity::Tensor } else { Granularity::Axis(rest.len()) }
        }
        _ => Granularity::Tensor,
    }
}

/// Returns whether kernels compute with codes of a type and granularity, and whether they look rows of them up.
///
/// Those that compute take a scale for each output channel. Given others, interpreters run with wrong results, refuse the model, or end
/// the process.
fn kernels_of(part: &Part, code: CodeType, granularity: Granularity) -> (bool, bool) {
    let is_of_channels = |axis: &Option<usize>| axis.is_none_or(|axis| granularity == Granularity::Axis(axis));
    match (part, code) {
        (Part::Weights { axis, dynamic_int8, .. }, CodeType::I8) => (*dynamic_int8 && is_of_channels(axis), false),
        (Part::Weights { axis, dynamic_int4, .. }, CodeType::I4) => (*dynamic_int4 && is_of_channels(axis), false),
        (Part::Table { axis, int8, .. }, CodeType::I8) => (false, *int8 && is_of_columns(granularity, *axis)),
        (Part::Table { axis, int4, .. }, CodeType::I4) => (false, *int4 && is_of_columns(granularity, *axis)),
        _ => (false, false),
    }
}

/// Whether rows along an axis have the scales of their table.
fn is_of_columns(granularity: Granularity, axis: usize) -> bool {
    match granularity {
        Granularity::Tensor => true,
        Granularity::Axis(of) => of > axis,
        _ => false,
    }
}

/// Returns which elements of weights share a scale: those of an output channel.
fn channels(shape: &[usize], known: Option<usize>, asked: Option<usize>) -> Result<Granularity, String> {
    if let Some(axis) = known.or(asked) {
        return match shape.get(axis) {
            Some(_) => Ok(Granularity::Axis(axis)),
            None => Err(format!("{} dimensions, so no axis {axis} of channels", shape.len())),
        };
    }
    let first = shape.iter().position(|&len| len != 1).unwrap_or(0);
    if let [experts, _, inputs] = *shape
        && experts > 1
        && inputs >= EXPERT_INPUTS
        && let Ok(rows) = BlockShape::new(&[1, 1, BlockShape::WHOLE])
    {
        return Ok(Granularity::Blocks(rows));
    }
    if shape.is_empty() { Err("it has no axes, so no channels".into()) } else { Ok(Granularity::Axis(first)) }
}

/// Returns how a code type is spoken of in reasons and tables: `float16`, `int8`, or by its name.
pub(crate) fn spoken(code: CodeType) -> String {
    let bits = code.bits();
    match (code, code.kind()) {
        (CodeType::F16, _) => "float16".into(),
        (CodeType::Bf16, _) => "bfloat16".into(),
        (_, CodeKind::Integer) if code.min() < 0.0 => format!("int{bits}"),
        (_, CodeKind::Integer) => format!("uint{bits}"),
        _ => code.name().into(),
    }
}
