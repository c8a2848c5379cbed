//! Shapes: the same elements in another one, shapes as values, and values made of shapes.

use crate::call::Call;
use crate::tensor::{Data, Reason, Tensor, axis_of, broadcast, count_of, map_elements};
use tensor_quant::graph::{Attributes, ElementType};

/// −1 is the length that follows from the others.
pub(super) fn reshape(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let wanted = match (call.optional(1), call.attributes()) {
        (Some(shape), _) => shape.integers()?,
        (None, Attributes::Reshape(shape)) => shape.clone(),
        _ => return Err(call.unlike()),
    };
    let known: Vec<Option<usize>> = wanted
        .iter()
        .map(|&len| if len == -1 { Ok(None) } else { count_of(len).map(Some) })
        .collect::<Result<_, _>>()?;
    let product = known.iter().flatten().try_fold(1_usize, |n, &len| n.checked_mul(len));
    let rest = product.and_then(|product| x.len().checked_div(product)).unwrap_or(0);
    if known.iter().filter(|len| len.is_none()).count() > 1 {
        return Err(format!("{wanted:?} leaves more than one length open"));
    }
    let shape = known.into_iter().map(|len| len.unwrap_or(rest)).collect();
    x.reshaped(shape).map(|y| vec![y]).map_err(|_| format!("{:?} cannot become {wanted:?}", x.shape()))
}

pub(super) fn squeeze(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let Attributes::Squeeze(axes) = call.attributes() else { return Err(call.unlike()) };
    let x = call.input(0)?;
    let ndim = x.shape().len();
    let mut is_out = vec![axes.is_empty(); ndim];
    for &axis in axes {
        let axis = axis_of(axis, ndim)?;
        if x.shape()[axis] != 1 {
            return Err(format!("axis {axis} of {:?} is not of length 1", x.shape()));
        }
        is_out[axis] = true;
    }
    let kept = x.shape().iter().zip(is_out).filter(|&(&len, is_out)| !(is_out && len == 1)).map(|(&len, _)| len);
    Ok(vec![x.reshaped(kept.collect())?])
}

pub(super) fn expand_dims(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let mut shape = x.shape().to_vec();
    shape.insert(axis_of(call.integer(1)?, shape.len() + 1)?, 1);
    Ok(vec![x.reshaped(shape)?])
}

/// Returns integers as the type that an output has.
pub(super) fn as_output(call: &Call<'_>, number: usize, shape: Vec<usize>, values: Vec<i64>) -> Result<Tensor, Reason> {
    match call.output_type(number)? {
        ElementType::I64 => Tensor::of(shape, values),
        ElementType::I32 | ElementType::U32 => Tensor::of(shape, values.into_iter().map(|x| x as i32).collect()),
        other => Err(format!("output {number} is {other}, where integers are made")),
    }
}

pub(super) fn shape(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let lengths: Vec<i64> = call.input(0)?.shape().iter().map(|&len| len as i64).collect();
    Ok(vec![as_output(call, 0, vec![lengths.len()], lengths)?])
}

pub(super) fn rank(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    Ok(vec![as_output(call, 0, vec![], vec![call.input(0)?.shape().len() as i64])?])
}

pub(super) fn broadcast_args(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let side = |number| call.integers(number)?.into_iter().map(count_of).collect::<Result<Vec<_>, _>>();
    let shape = broadcast(&side(0)?, &side(1)?)?;
    Ok(vec![as_output(call, 0, vec![shape.len()], shape.into_iter().map(|len| len as i64).collect())?])
}

pub(super) fn range(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    if let Data::F32(_) = call.input(0)?.data() {
        let (&[start], &[end], &[step]) =
            (call.elements::<f32>(0)?, call.elements::<f32>(1)?, call.elements::<f32>(2)?)
        else {
            return Err("ends that are no scalars".into());
        };
        let count = ((end - start) / step).ceil();
        if !count.is_finite() || count > call.limits.elements as f32 {
            return Err(format!("numbers from {start} to {end}, {step} apart"));
        }
        let count = count.max(0.0) as usize;
        return Ok(vec![Tensor::of(vec![count], (0..count).map(|i| start + i as f32 * step).collect())?]);
    }
    let (start, end, step) = (call.integer(0)?, call.integer(1)?, call.integer(2)?);
    if step == 0 {
        return Err("numbers 0 apart".into());
    }
    let distance = if step > 0 { i128::from(end) - i128::from(start) } else { i128::from(start) - i128::from(end) };
    let step_len = i128::from(step).abs();
    let count = (distance.max(0) + step_len - 1) / step_len;
    let count = count_of(i64::try_from(count).unwrap_or(i64::MAX))?;
    call.room(&[count])?;
    let values = (0..count as i64).map(|i| start.wrapping_add(i.wrapping_mul(step))).collect();
    Ok(vec![as_output(call, 0, vec![count], values)?])
}

pub(super) fn fill(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let shape = call.integers(0)?.into_iter().map(count_of).collect::<Result<Vec<_>, _>>()?;
    let len = call.room(&shape)?;
    let value = call.input(1)?;
    if value.len() != 1 {
        return Err(format!("{} values to fill with", value.len()));
    }
    let data = map_elements!(value.data(), x => vec![x.first().copied().unwrap_or_default(); len]);
    Ok(vec![Tensor::new(shape, data)?])
}

pub(super) fn zeros_like(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let data = map_elements!(x.data(), x => vec![Default::default(); x.len()]);
    Ok(vec![Tensor::new(x.shape().to_vec(), data)?])
}
