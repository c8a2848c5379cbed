//! PyTorch: quantized tensors, observers' parameters, and fake quantization.

use crate::error::{Error, Result};
use crate::num::{Code, Rounding, Scaling, TiesEven};
use crate::params::{AffineParams, CodeRange, ParamsCalculator, ValueRange};
use crate::tensor::Scheme;
use alloc::vec::Vec;
use num_traits::Float;

/// Returns the scheme of `quantize_per_tensor` and `quantize_per_channel`, of `fake_quantize_*` and of the decomposed
/// operators: `clamp(rint(x · (1 / scale)) + zero_point)`.
///
/// Its calculator is [`Affine`], as of `MinMaxObserver`.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{Scheme, convention::torch, params::QuantParams, quantize_with_params};
///
/// let (x, params) = (array![2.25_f32], QuantParams::per_tensor::<i8>(0.3, 0)?);
/// let q = quantize_with_params(x.view(), params.clone(), &torch::scheme::<i8>())?;
/// assert_eq!(q.codes(), &array![8_i8]); // 2.25 · (1 / 0.3) is 7.5
/// let q = quantize_with_params(x.view(), params, &Scheme::<i8>::symmetric())?;
/// assert_eq!(q.codes(), &array![7_i8]); // 2.25 / 0.3 is 7.4999995
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn scheme<C: Code>() -> Scheme<C, crate::range::MinMax, Affine> {
    Scheme::<C>::affine().with_calculator(Affine::default()).with_scaling(Scaling::Reciprocal)
}

/// The affine parameters of PyTorch's observers and of torchao: `scale = (max − min) / (qmax − qmin)` over the range with
/// zero, at least `eps`; `zero_point = clamp(qmin − rint(min / scale))`. In f32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// The smallest scale.
    pub eps: f32,
}

/// The symmetric parameters of PyTorch's observers and of torchao: `scale = max|x| / ((qmax − qmin) / 2)`, at least `eps`;
/// the zero point is the middle code. In f32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Symmetric {
    /// The smallest scale.
    pub eps: f32,
    /// Which end of the range counts.
    pub clipping: Clipping,
}

/// How a symmetric range meets codes of which there is one more below zero than above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clipping {
    /// Half of the codes' width is max|x|: the largest positive value is clipped by half a step.
    #[default]
    HalfAStep,
    /// Neither end is clipped: `scale = max(min / qmin, max / qmax)`. torchao's `SYMMETRIC_NO_CLIPPING_ERR`.
    Never,
}

impl Default for Affine {
    /// With the `eps` of PyTorch, 2⁻²³.
    fn default() -> Self {
        Self { eps: f32::EPSILON }
    }
}

impl Default for Symmetric {
    /// With the `eps` of PyTorch, 2⁻²³.
    fn default() -> Self {
        Self { eps: f32::EPSILON, clipping: Clipping::HalfAStep }
    }
}

impl ParamsCalculator for Affine {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        let range = range.with_zero();
        let (qmin, qmax) = (codes.min() as f32, codes.max() as f32);
        let scale = ((range.max() - range.min()).min(f32::MAX) / (qmax - qmin)).max(self.eps);
        let zero_point = (qmin - ties_even(range.min() / scale)).clamp(qmin, qmax);
        AffineParams::new(f64::from(scale), zero_point as i32)
    }
}

impl ParamsCalculator for Symmetric {
    fn params(&self, range: ValueRange, codes: CodeRange) -> Result<AffineParams> {
        let range = range.with_zero();
        let (qmin, qmax) = (codes.min() as f32, codes.max() as f32);
        let scale = match self.clipping {
            Clipping::HalfAStep => range.max_abs() / ((qmax - qmin) / 2.0),
            Clipping::Never if qmin < 0.0 => (range.min() / qmin).max(range.max() / qmax),
            Clipping::Never => range.max() / qmax,
        };
        // The middle of the codes, rounded up: 0 for −128..=127 and for −127..=127, 128 for 0..=255.
        let middle = ((codes.max() + codes.min() + 1.0) / 2.0) as i32;
        AffineParams::new(f64::from(scale.max(self.eps)), middle)
    }
}

#[inline(always)]
pub(super) fn ties_even(x: f32) -> f32 {
    TiesEven.round(x, 0)
}

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
    let inverse = 1.0 / scale;
    let (mut y, mut grad_x) = (Vec::with_capacity(x.len()), Vec::with_capacity(x.len()));
    let (mut grad_scale, mut grad_zero_point) = (0.0_f64, 0.0_f64);
    for (&x, &gradient) in x.iter().zip(gradient) {
        let code = ties_even(x * inverse) + z;
        let clamped = code.clamp(qmin, qmax);
        let restored = (clamped - z) * scale;
        y.push(restored);
        let inside = code >= qmin && code <= qmax;
        grad_x.push(gradient * if inside { 1.0 } else { 0.0 });
        let by_scale = if inside { (restored - x) * inverse } else { clamped - z };
        grad_scale += f64::from(gradient * by_scale);
        grad_zero_point += if inside { 0.0 } else { f64::from(gradient * -scale) };
    }
    let factor = f64::from(grad_factor);
    let (grad_scale, grad_zero_point) = ((grad_scale * factor) as f32, (grad_zero_point * factor) as f32);
    Ok(Learnable { y, grad_x, grad_scale, grad_zero_point })
}

/// Returns the factor that LSQ scales gradients with, `1 / √(values · qmax)`.
pub fn lsq_grad_factor(values: usize, codes: CodeRange) -> f32 {
    1.0 / Float::sqrt(values as f32 * codes.max() as f32)
}
