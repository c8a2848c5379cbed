//! `.tflite` files: operators know their weights.

use super::encoded::encode;
use super::integer::{self, Data, Quantized, WrittenConstant};
use super::options::Options;
use super::outcome::{Fate, TensorOutcome, Written};
use super::progress::Progress;
use crate::error::{Error, Result};
use crate::model::tflite::{Constant, ElementType, Fault, Model, NewData, Replacement, Role, Severity, TensorId, Use};
use crate::num::CodeType;
use crate::recipe::{Candidate, Decision, Plan, Recipe, Storage, Usage, UsageRole, Warning};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

/// About what a `DEQUANTIZE` and the tensor behind it take in a file, without that tensor's name.
const COST_OF_RESTORING: u64 = 160;

pub(super) fn quantize(
    input: &Path,
    output: &Path,
    recipe: &Recipe,
    options: &Options,
    data: Option<Data<'_>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Written> {
    let mut model = Model::open(input)?;
    let mut integers = None;
    let before = if recipe.activations.is_some() { model.check() } else { Vec::new() };
    if let Some(activations) = &recipe.activations {
        let step = &mut |step: &str| progress(Progress { done: 0, total: 0, tensor: step });
        let mut quantized = integer::quantize(model, recipe, activations, data, step)?;
        model = quantized.model.take().map_or_else(|| Model::open(input), Ok)?;
        integers = Some(quantized);
    }
    let (tensors, warnings) = weights(&mut model, recipe, options, integers.as_ref(), progress)?;
    if integers.is_some() {
        check(&model, &before)?;
    }
    let to_disk = model.save_timed(output)?;
    Ok(Written { tensors, warnings, to_disk, integer: integers.map(|quantized| quantized.outcome) })
}

/// Returns an error if a model that is about to be written has faults that the float one had not: interpreters would refuse it, or
/// run it with wrong results and not say so.
fn check(model: &Model, before: &[Fault]) -> Result<()> {
    let is_old = |fault: &Fault| before.iter().any(|old| (&old.name, &old.reason) == (&fault.name, &fault.reason));
    let faults = model.check().into_iter().filter(|fault| fault.severity != Severity::Note && !is_old(fault));
    let faults: Vec<String> = faults.map(|fault| fault.to_string()).collect();
    match faults.first() {
        None => Ok(()),
        Some(first) => {
            let count = faults.len();
            Err(Error::Unreadable {
                reason: format!("the model in integers would have {count} faults, and is not written: {first}"),
            })
        }
    }
}

/// Makes weights codes by a recipe's rules; of a model in integers those that are left.
fn weights(
    model: &mut Model,
    recipe: &Recipe,
    options: &Options,
    integers: Option<&Quantized>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(Vec<TensorOutcome>, Vec<Warning>)> {
    let mut constants: Vec<Source> =
        model.constants().into_iter().map(|constant| Source::of(constant, model)).collect();
    if let Some(integers) = integers {
        // Tensors that were added hold what stands in the rows of others.
        constants.retain(|source| !integers.is_added(source.constant.id));
    }
    let mut candidates: Vec<Candidate> = constants.iter().map(Source::candidate).collect();
    for (candidate, source) in candidates.iter_mut().zip(&constants) {
        if let Some(reason) = integers.and_then(|integers| integers.obstacle(source.constant.id)) {
            candidate.obstacle.get_or_insert(reason);
        }
    }
    let values = |i: usize| model.values(&constants[i].constant);
    let mut plan = match integers {
        None => recipe.plan(candidates, values)?,
        Some(_) => recipe.plan_for_rest(candidates, values)?,
    };
    keep_operands_in_f32(&mut plan, &constants);

    let total = constants.iter().map(|source| source.constant.size_in_bytes).sum();
    let (mut done, mut outcomes) = (0, Vec::with_capacity(plan.entries.len()));
    let mut edits = Edits::default();
    for (entry, source) in plan.entries.iter().zip(&constants) {
        let constant = &source.constant;
        progress(Progress { done, total, tensor: &constant.name });
        done += constant.size_in_bytes;
        let mut outcome = TensorOutcome::planned(entry);
        if let Some(written) = integers.and_then(|integers| integers.tensors.get(&constant.id)) {
            take_down(&mut outcome, written);
            outcomes.push(outcome);
            continue;
        }
        if entry.decision != Decision::Keep {
            let values = model.values(constant)?;
            let encoded = encode(&values, &entry.decision, options.threads).map_err(|e| e.of_tensor(&constant.name))?;
            if let Some(encoded) = encoded {
                outcome.judge(&values, &encoded, entry, options)?;
                // What is held from here on is what will be written.
                drop(values);
                let element_type = element_type(&entry.decision);
                let scales =
                    encoded.params().map(|params| (params.scales().to_vec(), params.granularity().axis().unwrap_or(0)));
                let bytes = encoded.into_bytes();
                outcome.bytes_after = (bytes.len() + 12 * scales.as_ref().map_or(0, |(scales, _)| scales.len())) as u64;
                let data = edits.data(constant, &entry.decision, bytes);
                model.replace(constant.id, Replacement { element_type, scales, data })?;
                edits.users(source, &entry.decision);
            }
        }
        outcomes.push(outcome);
    }
    progress(Progress { done, total, tensor: "" });
    edits.apply(model)?;
    Ok((outcomes, plan.warnings))
}

/// Takes down what a constant became that operators compute with in integers.
fn take_down(outcome: &mut TensorOutcome, written: &WrittenConstant) {
    let elements = outcome.shape.iter().fold(1_u64, |n, &len| n.saturating_mul(len as u64));
    outcome.fate = if written.error.is_some() { Fate::Quantized } else { Fate::Kept };
    outcome.before = "f32".into();
    outcome.after.clone_from(&written.after);
    outcome.reason = format!("computed in integers, {elements} elements");
    outcome.bytes_before = elements.saturating_mul(4);
    outcome.bytes_after = written.bytes;
    outcome.error = written.error;
}

/// Makes operators that are to compute in integers find their biases in f32, which they take in no other form.
fn keep_operands_in_f32(plan: &mut Plan, constants: &[Source]) {
    let users = |source: &Source| {
        let subgraph = source.constant.id.subgraph;
        source.uses().iter().map(|used| (subgraph, used.operator)).collect::<Vec<_>>()
    };
    let entries = plan.entries.iter().zip(constants);
    let dynamic: HashSet<(usize, usize)> =
        entries.filter(|(entry, _)| entry.decision.is_dynamic_range()).flat_map(|(_, source)| users(source)).collect();
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

/// A constant, and the `DEQUANTIZE` that restores it already, if there is one.
pub(super) struct Source {
    pub(super) constant: Constant,
    /// The operator's number, and the users of what it gives.
    restored: Option<(usize, Vec<Use>)>,
}

impl Source {
    pub(super) fn of(constant: Constant, model: &Model) -> Self {
        let restored = match (constant.element_type, constant.uses.as_slice()) {
            (ElementType::F16, [used]) => model.uses_behind_dequantize(constant.id.subgraph, used.operator),
            _ => None,
        };
        let restored = restored.map(|uses| (constant.uses.first().map_or(0, |used| used.operator), uses));
        Self { constant, restored }
    }

    fn uses(&self) -> &[Use] {
        self.restored.as_ref().map_or(&self.constant.uses, |(_, uses)| uses)
    }

    pub(super) fn candidate(&self) -> Candidate {
        let constant = &self.constant;
        let obstacle = if constant.is_elsewhere {
            Some("its values stand in another file".into())
        } else if constant.is_sparse {
            Some("stored in a sparse format".into())
        } else if constant.is_at_the_edge {
            Some("an input or output of its subgraph".into())
        } else if constant.quantization.is_some() {
            Some(format!("quantized already, {}", constant.element_type))
        } else if constant.element_type == ElementType::F16 && self.restored.is_none() {
            Some("float16 already, and not restored by one DEQUANTIZE that is its only user".into())
        } else if is_wide_or_brain_float(constant.element_type) {
            Some(format!("{}, and what uses it would find the f32 that restoring gives", constant.element_type))
        } else if matches!(constant.element_type, ElementType::F32 | ElementType::F16) && !constant.is_whole() {
            let (bytes, shape) = (constant.size_in_bytes, &constant.shape);
            Some(format!("its {bytes} bytes are not those of {} in the shape {shape:?}", constant.element_type))
        } else {
            None
        };
        Candidate {
            name: constant.name.clone(),
            element_type: constant.element_type.name().into(),
            shape: constant.shape.clone(),
            size_in_bytes: constant.size_in_bytes,
            uses: Some(self.uses().iter().map(usage).collect()),
            obstacle,
            cost_of_restoring: match self.restored {
                Some(_) => 0,
                None => COST_OF_RESTORING + constant.name.len() as u64,
            },
            storage: STORAGE,
        }
    }
}

/// Whether elements are floating-point numbers that no `DEQUANTIZE` gives.
fn is_wide_or_brain_float(element_type: ElementType) -> bool {
    matches!(element_type.name(), "f64" | "bf16")
}

fn usage(used: &Use) -> Usage {
    let role = match used.role {
        Role::Weights { axis, dynamic_range } => {
            UsageRole::Weights { axis, dynamic_int8: dynamic_range.int8 > 0, dynamic_int4: dynamic_range.int4 > 0 }
        }
        Role::Operand => UsageRole::Operand,
        Role::Passed => UsageRole::Passed,
        Role::Unknown => UsageRole::Unknown,
    };
    Usage { operator: used.name.clone(), role }
}

/// The code types that a `DEQUANTIZE` restores, or that operators take; without zero points, as they are written.
const STORAGE: Storage =
    Storage::Channels { codes: &[CodeType::I8, CodeType::I4, CodeType::F16], with_zero_point: &[] };

/// Returns the element type that a decision gives.
fn element_type(decision: &Decision) -> ElementType {
    match decision.code() {
        Some(CodeType::I4) => ElementType::I4,
        Some(CodeType::F16) => ElementType::F16,
        Some(_) => ElementType::I8,
        None => ElementType::F32,
    }
}

/// What operators have to do with the constants that were replaced.
#[derive(Default)]
struct Edits {
    /// By the buffer and shape they had, and what they became: tensors that shared a buffer share the new one.
    replaced: HashMap<(usize, Vec<usize>, String), TensorId>,
    /// Tensors that need a `DEQUANTIZE`, by subgraph.
    restore: BTreeMap<usize, Vec<usize>>,
    /// `DEQUANTIZE` operators of tensors of another type than before, by subgraph.
    retyped: BTreeMap<usize, Vec<usize>>,
    /// `DEQUANTIZE` operators that are no longer needed, by subgraph.
    bypassed: BTreeMap<usize, Vec<usize>>,
    /// Operators that compute in integers, and the version that does: subgraph, number, version.
    dynamic: Vec<(usize, usize, i32)>,
}

impl Edits {
    /// Returns a tensor's new data: those of an earlier one if they are the same.
    fn data(&mut self, constant: &Constant, decision: &Decision, bytes: Vec<u8>) -> NewData {
        let key = (constant.buffer, constant.shape.clone(), format!("{decision:?}"));
        if let Some(&other) = self.replaced.get(&key) {
            return NewData::Of(other);
        }
        self.replaced.insert(key, constant.id);
        NewData::Bytes(bytes)
    }

    /// Takes note of what the users of a replaced constant have to do.
    fn users(&mut self, source: &Source, decision: &Decision) {
        let TensorId { subgraph, tensor } = source.constant.id;
        let is_dynamic = decision.is_dynamic_range();
        match &source.restored {
            Some((operator, _)) if is_dynamic || *decision == Decision::Float32 => {
                self.bypassed.entry(subgraph).or_default().push(*operator);
            }
            Some((operator, _)) => self.retyped.entry(subgraph).or_default().push(*operator),
            None if !is_dynamic => self.restore.entry(subgraph).or_default().push(tensor),
            None => {}
        }
        for used in source.uses().iter().filter(|_| is_dynamic) {
            let Role::Weights { dynamic_range, .. } = used.role else { continue };
            let is_int4 = element_type(decision) == ElementType::I4;
            let version = if is_int4 { dynamic_range.int4 } else { dynamic_range.int8 };
            self.dynamic.push((subgraph, used.operator, version));
        }
    }

    fn apply(self, model: &mut Model) -> Result<()> {
        for (subgraph, operator, version) in self.dynamic {
            model.run_in_dynamic_range(subgraph, operator, version)?;
        }
        for (subgraph, operators) in self.retyped {
            model.retype_dequantize(subgraph, &operators)?;
        }
        for (subgraph, operators) in self.bypassed {
            model.bypass_dequantize(subgraph, &operators)?;
        }
        for (subgraph, tensors) in self.restore {
            model.dequantize_in_front(subgraph, &tensors)?;
        }
        Ok(())
    }
}
