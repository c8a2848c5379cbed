//! Pools: one value of each window and channel.

use super::window::{activate, span};
use crate::call::Call;
use crate::tensor::{Reason, Tensor};
use tensor_quant::graph::Attributes;

pub(super) fn max_pool(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    pool(call, f32::NEG_INFINITY, |so_far, x| if x > so_far { x } else { so_far }, |max, _| max)
}

/// Padding does not count.
pub(super) fn average_pool(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    match call.grid {
        Some(grid) => pool(call, 0.0, |sum, x| sum + x, |sum, count| grid.mean(sum, count)),
        None => pool(call, 0.0, |sum, x| sum + x, |sum, count| sum / count),
    }
}

pub(super) fn l2_pool(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    pool(call, 0.0, |sum, x| sum + x * x, |sum, count| (sum / count).sqrt())
}

fn pool(
    call: &Call<'_>,
    start: f32,
    take: impl Fn(f32, f32) -> f32,
    finish: impl Fn(f32, f32) -> f32,
) -> Result<Vec<Tensor>, Reason> {
    let Attributes::Window(window) = call.attributes() else { return Err(call.unlike()) };
    let &[taps_y, taps_x] = &window.size[..] else { return Err(call.unlike()) };
    let x = call.input_of(0, 4)?;
    let &[batch, height, width, channels] = x.shape() else { return Err(call.unlike()) };
    let (rows, columns) = (span(window, 0, height, taps_y)?, span(window, 1, width, taps_x)?);
    let shape = vec![batch, rows.windows, columns.windows, channels];
    let len = call.room(&shape)?;
    call.work(&[len, taps_y.min(height), taps_x.min(width)])?;
    let x = x.elements::<f32>()?;
    let mut out = vec![start; len];
    if len > 0 {
        for (image, out) in x.chunks(height * width * channels).zip(out.chunks_mut(len / batch)) {
            for (window, out) in out.chunks_exact_mut(channels).enumerate() {
                let (taps_y, y) = rows.on_input(window / columns.windows);
                let (taps_x, x) = columns.on_input(window % columns.windows);
                for i in 0..taps_y.len() {
                    let first = ((y + i * rows.dilation) * width + x) * channels;
                    for j in 0..taps_x.len() {
                        let from = first + j * columns.dilation * channels;
                        for (out, &x) in out.iter_mut().zip(&image[from..from + channels]) {
                            *out = take(*out, x);
                        }
                    }
                }
                let count = (taps_y.len() * taps_x.len()).max(1) as f32;
                for x in out {
                    *x = finish(*x, count);
                }
            }
        }
    }
    activate(&mut out, window.activation);
    Ok(vec![Tensor::of(shape, out)?])
}
