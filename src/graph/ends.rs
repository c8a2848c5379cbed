//! What becomes of a constant in the end: where operators that only move it, and subgraphs that it is passed to, lead.

use super::attributes::Attributes;
use super::op::Op;
use super::operator::Operator;
use super::subgraph::Graph;
use super::value::ValueId;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

/// The most values that one constant is followed through.
const MOST_VALUES: usize = 256;

/// The numbers of a constant that a graph does not hold, such as the order of axes that a transposition gives.
pub type Numbers<'n> = dyn Fn(ValueId) -> Option<Vec<i64>> + 'n;

/// What an operator does with elements that were moved on the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct End {
    /// What the file calls the operator; "" where they leave the model.
    pub operator: String,
    /// What it does with them.
    pub role: EndRole,
}

/// What an operator does with elements that were moved on the way to it. Axes are those before they were moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndRole {
    /// Multiplies them with activations; channels lie along this axis.
    Weights(usize),
    /// Takes rows along this axis by their numbers.
    Table(usize),
    /// Anything else.
    Operand,
    /// What it does is not known.
    Unknown,
}

/// A graph with what it takes to follow values through it.
#[derive(Debug)]
pub struct Paths<'g> {
    graph: &'g Graph,
    consumers: Vec<Vec<Vec<(usize, usize)>>>,
    handed: BTreeMap<ValueId, Vec<ValueId>>,
}

impl Graph {
    /// Returns the graph with what it takes to follow values through it.
    pub fn paths(&self) -> Paths<'_> {
        let mut handed: BTreeMap<ValueId, Vec<ValueId>> = BTreeMap::new();
        for (from, to) in self.handed() {
            handed.entry(from).or_default().push(to);
        }
        let consumers = self.subgraphs.iter().map(super::Subgraph::consumers).collect();
        Paths { graph: self, consumers, handed }
    }
}

impl Paths<'_> {
    /// Returns what becomes of what an operator takes as input number `input`: each end once, behind transpositions, reshapes,
    /// slices and concatenations, in branches, bodies of loops and behind them.
    ///
    /// An axis that does not come out of a move as one axis leaves an operand. Where shapes on both sides of a call differ, what
    /// becomes of it is unknown; so it is behind very many values.
    pub fn ends(&self, subgraph: usize, operator: usize, input: usize, numbers: &Numbers<'_>) -> Vec<End> {
        let mut seen = BTreeSet::new();
        let mut once: Vec<End> = Vec::new();
        for end in self.of_use(subgraph, operator, input, &mut seen, numbers) {
            if !once.contains(&end) {
                once.push(end);
            }
        }
        once
    }

    fn of_use(
        &self,
        subgraph: usize,
        number: usize,
        input: usize,
        seen: &mut BTreeSet<ValueId>,
        numbers: &Numbers<'_>,
    ) -> Vec<End> {
        let part = self.graph.subgraphs.get(subgraph);
        let operator = part.and_then(|part| part.operators.get(number));
        let (Some(part), Some(operator)) = (part, operator) else { return Vec::new() };
        let end = |role| [End { operator: operator.name.clone(), role }].into();
        let id = operator.input(input).map(|value| ValueId { subgraph, value });
        let Some((id, value)) = id.and_then(|id| Some((id, self.graph.value(id)?))) else { return Vec::new() };
        if !operator.attributes.subgraphs().is_empty() {
            let to = self.handed.get(&id).map_or(&[][..], |to| &to[..]);
            let is_same = |to: &&ValueId| self.graph.value(**to).is_some_and(|to| to.shape == value.shape);
            let ends: Vec<End> = to.iter().flat_map(|&to| self.of_value(to, seen, numbers)).collect();
            return if ends.is_empty() || !to.iter().all(|to| is_same(&to)) { end(EndRole::Unknown) } else { ends };
        }
        let ndim = value.ndim().unwrap_or(0);
        if let Some(axis) = operator.weights_axis(input, ndim) {
            return end(EndRole::Weights(axis));
        }
        if let Some(axis) = operator.table_axis(input, ndim) {
            return end(EndRole::Table(axis));
        }
        if operator.op == Op::Other {
            return end(EndRole::Unknown);
        }
        if !is_moved(operator, input) {
            return end(EndRole::Operand);
        }
        let order = match operator.op {
            Op::Transpose => operator.input(1).and_then(|value| numbers(ValueId { subgraph, value })),
            _ => None,
        };
        let shape = value.known_shape().unwrap_or_default();
        let mut ends = Vec::new();
        for &output in &operator.outputs {
            let moved = part.values.get(output).and_then(super::Value::known_shape).unwrap_or_default();
            let before = |axis| axis_before(operator, &shape, &moved, order.as_deref(), axis);
            for End { operator, role } in self.of_value(ValueId { subgraph, value: output }, seen, numbers) {
                let role = match role {
                    EndRole::Weights(axis) => before(axis).map_or(EndRole::Operand, EndRole::Weights),
                    EndRole::Table(axis) => before(axis).map_or(EndRole::Operand, EndRole::Table),
                    other => other,
                };
                ends.push(End { operator, role });
            }
        }
        ends
    }

    /// The ends of a value, whatever made it; none if it was followed before.
    fn of_value(&self, id: ValueId, seen: &mut BTreeSet<ValueId>, numbers: &Numbers<'_>) -> Vec<End> {
        if !seen.insert(id) {
            return Vec::new();
        }
        if seen.len() > MOST_VALUES {
            return [End { operator: String::new(), role: EndRole::Unknown }].into();
        }
        let consumers = self.consumers.get(id.subgraph).and_then(|part| part.get(id.value));
        let mut ends = Vec::new();
        for &(operator, input) in consumers.into_iter().flatten() {
            // What a call hands on is followed below, once for all of them.
            let of = self.graph.subgraphs.get(id.subgraph).and_then(|part| part.operators.get(operator));
            if of.is_some_and(|of| of.attributes.subgraphs().is_empty()) {
                ends.extend(self.of_use(id.subgraph, operator, input, seen, numbers));
            }
        }
        let handed = self.handed.get(&id).map_or(&[][..], |to| &to[..]);
        let is_output = self.graph.subgraphs.get(id.subgraph).is_some_and(|part| part.outputs.contains(&id.value));
        if is_output && handed.is_empty() {
            ends.push(End { operator: String::new(), role: EndRole::Operand });
        }
        ends.extend(handed.iter().flat_map(|&to| self.of_value(to, seen, numbers)));
        ends
    }
}

/// Whether an operator moves an input as a whole, with its axes: those whose axes can be followed.
fn is_moved(operator: &Operator, input: usize) -> bool {
    let first = match operator.op {
        Op::Split => 1,
        Op::Concat => return true,
        Op::Transpose | Op::Reshape | Op::Squeeze | Op::ExpandDims | Op::Slice | Op::SplitSizes | Op::Reverse => 0,
        Op::StridedSlice => match operator.attributes {
            Attributes::StridedSlice(slice)
                if slice.new_axis_mask == 0 && slice.shrink_axis_mask == 0 && slice.ellipsis_mask == 0 =>
            {
                0
            }
            _ => return false,
        },
        _ => return false,
    };
    input == first
}

/// Returns which axis of the input became an axis of the output.
fn axis_before(
    operator: &Operator,
    before: &[usize],
    after: &[usize],
    order: Option<&[i64]>,
    axis: usize,
) -> Option<usize> {
    let found = match operator.op {
        Op::Transpose => usize::try_from(*order?.get(axis)?).ok()?,
        Op::Reshape | Op::Squeeze | Op::ExpandDims => same_axis(after, before, axis)?,
        _ => axis,
    };
    (found < before.len()).then_some(found)
}

/// Returns the axis of `other` that counts what `axis` of `shape` does, where both are shapes of the same elements in the same
/// order: as many elements in front of it, and of the same length.
pub fn same_axis(shape: &[usize], other: &[usize], axis: usize) -> Option<usize> {
    let count = |lengths: &[usize]| lengths.iter().try_fold(1_usize, |product, &len| product.checked_mul(len));
    let (in_front, len) = (count(shape.get(..axis)?)?, *shape.get(axis)?);
    let is_it = |at: &usize| other.get(*at) == Some(&len) && other.get(..*at).and_then(count) == Some(in_front);
    (count(shape) == count(other)).then(|| (0..other.len()).find(is_it))?
}

#[cfg(test)]
mod tests {
    use super::super::{ElementType, Subgraph, Value};
    use super::*;
    use alloc::vec;

    fn part(shapes: &[&[usize]], operators: Vec<Operator>) -> Subgraph {
        let value = |shape: &&[usize]| {
            let mut value = Value::new("", ElementType::F32);
            value.shape = Some(shape.iter().copied().map(Some).collect());
            value
        };
        let mut part = Subgraph::new("", shapes.iter().map(value).collect());
        part.operators = operators;
        part
    }

    fn operator(op: Op, inputs: &[usize], output: usize) -> Operator {
        Operator::new(op, Attributes::None, inputs.iter().copied().map(Some).collect(), vec![output])
    }

    fn roles(graph: &Graph, operator: usize, input: usize) -> Vec<EndRole> {
        let numbers = |id: ValueId| (id.value == 1).then(|| vec![1, 0]);
        graph.paths().ends(0, operator, input, &numbers).into_iter().map(|end| end.role).collect()
    }

    #[test]
    fn weights_are_found_behind_what_moves_them() {
        // FULLY_CONNECTED(x, TRANSPOSE(w, [1, 0])): its channels are the second axis of w.
        let operators = vec![operator(Op::Transpose, &[0, 1], 2), operator(Op::FullyConnected, &[3, 2], 4)];
        let graph = Graph::new(vec![part(&[&[32, 8], &[2], &[8, 32], &[1, 32], &[1, 8]], operators)], vec![]);
        assert_eq!(roles(&graph, 0, 0), [EndRole::Weights(1)]);
        // Without the order of axes nothing is known of them.
        let unknown = graph.paths().ends(0, 0, 0, &|_| None);
        assert_eq!(unknown[0].role, EndRole::Operand);
        // A reshape keeps an axis that stays one.
        for (shape, expected) in [
            (&[1_usize, 8, 4, 8][..], EndRole::Weights(1)),
            (&[2, 4, 32], EndRole::Operand),
            (&[8, 32, 1], EndRole::Weights(0)),
        ] {
            let operators = vec![operator(Op::Reshape, &[0, 1], 2), operator(Op::FullyConnected, &[3, 2], 4)];
            let graph = Graph::new(vec![part(&[shape, &[2], &[8, 32], &[1, 32], &[1, 8]], operators)], vec![]);
            assert_eq!(roles(&graph, 0, 0), [expected], "{shape:?}");
        }
    }

    #[test]
    fn operands_are_followed_into_branches_and_bodies_and_out_of_them() {
        let mut main = part(&[&[1], &[8, 32], &[1, 32], &[1, 8], &[8, 32], &[1, 8]], vec![]);
        let attributes = Attributes::While { condition: 1, body: 2 };
        // A loop whose body uses the weights and hands them on, and another use behind the loop.
        main.operators = vec![
            Operator::new(Op::While, attributes, vec![Some(0), Some(1), Some(2)], vec![0, 4, 3]),
            operator(Op::Add, &[4, 4], 5),
        ];
        let mut condition = part(&[&[1], &[8, 32], &[1, 32]], vec![]);
        condition.inputs = vec![0, 1, 2];
        let mut body = part(&[&[1], &[8, 32], &[1, 32], &[1, 8]], vec![operator(Op::FullyConnected, &[2, 1], 3)]);
        (body.inputs, body.outputs) = (vec![0, 1, 2], vec![0, 1, 3]);
        let mut graph = Graph::new(vec![main, condition, body], vec![]);
        assert_eq!(roles(&graph, 0, 1), [EndRole::Weights(0), EndRole::Operand]);
        // A body that sees another shape than the operand's is not understood.
        graph.subgraphs[2].values[1].shape = Some(vec![Some(32), Some(8)]);
        assert_eq!(roles(&graph, 0, 1), [EndRole::Unknown]);
    }

    #[test]
    fn tables_and_what_leaves_the_model_are_told() {
        let gather =
            Operator::new(Op::Gather, Attributes::Gather { axis: 0, batch_dims: 0 }, vec![Some(1), Some(2)], vec![3]);
        let of = |shapes: &[&[usize]]| {
            let mut main = part(shapes, vec![operator(Op::Reshape, &[0], 1), gather.clone()]);
            main.outputs = vec![1];
            Graph::new(vec![main], vec![])
        };
        let graph = of(&[&[8, 4], &[32, 1], &[5], &[5, 1]]);
        assert_eq!(roles(&graph, 0, 0), [EndRole::Operand, EndRole::Operand]);
        assert_eq!(roles(&graph, 1, 0), [EndRole::Table(0)]);
        // A vector has no rows: its numbers are operands.
        assert_eq!(roles(&of(&[&[8, 4], &[32], &[5], &[5]]), 1, 0), [EndRole::Operand]);
        assert_eq!(graph.paths().ends(7, 0, 0, &|_| None), []);
    }

    #[test]
    fn very_long_ways_are_not_followed_to_their_end() {
        for (len, expected) in [(100, EndRole::Weights(0)), (100_000, EndRole::Unknown)] {
            let mut operators: Vec<Operator> = (0..len).map(|i| operator(Op::Reverse, &[i], i + 1)).collect();
            operators.push(operator(Op::FullyConnected, &[len + 1, len], len + 2));
            let graph = Graph::new(vec![part(&vec![&[8, 32][..]; len + 3], operators)], vec![]);
            assert_eq!(roles(&graph, 0, 0), [expected]);
        }
    }

    #[test]
    fn an_axis_of_two_shapes_of_the_same_elements() {
        assert_eq!(same_axis(&[64, 32], &[64, 1, 1, 32], 0), Some(0));
        assert_eq!(same_axis(&[64, 32], &[64, 1, 1, 32], 1), Some(3));
        assert_eq!(same_axis(&[64, 1, 1, 32], &[64, 32], 3), Some(1));
        assert_eq!(same_axis(&[64, 32], &[32, 64], 0), None);
        assert_eq!(same_axis(&[64, 32], &[64, 33], 0), None);
        assert_eq!((same_axis(&[64], &[64], 1), same_axis(&[usize::MAX, 2], &[2], 1)), (None, None));
    }
}
