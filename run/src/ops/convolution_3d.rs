//! Convolutions over three spatial axes: patches laid out as rows, times the filter.

use super::matrix::add_bias;
use super::window::{Span, activate, span};
use crate::call::Call;
use crate::tensor::{Reason, Tensor};
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};
use tensor_quant::graph::Attributes;

/// Patches that are laid out at a time.
const PATCHES: usize = 64;

/// The input is (batch, depth, height, width, channels), the filter (depth, height, width, channels, outputs).
pub(super) fn conv_3d(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let Attributes::Window(window) = call.attributes() else { return Err(call.unlike()) };
    let (x, filter) = (call.input_of(0, 5)?, call.input_of(1, 5)?);
    let &[batch, depth, height, width, channels] = x.shape() else { return Err(call.unlike()) };
    let &[taps_z, taps_y, taps_x, of, outputs] = filter.shape() else { return Err(call.unlike()) };
    if of != channels || channels == 0 || outputs == 0 {
        return Err(format!("{:?} under a filter {:?}", x.shape(), filter.shape()));
    }
    let spans = [span(window, 0, depth, taps_z)?, span(window, 1, height, taps_y)?, span(window, 2, width, taps_x)?];
    let shape = vec![batch, spans[0].windows, spans[1].windows, spans[2].windows, outputs];
    let len = call.room(&shape)?;
    let patch = filter.len() / outputs;
    call.work(&[len, patch])?;
    let (image, windows) = (x.len().checked_div(batch).unwrap_or(0), len / outputs);
    let mut patches = vec![0.0_f32; call.room(&[windows.min(PATCHES), patch])?];
    let (elements, filter) = (x.elements::<f32>()?, filter.elements::<f32>()?);
    let filter = ArrayView2::from_shape((patch, outputs), filter).map_err(|e| e.to_string())?;
    let of_image = windows.checked_div(batch).unwrap_or(0);
    let mut out = vec![0.0_f32; len];
    for (number, out) in out.chunks_mut(PATCHES * outputs).enumerate() {
        let count = out.len() / outputs;
        let patches = &mut patches[..count * patch];
        for (place, patch) in patches.chunks_exact_mut(patch).enumerate() {
            let window = number * PATCHES + place;
            let image = &elements[window / of_image * image..][..image];
            lay_out(image, &spans, window % of_image, channels, patch);
        }
        let patches = ArrayView2::from_shape((count, patch), patches).map_err(|e| e.to_string())?;
        let mut out = ArrayViewMut2::from_shape((count, outputs), out).map_err(|e| e.to_string())?;
        general_mat_mul(1.0, &patches, &filter, 0.0, &mut out);
    }
    if let Some(bias) = call.optional(2) {
        add_bias(&mut out, bias.elements()?, outputs)?;
    }
    activate(&mut out, window.activation);
    Ok(vec![Tensor::of(shape, out)?])
}

/// Writes what a window lies on; zeros beside the input.
fn lay_out(image: &[f32], [planes, rows, columns]: &[Span; 3], window: usize, channels: usize, patch: &mut [f32]) {
    patch.fill(0.0);
    let (rest, column) = (window / columns.windows, window % columns.windows);
    let ((plane_taps, plane), (row_taps, row)) =
        (planes.on_input(rest / rows.windows), rows.on_input(rest % rows.windows));
    let (column_taps, column) = columns.on_input(column);
    for (i, z) in plane_taps.enumerate() {
        for (j, y) in row_taps.clone().enumerate() {
            for (k, x) in column_taps.clone().enumerate() {
                let line = (plane + i * planes.dilation) * rows.len + row + j * rows.dilation;
                let from = (line * columns.len + column + k * columns.dilation) * channels;
                let to = ((z * rows.taps + y) * columns.taps + x) * channels;
                patch[to..to + channels].copy_from_slice(&image[from..from + channels]);
            }
        }
    }
}
