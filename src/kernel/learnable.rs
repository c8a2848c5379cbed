//! Fake quantization with a scale and zero point that are learnt: results, and gradients of all that is learnt.
//!
//! ```text
//! c = round(x · inverse) + z        y = (clamp(c) − z) · scale        ∂/∂x = inside ? g : 0
//! ∂/∂scale = Σ g · (inside ? (y − x) · inverse : clamp(c) − z)        ∂/∂z = Σ inside ? 0 : −g · scale
//! ```
//!
//! What is done to an element is vectorised, a tile at a time; the terms are added one after another, in f64: the order is part of the
//! definition, and takes the time of two such sums.

use super::elementwise::TILE;
use super::level::dispatch;
use crate::num::ties_even;
use fearless_simd::{Level, Simd};

/// What elements are mapped with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Learnt {
    pub(crate) scale: f32,
    /// A whole number.
    pub(crate) zero_point: f32,
    /// The smallest and the largest code.
    pub(crate) ends: (f32, f32),
}

/// Writes results and the gradients of elements, and returns those of scale and zero point. All slices are equally long.
pub(crate) fn learnable(
    level: Level,
    (x, gradient): (&[f32], &[f32]),
    learnt: Learnt,
    y: &mut [f32],
    grad_x: &mut [f32],
) -> (f64, f64) {
    let mut sums = (0.0_f64, 0.0_f64);
    let (mut by_scale, mut by_zero_point) = ([0.0_f32; TILE], [0.0_f32; TILE]);
    let outs = y.chunks_mut(TILE).zip(grad_x.chunks_mut(TILE));
    for ((x, gradient), (y, grad_x)) in x.chunks(TILE).zip(gradient.chunks(TILE)).zip(outs) {
        let n = x.len();
        let terms = (&mut by_scale[..n], &mut by_zero_point[..n]);
        dispatch!(level, simd => body(simd, (x, gradient), learnt, (y, grad_x), terms));
        for (by_scale, by_zero_point) in by_scale[..n].iter().zip(&by_zero_point[..n]) {
            sums.0 += f64::from(*by_scale);
            sums.1 += f64::from(*by_zero_point);
        }
    }
    sums
}

#[inline(always)]
fn body<S: Simd>(
    _simd: S,
    (x, gradient): (&[f32], &[f32]),
    learnt: Learnt,
    (y, grad_x): (&mut [f32], &mut [f32]),
    (by_scale, by_zero_point): (&mut [f32], &mut [f32]),
) {
    let Learnt { scale, zero_point: z, ends: (qmin, qmax) } = learnt;
    let inverse = 1.0 / scale;
    let n = x.len();
    let (gradient, y, grad_x) = (&gradient[..n], &mut y[..n], &mut grad_x[..n]);
    let (by_scale, by_zero_point) = (&mut by_scale[..n], &mut by_zero_point[..n]);
    for i in 0..n {
        let (x, gradient) = (x[i], gradient[i]);
        let code = ties_even(x * inverse) + z;
        let clamped = if code < qmin { qmin } else { code };
        let clamped = if clamped > qmax { qmax } else { clamped };
        let restored = (clamped - z) * scale;
        let inside = (code >= qmin) & (code <= qmax);
        y[i] = restored;
        grad_x[i] = gradient * if inside { 1.0 } else { 0.0 };
        by_scale[i] = gradient * if inside { (restored - x) * inverse } else { clamped - z };
        by_zero_point[i] = if inside { 0.0 } else { gradient * -scale };
    }
}
