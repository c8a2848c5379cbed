//! Candidates of a model, judged by their outputs on samples.

use super::head::{Sensitivity, heads_of};
use super::split::Split;
use crate::calibration::{Array, Engine, Observe, RunError, Runner, Sample, Samples, ValueView};
use crate::error::Result;
use crate::graph::{Graph, ValueId};
use crate::recipe::integer::IntegerPlan;
use ndarray::ArrayD;
use std::collections::BTreeMap;

/// What a model is run with, and on.
#[derive(Clone, Copy)]
pub struct Data<'a> {
    /// What opens models.
    pub engine: &'a dyn Engine,
    /// The samples: for calibration, and some of them to judge with.
    pub samples: &'a dyn Samples,
}

impl core::fmt::Debug for Data<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Data").finish_non_exhaustive()
    }
}

/// What candidates are compared with: the float model's outputs on the judging samples.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    data: Data<'a>,
    splits: &'a [Split],
    sensitivities: Vec<Vec<Sensitivity>>,
    references: Vec<Vec<Reference>>,
}

/// What the float model gave for a sample.
#[derive(Debug)]
struct Reference {
    outputs: Vec<ArrayD<f32>>,
    /// What the last functions of outputs were given.
    arguments: BTreeMap<ValueId, Vec<f32>>,
}

/// What a candidate's outputs lose.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Judged {
    /// Of each output the squares of what the float model gives, of the errors, and of those that are expected on other samples.
    sums: Vec<[f64; 3]>,
    /// What is expected to be lost of each sample, as a share of the mean power of an output, summed over the outputs.
    losses: Vec<f64>,
}

/// How much smaller, as a share, the noise of a better variant is: less may be chance.
const MARGIN: f64 = 0.01;
/// By how many standard errors of the difference it is smaller.
const SURE: f64 = 0.25;
/// After so many samples each, a candidate that is clearly worse is judged no further.
const STAGE: usize = 16;
/// By how many standard errors that is, and by which share.
const HOPELESS: (f64, f64) = (2.5, 0.25);

impl Judged {
    /// Returns the SQNR of the worst output on the judging samples, in dB; ∞ if nothing is lost.
    pub(crate) fn measured_db(&self) -> f64 {
        self.sums.iter().map(|[signal, noise, _]| db(*signal, *noise)).fold(f64::INFINITY, f64::min)
    }

    /// Returns what it is expected to be on others, in dB.
    pub(crate) fn expected_db(&self) -> f64 {
        self.sums.iter().map(|[signal, _, noise]| db(*signal, *noise)).fold(f64::INFINITY, f64::min)
    }

    /// Takes note of what was lost on other samples.
    pub(crate) fn add(&mut self, other: &Self) {
        self.sums.resize(self.sums.len().max(other.sums.len()), [0.0; 3]);
        for (sum, other) in self.sums.iter_mut().flatten().zip(other.sums.iter().flatten()) {
            *sum += other;
        }
        self.losses.extend_from_slice(&other.losses);
    }

    /// Returns what is expected to be lost of each sample.
    pub(crate) fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// Makes of what was judged on some samples what that comes to on all of them, if it loses beside `best` what it does on these.
    pub(crate) fn extrapolate(&mut self, best: &Self) {
        let of_best: f64 = best.losses.iter().zip(&self.losses).map(|(loss, _)| loss).sum();
        let ratio = self.losses.iter().sum::<f64>() / of_best.max(f64::MIN_POSITIVE);
        self.sums = best.sums.iter().map(|[signal, a, b]| [*signal, a * ratio, b * ratio]).collect();
    }

    /// Returns on how many samples it was judged.
    pub(crate) fn samples(&self) -> usize {
        self.losses.len()
    }

    /// Returns the mean loss of a sample.
    pub(crate) fn noise(&self) -> f64 {
        self.losses.iter().sum::<f64>() / self.losses.len().max(1) as f64
    }

    /// Returns whether a variant loses less, by more than chance: sample by sample, as one sample may lose many times what another does.
    pub(crate) fn is_better_than(&self, other: &Self) -> bool {
        self.is_better_by(MARGIN, other)
    }

    /// Returns whether a variant loses less by a share, and by more than chance.
    pub(crate) fn is_better_by(&self, share: f64, other: &Self) -> bool {
        if self.losses.len() < other.losses.len() {
            return false;
        }
        let (mean, error) = difference(&self.losses, &other.losses);
        mean < -share * other.noise() && mean + SURE * error < 0.0
    }
}

/// Returns the mean of paired differences, and its standard error.
fn difference(a: &[f64], b: &[f64]) -> (f64, f64) {
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let count = differences.len().max(1) as f64;
    let mean = differences.iter().sum::<f64>() / count;
    let variance = differences.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / (count - 1.0).max(1.0);
    (mean, (variance / count).sqrt())
}

impl<'a> Judge<'a> {
    /// Returns the judge of candidates for a float model.
    pub(crate) fn new(data: Data<'a>, splits: &'a [Split], graph: &Graph, float: &mut dyn Runner) -> Result<Self> {
        let (mut references, mut sensitivities) = (Vec::with_capacity(splits.len()), Vec::new());
        for split in splits {
            let heads = heads_of(graph, split.signature.as_deref());
            let mut of_heads: Vec<Sensitivity> = heads.iter().map(Sensitivity::new).collect();
            let mut of_signature = Vec::with_capacity(split.judging.len());
            for &number in &split.judging {
                let sample = data.samples.sample(split.signature.as_deref(), number).map_err(RunError::into_error)?;
                let mut arguments = BTreeMap::new();
                let outputs = run(float, split.signature.as_deref(), &sample, &mut |value| {
                    keep_arguments(&of_heads, value, &mut arguments);
                    Ok(())
                })?;
                for sensitivity in &mut of_heads {
                    if let Some(arguments) = arguments.get(&sensitivity.head.argument) {
                        sensitivity.observe(arguments);
                    }
                }
                let outputs = outputs.into_iter().map(|(_, array)| array.to_f32()).collect();
                of_signature.push(Reference { outputs, arguments });
            }
            of_heads.iter_mut().for_each(Sensitivity::temper);
            references.push(of_signature);
            sensitivities.push(of_heads);
        }
        Ok(Self { data, splits, sensitivities, references })
    }

    /// Returns what a candidate's outputs lose; of one that is clearly worse than one
    /// that lost `best` of the same samples, on some of them.
    ///
    /// Where an output is a softmax or a logistic function, a handful of samples near a boundary make up most of the error, and
    /// which candidate is lucky with them says little: there the errors of the function's arguments are carried through its mean
    /// derivative, and through that of classes which no sample had in doubt. That is what is expected; it counts the less, the more samples the error is spread over.
    ///
    /// # Errors
    ///
    /// What opening and running the candidate comes to.
    pub(crate) fn judge(&self, (bytes, plan): (&[u8], &IntegerPlan), best: &[f64]) -> Result<Judged> {
        let mut runner = self.data.engine.open(bytes).map_err(RunError::into_error)?;
        let mut judged = Judged::default();
        for ((split, references), sensitivities) in self.splits.iter().zip(&self.references).zip(&self.sensitivities) {
            let signature = split.signature.as_deref();
            let endpoints = runner.outputs(signature).map_err(RunError::into_error)?;
            let bounds = |id: ValueId| {
                let made = plan.parts.get(id.subgraph)?.made.get(id.value)?;
                Some(made.codes()?.bounds())
            };
            let everywhere = (f32::NEG_INFINITY, f32::INFINITY);
            let of_heads: Vec<_> = sensitivities
                .iter()
                .map(|sensitivity| {
                    let argument = sensitivity.head.argument;
                    let bounds = bounds(argument).unwrap_or(everywhere);
                    let rows = references.iter().filter_map(|r| r.arguments.get(&argument).map(Vec::as_slice));
                    (sensitivity, bounds, sensitivity.scales(rows, bounds))
                })
                .collect();
            // The mean power of each output, of all samples: so that samples have the same weight in any number of them.
            let powers: Vec<f64> = (0..endpoints.len())
                .map(|place| {
                    let squares = references.iter().filter_map(|r| r.outputs.get(place)).map(power);
                    squares.sum::<f64>() / references.len().max(1) as f64
                })
                .collect();
            let mut sums = vec![[0.0_f64; 3]; endpoints.len()];
            let first = judged.losses.len();
            for (count, (&number, reference)) in split.judging.iter().zip(references).enumerate() {
                let so_far = judged.losses.get(first..).unwrap_or_default();
                let of_best = best.get(first..).unwrap_or_default();
                if count > 0 && count % STAGE == 0 && is_hopeless(so_far, of_best) {
                    break;
                }
                let sample = self.data.samples.sample(signature, number).map_err(RunError::into_error)?;
                let mut arguments = BTreeMap::new();
                let outputs = run(&mut *runner, signature, &sample, &mut |value| {
                    keep_arguments(sensitivities, value, &mut arguments);
                    Ok(())
                })?;
                let mut loss = 0.0;
                for (place, (sums, endpoint)) in sums.iter_mut().zip(&endpoints).enumerate() {
                    let (Some((_, output)), Some(wanted)) = (outputs.get(place), reference.outputs.get(place)) else {
                        continue;
                    };
                    let output = restored(output, endpoint.quantization);
                    let errors = wanted.iter().zip(&output).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2));
                    let measured: f64 = errors.sum();
                    let (mut expected, mut own) = (measured, 0.0);
                    for (sensitivity, bounds, scales) in of_heads.iter().filter(|(s, ..)| s.head.output == place) {
                        let of = |from: &BTreeMap<ValueId, Vec<f32>>| from.get(&sensitivity.head.argument).cloned();
                        if let (Some(x), Some(y)) = (of(&reference.arguments), of(&arguments)) {
                            let results: Vec<f32> = output.iter().copied().collect();
                            let [carried, of_codes] = sensitivity.error(&x, &y, &results, *bounds, scales);
                            let share = sensitivity.spread() / (sensitivity.spread() + ENOUGH_ROWS);
                            own = (1.0 - share) * of_codes;
                            expected = share * measured + (1.0 - share) * carried + own;
                        }
                    }
                    sums[0] += power(wanted);
                    sums[1] += measured;
                    sums[2] += expected;
                    let power = powers.get(place).copied().unwrap_or(0.0);
                    // What prescribed codes cost, every candidate loses.
                    let chosen = expected - own;
                    loss += if chosen > 0.0 { chosen / power.max(f64::MIN_POSITIVE) } else { chosen };
                }
                judged.losses.push(if loss.is_finite() { loss } else { f64::MAX.sqrt() });
            }
            judged.sums.extend(sums);
        }
        Ok(judged)
    }
}

/// So many rows of outputs that share the error evenly count as much as what is expected of them.
const ENOUGH_ROWS: f64 = 100.0;

fn is_hopeless(so_far: &[f64], best: &[f64]) -> bool {
    let best = best.get(..so_far.len()).unwrap_or_default();
    let (mean, error) = difference(so_far, best);
    let of_best = best.iter().sum::<f64>() / best.len().max(1) as f64;
    !best.is_empty() && best.len() == so_far.len() && mean > HOPELESS.0 * error && mean > HOPELESS.1 * of_best
}

fn power(values: &ArrayD<f32>) -> f64 {
    values.iter().map(|x| f64::from(*x) * f64::from(*x)).sum()
}

fn db(signal: f64, noise: f64) -> f64 {
    match noise {
        0.0 => f64::INFINITY,
        noise if noise.is_finite() => 10.0 * (signal / noise).log10(),
        _ => f64::NEG_INFINITY,
    }
}

/// Runs a model on a sample.
pub(crate) fn run(
    runner: &mut dyn Runner,
    signature: Option<&str>,
    sample: &Sample,
    observe: &mut Observe<'_>,
) -> Result<Vec<(String, Array)>> {
    let inputs: Vec<(&str, Array)> = sample.iter().map(|(name, array)| (name.as_str(), array.clone())).collect();
    runner.reset();
    runner.run(signature, &inputs, observe).map_err(RunError::into_error)
}

/// Returns the reals that an output stands for.
fn restored(output: &Array, quantization: Option<(f32, i64)>) -> ArrayD<f32> {
    let values = output.to_f32();
    match (output, quantization) {
        (Array::F32(_), _) | (_, None) => values,
        (_, Some((scale, zero_point))) => values.mapv(|code| (code - zero_point as f32) * scale),
    }
}

fn keep_arguments(of: &[Sensitivity], value: &ValueView<'_>, arguments: &mut BTreeMap<ValueId, Vec<f32>>) {
    if of.iter().any(|sensitivity| sensitivity.head.argument == value.id) {
        arguments.insert(value.id, value.values.iter().copied().collect());
    }
}
