//! What the laws of the mapping are tried on: a tensor, and points or positions in it.

use super::definition;
use crate::laws::random::Random;
use crate::laws::shrink::{OF_A_NUMBER, Shrink, simpler_number};
use crate::laws::strategies::{Tensor, Tensors};
use crate::params::Granularity;

/// A tensor to find parameters for, and points to map with them: quotients, and by how many rounding errors beside.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub(super) tensor: Tensor,
    pub(super) points: Vec<(f32, i8)>,
}

impl Probe {
    pub(super) fn make(random: &mut Random, tensors: &Tensors) -> Self {
        let tensor = tensors.make(random);
        let points = (0..=random.below(24)).map(|_| {
            let quotient = match random.below(8) {
                0 => random.pick(&[f32::INFINITY, f32::NEG_INFINITY, 1e10, -1e10, f32::MAX, f32::MIN, 0.0, -0.0]),
                1 => (random.normal() * 100.0) as f32,
                2 => (random.normal() * 1e5) as f32,
                _ => random.between(-520, 520) as f32 / 2.0,
            };
            (quotient, random.between(-1, 1) as i8)
        });
        let points = points.collect();
        Self { tensor, points }
    }
}

impl Shrink for Probe {
    fn attempts(&self) -> usize {
        self.tensor.attempts() + self.points.len() * (1 + OF_A_NUMBER)
    }

    fn attempt(&self, k: usize) -> Option<Self> {
        let mut simpler = self.clone();
        let Some(k) = k.checked_sub(self.tensor.attempts()) else {
            simpler.tensor = self.tensor.attempt(k)?;
            return Some(simpler);
        };
        let n = self.points.len();
        if k < n {
            simpler.points.remove(k);
            return (n > 1).then_some(simpler);
        }
        let (at, k) = ((k - n) / OF_A_NUMBER, (k - n) % OF_A_NUMBER);
        simpler.points[at].0 = simpler_number(self.points[at].0, k)?;
        Some(simpler)
    }
}

/// A tensor, and the positions of some of its elements; each group has others, too.
#[derive(Clone, Debug)]
pub(super) struct Spots {
    pub(super) tensor: Tensor,
    pub(super) at: Vec<usize>,
    granularity: Granularity,
}

impl Spots {
    /// Returns the tensor with those of the positions that leave each group a value, or `None` if none does.
    pub(super) fn new(tensor: Tensor, at: Vec<usize>, granularity: Granularity) -> Option<Self> {
        let spots = Self { tensor, at, granularity }.sound();
        (!spots.at.is_empty()).then_some(spots)
    }

    /// Returns the tensor with `x` at the positions.
    pub(super) fn tensor_with(&self, x: f32) -> Tensor {
        let mut values = self.tensor.values().to_vec();
        self.at.iter().for_each(|&at| values[at] = x);
        self.tensor.with_values(values)
    }

    /// Returns the same without the positions that are none, or that leave a group without a value.
    fn sound(mut self) -> Self {
        let mut sound = Vec::new();
        for &at in &self.at {
            sound.push(at);
            if at >= self.tensor.values().len() || !definition::leaves_values(self.granularity, &self.tensor, &sound) {
                sound.pop();
            }
        }
        self.at = sound;
        self
    }
}

impl Shrink for Spots {
    fn attempts(&self) -> usize {
        self.at.len() + self.tensor.attempts()
    }

    fn attempt(&self, k: usize) -> Option<Self> {
        let mut simpler = self.clone();
        if k < self.at.len() {
            simpler.at.remove(k);
        } else {
            simpler.tensor = self.tensor.attempt(k - self.at.len())?;
            simpler = simpler.sound();
        }
        (!simpler.at.is_empty()).then_some(simpler)
    }
}
