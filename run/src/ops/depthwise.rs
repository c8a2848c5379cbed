//! Convolutions of each channel by itself: sums of products along the channels, which lie next to each other.

use super::dense::quantized_rows;
use super::window::{Span, activate, span};
use crate::call::Call;
use crate::tensor::{Reason, Tensor};
use fearless_simd::{Level, Simd, dispatch};
use std::borrow::Cow;
use tensor_quant::graph::Attributes;

/// The filter is 1HWC; output channel `c · multiplier + q` is of input channel `c`.
pub(super) fn depthwise_conv(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let Attributes::Window(window) = call.attributes() else { return Err(call.unlike()) };
    let (x, filter) = (call.input_of(0, 4)?, call.input_of(1, 4)?);
    let &[batch, height, width, channels] = x.shape() else { return Err(call.unlike()) };
    let &[one, taps_y, taps_x, outputs] = filter.shape() else { return Err(call.unlike()) };
    if one != 1 || channels == 0 || !outputs.is_multiple_of(channels) {
        return Err(format!("{channels} channels and a filter of shape {:?}", filter.shape()));
    }
    let (rows, columns) = (span(window, 0, height, taps_y)?, span(window, 1, width, taps_x)?);
    let shape = vec![batch, rows.windows, columns.windows, outputs];
    let len = call.room(&shape)?;
    call.work(&[len, taps_y, taps_x])?;
    let mut x: Cow<'_, [f32]> = Cow::Borrowed(x.elements()?);
    if call.is_dynamic_range(0, 1) {
        x = Cow::Owned(quantized_rows(&x, batch, true));
    }
    let mut out = vec![0.0; len];
    if let Some(bias) = call.optional(2) {
        let bias = bias.elements::<f32>()?;
        if bias.len() != outputs {
            return Err(format!("{} biases of {outputs} channels", bias.len()));
        }
        out.chunks_exact_mut(outputs.max(1)).for_each(|out| out.copy_from_slice(bias));
    }
    if len > 0 {
        let level = Level::new();
        let filter = filter.elements::<f32>()?;
        for (image, out) in x.chunks(height * width * channels).zip(out.chunks_mut(len / batch)) {
            dispatch!(level, simd => windows(simd, image, filter, out, (rows, columns), channels));
        }
    }
    activate(&mut out, window.activation);
    Ok(vec![Tensor::of(shape, out)?])
}

/// Adds the products of all windows of an image to their outputs.
#[inline(always)]
fn windows<S: Simd>(_: S, image: &[f32], filter: &[f32], out: &mut [f32], spans: (Span, Span), channels: usize) {
    let (rows, columns) = spans;
    let outputs = filter.len() / (rows.taps * columns.taps);
    let line = columns.len * channels;
    for (window, out) in out.chunks_exact_mut(outputs).enumerate() {
        let (taps_y, y) = rows.on_input(window / columns.windows);
        let (taps_x, x) = columns.on_input(window % columns.windows);
        for (i, tap_y) in taps_y.enumerate() {
            let start = (y + i * rows.dilation) * line + x * channels;
            for (j, tap_x) in taps_x.clone().enumerate() {
                let from = start + j * columns.dilation * channels;
                let weights = (tap_y * columns.taps + tap_x) * outputs;
                add_products(out, &image[from..from + channels], &filter[weights..weights + outputs]);
            }
        }
    }
}

#[inline(always)]
fn add_products(out: &mut [f32], x: &[f32], weights: &[f32]) {
    if out.len() == x.len() {
        for ((out, x), w) in out.iter_mut().zip(x).zip(weights) {
            *out += x * w;
        }
    } else {
        let multiplier = out.len() / x.len();
        for ((out, x), w) in out.chunks_exact_mut(multiplier).zip(x).zip(weights.chunks_exact(multiplier)) {
            for (out, w) in out.iter_mut().zip(w) {
                *out += x * w;
            }
        }
    }
}
