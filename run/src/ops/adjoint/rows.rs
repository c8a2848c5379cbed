//! Sums along axes and what is made of the rows of a tensor, backwards.

use super::{Back, Gradients};
use crate::tensor::{Reason, Tensor, axis_of, elements_of};
use crate::view::View;
use tensor_quant::graph::Attributes;

pub(super) fn sum(back: &Back<'_>) -> Result<Gradients, Reason> {
    spread(back, |_| 1.0)
}

pub(super) fn mean(back: &Back<'_>) -> Result<Gradients, Reason> {
    spread(back, |len| 1.0 / len as f32)
}

/// Gives each element what the sum that it went into has.
fn spread(back: &Back<'_>, factor: impl Fn(usize) -> f32) -> Result<Gradients, Reason> {
    let x = back.call.input(0)?;
    let mut shape = x.shape().to_vec();
    for axis in back.call.integers(1)? {
        let axis = axis_of(axis, shape.len())?;
        shape[axis] = 1;
    }
    let sums = elements_of(&shape)?;
    let gradient = Tensor::of(shape, back.gradient()?.to_vec())?;
    let factor = factor(x.len().checked_div(sums).unwrap_or(1).max(1));
    let mut spread = View::of(gradient.shape()).broadcast(x.shape())?.copy(&gradient)?.into_elements::<f32>()?;
    for g in &mut spread {
        *g *= factor;
    }
    Ok(back.only(0, spread))
}

/// Of y = softmax(βx): β y (g − Σ g y).
pub(super) fn softmax(back: &Back<'_>) -> Result<Gradients, Reason> {
    let &Attributes::Softmax { beta, axis } = back.call.attributes() else { return Err(back.call.unlike()) };
    along(back, axis, |y, g| {
        let mean: f32 = y.iter().zip(&*g).map(|(y, g)| y * g).sum();
        g.iter_mut().zip(y).for_each(|(g, y)| *g = beta * y * (*g - mean));
    })
}

/// Of y = log softmax(x): g − exp(y) Σ g.
pub(super) fn log_softmax(back: &Back<'_>) -> Result<Gradients, Reason> {
    let &Attributes::Softmax { axis, .. } = back.call.attributes() else { return Err(back.call.unlike()) };
    along(back, axis, |y, g| {
        let sum: f32 = g.iter().sum();
        g.iter_mut().zip(y).for_each(|(g, y)| *g -= y.exp() * sum);
    })
}

/// Changes the gradient of each row along an axis, given the row.
fn along(back: &Back<'_>, axis: i64, f: impl Fn(&[f32], &mut [f32])) -> Result<Gradients, Reason> {
    let y = back.output()?;
    let gradient = Tensor::of(y.shape().to_vec(), back.gradient()?.to_vec())?;
    let ndim = y.shape().len();
    let mut order: Vec<usize> = (0..ndim).collect();
    if ndim > 0 {
        order.swap(axis_of(axis, ndim)?, ndim - 1);
    }
    let moved = |tensor: &Tensor| View::of(tensor.shape()).transposed(&order)?.copy(tensor);
    let (y, gradient) = (moved(y)?, moved(&gradient)?);
    let (shape, len) = (y.shape().to_vec(), y.shape().last().copied().unwrap_or(1).max(1));
    let mut rows = gradient.into_elements::<f32>()?;
    rows.chunks_mut(len).zip(y.elements::<f32>()?.chunks(len)).for_each(|(g, y)| f(y, g));
    Ok(back.only(0, moved(&Tensor::of(shape, rows)?)?.into_elements()?))
}
