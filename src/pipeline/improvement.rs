//! Weights of a `.tflite` file that are chosen for what the model makes of samples.

use super::deflated::deflated_len;
use super::encoded::{Encoded, encode};
use super::integer::Data;
use super::options::Options;
use super::progress::Progress;
use super::source::Source;
use crate::calibration::RunError;
use crate::error::{Error, Result};
use crate::graph::{Graph, ValueId};
use crate::improve::{
    Codes, Effort, Improved, Place, Problem, Statistics, batches, capture, count, improve, restored, rows_from,
    rows_of, tensor_of,
};
use crate::model::tflite::Model;
use crate::params::{CodeRange, Granularity, ParamsCalculator, QuantParams, ZeroPoints};
use crate::recipe::{Decision, Plan, Treatment};
use crate::tensor::PackedTensor;
use ndarray::ArrayD;
use std::collections::{HashMap, HashSet};

/// What samples made of a tensor of weights.
#[derive(Clone, Debug)]
pub(super) struct Better {
    /// The numbers of the constants that are this tensor: more than one where they are stored in one place.
    pub(super) constants: Vec<usize>,
    /// Its codes, if they are others than those next to the weights.
    codes: Option<PackedTensor>,
    /// What its outputs lose on the samples that judge.
    pub(super) judged: f64,
    /// Biases that take out a shift, by their number.
    biases: Vec<(usize, ArrayD<f32>)>,
}

/// What constants become instead of what a plan alone would make of them, by their number.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    /// Weights.
    pub(super) tensors: HashMap<usize, PackedTensor>,
    /// Biases.
    pub(super) biases: HashMap<usize, ArrayD<f32>>,
}

impl Better {
    /// Returns the length of its codes when they are deflated; `None` if they are those next to the weights.
    pub(super) fn deflated(&self) -> Option<u64> {
        self.codes.as_ref().map(|codes| deflated_len(&codes.bytes()))
    }
}

impl Changes {
    /// Returns whether nothing is to be in place of what a plan says.
    pub(super) fn is_empty(&self) -> bool {
        self.tensors.is_empty() && self.biases.is_empty()
    }

    /// Takes note of what became of a tensor of weights.
    pub(super) fn add(&mut self, better: &Better) {
        if let Some(codes) = &better.codes {
            self.tensors.extend(better.constants.iter().map(|&at| (at, codes.clone())));
        }
        self.biases.extend(better.biases.iter().cloned());
    }
}

/// Constants that become the same codes, and where they stand.
struct Layer {
    /// The number of the plan.
    plan: usize,
    /// Their numbers.
    constants: Vec<usize>,
    treatment: Treatment,
    axis: usize,
    place: Place,
    /// The numbers of their biases.
    biases: Vec<usize>,
}

/// Returns what samples make of the weights of each plan, and says in the plans' reasons what that is, or why it is nothing.
pub(super) fn improve_weights(
    model: &Model,
    plans: &mut [Plan],
    constants: &[Source],
    options: &Options,
    data: Option<Data<'_>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Vec<Better>>> {
    let mut all: Vec<Vec<Better>> = vec![Vec::new(); plans.len()];
    let Some(data) = data else {
        for entry in plans.iter_mut().flat_map(|plan| &mut plan.entries) {
            if let Decision::Quantize(treatment) = &entry.decision
                && matches!(treatment.improve, Some(Effort::Bias | Effort::Full))
            {
                entry.reason += "; not improved: there are no samples";
            }
        }
        return Ok(all);
    };
    let graph = model.graph();
    let mut layers = Vec::new();
    for (number, plan) in plans.iter_mut().enumerate() {
        layers.extend(self::layers(&graph, number, plan, constants));
    }
    if layers.is_empty() {
        return Ok(all);
    }
    let bytes = model.to_bytes()?;
    let mut runner = data.engine.open(&bytes).map_err(RunError::into_error)?;
    drop(bytes);
    let samples = count(&*runner, data.samples);
    if samples == 0 {
        return Err(Error::Run { reason: "there is no sample for any signature of the model".into() });
    }
    // Layers of several plans that are the same constants have the same inputs.
    let mut seen: Vec<(Vec<usize>, Statistics)> = Vec::new();
    for layer in &layers {
        if seen.iter().all(|(constants, _)| *constants != layer.constants)
            && let Some(statistics) = Statistics::new(layer.place.products.clone(), samples)
        {
            seen.push((layer.constants.clone(), statistics));
        }
    }
    let room: Vec<usize> = seen.iter().map(|(_, statistics)| statistics.most_bytes()).collect();
    let total = constants.iter().map(|source| source.constant.size_in_bytes).sum();
    for batch in batches(&room) {
        let name = seen[batch.start].0.first().map_or("", |&at| constants[at].constant.name.as_str());
        progress(Progress { done: 0, total, tensor: name });
        let mut statistics: Vec<Statistics> = seen[batch.clone()].iter().map(|(_, fresh)| fresh.clone()).collect();
        capture(&mut *runner, data.samples, &mut statistics)?;
        for (statistics, (of, _)) in statistics.iter().zip(&seen[batch]) {
            let values = model.values(&constants[of[0]].constant)?;
            for layer in layers.iter().filter(|layer| layer.constants == *of) {
                let result = improved(layer, statistics, &values, options)?;
                let entries = &mut plans[layer.plan].entries;
                let note = match &result {
                    Ok((improved, _)) if layer.treatment.rate.is_some() => {
                        let gain = 10.0 * (improved.judged[0] / improved.judged[1]).log10();
                        let operator = &layer.place.operator;
                        format!(
                            "; chosen for its bits and the outputs of {operator}, which lose {gain:.1} dB less than of the nearest codes"
                        )
                    }
                    Ok((improved, _)) => note(improved, &layer.place.operator),
                    Err(reason) => format!("; not improved: {reason}"),
                };
                for &at in &layer.constants {
                    entries[at].reason += &note;
                }
                let Ok((improved, codes)) = result else { continue };
                let judged = improved.judged[1];
                let mut better = Better { constants: layer.constants.clone(), codes, judged, biases: Vec::new() };
                for (&at, shifts) in layer.biases.iter().zip(improved.shifts.iter().cycle()) {
                    let bias = model.values(&constants[at].constant)?;
                    let shifted =
                        bias.iter().zip(shifts).map(|(&bias, shift)| (f64::from(bias) + shift) as f32).collect();
                    if let Ok(shifted) = ArrayD::from_shape_vec(bias.raw_dim(), shifted) {
                        entries[at].reason += "; takes out the shift that quantized weights give";
                        better.biases.push((at, shifted));
                    }
                }
                all[layer.plan].push(better);
            }
        }
    }
    Ok(all)
}

/// Returns what is said of a tensor that samples were used for.
fn note(improved: &Improved, operator: &str) -> String {
    let [nearest, best] = improved.judged;
    let gain = 10.0 * (nearest / best).log10();
    match (improved.shrinkage.is_some(), improved.shifts.is_some()) {
        _ if !gain.is_finite() => "; nothing to improve: its outputs have no error".into(),
        (false, false) => "; rounded to the nearest, as nothing did better on samples that judge".into(),
        (false, true) => format!("; with its bias {operator} loses {gain:.1} dB less"),
        (true, _) => format!("; chosen for the outputs of {operator}, which lose {gain:.1} dB less"),
    }
}

/// Returns the layers that samples may improve; of others the plan says why not.
fn layers(graph: &Graph, number: usize, plan: &mut Plan, constants: &[Source]) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    let mut known = HashSet::new();
    let id = |at: usize| {
        let id = constants[at].constant.id;
        ValueId { subgraph: id.subgraph, value: id.tensor }
    };
    let same = |at: usize, decision: &Decision| {
        (constants[at].constant.buffer, constants[at].constant.shape.clone(), format!("{decision:?}"))
    };
    let number_of: HashMap<ValueId, usize> = (0..constants.len()).map(|at| (id(at), at)).collect();
    for (at, source) in constants.iter().enumerate() {
        let Decision::Quantize(treatment) = &plan.entries[at].decision else { continue };
        if treatment.improve == Some(Effort::None) || !treatment.scheme.code.is_integer() {
            continue;
        }
        let key = same(at, &plan.entries[at].decision);
        if !known.insert(key.clone()) {
            continue;
        }
        let shared: Vec<usize> =
            (at..plan.entries.len()).filter(|&other| same(other, &plan.entries[other].decision) == key).collect();
        let ids: Vec<ValueId> = shared.iter().map(|&other| id(other)).collect();
        let found = axis_of(treatment, source).and_then(|axis| {
            let place = Place::new(graph, &ids, &source.constant.shape)?;
            let biases = place.biases.iter().filter_map(|bias| number_of.get(bias).copied()).collect();
            Ok(Layer {
                plan: number,
                constants: shared.clone(),
                treatment: Treatment::clone(treatment),
                axis,
                place,
                biases,
            })
        });
        match found {
            Ok(mut layer) => {
                if layer.biases.len() != layer.place.biases.len() {
                    layer.biases.clear();
                }
                layers.push(layer);
            }
            Err(reason) => {
                let note = format!("; not improved: {reason}");
                for other in shared {
                    plan.entries[other].reason += &note;
                }
            }
        }
    }
    // A bias that would be shifted for two tensors of weights is shifted for neither.
    let mut claims: HashMap<usize, usize> = HashMap::new();
    for bias in layers.iter().flat_map(|layer| &layer.biases) {
        *claims.entry(*bias).or_default() += 1;
    }
    for layer in &mut layers {
        if layer.biases.iter().any(|bias| claims[bias] > 1) {
            layer.biases.clear();
        }
    }
    layers
}

/// Returns the axis along which rows of weights lie.
fn axis_of(treatment: &Treatment, source: &Source) -> Result<usize, String> {
    let scheme = &treatment.scheme;
    if scheme.calculator.zero_points(scheme.codes()) != ZeroPoints::One(0) {
        return Err(format!("{} has zero points", scheme.calculator));
    }
    let weights = source.uses().iter().find_map(|used| match used.role {
        crate::model::tflite::Role::Weights { axis, .. } => Some(axis),
        _ => None,
    });
    let axis = weights.ok_or("it is no weights")?;
    match scheme.granularity {
        Granularity::Tensor => Ok(axis),
        Granularity::Axis(of_scales) if of_scales == axis => Ok(axis),
        other => Err(format!("scales are {other}, and rows lie along axis {axis}")),
    }
}

/// Returns what samples make of a layer, and its codes if they are others than those next to the weights.
fn improved(
    layer: &Layer,
    statistics: &Statistics,
    values: &ArrayD<f32>,
    options: &Options,
) -> Result<Result<(Improved, Option<PackedTensor>), String>> {
    let decision = Decision::Quantize(Box::new(layer.treatment.clone()));
    let Some(Encoded::Codes(nearest)) = encode(values, &decision, options.threads)? else {
        return Ok(Err("it is no codes".into()));
    };
    let of_nearest = nearest.dequantize();
    let scales = nearest.params().scales();
    let scale_of = |row: usize| scales.get(row).or(scales.first()).copied().unwrap_or(1.0);
    let (Some(weights), Some(codes)) = (rows_of(values, layer.axis), rows_of(&of_nearest, layer.axis)) else {
        return Ok(Err("its rows cannot be told".into()));
    };
    let range: CodeRange = nearest.params().codes();
    let problem = Problem {
        weights: &weights,
        nearest: &rows_from(codes.view(), scale_of),
        codes: Codes { min: range.min(), max: range.max() },
        own_scales: layer.treatment.scheme.granularity != Granularity::Tensor,
        has_bias: !layer.biases.is_empty(),
        effort: layer.treatment.improve.unwrap_or_default(),
        rate: layer.treatment.rate,
        threads: options.threads.get(),
    };
    let improved = match improve(statistics, &problem) {
        Ok(improved) => improved,
        Err(reason) => return Ok(Err(reason)),
    };
    if improved.shrinkage.is_none() {
        return Ok(Ok((improved, None)));
    }
    let new_scales =
        if problem.own_scales { improved.rows.iter().map(|row| row.scale).collect() } else { scales.to_vec() };
    let zero_points = vec![0; new_scales.len()];
    let granularity = nearest.params().granularity();
    let params = QuantParams::new(granularity, nearest.params().codes(), new_scales, zero_points)?;
    let reals = restored(&improved.rows, weights.ncols()).and_then(|rows| tensor_of(&rows, values.shape(), layer.axis));
    let Some(reals) = reals else { return Ok(Err("its rows cannot be put back".into())) };
    let codes = layer.treatment.scheme.quantize_with_params(&reals, &params)?;
    Ok(Ok((improved, Some(codes))))
}
