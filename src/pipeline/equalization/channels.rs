//! Channels that are scaled together: what flows from one into another by operators that commute with positive factors.

use super::layer::Layer;
use crate::graph::Subgraph;
use std::collections::BTreeMap;

/// Values with more channels than this are left alone.
const MOST_CHANNELS: usize = 1 << 14;

/// The channels of a subgraph's values in sets: those of one set are divided by one factor, and the model computes the same.
#[derive(Debug)]
pub(crate) struct ChannelSets {
    /// The first channel of each value, and how many there are.
    places: Vec<Option<(usize, usize)>>,
    parents: Vec<usize>,
    /// Sets whose factor is 1.
    is_fixed: Vec<bool>,
    /// Sets that a rectifier cuts off at 6.
    is_capped: Vec<bool>,
    pub(crate) layers: Vec<Layer>,
    /// Constants that are added, by the value that has their channels.
    pub(crate) added: Vec<(usize, usize)>,
}

impl ChannelSets {
    /// Returns the sets of a subgraph. `uses` has how often each storage is taken, and `numbers` gives the elements of constants
    /// that are whole numbers.
    pub(crate) fn new(
        part: &Subgraph,
        uses: &BTreeMap<usize, usize>,
        numbers: &dyn Fn(Option<usize>) -> Option<Vec<i32>>,
    ) -> Self {
        let mut places = Vec::with_capacity(part.values.len());
        let mut count = 0;
        for value in &part.values {
            let is_flowing = value.element_type.is_float() && value.constant.is_none();
            let channels = value.shape.as_ref().and_then(|shape| shape.last().copied().flatten());
            let channels = channels.filter(|&channels| is_flowing && (1..=MOST_CHANNELS).contains(&channels));
            places.push(channels.map(|channels| (count, channels)));
            count += channels.unwrap_or(0);
        }
        let mut sets = Self {
            places,
            parents: (0..count).collect(),
            is_fixed: vec![false; count],
            is_capped: vec![false; count],
            layers: Vec::new(),
            added: Vec::new(),
        };
        for operator in &part.operators {
            if sets.tie(part, operator, uses, numbers).is_none() {
                for &value in operator.inputs.iter().flatten().chain(&operator.outputs) {
                    sets.fix(value);
                }
            }
        }
        let variables = (0..part.values.len()).filter(|&value| part.values.get(value).is_some_and(|v| v.is_variable));
        for value in part.inputs.iter().chain(&part.outputs).copied().chain(variables) {
            sets.fix(value);
        }
        sets.flatten();
        sets
    }

    /// Returns how many channels a value has; 0 of constants and what has no known last axis.
    pub(crate) fn channels(&self, value: usize) -> usize {
        self.places.get(value).copied().flatten().map_or(0, |(_, channels)| channels)
    }

    /// Returns the set of a value's channel, if its factor is free.
    pub(crate) fn set(&self, value: usize, channel: usize) -> Option<usize> {
        let (first, channels) = self.places.get(value).copied().flatten()?;
        let set = *self.parents.get(first + channel).filter(|_| channel < channels)?;
        (!*self.is_fixed.get(set)?).then_some(set)
    }

    /// Returns whether a rectifier cuts a set off at 6.
    pub(crate) fn is_capped(&self, set: usize) -> bool {
        self.is_capped.get(set) == Some(&true)
    }

    /// Returns whether a value has a channel whose factor is free.
    pub(crate) fn is_free(&self, value: usize) -> bool {
        (0..self.channels(value)).any(|channel| self.set(value, channel).is_some())
    }

    /// Returns how many values the subgraph has.
    pub(crate) fn values(&self) -> usize {
        self.places.len()
    }

    /// Returns how many sets there may be: their numbers are smaller.
    pub(crate) fn len(&self) -> usize {
        self.parents.len()
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.parents[at] != at {
            self.parents[at] = self.parents[self.parents[at]];
            at = self.parents[at];
        }
        at
    }

    fn flatten(&mut self) {
        for at in 0..self.parents.len() {
            let root = self.root(at);
            self.parents[at] = root;
            self.is_fixed[root] |= self.is_fixed[at];
            self.is_capped[root] |= self.is_capped[at];
        }
    }

    pub(crate) fn fix(&mut self, value: usize) {
        if let Some((first, channels)) = self.places.get(value).copied().flatten() {
            self.is_fixed[first..first + channels].fill(true);
        }
    }

    pub(crate) fn cap(&mut self, value: usize) {
        if let Some((first, channels)) = self.places.get(value).copied().flatten() {
            self.is_capped[first..first + channels].fill(true);
        }
    }

    fn unite(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b)] = a.min(b);
    }

    /// Ties the channels of two values whose elements follow each other in the same order: where their numbers differ, the larger is a
    /// multiple of the smaller.
    pub(crate) fn tie_flat(&mut self, a: usize, b: usize) -> Option<()> {
        let (first_a, of_a) = self.places.get(a).copied().flatten()?;
        let (first_b, of_b) = self.places.get(b).copied().flatten()?;
        if of_a % of_b != 0 && of_b % of_a != 0 {
            return None;
        }
        for channel in 0..of_a.max(of_b) {
            self.unite(first_a + channel % of_a, first_b + channel % of_b);
        }
        Some(())
    }

    pub(crate) fn tie_equal(&mut self, a: usize, b: usize) -> Option<()> {
        if self.channels(a) == self.channels(b) { self.tie_flat(a, b) } else { None }
    }

    /// Ties what lies one behind the other in `parts` to `whole`; or each to it, if it has as many channels.
    pub(crate) fn tie_parts(&mut self, whole: usize, parts: &[usize]) -> Option<()> {
        let (first, channels) = self.places.get(whole).copied().flatten()?;
        if parts.iter().all(|&part| self.channels(part) == channels) {
            return parts.iter().try_for_each(|&part| self.tie_flat(whole, part));
        }
        if parts.iter().map(|&part| self.channels(part)).sum::<usize>() != channels {
            return None;
        }
        let mut at = first;
        for &part in parts {
            let (of_part, count) = self.places.get(part).copied().flatten()?;
            for channel in 0..count {
                self.unite(at + channel, of_part + channel);
            }
            at += count;
        }
        Some(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::graph::{Activation, Attributes, Constant, ElementType, Op, Operator, Value, Window};

    /// A subgraph that grows; its first value is its input, its last one its output.
    struct Net {
        part: Subgraph,
        uses: BTreeMap<usize, usize>,
    }

    impl Net {
        fn new(channels: usize) -> Self {
            let mut net = Self { part: Subgraph::new("", vec![]), uses: BTreeMap::new() };
            net.value(&[1, 4, 4, channels]);
            net
        }

        fn value(&mut self, shape: &[usize]) -> usize {
            let shape = Some(shape.iter().copied().map(Some).collect());
            self.part.values.push(Value { shape, ..Value::new("v", ElementType::F32) });
            self.part.values.len() - 1
        }

        fn constant(&mut self, shape: &[usize]) -> usize {
            let value = self.value(shape);
            self.part.values[value].constant = Some(Constant::new(0, value));
            value
        }

        fn add(&mut self, op: Op, attributes: Attributes, inputs: &[usize], channels: usize) -> usize {
            let output = self.value(&[1, 4, 4, channels]);
            for input in inputs {
                *self.uses.entry(*input).or_default() += 1;
            }
            let inputs = inputs.iter().copied().map(Some).collect();
            self.part.operators.push(Operator::new(op, attributes, inputs, vec![output]));
            output
        }

        fn conv(&mut self, input: usize, channels: usize, activation: Activation) -> usize {
            let before = self.part.values[input].known_shape().unwrap()[3];
            let (weights, bias) = (self.constant(&[channels, 3, 3, before]), self.constant(&[channels]));
            let window = Window { activation, ..Window::new(2) };
            self.add(Op::Conv, Attributes::Window(window), &[input, weights, bias], channels)
        }

        fn sets(&mut self) -> ChannelSets {
            (self.part.inputs, self.part.outputs) = (vec![0], vec![self.part.values.len() - 1]);
            ChannelSets::new(&self.part, &self.uses, &|_| None)
        }
    }

    #[test]
    fn what_a_sum_ties_has_one_factor_and_inputs_and_outputs_have_none() {
        let mut net = Net::new(3);
        let a = net.conv(0, 2, Activation::Relu);
        let b = net.conv(a, 2, Activation::None);
        let sum = net.add(Op::Add, Attributes::Fused(Activation::Relu), &[a, b], 2);
        let last = net.conv(sum, 5, Activation::None);
        let sets = net.sets();
        for channel in 0..2 {
            let set = sets.set(a, channel).unwrap();
            assert_eq!([sets.set(b, channel), sets.set(sum, channel)], [Some(set); 2]);
            assert!(!sets.is_capped(set));
        }
        assert_ne!(sets.set(a, 0), sets.set(a, 1));
        assert!(!sets.is_free(0) && !sets.is_free(last) && sets.layers.len() == 3);
    }

    #[test]
    fn joined_channels_lie_one_behind_the_other() {
        let mut net = Net::new(3);
        let (a, b) = (net.conv(0, 2, Activation::Relu6), net.conv(0, 3, Activation::Relu));
        let joined = net.add(Op::Concat, Attributes::Concat { axis: 3, activation: Activation::None }, &[a, b], 5);
        net.conv(joined, 4, Activation::None);
        let sets = net.sets();
        assert_eq!([sets.set(joined, 1), sets.set(joined, 4)], [sets.set(a, 1), sets.set(b, 2)]);
        assert!(sets.is_capped(sets.set(joined, 0).unwrap()) && !sets.is_capped(sets.set(joined, 2).unwrap()));
    }

    #[test]
    fn functions_and_weights_that_others_use_are_left_alone() {
        let mut net = Net::new(3);
        let a = net.conv(0, 2, Activation::Relu);
        let gate = net.add(Op::Logistic, Attributes::None, &[a], 2);
        let b = net.conv(0, 2, Activation::Relu);
        let product = net.add(Op::Mul, Attributes::Fused(Activation::None), &[b, gate], 2);
        let (shared, bias) = (net.constant(&[2, 3, 3, 2]), net.constant(&[2]));
        let window = || Attributes::Window(Window::new(2));
        let c = net.add(Op::Conv, window(), &[product, shared, bias], 2);
        net.conv(c, 4, Activation::None);
        assert!(net.sets().set(b, 0).is_some());
        net.add(Op::Conv, window(), &[0, shared], 2);
        let sets = net.sets();
        assert!([a, gate, b, product, c].iter().all(|&value| !sets.is_free(value)));
    }
}
