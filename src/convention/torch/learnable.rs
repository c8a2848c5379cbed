//! Fake quantization with a scale and zero point that are learnt (LSQ).

use crate::error::{Error, Result};
use crate::kernel::{Learnt, detect, learnable};
use crate::num::ties_even;
use crate::params::CodeRange;
use alloc::vec;
use alloc::vec::Vec;
use num_traits::Float;

/// What fake quantization with a learnable scale and zero point gives, forward and backward.
#[derive(Clone, Debug, PartialEq)]
pub struct Learnable {
    /// The restored values.
    pub y: Vec<f32>,
    /// The gradient that flows back to the values.
    pub grad_x: Vec<f32>,
    /// The gradient of the scale.
    pub grad_scale: f32,
    /// The gradient of the zero point.
    pub grad_zero_point: f32,
}

/// Returns the result and gradients of `_fake_quantize_learnable_per_tensor_affine` for one group of values (LSQ; Esser et
/// al. 2020).
///
/// The zero point is rounded to a code first. For a value inside the codes the gradient flows back to it, and
/// `((q − z) · s − x) / s` of it to the scale; below them `qmin − z` flows to the scale and `−s` to the zero point, above
/// them `qmax − z` and `−s`. Both sums are multiplied with `grad_factor`, and kept in f64.
///
/// # Errors
///
/// [`Error::LengthMismatch`], and [`Error::InvalidScale`] for a scale that is not positive and finite.
pub fn fake_quantize_learnable(
    x: &[f32],
    gradient: &[f32],
    scale: f32,
    zero_point: f32,
    codes: CodeRange,
    grad_factor: f32,
) -> Result<Learnable> {
    if x.len() != gradient.len() {
        return Err(Error::LengthMismatch { what: "the gradient", expected: x.len(), actual: gradient.len() });
    }
    if !(scale > 0.0 && scale.is_finite()) {
        return Err(Error::InvalidScale { scale: f64::from(scale), group: 0 });
    }
    let (qmin, qmax) = (codes.min() as f32, codes.max() as f32);
    let z = ties_even(zero_point).clamp(qmin, qmax);
    let (mut y, mut grad_x) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    let learnt = Learnt { scale, zero_point: z, ends: (qmin, qmax) };
    let (grad_scale, grad_zero_point) = learnable(detect(), (x, gradient), learnt, &mut y, &mut grad_x);
    let factor = f64::from(grad_factor);
    let (grad_scale, grad_zero_point) = ((grad_scale * factor) as f32, (grad_zero_point * factor) as f32);
    Ok(Learnable { y, grad_x, grad_scale, grad_zero_point })
}

/// Returns the factor that LSQ scales gradients with, `1 / √(values · qmax)`.
pub fn lsq_grad_factor(values: usize, codes: CodeRange) -> f32 {
    1.0 / Float::sqrt(values as f32 * codes.max() as f32)
}
