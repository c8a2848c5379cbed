//! What layers behind it lose, taken back by a layer that is still in floating point.

use super::super::improvement::biases;
use super::super::integer::Data;
use super::{Chain, Step, Work};
use crate::error::Result;
use crate::improve::{Lanes, Prepared, Slope, is_for_judging, slope};
use ndarray::Array2;
use std::collections::HashSet;

/// The most samples whose slope is taken.
const SLOPES: usize = 100;
/// The length, as a share of the step that the coupling thinks best, at which it is measured what a step does.
const TRIED: f64 = 0.05;
/// The longest step, in the same unit.
const LONGEST: f64 = 4.0;
/// The shares of the best step that are judged.
const SHARES: [f64; 2] = [1.0, 0.5];

impl Work<'_> {
    /// Returns what is to be added to a layer's weights and biases for the model to lose less, while they are in floating point. `share`
    /// is that of the best step, if it is known.
    pub(super) fn moved(
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
        let judged = (&self.objectives[..], &self.references);
        let of_layer = (step.product, step.rounding.weights.nrows());
        let found = slope(&self.lanes(), &file, &is_wanted, judged, of_layer, has_bias.then_some(means))?;
        let Some(Slope { weights, bias, residuals: before }) = found else { return Ok(None) };
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
        let after = self.residuals(&tried, &is_wanted)?;
        let (mut along, mut square) = (0.0, 0.0);
        for (before, after) in before.iter().flatten().zip(after.iter().flatten()) {
            if before.len() != after.len() {
                return Ok(None);
            }
            for (before, after) in before.iter().zip(after) {
                let v = (after - before) / TRIED;
                along += before * v;
                square += v * v;
            }
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

    /// Returns how far objectives are off, in units of the root of their power: for each sample, each objective.
    fn residuals(&self, file: &[u8], is_wanted: &(dyn Fn(usize) -> bool + Sync)) -> Result<Vec<Vec<Vec<f64>>>> {
        let mut all: Vec<(usize, Vec<Vec<f64>>)> = Vec::new();
        let (objectives, references) = (&self.objectives, &self.references);
        self.lanes().run(
            file,
            is_wanted,
            &Vec::new,
            &|lane: &mut Vec<(usize, Vec<Vec<f64>>)>, runner, signature, number, inputs| {
                let references = references.get(number).map_or(&[][..], Vec::as_slice);
                let mut found = vec![Vec::new(); objectives.len()];
                runner.run(signature, inputs, &mut |value| {
                    let known = objectives.iter().zip(references).zip(&mut found);
                    for ((objective, reference), found) in known.filter(|((of, _), _)| of.id == value.id) {
                        let (unit, pairs) = (objective.power.sqrt(), value.values.iter().zip(reference));
                        if reference.shape() == value.values.shape() {
                            found.extend(pairs.map(|(&y, &x)| (f64::from(y) - f64::from(x)) / unit));
                        }
                    }
                    Ok(())
                })?;
                lane.push((number, found));
                Ok(())
            },
            &mut |lane| all.extend(lane),
        )?;
        all.sort_by_key(|(number, _)| *number);
        Ok(all.into_iter().map(|(_, found)| found).collect())
    }

    /// Returns what models are run with.
    fn lanes(&self) -> Lanes<'_> {
        let Data { engine, samples } = self.data;
        Lanes { engine, samples, threads: self.options.threads.get() }
    }
}
