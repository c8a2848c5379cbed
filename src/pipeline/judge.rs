//! Candidates judged by their outputs, sample by sample.

use super::integer::{Data, without_numbers};
use crate::calibration::{Array, CalibrationError, RunError, Runner};
use crate::error::Result;
use crate::graph::{Graph, Op, Port, ValueId};
use crate::improve::{Lanes, Objective, each_sample, is_for_judging};
use crate::model::tflite::Model;
use ndarray::ArrayD;
use std::collections::{HashMap, HashSet};

/// How often samples are drawn for the bound.
const DRAWS: usize = 1000;
/// The share of draws that are worse than the bound.
const WORSE: f64 = 0.05;

/// A sample that judges: its signature, and its number among all.
#[derive(Clone, Debug)]
struct Place {
    signature: Option<String>,
    of_all: usize,
}

/// What a run of a sample comes to: each output, and what stands before it if that is a softmax or a sigmoid.
#[derive(Clone, Debug)]
struct Taken {
    outputs: Vec<ArrayD<f32>>,
    before: Vec<Option<ArrayD<f32>>>,
}

/// The float model's outputs on the samples that judge.
pub(super) struct Judge<'a> {
    data: Data<'a>,
    places: Vec<Place>,
    references: Vec<Taken>,
    labels: Option<&'a [usize]>,
    seed: u64,
    threads: usize,
}

/// How far a candidate's outputs are off, for each sample and each thing that is compared: signal and noise.
#[derive(Clone, Debug, Default)]
pub(super) struct Judged {
    /// [samples][outputs, and what stands before them].
    powers: Vec<Vec<[f64; 2]>>,
    /// Which of these are objectives: what stands before a softmax or a sigmoid in place of its result.
    objectives: Vec<bool>,
    /// Labels that the float and the judged model chose, of how many.
    chosen: Option<[u64; 3]>,
    seed: u64,
}

impl Judged {
    /// Returns the sum over outputs of the error as a share of the output's power.
    pub(super) fn error(&self) -> f64 {
        let sums = self.sums(0..self.powers.len());
        sums.iter()
            .zip(&self.objectives)
            .filter(|(_, is)| **is)
            .map(|([signal, noise], _)| share(*signal, *noise))
            .sum()
    }

    /// Returns the ratio of the worst output, in dB, of the output itself or of what stands before it.
    pub(super) fn sqnr_db(&self) -> f64 {
        worst(&self.sums(0..self.powers.len()))
    }

    /// Returns what the ratio is above in 95 of 100 draws of as many samples.
    pub(super) fn bound_db(&self) -> f64 {
        let count = self.powers.len();
        let mut state = self.seed ^ 0x9e37_79b9_7f4a_7c15;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) as usize) % count.max(1)
        };
        let mut ratios: Vec<f64> =
            (0..DRAWS).map(|_| worst(&self.sums((0..count).map(|_| random()).collect::<Vec<_>>()))).collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get((DRAWS as f64 * WORSE) as usize).copied().unwrap_or(f64::NAN)
    }

    /// Returns the accuracy of the float and of the judged model.
    pub(super) fn accuracy(&self) -> Option<[f64; 2]> {
        let [float, judged, count] = self.chosen?;
        (count > 0).then(|| [float as f64 / count as f64, judged as f64 / count as f64])
    }

    fn sums(&self, samples: impl IntoIterator<Item = usize>) -> Vec<[f64; 2]> {
        let mut sums = vec![[0.0; 2]; self.objectives.len()];
        for sample in samples {
            for (sum, power) in sums.iter_mut().zip(&self.powers[sample]) {
                sum[0] += power[0];
                sum[1] += power[1];
            }
        }
        sums
    }
}

fn share(signal: f64, noise: f64) -> f64 {
    if noise == 0.0 { 0.0 } else { noise / signal }
}

fn worst(sums: &[[f64; 2]]) -> f64 {
    let ratio = |&[signal, noise]: &[f64; 2]| match noise {
        0.0 => f64::INFINITY,
        noise if noise.is_nan() => f64::NEG_INFINITY,
        noise => 10.0 * (signal / noise).log10(),
    };
    sums.iter().map(ratio).fold(f64::INFINITY, f64::min)
}

impl<'a> Judge<'a> {
    /// Returns the judge of candidates for a float model.
    ///
    /// At most so many samples judge, the first of those that are for it.
    ///
    /// # Errors
    ///
    /// [`CalibrationError::NotRun`] without samples that judge; what running the model comes to.
    pub(super) fn new(
        data: Data<'a>,
        float: &[u8],
        labels: Option<&'a [usize]>,
        seed: u64,
        most: usize,
    ) -> Result<Self> {
        let mut runner = data.engine.open(float).map_err(RunError::into_error)?;
        let graph = Model::from_bytes(float.to_vec())?.graph();
        let names = runner.signatures();
        let signatures = if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
        let (mut places, mut of_all) = (Vec::new(), 0);
        for signature in signatures {
            for _ in 0..data.samples.count(signature.as_deref()) {
                if is_for_judging(of_all) && places.len() < most {
                    places.push(Place { signature: signature.clone(), of_all });
                }
                of_all += 1;
            }
        }
        if places.is_empty() {
            return Err(CalibrationError::NotRun {
                reason: format!("{of_all} samples are too few: some fit, and others judge"),
            }
            .into());
        }
        let judges: HashSet<usize> = places.iter().map(|place| place.of_all).collect();
        let mut references = Vec::new();
        each_sample(
            &mut *runner,
            data.samples,
            &|sample| judges.contains(&sample),
            &mut |runner, signature, _, inputs| {
                references.push(take(runner, &graph, signature, inputs)?);
                Ok(())
            },
        )?;
        let outputs = || references.iter().flat_map(|taken: &Taken| &taken.outputs);
        if outputs().next().is_some() && !outputs().flatten().any(|x| x.is_finite()) {
            return Err(without_numbers(outputs().count()));
        }
        Ok(Self { data, places, references, labels, seed, threads: 1 })
    }

    /// Returns the judge with candidates run on so many threads: what it finds is the same.
    pub(super) fn on_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// Returns what is judged, and its mean power of a sample: outputs, or what stands before them if that is a softmax or a sigmoid.
    /// Empty for a model of several signatures.
    pub(super) fn objectives(&self, graph: &Graph) -> Vec<Objective> {
        let signature = self.places.first().and_then(|place| place.signature.as_deref());
        let Some(of_signature) = graph.signature(signature).filter(|_| graph.signatures.len() < 2) else {
            return Vec::new();
        };
        let before = before_outputs(graph, signature);
        let objective = |(number, port): (usize, &Port)| {
            let own = ValueId { subgraph: of_signature.subgraph, value: port.value };
            let before = before.get(number).copied().flatten();
            let power = |taken: &Taken| {
                let value = before.map_or(taken.outputs.get(number), |_| taken.before.get(number)?.as_ref())?;
                Some(value.iter().filter(|x| x.is_finite()).map(|&x| f64::from(x) * f64::from(x)).sum::<f64>())
            };
            let powers: Option<Vec<f64>> = self.references.iter().map(power).collect();
            let powers = powers?;
            let power = powers.iter().sum::<f64>() / powers.len().max(1) as f64;
            Some(Objective { id: before.unwrap_or(own), power }).filter(|_| power > 0.0 && power.is_finite())
        };
        of_signature.outputs.iter().enumerate().filter_map(objective).collect()
    }

    /// Returns the number of samples that judge.
    pub(super) fn samples(&self) -> usize {
        self.places.len()
    }

    /// Returns how far a candidate is off, on at most so many samples, spread over all of them.
    pub(super) fn judge(&self, candidate: Vec<u8>, most: usize) -> Result<Judged> {
        let graph = Model::from_bytes(candidate.clone())?.graph();
        let taken = self.places.len().min(most.max(1));
        let spread: HashMap<usize, usize> =
            (0..taken).map(|i| i * self.places.len() / taken).map(|at| (self.places[at].of_all, at)).collect();
        let mut found: Vec<(usize, OfSample)> = Vec::new();
        let Data { engine, samples } = self.data;
        Lanes { engine, samples, threads: self.threads }.run(
            &candidate,
            &|sample| spread.contains_key(&sample),
            &Vec::new,
            &|lane: &mut Vec<(usize, OfSample)>, runner, signature, sample, inputs| {
                let Some(&at) = spread.get(&sample) else { return Ok(()) };
                let now = take(runner, &graph, signature, inputs)?;
                lane.push((at, self.references[at].compared(&now)));
                Ok(())
            },
            &mut |lane| found.extend(lane),
        )?;
        found.sort_by_key(|(at, _)| *at);
        let mut judged = Judged { seed: self.seed, chosen: self.labels.map(|_| [0; 3]), ..Judged::default() };
        for (at, of_sample) in found {
            let label = self.labels.and_then(|labels| labels.get(self.places[at].of_all));
            if let (Some(chosen), Some(&label)) = (&mut judged.chosen, label) {
                chosen[0] += u64::from(self.references[at].choice() == Some(label));
                chosen[1] += u64::from(of_sample.choice == Some(label));
                chosen[2] += 1;
            }
            judged.objectives = of_sample.objectives;
            judged.powers.push(of_sample.powers);
        }
        // Outputs of signatures may be of different numbers: what there is in all is compared.
        let least = judged.powers.iter().map(Vec::len).min().unwrap_or(0);
        judged.objectives.truncate(least);
        Ok(judged)
    }
}

/// How far a candidate is off on a sample.
struct OfSample {
    powers: Vec<[f64; 2]>,
    objectives: Vec<bool>,
    choice: Option<usize>,
}

impl Taken {
    /// Returns the class that a classifier chose.
    fn choice(&self) -> Option<usize> {
        self.outputs.first().map(largest)
    }

    /// Returns how far what another model came to is off.
    fn compared(&self, now: &Self) -> OfSample {
        let (mut powers, mut objectives) = (Vec::new(), Vec::new());
        for (number, output) in self.outputs.iter().enumerate() {
            let before = (self.before[number].as_ref(), now.before.get(number).and_then(Option::as_ref));
            objectives.push(!matches!(before, (Some(_), Some(_))));
            powers.push(power(output, now.outputs.get(number)));
            if let (Some(reference), Some(now)) = before {
                objectives.push(true);
                powers.push(power(reference, Some(now)));
            }
        }
        OfSample { powers, objectives, choice: now.choice() }
    }
}

/// Returns the position of the largest element.
fn largest(values: &ArrayD<f32>) -> usize {
    let larger = |best: (usize, f32), (at, &x): (usize, &f32)| if x > best.1 { (at, x) } else { best };
    values.iter().enumerate().fold((0, f32::NEG_INFINITY), larger).0
}

fn power(reference: &ArrayD<f32>, now: Option<&ArrayD<f32>>) -> [f64; 2] {
    let Some(now) = now.filter(|now| now.len() == reference.len()) else { return [0.0, f64::INFINITY] };
    let (mut signal, mut noise) = (0.0, 0.0);
    // Where the float model gives no finite number, as for a sample that holds ∞, nothing is to be lost.
    for (&x, &y) in reference.iter().zip(now).filter(|(x, _)| x.is_finite()) {
        let (x, y) = (f64::from(x), f64::from(y));
        signal += x * x;
        noise += (x - y) * (x - y);
    }
    [signal, noise]
}

/// Runs a model on a sample.
fn take(
    runner: &mut dyn Runner,
    graph: &Graph,
    signature: Option<&str>,
    inputs: &[(&str, Array)],
) -> Result<Taken, RunError> {
    let wanted = before_outputs(graph, signature);
    let mut before: Vec<Option<ArrayD<f32>>> = vec![None; wanted.len()];
    let outputs = runner.run(signature, inputs, &mut |value| {
        for (before, wanted) in before.iter_mut().zip(&wanted) {
            if *wanted == Some(value.id) {
                *before = Some(value.values.to_owned());
            }
        }
        Ok(())
    });
    let outputs: Vec<ArrayD<f32>> = outputs?.into_iter().map(|(_, array)| array.to_f32()).collect();
    before.resize(outputs.len(), None);
    Ok(Taken { outputs, before })
}

/// Returns, for each output of a signature, the value from which a softmax or a sigmoid makes it: a saturated one hides all error.
fn before_outputs(graph: &Graph, signature: Option<&str>) -> Vec<Option<ValueId>> {
    let Some(signature) = graph.signature(signature) else { return Vec::new() };
    let Some(part) = graph.subgraphs.get(signature.subgraph) else { return Vec::new() };
    let before = |value: usize| {
        let operator = part.operators.get(part.producer(value)?)?;
        matches!(operator.op, Op::Softmax | Op::Logistic | Op::LogSoftmax).then_some(())?;
        Some(ValueId { subgraph: signature.subgraph, value: operator.input(0)? })
    };
    signature.outputs.iter().map(|port| before(port.value)).collect()
}
