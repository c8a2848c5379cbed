//! Fully connected layers and products of matrices.

use super::matrix::{add_bias, product, quantized_rows};
use super::window::activate;
use crate::call::Call;
use crate::tensor::{Reason, Tensor, broadcast};
use crate::view::View;
use fearless_simd::{Level, Simd, dispatch};
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};
use std::borrow::Cow;
use tensor_quant::graph::Attributes;

/// Up to so many rows each weight is read once for a row; for more, matrices are packed first.
const FEW_ROWS: usize = 3;
/// Sums that a dot product keeps at once.
const LANES: usize = 64;

/// Weights are (outputs, inputs); leading dimensions of the input count as rows.
pub(super) fn fully_connected(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let &Attributes::Dense { activation, keep_dims, asymmetric } = call.attributes() else { return Err(call.unlike()) };
    let (x, weights) = (call.input(0)?, call.input_of(1, 2)?);
    let &[outputs, depth] = weights.shape() else { return Err(call.unlike()) };
    if depth == 0 || !x.len().is_multiple_of(depth) {
        return Err(format!("{:?} times weights {:?}", x.shape(), weights.shape()));
    }
    let rows = x.len() / depth;
    let mut shape = vec![rows, outputs];
    if keep_dims {
        shape = x.shape().to_vec();
        match shape.last_mut() {
            Some(last) if *last == depth => *last = outputs,
            _ => return Err(format!("{:?} times weights {:?}", x.shape(), weights.shape())),
        }
    }
    let len = call.room(&shape)?;
    call.work(&[len, depth])?;
    let mut x: Cow<'_, [f32]> = Cow::Borrowed(x.elements()?);
    if call.is_dynamic_range(0, 1) {
        x = Cow::Owned(quantized_rows(&x, rows, asymmetric));
    }
    let weights = weights.elements::<f32>()?;
    let mut out = vec![0.0; len];
    if rows <= FEW_ROWS {
        for (x, out) in x.chunks_exact(depth).zip(out.chunks_exact_mut(outputs.max(1))) {
            dot_products(x, weights, out);
        }
    } else {
        product(&x, weights, rows, depth, &mut out, outputs)?;
    }
    if let Some(bias) = call.optional(2) {
        add_bias(&mut out, bias.elements()?, outputs)?;
    }
    activate(&mut out, activation);
    Ok(vec![Tensor::of(shape, out)?])
}

/// Writes the dot products of one row with each row of weights.
pub(super) fn dot_products(x: &[f32], weights: &[f32], out: &mut [f32]) {
    if x.is_empty() {
        return out.fill(0.0);
    }
    let level = Level::new();
    dispatch!(level, simd => dots(simd, x, weights, out));
}

/// The dot products of one row with each row of weights.
#[inline(always)]
fn dots<S: Simd>(_: S, x: &[f32], weights: &[f32], out: &mut [f32]) {
    let (x_chunks, x_rest) = x.as_chunks::<LANES>();
    for (out, weights) in out.iter_mut().zip(weights.chunks_exact(x.len())) {
        let mut sums = [0.0_f32; LANES];
        let (w_chunks, w_rest) = weights.as_chunks::<LANES>();
        for (x, w) in x_chunks.iter().zip(w_chunks) {
            for ((sum, x), w) in sums.iter_mut().zip(x).zip(w) {
                *sum += x * w;
            }
        }
        for ((sum, x), w) in sums.iter_mut().zip(x_rest).zip(w_rest) {
            *sum += x * w;
        }
        // Halves of the lanes are added: each step is one instruction for many.
        let mut half = LANES / 2;
        while half > 0 {
            let (low, high) = sums.split_at_mut(half);
            for (low, high) in low.iter_mut().zip(high.iter()) {
                *low += high;
            }
            half /= 2;
        }
        *out = sums[0];
    }
}

/// Leading dimensions are broadcast; either side may have its last two axes swapped.
pub(super) fn mat_mul(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let &Attributes::MatMul { adjoint, asymmetric } = call.attributes() else { return Err(call.unlike()) };
    let (a, b) = (call.input(0)?, call.input(1)?);
    let unfit = || format!("{:?} times {:?}", a.shape(), b.shape());
    let (Some((a_lead, &[a0, a1])), Some((b_lead, &[b0, b1]))) =
        (a.shape().split_last_chunk(), b.shape().split_last_chunk())
    else {
        return Err(unfit());
    };
    let (rows, depth) = if adjoint[0] { (a1, a0) } else { (a0, a1) };
    let (b_depth, columns) = if adjoint[1] { (b1, b0) } else { (b0, b1) };
    if depth != b_depth {
        return Err(unfit());
    }
    let lead = broadcast(a_lead, b_lead)?;
    let shape = [&lead[..], &[rows, columns]].concat();
    let len = call.room(&shape)?;
    call.work(&[len, depth])?;
    let spread = |side: &Tensor, own: &[usize]| -> Result<Tensor, Reason> {
        let shape = [&lead[..], own].concat();
        call.room(&shape)?;
        if side.shape() == shape { Ok(side.clone()) } else { View::of(side.shape()).broadcast(&shape)?.copy(side) }
    };
    let (a, b) = (spread(a, &[a0, a1])?, spread(b, &[b0, b1])?);
    let mut a_elements: Cow<'_, [f32]> = Cow::Borrowed(a.elements()?);
    if call.is_dynamic_range(0, 1) && !adjoint[0] {
        a_elements = Cow::Owned(quantized_rows(&a_elements, a_elements.len() / depth.max(1), asymmetric));
    }
    let b_elements = b.elements::<f32>()?;
    let mut out = vec![0.0; len];
    if len > 0 && depth > 0 {
        let matrices = a_elements.chunks_exact(a0 * a1).zip(b_elements.chunks_exact(b0 * b1));
        for ((a, b), out) in matrices.zip(out.chunks_exact_mut(rows * columns)) {
            let a = ArrayView2::from_shape((a0, a1), a).map_err(|e| e.to_string())?;
            let b = ArrayView2::from_shape((b0, b1), b).map_err(|e| e.to_string())?;
            let mut out = ArrayViewMut2::from_shape((rows, columns), out).map_err(|e| e.to_string())?;
            let (a, b) =
                (if adjoint[0] { a.reversed_axes() } else { a }, if adjoint[1] { b.reversed_axes() } else { b });
            general_mat_mul(1.0, &a, &b, 0.0, &mut out);
        }
    }
    Ok(vec![Tensor::of(shape, out)?])
}
