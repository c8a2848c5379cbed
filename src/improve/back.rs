//! Gradients of what is judged, from samples: what errors of each layer cost, and which way its weights are to go.

use super::lanes::Lanes;
use super::moments::Moments;
use super::product::Product;
use super::session::each_sample;
use crate::calibration::{Array, Backwards, RunError, Runner, Samples, ValueView};
use crate::error::Result;
use crate::graph::ValueId;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayD, ArrayView2, Axis, IxDyn, Slice};
use std::collections::HashMap;

/// The most places of a layer's output that a gradient adds to what is known of it.
const PLACES: usize = 256;
/// The same where what is added tells which way weights are to go.
const MANY_PLACES: usize = 2048;
/// Weights of which no more than one sum is held at a time.
const LONG: usize = 1 << 20;

/// A value that is judged.
#[derive(Clone, Debug)]
pub(crate) struct Objective {
    pub(crate) id: ValueId,
    /// Its mean Σ x² of a sample.
    pub(crate) power: f64,
}

/// What the float model's objectives are on each sample.
pub(crate) type References = Vec<Vec<ArrayD<f32>>>;

/// Returns what objectives are on all samples; `None` if that is more than `most` numbers, or a sample does not come to all.
///
/// # Errors
///
/// Those of reading samples and of running the model.
pub(crate) fn references(
    runner: &mut dyn Runner,
    samples: &dyn Samples,
    objectives: &[Objective],
    most: usize,
) -> Result<Option<References>> {
    let (mut all, mut numbers, mut is_whole) = (References::new(), 0, true);
    each_sample(runner, samples, &|_| true, &mut |runner, signature, _, inputs| {
        let mut found: Vec<Option<ArrayD<f32>>> = vec![None; objectives.len()];
        if numbers <= most {
            runner.run(signature, inputs, &mut |value| {
                for (found, objective) in found.iter_mut().zip(objectives) {
                    if objective.id == value.id {
                        numbers += value.values.len();
                        *found = Some(value.values.to_owned());
                    }
                }
                Ok(())
            })?;
        }
        is_whole &= found.iter().all(Option::is_some);
        all.push(found.into_iter().flatten().collect());
        Ok(())
    })?;
    Ok(Some(all).filter(|_| is_whole && numbers <= most))
}

/// Returns E\[g gᵀ\] of the gradients of what is judged by some layers' outputs, which have so many channels along their last axis;
/// `None` if the runner cannot tell. As many gradients are taken of each sample as there are `rounds`.
///
/// # Errors
///
/// Those of reading samples and of running the model.
pub(crate) fn gradients(
    lanes: &Lanes<'_>,
    file: &[u8],
    rounds: usize,
    objectives: &[Objective],
    outputs: &[(ValueId, usize)],
) -> Result<Option<Vec<Array2<f64>>>> {
    let fresh = || Seen {
        layers: outputs.iter().map(|&(id, channels)| (id, (channels, Moments::new(channels)))).collect(),
        can: true,
    };
    // What a lane keeps is as long as all layers' moments: of long ones there are those of one at a time.
    let len = outputs.iter().fold(0_usize, |len, &(_, channels)| len.saturating_add(channels.saturating_mul(channels)));
    let threads = if len > LONG { 1 } else { lanes.threads };
    let mut all = fresh();
    Lanes { threads, ..*lanes }.run(
        file,
        &|_| true,
        &fresh,
        &|seen: &mut Seen, runner, signature, number, inputs| {
            let state = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let shapes = vec![Vec::new(); objectives.len()];
            let mut gather = Gather { objectives, shapes, seen, rounds, state };
            let can = gather.seen.can && run_backwards(runner, signature, inputs, &mut gather)?;
            gather.seen.can = can;
            Ok(())
        },
        &mut |seen| all.add(&seen),
    )?;
    let of = |(id, _): &(ValueId, usize)| all.layers.get(id).map(|(_, moments)| moments.second(false));
    Ok(outputs.iter().map(of).collect::<Option<_>>().filter(|_| all.can))
}

/// Gradients that were seen so far.
struct Seen {
    /// For each layer's output its channels and the moments of its gradients.
    layers: HashMap<ValueId, (usize, Moments)>,
    /// Whether the runner can tell.
    can: bool,
}

impl Seen {
    fn add(&mut self, other: &Self) {
        for (id, (_, moments)) in &mut self.layers {
            if let Some((_, of_other)) = other.layers.get(id) {
                moments.merge(of_other);
            }
        }
        self.can &= other.can;
    }
}

/// Runs a sample backwards; returns whether the runner can.
fn run_backwards(
    runner: &mut dyn Runner,
    signature: Option<&str>,
    inputs: &[(&str, Array)],
    backwards: &mut dyn Backwards,
) -> Result<bool, RunError> {
    match runner.run_backwards(signature, inputs, backwards) {
        Ok(()) => Ok(true),
        Err(RunError::Missing { .. } | RunError::Model { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Places of a value, `channels` along its last axis: all, or `most` that are spread over all.
fn rows_of_places(value: &ValueView<'_>, channels: usize, most: usize) -> Option<Array2<f32>> {
    let owned = value.values.as_standard_layout();
    let elements = owned.as_slice()?;
    let rows = ArrayView2::from_shape((elements.len().checked_div(channels)?, channels), elements).ok()?;
    Some(rows.select(Axis(0), &Product::places(rows.nrows(), most)))
}

/// A sample on its way back, as often as there are rounds.
struct Gather<'a> {
    objectives: &'a [Objective],
    shapes: Vec<Vec<usize>>,
    seen: &'a mut Seen,
    rounds: usize,
    state: u64,
}

impl Backwards for Gather<'_> {
    fn value(&mut self, value: &ValueView<'_>) {
        for (objective, shape) in self.objectives.iter().zip(&mut self.shapes) {
            if objective.id == value.id {
                *shape = value.values.shape().to_vec();
            }
        }
    }

    /// Random signs: of their sums' gradients g E\[g gᵀ\] is `JᵀJ`.
    fn seeds(&mut self, round: usize) -> Option<Vec<(ValueId, ArrayD<f32>)>> {
        let mut sign = || {
            self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if self.state >> 63 == 0 { 1.0 } else { -1.0 }
        };
        let seed = |(objective, shape): (&Objective, &Vec<usize>)| {
            let weight = (1.0 / objective.power.sqrt()) as f32;
            (objective.id, ArrayD::from_shape_simple_fn(IxDyn(shape), || weight * sign()))
        };
        (round < self.rounds).then(|| self.objectives.iter().zip(&self.shapes).map(seed).collect())
    }

    fn gradient(&mut self, gradient: &ValueView<'_>) {
        if let Some((channels, moments)) = self.seen.layers.get_mut(&gradient.id)
            && let Some(rows) = rows_of_places(gradient, *channels, PLACES)
        {
            moments.add(rows.view());
        }
    }
}

/// Which way the weights of a layer are to go for what is judged to come nearer to what it was.
#[derive(Clone, Debug)]
pub(crate) struct Slope {
    /// The mean gradient by the weights, [rows, elements].
    pub(crate) weights: Array2<f64>,
    /// The mean gradient by the bias.
    pub(crate) bias: Vec<f64>,
    /// How far objectives are off, in units of the root of their power: for each sample, each objective.
    pub(crate) residuals: Vec<Vec<Vec<f64>>>,
}

/// Returns the slope of half the error, Σ (y − reference)² / power, by a layer's weights; `None` if the runner cannot tell. The weights'
/// gradient is by what stands beside the inputs' `means`, if there are any.
///
/// # Errors
///
/// Those of reading samples and of running the model.
pub(crate) fn slope(
    lanes: &Lanes<'_>,
    file: &[u8],
    is_wanted: &(dyn Fn(usize) -> bool + Sync),
    (objectives, references): (&[Objective], &References),
    (product, rows): (&Product, usize),
    means: Option<&[Vec<f64>]>,
) -> Result<Option<Slope>> {
    // What a lane keeps is as long as the weights: of long ones there is one at a time.
    let threads = if rows.saturating_mul(product.len) > LONG { 1 } else { lanes.threads };
    let fresh = || Sums {
        weights: Array2::zeros((rows, product.len)),
        bias: vec![0.0; rows],
        residuals: Vec::new(),
        places: 0,
        can: true,
    };
    let mut all = fresh();
    Lanes { threads, ..*lanes }.run(
        file,
        is_wanted,
        &fresh,
        &|sums: &mut Sums, runner, signature, number, inputs| {
            let reference = references.get(number).map_or(&[][..], Vec::as_slice);
            sums.residuals.push((number, vec![Vec::new(); objectives.len()]));
            let mut gather =
                Descent { objectives, reference, seeds: Vec::new(), product, inputs: None, sums, is_shown: false };
            let can = gather.sums.can && run_backwards(runner, signature, inputs, &mut gather)?;
            gather.sums.can = can;
            Ok(())
        },
        &mut |sums| all.add(sums),
    )?;
    let Sums { mut weights, mut bias, mut residuals, places, can } = all;
    if !can || places == 0 {
        return Ok(None);
    }
    residuals.sort_by_key(|(number, _)| *number);
    let of_group = (rows / product.groups).max(1);
    for (number, (mut row, sum)) in weights.rows_mut().into_iter().zip(&mut bias).enumerate() {
        if let Some(mean) = means.and_then(|means| means.get(number / of_group)) {
            row.iter_mut().zip(mean).for_each(|(w, mean)| *w -= *sum * mean);
        }
        row.iter_mut().for_each(|w| *w /= places as f64);
        *sum /= places as f64;
    }
    Ok(Some(Slope { weights, bias, residuals: residuals.into_iter().map(|(_, residuals)| residuals).collect() }))
}

/// What samples told so far.
struct Sums {
    weights: Array2<f64>,
    bias: Vec<f64>,
    /// For each sample, by its number, how far each objective is off.
    residuals: Vec<(usize, Vec<Vec<f64>>)>,
    places: usize,
    /// Whether the runner can tell.
    can: bool,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.weights += &other.weights;
        self.bias.iter_mut().zip(other.bias).for_each(|(sum, x)| *sum += x);
        self.residuals.extend(other.residuals);
        self.places += other.places;
        self.can &= other.can;
    }
}

/// A sample on its way back.
struct Descent<'a> {
    objectives: &'a [Objective],
    reference: &'a [ArrayD<f32>],
    seeds: Vec<(ValueId, ArrayD<f32>)>,
    product: &'a Product,
    inputs: Option<Array2<f32>>,
    sums: &'a mut Sums,
    /// Whether the layer's gradient was shown.
    is_shown: bool,
}

impl Backwards for Descent<'_> {
    fn value(&mut self, value: &ValueView<'_>) {
        let of_sample = self.sums.residuals.last_mut().map(|(_, residuals)| residuals).into_iter().flatten();
        for ((objective, reference), residuals) in self.objectives.iter().zip(self.reference).zip(of_sample) {
            if objective.id == value.id && reference.shape() == value.values.shape() {
                let (weight, unit) = ((1.0 / objective.power) as f32, objective.power.sqrt());
                let pairs = value.values.iter().zip(reference);
                residuals.extend(pairs.map(|(&y, &x)| (f64::from(y) - f64::from(x)) / unit));
                self.seeds.push((objective.id, (&value.values - reference) * weight));
            }
        }
        if value.id == self.product.input {
            self.inputs = self.product.inputs(value.values.view(), MANY_PLACES);
        }
    }

    fn seeds(&mut self, round: usize) -> Option<Vec<(ValueId, ArrayD<f32>)>> {
        (round == 0).then(|| std::mem::take(&mut self.seeds))
    }

    fn gradient(&mut self, gradient: &ValueView<'_>) {
        let rows = self.sums.bias.len();
        if gradient.id != self.product.output {
            return;
        }
        self.is_shown = true;
        let (Some(inputs), Some(of_places)) = (self.inputs.take(), rows_of_places(gradient, rows, MANY_PLACES)) else {
            return;
        };
        let (count, groups, len) = (of_places.nrows(), self.product.groups, self.product.len);
        if inputs.nrows() != count || count == 0 {
            return;
        }
        // Places that are left out are like those that are taken.
        let times = (gradient.values.len() / rows) as f64 / count as f64;
        let of_group = rows / groups;
        let mut product = Array2::<f32>::zeros((of_group, len));
        for group in 0..groups {
            let g = of_places.slice_axis(Axis(1), Slice::from(group * of_group..(group + 1) * of_group));
            let x = inputs.slice_axis(Axis(1), Slice::from(group * len..(group + 1) * len));
            general_mat_mul(1.0, &g.t(), &x, 0.0, &mut product);
            let mut target =
                self.sums.weights.slice_axis_mut(Axis(0), Slice::from(group * of_group..(group + 1) * of_group));
            target.zip_mut_with(&product, |sum, &x| *sum += f64::from(x) * times);
        }
        for row in of_places.rows() {
            self.sums.bias.iter_mut().zip(row).for_each(|(sum, &g)| *sum += f64::from(g) * times);
        }
        self.sums.places += gradient.values.len() / rows;
    }

    fn has_enough(&self) -> bool {
        self.is_shown
    }
}
