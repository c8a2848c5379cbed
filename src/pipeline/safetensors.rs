//! `.safetensors` files: tensors alone, so that shapes have to tell weights from the rest.

use super::encoded::{Encoded, encode};
use super::outcome::TensorOutcome;
use super::{Options, Progress};
use crate::error::{Error, Result};
use crate::model::safetensors::{Reader, Stored, TensorInfo, Writer};
use crate::num::{I4, f16};
use crate::params::Granularity;
use crate::recipe::{Bits, Candidate, Decision, Recipe};
use std::path::Path;

pub(super) fn quantize(
    input: &Path,
    output: &Path,
    recipe: &Recipe,
    options: &Options,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<TensorOutcome>> {
    let mut reader = Reader::open(input)?;
    if reader.is_quantized() {
        let reason = "it was quantized already: start from the file with the original weights".into();
        return Err(Error::Format { path: input.into(), format: "safetensors", reason });
    }
    let tensors: Vec<TensorInfo> = reader.tensors().cloned().collect();
    let plan = recipe.plan(tensors.iter().map(candidate).collect(), |i| reader.read(&tensors[i].name))?;

    let stored =
        tensors.iter().zip(&plan.entries).map(|(info, entry)| (info.name.clone(), stored(info, entry.decision)));
    let mut writer = Writer::create(output, stored.collect(), reader.metadata().clone())?;
    let total = tensors.iter().map(|info| info.size_in_bytes as u64).sum();
    let (mut done, mut outcomes) = (0, Vec::with_capacity(tensors.len()));
    for (info, entry) in tensors.iter().zip(&plan.entries) {
        progress(Progress { done, total, tensor: &info.name });
        done += info.size_in_bytes as u64;
        let mut outcome = TensorOutcome {
            name: info.name.clone(),
            shape: info.shape.clone(),
            before: info.dtype.to_lowercase(),
            after: entry.decision.describe(&info.dtype.to_lowercase()),
            reason: entry.reason.clone(),
            bytes_before: info.size_in_bytes as u64,
            bytes_after: info.size_in_bytes as u64,
            error: None,
            histograms: None,
            warnings: Vec::new(),
        };
        if entry.decision == Decision::Keep {
            writer.copy(&info.name, &mut reader)?;
            outcomes.push(outcome);
            continue;
        }
        let values = reader.read(&info.name)?;
        let encoded = encode(&values, entry.decision, options.threads).map_err(|e| e.of_tensor(&info.name))?;
        if let Some(encoded) = encoded {
            let error = encoded.error(&values)?;
            outcome.histograms = encoded.histograms(&values, error.max_abs_error(), options.histograms);
            outcome.error = Some(error);
            outcome.bytes_after = match &encoded {
                Encoded::I8(q) => q.size_in_bytes() as u64,
                Encoded::I4(q) => q.size_in_bytes() as u64,
                Encoded::F16(q) => 2 * q.codes().len() as u64,
                Encoded::F32(_) => info.size_in_bytes as u64,
            };
            match &encoded {
                Encoded::I8(q) => writer.write_quantized(&info.name, q)?,
                Encoded::I4(q) => writer.write_quantized(&info.name, q)?,
                Encoded::F16(q) => writer.write_quantized(&info.name, q)?,
                Encoded::F32(_) => writer.copy(&info.name, &mut reader)?,
            }
        }
        outcomes.push(outcome);
    }
    progress(Progress { done, total, tensor: "" });
    writer.finish()?;
    Ok(outcomes)
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
    }
}

fn stored(info: &TensorInfo, decision: Decision) -> Stored {
    match decision {
        Decision::Keep | Decision::Float32 => Stored::copy_of(info),
        Decision::Float16 => Stored::quantized::<f16>(&info.shape, Granularity::Tensor),
        Decision::Quantize(treatment) => {
            let granularity = Granularity::Axis(treatment.axis);
            match treatment.bits {
                Bits::Eight => Stored::quantized::<i8>(&info.shape, granularity),
                Bits::Four => Stored::quantized::<I4>(&info.shape, granularity),
            }
        }
    }
}
