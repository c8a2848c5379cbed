//! Mean shifts of a model's outputs that are left when all its weights are quantized, and the biases that take them out.

use super::improvement::Changes;
use super::integer::Data;
use super::source::Source;
use crate::calibration::RunError;
use crate::error::Result;
use crate::graph::ValueId;
use crate::improve::{Purpose, Tail, observe, tails};
use crate::model::tflite::Model;
use std::collections::HashMap;

/// Of so many samples those that weights are fitted to tell the means.
const SAMPLES: usize = 80;

/// What makes a file of changes.
pub(super) type Make<'a> = dyn Fn(&Changes) -> Result<Vec<u8>> + 'a;

/// Returns changes with which the layers before a model's outputs have the mean that they have in the float model, on the samples
/// that weights are fitted to; `None` where there is no such layer.
pub(super) fn without_shift(
    model: &Model,
    float: &[u8],
    constants: &[Source],
    changes: &Changes,
    data: Data<'_>,
    make: &Make<'_>,
) -> Result<Option<Changes>> {
    let tails = tails(&model.graph());
    if tails.is_empty() {
        return Ok(None);
    }
    let wanted = means(float, &tails, data)?;
    let now = means(&make(changes)?, &tails, data)?;
    let mut shifted = changes.clone();
    for tail in &tails {
        let (Some(wanted), Some(now)) = (wanted.get(&tail.output), now.get(&tail.output)) else { continue };
        for bias in &tail.biases {
            let is_it = |source: &Source| {
                source.constant.id.subgraph == bias.subgraph && source.constant.id.tensor == bias.value
            };
            let Some(at) = constants.iter().position(is_it) else { continue };
            let mut values = match shifted.biases.remove(&at) {
                Some(values) => values,
                None => model.values(&constants[at].constant)?,
            };
            if values.len() != wanted.len() || now.len() != wanted.len() {
                continue;
            }
            for ((value, wanted), now) in values.iter_mut().zip(wanted).zip(now) {
                let moved = (f64::from(*value) + wanted - now) as f32;
                if moved.is_finite() {
                    *value = moved;
                }
            }
            shifted.biases.insert(at, values);
        }
    }
    Ok(Some(shifted))
}

/// Returns the mean of each channel of what layers come to.
fn means(file: &[u8], tails: &[Tail], data: Data<'_>) -> Result<HashMap<ValueId, Vec<f64>>> {
    let mut runner = data.engine.open(file).map_err(RunError::into_error)?;
    let mut sums: HashMap<ValueId, (f64, Vec<f64>)> = HashMap::new();
    let is_wanted = |sample| sample < SAMPLES && Purpose::of(sample) == Purpose::Fit;
    observe(&mut *runner, data.samples, &is_wanted, &mut |value, _| {
        if tails.iter().all(|tail| tail.output != value.id) {
            return;
        }
        let channels = value.values.shape().last().copied().unwrap_or(1).max(1);
        let (count, sums) = sums.entry(value.id).or_insert_with(|| (0.0, vec![0.0; channels]));
        if sums.len() == channels {
            for (at, &x) in value.values.iter().enumerate() {
                sums[at % channels] += f64::from(x);
            }
            *count += (value.values.len() / channels) as f64;
        }
    })?;
    for (count, sums) in sums.values_mut() {
        for sum in sums.iter_mut() {
            *sum /= count.max(1.0);
        }
    }
    Ok(sums.into_iter().map(|(id, (_, means))| (id, means)).collect())
}
