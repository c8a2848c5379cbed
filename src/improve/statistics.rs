//! What samples tell of the inputs of one tensor of weights.

use super::moments::Moments;
use super::product::Product;
use super::quadratic::{Quadratic, Shrinkage};
use crate::calibration::ValueView;
use ndarray::{Array2, ArrayView2, Axis, Slice};

/// The most inputs that one sample adds: neighbours in an image tell the same again.
const FROM_A_SAMPLE: usize = 256;
/// So many inputs are enough for rows that are not long; longer ones take as many times their length.
const ENOUGH: usize = 4096;
const TIMES_THE_LENGTH: usize = 4;
/// The most inputs that are kept to judge by.
const TO_JUDGE: usize = 1024;
/// The most inputs that are kept as they are, for rows too long for a matrix.
const KEPT: usize = 384;
/// The longest rows whose second moments are kept as a matrix, of 32 MiB.
const LONGEST: usize = 2048;

/// What a sample is for: no sample is for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Weights are fitted to it.
    Fit,
    /// Weights are judged by it.
    Judge,
}

impl Purpose {
    /// Returns the purpose of a sample: two of five judge, spread over all.
    pub(crate) fn of(sample: usize) -> Self {
        if matches!(sample % 5, 1 | 3) { Self::Judge } else { Self::Fit }
    }

    /// Returns how many of so many samples have each purpose, those to fit first.
    pub(crate) fn counts(samples: usize) -> [usize; 2] {
        let judge = (0..samples).filter(|&sample| Self::of(sample) == Self::Judge).count();
        [samples - judge, judge]
    }
}

/// Returns whether a sample, by its number among all, is one that weights are judged by, and not one that they are fitted to.
pub(crate) fn is_for_judging(sample: usize) -> bool {
    Purpose::of(sample) == Purpose::Judge
}

/// The inputs of a tensor of weights, of all products that it is part of.
#[derive(Clone, Debug)]
pub(crate) struct Statistics {
    products: Vec<Product>,
    /// The most inputs of a sample, to fit and to judge.
    most: [usize; 2],
    fit_samples: usize,
    fit: Fit,
    judge: Vec<f32>,
    seen: [usize; 2],
    misfits: usize,
}

#[derive(Clone, Debug)]
enum Fit {
    Nothing,
    /// For each group.
    Moments(Vec<Moments>),
    /// Rows for one group.
    Rows(Vec<f32>),
}

impl Statistics {
    /// Returns what is known before any sample, of `samples` to come. Products are of the same weights.
    pub(crate) fn new(products: Vec<Product>, samples: usize) -> Option<Self> {
        let first = products.first()?;
        if products.iter().any(|other| (other.len, other.groups) != (first.len, first.groups)) {
            return None;
        }
        let [fit_samples, judges] = Purpose::counts(samples);
        let shares = products.len();
        let enough = ENOUGH.max(first.len * TIMES_THE_LENGTH);
        let most = |all: usize, samples: usize| (all / shares / samples.max(1)).clamp(1, FROM_A_SAMPLE);
        let most = [most(enough, fit_samples), most(TO_JUDGE, judges)];
        Some(Self { products, most, fit_samples, fit: Fit::Nothing, judge: Vec::new(), seen: [0; 2], misfits: 0 })
    }

    /// Returns the bytes that this may come to take.
    pub(crate) fn most_bytes(&self) -> usize {
        let (len, groups) = (self.len(), self.groups());
        let fit = if len > LONGEST { KEPT * len * 4 } else { groups * len * len * 8 + len * len * 4 };
        fit + TO_JUDGE * len * groups * 4
    }

    /// Returns the elements of a row.
    pub(crate) fn len(&self) -> usize {
        self.products.first().map_or(0, |product| product.len)
    }

    /// Returns the number of groups of rows.
    pub(crate) fn groups(&self) -> usize {
        self.products.first().map_or(1, |product| product.groups)
    }

    /// Takes note of a value, if it is one that the weights are multiplied with.
    pub(crate) fn observe(&mut self, value: &ValueView<'_>, purpose: Purpose) {
        let most = self.most[usize::from(purpose == Purpose::Judge)];
        for product in self.products.iter().filter(|product| product.input == value.id) {
            let Some(rows) = product.inputs(value.values.view(), most) else {
                self.misfits += 1;
                continue;
            };
            self.seen[usize::from(purpose == Purpose::Judge)] += 1;
            let (len, groups) = (product.len, product.groups);
            if purpose == Purpose::Judge {
                let room = TO_JUDGE.saturating_sub(self.judge.len() / (len * groups));
                let taken = rows.nrows().min(room);
                self.judge.extend(rows.iter().take(taken * len * groups));
                continue;
            }
            if let Fit::Nothing = self.fit {
                let expected = self.fit_samples * rows.nrows() * self.products.len();
                let is_short = groups == 1 && (len > LONGEST || expected * 2 < len);
                self.fit = if is_short { Fit::Rows(Vec::new()) } else { Fit::Moments(vec![Moments::new(len); groups]) };
            }
            match &mut self.fit {
                Fit::Nothing => {}
                Fit::Rows(kept) => {
                    let room = KEPT.max(len.min(LONGEST) / 2).saturating_sub(kept.len() / len);
                    kept.extend(rows.iter().take(rows.nrows().min(room) * len));
                }
                Fit::Moments(moments) => {
                    for (group, moments) in moments.iter_mut().enumerate() {
                        moments.add(rows.slice_axis(Axis(1), Slice::from(group * len..(group + 1) * len)));
                    }
                }
            }
        }
    }

    /// Returns how many values were seen for each purpose, those to fit first.
    pub(crate) fn seen(&self) -> [usize; 2] {
        self.seen
    }

    /// Returns the mean input of a group.
    pub(crate) fn mean(&self, group: usize) -> Vec<f64> {
        match &self.fit {
            Fit::Nothing => vec![0.0; self.len()],
            Fit::Moments(moments) => moments.get(group).map_or_else(Vec::new, Moments::mean),
            Fit::Rows(rows) => {
                let mut mean = vec![0.0; self.len()];
                for row in rows.chunks_exact(self.len()) {
                    mean.iter_mut().zip(row).for_each(|(mean, &x)| *mean += f64::from(x));
                }
                let count = (rows.len() / self.len()).max(1) as f64;
                for mean in &mut mean {
                    *mean /= count;
                }
                mean
            }
        }
    }

    /// Returns the statistics of all samples, with nothing left to judge by.
    pub(crate) fn of_all(&self) -> Self {
        let mut all = self.clone();
        let (len, groups) = (self.len(), self.groups());
        let Ok(judge) = ArrayView2::from_shape((self.judge.len() / (len * groups), len * groups), &self.judge) else {
            return all;
        };
        match &mut all.fit {
            Fit::Nothing => {}
            Fit::Rows(rows) => rows.extend_from_slice(&self.judge),
            Fit::Moments(moments) => {
                for (group, moments) in moments.iter_mut().enumerate() {
                    moments.add(judge.slice_axis(Axis(1), Slice::from(group * len..(group + 1) * len)));
                }
            }
        }
        all
    }

    /// Returns what an error of a row of a group costs; `centred` where a bias makes good of its mean.
    pub(crate) fn quadratic(&self, group: usize, centred: bool, shrinkage: Shrinkage) -> Option<Quadratic> {
        match &self.fit {
            Fit::Nothing => None,
            Fit::Moments(moments) => Some(Quadratic::of_moments(moments.get(group)?, centred, shrinkage)),
            Fit::Rows(rows) => {
                let len = self.len();
                let rows = ArrayView2::from_shape((rows.len() / len, len), rows).ok()?;
                let mean = centred.then(|| self.mean(group));
                Some(Quadratic::of_samples(rows, mean.as_deref(), shrinkage))
            }
        }
    }

    /// Returns the mean square of what errors, [rows, elements], add to the outputs of a group on the samples that judge, for each
    /// row; `centre` is what a bias takes away.
    pub(crate) fn judged(&self, group: usize, errors: ArrayView2<'_, f64>, centre: Option<&[f64]>) -> Vec<f64> {
        let (len, all) = (self.len(), self.len() * self.groups());
        let Ok(inputs) = ArrayView2::from_shape((self.judge.len() / all, all), &self.judge) else { return Vec::new() };
        let inputs = inputs.slice_axis(Axis(1), Slice::from(group * len..(group + 1) * len));
        let errors = errors.mapv(|e| e as f32);
        let mut outputs: Array2<f32> = errors.dot(&inputs.t());
        if let Some(centre) = centre {
            for (mut output, error) in outputs.rows_mut().into_iter().zip(errors.rows()) {
                let shift = error.iter().zip(centre).map(|(&e, m)| f64::from(e) * m).sum::<f64>() as f32;
                output.iter_mut().for_each(|y| *y -= shift);
            }
        }
        let count = inputs.nrows().max(1) as f64;
        let mean_square =
            |row: ndarray::ArrayView1<'_, f32>| row.iter().map(|&y| f64::from(y) * f64::from(y)).sum::<f64>() / count;
        outputs.rows().into_iter().map(mean_square).collect()
    }
}
