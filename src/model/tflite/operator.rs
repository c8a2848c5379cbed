//! Operators: their names, and which of their inputs are weights.

use super::options::meaning;
use super::tree::Table;
use crate::graph::{Op, Operator};

/// The operators' names, in the order of their codes.
const NAMES: [&str; 210] = [
    "ADD",
    "AVERAGE_POOL_2D",
    "CONCATENATION",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "DEPTH_TO_SPACE",
    "DEQUANTIZE",
    "EMBEDDING_LOOKUP",
    "FLOOR",
    "FULLY_CONNECTED",
    "HASHTABLE_LOOKUP",
    "L2_NORMALIZATION",
    "L2_POOL_2D",
    "LOCAL_RESPONSE_NORMALIZATION",
    "LOGISTIC",
    "LSH_PROJECTION",
    "LSTM",
    "MAX_POOL_2D",
    "MUL",
    "RELU",
    "RELU_N1_TO_1",
    "RELU6",
    "RESHAPE",
    "RESIZE_BILINEAR",
    "RNN",
    "SOFTMAX",
    "SPACE_TO_DEPTH",
    "SVDF",
    "TANH",
    "CONCAT_EMBEDDINGS",
    "SKIP_GRAM",
    "CALL",
    "CUSTOM",
    "EMBEDDING_LOOKUP_SPARSE",
    "PAD",
    "UNIDIRECTIONAL_SEQUENCE_RNN",
    "GATHER",
    "BATCH_TO_SPACE_ND",
    "SPACE_TO_BATCH_ND",
    "TRANSPOSE",
    "MEAN",
    "SUB",
    "DIV",
    "SQUEEZE",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "STRIDED_SLICE",
    "BIDIRECTIONAL_SEQUENCE_RNN",
    "EXP",
    "TOPK_V2",
    "SPLIT",
    "LOG_SOFTMAX",
    "DELEGATE",
    "BIDIRECTIONAL_SEQUENCE_LSTM",
    "CAST",
    "PRELU",
    "MAXIMUM",
    "ARG_MAX",
    "MINIMUM",
    "LESS",
    "NEG",
    "PADV2",
    "GREATER",
    "GREATER_EQUAL",
    "LESS_EQUAL",
    "SELECT",
    "SLICE",
    "SIN",
    "TRANSPOSE_CONV",
    "SPARSE_TO_DENSE",
    "TILE",
    "EXPAND_DIMS",
    "EQUAL",
    "NOT_EQUAL",
    "LOG",
    "SUM",
    "SQRT",
    "RSQRT",
    "SHAPE",
    "POW",
    "ARG_MIN",
    "FAKE_QUANT",
    "REDUCE_PROD",
    "REDUCE_MAX",
    "PACK",
    "LOGICAL_OR",
    "ONE_HOT",
    "LOGICAL_AND",
    "LOGICAL_NOT",
    "UNPACK",
    "REDUCE_MIN",
    "FLOOR_DIV",
    "REDUCE_ANY",
    "SQUARE",
    "ZEROS_LIKE",
    "FILL",
    "FLOOR_MOD",
    "RANGE",
    "RESIZE_NEAREST_NEIGHBOR",
    "LEAKY_RELU",
    "SQUARED_DIFFERENCE",
    "MIRROR_PAD",
    "ABS",
    "SPLIT_V",
    "UNIQUE",
    "CEIL",
    "REVERSE_V2",
    "ADD_N",
    "GATHER_ND",
    "COS",
    "WHERE",
    "RANK",
    "ELU",
    "REVERSE_SEQUENCE",
    "MATRIX_DIAG",
    "QUANTIZE",
    "MATRIX_SET_DIAG",
    "ROUND",
    "HARD_SWISH",
    "IF",
    "WHILE",
    "NON_MAX_SUPPRESSION_V4",
    "NON_MAX_SUPPRESSION_V5",
    "SCATTER_ND",
    "SELECT_V2",
    "DENSIFY",
    "SEGMENT_SUM",
    "BATCH_MATMUL",
    "PLACEHOLDER_FOR_GREATER_OP_CODES",
    "CUMSUM",
    "CALL_ONCE",
    "BROADCAST_TO",
    "RFFT2D",
    "CONV_3D",
    "IMAG",
    "REAL",
    "COMPLEX_ABS",
    "HASHTABLE",
    "HASHTABLE_FIND",
    "HASHTABLE_IMPORT",
    "HASHTABLE_SIZE",
    "REDUCE_ALL",
    "CONV_3D_TRANSPOSE",
    "VAR_HANDLE",
    "READ_VARIABLE",
    "ASSIGN_VARIABLE",
    "BROADCAST_ARGS",
    "RANDOM_STANDARD_NORMAL",
    "BUCKETIZE",
    "RANDOM_UNIFORM",
    "MULTINOMIAL",
    "GELU",
    "DYNAMIC_UPDATE_SLICE",
    "RELU_0_TO_1",
    "UNSORTED_SEGMENT_PROD",
    "UNSORTED_SEGMENT_MAX",
    "UNSORTED_SEGMENT_SUM",
    "ATAN2",
    "UNSORTED_SEGMENT_MIN",
    "SIGN",
    "BITCAST",
    "BITWISE_XOR",
    "RIGHT_SHIFT",
    "STABLEHLO_LOGISTIC",
    "STABLEHLO_ADD",
    "STABLEHLO_DIVIDE",
    "STABLEHLO_MULTIPLY",
    "STABLEHLO_MAXIMUM",
    "STABLEHLO_RESHAPE",
    "STABLEHLO_CLAMP",
    "STABLEHLO_CONCATENATE",
    "STABLEHLO_BROADCAST_IN_DIM",
    "STABLEHLO_CONVOLUTION",
    "STABLEHLO_SLICE",
    "STABLEHLO_CUSTOM_CALL",
    "STABLEHLO_REDUCE",
    "STABLEHLO_ABS",
    "STABLEHLO_AND",
    "STABLEHLO_COSINE",
    "STABLEHLO_EXPONENTIAL",
    "STABLEHLO_FLOOR",
    "STABLEHLO_LOG",
    "STABLEHLO_MINIMUM",
    "STABLEHLO_NEGATE",
    "STABLEHLO_OR",
    "STABLEHLO_POWER",
    "STABLEHLO_REMAINDER",
    "STABLEHLO_RSQRT",
    "STABLEHLO_SELECT",
    "STABLEHLO_SUBTRACT",
    "STABLEHLO_TANH",
    "STABLEHLO_SCATTER",
    "STABLEHLO_COMPARE",
    "STABLEHLO_CONVERT",
    "STABLEHLO_DYNAMIC_SLICE",
    "STABLEHLO_DYNAMIC_UPDATE_SLICE",
    "STABLEHLO_PAD",
    "STABLEHLO_IOTA",
    "STABLEHLO_DOT_GENERAL",
    "STABLEHLO_REDUCE_WINDOW",
    "STABLEHLO_SORT",
    "STABLEHLO_WHILE",
    "STABLEHLO_GATHER",
    "STABLEHLO_TRANSPOSE",
    "DILATE",
    "STABLEHLO_RNG_BIT_GENERATOR",
    "REDUCE_WINDOW",
    "STABLEHLO_COMPOSITE",
    "STABLEHLO_SHIFT_LEFT",
    "STABLEHLO_CBRT",
    "STABLEHLO_CASE",
];

/// The code of an operator that is told by its name.
pub(super) const CUSTOM: i32 = 32;
pub(super) const DEQUANTIZE: i32 = 6;

/// Returns an operator's name, as in `CONV_2D`.
pub(super) fn name(code: i32) -> String {
    known_name(code).map_or_else(|| format!("OPERATOR_{code}"), Into::into)
}

/// Returns an operator's name, if its code is one of the schema's.
pub(super) fn known_name(code: i32) -> Option<&'static str> {
    NAMES.get(usize::try_from(code).ok()?).copied()
}

/// Returns the code of an operator.
pub(super) fn code_of_name(name: &str) -> Option<i32> {
    NAMES.iter().position(|known| *known == name).map(|code| code as i32)
}

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
    use super::super::schema::OPERATOR;
    use super::*;

    fn code_of(name: &str) -> i32 {
        NAMES.iter().position(|known| *known == name).map_or(-1, |code| code as i32)
    }

    #[test]
    fn codes_are_those_of_the_schema() {
        assert_eq!((code_of("DEQUANTIZE"), code_of("CUSTOM")), (DEQUANTIZE, CUSTOM));
        assert_eq!((name(3), name(209), name(210)), ("CONV_2D".into(), "STABLEHLO_CASE".into(), "OPERATOR_210".into()));
        assert_eq!(name(-1), "OPERATOR_-1");
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
