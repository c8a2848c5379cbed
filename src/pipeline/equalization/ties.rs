//! Which channels an operator ties together: those that one factor goes through.

use super::channels::ChannelSets;
use super::layer::{Layer, is_own};
use crate::graph::{Activation, Op, Operator, Subgraph, Value};
use std::collections::BTreeMap;

impl ChannelSets {
    /// Ties the channels that an operator connects; `None` if it does not commute with factors.
    pub(crate) fn tie(
        &mut self,
        part: &Subgraph,
        operator: &Operator,
        uses: &BTreeMap<usize, usize>,
        numbers: &dyn Fn(Option<usize>) -> Option<Vec<i32>>,
    ) -> Option<()> {
        let output = *operator.outputs.first()?;
        match operator.attributes.activation() {
            Activation::None | Activation::Relu => {}
            Activation::Relu6 => self.cap(output),
            _ => return None,
        }
        let input = operator.input(0);
        let is_constant = |value: usize| part.values.get(value).is_some_and(|v| v.constant.is_some());
        let ndim = |value: usize| part.values.get(value).and_then(Value::ndim);
        match operator.op {
            Op::Conv | Op::DepthwiseConv | Op::FullyConnected | Op::TransposeConv => {
                let layer = Layer::of(part, operator, uses)?;
                let length = part.values.get(layer.weights)?.known_shape()?;
                let inputs = *length.get(layer.input_axis)?;
                let (channels, outputs) = (self.channels(layer.input), self.channels(layer.output));
                let fits = match operator.op {
                    Op::DepthwiseConv => Some(inputs) == channels.checked_mul(layer.multiplier),
                    Op::FullyConnected => channels > 0 && inputs % channels == 0,
                    _ => inputs == channels,
                };
                if !fits || length.get(layer.output_axis) != Some(&outputs) {
                    return None;
                }
                self.layers.push(layer);
                Some(())
            }
            Op::Relu6 => {
                self.cap(output);
                self.tie_equal(input?, output)
            }
            Op::Relu | Op::PRelu | Op::LeakyRelu | Op::Abs => self.tie_equal(input?, output),
            Op::MaxPool | Op::AveragePool | Op::ResizeBilinear | Op::ResizeNearest | Op::Pad | Op::MirrorPad => {
                self.tie_equal(input?, output)
            }
            Op::Reshape | Op::Squeeze | Op::ExpandDims | Op::SpaceToDepth | Op::DepthToSpace => {
                self.tie_flat(input?, output)
            }
            Op::Mean | Op::Sum | Op::ReduceMax | Op::ReduceMin => {
                let last = i32::try_from(ndim(input?)?).ok()? - 1;
                let axes = numbers(operator.input(1))?;
                if axes.iter().any(|&axis| axis == last || axis == -1) { None } else { self.tie_equal(input?, output) }
            }
            Op::Transpose => {
                let last = i32::try_from(ndim(input?)?).ok()? - 1;
                let order = numbers(operator.input(1))?;
                if order.last() == Some(&last) { self.tie_equal(input?, output) } else { None }
            }
            Op::Concat => {
                let parts: Option<Vec<usize>> = operator.inputs.iter().copied().collect();
                self.tie_parts(output, &parts?)
            }
            Op::Split => self.tie_parts(operator.input(1)?, &operator.outputs),
            Op::SplitSizes => self.tie_parts(input?, &operator.outputs),
            Op::Maximum | Op::Minimum => {
                self.tie_equal(operator.input(0)?, output)?;
                self.tie_equal(operator.input(1)?, output)
            }
            Op::Add | Op::Sub => {
                for value in [operator.input(0)?, operator.input(1)?] {
                    if is_constant(value) {
                        let shape = part.values.get(value)?.known_shape()?;
                        if !is_own(part, value, uses) || shape.last() != Some(&self.channels(output)) {
                            return None;
                        }
                        self.added.push((value, output));
                    } else {
                        self.tie_equal(value, output)?;
                    }
                }
                Some(())
            }
            Op::Mul => {
                // What has a scale of its own by which function it is, stays; the other one flows through.
                let is_gate = |value: usize| {
                    let producer = part.producer(value).and_then(|producer| part.operators.get(producer));
                    is_constant(value) || producer.is_some_and(|p| p.op.fixed_output(8).is_some())
                };
                let (a, b) = (operator.input(0)?, operator.input(1)?);
                let (gate, flow) = if is_gate(b) { (b, a) } else { (a, b) };
                if !is_gate(gate) || is_constant(flow) || gate == flow {
                    return None;
                }
                self.fix(gate);
                self.tie_equal(flow, output)
            }
            _ => None,
        }
    }
}
