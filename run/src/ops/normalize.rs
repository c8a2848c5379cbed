//! Values set in relation to others of their row.

use super::window::activate;
use crate::call::Call;
use crate::tensor::{Reason, Tensor, axis_of};
use crate::view::View;
use tensor_quant::graph::Attributes;

pub(super) fn softmax(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let &Attributes::Softmax { beta, axis } = call.attributes() else { return Err(call.unlike()) };
    along(call, axis, |row| {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0;
        for x in row.iter_mut() {
            *x = ((*x - max) * beta).exp();
            sum += *x;
        }
        for x in row.iter_mut() {
            *x /= sum;
        }
    })
}

pub(super) fn log_softmax(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let &Attributes::Softmax { axis, .. } = call.attributes() else { return Err(call.unlike()) };
    along(call, axis, |row| {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = row.iter().map(|x| (x - max).exp()).sum();
        let log = sum.ln();
        for x in row.iter_mut() {
            *x = *x - max - log;
        }
    })
}

/// Divides by the root of the sum of squares along the last axis, which counts as 10⁻⁶ at least.
pub(super) fn l2_normalization(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let activation = call.attributes().activation();
    along(call, -1, |row| {
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6);
        for x in row.iter_mut() {
            *x /= norm;
        }
        activate(row, activation);
    })
}

/// Divides by a power of the sum of squares of the channel and `radius` neighbours on each side.
pub(super) fn local_response(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let &Attributes::LocalResponse { radius, bias, alpha, beta } = call.attributes() else { return Err(call.unlike()) };
    let depth = call.input(0)?.shape().last().copied().unwrap_or(1);
    call.work(&[call.input(0)?.len(), radius.min(depth).max(1), 2])?;
    along(call, -1, |row| {
        let squares: Vec<f32> = row.iter().map(|x| x * x).collect();
        for (c, x) in row.iter_mut().enumerate() {
            let end = c.saturating_add(radius).saturating_add(1).min(squares.len());
            let start = c.saturating_sub(radius).min(end);
            *x *= (bias + alpha * squares[start..end].iter().sum::<f32>()).powf(-beta);
        }
    })
}

/// Changes each row along an axis.
fn along(call: &Call<'_>, axis: i64, f: impl Fn(&mut [f32])) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let ndim = x.shape().len();
    if ndim == 0 {
        let mut one = x.elements::<f32>()?.to_vec();
        f(&mut one);
        return Ok(vec![Tensor::of(vec![], one)?]);
    }
    let axis = axis_of(axis, ndim)?;
    let mut order: Vec<usize> = (0..ndim).collect();
    order.swap(axis, ndim - 1);
    let is_last = axis == ndim - 1;
    let moved = if is_last { x.clone() } else { View::of(x.shape()).transposed(&order)?.copy(x)? };
    let shape = moved.shape().to_vec();
    let mut out = moved.into_elements::<f32>()?;
    out.chunks_mut(shape[ndim - 1].max(1)).for_each(&f);
    let out = Tensor::of(shape, out)?;
    Ok(vec![if is_last { out } else { View::of(out.shape()).transposed(&order)?.copy(&out)? }])
}
