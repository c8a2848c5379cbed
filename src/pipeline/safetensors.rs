//! `.safetensors` files: tensors alone, so that shapes have to tell weights from the rest.

use super::encoded::{Encoded, encode};
use super::options::Options;
use super::outcome::{TensorOutcome, Written};
use super::progress::Progress;
use super::wide::{beyond_f32, narrowed, to_odd};
use crate::error::{Error, Result};
use crate::model::safetensors::{Reader, Stored, TensorInfo, Writer, quantized_by_others};
use crate::params::{ParamsCalculator, ZeroPoints};
use crate::recipe::RecipeError;
use crate::recipe::{Candidate, Decision, Plan, Recipe, Storage};
use std::collections::HashSet;
use std::path::Path;

pub(super) fn quantize(
    input: &Path,
    output: Option<&Path>,
    recipe: &Recipe,
    options: &Options,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Written> {
    let mut reader = Reader::open(input)?;
    if reader.is_quantized() {
        let reason = "it was quantized already: start from the file with the original weights".into();
        return Err(Error::Format { path: input.into(), format: "safetensors", reason });
    }
    let tensors: Vec<TensorInfo> = reader.tensors().cloned().collect();
    let mut candidates: Vec<Candidate> = tensors.iter().map(candidate).collect();
    let by_others = quantized_by_others(&tensors);
    for (candidate, info) in candidates.iter_mut().zip(&tensors) {
        candidate.obstacle = match by_others.get(&info.name) {
            Some(reason) => Some(reason.clone()),
            None if is_wide(info) => beyond_f32(&reader.read_wide(&info.name)?),
            None => None,
        };
    }
    let mut plan = recipe.plan(candidates, |i| match &tensors[i] {
        info if is_wide(info) => Ok(to_odd(&reader.read_wide(&info.name)?)),
        info => reader.read(&info.name),
    })?;
    keep_names(&mut plan, &tensors)?;

    let stored = tensors.iter().zip(&plan.entries).map(|(info, entry)| stored(info, &entry.decision));
    let stored: Vec<Stored> = stored.collect();
    let named = tensors.iter().zip(&stored).map(|(info, stored)| (info.name.clone(), stored.clone()));
    let (named, metadata) = (named.collect(), reader.metadata().clone());
    let mut writer = match output {
        Some(output) => Writer::create(output, named, metadata)?,
        None => Writer::nowhere(named, metadata)?,
    };
    let total = tensors.iter().map(|info| info.size_in_bytes as u64).sum();
    let (mut done, mut outcomes) = (0, Vec::with_capacity(tensors.len()));
    for ((info, entry), how) in tensors.iter().zip(&plan.entries).zip(&stored) {
        progress(Progress { done, total, tensor: &info.name });
        done += info.size_in_bytes as u64;
        let mut outcome = TensorOutcome::planned(entry);
        if entry.decision == Decision::Keep {
            writer.copy(&info.name, &mut reader)?;
            outcomes.push(outcome);
            continue;
        }
        let wide = if is_wide(info) { Some(reader.read_wide(&info.name)?) } else { None };
        let values = match &wide {
            Some(wide) => narrowed(wide, &entry.decision),
            None => reader.read(&info.name)?,
        };
        let encoded = encode(&values, &entry.decision, options.threads).map_err(|e| e.of_tensor(&info.name))?;
        if let Some(encoded) = encoded {
            outcome.judge(&values, wide.as_ref(), &encoded, entry, options)?;
            match &encoded {
                Encoded::Codes(q) => {
                    outcome.bytes_after = how.size_in_bytes()?;
                    writer.write_packed(&info.name, q)?;
                }
                Encoded::Blocks(q) => {
                    outcome.bytes_after = q.bytes().len() as u64;
                    writer.write_blocks(&info.name, q)?;
                }
                Encoded::F32(_) => writer.copy(&info.name, &mut reader)?,
            }
        }
        outcomes.push(outcome);
    }
    progress(Progress { done, total, tensor: "" });
    let bytes = writer.encoded_len();
    Ok(Written { tensors: outcomes, warnings: plan.warnings, to_disk: writer.finish_timed()?, bytes, integer: None })
}

/// Whether values are more than f32 can tell apart.
fn is_wide(info: &TensorInfo) -> bool {
    info.dtype == "F64"
}

/// Leaves tensors as they are whose parameters would have the names of other tensors of the file.
fn keep_names(plan: &mut Plan, tensors: &[TensorInfo]) -> Result<()> {
    let names: HashSet<&str> = tensors.iter().map(|info| info.name.as_str()).collect();
    for (entry, info) in plan.entries.iter_mut().zip(tensors) {
        let parameters = stored(info, &entry.decision).names_of_parameters(&info.name);
        if let Some(taken) = parameters.iter().find(|name| names.contains(name.as_str())) {
            entry.decision = Decision::Keep;
            entry.reason = format!("its parameters would be called {taken:?}, as another tensor of the file is");
        }
    }
    match plan.entries.iter().find(|entry| entry.reason.starts_with("its parameters would be called")) {
        Some(entry) if plan.entries.iter().all(|entry| entry.decision == Decision::Keep) => {
            let reason = format!("{:?}: {}", entry.candidate.name, entry.reason);
            Err(RecipeError::NothingToQuantize { recipe: plan.recipe.clone(), reason }.into())
        }
        _ => Ok(()),
    }
}

pub(super) fn candidate(info: &TensorInfo) -> Candidate {
    Candidate {
        name: info.name.clone(),
        element_type: info.dtype.to_lowercase(),
        shape: info.shape.clone(),
        size_in_bytes: info.size_in_bytes as u64,
        uses: None,
        obstacle: None,
        exact: None,
        cost_of_restoring: 0,
        storage: Storage::Any,
    }
}

fn stored(info: &TensorInfo, decision: &Decision) -> Stored {
    match decision {
        Decision::Keep | Decision::Float32 => Stored::copy_of(info),
        Decision::Blocks(blocks) => Stored::blocks(blocks.block, &info.shape),
        Decision::Quantize(treatment) => {
            let scheme = &treatment.scheme;
            let stored = Stored::packed(scheme.code, &info.shape, scheme.granularity);
            let stored = if scheme.calculator.has_offsets() { stored.with_offset() } else { stored };
            if scheme.calculator.zero_points(scheme.codes()) == ZeroPoints::One(0) || !scheme.code.is_integer() {
                stored.without_zero_points()
            } else {
                stored
            }
        }
    }
}
