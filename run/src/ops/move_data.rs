//! Elements in another order: transposes, slices, parts, repeats.

use crate::call::Call;
use crate::tensor::{Reason, Tensor, axis_of, count_of, map_elements};
use crate::view::{View, take};
use tensor_quant::graph::{Attributes, StridedSlice};

pub(super) fn transpose(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let order = call.integers(1)?.into_iter().map(|axis| axis_of(axis, x.shape().len()));
    Ok(vec![View::of(x.shape()).transposed(&order.collect::<Result<Vec<_>, _>>()?)?.copy(x)?])
}

/// A length of −1 is all that is left.
pub(super) fn slice(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let (begins, lengths) = (call.integers(1)?, call.integers(2)?);
    if begins.len() != x.shape().len() || lengths.len() != x.shape().len() {
        return Err(format!("begins {begins:?} and lengths {lengths:?} of {:?}", x.shape()));
    }
    let mut view = View::of(x.shape());
    for (axis, (begin, len)) in begins.into_iter().zip(lengths).enumerate() {
        let begin = count_of(begin)?;
        let len = if len == -1 { x.shape()[axis].saturating_sub(begin) } else { count_of(len)? };
        view = view.sliced(axis, begin, len, 1)?;
    }
    Ok(vec![view.copy(x)?])
}

pub(super) fn strided_slice(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let Attributes::StridedSlice(masks) = call.attributes() else { return Err(call.unlike()) };
    let x = call.input(0)?;
    let (begins, ends, strides) = (call.integers(1)?, call.integers(2)?, call.integers(3)?);
    if begins.len() != ends.len() || begins.len() != strides.len() || begins.len() > 32 {
        return Err(format!("begins {begins:?}, ends {ends:?}, strides {strides:?}"));
    }
    let StridedSlice { begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask, end_is_offset } = *masks;
    let is = |mask: u32, index: usize| mask >> index & 1 == 1;
    let ndim = x.shape().len();
    let told = (0..begins.len()).filter(|&i| !is(ellipsis_mask, i) && !is(new_axis_mask, i)).count();
    let mut left_out = ndim.checked_sub(told).ok_or_else(|| format!("{told} indices of {:?}", x.shape()))?;
    let mut view = View::of(x.shape());
    let (mut axis, mut shape) = (0, Vec::new());
    for index in 0..begins.len() {
        if is(ellipsis_mask, index) {
            for _ in 0..left_out {
                shape.push(x.shape()[axis]);
                axis += 1;
            }
            left_out = 0;
        } else if is(new_axis_mask, index) {
            shape.push(1);
        } else {
            let len = x.shape()[axis] as i64;
            let stride = strides[index];
            if stride == 0 || stride == i64::MIN {
                return Err(format!("a stride of {stride}"));
            }
            // Where a slice may begin and end: backwards, before the first element.
            let (lowest, highest) = if stride > 0 { (0, len) } else { (-1, len - 1) };
            let place = |at: i64| if at < 0 { at.saturating_add(len) } else { at }.clamp(lowest, highest);
            if is(shrink_axis_mask, index) {
                let at = if begins[index] < 0 { begins[index].saturating_add(len) } else { begins[index] };
                let at = usize::try_from(at).map_err(|_| format!("element {at} of {len}"))?;
                view = view.sliced(axis, at, 1, 1)?;
            } else {
                let first = if stride > 0 { lowest } else { highest };
                let begin = if is(begin_mask, index) { first } else { place(begins[index]) };
                let end = match ends[index] {
                    _ if is(end_mask, index) => lowest + highest - first,
                    end if end_is_offset => begin.saturating_add(end).clamp(lowest, highest),
                    end => place(end),
                };
                let distance = if stride > 0 { end - begin } else { begin - end };
                let step = stride.abs();
                let count = if distance <= 0 { 0 } else { (distance - 1) / step + 1 };
                view = view.sliced(axis, count_of(begin.max(0))?, count_of(count)?, stride as isize)?;
                shape.push(count as usize);
            }
            axis += 1;
        }
    }
    shape.extend(x.shape().iter().skip(axis));
    Ok(vec![view.copy(x)?.reshaped(shape)?])
}

/// Equal parts; the axis is the first input.
pub(super) fn split(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(1)?;
    let axis = axis_of(call.integer(0)?, x.shape().len())?;
    let (parts, len) = (call.operator.outputs.len(), x.shape()[axis]);
    if parts == 0 || !len.is_multiple_of(parts) {
        return Err(format!("{len} elements in {parts} parts"));
    }
    cut(x, axis, &vec![len / parts; parts])
}

/// Parts of given lengths, of which one may be −1.
pub(super) fn split_sizes(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let axis = axis_of(call.integer(2)?, x.shape().len())?;
    let lengths = call.integers(1)?;
    if lengths.len() != call.operator.outputs.len() || lengths.iter().filter(|&&len| len == -1).count() > 1 {
        return Err(format!("parts of {lengths:?} for {} outputs", call.operator.outputs.len()));
    }
    let known = lengths.iter().filter(|&&len| len != -1).map(|&len| count_of(len));
    let known: usize = known.collect::<Result<Vec<_>, _>>()?.iter().sum();
    let rest = x.shape()[axis].saturating_sub(known);
    let lengths: Vec<usize> = lengths.iter().map(|&len| if len == -1 { rest } else { len as usize }).collect();
    cut(x, axis, &lengths)
}

fn cut(x: &Tensor, axis: usize, lengths: &[usize]) -> Result<Vec<Tensor>, Reason> {
    let mut start = 0;
    let part = |&len: &usize| {
        let part = View::of(x.shape()).sliced(axis, start, len, 1)?.copy(x);
        start += len;
        part
    };
    lengths.iter().map(part).collect()
}

pub(super) fn unpack(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let &Attributes::Axis(axis) = call.attributes() else { return Err(call.unlike()) };
    let x = call.input(0)?;
    let axis = axis_of(axis, x.shape().len())?;
    if x.shape()[axis] != call.operator.outputs.len() {
        return Err(format!("{} parts for {} outputs", x.shape()[axis], call.operator.outputs.len()));
    }
    let parts = cut(x, axis, &vec![1; x.shape()[axis]])?;
    let mut shape = x.shape().to_vec();
    shape.remove(axis);
    parts.iter().map(|part| part.reshaped(shape.clone())).collect()
}

pub(super) fn tile(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let times = call.integers(1)?.into_iter().map(count_of).collect::<Result<Vec<_>, _>>()?;
    if times.len() != x.shape().len() {
        return Err(format!("{times:?} copies of {:?}", x.shape()));
    }
    let unfit = || format!("{times:?} copies of {:?}", x.shape());
    let shape: Option<Vec<usize>> = x.shape().iter().zip(&times).map(|(&len, &n)| len.checked_mul(n)).collect();
    let shape = shape.ok_or_else(unfit)?;
    call.room(&shape)?;
    let mut out = x.clone();
    for (axis, &n) in times.iter().enumerate() {
        let len = x.shape()[axis];
        if n != 1 {
            let positions: Vec<usize> = (0..len * n).map(|i| i % len).collect();
            out = take(&out, axis, &positions)?;
        }
    }
    Ok(vec![out])
}

pub(super) fn broadcast_to(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let shape = call.integers(1)?.into_iter().map(count_of).collect::<Result<Vec<_>, _>>()?;
    call.room(&shape)?;
    Ok(vec![View::of(x.shape()).broadcast(&shape)?.copy(x)?])
}

pub(super) fn reverse(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let mut view = View::of(x.shape());
    let mut seen = vec![false; x.shape().len()];
    for axis in call.integers(1)? {
        let axis = axis_of(axis, x.shape().len())?;
        let len = x.shape()[axis];
        if len > 0 && !std::mem::replace(&mut seen[axis], true) {
            view = view.sliced(axis, len - 1, len, -1)?;
        }
    }
    Ok(vec![view.copy(x)?])
}

/// The first so many elements of each sequence are reversed.
pub(super) fn reverse_sequence(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let &Attributes::ReverseSequence { sequence, batch } = call.attributes() else { return Err(call.unlike()) };
    let x = call.input(0)?;
    let ndim = x.shape().len();
    let (time, batch) = (axis_of(sequence, ndim)?, axis_of(batch, ndim)?);
    let lengths = call.integers(1)?;
    if time == batch || lengths.len() != x.shape()[batch] {
        return Err(format!("{} lengths of sequences of {:?}", lengths.len(), x.shape()));
    }
    let len = x.shape()[time];
    let lengths = lengths.into_iter().map(|n| count_of(n).map(|n| n.min(len))).collect::<Result<Vec<_>, _>>()?;
    let stride = |axis: usize| x.shape()[axis + 1..].iter().product::<usize>().max(1);
    let (time_stride, batch_stride) = (stride(time), stride(batch));
    let data = map_elements!(x.data(), x => {
        let at = |i: usize| {
            let (step, number) = (i / time_stride % len.max(1), i / batch_stride % lengths.len().max(1));
            let len = lengths[number];
            if step < len { i - step * time_stride + (len - 1 - step) * time_stride } else { i }
        };
        (0..x.len()).map(|i| x[at(i)]).collect()
    });
    Ok(vec![Tensor::new(x.shape().to_vec(), data)?])
}
