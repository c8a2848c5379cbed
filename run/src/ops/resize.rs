//! Images at another resolution.

use crate::call::Call;
use crate::tensor::{Reason, Tensor, count_of};
use crate::view::take;
use tensor_quant::graph::Attributes;

/// How positions of an output are found on its input, along one axis.
struct Steps {
    scale: f32,
    align_corners: bool,
    half_pixel: bool,
    len: usize,
    out: usize,
}

fn steps(call: &Call<'_>) -> Result<[Steps; 2], Reason> {
    let &Attributes::Resize { align_corners, half_pixel } = call.attributes() else { return Err(call.unlike()) };
    let &[_, height, width, _] = call.input_of(0, 4)?.shape() else { return Err(call.unlike()) };
    let &[out_height, out_width] = &call.integers(1)?[..] else { return Err("a size that is no two numbers".into()) };
    let along = |len: usize, out: i64| {
        let out = count_of(out)?;
        if len == 0 || out == 0 {
            return Err(format!("{len} elements resized to {out}"));
        }
        let is_aligned = align_corners && out > 1;
        let scale = if is_aligned { (len - 1) as f32 / (out - 1) as f32 } else { len as f32 / out as f32 };
        Ok(Steps { scale, align_corners, half_pixel, len, out })
    };
    Ok([along(height, out_height)?, along(width, out_width)?])
}

pub(super) fn nearest(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let [rows, columns] = steps(call)?;
    let &[batch, _, _, channels] = x.shape() else { return Err(call.unlike()) };
    call.room(&[batch, rows.out, columns.out, channels])?;
    call.room(&[batch, rows.out, columns.len, channels])?;
    let positions = |steps: &Steps| -> Vec<usize> {
        let offset = if steps.half_pixel { 0.5 } else { 0.0 };
        let place = |i: usize| {
            let at = (i as f32 + offset) * steps.scale;
            let at = if steps.align_corners { at.round() } else { at.floor() };
            (at.max(0.0) as usize).min(steps.len - 1)
        };
        (0..steps.out).map(place).collect()
    };
    Ok(vec![take(&take(x, 1, &positions(&rows))?, 2, &positions(&columns))?])
}

/// The neighbours of a position, and how near the second is.
fn neighbours(steps: &Steps) -> Neighbours {
    let place = |i: usize| {
        let at = if steps.half_pixel { (i as f32 + 0.5) * steps.scale - 0.5 } else { i as f32 * steps.scale };
        let lower = (at.floor().max(0.0) as usize).min(steps.len - 1);
        let upper = (at.ceil().max(0.0) as usize).min(steps.len - 1);
        (lower, upper, at - lower as f32)
    };
    (0..steps.out).map(place).collect()
}

/// For each place of the output, along one axis, its neighbours on the input and how near the second is.
pub(super) type Neighbours = Vec<(usize, usize, f32)>;

/// Returns the neighbours of each row and of each column of the output.
pub(super) fn weights(call: &Call<'_>) -> Result<[Neighbours; 2], Reason> {
    Ok(steps(call)?.map(|steps| neighbours(&steps)))
}

pub(super) fn bilinear(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let x = call.input(0)?;
    let [rows, columns] = steps(call)?;
    let &[batch, height, width, channels] = x.shape() else { return Err(call.unlike()) };
    let shape = vec![batch, rows.out, columns.out, channels];
    let len = call.room(&shape)?;
    let x = x.elements::<f32>()?;
    let mut out = Vec::with_capacity(len);
    let (rows, columns) = (neighbours(&rows), neighbours(&columns));
    let line = width * channels;
    for image in x.chunks((height * line).max(1)) {
        for &(top, bottom, y) in &rows {
            let (top, bottom) = (&image[top * line..][..line], &image[bottom * line..][..line]);
            for &(left, right, x) in &columns {
                let (left, right) = (left * channels, right * channels);
                let corners = top[left..left + channels]
                    .iter()
                    .zip(&top[right..right + channels])
                    .zip(bottom[left..left + channels].iter().zip(&bottom[right..right + channels]));
                out.extend(corners.map(|((a, b), (c, d))| {
                    a * (1.0 - y) * (1.0 - x) + b * (1.0 - y) * x + c * y * (1.0 - x) + d * y * x
                }));
            }
        }
    }
    Ok(vec![Tensor::of(shape, out)?])
}
