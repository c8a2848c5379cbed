//! One of two values by a truth.

use crate::call::Call;
use crate::tensor::{Element, Reason, Tensor, broadcast, map_elements};
use crate::view::View;

/// One truth for each element, or one for each slice along the first axis.
pub(super) fn select(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let (truths, a, b) = (call.input(0)?, call.input(1)?, call.input(2)?);
    if a.shape() != b.shape() {
        return Err(format!("{:?} or {:?}", a.shape(), b.shape()));
    }
    let whole = if truths.shape() == a.shape() {
        truths.clone()
    } else if truths.len() == 1 || (truths.shape().len() == 1 && a.shape().first() == truths.shape().first()) {
        let mut shape = vec![1; a.shape().len()];
        if let Some(first) = shape.first_mut() {
            *first = truths.len();
        }
        let truths = truths.reshaped(shape)?;
        View::of(truths.shape()).broadcast(a.shape())?.copy(&truths)?
    } else {
        return Err(format!("truths {:?} for {:?}", truths.shape(), a.shape()));
    };
    Ok(vec![chosen(&whole, a, b)?])
}

/// All three are repeated to one shape.
pub(super) fn select_broadcast(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let (truths, a, b) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let shape = broadcast(&broadcast(truths.shape(), a.shape())?, b.shape())?;
    call.room(&shape)?;
    let spread = |x: &Tensor| {
        if x.shape() == shape { Ok(x.clone()) } else { View::of(x.shape()).broadcast(&shape)?.copy(x) }
    };
    Ok(vec![chosen(&spread(truths)?, &spread(a)?, &spread(b)?)?])
}

/// Chooses between tensors of one shape.
fn chosen(truths: &Tensor, a: &Tensor, b: &Tensor) -> Result<Tensor, Reason> {
    let t = truths.elements::<bool>()?;
    let data = map_elements!(a.data(), x => pick(t, x, b)?);
    Tensor::new(a.shape().to_vec(), data)
}

fn pick<E: Element>(truths: &[bool], a: &[E], b: &Tensor) -> Result<Vec<E>, Reason> {
    let b = b.elements::<E>()?;
    Ok(truths.iter().zip(a.iter().zip(b)).map(|(&is_a, (&a, &b))| if is_a { a } else { b }).collect())
}
