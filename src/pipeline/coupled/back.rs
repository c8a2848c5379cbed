//! What layers behind it lose, taken back by a layer that is still in floating point.

use super::super::improvement::biases;
use super::{Chain, Step, Work};
use crate::calibration::RunError;
use crate::error::Result;
use crate::graph::ValueId;
use crate::improve::{Objective, Prepared, Slope, is_for_judging, observe, slope};
use ndarray::Array2;
use std::collections::{HashMap, HashSet};

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
}
