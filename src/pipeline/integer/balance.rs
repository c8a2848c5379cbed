//! By what channels are divided: ranges of activations against magnitudes of weights.

use super::super::equalization::{ChannelSets, Constants, Layer};
use super::statistics::Statistics;
use crate::graph::ValueId;
use crate::recipe::integer::Width;
use ndarray::Axis;
use std::collections::{BTreeMap, BTreeSet};

/// What a channel is divided by: aᵅ · w⁻ᵝ, with a the share of its tensor's range that it uses, and w the largest weight that it is
/// multiplied with, as a share of the largest in its row.
type Exponents = (f32, f32);

/// The exponents that are tried. None is so large that channels would have no room for values beyond those that were observed.
const EXPONENTS: [Exponents; 9] =
    [(0.0, 0.0), (0.25, 0.0), (0.5, 0.0), (0.25, 0.25), (0.5, 0.25), (0.5, 0.5), (0.0, 0.25), (0.0, 0.5), (0.0, 0.75)];

/// The most that a channel is stretched or shrunk.
const MOST: f32 = 256.0;
/// By how much weights get nearer to the float model's when they are rounded with the data in view; noise of theirs counts as this share.
const WEIGHT_SHARE: f64 = 0.4;
/// A channel that a rectifier cuts off at 6 has reached that when it is this near.
const CAP: f32 = 6.0;

/// The smallest and the largest element of a channel, and its set: `usize::MAX` if its factor is 1.
type Ends = (usize, (f32, f32));

/// What is known of a subgraph's channels, and of the weights that they are multiplied with.
pub(super) struct Balance<'a> {
    sets: &'a ChannelSets,
    /// For each set the largest share of a range that a channel uses.
    shares: Vec<f32>,
    /// For each set the smallest factor that a cut at 6 allows.
    least: Vec<f32>,
    /// For each set the largest weight beside the largest of its row.
    weights: Vec<f32>,
    /// Ends of channels, by the scale that their values have in common.
    ends: BTreeMap<usize, Vec<Ends>>,
    /// For each value the first of those that have its scale.
    class: Vec<usize>,
    /// For each class the classes that share sets with it, by one of them.
    cluster: Vec<usize>,
    consumers: Vec<Consumer>,
}

/// A layer that takes channels.
struct Consumer {
    input: usize,
    /// Rows of weights, by output; each has for every channel of the input the largest magnitude.
    rows: Vec<Vec<f32>>,
    /// The squares of the weights of each channel.
    energy: Vec<f64>,
    /// The mean squares of the channels.
    power: Vec<f64>,
    /// The variances of the channels: what errors of weights make of their means, biases take out.
    variances: Vec<f64>,
    /// How many weights of a row a channel is multiplied with.
    taps: f64,
    is_depthwise: bool,
}

impl<'a> Balance<'a> {
    /// Returns what statistics and constants tell of the channels of a subgraph, whose values in `groups` have one scale each.
    pub(super) fn new(
        subgraph: usize,
        sets: &'a ChannelSets,
        constants: &Constants,
        statistics: &Statistics,
        groups: &[Vec<usize>],
    ) -> Self {
        let mut class: Vec<usize> = (0..sets.values()).collect();
        for group in groups {
            for &value in group {
                if let (Some(slot), Some(&first)) = (class.get_mut(value), group.first()) {
                    *slot = first;
                }
            }
        }
        let mut balance = Self {
            sets,
            shares: vec![0.0; sets.len()],
            least: vec![0.0; sets.len()],
            weights: vec![0.0; sets.len()],
            ends: BTreeMap::new(),
            cluster: (0..sets.values()).collect(),
            class,
            consumers: Vec::new(),
        };
        let mut whole: BTreeMap<usize, (f32, f32)> = BTreeMap::new();
        for value in 0..sets.values() {
            let Some(moments) = statistics.moments(ValueId { subgraph, value }) else { continue };
            if moments.len() != sets.channels(value) {
                continue;
            }
            let class = balance.class[value];
            let of_class = whole.entry(class).or_default();
            for channel in 0..moments.len() {
                let (low, high) = moments.ends(channel);
                *of_class = (of_class.0.min(low), of_class.1.max(high));
                let set = sets.set(value, channel).unwrap_or(usize::MAX);
                balance.ends.entry(class).or_default().push((set, (low, high)));
            }
        }
        let mut home: BTreeMap<usize, usize> = BTreeMap::new();
        for (class, ends) in &balance.ends {
            let (low, high) = whole.get(class).copied().unwrap_or_default();
            let width = high - low;
            for &(set, (l, h)) in ends.iter().filter(|(set, _)| *set != usize::MAX) {
                let of = |x: f32, end: f32| if end.abs() > width * 1e-3 { x / end } else { 0.0 };
                balance.shares[set] = balance.shares[set].max(of(l, low)).max(of(h, high)).min(1.0);
                if sets.is_capped(set) {
                    balance.least[set] = balance.least[set].max(if h >= 0.999 * CAP { 1.0 } else { h / CAP });
                }
                let other = *home.entry(set).or_insert(*class);
                let (a, b) = (root(&balance.cluster, *class), root(&balance.cluster, other));
                balance.cluster[a.max(b)] = a.min(b);
            }
        }
        for layer in &sets.layers {
            balance.consumers.extend(balance.consumer(subgraph, layer, constants, statistics));
        }
        for consumer in &balance.consumers {
            for row in &consumer.rows {
                let largest = row.iter().copied().fold(0.0, f32::max);
                for (channel, &w) in row.iter().enumerate() {
                    if let Some(set) = sets.set(consumer.input, channel).filter(|_| largest > 0.0) {
                        let share = if consumer.is_depthwise { 1.0 } else { w / largest };
                        balance.weights[set] = balance.weights[set].max(share);
                    }
                }
            }
        }
        balance
    }

    fn consumer(
        &self,
        subgraph: usize,
        layer: &Layer,
        constants: &Constants,
        statistics: &Statistics,
    ) -> Option<Consumer> {
        let channels = self.sets.channels(layer.input);
        let moments = statistics.moments(ValueId { subgraph, value: layer.input })?;
        let weights = constants.get(ValueId { subgraph, value: layer.weights })?;
        if moments.len() != channels || !self.sets.is_free(layer.input) {
            return None;
        }
        let is_depthwise = layer.input_axis == layer.output_axis;
        let mut energy = vec![0.0; channels];
        let mut rows = Vec::new();
        for (output, of_output) in weights.axis_iter(Axis(layer.output_axis)).enumerate() {
            let mut row = vec![0.0_f32; channels];
            if is_depthwise {
                let channel = output / layer.multiplier % channels.max(1);
                for &w in &of_output {
                    row[channel] = row[channel].max(w.abs());
                    energy[channel] += f64::from(w * w);
                }
            } else {
                for (index, &w) in of_output.iter().enumerate() {
                    let channel = index % channels.max(1);
                    row[channel] = row[channel].max(w.abs());
                    energy[channel] += f64::from(w * w);
                }
            }
            rows.push(row);
        }
        let of_row = weights.len() as f64 / rows.len().max(1) as f64;
        let taps = if is_depthwise { of_row } else { of_row / channels.max(1) as f64 };
        Some(Consumer {
            input: layer.input,
            rows,
            energy,
            power: moments.mean_squares(),
            variances: moments.variances(),
            taps,
            is_depthwise,
        })
    }

    fn factors(&self, (alpha, beta): Exponents) -> Vec<f32> {
        let of = |set: usize| {
            let (share, weight) = (self.shares[set], self.weights[set]);
            if share <= 1e-6 || weight <= 1e-6 {
                return 1.0;
            }
            let factor = (share.powf(alpha) * weight.powf(-beta)).clamp(1.0 / MOST, MOST);
            if self.sets.is_capped(set) { factor.max(self.least[set]).min(1.0) } else { factor }
        };
        (0..self.shares.len()).map(of).collect()
    }

    /// Returns the factors of the exponents with the smallest noise, each cluster of sets by itself.
    ///
    /// Let a be the share of a tensor's range that a channel uses, the largest of those of the set. With s = a every channel uses all of
    /// it: no tensor's step gets wider, and errors of the channel's codes are a times what they were. What is multiplied with them has
    /// larger channels beside smaller weights then, and loses more by its own codes. So s = aᵅ w⁻ᵝ, with the exponents for which
    /// Σ (Δ² Σᵢ sᵢ² Eᵢ + Σₒ δₒ² Σᵢ Pᵢ / sᵢ²) / S is smallest: Δ and δₒ are the steps of activations and of a row of weights, E the squares of
    /// weights, P the variances of channels, and S the power of the layer's outputs. (Nagel et al., "Data-Free Quantization through Weight
    /// Equalization and Bias Correction", 2019, § 4.1, there for pairs of layers and from weights alone.)
    pub(super) fn best(&self, width: Width) -> Vec<f32> {
        let mut best = vec![1.0; self.sets.len()];
        let mut least: BTreeMap<usize, f64> = BTreeMap::new();
        for exponents in EXPONENTS {
            let factors = self.factors(exponents);
            let noise = self.noise(&factors, width);
            let better: BTreeSet<usize> = noise
                .iter()
                .filter(|(cluster, noise)| least.get(cluster).is_none_or(|least| **noise < 0.98 * least))
                .map(|(cluster, _)| *cluster)
                .collect();
            least.extend(noise.iter().filter(|(cluster, _)| better.contains(cluster)).map(|(c, n)| (*c, *n)));
            for (class, ends) in &self.ends {
                if better.contains(&root(&self.cluster, *class)) {
                    for &(set, _) in ends.iter().filter(|(set, _)| *set != usize::MAX) {
                        best[set] = factors[set];
                    }
                }
            }
        }
        best
    }

    /// Returns for each cluster the noise that its consumers' outputs get from codes, as a share of their power.
    fn noise(&self, factors: &[f32], width: Width) -> BTreeMap<usize, f64> {
        let of = |set: usize| if set == usize::MAX { 1.0 } else { factors[set] };
        let steps: BTreeMap<usize, f64> = self
            .ends
            .iter()
            .map(|(class, ends)| {
                let (mut low, mut high) = (0.0_f32, 0.0_f32);
                for &(set, (l, h)) in ends {
                    (low, high) = (low.min(l / of(set)), high.max(h / of(set)));
                }
                let step = match width {
                    Width::Int8 => f64::from(high - low) / 255.0,
                    Width::Int16 => f64::from(high.max(-low)) / 32767.0,
                };
                (*class, step)
            })
            .collect();
        let mut noise = BTreeMap::new();
        for consumer in &self.consumers {
            let class = self.class[consumer.input];
            let step = steps.get(&class).copied().unwrap_or(0.0);
            let s: Vec<f64> = (0..consumer.energy.len())
                .map(|channel| self.sets.set(consumer.input, channel).map_or(1.0, |set| f64::from(factors[set])))
                .collect();
            let of_codes: f64 = s.iter().zip(&consumer.energy).map(|(s, e)| s * s * e).sum::<f64>() * step * step;
            let powers = consumer.variances.iter().zip(&s).map(|(p, s)| p / (s * s));
            let of_weights: f64 = if consumer.is_depthwise {
                // A row has one channel: its step shrinks as the channel grows.
                let powers = consumer.variances.iter();
                let rows = consumer.rows.iter().map(|row| row.iter().copied().fold(0.0, f32::max));
                powers.zip(rows).map(|(p, w)| p * f64::from(w / 127.0).powi(2)).sum::<f64>() * consumer.taps
            } else {
                let steps = consumer.rows.iter().map(|row| {
                    let largest = row.iter().zip(&s).map(|(w, s)| f64::from(*w) * s).fold(0.0, f64::max);
                    (largest / 127.0).powi(2)
                });
                steps.sum::<f64>() * powers.sum::<f64>() * consumer.taps
            };
            let signal: f64 = consumer.power.iter().zip(&consumer.energy).map(|(p, e)| p * e).sum();
            if signal > 0.0 {
                *noise.entry(root(&self.cluster, class)).or_insert(0.0) +=
                    (of_codes + WEIGHT_SHARE * of_weights) / signal;
            }
        }
        noise
    }
}

fn root(parents: &[usize], mut at: usize) -> usize {
    while let Some(&parent) = parents.get(at).filter(|&&parent| parent != at) {
        at = parent;
    }
    at
}
