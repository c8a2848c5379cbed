//! What an operator computes and how, out of its code and its options.
//!
//! A field that is absent has the schema's default; options of another operator's kind count as absent, as the
//! interpreter has it.

#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use super::names::known_name;
use super::schema::operator as op;
use super::tree::Table;
use crate::graph::{Activation, Attributes, Mirror, Op, Padding, Recurrent, StridedSlice, Window};

/// The options of an operator, if they are of the kind that it has.
struct Options<'a>(Option<&'a Table>);

impl Options<'_> {
    fn i32(&self, slot: u16, default: i32) -> i32 {
        self.0.and_then(|table| table.i32(slot)).unwrap_or(default)
    }

    /// A length, a stride or a number of a subgraph: a negative one becomes one that is nowhere.
    fn len(&self, slot: u16, default: i32) -> usize {
        usize::try_from(self.i32(slot, default)).unwrap_or(usize::MAX)
    }

    fn axis(&self, slot: u16) -> i64 {
        self.i32(slot, 0).into()
    }

    fn mask(&self, slot: u16) -> u32 {
        self.0.and_then(|table| table.u32(slot)).unwrap_or(0)
    }

    fn f32(&self, slot: u16) -> f32 {
        self.0.and_then(|table| table.scalar(slot)).map_or(0.0, f32::from_le_bytes)
    }

    fn flag(&self, slot: u16) -> bool {
        self.byte(slot) != 0
    }

    fn byte(&self, slot: u16) -> u8 {
        self.0.and_then(|table| table.u8(slot)).unwrap_or(0)
    }

    fn text(&self, slot: u16) -> String {
        self.0.map_or(String::new(), |table| table.text(slot))
    }

    fn axes(&self, slot: u16) -> Vec<i64> {
        self.0.map_or(Vec::new(), |table| table.i32s(slot)).into_iter().map(i64::from).collect()
    }

    fn padding(&self, slot: u16) -> Padding {
        if self.byte(slot) == 0 { Padding::Same } else { Padding::Valid }
    }

    fn activation(&self, slot: u16) -> Activation {
        match self.byte(slot) {
            1 => Activation::Relu,
            2 => Activation::ReluN1To1,
            3 => Activation::Relu6,
            4 => Activation::Tanh,
            5 => Activation::SignBit,
            _ => Activation::None,
        }
    }

    fn fused(&self) -> Attributes {
        Attributes::Fused(self.activation(0))
    }

    /// A window over height and width whose steps the schema tells width first.
    fn window(&self, activation: u16, dilations: Option<(u16, u16)>, filter_axis: usize) -> Window {
        let mut window = Window::new(2);
        window.padding = self.padding(0);
        window.strides = vec![self.len(2, 0), self.len(1, 0)];
        if let Some((width, height)) = dilations {
            window.dilations = vec![self.len(height, 1), self.len(width, 1)];
        }
        window.filter_axis = filter_axis;
        window.activation = self.activation(activation);
        window
    }

    fn pool(&self) -> Attributes {
        let mut window = self.window(5, None, 0);
        window.size = vec![self.len(4, 0), self.len(3, 0)];
        Attributes::Window(window)
    }

    fn window_3d(&self, filter_axis: usize) -> Attributes {
        let mut window = Window::new(3);
        window.padding = self.padding(0);
        window.strides = vec![self.len(1, 0), self.len(3, 0), self.len(2, 0)];
        window.dilations = vec![self.len(5, 1), self.len(7, 1), self.len(6, 1)];
        window.filter_axis = filter_axis;
        window.activation = self.activation(4);
        Attributes::Window(window)
    }
}

/// An operator whose options are to be read.
struct Reading<'a> {
    operator: &'a Table,
    kind: u8,
}

impl<'a> Reading<'a> {
    /// Returns the options, if they are of a kind.
    fn of(&self, kind: u8) -> Options<'a> {
        Options(self.operator.table(op::OPTIONS).filter(|_| self.kind == kind))
    }

    /// Returns what layers with weights and pools compute; `None` for other operators.
    fn layer(&self, name: &str) -> Option<(Op, Attributes)> {
        Some(match name {
            "CONV_2D" => (Op::Conv, Attributes::Window(self.of(1).window(3, Some((4, 5)), 0))),
            "DEPTHWISE_CONV_2D" => {
                let options = self.of(2);
                let mut window = options.window(4, Some((5, 6)), 3);
                window.multiplier = options.len(3, 0);
                (Op::DepthwiseConv, Attributes::Window(window))
            }
            "TRANSPOSE_CONV" => (Op::TransposeConv, Attributes::Window(self.of(49).window(3, None, 0))),
            "CONV_3D" => (Op::Conv3d, self.of(106).window_3d(4)),
            "CONV_3D_TRANSPOSE" => (Op::TransposeConv3d, self.of(106).window_3d(3)),
            "FULLY_CONNECTED" => {
                let options = self.of(8);
                let (keep_dims, asymmetric) = (options.flag(2), options.flag(3));
                (Op::FullyConnected, Attributes::Dense { activation: options.activation(0), keep_dims, asymmetric })
            }
            "BATCH_MATMUL" => {
                let options = self.of(101);
                let adjoint = [options.flag(0), options.flag(1)];
                (Op::MatMul, Attributes::MatMul { adjoint, asymmetric: options.flag(2) })
            }
            "EMBEDDING_LOOKUP" => (Op::EmbeddingLookup, Attributes::None),
            "MAX_POOL_2D" => (Op::MaxPool, self.of(5).pool()),
            "AVERAGE_POOL_2D" => (Op::AveragePool, self.of(5).pool()),
            "L2_POOL_2D" => (Op::L2Pool, self.of(5).pool()),
            _ => return None,
        })
    }

    /// Returns what operators that run subgraphs or keep something compute; `None` for other operators.
    fn control(&self, name: &str) -> Option<(Op, Attributes)> {
        Some(match name {
            "IF" => {
                let options = self.of(92);
                (Op::If, Attributes::If { then: options.len(0, 0), otherwise: options.len(1, 0) })
            }
            "WHILE" => {
                let options = self.of(93);
                (Op::While, Attributes::While { condition: options.len(0, 0), body: options.len(1, 0) })
            }
            "CALL" => (Op::Call, Attributes::Call(self.of(16).len(0, 0))),
            "CALL_ONCE" => (Op::CallOnce, Attributes::Call(self.of(103).len(0, 0))),
            "VAR_HANDLE" => {
                let options = self.of(111);
                (Op::VarHandle, Attributes::Variable { container: options.text(0), name: options.text(1) })
            }
            _ => return None,
        })
    }

    /// Returns what all other operators with attributes compute; `None` for those without.
    fn other(&self, name: &str) -> Option<(Op, Attributes)> {
        Some(match name {
            "ADD" => (Op::Add, self.of(11).fused()),
            "SUB" => (Op::Sub, self.of(28).fused()),
            "MUL" => (Op::Mul, self.of(21).fused()),
            "DIV" => (Op::Div, self.of(29).fused()),
            "L2_NORMALIZATION" => (Op::L2Normalization, self.of(12).fused()),
            "CONCATENATION" => {
                let options = self.of(10);
                (Op::Concat, Attributes::Concat { axis: options.axis(0), activation: options.activation(1) })
            }
            "SOFTMAX" => (Op::Softmax, Attributes::Softmax { beta: self.of(9).f32(0), axis: -1 }),
            "LOG_SOFTMAX" => (Op::LogSoftmax, Attributes::Softmax { beta: 1.0, axis: -1 }),
            "LEAKY_RELU" => (Op::LeakyRelu, Attributes::Slope(self.of(75).f32(0))),
            "GELU" => (Op::Gelu, Attributes::Gelu { approximate: self.of(116).flag(0) }),
            "LOCAL_RESPONSE_NORMALIZATION" => {
                let options = self.of(13);
                let (radius, bias, alpha, beta) = (options.len(0, 0), options.f32(1), options.f32(2), options.f32(3));
                (Op::LocalResponseNormalization, Attributes::LocalResponse { radius, bias, alpha, beta })
            }
            "RESIZE_BILINEAR" => (Op::ResizeBilinear, resize(&self.of(15), 2)),
            "RESIZE_NEAREST_NEIGHBOR" => (Op::ResizeNearest, resize(&self.of(74), 0)),
            "RESHAPE" => (Op::Reshape, Attributes::Reshape(self.of(17).axes(0))),
            "SQUEEZE" => (Op::Squeeze, Attributes::Squeeze(self.of(30).axes(0))),
            "STRIDED_SLICE" => {
                let options = self.of(32);
                let attributes = StridedSlice {
                    begin_mask: options.mask(0),
                    end_mask: options.mask(1),
                    ellipsis_mask: options.mask(2),
                    new_axis_mask: options.mask(3),
                    shrink_axis_mask: options.mask(4),
                    end_is_offset: options.flag(5),
                };
                (Op::StridedSlice, Attributes::StridedSlice(attributes))
            }
            "SPACE_TO_DEPTH" => (Op::SpaceToDepth, Attributes::Block(self.of(19).len(0, 0))),
            "DEPTH_TO_SPACE" => (Op::DepthToSpace, Attributes::Block(self.of(94).len(0, 0))),
            "GATHER" => {
                let options = self.of(23);
                (Op::Gather, Attributes::Gather { axis: options.axis(0), batch_dims: options.axis(1) })
            }
            "SPLIT" => (Op::Split, Attributes::Split { parts: self.of(35).len(0, 0) }),
            "SPLIT_V" => (Op::SplitSizes, Attributes::Split { parts: self.of(79).len(0, 0) }),
            "PACK" => (Op::Pack, Attributes::Axis(self.of(59).axis(1))),
            "UNPACK" => (Op::Unpack, Attributes::Axis(self.of(64).axis(1))),
            "ONE_HOT" => (Op::OneHot, Attributes::Axis(self.of(61).axis(0))),
            "MIRROR_PAD" => {
                let mirror = if self.of(77).flag(0) { Mirror::Symmetric } else { Mirror::Reflect };
                (Op::MirrorPad, Attributes::Mirror(mirror))
            }
            "CUMSUM" => {
                let options = self.of(102);
                (Op::CumSum, Attributes::CumSum { exclusive: options.flag(0), reverse: options.flag(1) })
            }
            "REVERSE_SEQUENCE" => {
                let options = self.of(87);
                (Op::ReverseSequence, Attributes::ReverseSequence { sequence: options.axis(0), batch: options.axis(1) })
            }
            "FAKE_QUANT" => {
                let options = self.of(58);
                let (min, max, bits) = (options.f32(0), options.f32(1), options.mask(2));
                (Op::FakeQuant, Attributes::FakeQuant { min, max, bits, narrow: options.flag(3) })
            }
            "MEAN" | "SUM" | "REDUCE_MAX" | "REDUCE_MIN" | "REDUCE_PROD" | "REDUCE_ANY" | "REDUCE_ALL" => {
                (plain(name), Attributes::Reduce { keep_dims: self.of(27).flag(0) })
            }
            _ => return None,
        })
    }
}

/// Returns what an operator computes and how.
pub(super) fn meaning(code: i32, operator: &Table) -> (Op, Attributes) {
    let Some(name) = known_name(code) else { return (Op::Other, Attributes::None) };
    let reading = Reading { operator, kind: operator.u8(op::OPTIONS_KIND).unwrap_or(0) };
    if let Some(&(_, op, kind, slots)) = RECURRENT.iter().find(|(listed, ..)| *listed == name) {
        return (op, recurrent(&reading.of(kind), slots));
    }
    let known = reading.layer(name).or_else(|| reading.control(name)).or_else(|| reading.other(name));
    known.unwrap_or_else(|| (plain(name), Attributes::None))
}

fn resize(options: &Options<'_>, first: u16) -> Attributes {
    let (align_corners, half_pixel) = (options.flag(first), options.flag(first.saturating_add(1)));
    Attributes::Resize { align_corners, half_pixel }
}

/// Where the options of a recurrent layer stand: activation, time first, merged outputs, the first of two clips, and
/// zero points for inputs that are quantized on the fly.
type Slots = (u16, Option<u16>, Option<u16>, Option<u16>, u16);

/// The recurrent layers, with the kinds of their options.
const RECURRENT: &[(&str, Op, u8, Slots)] = &[
    ("RNN", Op::Rnn, 7, (0, None, None, None, 1)),
    ("UNIDIRECTIONAL_SEQUENCE_RNN", Op::SequenceRnn, 31, (1, Some(0), None, None, 2)),
    ("BIDIRECTIONAL_SEQUENCE_RNN", Op::BidirectionalSequenceRnn, 70, (1, Some(0), Some(2), None, 3)),
    ("LSTM", Op::Lstm, 14, (0, None, None, Some(1), 4)),
    ("UNIDIRECTIONAL_SEQUENCE_LSTM", Op::SequenceLstm, 71, (0, Some(3), None, Some(1), 4)),
    ("BIDIRECTIONAL_SEQUENCE_LSTM", Op::BidirectionalSequenceLstm, 69, (0, Some(4), Some(3), Some(1), 5)),
    ("SVDF", Op::Svdf, 6, (1, None, None, None, 2)),
];

fn recurrent(options: &Options<'_>, slots: Slots) -> Attributes {
    let (activation, time_major, merge_outputs, clips, asymmetric) = slots;
    Attributes::Recurrent(Recurrent {
        activation: options.activation(activation),
        time_major: time_major.is_some_and(|slot| options.flag(slot)),
        cell_clip: clips.map_or(0.0, |slot| options.f32(slot)),
        projection_clip: clips.map_or(0.0, |slot| options.f32(slot.saturating_add(1))),
        merge_outputs: merge_outputs.is_some_and(|slot| options.flag(slot)),
        asymmetric: options.flag(asymmetric),
    })
}

/// The operators without attributes that matter, or whose attributes are told elsewhere.
const PLAIN: &[(&str, Op)] = &[
    ("ABS", Op::Abs),
    ("ADD_N", Op::AddN),
    ("ARG_MAX", Op::ArgMax),
    ("ARG_MIN", Op::ArgMin),
    ("ASSIGN_VARIABLE", Op::AssignVariable),
    ("ATAN2", Op::Atan2),
    ("BATCH_TO_SPACE_ND", Op::BatchToSpace),
    ("BITCAST", Op::Bitcast),
    ("BITWISE_XOR", Op::BitwiseXor),
    ("BROADCAST_ARGS", Op::BroadcastArgs),
    ("BROADCAST_TO", Op::BroadcastTo),
    ("BUCKETIZE", Op::Bucketize),
    ("CAST", Op::Cast),
    ("CEIL", Op::Ceil),
    ("COS", Op::Cos),
    ("DENSIFY", Op::Densify),
    ("DEQUANTIZE", Op::Dequantize),
    ("DILATE", Op::Dilate),
    ("DYNAMIC_UPDATE_SLICE", Op::DynamicUpdateSlice),
    ("ELU", Op::Elu),
    ("EMBEDDING_LOOKUP_SPARSE", Op::EmbeddingLookupSparse),
    ("EQUAL", Op::Equal),
    ("EXP", Op::Exp),
    ("EXPAND_DIMS", Op::ExpandDims),
    ("FILL", Op::Fill),
    ("FLOOR", Op::Floor),
    ("FLOOR_DIV", Op::FloorDiv),
    ("FLOOR_MOD", Op::FloorMod),
    ("GATHER_ND", Op::GatherNd),
    ("GREATER", Op::Greater),
    ("GREATER_EQUAL", Op::GreaterEqual),
    ("HARD_SWISH", Op::HardSwish),
    ("HASHTABLE_LOOKUP", Op::HashtableLookup),
    ("LESS", Op::Less),
    ("LESS_EQUAL", Op::LessEqual),
    ("LOG", Op::Log),
    ("LOGICAL_AND", Op::LogicalAnd),
    ("LOGICAL_NOT", Op::LogicalNot),
    ("LOGICAL_OR", Op::LogicalOr),
    ("LOGISTIC", Op::Logistic),
    ("LSH_PROJECTION", Op::LshProjection),
    ("MATRIX_DIAG", Op::MatrixDiag),
    ("MATRIX_SET_DIAG", Op::MatrixSetDiag),
    ("MAXIMUM", Op::Maximum),
    ("MEAN", Op::Mean),
    ("MINIMUM", Op::Minimum),
    ("NEG", Op::Neg),
    ("NOT_EQUAL", Op::NotEqual),
    ("PAD", Op::Pad),
    ("PADV2", Op::PadWith),
    ("POW", Op::Pow),
    ("PRELU", Op::PRelu),
    ("QUANTIZE", Op::Quantize),
    ("RANGE", Op::Range),
    ("RANK", Op::Rank),
    ("READ_VARIABLE", Op::ReadVariable),
    ("REDUCE_ALL", Op::ReduceAll),
    ("REDUCE_ANY", Op::ReduceAny),
    ("REDUCE_MAX", Op::ReduceMax),
    ("REDUCE_MIN", Op::ReduceMin),
    ("REDUCE_PROD", Op::ReduceProd),
    ("RELU", Op::Relu),
    ("RELU6", Op::Relu6),
    ("RELU_0_TO_1", Op::Relu0To1),
    ("RELU_N1_TO_1", Op::ReluN1To1),
    ("REVERSE_V2", Op::Reverse),
    ("RIGHT_SHIFT", Op::RightShift),
    ("ROUND", Op::Round),
    ("RSQRT", Op::Rsqrt),
    ("SCATTER_ND", Op::ScatterNd),
    ("SEGMENT_SUM", Op::SegmentSum),
    ("SELECT", Op::Select),
    ("SELECT_V2", Op::SelectBroadcast),
    ("SHAPE", Op::Shape),
    ("SIGN", Op::Sign),
    ("SIN", Op::Sin),
    ("SLICE", Op::Slice),
    ("SPACE_TO_BATCH_ND", Op::SpaceToBatch),
    ("SQRT", Op::Sqrt),
    ("SQUARE", Op::Square),
    ("SQUARED_DIFFERENCE", Op::SquaredDifference),
    ("SUM", Op::Sum),
    ("TANH", Op::Tanh),
    ("TILE", Op::Tile),
    ("TOPK_V2", Op::TopK),
    ("TRANSPOSE", Op::Transpose),
    ("UNIQUE", Op::Unique),
    ("WHERE", Op::Where),
    ("ZEROS_LIKE", Op::ZerosLike),
];

fn plain(name: &str) -> Op {
    PLAIN.iter().find(|(listed, _)| *listed == name).map_or(Op::Other, |(_, op)| *op)
}

#[cfg(test)]
mod tests {
    use super::super::schema::{OPERATOR, scalars};
    use super::super::tree::Child;
    use super::*;

    /// An operator with options of a kind.
    fn operator(kind: u8, fill: impl Fn(&mut Table)) -> Table {
        let mut options = Table::new(scalars());
        fill(&mut options);
        let mut operator = Table::new(&OPERATOR);
        operator.set_scalar(op::OPTIONS_KIND, [kind]);
        operator.set_child(op::OPTIONS, Child::Table(options));
        operator
    }

    #[test]
    fn every_name_of_the_table_is_in_the_schema_once() {
        for (number, (name, _)) in PLAIN.iter().enumerate() {
            assert!((0..).map_while(known_name).any(|known| known == *name), "{name}");
            assert!(PLAIN[..number].iter().all(|(other, _)| other != name), "{name}");
        }
    }

    #[test]
    fn strides_stand_height_first() {
        let table = operator(1, |options| {
            options.set_scalar(0, [1]);
            options.set_scalar(1, 2_i32.to_le_bytes());
            options.set_scalar(2, 3_i32.to_le_bytes());
            options.set_scalar(3, [3]);
        });
        let (op, attributes) = meaning(3, &table);
        let Attributes::Window(window) = attributes else { panic!("not a window") };
        assert_eq!((op, window.padding, window.activation), (Op::Conv, Padding::Valid, Activation::Relu6));
        assert_eq!((window.strides, window.dilations), (vec![3, 2], vec![1, 1]));
    }

    #[test]
    fn options_of_another_kind_count_as_absent() {
        let table = operator(11, |options| options.set_scalar(0, [1]));
        assert_eq!(meaning(0, &table), (Op::Add, Attributes::Fused(Activation::Relu)));
        assert_eq!(meaning(18, &table), (Op::Mul, Attributes::Fused(Activation::None)));
    }

    #[test]
    fn a_negative_length_is_nowhere() {
        let table = operator(94, |options| options.set_scalar(0, (-3_i32).to_le_bytes()));
        assert_eq!(meaning(5, &table), (Op::DepthToSpace, Attributes::Block(usize::MAX)));
        assert_eq!(meaning(-1, &table), (Op::Other, Attributes::None));
    }
}
