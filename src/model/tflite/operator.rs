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
    /// Gives rows of it by their numbers.
    Table {
        /// The axis along which rows are taken.
        axis: usize,
        /// The versions of the operator that take a table of codes, and give rows of codes.
        codes: DynamicRange,
    },
    /// Passes it to another subgraph.
    Passed,
    /// What it does is not known: a custom operator, or one newer than this crate.
    Unknown,
    /// Anything else: a bias, an operand.
    Operand,
}

/// The versions of an operator that take codes, or 0 where there is none: of one with weights those that quantize its float
/// activations as it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DynamicRange {
    /// With int8 weights, a scale a channel.
    pub int8: i32,
    /// With int4 weights, a scale a channel.
    pub int4: i32,
    /// Whether it is faster than in floating point with int8 and with int4 codes: some unpack all of them at each run.
    pub fast: [bool; 2],
}

const fn versions(int8: i32, int4: i32, fast: [bool; 2]) -> DynamicRange {
    DynamicRange { int8, int4, fast }
}

/// The versions of operators that take their weights as codes, and float activations. Measured with LiteRT 2.3.0.
const DYNAMIC_RANGE: &[(Op, DynamicRange)] = &[
    (Op::Conv, versions(5, 7, [true, false])),
    // Per channel only: per tensor (version 4) the interpreter's kernel is wrong. In int4 there is none.
    (Op::DepthwiseConv, versions(6, 0, [false, false])),
    (Op::FullyConnected, versions(12, 12, [true, true])),
    (Op::EmbeddingLookup, versions(4, 4, [true, true])),
];

/// The versions of operators that take a table of codes, and give rows of codes. Measured with LiteRT 2.3.0.
const TABLES: &[(Op, DynamicRange)] = &[
    (Op::Gather, versions(2, 7, [true, true])),
    (Op::GatherNd, versions(1, 0, [true, false])),
    (Op::HashtableLookup, versions(1, 1, [true, true])),
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
    // Kernels look for the first int4 code of a row at the start of a byte.
    let has_whole_rows = shape.iter().skip(1).any(|len| len.is_multiple_of(2));
    let operator = Operator::new(op, attributes, vec![], vec![]);
    if let Some(axis) = operator.table_axis(input, shape.len()) {
        let known = TABLES.iter().find(|(listed, _)| *listed == op);
        let mut codes = known.map(|(_, versions)| *versions).unwrap_or_default();
        if axis > 0 || !has_whole_rows {
            codes.int4 = 0;
        }
        return Role::Table { axis, codes };
    }
    let Some(axis) = operator.weights_axis(input, shape.len()) else { return Role::Operand };
    let known = DYNAMIC_RANGE.iter().find(|(listed, _)| *listed == op);
    let mut dynamic_range = known.map(|(_, versions)| *versions).unwrap_or_default();
    if op == Op::EmbeddingLookup && !has_whole_rows {
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
    fn a_table_is_told_from_weights_and_operands() {
        let of =
            |name: &str, input: usize, shape: &[usize]| match role(code_of(name), &Table::new(&OPERATOR), input, shape)
            {
                Role::Table { axis, codes } => Some((axis, codes.int8, codes.int4)),
                _ => None,
            };
        assert_eq!([of("GATHER", 0, &[50, 32]), of("GATHER", 0, &[50, 33])], [Some((0, 2, 7)), Some((0, 2, 0))]);
        assert_eq!([of("GATHER", 1, &[5]), of("HASHTABLE_LOOKUP", 1, &[5])], [None, None]);
        assert_eq!(
            [of("HASHTABLE_LOOKUP", 2, &[5, 8]), of("GATHER_ND", 0, &[5, 8])],
            [Some((0, 1, 1)), Some((1, 1, 0))]
        );
        let sparse = role(code_of("EMBEDDING_LOOKUP_SPARSE"), &Table::new(&OPERATOR), 4, &[50, 32]);
        assert_eq!(sparse, Role::Weights { axis: 0, dynamic_range: DynamicRange::default() });
    }

    #[test]
    fn what_is_passed_on_or_not_known_is_told_apart_from_operands() {
        let role_of = |name: &str| role(code_of(name), &Table::new(&OPERATOR), 1, &[8, 4]);
        assert_eq!((role_of("IF"), role_of("CUSTOM"), role_of("ADD")), (Role::Passed, Role::Unknown, Role::Operand));
        assert_eq!((role_of("no such"), role_of("STABLEHLO_ADD")), (Role::Unknown, Role::Operand));
    }
}
