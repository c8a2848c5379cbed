//! Pools and images at another resolution, backwards.

use super::super::resize::weights;
use super::super::window::span;
use super::{Back, Gradients};
use crate::tensor::Reason;
use tensor_quant::graph::Attributes;

/// Padding does not count.
pub(super) fn average_pool(back: &Back<'_>) -> Result<Gradients, Reason> {
    pool(back, |image, taken, channel, _, g| {
        let share = g / taken.len().max(1) as f32;
        for at in taken {
            image[at + channel] += share;
        }
    })
}

/// The first of several that are the largest has it all.
pub(super) fn max_pool(back: &Back<'_>) -> Result<Gradients, Reason> {
    pool(back, |image, taken, channel, x, g| {
        let larger = |best: Option<usize>, &at: &usize| match best {
            Some(best) if x[at + channel] <= x[best + channel] => Some(best),
            _ => Some(at),
        };
        if let Some(at) = taken.iter().fold(None, larger) {
            image[at + channel] += g;
        }
    })
}

/// Adds to the gradient of an image, given where the pixels of a window are, a channel, the image, and the gradient of the output.
type Add = fn(&mut [f32], &[usize], usize, &[f32], f32);

fn pool(back: &Back<'_>, add: Add) -> Result<Gradients, Reason> {
    let call = back.call;
    let Attributes::Window(window) = call.attributes() else { return Err(call.unlike()) };
    let &[taps_y, taps_x] = &window.size[..] else { return Err(call.unlike()) };
    let x = call.input_of(0, 4)?;
    let &[_, height, width, channels] = x.shape() else { return Err(call.unlike()) };
    let (rows, columns) = (span(window, 0, height, taps_y)?, span(window, 1, width, taps_x)?);
    let x = x.elements::<f32>()?;
    let mut all = vec![0.0; x.len()];
    let (of_image, of_output) = (height * width * channels, rows.windows * columns.windows * channels);
    if of_image == 0 || of_output == 0 {
        return Ok(back.only(0, all));
    }
    let mut taken = Vec::new();
    let images = all.chunks_mut(of_image).zip(x.chunks(of_image)).zip(back.gradient()?.chunks(of_output));
    for ((image, x), gradient) in images {
        for (window, gradient) in gradient.chunks_exact(channels).enumerate() {
            let (taps_y, from_y) = rows.on_input(window / columns.windows);
            let (taps_x, from_x) = columns.on_input(window % columns.windows);
            taken.clear();
            for i in 0..taps_y.len() {
                let first = ((from_y + i * rows.dilation) * width + from_x) * channels;
                taken.extend((0..taps_x.len()).map(|j| first + j * columns.dilation * channels));
            }
            for (channel, &g) in gradient.iter().enumerate() {
                add(image, &taken, channel, x, g);
            }
        }
    }
    Ok(back.only(0, all))
}

pub(super) fn bilinear(back: &Back<'_>) -> Result<Gradients, Reason> {
    let x = back.call.input_of(0, 4)?;
    let [rows, columns] = weights(back.call)?;
    let &[_, height, width, channels] = x.shape() else { return Err(back.call.unlike()) };
    let (line, of_image) = (width * channels, height * width * channels);
    let mut all = vec![0.0; x.len()];
    let of_output = rows.len() * columns.len() * channels;
    if of_image == 0 || of_output == 0 {
        return Ok(back.only(0, all));
    }
    for (image, gradient) in all.chunks_mut(of_image).zip(back.gradient()?.chunks(of_output)) {
        let places = rows.iter().flat_map(|row| columns.iter().map(move |column| (row, column)));
        for ((&(top, bottom, y), &(left, right, x)), gradient) in places.zip(gradient.chunks_exact(channels)) {
            let corners = [
                (top * line + left * channels, (1.0 - y) * (1.0 - x)),
                (top * line + right * channels, (1.0 - y) * x),
                (bottom * line + left * channels, y * (1.0 - x)),
                (bottom * line + right * channels, y * x),
            ];
            for (at, weight) in corners {
                image[at..at + channels].iter_mut().zip(gradient).for_each(|(sum, g)| *sum += weight * g);
            }
        }
    }
    Ok(back.only(0, all))
}
