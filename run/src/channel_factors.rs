//! Values whose channels a model has multiplied with factors, as equalized models do: what one layer's channel is divided by, the
//! next layers' weights are multiplied with.
//!
//! Such a value is not the float model's, and yet nothing is lost. The factor of a channel along the last axis is that of the
//! smallest squared error, `k = Σxy / Σx²` for references x and values y. A value counts as rescaled if the factors explain
//! [`EXPLAINED`] of its error or more, are all positive where there is something, and one of them is off 1 by [`FAR`] or more; then what
//! it loses is that of y / k against x. Noise moves a factor by its share of the signal over the root of the number of
//! elements, so that this takes next to nothing from the noise; of a few elements it would take all, so that there only a large error counts
//! ([`FEW`], [`LARGE`]).

use crate::difference::Difference;
use ndarray::{Array1, ArrayD, ArrayViewD};

/// The share of the error, from which on factors are not chance.
const EXPLAINED: f64 = 0.75;
/// How far from 1 a factor is that somebody wanted.
const FAR: f64 = 0.05;
/// Of fewer elements of a channel a factor explains most of any error,
const FEW: u64 = 8;
/// so that there the error has to be as large a share of the signal as factors make it.
const LARGE: f64 = 0.01;

/// Sums over the channels of a value, along its last axis.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChannelFactors {
    /// Of each channel Σx², Σxy and Σy²; empty of values without channels.
    sums: Vec<[f64; 3]>,
    /// The elements of each channel.
    rows: u64,
    is_odd: bool,
}

impl ChannelFactors {
    /// Takes note of a value and its reference.
    pub(crate) fn add(&mut self, reference: &ArrayViewD<'_, f32>, value: &ArrayViewD<'_, f32>) {
        let channels = reference.shape().last().copied().unwrap_or(0);
        if self.sums.is_empty() && channels > 1 {
            self.sums = vec![[0.0; 3]; channels];
        }
        self.is_odd |= reference.shape() != value.shape() || channels != self.sums.len();
        if self.is_odd {
            return;
        }
        for (reference, value) in reference.rows().into_iter().zip(value.rows()) {
            self.rows += 1;
            for (sums, (&x, &y)) in self.sums.iter_mut().zip(reference.iter().zip(value)) {
                let (x, y) = (f64::from(x), f64::from(y));
                if x.is_finite() && y.is_finite() {
                    sums[0] += x * x;
                    sums[1] += x * y;
                    sums[2] += y * y;
                }
            }
        }
    }

    /// Returns the factors, if the value is rescaled.
    pub(crate) fn factors(&self) -> Option<Array1<f32>> {
        if self.is_odd {
            return None;
        }
        let factor = |[xx, xy, _]: &[f64; 3]| if *xx > 0.0 { xy / xx } else { 1.0 };
        let factors: Vec<f64> = self.sums.iter().map(factor).collect();
        let plain: f64 = self.sums.iter().map(|[xx, xy, yy]| xx - 2.0 * xy + yy).sum();
        let of_scaled = |(k, [xx, _, yy]): (&f64, &[f64; 3])| yy / (k * k) - xx;
        let undone: f64 = factors.iter().zip(&self.sums).filter(|(_, sums)| sums[0] > 0.0).map(of_scaled).sum();
        let signal: f64 = self.sums.iter().map(|[xx, ..]| xx).sum();
        if self.rows < FEW && plain < LARGE * signal {
            return None;
        }
        let is_rescaled = factors.iter().all(|k| k.is_finite() && *k > 0.0)
            && factors.iter().any(|k| (k - 1.0).abs() > FAR)
            && undone < (1.0 - EXPLAINED) * plain;
        is_rescaled.then(|| factors.into_iter().map(|k| k as f32).collect())
    }
}

/// What a value is off, by itself and with the factors of its channels undone.
#[derive(Clone, Debug, Default)]
pub(crate) struct ByChannels {
    factors: ChannelFactors,
    plain: Difference,
    undone: Difference,
}

impl ByChannels {
    /// Takes note of a value and its reference.
    pub(crate) fn add(&mut self, reference: &ArrayViewD<'_, f32>, value: &ArrayViewD<'_, f32>) {
        self.factors.add(reference, value);
        self.plain.add(reference.view(), value.view());
        let undone = self.undone(value);
        self.undone.add(reference.view(), undone.as_ref().map_or_else(|| value.view(), |undone| undone.view()));
    }

    /// Returns what the value would be without the factors, by what is known of them so far; `None` if it has none.
    pub(crate) fn undone(&self, value: &ArrayViewD<'_, f32>) -> Option<ArrayD<f32>> {
        Some(value / &self.factors.factors()?)
    }

    /// Returns what the value would be with the factors; `None` if it has none.
    pub(crate) fn rescaled(&self, reference: &ArrayD<f32>) -> Option<ArrayD<f32>> {
        Some(reference * &self.factors.factors()?)
    }

    /// Returns what is off, and whether factors are undone in that.
    pub(crate) fn difference(&self) -> (Difference, bool) {
        if self.factors.factors().is_some() { (self.undone, true) } else { (self.plain, false) }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use ndarray::{Array2, Axis};

    fn samples() -> impl Iterator<Item = Array2<f32>> {
        (0..5).map(|sample| Array2::from_shape_fn((7, 3), |(i, j)| ((sample * 21 + i * 3 + j) as f32).sin()))
    }

    #[test]
    fn factors_of_channels_are_undone() {
        let mut by_channels = ByChannels::default();
        for x in samples() {
            let noise = Array2::from_shape_fn((7, 3), |(i, j)| 0.01 * ((i * 5 + j * 2) as f32).cos());
            let y = (&x + &noise) * &ndarray::arr1(&[0.5, 1.0, 4.0]);
            by_channels.add(&x.view().into_dyn(), &y.view().into_dyn());
        }
        let (difference, is_rescaled) = by_channels.difference();
        assert!(is_rescaled && (difference.sqnr_db() - 40.0).abs() < 1.5, "{}", difference.sqnr_db());
        let wide = by_channels.rescaled(&Array2::ones((1, 3)).into_dyn()).unwrap();
        assert!((wide[[0, 2]] - 4.0).abs() < 0.05 && (wide[[0, 0]] - 0.5).abs() < 0.01);
    }

    #[test]
    fn noise_clipping_and_signs_are_no_factors() {
        let of = |spoil: fn(f32) -> f32| {
            let mut by_channels = ByChannels::default();
            for x in samples() {
                by_channels.add(&x.view().into_dyn(), &x.mapv(spoil).view().into_dyn());
            }
            by_channels.difference().1
        };
        assert!(!of(|x| (x * 3.0).round() / 3.0));
        assert!(!of(|x| x.min(0.3)));
        assert!(!of(|x| -x));
        assert!(!of(|x| x * 1.01));
        assert!(of(|x| x * 2.0));
    }

    #[test]
    fn values_of_other_shapes_and_silent_channels_have_none() {
        let mut by_channels = ByChannels::default();
        let x = Array2::<f32>::zeros((2, 3)).into_dyn();
        by_channels.add(&x.view(), &x.view());
        assert!(by_channels.rescaled(&x).is_none());
        by_channels.add(&x.view(), &x.view().index_axis(Axis(0), 0));
        assert_eq!(by_channels.difference().0.non_finite(), 3);
    }

    #[test]
    fn the_noise_of_a_single_row_is_no_factor() {
        let (x, y) =
            (ArrayD::from_elem(vec![1, 2], 1.0_f32), ArrayD::from_shape_vec(vec![1, 2], vec![1.06, 0.99]).unwrap());
        let mut factors = ChannelFactors::default();
        factors.add(&x.view(), &y.view());
        assert!(factors.factors().is_none());
        // A large one is, at once.
        let mut factors = ChannelFactors::default();
        factors.add(&x.view(), &(y * 4.0).view());
        assert!(factors.factors().is_some());
    }
}
