//! The operators: a table of what computes each. A kind is a file; an operator is a line here.

mod adjoint;
mod arithmetic;
mod compare;
mod control;
mod convolution;
mod convolution_3d;
mod dense;
mod depthwise;
mod index;
mod join;
mod matrix;
mod move_data;
mod normalize;
mod pad;
mod pool;
mod recurrent;
mod reduce;
mod resize;
mod select;
mod shape;
mod space;
mod transpose_convolution;
mod types;
mod unary;
mod window;

use crate::call::Call;
use crate::tensor::{Reason, Tensor};
use tensor_quant::graph::Op;

/// Computes the outputs of an operator.
pub(crate) type Compute = fn(&Call<'_>) -> Result<Vec<Tensor>, Reason>;

pub(crate) use adjoint::{Back, adjoint, before_activation};
pub(crate) use control::is_control;
pub(crate) use convolution::Patches;

/// What computes each operator; control flow and variables are the executor's own.
const TABLE: &[(Op, Compute)] = &[
    (Op::Conv, convolution::conv),
    (Op::Conv3d, convolution_3d::conv_3d),
    (Op::DepthwiseConv, depthwise::depthwise_conv),
    (Op::TransposeConv, transpose_convolution::transpose_conv),
    (Op::FullyConnected, dense::fully_connected),
    (Op::MatMul, dense::mat_mul),
    (Op::SequenceRnn, recurrent::sequence_rnn),
    (Op::SequenceLstm, recurrent::sequence_lstm),
    (Op::Add, arithmetic::binary),
    (Op::Sub, arithmetic::binary),
    (Op::Mul, arithmetic::binary),
    (Op::Div, arithmetic::binary),
    (Op::Maximum, arithmetic::binary),
    (Op::Minimum, arithmetic::binary),
    (Op::SquaredDifference, arithmetic::binary),
    (Op::Pow, arithmetic::binary),
    (Op::FloorDiv, arithmetic::binary),
    (Op::FloorMod, arithmetic::binary),
    (Op::Atan2, arithmetic::binary),
    (Op::AddN, arithmetic::add_n),
    (Op::Equal, compare::compare),
    (Op::NotEqual, compare::compare),
    (Op::Less, compare::compare),
    (Op::LessEqual, compare::compare),
    (Op::Greater, compare::compare),
    (Op::GreaterEqual, compare::compare),
    (Op::LogicalAnd, compare::logical),
    (Op::LogicalOr, compare::logical),
    (Op::LogicalNot, compare::logical_not),
    (Op::Relu, unary::unary),
    (Op::Relu6, unary::unary),
    (Op::ReluN1To1, unary::unary),
    (Op::Relu0To1, unary::unary),
    (Op::LeakyRelu, unary::unary),
    (Op::PRelu, unary::prelu),
    (Op::Elu, unary::unary),
    (Op::Gelu, unary::unary),
    (Op::HardSwish, unary::unary),
    (Op::Logistic, unary::unary),
    (Op::Tanh, unary::unary),
    (Op::Abs, unary::unary),
    (Op::Neg, unary::unary),
    (Op::Exp, unary::unary),
    (Op::Log, unary::unary),
    (Op::Sqrt, unary::unary),
    (Op::Rsqrt, unary::unary),
    (Op::Square, unary::unary),
    (Op::Sin, unary::unary),
    (Op::Cos, unary::unary),
    (Op::Floor, unary::unary),
    (Op::Ceil, unary::unary),
    (Op::Round, unary::unary),
    (Op::Sign, unary::unary),
    (Op::Softmax, normalize::softmax),
    (Op::LogSoftmax, normalize::log_softmax),
    (Op::L2Normalization, normalize::l2_normalization),
    (Op::LocalResponseNormalization, normalize::local_response),
    (Op::MaxPool, pool::max_pool),
    (Op::AveragePool, pool::average_pool),
    (Op::L2Pool, pool::l2_pool),
    (Op::Mean, reduce::reduce),
    (Op::Sum, reduce::reduce),
    (Op::ReduceMax, reduce::reduce),
    (Op::ReduceMin, reduce::reduce),
    (Op::ReduceProd, reduce::reduce),
    (Op::ReduceAny, reduce::reduce_truths),
    (Op::ReduceAll, reduce::reduce_truths),
    (Op::CumSum, reduce::cumsum),
    (Op::Reshape, shape::reshape),
    (Op::Squeeze, shape::squeeze),
    (Op::ExpandDims, shape::expand_dims),
    (Op::Shape, shape::shape),
    (Op::Rank, shape::rank),
    (Op::Range, shape::range),
    (Op::Fill, shape::fill),
    (Op::ZerosLike, shape::zeros_like),
    (Op::BroadcastArgs, shape::broadcast_args),
    (Op::Transpose, move_data::transpose),
    (Op::Slice, move_data::slice),
    (Op::StridedSlice, move_data::strided_slice),
    (Op::Split, move_data::split),
    (Op::SplitSizes, move_data::split_sizes),
    (Op::Unpack, move_data::unpack),
    (Op::Tile, move_data::tile),
    (Op::BroadcastTo, move_data::broadcast_to),
    (Op::Reverse, move_data::reverse),
    (Op::ReverseSequence, move_data::reverse_sequence),
    (Op::Concat, join::concat),
    (Op::Pack, join::pack),
    (Op::DynamicUpdateSlice, join::dynamic_update_slice),
    (Op::Pad, pad::pad),
    (Op::PadWith, pad::pad),
    (Op::MirrorPad, pad::mirror_pad),
    (Op::SpaceToDepth, space::space_to_depth),
    (Op::DepthToSpace, space::depth_to_space),
    (Op::SpaceToBatch, space::space_to_batch),
    (Op::BatchToSpace, space::batch_to_space),
    (Op::ResizeBilinear, resize::bilinear),
    (Op::ResizeNearest, resize::nearest),
    (Op::Gather, index::gather),
    (Op::GatherNd, index::gather_nd),
    (Op::ScatterNd, index::scatter_nd),
    (Op::EmbeddingLookup, index::embedding_lookup),
    (Op::ArgMax, index::arg_extreme),
    (Op::ArgMin, index::arg_extreme),
    (Op::TopK, index::top_k),
    (Op::OneHot, index::one_hot),
    (Op::Where, index::positions),
    (Op::Select, select::select),
    (Op::SelectBroadcast, select::select_broadcast),
    (Op::Cast, types::cast),
    (Op::Quantize, types::same),
    (Op::Dequantize, types::same),
    (Op::Densify, types::same),
    (Op::FakeQuant, types::fake_quant),
];

/// Returns what computes an operator.
pub(crate) fn compute(op: Op) -> Option<Compute> {
    TABLE.iter().find(|(listed, _)| *listed == op).map(|(_, compute)| *compute)
}
