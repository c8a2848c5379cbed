//! PyTorch: quantized tensors, observers, and fake quantization.
//!
//! An observer is an estimator and a calculator. Put both into the [`scheme`], or feed batches to the estimator, a call of
//! `observe` each, and hand its range to the calculator.
//!
//! | observer | estimator | calculator |
//! | --- | --- | --- |
//! | `MinMaxObserver` | [`MinMax`](crate::range::MinMax), which the scheme has | [`QParams`] |
//! | `PerChannelMinMaxObserver` | the same, the scheme [`with_axis`](crate::Scheme::with_axis) | [`QParams`] |
//! | `MovingAverageMinMaxObserver`, `…PerChannel…` | [`MovingAverage`](crate::range::MovingAverage) with a momentum of 0.01 | [`QParams`] |
//! | `HistogramObserver` | [`HistogramObserver`] | [`QParams`] |
//! | dynamic quantization | [`MinMax`](crate::range::MinMax) | [`Dynamic`] |
//!
//! ```
//! use ndarray::array;
//! use tensor_quant::{convention::torch, quantize_tensor, range::MovingAverage};
//!
//! let x = array![0.0_f32, 2.55];
//! let scheme = torch::scheme::<u8>().with_calculator(torch::QParams::affine());
//! assert_eq!(quantize_tensor(x.view(), &scheme)?.params().scales(), [0.01]);
//! let scheme = scheme.with_estimator(MovingAverage::new(0.01)?);
//! assert_eq!(quantize_tensor(x.view(), &scheme)?.params().scales(), [0.01]); // one batch: its own extremes
//! let scheme = scheme.with_estimator(torch::HistogramObserver::default());
//! assert!(quantize_tensor(x.view(), &scheme)?.params().scales()[0] <= 0.01);
//! # Ok::<(), tensor_quant::Error>(())
//! ```
//!
//! [`AffineMapping`] and [`SymmetricMapping`], the two mapping types there, are the same rules over whatever codes a scheme
//! uses, as torchao has them. ([`params::Affine`](crate::params::Affine) and [`params::Symmetric`](crate::params::Symmetric)
//! are this crate's own.)

mod dynamic;
mod histogram_observer;
mod learnable;
mod params;
mod qparams;
mod search;
#[cfg(feature = "serde")]
mod state;

pub use dynamic::Dynamic;
pub use histogram_observer::HistogramObserver;
pub use learnable::{Learnable, fake_quantize_learnable, lsq_grad_factor};
pub use params::{AffineMapping, Clipping, SymmetricMapping};
pub use qparams::QParams;

use crate::num::{Code, Scaling};
use crate::tensor::Scheme;

/// Returns the scheme of `quantize_per_tensor` and `quantize_per_channel`, of `fake_quantize_*` and of the decomposed
/// operators: `clamp(rint(x · (1 / scale)) + zero_point)`.
///
/// Its calculator is [`AffineMapping`], which is [`QParams::affine`] over all codes of the type: that of `MinMaxObserver`.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_quant::{Scheme, convention::torch, params::QuantParams, quantize_with_params};
///
/// let (x, params) = (array![2.25_f32], QuantParams::per_tensor::<i8>(0.3, 0)?);
/// let q = quantize_with_params(&x, &params, torch::scheme::<i8>().settings())?;
/// assert_eq!(q.codes(), &array![8_i8]); // 2.25 · (1 / 0.3) is 7.5
/// let q = quantize_with_params(&x, &params, Scheme::<i8>::symmetric().settings())?;
/// assert_eq!(q.codes(), &array![7_i8]); // 2.25 / 0.3 is 7.4999995
/// # Ok::<(), tensor_quant::Error>(())
/// ```
pub fn scheme<C: Code>() -> Scheme<C, crate::range::MinMax, AffineMapping> {
    Scheme::<C>::affine().with_calculator(AffineMapping::default()).with_scaling(Scaling::Reciprocal)
}
