//! The operators, and what follows from each: one row of one table.

use core::fmt;

/// What an operator does with its inputs, whatever the runtime.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Runs of inputs that are weights, from and up to which, and the axis of their channels.
    pub(super) weights: &'static [(usize, usize, Axis)],
    /// The input that is a bias, the input that it is added to the product of, and the weights of that product.
    pub(super) bias: Option<[usize; 3]>,
    /// The inputs that share one scale with all outputs when codes are integers.
    pub(super) shares: Shares,
    /// Whether outputs hold elements of the inputs that share their scale, and nothing computed.
    pub(super) moves: bool,
    /// The inputs whose exact values decide: rounding one may change the results altogether.
    pub(super) exact: Exact,
    /// The input that is a table, of which outputs are elements by their number.
    pub(super) table: Option<usize>,
}

/// Which inputs must not be rounded.
#[derive(Clone, Copy, Debug)]
pub(super) enum Exact {
    /// None: results change as little as the inputs do.
    Nothing,
    /// All.
    All,
    /// These.
    Of(&'static [usize]),
    /// All: they are phases, of which only what is left of whole turns counts.
    Phase,
}

/// Which axis of weights counts channels of the output.
#[derive(Clone, Copy, Debug)]
pub(super) enum Axis {
    /// This one.
    At(usize),
    /// The one that the window's attributes tell.
    Filter,
    /// Of the last two axes of a matrix product's left side, the one that is not summed over.
    LeftRows,
    /// The same of its right side.
    RightColumns,
}

/// Which inputs share the scale of the outputs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shares {
    /// None: outputs have scales of their own.
    Nothing,
    /// These.
    Of(&'static [usize]),
    /// All.
    All,
}

/// Codes of results have scales of their own.
const FREE: Row =
    Row { weights: &[], bias: None, shares: Shares::Nothing, moves: false, exact: Exact::Nothing, table: None };
/// Elements of the first input are copied.
const MOVES: Row = Row { shares: Shares::Of(&[0]), moves: true, ..FREE };
/// Codes of the first input are compared or averaged: the result has its scale.
const KEEPS: Row = Row { shares: Shares::Of(&[0]), ..FREE };
/// Results are integers or truths that depend on every bit of the inputs.
const EXACT: Row = Row { exact: Exact::All, ..FREE };
/// A function of an angle.
const PHASE: Row = Row { exact: Exact::Phase, ..FREE };
/// Elements of a table are copied, by their numbers.
const LOOKS_UP: Row = Row { table: Some(0), ..MOVES };

const fn product(weights: &'static [(usize, usize, Axis)]) -> Row {
    Row { weights, bias: Some([2, 0, 1]), ..FREE }
}

const fn recurrent(weights: &'static [(usize, usize, Axis)]) -> Row {
    Row { weights, ..FREE }
}

const fn moves(shares: &'static [usize]) -> Row {
    Row { shares: Shares::Of(shares), moves: true, ..FREE }
}

macro_rules! operators {
    ($($(#[$doc:meta])* $name:ident = $row:expr,)*) => {
        /// What an operator computes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Op { $($(#[$doc])* $name,)* }

        /// The rows, in the order of the operators.
        static ROWS: &[Row] = &[$($row,)*];

        /// All operators, in their order.
        const ALL: &[Op] = &[$(Op::$name,)*];

        impl Op {
            /// Returns the name, as in `Conv`.
            pub fn name(self) -> &'static str {
                match self { $(Op::$name => stringify!($name),)* }
            }
        }
    };
}

use Axis::{At, Filter, LeftRows, RightColumns};

operators! {
    /// One that is not understood; its name is the file's.
    Other = FREE,

    // Products with weights.
    /// A convolution.
    Conv = product(&[(1, 1, Filter)]),
    /// A convolution of each channel by itself.
    DepthwiseConv = product(&[(1, 1, Filter)]),
    /// A convolution backwards. Inputs: shape, filter, values, bias.
    TransposeConv = Row { bias: Some([3, 2, 1]), ..product(&[(1, 1, Filter)]) },
    /// A convolution over three spatial axes.
    Conv3d = product(&[(1, 1, Filter)]),
    /// A convolution backwards over three spatial axes. Inputs: shape, filter, values, bias.
    TransposeConv3d = Row { bias: Some([3, 2, 1]), ..product(&[(1, 1, Filter)]) },
    /// A fully connected layer: weights of shape (outputs, inputs).
    FullyConnected = product(&[(1, 1, At(0))]),
    /// A product of matrices, with leading axes broadcast.
    MatMul = Row { weights: &[(0, 0, LeftRows), (1, 1, RightColumns)], ..FREE },
    /// Rows of a table by their numbers. Inputs: numbers, table.
    EmbeddingLookup = Row { weights: &[(1, 1, At(0))], shares: Shares::Of(&[1]), moves: true, ..FREE },
    /// Sums of rows of a table by their numbers. Inputs: numbers, positions, shape, factors, table.
    EmbeddingLookupSparse = Row { weights: &[(4, 4, At(0))], ..FREE },
    /// A layer with feedback.
    Rnn = recurrent(&[(1, 2, At(0))]),
    /// The same over a sequence.
    SequenceRnn = recurrent(&[(1, 2, At(0))]),
    /// The same in both directions.
    BidirectionalSequenceRnn = recurrent(&[(1, 2, At(0)), (4, 5, At(0)), (10, 11, At(0))]),
    /// A long short-term memory.
    Lstm = recurrent(&[(1, 8, At(0)), (16, 16, At(0))]),
    /// The same over a sequence.
    SequenceLstm = recurrent(&[(1, 8, At(0)), (16, 16, At(0))]),
    /// The same in both directions.
    BidirectionalSequenceLstm =
        recurrent(&[(1, 8, At(0)), (16, 16, At(0)), (18, 25, At(0)), (33, 33, At(0)), (40, 47, At(0))]),
    /// Singular value decomposition filters.
    Svdf = recurrent(&[(1, 2, At(0))]),

    // Arithmetic of two values, broadcast.
    /// a + b.
    Add = FREE,
    /// a − b.
    Sub = FREE,
    /// a · b.
    Mul = FREE,
    /// a / b.
    Div = FREE,
    /// The larger.
    Maximum = Row { shares: Shares::All, ..FREE },
    /// The smaller.
    Minimum = Row { shares: Shares::All, ..FREE },
    /// (a − b)².
    SquaredDifference = FREE,
    /// a to the power of b.
    Pow = FREE,
    /// ⌊a / b⌋.
    FloorDiv = EXACT,
    /// a − b ⌊a / b⌋.
    FloorMod = EXACT,
    /// The angle of the point (b, a).
    Atan2 = FREE,
    /// The sum of all inputs.
    AddN = FREE,
    /// Exclusive or of bits.
    BitwiseXor = EXACT,
    /// A shift of bits.
    RightShift = EXACT,

    // Comparisons and truths.
    /// a = b.
    Equal = EXACT,
    /// a ≠ b.
    NotEqual = EXACT,
    /// a < b.
    Less = EXACT,
    /// a ≤ b.
    LessEqual = EXACT,
    /// a > b.
    Greater = EXACT,
    /// a ≥ b.
    GreaterEqual = EXACT,
    /// Both.
    LogicalAnd = EXACT,
    /// Either.
    LogicalOr = EXACT,
    /// Not.
    LogicalNot = EXACT,

    // Functions of one value.
    /// max(x, 0).
    Relu = FREE,
    /// min(max(x, 0), 6).
    Relu6 = FREE,
    /// min(max(x, −1), 1).
    ReluN1To1 = FREE,
    /// min(max(x, 0), 1).
    Relu0To1 = FREE,
    /// x, or slope · x below 0.
    LeakyRelu = FREE,
    /// x, or α · x below 0, with an α a channel.
    PRelu = FREE,
    /// x, or eˣ − 1 below 0.
    Elu = FREE,
    /// x times the normal distribution of x.
    Gelu = FREE,
    /// x · min(max(x + 3, 0), 6) / 6.
    HardSwish = FREE,
    /// 1 / (1 + e⁻ˣ).
    Logistic = FREE,
    /// Hyperbolic tangent.
    Tanh = FREE,
    /// |x|.
    Abs = FREE,
    /// −x.
    Neg = FREE,
    /// eˣ.
    Exp = FREE,
    /// Natural logarithm.
    Log = FREE,
    /// √x.
    Sqrt = FREE,
    /// 1 / √x.
    Rsqrt = FREE,
    /// x².
    Square = FREE,
    /// Sine.
    Sin = PHASE,
    /// Cosine.
    Cos = PHASE,
    /// ⌊x⌋.
    Floor = EXACT,
    /// ⌈x⌉.
    Ceil = EXACT,
    /// The nearest integer, the even one of two.
    Round = EXACT,
    /// −1, 0 or 1.
    Sign = EXACT,
    /// eˣ over the sum of them along an axis.
    Softmax = FREE,
    /// The logarithm of that.
    LogSoftmax = FREE,
    /// x over the root of the sum of squares.
    L2Normalization = FREE,
    /// x over a power of the sum of its neighbours' squares.
    LocalResponseNormalization = FREE,

    // Pools and reductions.
    /// The largest in a window.
    MaxPool = KEEPS,
    /// The mean of a window.
    AveragePool = KEEPS,
    /// The root mean square of a window.
    L2Pool = FREE,
    /// The mean along axes.
    Mean = FREE,
    /// The sum along axes.
    Sum = FREE,
    /// The largest along axes.
    ReduceMax = KEEPS,
    /// The smallest along axes.
    ReduceMin = KEEPS,
    /// The product along axes.
    ReduceProd = FREE,
    /// Whether any is true along axes.
    ReduceAny = EXACT,
    /// Whether all are true along axes.
    ReduceAll = EXACT,
    /// Running sums.
    CumSum = FREE,

    // What moves values.
    /// The same elements in another shape.
    Reshape = MOVES,
    /// Without axes of length 1.
    Squeeze = MOVES,
    /// With one more axis of length 1.
    ExpandDims = MOVES,
    /// Axes in another order.
    Transpose = MOVES,
    /// Zeros around.
    Pad = MOVES,
    /// A value around. Inputs: values, lengths, the value.
    PadWith = moves(&[0, 2]),
    /// Mirrored values around.
    MirrorPad = MOVES,
    /// A part. Inputs: values, begins, lengths.
    Slice = MOVES,
    /// A part, with steps.
    StridedSlice = MOVES,
    /// Equal parts. Inputs: axis, values.
    Split = moves(&[1]),
    /// Parts of given lengths. Inputs: values, lengths, axis.
    SplitSizes = MOVES,
    /// One behind the other.
    Concat = Row { shares: Shares::All, moves: true, ..FREE },
    /// On top of each other along a new axis.
    Pack = Row { shares: Shares::All, moves: true, ..FREE },
    /// Taken apart along an axis that is removed.
    Unpack = MOVES,
    /// Slices by their numbers. Inputs: values, numbers.
    Gather = LOOKS_UP,
    /// Elements or slices by their positions.
    GatherNd = LOOKS_UP,
    /// Elements put at positions. Inputs: positions, values, shape.
    ScatterNd = moves(&[1]),
    /// Copies beside each other.
    Tile = MOVES,
    /// Repeated to a shape.
    BroadcastTo = MOVES,
    /// Backwards along axes.
    Reverse = MOVES,
    /// Backwards, so much of each sequence.
    ReverseSequence = MOVES,
    /// Blocks of space into channels.
    SpaceToDepth = MOVES,
    /// Channels into blocks of space.
    DepthToSpace = MOVES,
    /// Blocks of space into the batch.
    SpaceToBatch = MOVES,
    /// The batch into blocks of space.
    BatchToSpace = MOVES,
    /// Resolution changed, with linear interpolation.
    ResizeBilinear = KEEPS,
    /// Resolution changed, the nearest element taken.
    ResizeNearest = MOVES,
    /// One of two values by a truth for each element or each slice. Inputs: truths, values, other values.
    Select = moves(&[1, 2]),
    /// The same with all three broadcast.
    SelectBroadcast = moves(&[1, 2]),
    /// A part replaced. Inputs: values, the part, begins.
    DynamicUpdateSlice = moves(&[0, 1]),
    /// A matrix with a diagonal, or with another.
    MatrixDiag = MOVES,
    /// A matrix with another diagonal.
    MatrixSetDiag = moves(&[0, 1]),
    /// Zeros put between elements.
    Dilate = moves(&[0, 2]),

    // Indices and shapes.
    /// The number of the largest.
    ArgMax = EXACT,
    /// The number of the smallest.
    ArgMin = EXACT,
    /// The largest, and their numbers.
    TopK = Row { shares: Shares::Of(&[0]), exact: Exact::All, ..FREE },
    /// A value at a number, and another elsewhere. Inputs: numbers, depth, on, off.
    OneHot = Row { shares: Shares::Of(&[2, 3]), exact: Exact::Of(&[0, 1]), ..FREE },
    /// The positions of what is true.
    Where = EXACT,
    /// Different elements, and where they are.
    Unique = EXACT,
    /// The lengths of the dimensions.
    Shape = FREE,
    /// The number of dimensions.
    Rank = FREE,
    /// Numbers at equal steps.
    Range = EXACT,
    /// One value everywhere.
    Fill = moves(&[1]),
    /// Zeros of a shape.
    ZerosLike = FREE,
    /// Elements of another type.
    Cast = EXACT,
    /// The same bits as another type.
    Bitcast = EXACT,
    /// Two shapes broadcast to one.
    BroadcastArgs = FREE,
    /// Sums of segments.
    SegmentSum = FREE,
    /// The number of the interval.
    Bucketize = EXACT,
    /// Bits of signs of random projections.
    LshProjection = EXACT,
    /// Rows of a table by keys, and whether there are any. Inputs: what is looked for, keys, table.
    HashtableLookup = Row { exact: Exact::Of(&[0, 1]), table: Some(2), ..FREE },

    // Types.
    /// Reals to codes, or codes to others.
    Quantize = FREE,
    /// Codes to reals.
    Dequantize = FREE,
    /// Reals on a grid of codes.
    FakeQuant = FREE,
    /// A constant with its zeros.
    Densify = MOVES,

    // Control flow and state.
    /// One of two subgraphs.
    If = FREE,
    /// A loop.
    While = FREE,
    /// A subgraph.
    Call = FREE,
    /// A subgraph that runs once.
    CallOnce = FREE,
    /// The handle of a variable.
    VarHandle = FREE,
    /// The content of a variable.
    ReadVariable = FREE,
    /// New content for a variable.
    AssignVariable = FREE,
}

impl Op {
    pub(super) fn row(self) -> &'static Row {
        static UNKNOWN: Row = FREE;
        ROWS.get(self as usize).unwrap_or(&UNKNOWN)
    }

    /// Returns every operator there is.
    pub fn all() -> &'static [Op] {
        ALL
    }

    /// Returns whether outputs hold elements of its inputs and nothing computed, so that codes can be copied.
    pub fn moves_data(self) -> bool {
        self.row().moves
    }

    /// Returns whether a slightly other input may give an altogether other result: comparisons, indices, rounding.
    ///
    /// See [`Graph::exact_values`](super::Graph::exact_values) for the values that this reaches.
    pub fn needs_exact_inputs(self) -> bool {
        !matches!(self.row().exact, Exact::Nothing)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_has_its_row() {
        assert_eq!(ROWS.len(), ALL.len());
        assert_eq!(
            ALL.iter().map(|op| *op as usize).collect::<alloc::vec::Vec<_>>(),
            (0..ALL.len()).collect::<alloc::vec::Vec<_>>()
        );
        assert!(Op::Reshape.moves_data() && !Op::Add.moves_data());
        assert!(Op::Less.needs_exact_inputs() && !Op::Conv.needs_exact_inputs());
    }
}
