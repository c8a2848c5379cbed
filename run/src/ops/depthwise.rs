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

/// Channels whose sums are held in registers while taps are gone through.
const LANES: usize = 64;
/// The same where fewer channels are left.
const FEW_LANES: usize = 16;

/// Adds the products of all windows of an image to their outputs: of each output tap after tap, row by row.
#[inline(always)]
fn windows<S: Simd>(_: S, image: &[f32], filter: &[f32], out: &mut [f32], spans: (Span, Span), channels: usize) {
    let (rows, columns) = spans;
    let outputs = filter.len() / (rows.taps * columns.taps);
    let line = columns.len * channels;
    let of_columns: Vec<_> = (0..columns.windows).map(|window| columns.on_input(window)).collect();
    // Where each tap on the input has its first channel, and its weights.
    let mut taps: Vec<[usize; 2]> = Vec::with_capacity(rows.taps * columns.taps);
    for (row, out) in out.chunks_exact_mut(columns.windows * outputs).enumerate() {
        let (taps_y, y) = rows.on_input(row);
        for ((taps_x, x), out) in of_columns.iter().zip(out.chunks_exact_mut(outputs)) {
            taps.clear();
            for (i, tap_y) in taps_y.clone().enumerate() {
                let start = (y + i * rows.dilation) * line + x * channels;
                for (j, tap_x) in taps_x.clone().enumerate() {
                    taps.push([start + j * columns.dilation * channels, (tap_y * columns.taps + tap_x) * outputs]);
                }
            }
            if outputs == channels {
                let (whole, rest) = out.as_chunks_mut::<LANES>();
                let first = whole.len() * LANES;
                for (number, sums) in whole.iter_mut().enumerate() {
                    add_taps(sums, number * LANES, image, filter, &taps);
                }
                let (few, rest) = rest.as_chunks_mut::<FEW_LANES>();
                let last = first + few.len() * FEW_LANES;
                for (number, sums) in few.iter_mut().enumerate() {
                    add_taps(sums, first + number * FEW_LANES, image, filter, &taps);
                }
                for &[from, weights] in &taps {
                    add_products(rest, &image[from + last..from + channels], &filter[weights + last..][..rest.len()]);
                }
            } else {
                for &[from, weights] in &taps {
                    add_products(out, &image[from..from + channels], &filter[weights..weights + outputs]);
                }
            }
        }
    }
}

/// Adds the products of all taps of a window to the sums of channels from `first` on.
#[inline(always)]
fn add_taps<const N: usize>(out: &mut [f32; N], first: usize, image: &[f32], filter: &[f32], taps: &[[usize; 2]]) {
    let mut sums = *out;
    for &[from, weights] in taps {
        let x: &[f32] = &image[from + first..][..N];
        let w: &[f32] = &filter[weights + first..][..N];
        for i in 0..N {
            sums[i] += x[i] * w[i];
        }
    }
    *out = sums;
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
