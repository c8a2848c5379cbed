//! Convolutions of each channel by itself: sums of products along the channels, which lie next to each other.

use super::matrix::quantized_rows;
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

/// Taps of a window that are gone through at once: the list of them takes the same memory whatever a file says.
const TAPS: usize = 64;

/// Adds the products of all windows of an image to their outputs: of each output tap after tap, row by row.
#[inline(always)]
fn windows<S: Simd>(_: S, image: &[f32], filter: &[f32], out: &mut [f32], spans: (Span, Span), channels: usize) {
    let (rows, columns) = spans;
    let outputs = filter.len() / (rows.taps * columns.taps);
    let line = columns.len * channels;
    // Where a tap on the input has its first channel, and its weights.
    let mut taps = [[0; 2]; TAPS];
    for (window, out) in out.chunks_exact_mut(outputs).enumerate() {
        let (taps_y, y) = rows.on_input(window / columns.windows);
        let (taps_x, x) = columns.on_input(window % columns.windows);
        let mut count = 0;
        for (i, tap_y) in taps_y.enumerate() {
            let start = (y + i * rows.dilation) * line + x * channels;
            for (j, tap_x) in taps_x.clone().enumerate() {
                taps[count] = [start + j * columns.dilation * channels, (tap_y * columns.taps + tap_x) * outputs];
                count += 1;
                if count == TAPS {
                    add_window(out, image, filter, &taps, channels);
                    count = 0;
                }
            }
        }
        add_window(out, image, filter, &taps[..count], channels);
    }
}

/// Adds the products of some taps of a window to its outputs.
#[inline(always)]
fn add_window(out: &mut [f32], image: &[f32], filter: &[f32], taps: &[[usize; 2]], channels: usize) {
    let outputs = out.len();
    if outputs != channels {
        for &[from, weights] in taps {
            add_products(out, &image[from..from + channels], &filter[weights..weights + outputs]);
        }
        return;
    }
    let (whole, rest) = out.as_chunks_mut::<LANES>();
    let first = whole.len() * LANES;
    for (number, sums) in whole.iter_mut().enumerate() {
        add_taps(sums, number * LANES, image, filter, taps);
    }
    let (few, rest) = rest.as_chunks_mut::<FEW_LANES>();
    let last = first + few.len() * FEW_LANES;
    for (number, sums) in few.iter_mut().enumerate() {
        add_taps(sums, first + number * FEW_LANES, image, filter, taps);
    }
    for &[from, weights] in taps {
        add_products(rest, &image[from + last..from + channels], &filter[weights + last..weights + outputs]);
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use tensor_quant::graph::Window;

    /// Numbers that are no multiples of each other.
    fn numbers(len: usize, by: f32) -> Vec<f32> {
        (0..len).map(|i| (i as f32 * by).sin()).collect()
    }

    #[test]
    fn channels_of_any_number_and_windows_of_any_size_are_summed_tap_after_tap() {
        // More taps than are listed at once, and all ways to part channels.
        for (channels, multiplier, taps) in [(83, 1, 3), (64, 1, 9), (16, 1, 3), (7, 1, 9), (1, 1, 2), (5, 3, 3)] {
            for (stride, dilation) in [(1, 1), (2, 1), (1, 2)] {
                let mut window = Window::new(2);
                (window.strides, window.dilations) = (vec![stride; 2], vec![dilation; 2]);
                let (height, width, outputs) = (9, 11, channels * multiplier);
                let rows = span(&window, 0, height, taps).unwrap();
                let columns = span(&window, 1, width, taps).unwrap();
                let image = numbers(height * width * channels, 0.7);
                let filter = numbers(taps * taps * outputs, 1.3);
                let mut out = vec![0.0; rows.windows * columns.windows * outputs];
                let mut wanted = out.clone();
                dispatch!(Level::new(), simd => windows(simd, &image, &filter, &mut out, (rows, columns), channels));
                for (at, wanted) in wanted.iter_mut().enumerate() {
                    let (place, output) = (at / outputs, at % outputs);
                    let (row, column) = (place / columns.windows, place % columns.windows);
                    for tap in 0..taps * taps {
                        let y = (row * stride + tap / taps * dilation).checked_sub(rows.before);
                        let x = (column * stride + tap % taps * dilation).checked_sub(columns.before);
                        if let (Some(y), Some(x)) = (y.filter(|&y| y < height), x.filter(|&x| x < width)) {
                            let value = image[(y * width + x) * channels + output / multiplier];
                            *wanted += value * filter[tap * outputs + output];
                        }
                    }
                }
                assert_eq!(out, wanted, "{channels} channels, {multiplier}, {taps} taps, {stride}, {dilation}");
            }
        }
    }
}
