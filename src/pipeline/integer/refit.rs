//! Weights chosen for what their layers make of samples, and not each for itself.

use super::super::equalization::Constants;
use super::encoding::{Refitted, WeightRanges, weights};
use super::judge::Data;
use super::weights::{WeightsKey, weights_key};
use crate::calibration::RunError;
use crate::error::Result;
use crate::graph::{Graph, Op, ValueId};
use crate::improve::{
    Belief, Codes, Effort, Place, Problem, Purpose, Statistics, batches_within, improve, restored, rows_from, rows_of,
    tensor_of,
};
use ndarray::ArrayD;
use std::collections::BTreeMap;

/// Rows with more elements than this keep the codes next to them: their second moments take longer than everything else.
const LONGEST: usize = 1024;
/// What is told of inputs may take so many bytes at once: more weights are seen in runs of their own.
const ROOM: usize = 128 << 20;
/// The most samples that weights are fitted to.
const MOST_SAMPLES: usize = 64;

/// Returns the weights of products with the codes and scales of which the products' outputs lose least on samples; those for which
/// nothing does better than the nearest codes are not among them.
///
/// The mean of the error is left to biases.
///
/// # Errors
///
/// What running the float model comes to.
pub(crate) fn refit(
    (bytes, graph, constants): (&[u8], &Graph, &Constants),
    data: Data<'_>,
    samples: &[(Option<&str>, Vec<usize>)],
    threads: usize,
) -> Result<BTreeMap<WeightsKey, Refitted>> {
    let mut uses: BTreeMap<WeightsKey, Vec<ValueId>> = BTreeMap::new();
    for (subgraph, part) in graph.subgraphs.iter().enumerate() {
        for operator in part.operators.iter().filter(|operator| operator.op != Op::MatMul) {
            for (input, value) in operator.inputs.iter().enumerate() {
                let ndim = value.and_then(|value| part.values.get(value)?.ndim());
                let (Some(value), Some(ndim)) = (*value, ndim) else { continue };
                let key = operator.weights_axis(input, ndim).and_then(|axis| weights_key(part, value, axis));
                let id = ValueId { subgraph, value };
                if let Some(key) = key.filter(|_| constants.get(id).is_some()) {
                    let ids = uses.entry(key).or_default();
                    if !ids.contains(&id) {
                        ids.push(id);
                    }
                }
            }
        }
    }
    let count: usize = samples.iter().map(|(_, numbers)| numbers.len()).sum();
    let step = count.div_ceil(MOST_SAMPLES).max(1);
    let mut layers: Vec<(WeightsKey, ValueId, Statistics)> = Vec::new();
    for (key, ids) in uses {
        let Some(shape) = ids.first().and_then(|id| constants.get(*id)).map(|values| values.shape().to_vec()) else {
            continue;
        };
        if let Ok(place) = Place::new(graph, &ids, &shape)
            && let Some(statistics) = Statistics::new(place.products, count / step)
            && statistics.len() <= LONGEST
        {
            layers.push((key, ids[0], statistics));
        }
    }
    let mut runner = data.engine.open(bytes).map_err(RunError::into_error)?;
    let mut refitted = BTreeMap::new();
    let sizes: Vec<usize> = layers.iter().map(|(.., statistics)| statistics.most_bytes()).collect();
    for batch in batches_within(&sizes, ROOM) {
        let mut layers = layers[batch].to_vec();
        let mut number = 0;
        for (signature, numbers) in samples {
            for &sample in numbers.iter().step_by(step) {
                let purpose = Purpose::of(number);
                number += 1;
                let sample = data.samples.sample(*signature, sample).map_err(RunError::into_error)?;
                super::judge::run(&mut *runner, *signature, &sample, &mut |value| {
                    for (.., statistics) in &mut layers {
                        statistics.observe(value, purpose);
                    }
                    Ok(())
                })?;
            }
        }
        for (key, id, statistics) in &layers {
            let better = constants.get(*id).map(|values| solved(values, *key, statistics, threads)).transpose()?;
            refitted.extend(better.flatten().map(|better| (*key, better)));
        }
    }
    Ok(refitted)
}

/// Returns weights that lose less on samples than the nearest codes do, if there are such.
fn solved(values: &ArrayD<f32>, key: WeightsKey, statistics: &Statistics, threads: usize) -> Result<Option<Refitted>> {
    let (nearest, _) = weights(values, key.1, WeightRanges::MinMax, None, &[])?;
    let (Some(rows), Some(codes)) = (rows_of(values, key.1), rows_of(&nearest.restored, key.1)) else {
        return Ok(None);
    };
    let problem = Problem {
        weights: &rows,
        nearest: &rows_from(codes.view(), |row| nearest.scales.get(row).copied().unwrap_or(1.0)),
        codes: Codes { min: -127.0, max: 127.0 },
        own_scales: true,
        has_bias: true,
        effort: Effort::Full,
        rate: None,
        sparsity: None,
        belief: Belief::Split,
        threads,
    };
    let Ok(improved) = improve(statistics, &problem) else { return Ok(None) };
    let reals = restored(&improved.rows, rows.ncols()).and_then(|rows| tensor_of(&rows, values.shape(), key.1));
    let scales = || improved.rows.iter().map(|row| row.scale).collect();
    Ok(reals.filter(|_| improved.shrinkage.is_some()).map(|reals| Refitted { reals, scales: scales() }))
}
