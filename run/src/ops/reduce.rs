//! Reductions along axes, and running sums.

use crate::call::Call;
use crate::tensor::{Data, Reason, Tensor, axis_of, elements_of};
use crate::view::View;
use tensor_quant::graph::{Attributes, Op};

/// A tensor whose rows are to be reduced, and the shape of the results.
struct Rows {
    tensor: Tensor,
    /// The elements of a row.
    len: usize,
    /// How many there are.
    count: usize,
    shape: Vec<usize>,
}

fn rows(call: &Call<'_>) -> Result<Rows, Reason> {
    let &Attributes::Reduce { keep_dims } = call.attributes() else { return Err(call.unlike()) };
    let x = call.input(0)?;
    let ndim = x.shape().len();
    let mut is_reduced = vec![false; ndim];
    for axis in call.integers(1)? {
        is_reduced[axis_of(axis, ndim)?] = true;
    }
    let (reduced, kept): (Vec<usize>, Vec<usize>) = (0..ndim).partition(|&axis| is_reduced[axis]);
    let order = [&kept[..], &reduced[..]].concat();
    let tensor = if order.is_sorted() { x.clone() } else { View::of(x.shape()).transposed(&order)?.copy(x)? };
    let shape = (0..ndim).filter(|&axis| keep_dims || !is_reduced[axis]);
    let shape: Vec<usize> = shape.map(|axis| if is_reduced[axis] { 1 } else { x.shape()[axis] }).collect();
    let len = reduced.iter().map(|&axis| x.shape()[axis]).product();
    let count = call.room(&shape)?;
    Ok(Rows { tensor, len, count, shape })
}

impl Rows {
    fn map<E: Copy, R>(&self, x: &[E], f: impl Fn(&[E]) -> R) -> Vec<R> {
        (0..self.count).map(|row| f(x.get(row * self.len..(row + 1) * self.len).unwrap_or_default())).collect()
    }
}

/// Sums are taken in f64.
pub(super) fn reduce(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let rows = rows(call)?;
    let op = call.operator.op;
    let data = match rows.tensor.data() {
        Data::F32(x) => Data::F32(match op {
            Op::Sum => rows.map(x, |row| sum(row) as f32),
            Op::Mean => rows.map(x, |row| (sum(row) / row.len() as f64) as f32),
            Op::ReduceMax => rows.map(x, |row| row.iter().copied().fold(f32::NEG_INFINITY, f32::max)),
            Op::ReduceMin => rows.map(x, |row| row.iter().copied().fold(f32::INFINITY, f32::min)),
            Op::ReduceProd => rows.map(x, |row| row.iter().product()),
            _ => return Err(call.unlike()),
        }),
        Data::I32(_) | Data::I64(_) => {
            let x = rows.tensor.integers()?;
            let is_narrow = matches!(rows.tensor.data(), Data::I32(_));
            let (low, high) = if is_narrow { (i32::MIN.into(), i32::MAX.into()) } else { (i64::MIN, i64::MAX) };
            let out = match op {
                Op::Sum => rows.map(&x, |row| row.iter().fold(0, |sum: i64, &x| sum.wrapping_add(x))),
                Op::Mean if rows.len > 0 => rows.map(&x, |row| {
                    row.iter().fold(0, |sum: i64, &x| sum.wrapping_add(x)).wrapping_div(row.len() as i64)
                }),
                Op::ReduceMax => rows.map(&x, |row| row.iter().copied().max().unwrap_or(low)),
                Op::ReduceMin => rows.map(&x, |row| row.iter().copied().min().unwrap_or(high)),
                Op::ReduceProd => rows.map(&x, |row| row.iter().fold(1, |product: i64, &x| product.wrapping_mul(x))),
                _ => return Err(format!("{op} of no integers")),
            };
            if is_narrow { Data::I32(out.into_iter().map(|x| x as i32).collect()) } else { Data::I64(out) }
        }
        other => return Err(format!("{op} of {}", other.kind())),
    };
    Ok(vec![Tensor::new(rows.shape, data)?])
}

pub(super) fn reduce_truths(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let rows = rows(call)?;
    let x = rows.tensor.elements::<bool>()?;
    let is_any = call.operator.op == Op::ReduceAny;
    let out = rows.map(x, |row| if is_any { row.contains(&true) } else { !row.contains(&false) });
    Ok(vec![Tensor::of(rows.shape, out)?])
}

/// The sum in sixteen parts, in f64.
fn sum(x: &[f32]) -> f64 {
    let (chunks, rest) = x.as_chunks::<16>();
    let mut sums = [0.0_f64; 16];
    for chunk in chunks {
        for (sum, &x) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(x);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|&x| f64::from(x)).sum::<f64>()
}

pub(super) fn cumsum(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let &Attributes::CumSum { exclusive, reverse } = call.attributes() else { return Err(call.unlike()) };
    let x = call.input(0)?;
    let axis = axis_of(call.integer(1)?, x.shape().len())?;
    let (len, inner): (usize, usize) = (x.shape()[axis], x.shape()[axis + 1..].iter().product());
    elements_of(x.shape())?;
    let data = match x.data() {
        Data::F32(x) => Data::F32(running(x, len, inner, exclusive, reverse, |a, b| a + b)),
        Data::I32(x) => Data::I32(running(x, len, inner, exclusive, reverse, i32::wrapping_add)),
        Data::I64(x) => Data::I64(running(x, len, inner, exclusive, reverse, i64::wrapping_add)),
        other => return Err(format!("running sums of {}", other.kind())),
    };
    Ok(vec![Tensor::new(x.shape().to_vec(), data)?])
}

fn running<E: Copy + Default>(
    x: &[E],
    len: usize,
    inner: usize,
    exclusive: bool,
    reverse: bool,
    add: impl Fn(E, E) -> E,
) -> Vec<E> {
    let mut out = vec![E::default(); x.len()];
    let block = (len * inner).max(1);
    for (x, out) in x.chunks(block).zip(out.chunks_mut(block)) {
        for i in 0..inner {
            let mut sum = E::default();
            for step in 0..len {
                let at = if reverse { len - 1 - step } else { step } * inner + i;
                let next = add(sum, x[at]);
                out[at] = if exclusive { sum } else { next };
                sum = next;
            }
        }
    }
    out
}
