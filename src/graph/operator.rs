//! An operator: what it computes, out of which values.

use super::attributes::Attributes;
use super::op::{Axis, Op, Shares};
use alloc::string::String;
use alloc::vec::Vec;

/// An operator of a subgraph.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Operator {
    /// What it computes.
    pub op: Op,
    /// How.
    pub attributes: Attributes,
    /// What its file calls it, as in `CONV_2D`; the name of a custom operator.
    pub name: String,
    /// The values that it takes; `None` where an optional one is absent.
    pub inputs: Vec<Option<usize>>,
    /// The values that it makes.
    pub outputs: Vec<usize>,
}

/// A bias, and the product that it is added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bias {
    /// The value that is the bias.
    pub bias: usize,
    /// The activations of the product.
    pub input: usize,
    /// The weights of the product.
    pub weights: usize,
}

impl Operator {
    /// Returns an operator.
    pub fn new(op: Op, attributes: Attributes, inputs: Vec<Option<usize>>, outputs: Vec<usize>) -> Self {
        Self { op, attributes, name: op.name().into(), inputs, outputs }
    }

    /// Returns the operator with the name that its file gives it.
    #[must_use]
    pub fn with_name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Returns the value that is an input; `None` if it is absent.
    pub fn input(&self, number: usize) -> Option<usize> {
        self.inputs.get(number).copied().flatten()
    }

    /// Returns the axis of channels if input number `input`, of `ndim` dimensions, is multiplied with activations: of a filter
    /// or a matrix that of its outputs, and of a product of matrices that which is not summed over. `None` for anything else.
    ///
    /// Each side of a product of matrices would be weights if it is constant.
    pub fn weights_axis(&self, input: usize, ndim: usize) -> Option<usize> {
        let of_input = |&&(first, last, _): &&(usize, usize, Axis)| (first..=last).contains(&input);
        let &(_, _, axis) = self.op.row().weights.iter().find(of_input)?;
        let adjoint = match self.attributes {
            Attributes::MatMul { adjoint, .. } => adjoint,
            _ => [false; 2],
        };
        let axis = match (axis, &self.attributes) {
            (Axis::At(axis), _) => axis,
            (Axis::Filter, Attributes::Window(window)) => window.filter_axis,
            (Axis::Filter, _) => return None,
            (Axis::LeftRows, _) => ndim.checked_sub(if adjoint[0] { 1 } else { 2 })?,
            (Axis::RightColumns, _) => ndim.checked_sub(if adjoint[1] { 2 } else { 1 })?,
        };
        (axis < ndim).then_some(axis)
    }

    /// Returns the axis along which rows are taken if input number `input`, of `ndim` dimensions, is a table of which the operator
    /// gives elements by their number; the axes behind it are those of the output's last. `None` for anything else.
    ///
    /// Where positions have more than one number, it is the last axis. A vector is no table: what is looked up is single numbers.
    pub fn table_axis(&self, input: usize, ndim: usize) -> Option<usize> {
        if self.op.row().table != Some(input) || ndim < 2 {
            return None;
        }
        let axis = match (self.op, &self.attributes) {
            (Op::GatherNd, _) => ndim.checked_sub(1)?,
            (_, &Attributes::Gather { axis, .. }) if axis < 0 => {
                ndim.checked_sub(usize::try_from(axis.unsigned_abs()).ok()?)?
            }
            (_, &Attributes::Gather { axis, .. }) => usize::try_from(axis).ok()?,
            _ => 0,
        };
        (axis < ndim).then_some(axis)
    }

    /// Returns the values of the operator's bias and of the product that it is added to, if it has one.
    pub fn bias(&self) -> Option<Bias> {
        let [bias, input, weights] = self.op.row().bias?;
        Some(Bias { bias: self.input(bias)?, input: self.input(input)?, weights: self.input(weights)? })
    }

    /// Returns the values, inputs before outputs, that have one scale when their codes are integers; none if the operator
    /// rescales, or makes no codes.
    pub fn same_scale(&self) -> Vec<usize> {
        let mut values: Vec<usize> = match self.op.row().shares {
            Shares::Nothing => return Vec::new(),
            Shares::All => self.inputs.iter().flatten().copied().collect(),
            Shares::Of(inputs) => inputs.iter().filter_map(|&input| self.input(input)).collect(),
        };
        // Only the first output of a search for the largest holds values, the second their numbers.
        let outputs = if self.op == Op::TopK { self.outputs.get(..1) } else { self.outputs.get(..) };
        values.extend_from_slice(outputs.unwrap_or_default());
        values
    }
}

#[cfg(test)]
mod tests {
    use super::super::attributes::Window;
    use super::*;
    use alloc::vec;

    fn operator(op: Op, attributes: Attributes) -> Operator {
        Operator::new(op, attributes, vec![Some(0), Some(1), Some(2)], vec![3])
    }

    #[test]
    fn channels_of_a_matrix_product_lie_along_the_axis_that_is_not_summed_over() {
        let axes = |adjoint| {
            let operator = operator(Op::MatMul, Attributes::MatMul { adjoint, asymmetric: false });
            [operator.weights_axis(0, 3), operator.weights_axis(1, 3)]
        };
        assert_eq!(axes([false, false]), [Some(1), Some(2)]);
        assert_eq!(axes([true, false]), [Some(2), Some(2)]);
        assert_eq!(axes([false, true]), [Some(1), Some(1)]);
        assert_eq!(operator(Op::MatMul, Attributes::None).weights_axis(0, 1), None);
    }

    #[test]
    fn an_axis_that_the_weights_do_not_have_is_none() {
        let window = Window { filter_axis: 3, ..Window::new(2) };
        let depthwise = operator(Op::DepthwiseConv, Attributes::Window(window));
        assert_eq!((depthwise.weights_axis(1, 4), depthwise.weights_axis(1, 3)), (Some(3), None));
        assert_eq!((depthwise.weights_axis(0, 4), depthwise.weights_axis(2, 4)), (None, None));
    }

    #[test]
    fn rows_of_a_table_are_taken_along_an_axis() {
        let gather = |axis| operator(Op::Gather, Attributes::Gather { axis, batch_dims: 0 });
        assert_eq!(
            [0, 1, -1, -2, 2, -3].map(|axis| gather(axis).table_axis(0, 2)),
            [Some(0), Some(1), Some(1), Some(0), None, None]
        );
        assert_eq!((gather(0).table_axis(1, 2), gather(0).table_axis(0, 0)), (None, None));
        let other = |op, input| operator(op, Attributes::None).table_axis(input, 3);
        assert_eq!((other(Op::GatherNd, 0), other(Op::HashtableLookup, 2)), (Some(2), Some(0)));
        assert_eq!((other(Op::HashtableLookup, 1), other(Op::Reshape, 0)), (None, None));
    }

    #[test]
    fn a_bias_knows_its_product() {
        let dense = operator(Op::FullyConnected, Attributes::None);
        assert_eq!(dense.bias(), Some(Bias { bias: 2, input: 0, weights: 1 }));
        let mut without = dense.clone();
        without.inputs[2] = None;
        assert_eq!((without.bias(), operator(Op::Add, Attributes::None).bias()), (None, None));
    }

    #[test]
    fn matrices_of_recurrent_layers_are_weights_and_their_biases_are_not() {
        let axis = |op, input| operator(op, Attributes::None).weights_axis(input, 2);
        for (op, weights, others) in [
            (Op::Rnn, &[1, 2][..], &[0, 3][..]),
            (Op::Lstm, &[1, 8, 16], &[0, 12, 17]),
            (Op::Svdf, &[1, 2], &[3]),
            (Op::BidirectionalSequenceLstm, &[1, 8, 16, 18, 25, 33, 40, 47], &[9, 34]),
            (Op::BidirectionalSequenceRnn, &[1, 2, 4, 5, 10, 11], &[3, 6]),
        ] {
            assert!(weights.iter().all(|&input| axis(op, input) == Some(0)), "{op}");
            assert!(others.iter().all(|&input| axis(op, input).is_none()), "{op}");
        }
    }

    #[test]
    fn the_numbers_of_the_largest_have_no_scale() {
        let largest = Operator::new(Op::TopK, Attributes::None, vec![Some(0), Some(1)], vec![2, 3]);
        assert_eq!(largest.same_scale(), [0, 2]);
        assert_eq!(operator(Op::Concat, Attributes::None).same_scale(), [0, 1, 2, 3]);
        assert_eq!(operator(Op::Select, Attributes::None).same_scale(), [1, 2, 3]);
        assert!(operator(Op::Add, Attributes::None).same_scale().is_empty());
    }
}
