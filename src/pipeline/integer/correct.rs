//! Biases that take out the shift which codes give to a layer's outputs.

use super::super::equalization::ChannelMoments;
use super::super::equalization::Constants;
use super::encoding::BiasUse;
use super::judge::{Data, run};
use super::split::Split;
use super::statistics::Statistics;
use super::weights::{Tuned, bias_use};
use crate::calibration::{RunError, Runner, correct_bias};
use crate::error::Result;
use crate::graph::{Attributes, Graph, Op, Operator, ValueId};
use crate::recipe::integer::{Domain, IntegerPlan, Take};
use ndarray::ArrayD;
use std::collections::BTreeMap;

/// A product with weights and a bias, in integers.
#[derive(Debug)]
struct Product<'a> {
    id: (usize, usize),
    operator: &'a Operator,
    weights: ValueId,
    axis: usize,
    input: ValueId,
    output: ValueId,
    bias: BiasUse,
}

/// Returns the products whose biases can be corrected.
fn products<'a>(graph: &'a Graph, plan: &IntegerPlan, constants: &Constants, tuned: &Tuned) -> Vec<Product<'a>> {
    let mut products = Vec::new();
    for (subgraph, (part, of_part)) in graph.subgraphs.iter().zip(&plan.parts).enumerate() {
        for (number, (operator, of_operator)) in part.operators.iter().zip(&of_part.operators).enumerate() {
            if !matches!(of_operator.domain, Domain::Integer(_)) {
                continue;
            }
            let id = (subgraph, number);
            let found = of_operator.inputs.iter().enumerate().find_map(|(input, take)| match *take {
                Take::Weights { axis } => Some((operator.input(input)?, axis)),
                _ => None,
            });
            let (Some((weights, axis)), Some(of_bias), Some(&output)) =
                (found, operator.bias(), operator.outputs.first())
            else {
                continue;
            };
            let Some(bias) = bias_use(id, operator, of_part, constants, tuned) else { continue };
            let of = |value: usize| ValueId { subgraph, value };
            products.push(Product {
                id,
                operator,
                weights: of(weights),
                axis,
                input: of(of_bias.input),
                output: of(output),
                bias,
            });
        }
    }
    products
}

/// Returns biases that take out what restored weights add on average: b − Σ (ŵ − w) · E\[x\].
///
/// # Errors
///
/// Those of quantizing weights.
pub(crate) fn analytic(
    graph: &Graph,
    plan: &IntegerPlan,
    constants: &Constants,
    tuned: &Tuned,
    statistics: &Statistics,
) -> Result<BTreeMap<(usize, usize), Vec<f32>>> {
    let mut biases = BTreeMap::new();
    for product in products(graph, plan, constants, tuned) {
        let means = statistics.moments(product.input).map(ChannelMoments::means).filter(|means| !means.is_empty());
        let (Some(values), Some(means)) = (constants.get(product.weights), means) else {
            continue;
        };
        let Some(part) = graph.subgraphs.get(product.weights.subgraph) else { continue };
        let uses = std::slice::from_ref(&product.bias);
        let (encoded, _) = tuned.weights((part, product.weights), product.axis, values, uses)?;
        let Some((input_axis, means)) = input_axis(&product, values, means) else { continue };
        let axes = [product.axis, input_axis];
        let corrected = correct_bias(values.view(), encoded.restored.view(), axes, &means, &product.bias.bias)?;
        if corrected.iter().all(|bias| bias.is_finite()) {
            biases.insert(product.id, corrected);
        }
    }
    Ok(biases)
}

/// Returns the axis of weights along which the channels of the input lie, and the means for it; `None` if they do not fit.
fn input_axis(product: &Product<'_>, values: &ArrayD<f32>, means: Vec<f32>) -> Option<(usize, Vec<f32>)> {
    let last = values.ndim().checked_sub(1)?;
    if product.operator.op == Op::DepthwiseConv {
        // Each output sees one channel.
        let outputs = *values.shape().get(product.axis)?;
        let multiplier = match &product.operator.attributes {
            Attributes::Window(window) => window.multiplier.max(1),
            _ => 1,
        };
        let spread: Vec<f32> = (0..outputs).filter_map(|output| means.get(output / multiplier).copied()).collect();
        return (spread.len() == outputs).then_some((product.axis, spread));
    }
    (product.axis != last && values.shape().get(last) == Some(&means.len())).then_some((last, means))
}

/// Samples that biases are fitted on, one after the other.
const MOST_SAMPLES: usize = 48;
/// A share of outputs that lie between the bounds of an activation, below which a shift is not judged by it.
const FEW_ACTIVE: f32 = 0.05;

/// Returns biases with which the outputs of each layer of the candidate have the means of the float model's: errors that come from
/// layers before it included, as these are corrected in the same run.
///
/// Each sample is run through both models. Where a layer's outputs arise, the shift that is known so far is added, and what is
/// still missing on average, channel by channel, moves the known shift: after sample t by 1/t of it.
///
/// # Errors
///
/// What running comes to; a runner that cannot replace values says so.
pub(crate) fn layer_by_layer(
    (graph, plan, constants): (&Graph, &IntegerPlan, &Constants),
    tuned: &Tuned,
    (data, splits): (Data<'_>, &[Split]),
    float: &mut dyn Runner,
    candidate: &[u8],
) -> Result<BTreeMap<(usize, usize), Vec<f32>>> {
    let products = products(graph, plan, constants, tuned);
    let mut shifts: BTreeMap<ValueId, Shift> = products
        .iter()
        .map(|product| {
            let ends = product.operator.attributes.activation().bounds();
            let bounds = bounds(product, plan, ends);
            (product.output, Shift { bounds, ends, by: vec![0.0; product.bias.bias.len()], samples: 0 })
        })
        .collect();
    let mut runner = data.engine.open(candidate).map_err(RunError::into_error)?;
    for split in splits {
        let signature = split.signature.as_deref();
        let step = split.fitting.len().div_ceil(MOST_SAMPLES).max(1);
        for &number in split.fitting.iter().step_by(step) {
            let sample = data.samples.sample(signature, number).map_err(RunError::into_error)?;
            let mut wanted: BTreeMap<ValueId, ArrayD<f32>> = BTreeMap::new();
            run(float, signature, &sample, &mut |value| {
                if shifts.contains_key(&value.id) {
                    wanted.insert(value.id, value.values.to_owned());
                }
                Ok(())
            })?;
            let inputs: Vec<(&str, _)> = sample.iter().map(|(name, array)| (name.as_str(), array.clone())).collect();
            runner.reset();
            runner
                .run_replacing(signature, &inputs, &mut |value| {
                    let (shift, wanted) = (shifts.get_mut(&value.id)?, wanted.get(&value.id)?);
                    (wanted.shape() == value.values.shape()).then(|| shift.apply(value.values.to_owned(), wanted))
                })
                .map_err(RunError::into_error)?;
        }
    }
    let mut biases = BTreeMap::new();
    for product in &products {
        let Some(shift) = shifts.get(&product.output) else { continue };
        let corrected: Vec<f32> = product.bias.bias.iter().zip(&shift.by).map(|(bias, by)| bias + by).collect();
        if corrected.iter().all(|bias| bias.is_finite()) {
            biases.insert(product.id, corrected);
        }
    }
    Ok(biases)
}

/// Returns the ends between which a layer's outputs are neither cut off by an activation nor by their codes.
fn bounds(product: &Product<'_>, plan: &IntegerPlan, (low, high): (f32, f32)) -> (f32, f32) {
    let made = plan.parts.get(product.output.subgraph).and_then(|part| part.made.get(product.output.value));
    match made.and_then(|form| form.codes()) {
        // Half a step within: what is on the last code may have been cut off.
        Some(codes) => {
            let (least, most) = codes.bounds();
            (low.max(least + codes.scale / 2.0), high.min(most - codes.scale / 2.0))
        }
        None => (low, high),
    }
}

/// What the outputs of a layer lack, channel by channel along their last axis.
#[derive(Clone, Debug)]
struct Shift {
    /// Outputs between these were not cut off.
    bounds: (f32, f32),
    /// Those of the activation.
    ends: (f32, f32),
    by: Vec<f32>,
    samples: u32,
}

impl Shift {
    /// Adds the shift known so far, learns from what is still missing, and returns the shifted values.
    fn apply(&mut self, mut values: ArrayD<f32>, wanted: &ArrayD<f32>) -> ArrayD<f32> {
        if self.by.is_empty() || values.shape().last() != Some(&self.by.len()) {
            return values;
        }
        let ((low, high), (least, most)) = (self.bounds, self.ends);
        self.samples = self.samples.saturating_add(1);
        let channels = self.by.len();
        let (mut missing, mut active) = (vec![0.0_f64; channels], vec![0.0_f32; channels]);
        if !values.is_standard_layout() {
            values = values.as_standard_layout().into_owned();
        }
        let wanted = wanted.as_standard_layout();
        let rows = values.as_slice_mut().unwrap_or_default().chunks_exact_mut(channels);
        for (values, wanted) in rows.zip(wanted.as_slice().unwrap_or_default().chunks_exact(channels)) {
            // By index: each row has as many elements as there are channels, and the loop is one of vectors.
            let (by, missing, active) = (&self.by[..channels], &mut missing[..channels], &mut active[..channels]);
            for i in 0..channels {
                // What an activation cut off says nothing about how far beyond it was.
                let is_whole = values[i] > low && values[i] < high;
                let shifted = values[i] + by[i];
                let shifted = if shifted < least { least } else { shifted };
                let shifted = if shifted > most { most } else { shifted };
                values[i] = if is_whole { shifted } else { values[i] };
                missing[i] += f64::from(wanted[i]) - f64::from(values[i]);
                active[i] += if wanted[i] > low && wanted[i] < high { 1.0 } else { 0.0 };
            }
        }
        let count = (wanted.len() / channels.max(1)).max(1);
        for (by, (missing, active)) in self.by.iter_mut().zip(missing.into_iter().zip(active)) {
            let share = active / count as f32;
            if share >= FEW_ACTIVE && missing.is_finite() {
                *by += (missing / count as f64) as f32 / share / self.samples as f32;
            }
        }
        values
    }
}
