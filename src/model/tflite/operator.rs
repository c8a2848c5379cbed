//! What operators do with their constant inputs: which of them are weights.

use super::names::known_name;
use super::options::meaning;
use super::tree::Table;
use crate::graph::{Op, Operator};

/// What an operator does with a constant input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Multiplies it with activations: each index along `axis` is a channel of its output.
    Weights {
        /// The axis of the output channels.
        axis: usize,
        /// The versions of the operator that take such weights as codes, and float activations.
        dynamic_range: DynamicRange,
    },
    /// Passes it to another subgraph.
    Passed,
    /// What it does is not known: a custom operator, or one newer than this crate.
    Unknown,
    /// Anything else: a bias, an operand.
    Operand,
}

/// The versions of an operator that quantize its float activations as it runs, or 0 where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DynamicRange {
    /// With int8 weights, a scale a channel.
    pub int8: i32,
    /// With int4 weights, a scale a channel.
    pub int4: i32,
}

/// The versions of operators that take their weights as codes, and float activations.
const DYNAMIC_RANGE: &[(Op, DynamicRange)] = &[
    (Op::Conv, DynamicRange { int8: 5, int4: 7 }),
    // Per channel only: per tensor (version 4) the interpreter's kernel is wrong. In int4 there is none.
    (Op::DepthwiseConv, DynamicRange { int8: 6, int4: 0 }),
    (Op::FullyConnected, DynamicRange { int8: 12, int4: 12 }),
    (Op::EmbeddingLookup, DynamicRange { int8: 4, int4: 4 }),
];

/// Returns what an operator does with the constant that is its input number `input`, of shape `shape`.
pub(super) fn role(code: i32, operator: &Table, input: usize, shape: &[usize]) -> Role {
    let (op, attributes) = meaning(code, operator);
    if let Some("CALL" | "IF" | "WHILE" | "CALL_ONCE" | "STABLEHLO_WHILE" | "STABLEHLO_CASE") = known_name(code) {
        return Role::Passed;
    }
    if let None | Some("CUSTOM" | "DELEGATE" | "STABLEHLO_CUSTOM_CALL" | "STABLEHLO_COMPOSITE") = known_name(code) {
        return Role::Unknown;
    }
    let Some(axis) = Operator::new(op, attributes, vec![], vec![]).weights_axis(input, shape.len()) else {
        return Role::Operand;
    };
    let known = DYNAMIC_RANGE.iter().find(|(listed, _)| *listed == op);
    let mut dynamic_range = known.map(|(_, versions)| *versions).unwrap_or_default();
    // The kernel looks for the first int4 code of a row at the start of a byte.
    if op == Op::EmbeddingLookup && !shape.iter().skip(1).any(|len| len.is_multiple_of(2)) {
        dynamic_range.int4 = 0;
    }
    Role::Weights { axis, dynamic_range }
}

#[cfg(test)]
mod tests {
    use super::super::names::code_of_name;
    use super::super::schema::OPERATOR;
    use super::*;

    fn code_of(name: &str) -> i32 {
        code_of_name(name).unwrap_or(-1)
    }

    #[test]
    fn int4_rows_of_an_embedding_start_at_a_byte_or_are_restored_first() {
        let int4 = |shape: &[usize]| match role(code_of("EMBEDDING_LOOKUP"), &Table::new(&OPERATOR), 1, shape) {
            Role::Weights { axis: 0, dynamic_range } => Some(dynamic_range.int4),
            _ => None,
        };
        assert_eq!(
            [int4(&[100, 32]), int4(&[101, 31]), int4(&[9, 3, 4]), int4(&[9])],
            [Some(4), Some(0), Some(4), Some(0)]
        );
    }

    #[test]
    fn what_is_passed_on_or_not_known_is_told_apart_from_operands() {
        let role_of = |name: &str| role(code_of(name), &Table::new(&OPERATOR), 1, &[8, 4]);
        assert_eq!((role_of("IF"), role_of("CUSTOM"), role_of("ADD")), (Role::Passed, Role::Unknown, Role::Operand));
        assert_eq!((role_of("no such"), role_of("STABLEHLO_ADD")), (Role::Unknown, Role::Operand));
    }
}
