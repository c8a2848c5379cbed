//! Weights of a `.tflite` file that are chosen for what the whole model loses: layer after layer, the last first, with what gradients tell.
//!
//! 1. Gradients of the float model tell what errors of each layer's outputs cost, and how rows make good of each other's ([`Coupling`]).
//! 2. What layers behind it lose a layer that is still in floating point takes back, as far as samples tell: its weights go against
//!    the slope of the error, by the step that is best along it, before they are rounded.
//! 3. Two models are made side by side: of the samples to fit, which the others judge, and, with what those decide, of all.

use super::improvement::{Better, Changes, Layer, Rounding, biases, layers};
use super::integer::Data;
use super::judge::Judge;
use super::options::Options;
use super::source::Source;
use crate::calibration::{RunError, Runner};
use crate::error::Result;
use crate::graph::ValueId;
use crate::improve::{
    Coupling, Joint, Objective, Prepared, Product, References, Row, Shrinkage, Slope, Statistics, Task, count,
    gradients, is_for_judging, observe, references, slope,
};
use crate::model::tflite::{ElementType, Model, NewData, Replacement};
use crate::recipe::{Decision, Plan};
use ndarray::{Array2, ArrayD};
use std::collections::{HashMap, HashSet};

/// The most rows of a layer whose rows make good of each other's errors.
const MOST_ROWS: usize = 1024;
/// Layers are in so many groups at most; each group is judged, and its first layer takes back what those behind it lose.
const GROUPS: usize = 10;
/// The same of a model for which nothing is taken back.
const FEW_GROUPS: usize = 4;
/// The most work of a run on all samples for layers to take back what those behind them lose, which is some thousand runs: a
/// multiplication counts one.
const MOST_WORK: usize = 1_000_000_000;
/// What an element of a value counts, which is written and read.
const OF_ELEMENT: usize = 16;
/// Gradients that are taken of a sample, of such a model.
const ROUNDS: usize = 4;
/// The most samples whose slope is taken.
const SLOPES: usize = 100;
/// The most numbers of all objectives on all samples.
const MOST_NUMBERS: usize = 1 << 24;
/// The length, as a share of the step that the coupling thinks best, at which it is measured what a step does.
const TRIED: f64 = 0.05;
/// The longest step, in the same unit.
const LONGEST: f64 = 4.0;
/// The shares of the best step that are judged.
const SHARES: [f64; 2] = [1.0, 0.5];

/// A layer that is to be chosen.
struct Step<'a> {
    layer: &'a Layer,
    better: &'a Better,
    product: &'a Product,
    shrinkage: Shrinkage,
    coupling: Coupling,
    rounding: Rounding,
    values: ArrayD<f32>,
}

/// What samples told of a layer's inputs.
struct Inputs {
    statistics: Statistics,
    joint: Option<Joint>,
}

/// One of the two models.
#[derive(Clone, Default)]
struct Chain {
    changes: Changes,
    /// Whether it is of all samples.
    of_all: bool,
}

/// What makes a model of changes and a plan.
pub(super) type Make<'a> = dyn Fn(&Changes, &Plan) -> Result<Model> + 'a;

/// What all steps have in common.
struct Work<'a> {
    model: &'a Model,
    make: &'a Make<'a>,
    plan: &'a Plan,
    constants: &'a [Source],
    data: Data<'a>,
    options: &'a Options,
    judge: &'a Judge<'a>,
    objectives: Vec<Objective>,
    references: References,
    samples: usize,
    /// Whether layers take back what those behind them lose.
    takes_back: bool,
}

/// Returns what is in place of rounding to the nearest, of the samples to fit and of all; `None` where nothing can be told.
pub(super) fn coupled(
    model: &Model,
    (float, make): (&[u8], &Make<'_>),
    plan: &Plan,
    constants: &[Source],
    better: &[Better],
    (data, judge): (Data<'_>, &Judge<'_>),
    options: &Options,
) -> Result<Option<[Changes; 2]>> {
    let graph = model.graph();
    let objectives = judge.objectives(&graph);
    if objectives.is_empty() || data.samples.is_noise() {
        return Ok(None);
    }
    let mut runner = data.engine.open(float).map_err(RunError::into_error)?;
    let samples = count(&*runner, data.samples);
    let all_layers = layers(&graph, 0, &mut plan.clone(), constants);
    let mut places: Vec<(&Layer, &Better, &Product, Shrinkage, usize)> = Vec::new();
    for better in better {
        let layer = all_layers.iter().find(|layer| layer.constants == better.constants);
        let (Some(layer), Some(shrinkage)) = (layer, better.shrinkage) else { continue };
        let is_free =
            layer.treatment.improve.is_none() && layer.treatment.rate.is_none() && layer.treatment.sparsity.is_none();
        let [product] = &layer.place.products[..] else { continue };
        let rows = product.groups.max(1) * rows_of_group(constants, layer, product);
        if is_free && product.is_along_channels() && rows > 0 && rows <= MOST_ROWS {
            places.push((layer, better, product, shrinkage, rows));
        }
    }
    let outputs: Vec<(ValueId, usize)> =
        places.iter().map(|(_, _, product, _, rows)| (product.output, *rows)).collect();
    if outputs.is_empty() {
        return Ok(None);
    }
    let mut work = 0_usize;
    observe(&mut *runner, data.samples, &|sample| sample == 0, &mut |value, _| {
        work = work.saturating_add(value.values.len() * OF_ELEMENT);
        let of_value = places.iter().filter(|(_, _, product, ..)| product.output == value.id);
        work += of_value.map(|(_, _, product, ..)| product.len.saturating_mul(value.values.len())).sum::<usize>();
    })?;
    let takes_back = work.saturating_mul(samples) <= MOST_WORK;
    let rounds = if takes_back { ROUNDS } else { 1 };
    let Some(of_outputs) = gradients(&mut *runner, data.samples, rounds, &objectives, &outputs)? else {
        return Ok(None);
    };
    let Some(references) = references(&mut *runner, data.samples, &objectives, MOST_NUMBERS)? else { return Ok(None) };
    let mut steps = Vec::new();
    for ((layer, better, product, shrinkage, rows), g) in places.into_iter().zip(of_outputs) {
        let values = model.values(&constants[layer.constants[0]].constant)?;
        let (Some(coupling), Some(rounding)) = (Coupling::new(g), Rounding::new(layer, &values, options)?) else {
            continue;
        };
        let is_alike = product.groups == 1 || (product.groups == rows && rounding.own_scales);
        if is_alike && rounding.weights.dim() == (rows, product.len) {
            steps.push(Step { layer, better, product, shrinkage, coupling, rounding, values });
        }
    }
    // Operators stand in the order in which they run: the last first.
    steps.sort_by_key(|step| std::cmp::Reverse((step.product.output.subgraph, operator_of(constants, step.layer))));
    let work = Work { model, make, plan, constants, data, options, judge, objectives, references, samples, takes_back };
    work.all(&steps, better, &mut *runner).map(Some)
}

/// Returns how many rows a group of a layer's rows has.
fn rows_of_group(constants: &[Source], layer: &Layer, product: &Product) -> usize {
    let elements: usize = constants[layer.constants[0]].constant.shape.iter().product();
    elements.checked_div(product.groups * product.len).unwrap_or(0)
}

/// Returns the number of the operator that uses a layer's weights.
fn operator_of(constants: &[Source], layer: &Layer) -> usize {
    let uses = layer.constants.iter().flat_map(|&at| constants[at].uses());
    uses.map(|used| used.operator).max().unwrap_or(0)
}

impl Work<'_> {
    fn all(&self, steps: &[Step<'_>], better: &[Better], runner: &mut dyn Runner) -> Result<[Changes; 2]> {
        let mut chains = [Chain::default(), Chain { of_all: true, ..Chain::default() }];
        let mut pending: HashSet<usize> = steps.iter().flat_map(|step| step.layer.constants.iter().copied()).collect();
        for better in better.iter().filter(|better| better.constants.iter().all(|at| !pending.contains(at))) {
            add(&mut chains, better);
        }
        let groups = if self.takes_back { GROUPS } else { FEW_GROUPS };
        for group in steps.chunks(steps.len().div_ceil(groups).max(1)) {
            let inputs = self.inputs(group, runner)?;
            let mut with = chains.clone();
            for (number, (step, inputs)) in group.iter().zip(&inputs).enumerate() {
                let is_last = number + 1 == group.len();
                match inputs {
                    Some(inputs) => self.step(step, inputs, is_last, &mut with, &pending)?,
                    None => add(&mut with, step.better),
                }
                step.layer.constants.iter().for_each(|at| {
                    pending.remove(at);
                });
            }
            let mut without = chains;
            for step in group {
                add(&mut without, step.better);
            }
            let error = |chain: &Chain| -> Result<f64> {
                Ok(self.judge.judge(self.file(&chain.changes, &pending, &[])?, usize::MAX)?.error())
            };
            let is_better = error(&with[0])? < error(&without[0])?;
            chains = if is_better { with } else { without };
        }
        Ok(chains.map(|chain| chain.changes))
    }

    /// Returns what samples tell of the inputs of each layer of a group in the float model; `None` where nothing can be told.
    fn inputs(&self, group: &[Step<'_>], runner: &mut dyn Runner) -> Result<Vec<Option<Inputs>>> {
        let fresh = |step: &Step<'_>| {
            let statistics = Statistics::new(vec![step.product.clone()], self.samples)?;
            let joint = Joint::new(step.product, step.rounding.weights.nrows(), self.samples);
            Some(Inputs { statistics, joint })
        };
        let mut inputs: Vec<Option<Inputs>> = group.iter().map(fresh).collect();
        observe(runner, self.data.samples, &|_| true, &mut |value, purpose| {
            for inputs in inputs.iter_mut().flatten() {
                inputs.statistics.observe(value, purpose);
                if let Some(joint) = &mut inputs.joint {
                    joint.observe(value, purpose);
                }
            }
        })?;
        Ok(inputs)
    }

    /// Chooses the weights of a layer in both models; where that cannot be done, they are what they were by themselves.
    fn step(
        &self,
        step: &Step<'_>,
        inputs: &Inputs,
        is_last: bool,
        chains: &mut [Chain; 2],
        pending: &HashSet<usize>,
    ) -> Result<()> {
        let mut share = (is_last && self.takes_back).then_some(None);
        for chain in chains {
            let of_all = chain.of_all;
            let all;
            let statistics = if of_all {
                all = inputs.statistics.of_all();
                &all
            } else {
                &inputs.statistics
            };
            let has_bias = !step.layer.biases.is_empty();
            let groups = statistics.groups();
            let prepared: Option<Vec<Prepared>> = (0..groups)
                .map(|group| Prepared::new(statistics.quadratic(group, has_bias, step.shrinkage)?))
                .collect();
            let Some(prepared) = prepared else {
                chain.add(step.better);
                continue;
            };
            let means: Vec<Vec<f64>> = (0..groups).map(|group| statistics.mean(group)).collect();
            let mut target = step.rounding.weights.mapv(f64::from);
            let mut shifts = vec![0.0; target.nrows()];
            if let Some(share) = &mut share {
                let moved = self.moved(step, &prepared, &means, chain, pending, share)?;
                if let Some((weights, bias)) = moved {
                    target += &weights;
                    shifts = bias;
                }
            }
            let rows = self.rows(step, inputs, &prepared, &target, of_all);
            let of_group = rows.len() / groups;
            for (number, (row, shift)) in rows.iter().zip(&mut shifts).enumerate() {
                let of_row = target.row(number).into_iter().zip(&row.codes).zip(&means[number / of_group]);
                *shift += of_row.map(|((w, q), mean)| (w - f64::from(row.scale) * q) * mean).sum::<f64>();
            }
            let biases = biases(self.model, self.constants, step.layer, has_bias.then_some(&shifts[..]))?;
            match step.rounding.pack(step.layer, &rows)? {
                Some(codes) => chain.changes.put(&step.layer.constants, &codes, biases),
                None => chain.add(step.better),
            }
        }
        Ok(())
    }

    /// Returns codes and scales for a layer's target.
    fn rows(
        &self,
        step: &Step<'_>,
        inputs: &Inputs,
        prepared: &[Prepared],
        target: &Array2<f64>,
        of_all: bool,
    ) -> Vec<Row> {
        let Rounding { codes, own_scales, nearest, .. } = &step.rounding;
        let scales: Vec<f32> = nearest.iter().map(|row| row.scale).collect();
        let (codes, own_scales) = (*codes, *own_scales);
        let task = Task { codes, own_scales, descend: true, kept: None, threads: self.options.threads.get() };
        if let [prepared] = prepared {
            return step.coupling.solve(prepared, target, &scales, task);
        }
        // Rows by themselves, for their scales; then together.
        let of_row = |(number, prepared): (usize, &Prepared)| {
            let weights = target.row(number).mapv(|w| w as f32).insert_axis(ndarray::Axis(0));
            Coupling::alone(prepared, weights.view(), scales[number], task)
        };
        let rows: Vec<Row> = prepared.iter().enumerate().filter_map(of_row).collect();
        let Some(joint) = inputs.joint.as_ref().filter(|_| rows.len() == target.nrows()) else { return rows };
        let second = joint.second(of_all, !step.layer.biases.is_empty(), step.shrinkage);
        step.coupling.solve_separate(&second, target, &rows, codes).unwrap_or(rows)
    }

    /// Returns what is to be added to a layer's weights and biases for the model to lose less, while they are in floating point. `share`
    /// is that of the best step, if it is known.
    fn moved(
        &self,
        step: &Step<'_>,
        prepared: &[Prepared],
        means: &[Vec<f64>],
        chain: &Chain,
        pending: &HashSet<usize>,
        share: &mut Option<f64>,
    ) -> Result<Option<(Array2<f64>, Vec<f64>)>> {
        if *share == Some(0.0) {
            return Ok(None);
        }
        let has_bias = !step.layer.biases.is_empty();
        let is_wanted = |sample: usize| sample < SLOPES && (chain.of_all || !is_for_judging(sample));
        let file = self.file(&chain.changes, pending, &[])?;
        let mut runner = self.data.engine.open(&file).map_err(RunError::into_error)?;
        let judged = (&self.objectives[..], &self.references);
        let of_layer = (step.product, step.rounding.weights.nrows());
        let found = slope(&mut *runner, self.data.samples, &is_wanted, judged, of_layer, has_bias.then_some(means))?;
        let Some(Slope { weights, bias }) = found else { return Ok(None) };
        // Against the slope, by the inverse of H.
        let of_group = weights.nrows() / prepared.len();
        let mut way = Array2::zeros(weights.dim());
        for (number, prepared) in prepared.iter().enumerate() {
            let range = ndarray::Slice::from(number * of_group..(number + 1) * of_group);
            let Some(divided) = prepared.divided(weights.slice_axis(ndarray::Axis(0), range)) else { return Ok(None) };
            way.slice_axis_mut(ndarray::Axis(0), range).assign(&divided);
        }
        let down: f64 = weights.iter().zip(&way).map(|(c, d)| c * d).sum();
        let bend = step.coupling.inner(weights.view(), way.view());
        let unit = -down / bend;
        if !(unit.is_finite() && unit < 0.0) {
            return Ok(None);
        }
        way *= unit;
        let mut of_bias: Vec<f64> = bias.iter().map(|b| if has_bias { b * unit } else { 0.0 }).collect();
        if has_bias {
            for (number, (b, way)) in of_bias.iter_mut().zip(way.rows()).enumerate() {
                *b -= way.iter().zip(&means[number / of_group]).map(|(d, mean)| d * mean).sum::<f64>();
            }
        }
        // How far: by what a short step does to the objectives.
        let tried = self.stepped(step, &way, &of_bias, TRIED, chain, pending)?;
        let before = self.residuals(&file, &is_wanted)?;
        let after = self.residuals(&tried, &is_wanted)?;
        let (mut along, mut square) = (0.0, 0.0);
        for (before, after) in before.iter().zip(&after) {
            let v = (after - before) / TRIED;
            along += before * v;
            square += v * v;
        }
        let best = -along / square;
        if !(best.is_finite() && best > 0.0) {
            *share = Some(0.0);
            return Ok(None);
        }
        let best = best.min(LONGEST);
        let chosen = if let Some(share) = *share {
            share
        } else {
            let mut chosen = (self.judge.judge(file, usize::MAX)?.error(), 0.0);
            for share in SHARES {
                let stepped = self.stepped(step, &way, &of_bias, best * share, chain, pending)?;
                let error = self.judge.judge(stepped, usize::MAX)?.error();
                if error < chosen.0 {
                    chosen = (error, share);
                }
            }
            *share = Some(chosen.1);
            chosen.1
        };
        way *= best * chosen;
        for b in &mut of_bias {
            *b *= best * chosen;
        }
        Ok(Some((way, of_bias)))
    }

    /// Returns a model in which a layer's weights in floating point went a step.
    fn stepped(
        &self,
        step: &Step<'_>,
        way: &Array2<f64>,
        bias: &[f64],
        times: f64,
        chain: &Chain,
        pending: &HashSet<usize>,
    ) -> Result<Vec<u8>> {
        let weights = step.rounding.weights.mapv(f64::from) + way * times;
        let mut changes = chain.changes.clone();
        let shifts: Vec<f64> = bias.iter().map(|b| b * times).collect();
        let has_bias = !step.layer.biases.is_empty();
        changes.biases.extend(biases(self.model, self.constants, step.layer, has_bias.then_some(&shifts[..]))?);
        let reals = step.rounding.reals(step.layer, &weights).unwrap_or_else(|| step.values.clone());
        self.file(&changes, pending, &step.layer.constants.iter().map(|&at| (at, reals.clone())).collect::<Vec<_>>())
    }

    /// Returns how far objectives are off, in units of the root of their power, sample after sample.
    fn residuals(&self, file: &[u8], is_wanted: &dyn Fn(usize) -> bool) -> Result<Vec<f64>> {
        let mut runner = self.data.engine.open(file).map_err(RunError::into_error)?;
        let wanted: Vec<bool> = (0..self.samples).map(is_wanted).collect();
        let mut of_objectives: HashMap<ValueId, Vec<f64>> = HashMap::new();
        let mut order = wanted.iter().enumerate().filter(|(_, is)| **is).map(|(number, _)| number);
        let (mut sample, mut seen) = (order.next(), 0);
        observe(&mut *runner, self.data.samples, is_wanted, &mut |value, _| {
            let place = self.objectives.iter().position(|objective| objective.id == value.id);
            let (Some(place), Some(number)) = (place, sample) else { return };
            let reference = self.references.get(number).and_then(|all| all.get(place));
            if let Some(reference) = reference.filter(|reference| reference.len() == value.values.len()) {
                let unit = self.objectives[place].power.sqrt();
                let off = value.values.iter().zip(reference).map(|(&y, &x)| (f64::from(y) - f64::from(x)) / unit);
                of_objectives.entry(value.id).or_default().extend(off);
            }
            seen += 1;
            if seen == self.objectives.len() {
                (sample, seen) = (order.next(), 0);
            }
        })?;
        let of_objective = |objective: &Objective| of_objectives.remove(&objective.id).unwrap_or_default();
        Ok(self.objectives.iter().flat_map(of_objective).collect())
    }

    /// Returns a model with changes, in which what is pending is in floating point, and some of it of other values.
    fn file(&self, changes: &Changes, pending: &HashSet<usize>, reals: &[(usize, ArrayD<f32>)]) -> Result<Vec<u8>> {
        let mut plan = self.plan.clone();
        for &at in pending {
            plan.entries[at].decision = Decision::Keep;
        }
        let mut candidate = (self.make)(changes, &plan)?;
        for (at, values) in reals {
            let data = NewData::Bytes(values.iter().flat_map(|x| x.to_le_bytes()).collect());
            let replacement = Replacement { element_type: ElementType::F32, scales: None, data };
            candidate.replace(self.constants[*at].constant.id, replacement)?;
        }
        candidate.to_bytes()
    }
}

impl Chain {
    /// Takes what a layer became by itself.
    fn add(&mut self, better: &Better) {
        if self.of_all { self.changes.add_of_all(better) } else { self.changes.add(better) }
    }
}

fn add(chains: &mut [Chain; 2], better: &Better) {
    for chain in chains {
        chain.add(better);
    }
}
