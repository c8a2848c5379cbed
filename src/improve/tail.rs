//! Layers whose results leave a model as they are, but for a softmax or a sigmoid, and the biases by which these are moved.

use super::place::biases_of;
use crate::graph::{Activation, Graph, Op, Operator, Subgraph, ValueId};

/// A layer with a bias of its own.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    /// The constants that are the bias: one, or several that are stored in one place.
    pub(crate) biases: Vec<ValueId>,
    /// What the layer comes to.
    pub(crate) output: ValueId,
}

/// Returns the layers of a model whose results go nowhere but to its outputs.
pub(crate) fn tails(graph: &Graph) -> Vec<Tail> {
    let mut tails = Vec::new();
    for (subgraph, part) in graph.subgraphs.iter().enumerate() {
        for (number, operator) in part.operators.iter().enumerate() {
            let (Some(_), &[output]) = (operator.bias(), &operator.outputs[..]) else { continue };
            let is_plain = operator.attributes.activation() == Activation::None;
            let Some(biases) = biases_of(graph, &[(subgraph, number)]).filter(|_| is_plain) else { continue };
            if leaves(part, output, 0) {
                tails.push(Tail { biases, output: ValueId { subgraph, value: output } });
            }
        }
    }
    tails
}

/// The most operators that are looked through.
const DEEPEST: usize = 16;

/// Returns whether all that a value goes to are outputs, and operators that hand its elements on.
fn leaves(part: &Subgraph, value: usize, depth: usize) -> bool {
    let hands_on = |operator: &Operator| {
        operator.op.moves_data() || matches!(operator.op, Op::Softmax | Op::Logistic | Op::LogSoftmax | Op::Dequantize)
    };
    let mut users = part.operators.iter().filter(|operator| operator.inputs.contains(&Some(value))).peekable();
    if users.peek().is_none() {
        return part.outputs.contains(&value);
    }
    depth < DEEPEST
        && users.all(|user| hands_on(user) && user.outputs.iter().all(|&output| leaves(part, output, depth + 1)))
}
