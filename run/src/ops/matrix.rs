//! What layers do with rows: products with weights, biases, and the codes that operators make of their inputs as they run.

use crate::tensor::Reason;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

/// out = rows · filtersᵀ.
pub(super) fn product(
    rows: &[f32],
    filters: &[f32],
    count: usize,
    depth: usize,
    out: &mut [f32],
    outputs: usize,
) -> Result<(), Reason> {
    let rows = ArrayView2::from_shape((count, depth), rows).map_err(|e| e.to_string())?;
    let filters = ArrayView2::from_shape((outputs, depth), filters).map_err(|e| e.to_string())?;
    let mut out = ArrayViewMut2::from_shape((count, outputs), out).map_err(|e| e.to_string())?;
    general_mat_mul(1.0, &rows, &filters.t(), 0.0, &mut out);
    Ok(())
}

/// Adds a bias to each row.
pub(super) fn add_bias(out: &mut [f32], bias: &[f32], outputs: usize) -> Result<(), Reason> {
    if bias.len() != outputs {
        return Err(format!("{} biases of {outputs} channels", bias.len()));
    }
    for row in out.chunks_exact_mut(outputs.max(1)) {
        for (out, bias) in row.iter_mut().zip(bias) {
            *out += bias;
        }
    }
    Ok(())
}

/// Returns what is left of rows that an operator quantizes to 8 bits as it runs, each with its own scale.
///
/// With zero points: scale = (max − min) / 255 with 0 included. Without: scale = max |x| / 127.
pub(super) fn quantized_rows(x: &[f32], rows: usize, asymmetric: bool) -> Vec<f32> {
    let mut out = x.to_vec();
    for row in out.chunks_mut((x.len() / rows.max(1)).max(1)) {
        let (min, max) = row.iter().fold((0.0_f32, 0.0_f32), |(min, max), &x| (min.min(x), max.max(x)));
        let (scale, zero_point, low) = if asymmetric {
            let scale = (max - min) / 255.0;
            (scale, (-128.0 - min / scale).round_ties_even().clamp(-128.0, 127.0), -128.0)
        } else {
            (max.max(-min) / 127.0, 0.0, -127.0)
        };
        if scale > 0.0 && scale.is_finite() {
            for x in row {
                *x = ((*x / scale).round_ties_even().clamp(low - zero_point, 127.0 - zero_point)) * scale;
            }
        }
    }
    out
}
