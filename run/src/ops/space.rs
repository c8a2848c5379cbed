//! Blocks of space moved into channels or the batch, and back.

use crate::call::Call;
use crate::tensor::{MAX_DIMENSIONS, Reason, Tensor, count_of};
use crate::view::View;
use tensor_quant::graph::Attributes;

fn image_and_block(call: &Call<'_>) -> Result<([usize; 4], usize), Reason> {
    let &Attributes::Block(block) = call.attributes() else { return Err(call.unlike()) };
    let &[batch, height, width, channels] = call.input_of(0, 4)?.shape() else { return Err(call.unlike()) };
    if (1..1 << 15).contains(&block) {
        Ok(([batch, height, width, channels], block))
    } else {
        Err(format!("blocks of {block}"))
    }
}

/// Copies with the axes of `split` in another order, and gives the result a shape.
fn moved(x: &Tensor, split: Vec<usize>, order: &[usize], shape: Vec<usize>) -> Result<Vec<Tensor>, Reason> {
    let x = x.reshaped(split)?;
    Ok(vec![View::of(x.shape()).transposed(order)?.copy(&x)?.reshaped(shape)?])
}

pub(super) fn depth_to_space(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let ([n, h, w, c], b) = image_and_block(call)?;
    let depth = c / (b * b);
    let shape = vec![n, h * b, w * b, depth];
    moved(call.input(0)?, vec![n, h, w, b, b, depth], &[0, 1, 3, 2, 4, 5], shape)
}

pub(super) fn space_to_depth(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let ([n, h, w, c], b) = image_and_block(call)?;
    let shape = vec![n, h / b, w / b, c * b * b];
    moved(call.input(0)?, vec![n, h / b, b, w / b, b, c], &[0, 1, 3, 2, 4, 5], shape)
}

/// The blocks' lengths, and for each spatial axis two more: padding or cuts.
type Blocks = (Vec<usize>, Vec<[usize; 2]>);

fn blocks(call: &Call<'_>) -> Result<Blocks, Reason> {
    let lengths = call.integers(1)?.into_iter().map(count_of).collect::<Result<Vec<_>, _>>()?;
    let around = call.integers(2)?.into_iter().map(count_of).collect::<Result<Vec<_>, _>>()?;
    let (pairs, rest) = around.as_chunks::<2>();
    let ndim = call.input(0)?.shape().len();
    let fits = pairs.len() == lengths.len() && rest.is_empty() && !lengths.contains(&0);
    // Every spatial axis becomes two on the way.
    if fits && lengths.len() < ndim && ndim + lengths.len() <= MAX_DIMENSIONS {
        Ok((lengths, pairs.to_vec()))
    } else {
        Err(format!("blocks {lengths:?} with {around:?} of {:?}", call.input(0)?.shape()))
    }
}

pub(super) fn space_to_batch(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let (lengths, pairs) = blocks(call)?;
    let spatial = lengths.len();
    let mut padded = x.shape().to_vec();
    for (len, [before, behind]) in padded[1..].iter_mut().zip(&pairs) {
        *len += before + behind;
    }
    let len = call.room(&padded)?;
    let mut begins = vec![0; padded.len()];
    for (begin, [before, _]) in begins[1..].iter_mut().zip(&pairs) {
        *begin = *before;
    }
    let whole = crate::tensor::map_elements!(x.data(), elements => {
        let mut out = vec![Default::default(); len];
        super::join::place(&mut out, &padded, elements, x.shape(), &begins);
        out
    });
    let whole = Tensor::new(padded.clone(), whole)?;
    // (N, H/b, b, W/b, b, C…) to (b, b, N, H/b, W/b, C…).
    let mut split = vec![padded[0]];
    let (mut blocks_first, mut rest) = (Vec::new(), vec![0]);
    let mut shape = vec![padded[0]];
    for (axis, &block) in lengths.iter().enumerate() {
        let len = padded[axis + 1];
        if len % block != 0 {
            return Err(format!("{len} elements in blocks of {block}"));
        }
        rest.push(split.len());
        blocks_first.push(split.len() + 1);
        split.extend([len / block, block]);
        shape[0] *= block;
        shape.push(len / block);
        call.room(&[shape[0]])?;
    }
    for &len in &padded[1 + spatial..] {
        rest.push(split.len());
        split.push(len);
        shape.push(len);
    }
    moved(&whole, split, &[blocks_first, rest].concat(), shape)
}

pub(super) fn batch_to_space(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let (lengths, pairs) = blocks(call)?;
    let spatial = lengths.len();
    let block: usize = lengths.iter().try_fold(1_usize, |n, &len| n.checked_mul(len)).unwrap_or(usize::MAX);
    let batch = x.shape()[0];
    if batch % block != 0 {
        return Err(format!("a batch of {batch} in blocks {lengths:?}"));
    }
    // (b, b, N, H, W, C…) to (N, H, b, W, b, C…).
    let split = [&lengths[..], &[batch / block], &x.shape()[1..]].concat();
    let mut order = vec![spatial];
    let mut shape = vec![batch / block];
    for (axis, &len) in lengths.iter().enumerate() {
        order.extend([spatial + 1 + axis, axis]);
        shape.push(x.shape()[axis + 1] * len);
    }
    order.extend(2 * spatial + 1..split.len());
    shape.extend(&x.shape()[1 + spatial..]);
    let whole = moved(x, split, &order, shape)?.swap_remove(0);
    let mut view = View::of(whole.shape());
    for (axis, [before, behind]) in pairs.into_iter().enumerate() {
        let len = whole.shape()[axis + 1].checked_sub(before + behind);
        let len = len.ok_or_else(|| format!("{before} and {behind} elements cut off {:?}", whole.shape()))?;
        view = view.sliced(axis + 1, before, len, 1)?;
    }
    Ok(vec![view.copy(&whole)?])
}
