//! Products with weights, backwards: gradients of the activations.

use super::super::convolution::{Sizes, add_back};
use super::super::window::span;
use super::{Back, Gradients, reduced};
use crate::call::Call;
use crate::tensor::{Reason, Tensor};
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, Axis, Slice};
use tensor_quant::graph::{Attributes, Op};

/// Elements of patches that are made at once.
const TILE: usize = 1 << 16;

fn matrix(rows: usize, columns: usize, elements: &[f32]) -> Result<ArrayView2<'_, f32>, Reason> {
    ArrayView2::from_shape((rows, columns), elements).map_err(|e| e.to_string())
}

/// Each output position gives its filters, weighed by its gradients, to the patch that it saw.
pub(super) fn conv(back: &Back<'_>) -> Result<Gradients, Reason> {
    let call = back.call;
    let Attributes::Window(window) = call.attributes() else { return Err(call.unlike()) };
    let (x, filter) = (call.input_of(0, 4)?, call.input_of(1, 4)?);
    let &[_, height, width, channels] = x.shape() else { return Err(call.unlike()) };
    let &[outputs, taps_y, taps_x, depth] = filter.shape() else { return Err(call.unlike()) };
    let groups = channels.checked_div(depth).filter(|&groups| groups > 0).ok_or_else(|| call.unlike())?;
    let (rows, columns) = (span(window, 0, height, taps_y)?, span(window, 1, width, taps_x)?);
    let (windows, patch) = (rows.windows * columns.windows, taps_y * taps_x * depth);
    let filters = filter.elements::<f32>()?;
    let mut all = vec![0.0; x.len()];
    let of_image = height * width * channels;
    if of_image > 0 && windows * outputs > 0 && patch > 0 {
        let sizes = Sizes { channels, groups, outputs, rows, columns };
        let tile = (TILE / patch).clamp(8, windows.max(8)).min(windows);
        let mut patches = vec![0.0; tile * patch];
        let of_group = outputs / groups;
        for (image, gradient) in all.chunks_mut(of_image).zip(back.gradient()?.chunks_exact(windows * outputs)) {
            for first in (0..windows).step_by(tile) {
                let count = tile.min(windows - first);
                let gradient = matrix(count, outputs, &gradient[first * outputs..(first + count) * outputs])?;
                for group in 0..groups {
                    let gradient = gradient.slice_axis(Axis(1), Slice::from(group * of_group..(group + 1) * of_group));
                    let filters = &filters[group * of_group * patch..(group + 1) * of_group * patch];
                    let filters = matrix(of_group, patch, filters)?;
                    let patches = &mut patches[..count * patch];
                    let mut made =
                        ArrayViewMut2::from_shape((count, patch), &mut *patches).map_err(|e| e.to_string())?;
                    general_mat_mul(1.0, &gradient, &filters, 0.0, &mut made);
                    add_back(image, &sizes, group, first, patches);
                }
            }
        }
    }
    Ok(back.only(0, all))
}

pub(super) fn depthwise_conv(back: &Back<'_>) -> Result<Gradients, Reason> {
    let call = back.call;
    let Attributes::Window(window) = call.attributes() else { return Err(call.unlike()) };
    let (x, filter) = (call.input_of(0, 4)?, call.input_of(1, 4)?);
    let &[_, height, width, channels] = x.shape() else { return Err(call.unlike()) };
    let &[_, taps_y, taps_x, outputs] = filter.shape() else { return Err(call.unlike()) };
    let (rows, columns) = (span(window, 0, height, taps_y)?, span(window, 1, width, taps_x)?);
    let filter = filter.elements::<f32>()?;
    let mut all = vec![0.0; x.len()];
    let (of_image, of_output) = (height * width * channels, rows.windows * columns.windows * outputs);
    if of_image == 0 || of_output == 0 || !outputs.is_multiple_of(channels) {
        return Ok(back.only(0, all));
    }
    let multiplier = outputs / channels;
    for (image, gradient) in all.chunks_mut(of_image).zip(back.gradient()?.chunks_exact(of_output)) {
        for (window, gradient) in gradient.chunks_exact(outputs).enumerate() {
            let (taps_y, y) = rows.on_input(window / columns.windows);
            let (taps_x, x) = columns.on_input(window % columns.windows);
            for (i, tap_y) in taps_y.enumerate() {
                for (j, tap_x) in taps_x.clone().enumerate() {
                    let at = ((y + i * rows.dilation) * width + x + j * columns.dilation) * channels;
                    let weights = &filter[(tap_y * columns.taps + tap_x) * outputs..][..outputs];
                    let products = gradient.chunks_exact(multiplier).zip(weights.chunks_exact(multiplier));
                    for (sum, (g, w)) in image[at..at + channels].iter_mut().zip(products) {
                        *sum += g.iter().zip(w).map(|(g, w)| g * w).sum::<f32>();
                    }
                }
            }
        }
    }
    Ok(back.only(0, all))
}

/// The adjoint of a convolution backwards is the convolution: each element of the input sees the filters' patch of the gradient.
pub(super) fn transpose_conv(back: &Back<'_>) -> Result<Gradients, Reason> {
    let call = back.call;
    let x = call.input_of(2, 4)?;
    let &[_, height, width, channels] = x.shape() else { return Err(call.unlike()) };
    let filter = call.input_of(1, 4)?;
    let &[outputs, taps_y, taps_x, depth] = filter.shape() else { return Err(call.unlike()) };
    let (before, strides) = super::super::transpose_convolution::placing(call)?;
    let &[_, out_height, out_width, _] = back.output()?.shape() else { return Err(call.unlike()) };
    let (filter, gradient) = (filter.elements::<f32>()?, back.gradient()?);
    let mut all = vec![0.0; x.len()];
    let of_output = out_height * out_width * outputs;
    if of_output == 0 || depth != channels || channels == 0 {
        return Ok(back.only(2, all));
    }
    for (image, gradient) in all.chunks_mut((height * width * channels).max(1)).zip(gradient.chunks_exact(of_output)) {
        for (position, pixel) in image.chunks_exact_mut(channels).enumerate() {
            let corner = [position / width * strides[0], position % width * strides[1]];
            for (row, weights) in filter.chunks_exact(channels).enumerate() {
                let (o, tap_y, tap_x) = (row / (taps_y * taps_x), row / taps_x % taps_y, row % taps_x);
                let y = (corner[0] + tap_y).checked_sub(before[0]).filter(|&y| y < out_height);
                let x = (corner[1] + tap_x).checked_sub(before[1]).filter(|&x| x < out_width);
                let (Some(y), Some(x)) = (y, x) else { continue };
                let g = gradient[(y * out_width + x) * outputs + o];
                pixel.iter_mut().zip(weights).for_each(|(sum, w)| *sum += g * w);
            }
        }
    }
    Ok(back.only(2, all))
}

pub(super) fn fully_connected(back: &Back<'_>) -> Result<Gradients, Reason> {
    let (x, weights) = (back.call.input(0)?, back.call.input_of(1, 2)?);
    let &[outputs, depth] = weights.shape() else { return Err(back.call.unlike()) };
    let rows = x.len().checked_div(depth).unwrap_or(0);
    let mut all = vec![0.0; x.len()];
    if rows > 0 && outputs > 0 {
        let mut made = ArrayViewMut2::from_shape((rows, depth), &mut all).map_err(|e| e.to_string())?;
        let (gradient, weights) =
            (matrix(rows, outputs, back.gradient()?)?, matrix(outputs, depth, weights.elements()?)?);
        general_mat_mul(1.0, &gradient, &weights, 0.0, &mut made);
    }
    Ok(back.only(0, all))
}

/// Of Y = A B: G Bᵀ and Aᵀ G, which are products of matrices as well.
pub(super) fn mat_mul(back: &Back<'_>) -> Result<Gradients, Reason> {
    let &Attributes::MatMul { adjoint, .. } = back.call.attributes() else { return Err(back.call.unlike()) };
    let (a, b) = (back.call.input(0)?, back.call.input(1)?);
    let gradient = Tensor::of(back.output()?.shape().to_vec(), back.gradient()?.to_vec())?;
    // What each side is the product of, and which of those stand with their last two axes swapped.
    let of_sides = match adjoint {
        [false, false] => [(&gradient, b, [false, true]), (a, &gradient, [true, false])],
        [true, false] => [(b, &gradient, [false, true]), (a, &gradient, [false, false])],
        [false, true] => [(&gradient, b, [false, false]), (&gradient, a, [true, false])],
        [true, true] => [(b, &gradient, [true, true]), (&gradient, a, [true, true])],
    };
    let of_side = |number: usize| {
        if !back.is_wanted(number) {
            return Ok(None);
        }
        let (left, right, adjoint) = of_sides[number];
        let mut operator = back.call.operator.clone();
        operator.attributes = Attributes::MatMul { adjoint, asymmetric: false };
        let inputs = [Some(left.clone()), Some(right.clone())];
        let call = Call { operator: &operator, inputs: &inputs, input_types: &[None, None], grid: None, ..*back.call };
        let compute = super::super::compute(Op::MatMul).ok_or("this runner lacks it")?;
        let made = compute(&call)?.into_iter().next().ok_or("it has no output")?;
        let side = if number == 0 { a } else { b };
        reduced(made.elements()?, made.shape(), side.shape()).map(Some)
    };
    [0, 1].into_iter().map(of_side).collect()
}
