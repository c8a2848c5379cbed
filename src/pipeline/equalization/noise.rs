//! By what channels are divided where weights alone become codes: variances of what is multiplied with them against their magnitudes.
//!
//! The step of a row of weights follows its largest one, and its errors are about as large for all of its elements. So a layer loses,
//! as a share of its outputs' power S,
//!
//! ```text
//! N = Σᵣ maxₖ (wᵣₖ sₖ)² · Σₖ vₖ / sₖ² / S
//! ```
//!
//! where channel k, of variance v, was divided by s: what varies much has finer steps if it is made smaller, up to where its weights
//! would be the largest of their rows. ("AWQ" does so by powers of the magnitudes; Lin et al., 2023.) What a row itself is divided by
//! changes nothing, as its step goes along; nor do the channels of a depthwise convolution, which has one a row.

use super::channel_moments::ChannelMoments;
use super::channels::ChannelSets;
use super::constants::Constants;
use super::layer::Layer;
use crate::graph::ValueId;
use ndarray::{Array2, Axis};
use std::collections::{BTreeMap, BTreeSet};

/// The largest of a row is told by a norm with this exponent: steps are chosen narrower than the largest asks, if few are large.
const NORM: i32 = 6;
/// Of the factors found this power is taken: rounding with feedback makes good of a part of what they would.
const SHARE: f64 = 0.5;
/// What is added to variances, as a share of their mean: few samples do not tell that a channel is always the same.
const FLOOR: f64 = 0.02;
/// The most that a channel is stretched or shrunk.
const MOST: f64 = 100.0;
/// What a factor is changed by, first, then, and how often all are gone over at most.
const STRIDES: [(f64, usize); 2] = [(1.5, 5), (1.15, 7)];
/// The most pairs of a row and a channel in all layers together: larger models are left as they are.
const MOST_PAIRS: usize = 1 << 23;

/// A layer that takes channels.
struct Consumer {
    sets: Vec<Option<usize>>,
    /// [rows, channels], the largest magnitude of each, to the power.
    weights: Array2<f32>,
    variances: Vec<f64>,
    signal: f64,
    /// Σ (w s)ᴺ of each row.
    norms: Vec<f64>,
    /// Σ v / s².
    power: f64,
}

impl Consumer {
    /// Returns what is known of a layer that channels are scaled in front of; `None` of others. What is not finite has no noise to speak
    /// of: an empty one.
    fn new(
        layer: &Layer,
        (subgraph, sets): (usize, &ChannelSets),
        constants: &Constants,
        moments: &BTreeMap<ValueId, ChannelMoments>,
    ) -> Option<Result<Self, Vec<usize>>> {
        if layer.input_axis == layer.output_axis || !sets.is_free(layer.input) {
            return None;
        }
        let channels = sets.channels(layer.input);
        let of_channels: Vec<Option<usize>> = (0..channels).map(|channel| sets.set(layer.input, channel)).collect();
        let unknown = || Some(Err(of_channels.iter().flatten().copied().collect()));
        let known = moments.get(&ValueId { subgraph, value: layer.input }).filter(|known| known.len() == channels);
        let weights = constants.get(ValueId { subgraph, value: layer.weights });
        let (Some(known), Some(weights)) = (known, weights) else { return unknown() };
        let largest = weights.iter().fold(0.0_f32, |most, w| most.max(w.abs()));
        let mut variances = known.variances();
        let floor = FLOOR * variances.iter().sum::<f64>() / channels as f64;
        for v in &mut variances {
            *v += floor;
        }
        let is_known = largest > 0.0 && floor > 0.0 && floor.is_finite() && weights.iter().all(|w| w.is_finite());
        if !is_known {
            return unknown();
        }
        let rows = weights.len_of(Axis(layer.output_axis));
        let mut of_rows = Array2::<f32>::zeros((rows, channels));
        let mut energy = vec![0.0; channels];
        for (of_output, mut row) in weights.axis_iter(Axis(layer.output_axis)).zip(of_rows.rows_mut()) {
            for (index, &w) in of_output.iter().enumerate() {
                let (channel, w) = (index % channels, (w / largest).abs());
                row[channel] = row[channel].max(w);
                energy[channel] += f64::from(w * w);
            }
        }
        of_rows.mapv_inplace(|w| w.powi(NORM));
        let norms = of_rows.rows().into_iter().map(|row| row.iter().copied().map(f64::from).sum()).collect();
        let signal: f64 = variances.iter().zip(&energy).map(|(v, e)| v * e).sum();
        let power = variances.iter().sum();
        if !(signal > 0.0 && signal.is_finite()) {
            return unknown();
        }
        Some(Ok(Self { sets: of_channels, weights: of_rows, variances, signal, norms, power }))
    }

    /// Returns the noise if some channels that have the factor `now` had the factor `then`.
    fn noise(&self, channels: &[usize], now: f64, then: f64) -> f64 {
        let by = then.powi(NORM) - now.powi(NORM);
        let steps = self.norms.iter().zip(self.weights.rows()).map(|(norm, row)| {
            let of_channels: f64 = channels.iter().map(|&channel| f64::from(row[channel])).sum();
            (norm + by * of_channels).max(0.0).powf(2.0 / f64::from(NORM))
        });
        steps.sum::<f64>() * self.power_of(channels, now, then) / self.signal
    }

    fn power_of(&self, channels: &[usize], now: f64, then: f64) -> f64 {
        let by = then.powi(-2) - now.powi(-2);
        self.power + by * channels.iter().map(|&channel| self.variances[channel]).sum::<f64>()
    }

    /// Gives some channels another factor.
    fn change(&mut self, channels: &[usize], now: f64, then: f64) {
        self.power = self.power_of(channels, now, then);
        let by = then.powi(NORM) - now.powi(NORM);
        for (norm, row) in self.norms.iter_mut().zip(self.weights.rows()) {
            *norm += by * channels.iter().map(|&channel| f64::from(row[channel])).sum::<f64>();
        }
    }
}

/// Returns factors of a subgraph's sets under which codes of weights are expected to cost least, given moments of values on samples:
/// 1 for those that nothing is known of, and for those that a rectifier cuts off at 6: it would cut them off elsewhere.
pub(crate) fn least_noise(
    subgraph: usize,
    sets: &ChannelSets,
    constants: &Constants,
    moments: &BTreeMap<ValueId, ChannelMoments>,
) -> Vec<f32> {
    let none = || vec![1.0; sets.len()];
    let (mut consumers, mut held, mut pairs) = (Vec::new(), BTreeSet::new(), 0_usize);
    for layer in &sets.layers {
        let rows = constants.get(ValueId { subgraph, value: layer.weights });
        let rows = rows.and_then(|weights| weights.shape().get(layer.output_axis)).copied().unwrap_or(0);
        pairs = pairs.saturating_add(rows.saturating_mul(sets.channels(layer.input)));
        if pairs > MOST_PAIRS {
            return none();
        }
        match Consumer::new(layer, (subgraph, sets), constants, moments) {
            None => {}
            Some(Ok(consumer)) => consumers.push(consumer),
            Some(Err(unknown)) => held.extend(unknown),
        }
    }
    // For each set its channels in each consumer.
    let mut places: BTreeMap<usize, BTreeMap<usize, Vec<usize>>> = BTreeMap::new();
    for (number, consumer) in consumers.iter().enumerate() {
        for (channel, &set) in consumer.sets.iter().enumerate() {
            if let Some(set) = set.filter(|&set| !sets.is_capped(set) && !held.contains(&set)) {
                places.entry(set).or_default().entry(number).or_default().push(channel);
            }
        }
    }
    let mut factors = vec![1.0; sets.len()];
    for (stride, sweeps) in STRIDES {
        for _ in 0..sweeps {
            let mut is_changed = false;
            for (&set, places) in &places {
                let now = factors[set];
                let noise = |then: f64| -> f64 {
                    places.iter().map(|(&consumer, channels)| consumers[consumer].noise(channels, now, then)).sum()
                };
                let least = noise(now);
                let is_open = |then: &f64| (1.0 / MOST..MOST).contains(then);
                let tried = [now * stride, now / stride].into_iter().filter(is_open);
                let Some(then) = tried.into_iter().find(|&then| noise(then) < least) else { continue };
                for (&consumer, channels) in places {
                    consumers[consumer].change(channels, now, then);
                }
                factors[set] = then;
                is_changed = true;
            }
            if !is_changed {
                break;
            }
        }
    }
    factors.into_iter().map(|factor: f64| factor.powf(SHARE) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Activation, Attributes, Constant, ElementType, Op, Operator, Subgraph, Value};
    use ndarray::{ArrayD, arr2};

    /// Two dense layers; the second one takes channels with these weights and variances.
    fn factors(activation: Activation, weights: [[f32; 2]; 2], variances: [f32; 2]) -> Vec<f32> {
        let mut part = Subgraph::new("", vec![]);
        let value = |shape: &[usize], constant: Option<usize>| Value {
            shape: Some(shape.iter().copied().map(Some).collect()),
            constant: constant.map(|number| Constant::new(0, number)),
            ..Value::new("v", ElementType::F32)
        };
        part.values = vec![
            value(&[1, 3], None),
            value(&[2, 3], Some(1)),
            value(&[1, 2], None),
            value(&[2, 2], Some(3)),
            value(&[1, 2], None),
        ];
        let dense = |activation, inputs: [usize; 2], output: usize| {
            let attributes = Attributes::Dense { activation, keep_dims: false, asymmetric: false };
            Operator::new(Op::FullyConnected, attributes, inputs.map(Some).to_vec(), vec![output])
        };
        part.operators = vec![dense(activation, [0, 1], 2), dense(Activation::None, [2, 3], 4)];
        (part.inputs, part.outputs) = (vec![0], vec![4]);
        let sets = ChannelSets::new(&part, &BTreeMap::from([(1, 1), (3, 1)]), &|_| None);
        let id = |value| ValueId { subgraph: 0, value };
        let mut constants = Constants::default();
        constants.set(id(1), ArrayD::ones(vec![2, 3]));
        constants.set(id(3), arr2(&weights).into_dyn());
        let mut moments = ChannelMoments::of_means(&[0.0; 2], &variances);
        if variances.iter().all(|v| v.is_finite()) {
            moments = ChannelMoments::new(2);
            moments.observe(&variances.map(f32::sqrt));
            moments.observe(&variances.map(|v| -v.sqrt()));
        }
        let all = least_noise(0, &sets, &constants, &BTreeMap::from([(id(2), moments)]));
        assert_eq!(all.len(), sets.len());
        (0..2).map(|channel| sets.set(2, channel).map_or(1.0, |set| all[set])).collect()
    }

    #[test]
    fn what_varies_much_beside_small_weights_is_made_smaller() {
        let found = factors(Activation::Relu, [[0.1, 1.0], [0.1, -1.0]], [100.0, 1.0]);
        // Ten times as fine steps cost nothing; of ten the root.
        let ratio = found[0] / found[1];
        assert!((2.5..4.0).contains(&ratio), "{found:?}");
        assert_eq!(factors(Activation::Relu, [[1.0, 1.0], [1.0, -1.0]], [1.0, 1.0]), [1.0, 1.0]);
    }

    #[test]
    fn what_is_not_known_or_clipped_is_left_alone() {
        let (weights, variances) = ([[0.1, 1.0], [0.1, -1.0]], [100.0, 1.0]);
        // What is cut off at 6 would be cut off elsewhere, however small it is on samples.
        assert_eq!(factors(Activation::Relu6, weights, variances), [1.0, 1.0]);
        assert_eq!(factors(Activation::Relu6, [[1.0, 0.001]; 2], [0.09, 0.01]), [1.0, 1.0]);
        assert_eq!(factors(Activation::Relu, [[0.1, f32::NAN], [0.1, 1.0]], variances), [1.0, 1.0]);
        assert_eq!(factors(Activation::Relu, [[0.1, f32::INFINITY], [0.1, 1.0]], variances), [1.0, 1.0]);
        assert_eq!(factors(Activation::Relu, weights, [f32::INFINITY, 1.0]), [1.0, 1.0]);
        assert_eq!(factors(Activation::Relu, weights, [0.0, 0.0]), [1.0, 1.0]);
        assert_eq!(factors(Activation::Relu, [[0.0; 2]; 2], variances), [1.0, 1.0]);
    }
}
