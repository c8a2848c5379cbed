//! Convolutions backwards: each input element times all filters, added where the window lies on the output.

use super::matrix::{add_bias, product};
use super::window::activate;
use crate::call::Call;
use crate::tensor::{MAX_ELEMENTS, Reason, Tensor, count_of};
use tensor_quant::graph::{Attributes, Padding};

/// Inputs: the shape of the output, filters as OHWI, values, a bias.
pub(super) fn transpose_conv(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let Attributes::Window(window) = call.attributes() else { return Err(call.unlike()) };
    let shape = call.integers(0)?.into_iter().map(count_of).collect::<Result<Vec<_>, _>>()?;
    let (filter, x) = (call.input_of(1, 4)?, call.input_of(2, 4)?);
    let &[outputs, taps_y, taps_x, depth] = filter.shape() else { return Err(call.unlike()) };
    let &[batch, height, width, channels] = x.shape() else { return Err(call.unlike()) };
    let &[out_batch, out_height, out_width, out_channels] = &shape[..] else {
        return Err(format!("{shape:?} is no shape of an image"));
    };
    if depth != channels || out_channels != outputs || out_batch != batch {
        return Err(format!("{:?} times {:?} gives no {shape:?}", x.shape(), filter.shape()));
    }
    let &[stride_y, stride_x] = &window.strides[..] else { return Err(call.unlike()) };
    if [stride_y, stride_x, taps_y, taps_x].iter().any(|&n| n == 0 || n > MAX_ELEMENTS) {
        return Err(format!("strides {:?} and filters {:?}", window.strides, filter.shape()));
    }
    let len = call.room(&shape)?;
    let patch = outputs * taps_y * taps_x;
    call.work(&[batch, height, width, patch, depth])?;
    call.room(&[height, width, patch])?;
    let ([before_y, before_x], _) = placing(call)?;

    let (x, filter) = (x.elements::<f32>()?, filter.elements::<f32>()?);
    let mut out = vec![0.0; len];
    if len > 0 && !x.is_empty() {
        let positions = height * width;
        let mut patches = vec![0.0; positions * patch];
        for (image, out) in x.chunks(positions * channels).zip(out.chunks_mut(len / batch)) {
            product(image, filter, positions, depth, &mut patches, patch)?;
            for (position, patch) in patches.chunks_exact(patch).enumerate() {
                let (y, x) = (position / width * stride_y, position % width * stride_x);
                // A patch is OHW.
                for (tap, value) in patch.iter().enumerate() {
                    let (o, tap_y, tap_x) = (tap / (taps_y * taps_x), tap / taps_x % taps_y, tap % taps_x);
                    let (Some(y), Some(x)) = ((y + tap_y).checked_sub(before_y), (x + tap_x).checked_sub(before_x))
                    else {
                        continue;
                    };
                    if y < out_height && x < out_width {
                        out[(y * out_width + x) * outputs + o] += value;
                    }
                }
            }
        }
    }
    if let Some(bias) = call.optional(3) {
        add_bias(&mut out, bias.elements()?, outputs)?;
    }
    activate(&mut out, window.activation);
    Ok(vec![Tensor::of(shape, out)?])
}

/// Returns how far the first element's filters begin before the output, and the strides, along both axes.
pub(super) fn placing(call: &Call<'_>) -> Result<([usize; 2], [usize; 2]), Reason> {
    let Attributes::Window(window) = call.attributes() else { return Err(call.unlike()) };
    let shape = call.integers(0)?.into_iter().map(count_of).collect::<Result<Vec<_>, _>>()?;
    let &[stride_y, stride_x] = &window.strides[..] else { return Err(call.unlike()) };
    let (&[_, taps_y, taps_x, _], &[_, height, width, _], &[_, out_height, out_width, _]) =
        (call.input_of(1, 4)?.shape(), call.input_of(2, 4)?.shape(), &shape[..])
    else {
        return Err(call.unlike());
    };
    let before = |axis: usize, len: usize, stride: usize, taps: usize, out: usize| match &window.padding {
        Padding::Explicit(lengths) => lengths.get(axis).map_or(0, |lengths| lengths[0]),
        Padding::Valid => 0,
        Padding::Same => (len.saturating_sub(1) * stride + taps).saturating_sub(out) / 2,
    };
    let before = [before(0, height, stride_y, taps_y, out_height), before(1, width, stride_x, taps_x, out_width)];
    Ok((before, [stride_y, stride_x]))
}
