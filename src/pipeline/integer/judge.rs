//! Candidates of a model, judged by their outputs on samples.

use super::head::{Sensitivity, heads_of};
use super::judged::{Judged, is_hopeless};
use super::split::Split;
use crate::calibration::{
    Array, CalibrationError, Endpoint, Engine, Observe, RunError, Runner, Sample, Samples, ValueView,
};
use crate::error::{Error, Result};
use crate::graph::{Graph, ValueId};
use crate::recipe::integer::IntegerPlan;
use crate::threads::{on_threads, shares};
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
    /// How many samples are run side by side.
    threads: usize,
}

/// What the last functions of outputs are given, by value.
type GivenArguments = BTreeMap<ValueId, Vec<f32>>;

/// What the float model gave for a sample.
#[derive(Clone, Debug)]
struct Reference {
    outputs: Vec<ArrayD<f32>>,
    /// What the last functions of outputs were given.
    arguments: GivenArguments,
}

/// After so many samples each, a candidate that is clearly worse is judged no further.
const STAGE: usize = 16;
impl<'a> Judge<'a> {
    /// Returns the judge of candidates for a float model, of a graph and in a file.
    pub(crate) fn new(
        data: Data<'a>,
        splits: &'a [Split],
        (graph, float): (&Graph, &[u8]),
        threads: usize,
    ) -> Result<Self> {
        let (mut references, mut sensitivities) = (Vec::with_capacity(splits.len()), Vec::new());
        for split in splits {
            let signature = split.signature.as_deref();
            let heads = heads_of(graph, signature);
            let mut of_heads: Vec<Sensitivity> = heads.iter().map(Sensitivity::new).collect();
            let refer = |numbers: &[usize]| -> Result<Vec<Reference>> {
                let mut runner = data.engine.open(float).map_err(RunError::into_error)?;
                let of_sample = |&number: &usize| {
                    let (outputs, arguments) = outputs_of(&mut *runner, data, signature, number, &of_heads)?;
                    let outputs = outputs.into_iter().map(|(_, array)| array.to_f32()).collect();
                    Ok(Reference { outputs, arguments })
                };
                numbers.iter().map(of_sample).collect()
            };
            let of_shares = on_threads(shares(&split.judging, threads), &refer);
            let of_signature = of_shares.into_iter().collect::<Result<Vec<_>>>()?.concat();
            for sensitivity in &mut of_heads {
                let argument = sensitivity.head.argument;
                for arguments in of_signature.iter().filter_map(|reference| reference.arguments.get(&argument)) {
                    sensitivity.observe(arguments);
                }
                sensitivity.temper();
            }
            references.push(of_signature);
            sensitivities.push(of_heads);
        }
        let outputs = || references.iter().flatten().flat_map(|reference: &Reference| &reference.outputs);
        if outputs().next().is_some() && !outputs().flatten().any(|x| x.is_finite()) {
            return Err(without_numbers(outputs().count()));
        }
        Ok(Self { data, splits, sensitivities, references, threads })
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
            let of_heads: Vec<OfHead<'_>> = sensitivities
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
            let compared =
                Compared { signature, sensitivities, of_heads: &of_heads, endpoints: &endpoints, powers: &powers };
            let lost = |share: &[(usize, &Reference)], runner: &mut dyn Runner| -> Result<Vec<Lost>> {
                share.iter().map(|(number, reference)| compared.lost(runner, self.data, *number, reference)).collect()
            };
            let elsewhere = |share: &[(usize, &Reference)]| {
                lost(share, &mut *self.data.engine.open(bytes).map_err(RunError::into_error)?)
            };
            let samples: Vec<(usize, &Reference)> = split.judging.iter().copied().zip(references).collect();
            let mut sums = vec![[0.0_f64; 3]; endpoints.len()];
            let first = judged.losses.len();
            for (stage, samples) in samples.chunks(STAGE).enumerate() {
                let so_far = judged.losses.get(first..).unwrap_or_default();
                if stage > 0 && is_hopeless(so_far, best.get(first..).unwrap_or_default()) {
                    break;
                }
                let of_shares = match &shares(samples, self.threads)[..] {
                    [all] => vec![lost(all, &mut *runner)],
                    several => on_threads(several.to_vec(), &elsewhere),
                };
                for of_sample in of_shares.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten() {
                    for (sum, own) in sums.iter_mut().flatten().zip(of_sample.sums.iter().flatten()) {
                        *sum += own;
                    }
                    judged.losses.push(of_sample.loss);
                }
            }
            judged.sums.extend(sums);
        }
        Ok(judged)
    }
}

/// What one sample's outputs lose.
struct Lost {
    /// Of each output, as in [`Judged`].
    sums: Vec<[f64; 3]>,
    loss: f64,
}

/// The function that makes an output, the ends of its argument's codes, and what errors of each class are multiplied by.
type OfHead<'a> = (&'a Sensitivity, (f32, f32), Vec<f64>);

/// What outputs of one signature are compared by.
struct Compared<'a> {
    signature: Option<&'a str>,
    sensitivities: &'a [Sensitivity],
    of_heads: &'a [OfHead<'a>],
    endpoints: &'a [Endpoint],
    powers: &'a [f64],
}

impl Compared<'_> {
    /// Runs a candidate on a sample, and returns what its outputs lose.
    fn lost(&self, runner: &mut dyn Runner, data: Data<'_>, number: usize, reference: &Reference) -> Result<Lost> {
        let (outputs, arguments) = outputs_of(runner, data, self.signature, number, self.sensitivities)?;
        let mut all = vec![[0.0_f64; 3]; self.endpoints.len()];
        let mut loss = 0.0;
        for (place, (sums, endpoint)) in all.iter_mut().zip(self.endpoints).enumerate() {
            let (Some((_, output)), Some(wanted)) = (outputs.get(place), reference.outputs.get(place)) else {
                continue;
            };
            let output = restored(output, endpoint.quantization);
            let measured = noise(wanted, &output);
            let (mut expected, mut own) = (measured, 0.0);
            for (sensitivity, bounds, scales) in self.of_heads.iter().filter(|(s, ..)| s.head.output == place) {
                let of = |from: &GivenArguments| from.get(&sensitivity.head.argument).cloned();
                if let (Some(x), Some(y)) = (of(&reference.arguments), of(&arguments)) {
                    let results: Vec<f32> = output.iter().copied().collect();
                    let [carried, of_codes] = sensitivity.error(&x, &y, &results, *bounds, scales);
                    let share = sensitivity.spread() / (sensitivity.spread() + ENOUGH_ROWS);
                    own = (1.0 - share) * of_codes;
                    expected = share * measured + (1.0 - share) * carried + own;
                }
            }
            *sums = [power(wanted), measured, expected];
            let power = self.powers.get(place).copied().unwrap_or(0.0);
            // What prescribed codes cost, every candidate loses.
            let chosen = expected - own;
            loss += if chosen > 0.0 { chosen / power.max(f64::MIN_POSITIVE) } else { chosen };
        }
        Ok(Lost { sums: all, loss: if loss.is_finite() { loss } else { f64::MAX.sqrt() } })
    }
}

/// So many rows of outputs that share the error evenly count as much as what is expected of them.
const ENOUGH_ROWS: f64 = 100.0;

/// Returns the error of a float model that says nothing about any candidate.
pub(crate) fn without_numbers(outputs: usize) -> Error {
    let reason = format!("all of the {outputs} outputs that the float model gives to judge by are NaN or infinite");
    CalibrationError::NotRun { reason }.into()
}

/// Returns the power of the elements that are finite.
fn power(values: &ArrayD<f32>) -> f64 {
    values.iter().filter(|x| x.is_finite()).map(|x| f64::from(*x) * f64::from(*x)).sum()
}

/// Returns the power of the error where the float model gives a finite number: of the others nothing is to be lost.
fn noise(wanted: &ArrayD<f32>, output: &ArrayD<f32>) -> f64 {
    let pairs = wanted.iter().zip(output).filter(|(x, _)| x.is_finite());
    pairs.map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2)).sum()
}

/// Returns what a model gives for a sample by its number, and what the last functions of outputs are given.
fn outputs_of(
    runner: &mut dyn Runner,
    data: Data<'_>,
    signature: Option<&str>,
    number: usize,
    of: &[Sensitivity],
) -> Result<(Vec<(String, Array)>, GivenArguments)> {
    let sample = data.samples.sample(signature, number).map_err(RunError::into_error)?;
    let mut arguments = BTreeMap::new();
    let outputs = run(runner, signature, &sample, &mut |value| {
        keep_arguments(of, value, &mut arguments);
        Ok(())
    })?;
    Ok((outputs, arguments))
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

fn keep_arguments(of: &[Sensitivity], value: &ValueView<'_>, arguments: &mut GivenArguments) {
    if of.iter().any(|sensitivity| sensitivity.head.argument == value.id) {
        arguments.insert(value.id, value.values.iter().copied().collect());
    }
}
