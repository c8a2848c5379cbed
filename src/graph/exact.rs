//! Which values must not be rounded, since it is their exact values that decide.
//!
//! A comparison, an index or a hash turns a small error of its operand into another answer; a sine turns an error of its
//! argument, which grows with the argument, into one that does not shrink. What such an operand is made of matters as
//! much, as far as it is moved or calculated with: the positions behind `SIN(pos · x)`, the numbers behind `CAST(a · b)`.
//!
//! Behind a product with many weights, a softmax or a pool, values are approximate anyway, and are not followed: rounding the
//! biases of a classifier is not what decides on its `ARG_MAX`.

use super::attributes::Attributes;
use super::op::{Exact, Op};
use super::operator::Operator;
use super::subgraph::{Graph, Subgraph};
use super::value::ValueId;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Up to so many summands, a product with a matrix is one of coordinates or positions with frequencies, and not a layer.
const COORDINATES: usize = 4;

/// Why a value must not be rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExactUse {
    /// The subgraph of the operator that it decides in.
    pub subgraph: usize,
    /// That operator.
    pub operator: usize,
    /// Whether it is a part of that operator's phase, which counts up to whole turns.
    pub is_phase: bool,
}

/// For each subgraph and value, something.
type OfValues<T> = Vec<Vec<T>>;

impl Graph {
    /// Returns, for each subgraph and value, the operator in which its exact value decides, if there is one: a comparison, a
    /// rounding, an index, a hash, a cast to integers, a sine or cosine, which takes it or what is moved and calculated from it.
    pub fn exact_values(&self) -> Vec<Vec<Option<ExactUse>>> {
        let handed = self.handed();
        let approximate = self.approximate(&handed);
        let mut exact: OfValues<Option<ExactUse>> =
            self.subgraphs.iter().map(|part| alloc::vec![None; part.values.len()]).collect();
        let mut came_from: BTreeMap<ValueId, Vec<ValueId>> = BTreeMap::new();
        for &(from, to) in &handed {
            came_from.entry(to).or_default().push(from);
        }
        let mut open = Vec::new();
        for (subgraph, part) in self.subgraphs.iter().enumerate() {
            for (operator, of) in part.operators.iter().enumerate() {
                let reason = ExactUse { subgraph, operator, is_phase: matches!(of.op.row().exact, Exact::Phase) };
                for value in decisive(part, of) {
                    mark(&mut exact, &mut open, ValueId { subgraph, value }, reason);
                }
            }
        }
        let producers: OfValues<Option<usize>> = self.subgraphs.iter().map(producers).collect();
        while let Some(id) = open.pop() {
            let Some(reason) = at(&exact, id).copied().flatten() else { continue };
            for &from in came_from.get(&id).into_iter().flatten() {
                mark(&mut exact, &mut open, from, reason);
            }
            let producer = at(&producers, id).copied().flatten();
            let Some(part) = self.subgraphs.get(id.subgraph) else { continue };
            let Some(producer) = producer.and_then(|producer| part.operators.get(producer)) else { continue };
            let is_approximate = at(&approximate, id).copied().unwrap_or(true);
            if passes_on(part, producer) && (producer.op.moves_data() || !is_approximate) {
                for value in producer.inputs.iter().flatten() {
                    mark(&mut exact, &mut open, ValueId { value: *value, ..id }, reason);
                }
            }
        }
        exact
    }

    /// Returns which values are approximate whatever constants are: results of layers, and what is calculated from them.
    fn approximate(&self, handed: &[(ValueId, ValueId)]) -> OfValues<bool> {
        let mut approximate: OfValues<bool> =
            self.subgraphs.iter().map(|part| alloc::vec![false; part.values.len()]).collect();
        let mut went_to: BTreeMap<ValueId, Vec<ValueId>> = BTreeMap::new();
        for &(from, to) in handed {
            went_to.entry(from).or_default().push(to);
        }
        let mut open = Vec::new();
        let set = |approximate: &mut OfValues<bool>, open: &mut Vec<ValueId>, id: ValueId| {
            if let Some(known) = approximate.get_mut(id.subgraph).and_then(|part| part.get_mut(id.value))
                && !*known
            {
                *known = true;
                open.push(id);
            }
        };
        for (subgraph, part) in self.subgraphs.iter().enumerate() {
            for of in part.operators.iter().filter(|of| !passes_on(part, of) && !hands_over(of)) {
                of.outputs.iter().for_each(|&value| set(&mut approximate, &mut open, ValueId { subgraph, value }));
            }
        }
        let consumers: Vec<_> = self.subgraphs.iter().map(Subgraph::consumers).collect();
        while let Some(id) = open.pop() {
            for &to in went_to.get(&id).into_iter().flatten() {
                set(&mut approximate, &mut open, to);
            }
            let Some(part) = self.subgraphs.get(id.subgraph) else { continue };
            for &(consumer, _) in at(&consumers, id).into_iter().flatten() {
                let Some(of) = part.operators.get(consumer).filter(|of| !hands_over(of)) else { continue };
                of.outputs.iter().for_each(|&value| set(&mut approximate, &mut open, ValueId { value, ..id }));
            }
        }
        approximate
    }
}

fn at<T>(of: &OfValues<T>, id: ValueId) -> Option<&T> {
    of.get(id.subgraph)?.get(id.value)
}

fn mark(exact: &mut OfValues<Option<ExactUse>>, open: &mut Vec<ValueId>, id: ValueId, reason: ExactUse) {
    if let Some(known) = exact.get_mut(id.subgraph).and_then(|part| part.get_mut(id.value))
        && known.is_none()
    {
        *known = Some(reason);
        open.push(id);
    }
}

/// Returns, for each value, the operator that makes it.
fn producers(part: &Subgraph) -> Vec<Option<usize>> {
    let mut producers = alloc::vec![None; part.values.len()];
    for (number, operator) in part.operators.iter().enumerate() {
        for &output in &operator.outputs {
            if let Some(producer) = producers.get_mut(output) {
                *producer = Some(number);
            }
        }
    }
    producers
}

/// Returns the inputs of an operator whose exact values decide.
fn decisive(part: &Subgraph, operator: &Operator) -> Vec<usize> {
    let is_float = |value: Option<&usize>| {
        value.and_then(|&value| part.values.get(value)).is_some_and(|value| value.element_type.is_float())
    };
    match operator.op.row().exact {
        Exact::Nothing => Vec::new(),
        // From one floating-point type to another, errors stay as small as they are.
        Exact::All if operator.op == Op::Cast && is_float(operator.outputs.first()) => Vec::new(),
        Exact::All | Exact::Phase => operator.inputs.iter().flatten().copied().collect(),
        Exact::Of(inputs) => inputs.iter().filter_map(|&input| operator.input(input)).collect(),
    }
}

/// Whether an operator runs other subgraphs: what it does is what they do.
fn hands_over(operator: &Operator) -> bool {
    !operator.attributes.subgraphs().is_empty()
}

/// Whether results are as exact as the inputs: what is moved, and what is calculated from few values.
fn passes_on(part: &Subgraph, operator: &Operator) -> bool {
    if operator.op.moves_data() {
        return true;
    }
    match operator.op {
        Op::Softmax
        | Op::LogSoftmax
        | Op::L2Normalization
        | Op::LocalResponseNormalization
        | Op::AveragePool
        | Op::L2Pool
        | Op::ResizeBilinear
        | Op::Other
        | Op::ReadVariable
        // What they give does not depend on what their inputs hold.
        | Op::Shape
        | Op::Rank
        | Op::ZerosLike
        | Op::VarHandle => false,
        Op::MatMul | Op::FullyConnected => summands(part, operator).is_some_and(|summands| summands <= COORDINATES),
        op => op.row().weights.is_empty() && !hands_over(operator),
    }
}

/// Returns how many products are added up for an element of a matrix product.
fn summands(part: &Subgraph, operator: &Operator) -> Option<usize> {
    let shape = part.values.get(operator.input(1)?)?.shape.as_ref()?;
    let from_end = match operator.attributes {
        Attributes::MatMul { adjoint: [_, false], .. } => 2,
        _ => 1,
    };
    *shape.get(shape.len().checked_sub(from_end)?)?
}

#[cfg(test)]
mod tests {
    use super::super::{ElementType, Value};
    use super::*;
    use alloc::vec;

    /// A subgraph with one input, 0, of operators that take values and make the next one.
    fn part(values: &[(ElementType, &[usize])], operators: &[(Op, &[usize], usize)]) -> Subgraph {
        let value = |(element_type, shape): &(ElementType, &[usize])| {
            let mut value = Value::new("", *element_type);
            value.shape = Some(shape.iter().copied().map(Some).collect());
            value
        };
        let mut part = Subgraph::new("", values.iter().map(value).collect());
        part.inputs = vec![0];
        let operator = |(op, inputs, output): &(Op, &[usize], usize)| {
            let attributes = match op {
                Op::MatMul => Attributes::MatMul { adjoint: [false; 2], asymmetric: false },
                _ => Attributes::None,
            };
            Operator::new(*op, attributes, inputs.iter().copied().map(Some).collect(), vec![*output])
        };
        part.operators = operators.iter().map(operator).collect();
        part
    }

    /// The values of a graph of one subgraph that must be exact, and in which operator they decide.
    fn exact(values: &[(ElementType, &[usize])], operators: &[(Op, &[usize], usize)]) -> Vec<(usize, usize)> {
        let found = Graph::new(vec![part(values, operators)], vec![]).exact_values().remove(0);
        found.iter().enumerate().filter_map(|(value, reason)| Some((value, reason.as_ref()?.operator))).collect()
    }

    const F: (ElementType, &[usize]) = (ElementType::F32, &[4, 64]);
    const I: (ElementType, &[usize]) = (ElementType::I32, &[4]);

    #[test]
    fn operands_of_comparisons_indices_and_hashes_are_exact_and_those_of_sums_are_not() {
        for op in
            [Op::Equal, Op::LessEqual, Op::ArgMax, Op::TopK, Op::Floor, Op::FloorMod, Op::Unique, Op::LshProjection]
        {
            assert_eq!(exact(&[F; 3], &[(op, &[0, 1], 2)]), [(0, 0), (1, 0)], "{op}");
        }
        assert_eq!(exact(&[F; 3], &[(Op::Add, &[0, 1], 2)]), []);
        // Of a one-hot the numbers, not the two values.
        assert_eq!(exact(&[I, I, F, F, F], &[(Op::OneHot, &[0, 1, 2, 3], 4)]), [(0, 0), (1, 0)]);
        assert_eq!(exact(&[I, I, F, F], &[(Op::HashtableLookup, &[0, 1, 2], 3)]), [(0, 0), (1, 0)]);
    }

    #[test]
    fn a_cast_decides_where_it_gives_integers() {
        assert_eq!(exact(&[F, I], &[(Op::Cast, &[0], 1)]), [(0, 0)]);
        assert_eq!(exact(&[F, F], &[(Op::Cast, &[0], 1)]), []);
    }

    #[test]
    fn what_is_moved_or_calculated_into_a_decision_is_exact() {
        // CAST(GATHER(table, ids) · factor).
        let operators = [(Op::Gather, &[1, 0][..], 2), (Op::Mul, &[2, 3][..], 4), (Op::Cast, &[4][..], 5)];
        let found = exact(&[I, F, F, F, F, I], &operators);
        assert_eq!(found.iter().map(|(value, _)| *value).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn the_factors_of_a_phase_are_exact() {
        assert_eq!(exact(&[F; 4], &[(Op::Mul, &[0, 1], 2), (Op::Sin, &[2], 3)]), [(0, 1), (1, 1), (2, 1)]);
        // Positions times frequencies as a product of matrices, with one summand; a layer has more.
        let outer = [(ElementType::F32, &[9, 1][..]), (ElementType::F32, &[1, 64]), F, F];
        let operators = [(Op::MatMul, &[0, 1][..], 2), (Op::Cos, &[2][..], 3)];
        assert_eq!(exact(&outer, &operators), [(0, 1), (1, 1), (2, 1)]);
        let layer = [(ElementType::F32, &[9, 64][..]), (ElementType::F32, &[64, 64]), F, F];
        assert_eq!(exact(&layer, &operators), [(2, 1)]);
    }

    #[test]
    fn what_layers_give_is_approximate_anyway() {
        // ARG_MAX(FULLY_CONNECTED(x, w) + b): neither the weights nor the biases, but a constant beside it.
        let operators = [(Op::FullyConnected, &[0, 1][..], 2), (Op::Add, &[2, 3][..], 4), (Op::ArgMax, &[4][..], 5)];
        assert_eq!(exact(&[F, F, F, F, F, I], &operators), [(4, 2)]);
        let operators = [(Op::FullyConnected, &[0, 1][..], 2), (Op::Concat, &[2, 3][..], 4), (Op::ArgMax, &[4][..], 5)];
        assert_eq!(exact(&[F, F, F, F, F, I], &operators), [(2, 2), (3, 2), (4, 2)]);
        let threshold = [(Op::FullyConnected, &[0, 1][..], 2), (Op::Less, &[2, 3][..], 4)];
        assert_eq!(exact(&[F; 5], &threshold), [(2, 1), (3, 1)]);
    }

    #[test]
    fn control_flow_is_followed_and_a_loop_ends() {
        let mut main = part(&[F; 4], &[]);
        let attributes = Attributes::While { condition: 1, body: 2 };
        main.operators = vec![Operator::new(Op::While, attributes, vec![Some(0), Some(1)], vec![2, 3])];
        let mut condition = part(&[F; 3], &[(Op::Less, &[0, 2], 1)]);
        (condition.inputs, condition.outputs) = (vec![0], vec![1]);
        // The counter grows by what is passed in beside it.
        let mut body = part(&[F; 3], &[(Op::Add, &[0, 1], 2)]);
        (body.inputs, body.outputs) = (vec![0, 1], vec![2, 1]);
        let found = Graph::new(vec![main, condition, body], vec![]).exact_values();
        let marked = |part: usize| found[part].iter().map(Option::is_some).collect::<Vec<_>>();
        assert_eq!(marked(0), [true, true, false, false]);
        assert_eq!((marked(1), marked(2)), (vec![true, false, true], vec![true, true, true]));
    }
}
