//! Ranges that reach beyond what was observed.
//!
//! Other samples pass the extremes of those that were observed, the more often the fewer values those had: 64 samples of an
//! output of 4 elements say little about its largest value, 64 images of 28 × 28 in 32 channels nearly all. Cut off values
//! cost a lot and are rare, wider steps cost little and always. So ranges are widened by some shares, and what that gives is
//! judged on samples that the ranges were not found with, which the extremes of all samples cannot show.
//!
//! Inputs keep their range, which is known outside; so does what an operator bounds, at the bound: rectifiers at 0 and 6, and
//! what only moves such values. Both ends move away from 0.

use crate::graph::{Graph, Op, Operator, Subgraph, ValueId};
use crate::params::ValueRange;
use crate::recipe::integer::Ranges;
use std::fmt;

/// By how much wider ranges are than what was observed, in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd)]
pub(crate) struct Headroom(u16);

impl Headroom {
    /// What is tried, beside none.
    pub(crate) const ALL: [Self; 5] = [Self(10), Self(20), Self(35), Self(60), Self(100)];
    /// By which share less has to be lost for more of it. It is judged with the ranges of a part of the samples, which have more need
    /// of it than those of all.
    pub(crate) const WORTH: f64 = 0.12;

    /// Widens the ranges of a model's values.
    pub(crate) fn widen(self, graph: &Graph, ranges: &mut Ranges) {
        if self == Self::default() {
            return;
        }
        let factor = 1.0 + f32::from(self.0) / 100.0;
        for (subgraph, part) in graph.subgraphs.iter().enumerate() {
            let bounds = bounds(part, |value| ranges.get(&ValueId { subgraph, value }).copied());
            for (value, bound) in bounds.into_iter().enumerate() {
                if let Some(range) = ranges.get_mut(&ValueId { subgraph, value }) {
                    let low = (range.min() * factor).max(bound.low).min(range.min());
                    let high = (range.max() * factor).min(bound.high).max(range.max());
                    *range = ValueRange::new(low, high).unwrap_or(*range);
                }
            }
        }
    }
}

impl fmt::Display for Headroom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} % headroom", self.0)
    }
}

/// Between what a value lies, whatever the samples.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bound {
    low: f32,
    high: f32,
}

impl Bound {
    const NONE: Self = Self { low: f32::NEG_INFINITY, high: f32::INFINITY };

    fn and(self, other: Self) -> Self {
        Self { low: self.low.max(other.low), high: self.high.min(other.high) }
    }

    fn or(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

/// Returns the bounds of values. Those of inputs are what was observed.
fn bounds(part: &Subgraph, observed: impl Fn(usize) -> Option<ValueRange>) -> Vec<Bound> {
    let mut bounds = vec![Bound::NONE; part.values.len()];
    for &input in &part.inputs {
        if let (Some(bound), Some(range)) = (bounds.get_mut(input), observed(input)) {
            *bound = Bound { low: range.min(), high: range.max() };
        }
    }
    for operator in &part.operators {
        let of_results = of_results(operator, &bounds);
        for &output in &operator.outputs {
            if let Some(bound) = bounds.get_mut(output) {
                *bound = of_results;
            }
        }
    }
    bounds
}

fn of_results(operator: &Operator, bounds: &[Bound]) -> Bound {
    let (low, high) = match operator.op {
        Op::Relu => (0.0, f32::INFINITY),
        Op::Relu6 => (0.0, 6.0),
        Op::ReluN1To1 | Op::Tanh => (-1.0, 1.0),
        Op::Relu0To1 | Op::Logistic | Op::Softmax => (0.0, 1.0),
        _ => operator.attributes.activation().bounds(),
    };
    let own = Bound { low, high };
    // Results of what copies, compares or averages lie between those of its inputs, or are 0.
    let taken = operator.same_scale().into_iter().filter(|value| !operator.outputs.contains(value));
    let of_inputs = taken.filter_map(|value| bounds.get(value).copied()).reduce(Bound::or);
    of_inputs.map_or(own, |of_inputs| own.and(of_inputs.or(Bound { low: 0.0, high: 0.0 })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Activation, Attributes, ElementType, Value};

    #[test]
    fn what_is_bounded_stays_within_its_bounds() {
        let values = (0..6).map(|_| Value::new("", ElementType::F32)).collect();
        let mut part = Subgraph { values, inputs: vec![0], ..Subgraph::default() };
        let mut add = |op, inputs: &[usize], output, activation| {
            let inputs = inputs.iter().copied().map(Some).collect();
            let operator = Operator::new(op, Attributes::Fused(activation), inputs, vec![output]);
            part.operators.push(operator);
        };
        add(Op::Add, &[0, 0], 1, Activation::None);
        add(Op::Add, &[1, 1], 2, Activation::Relu6);
        add(Op::Relu, &[1], 3, Activation::None);
        add(Op::Concat, &[2, 3], 4, Activation::None);
        add(Op::Reshape, &[0], 5, Activation::None);
        let graph = Graph { subgraphs: vec![part], ..Graph::default() };
        let id = |value| ValueId { subgraph: 0, value };
        let observed = [(-1.0, 2.0), (-4.0, 4.0), (0.0, 5.5), (0.0, 4.0), (0.0, 5.5), (-1.0, 2.0)];
        let range = |(low, high)| ValueRange::new(low, high).expect("a range");
        let mut ranges: Ranges =
            observed.into_iter().enumerate().map(|(value, ends)| (id(value), range(ends))).collect();
        Headroom(50).widen(&graph, &mut ranges);
        let wide = [(-1.0, 2.0), (-6.0, 6.0), (0.0, 6.0), (0.0, 6.0), (0.0, 8.25), (-1.0, 2.0)];
        for (value, ends) in wide.into_iter().enumerate() {
            assert_eq!(ranges[&id(value)], range(ends), "value {value}");
        }
    }
}
