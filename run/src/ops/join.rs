//! Tensors put together.

use super::window::activate;
use crate::call::Call;
use crate::tensor::{Data, Element, Reason, Tensor, axis_of, map_elements};
use tensor_quant::graph::Attributes;

pub(super) fn concat(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let &Attributes::Concat { axis, activation } = call.attributes() else { return Err(call.unlike()) };
    let parts = (0..call.inputs.len()).map(|number| call.input(number)).collect::<Result<Vec<_>, _>>()?;
    let joined = joined(call, &parts, axis)?;
    match joined.data() {
        Data::F32(x) if activation != tensor_quant::graph::Activation::None => {
            let mut x = x.clone();
            activate(&mut x, activation);
            Ok(vec![Tensor::of(joined.shape().to_vec(), x)?])
        }
        _ => Ok(vec![joined]),
    }
}

pub(super) fn pack(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let &Attributes::Axis(axis) = call.attributes() else { return Err(call.unlike()) };
    let ndim = call.input(0)?.shape().len();
    let axis = axis_of(axis, ndim + 1)?;
    let with_axis = |number| {
        let part = call.input(number)?;
        let mut shape = part.shape().to_vec();
        if shape.len() != ndim {
            return Err(format!("{shape:?} among tensors of {ndim} dimensions"));
        }
        shape.insert(axis, 1);
        part.reshaped(shape)
    };
    let parts = (0..call.inputs.len()).map(with_axis).collect::<Result<Vec<_>, _>>()?;
    Ok(vec![joined(call, &parts.iter().collect::<Vec<_>>(), axis as i64)?])
}

/// Puts tensors behind each other along an axis.
fn joined(call: &Call<'_>, parts: &[&Tensor], axis: i64) -> Result<Tensor, Reason> {
    let first = *parts.first().ok_or("there are no inputs")?;
    let axis = axis_of(axis, first.shape().len())?;
    let mut shape = first.shape().to_vec();
    shape[axis] = 0;
    for part in parts {
        let others = part.shape().iter().zip(first.shape()).enumerate().all(|(i, (a, b))| i == axis || a == b);
        if part.shape().len() != shape.len() || !others {
            return Err(format!("{:?} and {:?} along axis {axis}", first.shape(), part.shape()));
        }
        shape[axis] += part.shape()[axis];
    }
    let len = call.room(&shape)?;
    let inner: usize = shape[axis + 1..].iter().product();
    let outer: usize = shape[..axis].iter().product();
    let data = map_elements!(first.data(), x => runs(x, parts, axis, (outer, inner, len))?);
    Tensor::new(shape, data)
}

fn runs<E: Element>(
    _: &[E],
    parts: &[&Tensor],
    axis: usize,
    (outer, inner, len): (usize, usize, usize),
) -> Result<Vec<E>, Reason> {
    let elements = parts.iter().map(|part| part.elements::<E>()).collect::<Result<Vec<_>, _>>()?;
    let mut out = Vec::with_capacity(len);
    for o in 0..outer {
        for (part, x) in parts.iter().zip(&elements) {
            let run = part.shape()[axis] * inner;
            out.extend_from_slice(&x[o * run..(o + 1) * run]);
        }
    }
    Ok(out)
}

/// Puts a part into values; its place is moved so that it fits.
pub(super) fn dynamic_update_slice(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let (x, part) = (call.input(0)?, call.input(1)?);
    let begins = call.integers(2)?;
    let ndim = x.shape().len();
    if begins.len() != ndim || part.shape().len() != ndim || part.shape().iter().zip(x.shape()).any(|(a, b)| a > b) {
        return Err(format!("a part {:?} at {begins:?} of {:?}", part.shape(), x.shape()));
    }
    let begins: Vec<usize> = begins
        .iter()
        .zip(x.shape().iter().zip(part.shape()))
        .map(|(&begin, (&len, &of_part))| begin.clamp(0, (len - of_part) as i64) as usize)
        .collect();
    let data = map_elements!(x.data(), x_elements => {
        let mut out = x_elements.clone();
        place(&mut out, x.shape(), same_type(x_elements, part)?, part.shape(), &begins);
        out
    });
    Ok(vec![Tensor::new(x.shape().to_vec(), data)?])
}

fn same_type<'a, E: Element>(_: &[E], other: &'a Tensor) -> Result<&'a [E], Reason> {
    other.elements()
}

/// Copies a part to where it begins, which must leave room for it.
pub(super) fn place<E: Copy>(out: &mut [E], shape: &[usize], part: &[E], part_shape: &[usize], begins: &[usize]) {
    let row = part_shape.last().copied().unwrap_or(1);
    if part.is_empty() {
        return;
    }
    let lead = part_shape.len().saturating_sub(1);
    for (number, part) in part.chunks_exact(row).enumerate() {
        // The position of the row in the part, and from it the one in the whole.
        let (mut rest, mut at, mut stride) =
            (number, begins.last().copied().unwrap_or(0), shape.last().copied().unwrap_or(1));
        for axis in (0..lead).rev() {
            at += (rest % part_shape[axis] + begins[axis]) * stride;
            rest /= part_shape[axis];
            stride *= shape[axis];
        }
        out[at..at + row].copy_from_slice(part);
    }
}
