//! Operators backwards: what a gradient of an operator's outputs comes to at its inputs.
//!
//! 1. Products with weights, pools and sums have a function each.
//! 2. Operators that move elements are run on the elements' numbers: where a number arrives, the gradient comes from.
//! 3. Functions of single elements are run a little to the left and to the right.

mod elementwise;
mod images;
mod moves;
mod products;
mod rows;

#[cfg(test)]
mod tests;

use crate::call::Call;
use crate::tensor::{Reason, Tensor, elements_of};
use crate::view::View;
use tensor_quant::graph::{Activation, Op};

/// An operator that has run, and the gradients of its outputs.
#[derive(Debug)]
pub(crate) struct Back<'a> {
    pub(crate) call: &'a Call<'a>,
    pub(crate) outputs: &'a [Tensor],
    /// For each output, before the operator's activation; `None` where nothing depends on it.
    pub(crate) gradients: &'a [Option<Vec<f32>>],
    /// Which inputs' gradients are asked for.
    pub(crate) wanted: &'a [bool],
}

/// For each input its gradient, if it has one.
pub(crate) type Gradients = Vec<Option<Vec<f32>>>;

/// Computes the gradients of an operator's inputs.
pub(crate) type Adjoint = fn(&Back<'_>) -> Result<Gradients, Reason>;

const TABLE: &[(Op, Adjoint)] = &[
    (Op::Conv, products::conv),
    (Op::DepthwiseConv, products::depthwise_conv),
    (Op::TransposeConv, products::transpose_conv),
    (Op::FullyConnected, products::fully_connected),
    (Op::MatMul, products::mat_mul),
    (Op::AveragePool, images::average_pool),
    (Op::MaxPool, images::max_pool),
    (Op::ResizeBilinear, images::bilinear),
    (Op::Sum, rows::sum),
    (Op::Mean, rows::mean),
    (Op::Softmax, rows::softmax),
    (Op::LogSoftmax, rows::log_softmax),
    (Op::Add, elementwise::sum),
    (Op::Sub, elementwise::sum),
    (Op::AddN, elementwise::sum),
    (Op::Mul, elementwise::binary),
    (Op::Div, elementwise::binary),
    (Op::Maximum, elementwise::binary),
    (Op::Minimum, elementwise::binary),
    (Op::SquaredDifference, elementwise::binary),
    (Op::Pow, elementwise::binary),
    (Op::PRelu, elementwise::binary),
    (Op::Relu, elementwise::unary),
    (Op::Relu6, elementwise::unary),
    (Op::ReluN1To1, elementwise::unary),
    (Op::Relu0To1, elementwise::unary),
    (Op::LeakyRelu, elementwise::unary),
    (Op::Elu, elementwise::unary),
    (Op::Gelu, elementwise::unary),
    (Op::HardSwish, elementwise::unary),
    (Op::Logistic, elementwise::unary),
    (Op::Tanh, elementwise::unary),
    (Op::Abs, elementwise::unary),
    (Op::Neg, elementwise::unary),
    (Op::Exp, elementwise::unary),
    (Op::Log, elementwise::unary),
    (Op::Sqrt, elementwise::unary),
    (Op::Rsqrt, elementwise::unary),
    (Op::Square, elementwise::unary),
    (Op::Sin, elementwise::unary),
    (Op::Cos, elementwise::unary),
    (Op::Quantize, elementwise::same),
    (Op::Dequantize, elementwise::same),
    (Op::FakeQuant, elementwise::same),
    (Op::Reshape, moves::moved),
    (Op::Squeeze, moves::moved),
    (Op::ExpandDims, moves::moved),
    (Op::Transpose, moves::moved),
    (Op::Slice, moves::moved),
    (Op::StridedSlice, moves::moved),
    (Op::Split, moves::moved),
    (Op::SplitSizes, moves::moved),
    (Op::Unpack, moves::moved),
    (Op::Tile, moves::moved),
    (Op::BroadcastTo, moves::moved),
    (Op::Reverse, moves::moved),
    (Op::ReverseSequence, moves::moved),
    (Op::Concat, moves::moved),
    (Op::Pack, moves::moved),
    (Op::Pad, moves::moved),
    (Op::PadWith, moves::moved),
    (Op::MirrorPad, moves::moved),
    (Op::SpaceToDepth, moves::moved),
    (Op::DepthToSpace, moves::moved),
    (Op::SpaceToBatch, moves::moved),
    (Op::BatchToSpace, moves::moved),
    (Op::ResizeNearest, moves::moved),
    (Op::Gather, moves::moved),
    (Op::GatherNd, moves::moved),
];

/// Returns what computes the gradients of an operator's inputs.
pub(crate) fn adjoint(op: Op) -> Option<Adjoint> {
    TABLE.iter().find(|(listed, _)| *listed == op).map(|(_, adjoint)| *adjoint)
}

/// Takes a gradient of what an activation gave back to before it.
pub(crate) fn before_activation(gradient: &mut [f32], output: &[f32], activation: Activation) {
    match activation {
        Activation::None => {}
        Activation::Tanh => gradient.iter_mut().zip(output).for_each(|(g, y)| *g *= 1.0 - y * y),
        Activation::SignBit => gradient.fill(0.0),
        other => {
            let (low, high) = other.bounds();
            for (g, &y) in gradient.iter_mut().zip(output) {
                if y <= low || y >= high {
                    *g = 0.0;
                }
            }
        }
    }
}

impl Back<'_> {
    /// Returns the gradient of the first output.
    fn gradient(&self) -> Result<&[f32], Reason> {
        let gradient = self.gradients.first().and_then(Option::as_deref);
        gradient.ok_or_else(|| "nothing depends on its first output".into())
    }

    fn output(&self) -> Result<&Tensor, Reason> {
        self.outputs.first().ok_or_else(|| "it has no output".into())
    }

    /// Returns gradients of which one input has the given one, and no other any.
    fn only(&self, input: usize, gradient: Vec<f32>) -> Gradients {
        let mut all = vec![None; self.call.inputs.len()];
        if let Some(place) = all.get_mut(input) {
            *place = Some(gradient);
        }
        all
    }

    fn is_wanted(&self, input: usize) -> bool {
        self.wanted.get(input).copied().unwrap_or(false)
    }
}

/// Returns the sums of a gradient over the axes along which a shape was repeated to another.
fn reduced(gradient: &[f32], from: &[usize], to: &[usize]) -> Result<Vec<f32>, Reason> {
    if from == to {
        return Ok(gradient.to_vec());
    }
    let len = elements_of(to)?;
    let numbers = Tensor::of(to.to_vec(), (0..len as i32).collect())?;
    let mut sums = vec![0.0; len];
    let places = View::of(to).broadcast(from)?.copy(&numbers)?;
    for (&at, g) in places.elements::<i32>()?.iter().zip(gradient) {
        sums[at as usize] += g;
    }
    Ok(sums)
}
