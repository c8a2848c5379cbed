//! A layer's weights, chosen for what the outputs lose.

use super::super::improvement::{Rounding, biases};
use super::{Chain, Inputs, Step, Work};
use crate::error::Result;
use crate::improve::{Coupling, Prepared, Row, Task};
use ndarray::Array2;
use std::collections::HashSet;

impl Work<'_> {
    /// Chooses the weights of a layer in both models; where that cannot be done, they are what they were by themselves.
    pub(super) fn step(
        &self,
        step: &Step<'_>,
        inputs: &Inputs,
        is_last: bool,
        chains: &mut [Chain; 2],
        pending: &HashSet<usize>,
    ) -> Result<()> {
        let mut share = (is_last && self.takes_back).then_some(None);
        for chain in chains {
            let of_all = chain.of_all;
            let all;
            let statistics = if of_all {
                all = inputs.statistics.of_all();
                &all
            } else {
                &inputs.statistics
            };
            let has_bias = !step.layer.biases.is_empty();
            let groups = statistics.groups();
            let prepared: Option<Vec<Prepared>> = (0..groups)
                .map(|group| Prepared::new(statistics.quadratic(group, has_bias, step.shrinkage)?))
                .collect();
            let Some(prepared) = prepared else {
                chain.add(step.better);
                continue;
            };
            let means: Vec<Vec<f64>> = (0..groups).map(|group| statistics.mean(group)).collect();
            let mut target = step.rounding.weights.mapv(f64::from);
            let mut shifts = vec![0.0; target.nrows()];
            if let Some(share) = &mut share {
                let moved = self.moved(step, &prepared, &means, chain, pending, share)?;
                if let Some((weights, bias)) = moved {
                    target += &weights;
                    shifts = bias;
                }
            }
            let rows = self.rows(step, inputs, &prepared, &target, of_all);
            let of_group = rows.len() / groups;
            for (number, (row, shift)) in rows.iter().zip(&mut shifts).enumerate() {
                let of_row = target.row(number).into_iter().zip(&row.codes).zip(&means[number / of_group]);
                *shift += of_row.map(|((w, q), mean)| (w - f64::from(row.scale) * q) * mean).sum::<f64>();
            }
            let biases = biases(self.model, self.constants, step.layer, has_bias.then_some(&shifts[..]))?;
            match step.rounding.pack(step.layer, &rows)? {
                Some(codes) => chain.changes.put(&step.layer.constants, &codes, biases),
                None => chain.add(step.better),
            }
        }
        Ok(())
    }

    /// Returns codes and scales for a layer's target.
    fn rows(
        &self,
        step: &Step<'_>,
        inputs: &Inputs,
        prepared: &[Prepared],
        target: &Array2<f64>,
        of_all: bool,
    ) -> Vec<Row> {
        let Rounding { codes, own_scales, nearest, .. } = &step.rounding;
        let scales: Vec<f32> = nearest.iter().map(|row| row.scale).collect();
        let (codes, own_scales) = (*codes, *own_scales);
        let task = Task { codes, own_scales, descend: true, kept: None, threads: self.options.threads.get() };
        if let [prepared] = prepared {
            if let Some(lambda) = step.layer.treatment.rate {
                let rows = step.coupling.solve_rated(prepared, target, &scales, codes, lambda);
                return rows.unwrap_or_else(|| nearest.clone());
            }
            return step.coupling.solve(prepared, target, &scales, task);
        }
        // Rows by themselves, for their scales; then together.
        let of_row = |(number, prepared): (usize, &Prepared)| {
            let weights = target.row(number).mapv(|w| w as f32).insert_axis(ndarray::Axis(0));
            Coupling::alone(prepared, weights.view(), scales[number], task)
        };
        let rows: Vec<Row> = prepared.iter().enumerate().filter_map(of_row).collect();
        let Some(joint) = inputs.joint.as_ref().filter(|_| rows.len() == target.nrows()) else { return rows };
        let second = joint.second(of_all, !step.layer.biases.is_empty(), step.shrinkage);
        step.coupling.solve_separate(&second, target, &rows, codes).unwrap_or(rows)
    }
}
