//! PyTorch: quantized tensors, observers' parameters, and fake quantization.

mod learnable;
mod params;

pub use learnable::{Learnable, fake_quantize_learnable, lsq_grad_factor};
pub use params::{Affine, Clipping, Symmetric};

use crate::num::{Code, Rounding, Scaling, TiesEven};
use crate::tensor::Scheme;

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

#[inline(always)]
pub(super) fn ties_even(x: f32) -> f32 {
    TiesEven.round(x, 0)
}
