//! Weights of a `.tflite` file that are chosen for what the whole model loses: layer after layer, the last first, with what gradients tell.
//!
//! 1. Gradients of the float model tell what errors of each layer's outputs cost, and how rows make good of each other's ([`Coupling`]).
//! 2. What layers behind it lose a layer that is still in floating point takes back, as far as samples tell: its weights go against
//!    the slope of the error, by the step that is best along it, before they are rounded.
//! 3. Two models are made side by side: of the samples to fit, which the others judge, and, with what those decide, of all.
//!
//! What is told of inputs has room for some layers at once; more of them are seen in runs of their own.

mod back;
mod step;

use super::improvement::{Better, Changes, Layer, Rounding, layers};
use super::integer::Data;
use super::judge::Judge;
use super::options::Options;
use super::source::Source;
use crate::calibration::{RunError, Runner};
use crate::error::Result;
use crate::graph::ValueId;
use crate::improve::{
    Coupling, Joint, Lanes, Objective, Product, References, Shrinkage, Statistics, batches, count, gradients, observe,
    references,
};
use crate::model::tflite::{ElementType, Model, NewData, Replacement};
use crate::recipe::{Decision, Effort, Plan};
use ndarray::ArrayD;
use std::collections::HashSet;

/// The most rows of a layer whose rows make good of each other's errors.
const MOST_ROWS: usize = 1024;
/// Layers are in so many groups at most; each group is judged, and its first layer takes back what those behind it lose.
const GROUPS: usize = 10;
/// The same of a model for which nothing is taken back.
const FEW_GROUPS: usize = 4;
/// The most work of a run on all samples for layers to take back what those behind them lose, which is some thousand runs: a
/// multiplication counts one.
const MOST_WORK: usize = 1_200_000_000;
/// What an element of a value counts, which is written and read.
const OF_ELEMENT: usize = 16;
/// Gradients that are taken of a sample, of such a model.
const ROUNDS: usize = 4;
/// The most numbers of all objectives on all samples.
const MOST_NUMBERS: usize = 1 << 24;

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

impl Step<'_> {
    /// Returns what is known of the layer's inputs before any of so many samples; `None` where nothing can be told.
    fn fresh(&self, samples: usize) -> Option<Inputs> {
        let statistics = Statistics::new(vec![self.product.clone()], samples)?;
        let joint = Joint::new(self.product, self.rounding.weights.nrows(), samples);
        Some(Inputs { statistics, joint })
    }

    /// Returns the bytes that this may come to take.
    fn most_bytes(&self, samples: usize) -> usize {
        let statistics = Statistics::new(vec![self.product.clone()], samples);
        let joint = Joint::most_bytes(self.product, self.rounding.weights.nrows());
        statistics.map_or(0, |statistics| statistics.most_bytes()).saturating_add(joint)
    }
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
        let is_open = matches!(layer.treatment.improve, None | Some(Effort::Model));
        let is_free = is_open && layer.treatment.sparsity.is_none();
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
        let made = places.iter().filter(|(_, _, product, ..)| product.output == value.id);
        let of_element = made.map(|(_, _, product, ..)| product.len).fold(OF_ELEMENT, usize::saturating_add);
        work = work.saturating_add(value.values.len().saturating_mul(of_element));
    })?;
    let takes_back = work.saturating_mul(samples) <= MOST_WORK;
    let rounds = if takes_back { ROUNDS } else { 1 };
    let lanes = Lanes { engine: data.engine, samples: data.samples, threads: options.threads.get() };
    let Some(of_outputs) = gradients(&lanes, float, rounds, &objectives, &outputs)? else {
        return Ok(None);
    };
    let Some(references) = references(&mut *runner, data.samples, &objectives, MOST_NUMBERS)? else { return Ok(None) };
    let mut steps = Vec::new();
    for ((layer, better, product, shrinkage, rows), g) in places.into_iter().zip(of_outputs) {
        let values = model.values(&constants[layer.constants[0]].constant)?;
        let (Some(coupling), Some(rounding)) = (Coupling::new(g), Rounding::new(layer, &values, options)?) else {
            continue;
        };
        let is_separate = product.groups == rows && rounding.own_scales && layer.treatment.rate.is_none();
        let is_alike = product.groups == 1 || is_separate;
        if is_alike && rounding.weights.dim() == (rows, product.len) {
            steps.push(Step { layer, better, product, shrinkage, coupling, rounding, values });
        }
    }
    // Operators stand in the order in which they run: the last first.
    steps.sort_by_key(|step| std::cmp::Reverse((step.product.output.subgraph, operator_of(constants, step.layer))));
    let work = Work { model, make, plan, constants, data, options, judge, objectives, references, samples, takes_back };
    work.all(&steps, better, &mut *runner).map(Some)
}

/// Returns what the samples to fit make of layers with regard to each other, if the samples that judge lose less by it than with what each
/// became by itself.
pub(super) fn of_fitting(
    model: &Model,
    of_float: (&[u8], &Make<'_>),
    (plan, constants, better): (&Plan, &[Source], &[Better]),
    (data, judge): (Data<'_>, &Judge<'_>),
    options: &Options,
) -> Result<Option<Changes>> {
    let mut alone = Changes::default();
    for better in better {
        alone.add(better);
    }
    let Some([fitted, _]) = coupled(model, of_float, plan, constants, better, (data, judge), options)? else {
        return Ok(None);
    };
    let make = of_float.1;
    let error =
        |changes: &Changes| -> Result<f64> { Ok(judge.judge(make(changes, plan)?.to_bytes()?, usize::MAX)?.error()) };
    let is_better = error(&fitted)? < error(&alone)?;
    Ok(is_better.then_some(fitted))
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
        let bytes: Vec<usize> = steps.iter().map(|step| step.most_bytes(self.samples)).collect();
        let mut batches = batches(&bytes).into_iter();
        let (mut batch, mut inputs) = (0..0, Vec::new());
        let of_group = steps.len().div_ceil(groups).max(1);
        for (first, group) in steps.chunks(of_group).enumerate().map(|(number, group)| (number * of_group, group)) {
            let mut with = chains.clone();
            for (at, step) in (first..).zip(group) {
                if !batch.contains(&at)
                    && let Some(next) = batches.next()
                {
                    // What was told of others goes first.
                    inputs.clear();
                    inputs = self.inputs(&steps[next.clone()], runner)?;
                    batch = next;
                }
                match inputs.get(at - batch.start) {
                    Some(Some(inputs)) => {
                        self.step(step, inputs, at + 1 == first + group.len(), &mut with, &pending)?;
                    }
                    _ => add(&mut with, step.better),
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

    /// Returns what samples tell of the inputs of some layers in the float model; `None` where nothing can be told.
    fn inputs(&self, steps: &[Step<'_>], runner: &mut dyn Runner) -> Result<Vec<Option<Inputs>>> {
        let mut inputs: Vec<Option<Inputs>> = steps.iter().map(|step| step.fresh(self.samples)).collect();
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
