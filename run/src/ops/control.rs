//! Which operators are the executor's own: they run subgraphs, or keep something from one run to the next.

use tensor_quant::graph::Op;

/// Returns whether the executor runs an operator itself.
pub(crate) fn is_control(op: Op) -> bool {
    matches!(op, Op::If | Op::While | Op::Call | Op::CallOnce | Op::VarHandle | Op::ReadVariable | Op::AssignVariable)
}
