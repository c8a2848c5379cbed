//! Convolutions: patches of the input as rows of a matrix, times the filters as columns of another.
//!
//! 1. Patches are laid out for as many windows at once as stay in a CPU's cache ([`TILE`]), and no more: a whole image of
//!    patches would be written to memory and read back.
//! 2. A filter of one element that moves by one has the input itself as its patches.
//! 3. The product is `matrixmultiply`'s, by way of `ndarray`.

use super::matrix::{add_bias, product, quantized_rows};
use super::window::{Span, activate, span};
use crate::call::Call;
use crate::tensor::{Reason, Tensor};
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, Axis, Slice};
use std::borrow::Cow;
use tensor_quant::graph::{Attributes, Window};

/// Elements of patches that are laid out at once: 256 KiB.
const TILE: usize = 1 << 16;

/// The lengths of a convolution.
#[derive(Debug)]
pub(super) struct Sizes {
    pub(super) channels: usize,
    pub(super) groups: usize,
    pub(super) outputs: usize,
    pub(super) rows: Span,
    pub(super) columns: Span,
}

/// The patches of an image that a convolution's filters are multiplied with.
#[derive(Debug)]
pub(crate) struct Patches {
    sizes: Sizes,
    image: usize,
    patch: usize,
}

impl Patches {
    /// Returns those of a convolution without groups, of filters and inputs of these shapes; `None` where they do not fit.
    pub(crate) fn new(window: &Window, filter: &[usize], input: &[usize]) -> Option<Self> {
        let (&[outputs, taps_y, taps_x, depth], &[_, height, width, channels]) = (filter, input) else { return None };
        if depth != channels || depth == 0 {
            return None;
        }
        let (rows, columns) = (span(window, 0, height, taps_y).ok()?, span(window, 1, width, taps_x).ok()?);
        let sizes = Sizes { channels, groups: 1, outputs, rows, columns };
        Some(Self { sizes, image: height * width * channels, patch: taps_y * taps_x * depth })
    }

    /// Returns how many there are in a batch of so many elements.
    pub(crate) fn count(&self, elements: usize) -> usize {
        elements.checked_div(self.image).unwrap_or(0) * self.sizes.rows.windows * self.sizes.columns.windows
    }

    /// Lays out one of them.
    pub(crate) fn lay_out(&self, batch: &[f32], number: usize, patch: &mut [f32]) {
        let windows = self.sizes.rows.windows * self.sizes.columns.windows;
        let image = batch.get(number / windows * self.image..).and_then(|rest| rest.get(..self.image));
        if let (Some(image), true) = (image, patch.len() == self.patch) {
            lay_out(image, &self.sizes, 0, number % windows, patch);
        }
    }
}

/// Filters are OHWI; more channels than a filter has are groups.
pub(super) fn conv(call: &Call<'_>) -> Result<Vec<Tensor>, Reason> {
    let Attributes::Window(window) = call.attributes() else { return Err(call.unlike()) };
    let (x, filter) = (call.input_of(0, 4)?, call.input_of(1, 4)?);
    let &[batch, height, width, channels] = x.shape() else { return Err(call.unlike()) };
    let &[outputs, taps_y, taps_x, depth] = filter.shape() else { return Err(call.unlike()) };
    if depth == 0 || channels % depth != 0 || !outputs.is_multiple_of(channels / depth.max(1)) {
        return Err(format!("{channels} channels and filters of shape {:?}", filter.shape()));
    }
    let groups = channels / depth;
    let (rows, columns) = (span(window, 0, height, taps_y)?, span(window, 1, width, taps_x)?);
    let shape = vec![batch, rows.windows, columns.windows, outputs];
    let len = call.room(&shape)?;
    call.work(&[len, taps_y, taps_x, depth])?;
    let filters = filter.elements::<f32>()?;
    let mut x: Cow<'_, [f32]> = Cow::Borrowed(x.elements()?);
    if call.is_dynamic_range(0, 1) {
        x = Cow::Owned(quantized_rows(&x, batch, true));
    }

    let mut out = vec![0.0; len];
    let windows = rows.windows * columns.windows;
    let sizes = Sizes { channels, groups, outputs, rows, columns };
    let patch = taps_y * taps_x * depth;
    let is_input_itself = taps_y * taps_x == 1
        && groups == 1
        && [rows, columns].iter().all(|span| span.stride == 1 && span.before == 0 && span.windows == span.len);
    if len > 0 && is_input_itself {
        product(&x, filters, batch * windows, patch, &mut out, outputs)?;
    } else if len > 0 {
        let tile = (TILE / patch.max(1)).clamp(8, windows.max(8)).min(windows);
        let mut patches = vec![0.0; tile * patch];
        for (image, out) in x.chunks(height * width * channels).zip(out.chunks_mut(windows * outputs)) {
            for first in (0..windows).step_by(tile) {
                let count = tile.min(windows - first);
                let out = &mut out[first * outputs..(first + count) * outputs];
                for group in 0..groups {
                    let patches = &mut patches[..count * patch];
                    lay_out(image, &sizes, group, first, patches);
                    let of_group = outputs / groups;
                    let filters = &filters[group * of_group * patch..(group + 1) * of_group * patch];
                    if groups == 1 {
                        product(patches, filters, count, patch, out, outputs)?;
                    } else {
                        grouped_product(patches, filters, count, patch, out, (&sizes, group))?;
                    }
                }
            }
        }
    }
    if let Some(bias) = call.optional(2) {
        add_bias(&mut out, bias.elements()?, outputs)?;
    }
    activate(&mut out, window.activation);
    Ok(vec![Tensor::of(shape, out)?])
}

/// Lays out the patches of windows from `first` on.
fn lay_out(image: &[f32], sizes: &Sizes, group: usize, first: usize, patches: &mut [f32]) {
    let Sizes { channels, groups, rows, columns, .. } = *sizes;
    let depth = channels / groups;
    let (line, patch) = (columns.len * channels, rows.taps * columns.taps * depth);
    for (number, patch) in patches.chunks_mut(patch).enumerate() {
        let window = first + number;
        let (taps_y, y) = rows.on_input(window / columns.windows);
        let (taps_x, x) = columns.on_input(window % columns.windows);
        let is_whole = taps_y.len() == rows.taps && taps_x.len() == columns.taps;
        if !is_whole {
            patch.fill(0.0);
        }
        if taps_x.is_empty() {
            continue;
        }
        for (number, tap_y) in taps_y.enumerate() {
            let from = (y + number * rows.dilation) * line + x * channels;
            let to = (tap_y * columns.taps + taps_x.start) * depth;
            if columns.dilation == 1 && groups == 1 {
                let run = taps_x.len() * channels;
                patch[to..to + run].copy_from_slice(&image[from..from + run]);
            } else {
                for number in 0..taps_x.len() {
                    let from = from + number * columns.dilation * channels + group * depth;
                    let to = to + number * depth;
                    patch[to..to + depth].copy_from_slice(&image[from..from + depth]);
                }
            }
        }
    }
}

/// Adds patches of windows from `first` on to where they were laid out from.
pub(super) fn add_back(image: &mut [f32], sizes: &Sizes, group: usize, first: usize, patches: &[f32]) {
    let Sizes { channels, groups, rows, columns, .. } = *sizes;
    let depth = channels / groups;
    let (line, patch) = (columns.len * channels, rows.taps * columns.taps * depth);
    for (number, patch) in patches.chunks(patch).enumerate() {
        let window = first + number;
        let (taps_y, y) = rows.on_input(window / columns.windows);
        let (taps_x, x) = columns.on_input(window % columns.windows);
        for (number, tap_y) in taps_y.enumerate() {
            let to = (y + number * rows.dilation) * line + x * channels + group * depth;
            for (number, tap_x) in taps_x.clone().enumerate() {
                let from = (tap_y * columns.taps + tap_x) * depth;
                let to = to + number * columns.dilation * channels;
                image[to..to + depth].iter_mut().zip(&patch[from..from + depth]).for_each(|(sum, x)| *sum += x);
            }
        }
    }
}

/// out = patches · filtersᵀ, into the channels of one group.
fn grouped_product(
    patches: &[f32],
    filters: &[f32],
    count: usize,
    depth: usize,
    out: &mut [f32],
    (sizes, group): (&Sizes, usize),
) -> Result<(), Reason> {
    let of_group = sizes.outputs / sizes.groups;
    let patches = ArrayView2::from_shape((count, depth), patches).map_err(|e| e.to_string())?;
    let filters = ArrayView2::from_shape((of_group, depth), filters).map_err(|e| e.to_string())?;
    let mut out = ArrayViewMut2::from_shape((count, sizes.outputs), out).map_err(|e| e.to_string())?;
    let mut out = out.slice_axis_mut(Axis(1), Slice::from(group * of_group..(group + 1) * of_group));
    general_mat_mul(1.0, &patches, &filters.t(), 0.0, &mut out);
    Ok(())
}
