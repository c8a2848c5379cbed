//! How much each input of weights counts, and the scales of weights that follow from it.

use crate::graph::ValueId;
use ndarray::ArrayD;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The scales of each channel of weights along an axis; `None` where inputs lie along it.
type Found = BTreeMap<(ValueId, usize), Option<Vec<f32>>>;

/// The mean squares of the channels that weights are multiplied with.
#[derive(Debug, Default)]
pub(crate) struct Importance {
    squares: BTreeMap<ValueId, Vec<f32>>,
    /// What was found already: variants of a model have the same scales by this.
    found: Mutex<Found>,
}

impl Importance {
    /// Returns that of mean squares, by weights.
    pub(crate) fn new(squares: BTreeMap<ValueId, Vec<f32>>) -> Self {
        Self { squares, found: Mutex::default() }
    }

    /// Returns whether it knows the inputs of weights.
    pub(crate) fn has(&self, id: ValueId) -> bool {
        self.squares.contains_key(&id)
    }

    /// Returns the scales of weights with the least weighted error, `plain` being those of the largest magnitudes; `None` where the
    /// channels of inputs do not lie along their last axis, or it is that of the scales.
    pub(crate) fn scales(&self, id: ValueId, values: &ArrayD<f32>, axis: usize, plain: &[f32]) -> Option<Vec<f32>> {
        let squares = self.squares.get(&id)?;
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let of_weights = found.entry((id, axis)).or_insert_with(|| {
            let mut scales = plain.to_vec();
            search(&mut scales, values, axis, squares).then_some(scales)
        });
        of_weights.clone()
    }
}

/// Shares of the largest magnitude that are tried as the largest weight with a code of its own.
const SHARES: u32 = 24;
/// How much smaller each is than the one before.
const SHARE_STEP: f32 = 0.0125;

/// Makes each channel's scale the one with the smallest error Σ hᵢ (w − ŵ)² among some shares of the largest magnitude, hᵢ being the mean
/// square of the input that a weight is multiplied with; returns whether there are such for these weights.
fn search(scales: &mut [f32], values: &ArrayD<f32>, axis: usize, importance: &[f32]) -> bool {
    let last = values.ndim().saturating_sub(1);
    if axis == last || values.shape().last() != Some(&importance.len()) || importance.is_empty() {
        return false;
    }
    for (channel, scale) in scales.iter_mut().enumerate() {
        let row: Vec<f32> = values.index_axis(ndarray::Axis(axis), channel).iter().copied().collect();
        let largest = row.iter().fold(0.0_f32, |largest, w| largest.max(w.abs()));
        if largest == 0.0 {
            continue;
        }
        let full = largest / 127.0;
        let error = |scale: f32| {
            let of_element = |(w, h): (&f32, &f32)| {
                let code = (w / scale).round().clamp(-127.0, 127.0);
                h * (w - code * scale) * (w - code * scale)
            };
            row.iter().zip(importance.iter().cycle()).map(of_element).sum::<f32>()
        };
        let (mut best, mut least) = (full, error(full));
        for share in 1..=SHARES {
            let candidate = full * (1.0 - SHARE_STEP * share as f32);
            let of_candidate = error(candidate);
            if of_candidate < least {
                (best, least) = (candidate, of_candidate);
            }
        }
        *scale = best;
    }
    true
}
