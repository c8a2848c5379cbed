//! Values around others.

use super::join::place;
use crate::call::Call;
use crate::tensor::{Element, Reason, Tensor, count_of, map_elements};
use crate::view::take;
use tensor_quant::graph::{Attributes, Mirror};

/// Returns what is added before and behind each axis, and the shape that comes of it.
fn lengths(call: &Call<'_>) -> Result<(Vec<[usize; 2]>, Vec<usize>), Reason> {
    let x = call.input(0)?;
    let numbers = call.integers(1)?.into_iter().map(count_of).collect::<Result<Vec<_>, _>>()?;
    let (pairs, rest) = numbers.as_chunks::<2>();
    if pairs.len() != x.shape().len() || !rest.is_empty() {
        return Err(format!("{numbers:?} around {:?}", x.shape()));
    }
    let shape: Vec<usize> = x.shape().iter().zip(pairs).map(|(len, [before, behind])| len + before + behind).collect();
    call.room(&shape)?;
    Ok((pairs.to_vec(), shape))
}

/// Zeros, or the third input.
pub(super) fn pad(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let (pairs, shape) = lengths(call)?;
    let len = call.room(&shape)?;
    let begins: Vec<usize> = pairs.iter().map(|[before, _]| *before).collect();
    let data = map_elements!(x.data(), elements => {
        let mut out = vec![filling(elements, call.optional(2))?; len];
        place(&mut out, &shape, elements, x.shape(), &begins);
        out
    });
    Ok(vec![Tensor::new(shape, data)?])
}

fn filling<E: Element>(_: &[E], value: Option<&Tensor>) -> Result<E, Reason> {
    match value.map(Tensor::elements::<E>).transpose()? {
        None => Ok(E::default()),
        Some(&[one]) => Ok(one),
        Some(more) => Err(format!("{} values to fill with", more.len())),
    }
}

pub(super) fn mirror_pad(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let &Attributes::Mirror(mirror) = call.attributes() else { return Err(call.unlike()) };
    let mut x = call.input(0)?.clone();
    let (pairs, _) = lengths(call)?;
    let skipped = usize::from(mirror == Mirror::Reflect);
    for (axis, [before, behind]) in pairs.into_iter().enumerate() {
        let len = x.shape()[axis];
        if before.max(behind) + skipped > len {
            return Err(format!("{before} and {behind} mirrored elements around {len}"));
        }
        let front = (0..before).map(|i| before - 1 - i + skipped);
        let back = (0..behind).map(|i| len - 1 - i - skipped);
        if before + behind > 0 {
            x = take(&x, axis, &front.chain(0..len).chain(back).collect::<Vec<_>>())?;
        }
    }
    Ok(vec![x])
}
