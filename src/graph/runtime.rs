//! Which integer kernels a runtime has.

use super::op::Op;

/// What runs a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Runtime {
    /// LiteRT (TensorFlow Lite) with its own kernels.
    LiteRt,
    /// LiteRT with XNNPACK, which is what it does unless told otherwise.
    LiteRtXnnpack,
    /// ONNX Runtime on a CPU, with operators between `QuantizeLinear` and `DequantizeLinear`.
    OnnxRuntime,
}

/// What becomes of an operator whose activations are codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// It runs on codes.
    Integer,
    /// There is none: the operator has to stay float.
    Missing,
    /// It runs, and its results are wrong.
    Wrong,
    /// It ends the process.
    Aborts,
}

/// What becomes of an operator whose inputs and outputs ought to have one scale, and have not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unequal {
    /// It rescales.
    Rescaled,
    /// The runtime refuses the model.
    Refused,
    /// It copies codes: results are wrong, and nothing is said.
    Wrong,
}

/// What a runtime does with an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernels {
    /// With 8-bit activations.
    pub int8: Kernel,
    /// With 16-bit activations and 8-bit weights.
    pub int16: Kernel,
    /// If scales that must be equal are not.
    pub unequal: Unequal,
}

use Kernel::{Aborts, Integer, Missing, Wrong};
use Unequal::{Refused, Rescaled};

const fn row(int8: Kernel, int16: Kernel, builtin: Unequal, xnnpack: Unequal) -> (Kernel, Kernel, Unequal, Unequal) {
    (int8, int16, builtin, xnnpack)
}

type Row = (Kernel, Kernel, Unequal, Unequal);

/// 8 and 16 bits; scales of its own.
const BOTH: Row = row(Integer, Integer, Rescaled, Rescaled);
/// 8 bits only.
const INT8: Row = row(Integer, Missing, Rescaled, Rescaled);
/// Codes are copied; nothing checks that scales are equal.
const COPY: Row = row(Integer, Integer, Unequal::Wrong, Unequal::Wrong);
/// Codes are copied; XNNPACK checks.
const COPY_XNNPACK: Row = row(Integer, Integer, Unequal::Wrong, Refused);
/// Codes are copied; everything checks.
const COPY_CHECKED: Row = row(Integer, Integer, Refused, Refused);

/// LiteRT 2.3.0, measured: models of one operator, retyped and run, and what its converters write.
const LITERT: &[(Op, Row)] = &[
    (Op::Conv, BOTH),
    (Op::DepthwiseConv, BOTH),
    (Op::FullyConnected, BOTH),
    (Op::TransposeConv, BOTH),
    (Op::MatMul, BOTH),
    (Op::Add, BOTH),
    (Op::Sub, BOTH),
    (Op::Mul, BOTH),
    (Op::Mean, BOTH),
    (Op::Sum, BOTH),
    (Op::Abs, BOTH),
    (Op::Exp, BOTH),
    (Op::LeakyRelu, BOTH),
    (Op::Relu, BOTH),
    (Op::Relu6, BOTH),
    (Op::Gelu, BOTH),
    (Op::Softmax, BOTH),
    (Op::Logistic, BOTH),
    (Op::Tanh, BOTH),
    (Op::Sqrt, BOTH),
    (Op::Rsqrt, BOTH),
    (Op::Log, BOTH),
    (Op::ReduceProd, BOTH),
    (Op::MaxPool, COPY_XNNPACK),
    (Op::AveragePool, COPY),
    (Op::ResizeBilinear, COPY_XNNPACK),
    (Op::ResizeNearest, COPY),
    (Op::Reshape, COPY),
    (Op::Squeeze, COPY),
    (Op::ExpandDims, COPY),
    (Op::Transpose, COPY_XNNPACK),
    (Op::Pad, COPY_XNNPACK),
    (Op::PadWith, COPY_CHECKED),
    (Op::MirrorPad, COPY_CHECKED),
    (Op::Slice, COPY_XNNPACK),
    (Op::StridedSlice, COPY),
    (Op::Split, COPY_XNNPACK),
    (Op::SplitSizes, COPY),
    // In 16 bits nothing checks.
    (Op::Concat, COPY_CHECKED),
    (Op::Pack, COPY_CHECKED),
    (Op::Unpack, COPY_CHECKED),
    (Op::Gather, COPY),
    (Op::GatherNd, COPY),
    (Op::Maximum, COPY),
    (Op::Minimum, COPY),
    (Op::Select, COPY),
    (Op::SelectBroadcast, COPY),
    (Op::ReduceMax, COPY_CHECKED),
    (Op::ReduceMin, COPY_CHECKED),
    (Op::TopK, COPY),
    (Op::Tile, COPY),
    (Op::Reverse, COPY),
    (Op::BroadcastTo, COPY),
    (Op::DynamicUpdateSlice, COPY),
    (Op::SpaceToBatch, COPY_CHECKED),
    (Op::BatchToSpace, COPY_CHECKED),
    (Op::SpaceToDepth, row(Integer, Missing, Unequal::Wrong, Refused)),
    (Op::DepthToSpace, row(Integer, Missing, Unequal::Wrong, Refused)),
    (Op::HardSwish, INT8),
    (Op::LogSoftmax, INT8),
    (Op::SquaredDifference, INT8),
    (Op::Elu, INT8),
    (Op::L2Normalization, INT8),
    (Op::ArgMax, INT8),
    (Op::ArgMin, INT8),
    (Op::PRelu, row(Integer, Wrong, Rescaled, Rescaled)),
    (Op::Div, row(Integer, Aborts, Rescaled, Rescaled)),
    // Negates codes: right where the output's zero point is that of the input, negated.
    (Op::Neg, row(Integer, Integer, Unequal::Wrong, Unequal::Wrong)),
    // The shape of codes is that of reals.
    (Op::Shape, BOTH),
    (Op::Rank, BOTH),
    (Op::Quantize, BOTH),
    (Op::Dequantize, BOTH),
];

/// ONNX Runtime on CPUs: operators that its optimizer merges with the `DequantizeLinear` before and the `QuantizeLinear`
/// behind them, or moves these across. Source: `qdq_selector_action_transformer.cc` of ONNX Runtime 1.22. There is no
/// 16-bit arithmetic; what copies codes does so at any width.
const ONNX_RUNTIME: &[(Op, Row)] = &[
    (Op::Conv, INT8),
    (Op::DepthwiseConv, INT8),
    (Op::FullyConnected, INT8),
    (Op::MatMul, INT8),
    (Op::Add, INT8),
    (Op::Mul, INT8),
    (Op::LeakyRelu, INT8),
    (Op::Logistic, INT8),
    (Op::Softmax, INT8),
    (Op::AveragePool, INT8),
    (Op::Concat, INT8),
    (Op::Select, INT8),
    (Op::SelectBroadcast, INT8),
    (Op::MaxPool, row(Integer, Missing, Rescaled, Rescaled)),
    (Op::Reshape, BOTH),
    (Op::Squeeze, BOTH),
    (Op::ExpandDims, BOTH),
    (Op::Transpose, BOTH),
    (Op::Gather, BOTH),
    (Op::Slice, BOTH),
    (Op::StridedSlice, BOTH),
    (Op::Split, BOTH),
    (Op::SplitSizes, BOTH),
    (Op::ResizeNearest, INT8),
    (Op::ResizeBilinear, INT8),
    (Op::ArgMax, INT8),
    (Op::TopK, INT8),
    (Op::Shape, BOTH),
    (Op::Quantize, BOTH),
    (Op::Dequantize, BOTH),
];

impl Runtime {
    /// Returns what this runtime does with an operator whose activations are codes. Operators that are not in its table have
    /// no integer kernel, or are not known to have one.
    pub fn kernels(self, op: Op) -> Kernels {
        let table = match self {
            Self::LiteRt | Self::LiteRtXnnpack => LITERT,
            Self::OnnxRuntime => ONNX_RUNTIME,
        };
        let found = table.iter().find(|(listed, _)| *listed == op).map(|(_, row)| *row);
        let (int8, int16, builtin, xnnpack) = found.unwrap_or(row(Missing, Missing, Rescaled, Rescaled));
        Kernels { int8, int16, unequal: if self == Self::LiteRtXnnpack { xnnpack } else { builtin } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_stands_once_in_a_table() {
        for table in [LITERT, ONNX_RUNTIME] {
            for (number, (op, _)) in table.iter().enumerate() {
                assert!(table[..number].iter().all(|(other, _)| other != op), "{op}");
            }
        }
    }

    #[test]
    fn what_shares_a_scale_is_what_a_runtime_does_not_rescale() {
        for (op, (_, _, builtin, _)) in LITERT {
            let operator = super::super::Operator::new(
                *op,
                super::super::Attributes::None,
                alloc::vec![Some(0), Some(1), Some(2)],
                alloc::vec![3],
            );
            // NEG copies codes with their sign changed: its zero point differs, so it is in no group.
            let shares = !operator.same_scale().is_empty();
            assert_eq!(shares, *builtin != Rescaled && *op != Op::Neg, "{op}");
        }
    }

    #[test]
    fn faults_of_kernels_are_told() {
        let kernels = |op| Runtime::LiteRt.kernels(op);
        assert_eq!((kernels(Op::PRelu).int16, kernels(Op::Div).int16), (Wrong, Aborts));
        assert_eq!((kernels(Op::CumSum).int8, kernels(Op::Other).int8), (Missing, Missing));
        assert_eq!(kernels(Op::MaxPool).unequal, Unequal::Wrong);
        assert_eq!(Runtime::LiteRtXnnpack.kernels(Op::MaxPool).unequal, Refused);
    }
}
