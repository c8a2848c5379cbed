//! Candidates of a model, judged by their outputs on samples.

use crate::calibration::{Array, Engine, Observe, RunError, Runner, Sample, Samples};
use crate::error::Result;
use ndarray::ArrayD;

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
const EVERY: usize = 4;
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
    /// Returns how a signature's samples are split; with fewer than four all are for both.
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
    references: Vec<Vec<Vec<ArrayD<f32>>>>,
}

impl<'a> Judge<'a> {
    /// Returns the judge of candidates for a float model.
    pub(crate) fn new(data: Data<'a>, splits: &'a [Split], float: &mut dyn Runner) -> Result<Self> {
        let mut references = Vec::with_capacity(splits.len());
        for split in splits {
            let mut of_signature = Vec::with_capacity(split.judging.len());
            for &number in &split.judging {
                let sample = data.samples.sample(split.signature.as_deref(), number).map_err(RunError::into_error)?;
                let outputs = run(float, split.signature.as_deref(), &sample, &mut |_| Ok(()))?;
                of_signature.push(outputs.into_iter().map(|(_, array)| array.to_f32()).collect());
            }
            references.push(of_signature);
        }
        Ok(Self { data, splits, references })
    }

    /// Returns the SQNR of the worst output of a candidate, in dB; ∞ if nothing is lost.
    ///
    /// # Errors
    ///
    /// What opening and running the candidate comes to.
    pub(crate) fn sqnr_db(&self, candidate: &[u8]) -> Result<f64> {
        let mut runner = self.data.engine.open(candidate).map_err(RunError::into_error)?;
        let mut worst = f64::INFINITY;
        for (split, references) in self.splits.iter().zip(&self.references) {
            let signature = split.signature.as_deref();
            let endpoints = runner.outputs(signature).map_err(RunError::into_error)?;
            let mut sums = vec![(0.0_f64, 0.0_f64); endpoints.len()];
            for (&number, reference) in split.judging.iter().zip(references) {
                let sample = self.data.samples.sample(signature, number).map_err(RunError::into_error)?;
                let outputs = run(&mut *runner, signature, &sample, &mut |_| Ok(()))?;
                for (((sum, endpoint), (_, output)), reference) in
                    sums.iter_mut().zip(&endpoints).zip(&outputs).zip(reference)
                {
                    let output = restored(output, endpoint.quantization);
                    for (&x, &y) in reference.iter().zip(&output) {
                        sum.0 += f64::from(x) * f64::from(x);
                        sum.1 += (f64::from(x) - f64::from(y)).powi(2);
                    }
                }
            }
            for (signal, noise) in sums {
                let db = if noise == 0.0 { f64::INFINITY } else { 10.0 * (signal / noise).log10() };
                worst = if db.is_nan() { f64::NEG_INFINITY } else { worst.min(db) };
            }
        }
        Ok(worst)
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
