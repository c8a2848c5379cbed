//! Which values of different subgraphs are one and the same: what control flow hands in and out.

use super::attributes::Attributes;
use super::op::Op;
use super::operator::Operator;
use super::subgraph::Graph;
use super::value::ValueId;
use alloc::vec::Vec;

impl Graph {
    /// Returns pairs of values of which the second holds what the first did: operands of a call and the inputs of what it
    /// calls, outputs of what it calls and its own; of a loop also what one turn hands to the next.
    ///
    /// A subgraph or a value that is not there is in no pair.
    pub fn handed(&self) -> Vec<(ValueId, ValueId)> {
        let mut pairs = Vec::new();
        for (caller, part) in self.subgraphs.iter().enumerate() {
            for operator in &part.operators {
                self.handed_by(operator, caller, &mut pairs);
            }
        }
        pairs.retain(|(from, to)| self.value(*from).is_some() && self.value(*to).is_some());
        pairs
    }

    fn handed_by(&self, operator: &Operator, caller: usize, pairs: &mut Vec<(ValueId, ValueId)>) {
        let id = |subgraph, value| ValueId { subgraph, value };
        let operands: Vec<Option<usize>> = match operator.op {
            // The first says which branch it is.
            Op::If => operator.inputs.iter().skip(1).copied().collect(),
            _ => operator.inputs.clone(),
        };
        for callee in operator.attributes.subgraphs() {
            let Some(part) = self.subgraphs.get(callee) else { continue };
            for (operand, input) in operands.iter().zip(&part.inputs) {
                pairs.extend(operand.map(|operand| (id(caller, operand), id(callee, *input))));
            }
            let condition = match operator.attributes {
                Attributes::While { condition, .. } if condition == callee => continue,
                Attributes::While { condition, .. } => Some(condition),
                _ => None,
            };
            let outputs = part.outputs.iter().zip(&operator.outputs);
            pairs.extend(outputs.map(|(output, result)| (id(callee, *output), id(caller, *result))));
            let Some(condition) = condition else { continue };
            for next in [callee, condition] {
                let inputs = self.subgraphs.get(next).map_or(&[][..], |part| &part.inputs[..]);
                pairs.extend(part.outputs.iter().zip(inputs).map(|(o, input)| (id(callee, *o), id(next, *input))));
            }
            // Of no turn at all.
            let results = operands.iter().zip(&operator.outputs);
            pairs.extend(results.filter_map(|(operand, result)| Some((id(caller, (*operand)?), id(caller, *result)))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ElementType, Subgraph, Value};
    use super::*;
    use alloc::vec;

    fn part(inputs: &[usize], outputs: &[usize]) -> Subgraph {
        let mut part = Subgraph::new("", vec![Value::new("", ElementType::F32); 4]);
        (part.inputs, part.outputs) = (inputs.to_vec(), outputs.to_vec());
        part
    }

    #[test]
    fn a_loop_hands_its_operands_to_the_body_and_the_body_to_itself() {
        let mut main = part(&[0], &[2]);
        let attributes = Attributes::While { condition: 1, body: 2 };
        main.operators = vec![Operator::new(Op::While, attributes, vec![Some(0), Some(1)], vec![2, 3])];
        let graph = Graph::new(vec![main, part(&[0, 1], &[2]), part(&[1, 0], &[3, 0])], vec![]);
        let pairs = graph.handed();
        let has = |from: (usize, usize), to: (usize, usize)| {
            let id = |(subgraph, value)| ValueId { subgraph, value };
            pairs.contains(&(id(from), id(to)))
        };
        assert!(has((0, 0), (1, 0)) && has((0, 1), (1, 1)) && has((0, 0), (2, 1)) && has((0, 1), (2, 0)));
        assert!(has((2, 3), (0, 2)) && has((2, 3), (2, 1)) && has((2, 3), (1, 0)) && has((2, 0), (2, 0)));
        assert!(has((0, 0), (0, 2)) && !has((1, 2), (0, 2)));
    }

    #[test]
    fn a_branch_does_not_see_the_condition_and_what_is_not_there_is_no_pair() {
        let mut main = part(&[0], &[3]);
        let attributes = Attributes::If { then: 1, otherwise: 77 };
        main.operators = vec![Operator::new(Op::If, attributes, vec![Some(0), Some(1), Some(99)], vec![3])];
        let graph = Graph::new(vec![main, part(&[0, 1], &[2])], vec![]);
        let id = |subgraph, value| ValueId { subgraph, value };
        assert_eq!(graph.handed(), [(id(0, 1), id(1, 0)), (id(1, 2), id(0, 3))]);
    }
}
