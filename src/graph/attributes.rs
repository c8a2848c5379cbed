//! How an operator computes: what its file says of it besides inputs and outputs.

use alloc::string::String;
use alloc::vec::Vec;

/// The attributes of an operator, by its kind. An axis may be negative: it counts from the end.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Attributes {
    /// There are none that matter.
    #[default]
    None,
    /// Of convolutions and pools.
    Window(Window),
    /// Of an operator that applies an activation to its result.
    Fused(Activation),
    /// Of a fully connected layer.
    Dense {
        /// What is applied to the result.
        activation: Activation,
        /// Whether the result has the input's leading dimensions, and not two in all.
        keep_dims: bool,
        /// Whether float inputs get zero points when they are quantized on the fly.
        asymmetric: bool,
    },
    /// Of a product of matrices.
    MatMul {
        /// Whether the last two axes of the left and of the right side are swapped.
        adjoint: [bool; 2],
        /// Whether float inputs get zero points when they are quantized on the fly.
        asymmetric: bool,
    },
    /// Of an operator that works along an axis: packs, unpacks, one-hot.
    Axis(i64),
    /// Of a concatenation.
    Concat {
        /// The axis along which inputs follow each other.
        axis: i64,
        /// What is applied to the result.
        activation: Activation,
    },
    /// Of a gather.
    Gather {
        /// The axis that indices count along.
        axis: i64,
        /// How many leading axes indices and values have in common.
        batch_dims: i64,
    },
    /// Of a split into parts.
    Split {
        /// How many parts there are.
        parts: usize,
    },
    /// Of a reduction; its axes are an input.
    Reduce {
        /// Whether reduced axes stay, with a length of 1.
        keep_dims: bool,
    },
    /// Of a removal of axes of length 1; none means all of them.
    Squeeze(Vec<i64>),
    /// Of a reshape whose shape is no input; −1 is the length that follows from the others.
    Reshape(Vec<i64>),
    /// Of a softmax.
    Softmax {
        /// What inputs are multiplied with first.
        beta: f32,
        /// The axis along which results sum to 1.
        axis: i64,
    },
    /// Of a leaky rectifier: the slope of the negative side.
    Slope(f32),
    /// Of a GELU: whether it is the approximation with a tanh.
    Gelu {
        /// Whether it is.
        approximate: bool,
    },
    /// Of a change of resolution.
    Resize {
        /// Whether the centres of the corners stay.
        align_corners: bool,
        /// Whether positions are those of the centres of pixels.
        half_pixel: bool,
    },
    /// Of a strided slice.
    StridedSlice(StridedSlice),
    /// Of depth to space and back: the side of a block.
    Block(usize),
    /// Of padding with the values themselves.
    Mirror(Mirror),
    /// Of a running sum.
    CumSum {
        /// Whether an element is left out of its own sum.
        exclusive: bool,
        /// Whether sums run from the end.
        reverse: bool,
    },
    /// Of a reversal of sequences of different lengths.
    ReverseSequence {
        /// The axis of time.
        sequence: i64,
        /// The axis of the batch.
        batch: i64,
    },
    /// Of a local response normalization.
    LocalResponse {
        /// How many channels on each side count.
        radius: usize,
        /// What is added to the sum.
        bias: f32,
        /// What the sum is multiplied with.
        alpha: f32,
        /// The exponent.
        beta: f32,
    },
    /// Of a fake quantization.
    FakeQuant {
        /// The lower end of the range.
        min: f32,
        /// The upper end of the range.
        max: f32,
        /// The bits of a code.
        bits: u32,
        /// Whether the lowest code is not used.
        narrow: bool,
    },
    /// Of a choice between two subgraphs.
    If {
        /// The subgraph that runs if the first input is true.
        then: usize,
        /// The subgraph that runs otherwise.
        otherwise: usize,
    },
    /// Of a loop.
    While {
        /// The subgraph whose output says whether to go on.
        condition: usize,
        /// The subgraph that makes the next values out of the last.
        body: usize,
    },
    /// Of a call: the subgraph that runs.
    Call(usize),
    /// Of the handle of a variable.
    Variable {
        /// The group of variables, as a rule "".
        container: String,
        /// The name within it.
        name: String,
    },
    /// Of recurrent layers.
    Recurrent(Recurrent),
}

impl Attributes {
    /// Returns what is applied to the result.
    pub fn activation(&self) -> Activation {
        match self {
            Self::Fused(activation) | Self::Dense { activation, .. } | Self::Concat { activation, .. } => *activation,
            Self::Window(window) => window.activation,
            Self::Recurrent(recurrent) => recurrent.activation,
            _ => Activation::None,
        }
    }

    /// Returns the subgraphs that the operator runs.
    pub fn subgraphs(&self) -> Vec<usize> {
        match *self {
            Self::If { then, otherwise } => [then, otherwise].into(),
            Self::While { condition, body } => [condition, body].into(),
            Self::Call(subgraph) => [subgraph].into(),
            _ => Vec::new(),
        }
    }
}

/// How a window moves over its input; spatial axes in their order, height before width.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Window {
    /// What is added around the input.
    pub padding: Padding,
    /// Steps along each spatial axis.
    pub strides: Vec<usize>,
    /// Distances between the filter's elements along each spatial axis.
    pub dilations: Vec<usize>,
    /// The lengths of a pool's window; empty where the filter has them.
    pub size: Vec<usize>,
    /// The axis of the filter that counts output channels.
    pub filter_axis: usize,
    /// Output channels for each input channel of a depthwise convolution.
    pub multiplier: usize,
    /// Where channels stand in inputs and outputs.
    pub layout: Layout,
    /// What is applied to the result.
    pub activation: Activation,
}

impl Window {
    /// Returns a window over `ndim` spatial axes that moves by 1, without padding or activation.
    pub fn new(ndim: usize) -> Self {
        Self {
            padding: Padding::Valid,
            strides: alloc::vec![1; ndim],
            dilations: alloc::vec![1; ndim],
            size: Vec::new(),
            filter_axis: 0,
            multiplier: 1,
            layout: Layout::ChannelsLast,
            activation: Activation::None,
        }
    }
}

/// Where channels stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Behind the spatial axes, as in NHWC.
    #[default]
    ChannelsLast,
    /// In front of them, as in NCHW.
    ChannelsFirst,
}

/// What is added around an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// Nothing: windows lie within the input.
    #[default]
    Valid,
    /// As much as gives ⌈length / stride⌉ windows; what is odd goes behind.
    Same,
    /// So much before and behind, along each spatial axis.
    Explicit(Vec<[usize; 2]>),
}

/// What is applied to a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activation {
    /// Nothing.
    #[default]
    None,
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// min(max(x, −1), 1).
    ReluN1To1,
    /// tanh x.
    Tanh,
    /// 1 for negative numbers, else 0.
    SignBit,
}

impl Activation {
    /// Returns the ends between which results lie: those of f32 where there is no end.
    pub fn bounds(self) -> (f32, f32) {
        match self {
            Self::None => (f32::NEG_INFINITY, f32::INFINITY),
            Self::Relu => (0.0, f32::INFINITY),
            Self::Relu6 => (0.0, 6.0),
            Self::ReluN1To1 | Self::Tanh => (-1.0, 1.0),
            Self::SignBit => (0.0, 1.0),
        }
    }
}

/// How values are mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mirror {
    /// At the outermost element, which is not repeated.
    Reflect,
    /// Behind the outermost element, which is.
    Symmetric,
}

/// The masks of a strided slice: bit `i` is about index `i` of begin, end and strides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StridedSlice {
    /// Where begin does not count.
    pub begin_mask: u32,
    /// Where end does not count.
    pub end_mask: u32,
    /// The index that stands for all axes that no other tells.
    pub ellipsis_mask: u32,
    /// Where an axis of length 1 is added.
    pub new_axis_mask: u32,
    /// Where one element is taken, and its axis removed.
    pub shrink_axis_mask: u32,
    /// Whether ends count from the begins.
    pub end_is_offset: bool,
}

/// The attributes of recurrent layers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Recurrent {
    /// The activation of the cell.
    pub activation: Activation,
    /// Whether time is the first axis.
    pub time_major: bool,
    /// What the cell is clipped to; 0 for nothing.
    pub cell_clip: f32,
    /// What the projection is clipped to; 0 for nothing.
    pub projection_clip: f32,
    /// Whether both directions go into one output.
    pub merge_outputs: bool,
    /// Whether float inputs get zero points when they are quantized on the fly.
    pub asymmetric: bool,
}
