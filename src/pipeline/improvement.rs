//! Weights of a `.tflite` file that are chosen for what the model makes of samples.

use super::deflated::deflated_len;
use super::encoded::{Encoded, encode};
use super::integer::Data;
use super::options::Options;
use super::progress::Progress;
use super::source::Source;
use crate::calibration::CalibrationError;
use crate::calibration::RunError;
use crate::error::Result;
use crate::graph::{Graph, ValueId};
use crate::improve::{
    Belief, Codes, Effort, Improved, Place, Problem, Row, Shrinkage, Statistics, batches, capture, count, improve,
    improve_table, restored, rows_from, rows_of, tensor_of,
};
use crate::model::tflite::Model;
use crate::params::{CodeRange, Granularity, ParamsCalculator, QuantParams, ZeroPoints};
use crate::recipe::{Decision, Plan, Treatment};
use crate::tensor::PackedTensor;
use ndarray::{Array2, ArrayD};
use std::collections::{HashMap, HashSet};

/// What samples made of a tensor of weights.
#[derive(Clone, Debug)]
pub(super) struct Better {
    /// The numbers of the constants that are this tensor: more than one where they are stored in one place.
    pub(super) constants: Vec<usize>,
    /// What its outputs lose on the samples that judge.
    pub(super) judged: f64,
    /// The shrinkage that was best, if codes are not those next to the weights.
    pub(super) shrinkage: Option<Shrinkage>,
    made: Made,
    /// The same of all samples, those that judge as well.
    of_all: Option<Made>,
}

/// Codes and biases.
#[derive(Clone, Debug, Default)]
struct Made {
    /// Codes, if they are others than those next to the weights.
    codes: Option<PackedTensor>,
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
        self.made.codes.as_ref().map(|codes| deflated_len(&codes.bytes()))
    }
}

impl Changes {
    /// Returns whether nothing is to be in place of what a plan says.
    pub(super) fn is_empty(&self) -> bool {
        self.tensors.is_empty() && self.biases.is_empty()
    }

    /// Takes note of what became of a tensor of weights.
    pub(super) fn add(&mut self, better: &Better) {
        self.add_made(&better.constants, &better.made);
    }

    /// The same of all samples, of which none is left to judge by.
    pub(super) fn add_of_all(&mut self, better: &Better) {
        self.add_made(&better.constants, better.of_all.as_ref().unwrap_or(&better.made));
    }

    /// Puts codes and biases in place of what there was for some constants.
    pub(super) fn put(&mut self, constants: &[usize], codes: &PackedTensor, biases: Vec<(usize, ArrayD<f32>)>) {
        self.tensors.extend(constants.iter().map(|&at| (at, codes.clone())));
        self.biases.extend(biases);
    }

    fn add_made(&mut self, constants: &[usize], made: &Made) {
        if let Some(codes) = &made.codes {
            self.tensors.extend(constants.iter().map(|&at| (at, codes.clone())));
        }
        self.biases.extend(made.biases.iter().cloned());
    }
}

/// Constants that become the same codes, and where they stand.
pub(super) struct Layer {
    /// The number of the plan.
    plan: usize,
    /// Their numbers.
    pub(super) constants: Vec<usize>,
    pub(super) treatment: Treatment,
    axis: usize,
    pub(super) place: Place,
    /// The numbers of their biases.
    pub(super) biases: Vec<usize>,
}

/// The weights of a layer as rows, and those next to them.
pub(super) struct Rounding {
    pub(super) weights: Array2<f32>,
    pub(super) nearest: Vec<Row>,
    pub(super) codes: Codes,
    /// Whether each row has a scale of its own.
    pub(super) own_scales: bool,
    tensor: PackedTensor,
}

impl Rounding {
    /// Returns the weights of a layer; `None` if they do not become codes in rows.
    pub(super) fn new(layer: &Layer, values: &ArrayD<f32>, options: &Options) -> Result<Option<Self>> {
        let decision = Decision::Quantize(Box::new(layer.treatment.clone()));
        let Some(Encoded::Codes(tensor)) = encode(values, &decision, options.threads)? else { return Ok(None) };
        let of_nearest = tensor.dequantize();
        let scales = tensor.params().scales();
        let scale_of = |row: usize| scales.get(row).or(scales.first()).copied().unwrap_or(1.0);
        let (Some(weights), Some(codes)) = (rows_of(values, layer.axis), rows_of(&of_nearest, layer.axis)) else {
            return Ok(None);
        };
        let nearest = rows_from(codes.view(), scale_of);
        let range: CodeRange = tensor.params().codes();
        let codes = Codes { min: range.min(), max: range.max() };
        let own_scales = layer.treatment.scheme.granularity != Granularity::Tensor;
        Ok(Some(Self { weights, nearest, codes, own_scales, tensor }))
    }

    /// Returns rows as a tensor of codes.
    pub(super) fn pack(&self, layer: &Layer, rows: &[Row]) -> Result<Option<PackedTensor>> {
        let params = self.tensor.params();
        let scales =
            if self.own_scales { rows.iter().map(|row| row.scale).collect() } else { params.scales().to_vec() };
        let zero_points = vec![0; scales.len()];
        let params = QuantParams::new(params.granularity(), params.codes(), scales, zero_points)?;
        let reals = restored(rows, self.weights.ncols());
        let reals = reals.and_then(|rows| tensor_of(&rows, self.tensor.shape(), layer.axis));
        reals.map(|reals| layer.treatment.scheme.quantize_with_params(&reals, &params)).transpose()
    }

    /// Returns rows of reals as a tensor.
    pub(super) fn reals(&self, layer: &Layer, rows: &Array2<f64>) -> Option<ArrayD<f32>> {
        tensor_of(&rows.mapv(|w| w as f32), self.tensor.shape(), layer.axis)
    }
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
                && matches!(treatment.improve, Some(Effort::Bias | Effort::Full | Effort::Model))
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
        return Err(
            CalibrationError::NotRun { reason: "there is no sample for any signature of the model".into() }.into()
        );
    }
    let tables = layers.iter().filter(|layer| layer.place.products.is_empty());
    for layer in tables {
        let values = model.values(&constants[layer.constants[0]].constant)?;
        let result = improved(layer, None, &values, options, false)?;
        all[layer.plan].extend(taken_down(layer, result, &mut plans[layer.plan]));
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
                let result = improved(layer, Some(statistics), &values, options, data.samples.is_noise())?;
                let shifts = result.as_ref().ok().map(|done| done.shifts.clone()).unwrap_or_default();
                let Some(mut better) = taken_down(layer, result, &mut plans[layer.plan]) else { continue };
                let made = std::iter::once(&mut better.made).chain(&mut better.of_all);
                for (made, shifts) in made.zip(shifts) {
                    made.biases = biases(model, constants, layer, shifts.as_deref())?;
                }
                for (at, _) in &better.made.biases {
                    plans[layer.plan].entries[*at].reason += "; takes out the shift that quantized weights give";
                }
                all[layer.plan].push(better);
            }
        }
    }
    Ok(all)
}

/// What became of a layer: its codes, and those of all samples; and the shifts of either.
struct Done {
    improved: Improved,
    made: Made,
    of_all: Option<Made>,
    shifts: Vec<Option<Vec<f64>>>,
}

/// What became of a layer, or why nothing did.
type Attempt = Result<Done, String>;

/// Returns the biases of a layer without a shift.
pub(super) fn biases(
    model: &Model,
    constants: &[Source],
    layer: &Layer,
    shifts: Option<&[f64]>,
) -> Result<Vec<(usize, ArrayD<f32>)>> {
    let mut biases = Vec::new();
    let Some(shifts) = shifts else { return Ok(biases) };
    for &at in &layer.biases {
        let mut bias = model.values(&constants[at].constant)?;
        if bias.len() == shifts.len() {
            bias.iter_mut().zip(shifts).for_each(|(bias, shift)| *bias = (f64::from(*bias) + shift) as f32);
            biases.push((at, bias));
        }
    }
    Ok(biases)
}

/// Returns what became of a layer, and says so in the plan.
fn taken_down(layer: &Layer, result: Attempt, plan: &mut Plan) -> Option<Better> {
    let operator = &layer.place.operator;
    let note = match &result {
        Ok(Done { improved, .. }) if layer.place.products.is_empty() => match gain(improved) {
            gain if improved.shrinkage.is_some() => format!("; scales for the least squared error, {gain:.1} dB less"),
            _ => "; rounded to the nearest, as no scales did better".into(),
        },
        Ok(Done { improved, .. }) if layer.treatment.rate.is_some() => {
            let gain = gain(improved);
            format!(
                "; chosen for its bits and the outputs of {operator}, which lose {gain:.1} dB less than of the nearest codes"
            )
        }
        Ok(Done { improved, .. }) => note(improved, operator),
        Err(reason) => format!("; not improved: {reason}"),
    };
    for &at in &layer.constants {
        plan.entries[at].reason += &note;
    }
    let Done { improved, made, of_all, .. } = result.ok()?;
    let (judged, shrinkage) = (improved.judged[1], improved.shrinkage);
    Some(Better { constants: layer.constants.clone(), judged, shrinkage, made, of_all })
}

/// Returns how much less is lost than by rounding to the nearest, in dB.
fn gain(improved: &Improved) -> f64 {
    10.0 * (improved.judged[0] / improved.judged[1]).log10()
}

/// Returns what is said of a tensor that samples were used for.
fn note(improved: &Improved, operator: &str) -> String {
    let gain = gain(improved);
    match (improved.shrinkage.is_some(), improved.shifts.is_some()) {
        _ if !gain.is_finite() => "; nothing to improve: its outputs have no error".into(),
        (false, false) => "; rounded to the nearest, as nothing did better on samples that judge".into(),
        (false, true) => format!("; with its bias {operator} loses {gain:.1} dB less"),
        (true, _) => format!("; chosen for the outputs of {operator}, which lose {gain:.1} dB less"),
    }
}

/// Returns the layers that samples may improve; of others the plan says why not.
pub(super) fn layers(graph: &Graph, number: usize, plan: &mut Plan, constants: &[Source]) -> Vec<Layer> {
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
        let found = Place::new(graph, &ids, &source.constant.shape).and_then(|place| {
            let axis = axis_of(treatment, source, place.products.is_empty())?;
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
fn axis_of(treatment: &Treatment, source: &Source, is_table: bool) -> Result<usize, String> {
    let scheme = &treatment.scheme;
    if scheme.calculator.zero_points(scheme.codes()) != ZeroPoints::One(0) {
        return Err(format!("{} has zero points", scheme.calculator));
    }
    match scheme.granularity {
        Granularity::Axis(axis) if is_table => return Ok(axis),
        other if is_table => return Err(format!("a table whose scales are {other}")),
        _ => {}
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
    statistics: Option<&Statistics>,
    values: &ArrayD<f32>,
    options: &Options,
    is_noise: bool,
) -> Result<Attempt> {
    let Some(rounding) = Rounding::new(layer, values, options)? else {
        return Ok(Err("it becomes no codes in rows".into()));
    };
    let problem = Problem {
        weights: &rounding.weights,
        nearest: &rounding.nearest,
        codes: rounding.codes,
        own_scales: rounding.own_scales,
        has_bias: !layer.biases.is_empty(),
        effort: layer.treatment.improve.unwrap_or_default(),
        rate: layer.treatment.rate,
        sparsity: layer.treatment.sparsity,
        belief: match layer.treatment.improve {
            _ if is_noise => Belief::Noise,
            None => Belief::All,
            Some(_) => Belief::Split,
        },
        threads: options.threads.get(),
    };
    let improved = match statistics.map(|statistics| improve(statistics, &problem)) {
        None => improve_table(&problem),
        Some(Ok(improved)) => improved,
        Some(Err(reason)) => return Ok(Err(reason)),
    };
    let codes = match improved.shrinkage {
        Some(_) => rounding.pack(layer, &improved.rows)?,
        None => None,
    };
    let made = Made { codes, biases: Vec::new() };
    let mut shifts = vec![improved.shifts.clone()];
    let mut of_all = None;
    if let Some((rows, of_rows)) = &improved.of_all {
        shifts.push(of_rows.clone());
        of_all = Some(Made { codes: rounding.pack(layer, rows)?, biases: Vec::new() });
    }
    Ok(Ok(Done { improved, made, of_all, shifts }))
}
