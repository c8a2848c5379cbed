//! The versions of operators that take integer codes: too high a one is refused by interpreters that could run it, too low a
//! one runs and says something that is not so.
//!
//! Source: `op_version` of TensorFlow Lite 2.21, and what its converter writes.

use crate::graph::{Activation, Attributes, Op, Operator};

/// For each operator the versions with 8-bit and with 16-bit activations.
const VERSIONS: &[(Op, i32, i32)] = &[
    (Op::Conv, 3, 3),
    (Op::DepthwiseConv, 3, 3),
    (Op::FullyConnected, 4, 4),
    (Op::TransposeConv, 2, 2),
    (Op::MatMul, 2, 3),
    (Op::Add, 2, 3),
    (Op::Sub, 2, 5),
    (Op::Mul, 2, 4),
    (Op::Mean, 2, 3),
    (Op::Sum, 2, 2),
    (Op::Softmax, 2, 3),
    (Op::Logistic, 2, 3),
    (Op::Tanh, 2, 3),
    (Op::Relu, 2, 2),
    (Op::Relu6, 2, 3),
    (Op::Gelu, 2, 2),
    (Op::LeakyRelu, 1, 2),
    (Op::Exp, 2, 2),
    (Op::Log, 2, 2),
    (Op::Rsqrt, 2, 3),
    (Op::Abs, 2, 3),
    (Op::SquaredDifference, 2, 2),
    (Op::L2Normalization, 2, 2),
    (Op::LogSoftmax, 2, 2),
    (Op::MaxPool, 2, 3),
    (Op::AveragePool, 2, 3),
    (Op::ReduceMax, 2, 2),
    (Op::ReduceMin, 2, 2),
    (Op::ReduceProd, 2, 2),
    (Op::Maximum, 2, 4),
    (Op::Minimum, 2, 4),
    (Op::Pad, 2, 3),
    (Op::PadWith, 2, 3),
    (Op::Concat, 2, 3),
    (Op::Pack, 2, 3),
    (Op::Unpack, 2, 4),
    (Op::Split, 2, 4),
    (Op::Slice, 2, 4),
    (Op::StridedSlice, 2, 4),
    (Op::Transpose, 2, 5),
    (Op::Gather, 2, 4),
    (Op::ResizeBilinear, 2, 4),
    (Op::ResizeNearest, 2, 4),
    (Op::Reverse, 3, 3),
    (Op::Tile, 3, 3),
    (Op::BroadcastTo, 3, 3),
    (Op::Cast, 3, 3),
    (Op::Quantize, 1, 2),
    (Op::Dequantize, 2, 3),
];

/// Returns the version of an operator whose activations are codes of 8 or 16 bits: 1 for those that have not changed for
/// them, `None` for other widths.
///
/// A `QUANTIZE` of codes needs version 2, a `MUL` of 8 bits whose output scale is not above the product of its inputs' needs version 3, and a `DEQUANTIZE` of a
/// scale a channel version 5: all follow from scales, which an operator does not tell.
///
/// # Examples
///
/// ```
/// use tensor_quant::graph::{Attributes, Op, Operator};
/// use tensor_quant::model::tflite::integer_version;
///
/// let pool = Operator::new(Op::MaxPool, Attributes::None, vec![Some(0)], vec![1]);
/// assert_eq!((integer_version(&pool, 8), integer_version(&pool, 16)), (Some(2), Some(3)));
/// ```
pub fn integer_version(operator: &Operator, bits: u32) -> Option<i32> {
    let listed = VERSIONS.iter().find(|(op, ..)| *op == operator.op);
    let (int8, int16) = listed.map_or((1, 1), |&(_, int8, int16)| (int8, int16));
    let version = match bits {
        8 => int8,
        16 => int16,
        _ => return None,
    };
    let asked_for = match (operator.op, &operator.attributes) {
        (Op::FullyConnected, _) if operator.input(2).is_none() => 6,
        (Op::FullyConnected, Attributes::Dense { keep_dims: true, .. }) => 5,
        (Op::TransposeConv, attributes) if attributes.activation() != Activation::None => 4,
        (Op::TransposeConv, _) if operator.input(3).is_some() => 3,
        (Op::ResizeBilinear | Op::ResizeNearest, Attributes::Resize { half_pixel: true, .. }) => 3,
        _ => 1,
    };
    Some(version.max(asked_for))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Kernel, Runtime};

    #[test]
    fn an_operator_stands_once_in_the_table_and_has_a_kernel() {
        for (number, (op, ..)) in VERSIONS.iter().enumerate() {
            assert!(VERSIONS[..number].iter().all(|(other, ..)| other != op), "{op}");
            // A cast of codes takes the codes.
            assert!(Runtime::LiteRt.kernels(*op).int8 == Kernel::Integer || *op == Op::Cast, "{op}");
        }
    }

    #[test]
    fn what_an_operator_has_asks_for_more() {
        let dense = |bias, keep_dims| {
            let attributes = Attributes::Dense { activation: Activation::None, keep_dims, asymmetric: false };
            Operator::new(Op::FullyConnected, attributes, vec![Some(0), Some(1), bias], vec![3])
        };
        assert_eq!(integer_version(&dense(Some(2), false), 8), Some(4));
        assert_eq!(integer_version(&dense(Some(2), true), 8), Some(5));
        assert_eq!(integer_version(&dense(None, true), 16), Some(6));
        let reshape = Operator::new(Op::Reshape, Attributes::None, vec![], vec![]);
        assert_eq!((integer_version(&reshape, 8), integer_version(&reshape, 4)), (Some(1), None));
    }
}
