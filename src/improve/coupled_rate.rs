//! Rows that make good of each other's errors, with codes that are chosen for their bits.

use super::codes::Codes;
use super::coupling::{Coupling, MOST, PARTS};
use super::descent::Row;
use super::feedback::Choice;
use super::rate::{Rate, Shares};
use super::solver::Prepared;
use ndarray::Array2;

/// How often codes are chosen with the shares of those chosen before.
const ROUNDS: usize = 3;

impl Coupling {
    /// Returns rows for `weights`, [rows, elements], that all have the same inputs, under scales that are given. A bit is worth `lambda`, in
    /// squared steps of a row and an element of mean weight: an error of row j and element k costs dⱼ · dₖ, as both factors have it, so
    /// that rows on which the outputs hardly depend become codes of few bits.
    ///
    /// `None` where the moments of the inputs are of another form than the weights.
    pub(crate) fn solve_rated(
        &self,
        prepared: &Prepared,
        weights: &Array2<f64>,
        scales: &[f32],
        codes: Codes,
        lambda: f64,
    ) -> Option<Vec<Row>> {
        let count = weights.nrows();
        let part = (count / PARTS).clamp(1, MOST);
        let mean = |pivots: &[f64]| pivots.iter().sum::<f64>() / pivots.len().max(1) as f64;
        let whole = mean(&self.factor.pivots);
        let mut rate: Option<Rate> = None;
        let mut rows: Vec<Option<Row>> = vec![None; count];
        for _ in 0..=ROUNDS {
            let (mut shares, mut unit) = (Shares::new(codes), 0.0);
            let mut errors = Array2::<f64>::zeros(weights.dim());
            for start in (0..count).step_by(part) {
                let end = (start + part).min(count);
                // Elements by rows, as they are rounded.
                let targets = self.targets(weights, &errors, start..end).reversed_axes();
                let targets = targets.as_standard_layout();
                let scales: Vec<f64> = (start..end).map(|j| f64::from(scales[self.order[j]])).collect();
                let of_part = rate.as_ref().map(|rate| rate.weighed(mean(&self.factor.pivots[start..end]) / whole));
                let choice = Choice { codes, rate: of_part.as_ref(), kept: None };
                let rounded = prepared.round(targets.view(), &scales, &choice)?;
                unit = rounded.mean_pivot;
                for ((j, codes), &scale) in (start..end).zip(rounded.codes.columns()).zip(&scales) {
                    let codes = codes.to_vec();
                    shares.add(&codes);
                    let of_row = errors.row_mut(j).into_iter().zip(weights.row(self.order[j])).zip(&codes);
                    of_row.for_each(|((e, w), q)| *e = w - scale * q);
                    rows[self.order[j]] = Some(Row { codes, scale: scale as f32 });
                }
            }
            rate = Some(shares.priced(lambda, unit));
        }
        rows.into_iter().collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::super::quadratic::Quadratic;
    use super::*;

    fn noise(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
        let mut state = seed;
        Array2::from_shape_simple_fn((rows, columns), || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        })
    }

    /// Returns bits a code: the entropy of all codes.
    fn bits(rows: &[Row]) -> f64 {
        let mut shares = std::collections::HashMap::new();
        let codes: Vec<i64> = rows.iter().flat_map(|row| row.codes.iter().map(|&q| q as i64)).collect();
        for &q in &codes {
            *shares.entry(q).or_insert(0.0) += 1.0;
        }
        let all = codes.len() as f64;
        shares.values().map(|count: &f64| count / all * (all / count).log2()).sum()
    }

    #[test]
    fn rows_together_lose_less_than_nearest_codes_and_dearer_bits_are_fewer() {
        // Outputs depend on three sums of 40 rows; inputs are alike.
        let (gradients, inputs) = (noise(40, 3, 1), noise(30, 48, 2).dot(&noise(48, 24, 3)));
        let coupling = Coupling::new(gradients.dot(&gradients.t())).unwrap();
        let mut h = inputs.t().dot(&inputs) / 30.0;
        h.diag_mut().iter_mut().for_each(|d| *d += 0.1);
        let prepared = Prepared::new(Quadratic::Matrix(h.clone())).unwrap();
        // Most weights are small, as those of a layer are.
        let weights = noise(40, 24, 4).mapv(|x| x * x * x);
        let (codes, scales) = (Codes { min: -127.0, max: 127.0 }, [0.1_f32; 40]);
        let cost = |rows: &[Row]| {
            let error =
                Array2::from_shape_fn((40, 24), |(r, k)| weights[[r, k]] - f64::from(rows[r].scale) * rows[r].codes[k]);
            coupling.inner(error.dot(&h).view(), error.view())
        };
        let nearest: Vec<Row> = (0..40)
            .map(|r| Row {
                codes: weights.row(r).iter().map(|w| codes.nearest(w / f64::from(scales[r]))).collect(),
                scale: scales[r],
            })
            .collect();
        let with = |lambda| coupling.solve_rated(&prepared, &weights, &scales, codes, lambda).unwrap();
        let [free, some, dear] = [0.0, 0.03, 0.2].map(with);
        assert!(cost(&free) < 0.3 * cost(&nearest), "{} and {}", cost(&free), cost(&nearest));
        assert!(bits(&some) < bits(&free) && bits(&dear) < bits(&some) - 0.1, "{} {}", bits(&some), bits(&dear));
        assert!(cost(&some) < cost(&dear) && cost(&dear) < cost(&nearest));
    }
}
