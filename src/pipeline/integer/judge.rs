//! Candidates of a model, judged by their outputs on samples.

use super::head::{Head, Through, heads_of};
use crate::calibration::{Array, Engine, Observe, RunError, Runner, Sample, Samples, ValueView};
use crate::error::Result;
use crate::graph::{Graph, ValueId};
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

/// Every so many samples one judges, and is not calibrated with while variants are compared.
const EVERY: usize = 3;
/// The most samples of a signature that judge.
const MOST_JUDGES: usize = 48;

/// The samples of a signature, and which of them are for what.
#[derive(Clone, Debug)]
pub(crate) struct Split {
    pub(crate) signature: Option<String>,
    pub(crate) fitting: Vec<usize>,
    pub(crate) judging: Vec<usize>,
}

impl Split {
    /// Returns how a signature's samples are split; with fewer than three all are for both.
    pub(crate) fn new(signature: Option<String>, samples: &dyn Samples) -> Self {
        let count = samples.count(signature.as_deref());
        if count < EVERY {
            let all: Vec<usize> = (0..count).collect();
            return Self { signature, fitting: all.clone(), judging: all };
        }
        let (mut judging, mut fitting): (Vec<usize>, Vec<usize>) = (0..count).partition(|i| i % EVERY == EVERY - 1);
        if judging.len() > MOST_JUDGES {
            let step = judging.len() as f64 / MOST_JUDGES as f64;
            let kept: Vec<usize> =
                (0..MOST_JUDGES).filter_map(|i| judging.get((i as f64 * step) as usize).copied()).collect();
            fitting.extend(judging.iter().filter(|i| !kept.contains(i)));
            fitting.sort_unstable();
            judging = kept;
        }
        Self { signature, fitting, judging }
    }
}

/// What candidates are compared with: the float model's outputs on the judging samples.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    data: Data<'a>,
    splits: &'a [Split],
    heads: Vec<Vec<Head>>,
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
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Judged {
    /// The SQNR of the worst output on the judging samples, in dB; ∞ if nothing is lost.
    pub(crate) measured_db: f64,
    /// What it is expected to be on others, in dB.
    pub(crate) expected_db: f64,
}

impl<'a> Judge<'a> {
    /// Returns the judge of candidates for a float model.
    pub(crate) fn new(data: Data<'a>, splits: &'a [Split], graph: &Graph, float: &mut dyn Runner) -> Result<Self> {
        let (mut references, mut heads) = (Vec::with_capacity(splits.len()), Vec::new());
        for split in splits {
            let of_split = heads_of(graph, split.signature.as_deref());
            let mut of_signature = Vec::with_capacity(split.judging.len());
            for &number in &split.judging {
                let sample = data.samples.sample(split.signature.as_deref(), number).map_err(RunError::into_error)?;
                let mut arguments = BTreeMap::new();
                let outputs = run(float, split.signature.as_deref(), &sample, &mut |value| {
                    keep_arguments(&of_split, value, &mut arguments);
                    Ok(())
                })?;
                let outputs = outputs.into_iter().map(|(_, array)| array.to_f32()).collect();
                of_signature.push(Reference { outputs, arguments });
            }
            references.push(of_signature);
            heads.push(of_split);
        }
        Ok(Self { data, splits, heads, references })
    }

    /// Returns what a candidate's outputs lose.
    ///
    /// Where an output is a softmax or a logistic function, a handful of samples near a boundary make up most of the error, and
    /// which candidate is lucky with them says little: there the errors of the function's arguments, of all samples together, are
    /// carried through its derivative at each sample. That is what is expected; it counts the less, the more samples the error is
    /// spread over.
    ///
    /// # Errors
    ///
    /// What opening and running the candidate comes to.
    pub(crate) fn judge(&self, candidate: &[u8]) -> Result<Judged> {
        let mut runner = self.data.engine.open(candidate).map_err(RunError::into_error)?;
        let mut worst = Judged { measured_db: f64::INFINITY, expected_db: f64::INFINITY };
        for ((split, references), heads) in self.splits.iter().zip(&self.references).zip(&self.heads) {
            let signature = split.signature.as_deref();
            let endpoints = runner.outputs(signature).map_err(RunError::into_error)?;
            let mut sums = vec![Sums::default(); endpoints.len()];
            let mut through: Vec<Through> = heads.iter().map(Through::new).collect();
            for (&number, reference) in split.judging.iter().zip(references) {
                let sample = self.data.samples.sample(signature, number).map_err(RunError::into_error)?;
                let mut arguments = BTreeMap::new();
                let outputs = run(&mut *runner, signature, &sample, &mut |value| {
                    keep_arguments(heads, value, &mut arguments);
                    Ok(())
                })?;
                for (place, (sum, endpoint)) in sums.iter_mut().zip(&endpoints).enumerate() {
                    let (Some((_, output)), Some(wanted)) = (outputs.get(place), reference.outputs.get(place)) else {
                        continue;
                    };
                    let output = restored(output, endpoint.quantization);
                    let rows = wanted.shape().last().copied().unwrap_or(1).max(1);
                    sum.add(wanted, &output, rows);
                    for (head, through) in heads.iter().zip(&mut through).filter(|(head, _)| head.output == place) {
                        let of = |from: &BTreeMap<ValueId, Vec<f32>>| from.get(&head.argument).cloned();
                        if let (Some(x), Some(y)) = (of(&reference.arguments), of(&arguments)) {
                            through.add(&x, &y, &output);
                        }
                    }
                }
            }
            for (place, sum) in sums.iter().enumerate() {
                let measured = sum.db();
                let found = heads.iter().zip(&through).find(|(head, _)| head.output == place);
                let expected = found.and_then(|(_, through)| through.db(sum.signal)).map_or(measured, |db| {
                    let share = sum.spread() / (sum.spread() + ENOUGH_ROWS);
                    if measured.is_finite() { share * measured + (1.0 - share) * db } else { db }
                });
                worst.measured_db = worst.measured_db.min(measured);
                worst.expected_db = worst.expected_db.min(expected);
            }
        }
        Ok(worst)
    }
}

/// So many rows of outputs that share the error evenly count as much as what is expected of them.
const ENOUGH_ROWS: f64 = 100.0;

/// The squares of an output and of its errors.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    signal: f64,
    noise: f64,
    /// The squares of the errors of rows.
    of_rows: f64,
}

impl Sums {
    fn add(&mut self, wanted: &ArrayD<f32>, output: &ArrayD<f32>, length: usize) {
        let (mut row, mut at) = (0.0, 0);
        for (&x, &y) in wanted.iter().zip(output) {
            self.signal += f64::from(x) * f64::from(x);
            row += (f64::from(x) - f64::from(y)).powi(2);
            at += 1;
            if at == length {
                self.noise += row;
                self.of_rows += row * row;
                (row, at) = (0.0, 0);
            }
        }
    }

    fn db(&self) -> f64 {
        match self.noise {
            0.0 => f64::INFINITY,
            noise if noise.is_finite() => 10.0 * (self.signal / noise).log10(),
            _ => f64::NEG_INFINITY,
        }
    }

    /// Returns over how many rows the error is spread: all if they have the same, 1 if one has all of it.
    fn spread(&self) -> f64 {
        if self.of_rows > 0.0 { self.noise * self.noise / self.of_rows } else { 0.0 }
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

fn keep_arguments(heads: &[Head], value: &ValueView<'_>, arguments: &mut BTreeMap<ValueId, Vec<f32>>) {
    if heads.iter().any(|head| head.argument == value.id) {
        arguments.insert(value.id, value.values.iter().copied().collect());
    }
}
