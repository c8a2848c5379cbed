//! `.safetensors` files: tensors alone, so that shapes have to tell weights from the rest.

use super::encoded::{Encoded, encode};
use super::options::Options;
use super::outcome::{TensorOutcome, Written};
use super::progress::Progress;
use crate::error::{Error, Result};
use crate::model::safetensors::{Reader, Stored, TensorInfo, Writer};
use crate::num::CodeKind;
use crate::recipe::{Candidate, Decision, Recipe, Storage};
use crate::tensor::PackedTensor;
use std::path::Path;

pub(super) fn quantize(
    input: &Path,
    output: &Path,
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
    let plan = recipe.plan(tensors.iter().map(candidate).collect(), |i| reader.read(&tensors[i].name))?;

    let stored =
        tensors.iter().zip(&plan.entries).map(|(info, entry)| (info.name.clone(), stored(info, &entry.decision)));
    let mut writer = Writer::create(output, stored.collect(), reader.metadata().clone())?;
    let total = tensors.iter().map(|info| info.size_in_bytes as u64).sum();
    let (mut done, mut outcomes) = (0, Vec::with_capacity(tensors.len()));
    for (info, entry) in tensors.iter().zip(&plan.entries) {
        progress(Progress { done, total, tensor: &info.name });
        done += info.size_in_bytes as u64;
        let mut outcome = TensorOutcome::planned(entry);
        if entry.decision == Decision::Keep {
            writer.copy(&info.name, &mut reader)?;
            outcomes.push(outcome);
            continue;
        }
        let values = reader.read(&info.name)?;
        let encoded = encode(&values, &entry.decision, options.threads).map_err(|e| e.of_tensor(&info.name))?;
        if let Some(encoded) = encoded {
            outcome.judge(&values, &encoded, entry, options)?;
            match &encoded {
                Encoded::Codes(q) => {
                    let parameters =
                        if encoded.params().is_some() || is_scaled(q) { q.params().size_in_bytes() } else { 0 };
                    outcome.bytes_after = (q.bytes().len() + parameters) as u64;
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
    Ok(Written { tensors: outcomes, warnings: plan.warnings, to_disk: writer.finish_timed()?, integer: None })
}

pub(super) fn candidate(info: &TensorInfo) -> Candidate {
    Candidate {
        name: info.name.clone(),
        element_type: info.dtype.to_lowercase(),
        shape: info.shape.clone(),
        size_in_bytes: info.size_in_bytes as u64,
        uses: None,
        obstacle: None,
        cost_of_restoring: 0,
        storage: Storage::Any,
    }
}

/// Whether codes are stored with scales: all but those of 16-bit floating-point types.
fn is_scaled(q: &PackedTensor) -> bool {
    !(q.code_type().kind() == CodeKind::Float && q.code_type().bits() == 16)
}

fn stored(info: &TensorInfo, decision: &Decision) -> Stored {
    match decision {
        Decision::Keep | Decision::Float32 => Stored::copy_of(info),
        Decision::Blocks(blocks) => Stored::blocks(blocks.block, &info.shape),
        Decision::Quantize(treatment) => {
            let scheme = &treatment.scheme;
            let stored = Stored::packed(scheme.code, &info.shape, scheme.granularity);
            if scheme.calculator.has_offsets() { stored.with_offset() } else { stored }
        }
    }
}
