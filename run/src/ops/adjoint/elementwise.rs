//! Functions of single elements, backwards.

use super::super::compute;
use super::{Back, Gradients, reduced};
use crate::call::Call;
use crate::tensor::{Reason, Tensor, broadcast};
use crate::view::View;
use tensor_quant::graph::{Activation, Attributes, Op};

/// How far an element is moved, as a share of its magnitude or of 1.
const STEP: f32 = 1.0 / 512.0;

/// What gives its input on as it is.
pub(super) fn same(back: &Back<'_>) -> Result<Gradients, Reason> {
    Ok(back.only(0, back.gradient()?.to_vec()))
}

/// Sums and differences.
pub(super) fn sum(back: &Back<'_>) -> Result<Gradients, Reason> {
    let (gradient, shape) = (back.gradient()?, back.output()?.shape());
    let of_input = |number: usize| {
        if !back.is_wanted(number) {
            return Ok(None);
        }
        let mut of_input = reduced(gradient, shape, back.call.input(number)?.shape())?;
        if number == 1 && back.call.operator.op == Op::Sub {
            for g in &mut of_input {
                *g = -*g;
            }
        }
        Ok(Some(of_input))
    };
    (0..back.call.inputs.len()).map(of_input).collect()
}

pub(super) fn unary(back: &Back<'_>) -> Result<Gradients, Reason> {
    let slopes = slopes(back, &[back.call.input(0)?.clone()], 0)?;
    Ok(back.only(0, slopes.iter().zip(back.gradient()?).map(|(slope, g)| slope * g).collect()))
}

/// Functions of two elements, the smaller tensor repeated.
pub(super) fn binary(back: &Back<'_>) -> Result<Gradients, Reason> {
    let inputs = [back.call.input(0)?, back.call.input(1)?];
    let shape = broadcast(inputs[0].shape(), inputs[1].shape())?;
    back.call.room(&shape)?;
    let spread = |side: &Tensor| {
        if side.shape() == shape { Ok(side.clone()) } else { View::of(side.shape()).broadcast(&shape)?.copy(side) }
    };
    let whole = [spread(inputs[0])?, spread(inputs[1])?];
    let gradient = back.gradient()?;
    let of_input = |number: usize| {
        if !back.is_wanted(number) {
            return Ok(None);
        }
        let slopes = match back.call.operator.op {
            Op::Mul => whole[1 - number].elements::<f32>()?.to_vec(),
            _ => slopes(back, &whole, number)?,
        };
        let product: Vec<f32> = slopes.iter().zip(gradient).map(|(slope, g)| slope * g).collect();
        reduced(&product, &shape, inputs[number].shape()).map(Some)
    };
    [0, 1].into_iter().map(of_input).collect()
}

/// Returns how fast each element of the output changes with that of an input, of the same shape.
fn slopes(back: &Back<'_>, inputs: &[Tensor], number: usize) -> Result<Vec<f32>, Reason> {
    let mut operator = back.call.operator.clone();
    if let Attributes::Fused(activation) = &mut operator.attributes {
        *activation = Activation::None;
    }
    let compute = compute(operator.op).ok_or("this runner lacks it")?;
    let (shape, x) = (inputs[number].shape().to_vec(), inputs[number].elements::<f32>()?);
    let at = |side: f32| {
        let moved: Vec<f32> = x.iter().map(|x| x + side * STEP * x.abs().max(1.0)).collect();
        let mut inputs: Vec<Option<Tensor>> = inputs.iter().cloned().map(Some).collect();
        inputs[number] = Some(Tensor::of(shape.clone(), moved.clone())?);
        let outputs = compute(&Call { operator: &operator, inputs: &inputs, grid: None, ..*back.call })?;
        let output = outputs.first().ok_or("it has no output")?.elements::<f32>()?.to_vec();
        Ok::<_, Reason>((moved, output))
    };
    let ((left, below), (right, above)) = (at(-1.0)?, at(1.0)?);
    let slope = |i: usize| {
        let slope = (above[i] - below[i]) / (right[i] - left[i]);
        // Beyond the edge of what the function is defined for, or at a pole.
        if slope.is_finite() { slope } else { 0.0 }
    };
    Ok((0..x.len().min(above.len())).map(slope).collect())
}
