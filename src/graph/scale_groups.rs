//! Which values of a subgraph have one scale in common.

use super::subgraph::Subgraph;
use alloc::vec::Vec;

impl Subgraph {
    /// Returns the groups of two and more values that operators which copy or compare codes tie to one scale and zero
    /// point: through reshapes, pools, concatenations and their like, as far as they reach. Groups and their values are in
    /// ascending order.
    ///
    /// Control flow ties values of different subgraphs together; that is not looked at here.
    pub fn scale_groups(&self) -> Vec<Vec<usize>> {
        let mut parents: Vec<usize> = (0..self.values.len()).collect();
        for operator in &self.operators {
            let values = operator.same_scale();
            let Some((&first, others)) = values.split_first() else { continue };
            for &other in others {
                let (a, b) = (root(&mut parents, first), root(&mut parents, other));
                let (Some(a), Some(b)) = (a, b) else { continue };
                if let Some(parent) = parents.get_mut(a.max(b)) {
                    *parent = a.min(b);
                }
            }
        }
        let mut groups: Vec<Vec<usize>> = alloc::vec![Vec::new(); parents.len()];
        for value in 0..parents.len() {
            if let Some(group) = root(&mut parents, value).and_then(|root| groups.get_mut(root)) {
                group.push(value);
            }
        }
        groups.retain(|group| group.len() > 1);
        groups
    }
}

/// Returns the smallest value of a value's group, and shortens the way to it.
fn root(parents: &mut [usize], value: usize) -> Option<usize> {
    let mut at = value;
    loop {
        let parent = *parents.get(at)?;
        if parent == at {
            return Some(at);
        }
        let grandparent = *parents.get(parent)?;
        *parents.get_mut(at)? = grandparent;
        at = grandparent;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Attributes, ElementType, Op, Operator, Value};
    use super::*;
    use alloc::vec;

    #[test]
    fn a_concatenation_reaches_through_pools_into_its_branches() {
        let mut graph = Subgraph::new("", vec![Value::new("", ElementType::F32); 9]);
        let operator = |op, inputs: &[usize], output| {
            Operator::new(op, Attributes::None, inputs.iter().copied().map(Some).collect(), vec![output])
        };
        graph.operators = vec![
            operator(Op::Conv, &[0, 1], 2),
            operator(Op::MaxPool, &[2], 3),
            operator(Op::Relu, &[0], 4),
            operator(Op::Concat, &[3, 4], 5),
            operator(Op::Add, &[5, 6], 7),
            operator(Op::Reshape, &[7], 8),
        ];
        assert_eq!(graph.scale_groups(), [vec![2, 3, 4, 5], vec![7, 8]]);
    }

    #[test]
    fn values_that_are_not_there_are_in_no_group() {
        let mut graph = Subgraph::new("", vec![Value::new("", ElementType::F32); 2]);
        graph.operators = vec![Operator::new(Op::Concat, Attributes::None, vec![Some(0), Some(77)], vec![1])];
        assert_eq!(graph.scale_groups(), [vec![0, 1]]);
    }
}
