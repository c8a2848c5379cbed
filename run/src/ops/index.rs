//! Elements by their positions, and positions by their elements.

use super::shape::as_output;
use crate::call::Call;
use crate::tensor::{Data, Element, Reason, Tensor, axis_of, count_of, map_elements};
use crate::view::take;
use tensor_quant::graph::{Attributes, Op};

/// Positions below 0 are refused.
fn positions_of(values: &[i64], len: usize) -> Result<Vec<usize>, Reason> {
    let place =
        |&at: &i64| usize::try_from(at).ok().filter(|&at| at < len).ok_or_else(|| format!("position {at} of {len}"));
    values.iter().map(place).collect()
}

pub(super) fn gather(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let &Attributes::Gather { axis, batch_dims } = call.attributes() else { return Err(call.unlike()) };
    let (x, indices) = (call.input(0)?, call.input(1)?);
    let (x_shape, index_shape) = (x.shape(), indices.shape());
    let axis = axis_of(axis, x_shape.len())?;
    let of_indices = index_shape.len();
    let batch_dims = if batch_dims < 0 { batch_dims.saturating_add(of_indices as i64) } else { batch_dims };
    let batch_dims = count_of(batch_dims)?;
    if batch_dims > axis || batch_dims > of_indices || x_shape[..batch_dims] != index_shape[..batch_dims] {
        return Err(format!("{batch_dims} axes in common of {x_shape:?} and {index_shape:?}"));
    }
    let positions = positions_of(&call.integers(1)?, x_shape[axis])?;
    let shape = [&x_shape[..axis], &index_shape[batch_dims..], &x_shape[axis + 1..]].concat();
    let len = call.room(&shape)?;
    if batch_dims == 0 {
        return Ok(vec![take(x, axis, &positions)?.reshaped(shape)?]);
    }
    let batches: usize = x_shape[..batch_dims].iter().product();
    let (outer, inner): (usize, usize) =
        (x_shape[batch_dims..axis].iter().product(), x_shape[axis + 1..].iter().product());
    let (of_batch, of_axis) = (positions.len() / batches.max(1), x_shape[axis]);
    let data = map_elements!(x.data(), x => {
        let mut out = Vec::with_capacity(len);
        for batch in 0..batches {
            for o in 0..outer {
                let block = (batch * outer + o) * of_axis * inner;
                for position in &positions[batch * of_batch..(batch + 1) * of_batch] {
                    let from = block + position * inner;
                    out.extend_from_slice(&x[from..from + inner]);
                }
            }
        }
        out
    });
    Ok(vec![Tensor::new(shape, data)?])
}

/// Returns where the slices that rows of positions point to begin, and how long they are.
fn slices(rows: &Tensor, of: &[usize]) -> Result<(Vec<usize>, usize), Reason> {
    let depth = rows.shape().last().copied().unwrap_or(0);
    if depth > of.len() {
        return Err(format!("positions of {depth} numbers in {of:?}"));
    }
    let inner: usize = of[depth..].iter().product();
    let values = rows.integers()?;
    if depth == 0 {
        let count = rows.shape().iter().rev().skip(1).product();
        return Ok((vec![0; count], inner));
    }
    let start = |row: &[i64]| {
        let mut at = 0;
        for (&position, &len) in row.iter().zip(of) {
            let position = usize::try_from(position).ok().filter(|&position| position < len);
            at = at * len + position.ok_or_else(|| format!("position {row:?} of {of:?}"))?;
        }
        Ok(at * inner)
    };
    Ok((values.chunks_exact(depth).map(start).collect::<Result<_, Reason>>()?, inner))
}

pub(super) fn gather_nd(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let (x, rows) = (call.input(0)?, call.input(1)?);
    let (starts, inner) = slices(rows, x.shape())?;
    let depth = rows.shape().last().copied().ok_or("positions without dimensions")?;
    let shape = [&rows.shape()[..rows.shape().len() - 1], &x.shape()[depth..]].concat();
    let len = call.room(&shape)?;
    let data = map_elements!(x.data(), x => {
        let mut out = Vec::with_capacity(len);
        for &start in &starts {
            out.extend_from_slice(&x[start..start + inner]);
        }
        out
    });
    Ok(vec![Tensor::new(shape, data)?])
}

/// What goes to the same position is added.
pub(super) fn scatter_nd(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let (rows, updates) = (call.input(0)?, call.input(1)?);
    let shape = call.integers(2)?.into_iter().map(count_of).collect::<Result<Vec<_>, _>>()?;
    let len = call.room(&shape)?;
    let (starts, inner) = slices(rows, &shape)?;
    if starts.len().checked_mul(inner) != Some(updates.len()) {
        return Err(format!("{} values for {} positions of {inner}", updates.len(), starts.len()));
    }
    let data = match updates.data() {
        Data::F32(x) => Data::F32(scattered(x, &starts, inner, len, |a, b| a + b)),
        Data::I32(x) => Data::I32(scattered(x, &starts, inner, len, i32::wrapping_add)),
        Data::I64(x) => Data::I64(scattered(x, &starts, inner, len, i64::wrapping_add)),
        Data::Bool(x) => Data::Bool(scattered(x, &starts, inner, len, |a, b| a | b)),
        other => return Err(other.kind().into()),
    };
    Ok(vec![Tensor::new(shape, data)?])
}

fn scattered<E: Element>(x: &[E], starts: &[usize], inner: usize, len: usize, add: impl Fn(E, E) -> E) -> Vec<E> {
    let mut out = vec![E::default(); len];
    for (x, &start) in x.chunks_exact(inner.max(1)).zip(starts) {
        for (out, &x) in out[start..start + inner].iter_mut().zip(x) {
            *out = add(*out, x);
        }
    }
    out
}

/// Inputs: numbers, table.
pub(super) fn embedding_lookup(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let table = call.input(1)?;
    let rows = *table.shape().first().ok_or("a table without dimensions")?;
    let positions = positions_of(&call.integers(0)?, rows)?;
    let mut shape = table.shape().to_vec();
    shape[0] = positions.len();
    call.room(&shape)?;
    Ok(vec![take(table, 0, &positions)?])
}

/// The first of equal ones.
pub(super) fn arg_extreme(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let axis = axis_of(call.integer(1)?, x.shape().len())?;
    let is_max = call.operator.op == Op::ArgMax;
    let (len, inner): (usize, usize) = (x.shape()[axis], x.shape()[axis + 1..].iter().product());
    let mut shape = x.shape().to_vec();
    shape.remove(axis);
    if len == 0 {
        return Err(format!("the largest of none: {:?}", x.shape()));
    }
    let out = match x.data() {
        Data::F32(x) => best(x, len, inner, is_max),
        Data::I64(x) => best(x, len, inner, is_max),
        Data::I32(x) => best(x, len, inner, is_max),
        Data::I16(x) => best(x, len, inner, is_max),
        Data::I8(x) => best(x, len, inner, is_max),
        Data::U8(x) => best(x, len, inner, is_max),
        other => return Err(other.kind().into()),
    };
    Ok(vec![as_output(call, 0, shape, out)?])
}

fn best<E: Element>(x: &[E], len: usize, inner: usize, is_max: bool) -> Vec<i64> {
    let mut out = Vec::new();
    for block in x.chunks_exact((len * inner).max(1)) {
        for i in 0..inner {
            let mut found = 0;
            for k in 1..len {
                let (a, b) = (block[k * inner + i], block[found * inner + i]);
                if if is_max { a > b } else { a < b } {
                    found = k;
                }
            }
            out.push(found as i64);
        }
    }
    out
}

/// Of equal ones the first.
pub(super) fn top_k(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let k = count_of(call.integer(1)?)?;
    let len = *x.shape().last().ok_or("the largest of a scalar")?;
    if k > len {
        return Err(format!("the {k} largest of {len}"));
    }
    let mut shape = x.shape().to_vec();
    if let Some(last) = shape.last_mut() {
        *last = k;
    }
    let mut numbers = Vec::with_capacity(call.room(&shape)?);
    let data = map_elements!(x.data(), x => {
        let mut values = Vec::new();
        for row in x.chunks_exact(len.max(1)) {
            let mut order: Vec<usize> = (0..len).collect();
            order.sort_by(|&a, &b| row[b].partial_cmp(&row[a]).unwrap_or(std::cmp::Ordering::Equal));
            values.extend(order[..k].iter().map(|&i| row[i]));
            numbers.extend(order[..k].iter().map(|&i| i as i64));
        }
        values
    });
    Ok(vec![Tensor::new(shape.clone(), data)?, as_output(call, 1, shape, numbers)?])
}

/// Inputs: numbers, how many there are, the value at a number, the value elsewhere.
pub(super) fn one_hot(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let &Attributes::Axis(axis) = call.attributes() else { return Err(call.unlike()) };
    let depth = count_of(call.integer(1)?)?;
    let (indices, on) = (call.input(0)?, call.input(2)?);
    let ndim = indices.shape().len();
    let axis = if axis == -1 { ndim } else { axis_of(axis, ndim + 1)? };
    let mut shape = indices.shape().to_vec();
    shape.insert(axis, depth);
    let len = call.room(&shape)?;
    let inner: usize = indices.shape()[axis..].iter().product();
    let numbers = indices.integers()?;
    let data = map_elements!(on.data(), on => {
        let (&[on], &[off]) = (&on[..], same(on, call.input(3)?)?) else { return Err("values that are no scalars".into()) };
        let mut out = vec![off; len];
        for (i, &number) in numbers.iter().enumerate() {
            if let Some(number) = usize::try_from(number).ok().filter(|&number| number < depth) {
                let (o, i) = (i / inner.max(1), i % inner.max(1));
                out[(o * depth + number) * inner + i] = on;
            }
        }
        out
    });
    Ok(vec![Tensor::new(shape, data)?])
}

fn same<'a, E: Element>(_: &[E], other: &'a Tensor) -> Result<&'a [E], Reason> {
    other.elements()
}

/// The positions of what is true, a row each.
pub(super) fn positions(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let truths = x.elements::<bool>()?;
    let ndim = x.shape().len();
    let mut out = Vec::new();
    for (number, _) in truths.iter().enumerate().filter(|(_, is_true)| **is_true) {
        let at = out.len();
        let mut rest = number;
        for &len in x.shape().iter().rev() {
            out.insert(at, (rest % len) as i64);
            rest /= len;
        }
    }
    let count = truths.iter().filter(|is_true| **is_true).count();
    Ok(vec![as_output(call, 0, vec![count, ndim], out)?])
}
