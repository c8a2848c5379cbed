//! Turns FP32 tensors into INT8, INT4, FP16 and BF16 ones at the speed of memory, and says exactly what that cost.
//!
//! ```
//! use ndarray::array;
//! use tensor_quant::{quantize_tensor, Scheme};
//!
//! let weights = array![[1.2_f32, -0.5], [3.7, 0.25]];
//! let q = quantize_tensor(weights.view(), &Scheme::<i8>::symmetric().with_axis(0))?;
//! println!("{}", q.error(weights.view())?);   // SQNR, MSE, largest error, cosine similarity, saturated
//! let restored = q.dequantize();
//! # assert_eq!(restored.shape(), [2, 2]);
//! # Ok::<(), tensor_quant::Error>(())
//! ```
//!
//! # To read
//!
//! | | |
//! | --- | --- |
//! | [five minutes](docs::five_minutes) | from `cargo add` to a report |
//! | [choosing](docs::choosing) | which recipe, for what you deploy on |
#![cfg_attr(feature = "pipeline", doc = "| [full integer](docs::full_integer) | weights and activations in integers |")]
#![cfg_attr(
    feature = "pipeline",
    doc = "| [better weights](docs::better_weights) | less error at the same bytes; the best file for a budget |"
)]
#![cfg_attr(
    feature = "std",
    doc = "| [reducing the error](docs::reducing_the_error) | ranges and bias correction, with figures |"
)]
#![cfg_attr(feature = "proptest", doc = "| [own scheme](docs::own_scheme) | from an idea to a proof |")]
#![cfg_attr(
    feature = "serde",
    doc = "| [calibration at scale](docs::at_scale) | on many machines, the same bits as on one |"
)]
//! | [conventions](docs::conventions) | who computes what, and how to match it bit for bit |
//! | [real time](docs::real_time) | activations in a loop: no allocation, no lock, no panic; latencies |
//! | [why it is fast](docs::speed) | and how fast |
//! | [peers](docs::peers) | beside other tools, and where they win |
//! | [what goes wrong](docs::what_goes_wrong) | faults that nobody is told of, and what is said here instead |
//!
//! # The equation
//!
//! ```text
//! real = scale · (code − zero_point)
//! code = clamp(round(real / scale) + zero_point, qmin, qmax)
//! ```
//!
//! A *code* is the stored integer (or small float), a *real* what it stands for. Scale and zero point are shared by a
//! group of elements: all of a tensor, a channel, or a block ([`Granularity`]). The source of the
//! equation is Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
//! Inference", 2018.
//!
//! # The flow, and where its parts live
//!
//! ```text
//! tensor ─ RangeEstimator ─ ValueRange ─ ParamsCalculator ─ QuantParams ─ kernel(Rounding) ─ QuantizedTensor ─ metrics
//! ```
//!
//! | floor | holds |
//! | --- | --- |
//! | [`num`] | scalars: [`Real`](num::Real) in, [`Code`](num::Code) out, [`Rounding`], [`Scaling`] |
//! | [`params`] | ranges, code ranges, granularity, and the calculators of scale and zero point |
//! | [`kernel`] | slices to slices: the only SIMD, and the reference for each; [why it is fast](docs::speed) |
//! | [`range`] | the estimators: min-max, percentile, entropy, the smallest squared error and others |
//! | [`tensor`] | [`Scheme`], [`quantize_tensor`] and its kin, requantization, an integer layer; [in real time](docs::real_time) |
#![cfg_attr(feature = "blocks", doc = "| [`block`] | block formats: ggml's, microscaling, codebooks; 2:4 masks |")]
//! | [`convention`] | what ONNX Runtime, PyTorch, TensorFlow and TFLite compute, bit for bit; [which to choose](docs::conventions) |
//! | [`metrics`] | what it cost: per tensor, per channel, histograms |
//! | [`graph`] | what a model computes, without its format: values, operators, and what follows from them |
#![cfg_attr(
    feature = "proptest",
    doc = "| [`laws`] | the laws of quantization, for schemes of your own; strategies; [from an idea to a proof](docs::own_scheme) |"
)]
#![cfg_attr(any(feature = "safetensors", feature = "tflite"), doc = "| [`model`] | files to named tensors and back |")]
#![cfg_attr(
    feature = "std",
    doc = "| [`calibration`] | estimator states by tensor name, from example inputs; bias correction; [what reduces the error](docs::reducing_the_error) |"
)]
#![cfg_attr(feature = "pipeline", doc = "| [`recipe`] | what is asked for, and what it comes to, tensor by tensor |")]
#![cfg_attr(feature = "pipeline", doc = "| [`pipeline`] | a file from end to end |")]
#![cfg_attr(feature = "pipeline", doc = "| [`report`] | a table, JSON, a page |")]

//!
//! Each floor uses only those above it in this table. Estimators, calculators and roundings are open traits: your own
//! plug into a [`Scheme`], run in the same vectorised kernels and are held to the same laws (`examples/custom_scheme.rs`).
//!
//! # What unusual input gives
//!
//! | input | answer |
//! | --- | --- |
//! | NaN | by [`NanPolicy`]: an error that names the index (default), the zero point, or the bare mapping's answer |
//! | ±∞ | ignored by the range and counted; saturates in the mapping |
//! | 1e10 with a small scale | saturates at the right end: values are clamped as floats first |
//! | an empty tensor | no range: [`Error::NoData`]; with known parameters an empty result |
//! | a constant, or all zeros | a positive scale that restores it exactly, subnormal numbers excepted |
//! | values up to ±`f32::MAX` | restored as finite numbers |
//! | max − min beyond `f32::MAX` | the width is taken in f64 |
//! | a scale below the smallest normal number | raised to it; codes are chosen against the stored scale |
//! | an axis that is not there, a block size of 0, a wrong length | an error that names the numbers |
//!
//! # Features
//!
//! - `std` (default): run-time detection of the CPU. Without it the crate is `no_std + alloc`, and runs at the SIMD level
//!   that the target guarantees.
//! - `blocks`: block formats, ggml's, microscaling and codebooks; `pipeline` has it.
//! - `proptest`: the laws of quantization as tests for your own schemes (`laws`, and the page `docs::own_scheme`).
//! - `rayon`: threads for large tensors, and for many at once; the results are the same for any number of them.
//! - `serde`: saving and loading calibrators, and `Serialize` and `Deserialize` for estimators.
//! - `safetensors`: reading and writing `.safetensors` files, tensor by tensor.
//! - `tflite`: reading, changing and writing `.tflite` files.
//! - `pipeline`: recipes, plans, and files of both formats from end to end, with a report.

#![cfg_attr(not(feature = "std"), no_std)]
// docs.rs says which feature an item stands behind.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "blocks")]
pub mod block;
#[cfg(feature = "std")]
pub mod calibration;
pub mod convention;
pub mod docs;
mod error;
pub mod graph;
#[cfg(feature = "pipeline")]
pub mod improve;
#[cfg(any(feature = "serde", feature = "tflite"))]
mod input;
pub mod kernel;
#[cfg(feature = "proptest")]
pub mod laws;
pub mod metrics;
pub mod model;
pub mod num;
#[cfg(any(feature = "serde", feature = "safetensors", feature = "tflite"))]
mod output;
pub mod params;
#[cfg(feature = "pipeline")]
pub mod pipeline;
pub mod range;
#[cfg(feature = "pipeline")]
pub mod recipe;
#[cfg(feature = "pipeline")]
pub mod report;
#[cfg(feature = "pipeline")]
mod search;
#[cfg(feature = "serde")]
mod sha256;
pub mod tensor;
mod text;
#[cfg(feature = "pipeline")]
mod threads;

pub use error::{Error, Result};
pub use ndarray;
pub use num::{Ceil, Floor, HalfAway, I4, Rounding, Scaling, Stochastic, TiesEven, TowardZero, U4, bf16, f16};
#[cfg(feature = "serde")]
pub use output::write as write_file;
pub use params::{Granularity, NanPolicy, ParamsCalculator, QuantParams};
pub use range::RangeEstimator;
pub use tensor::{
    AnyScheme, PackedTensor, QuantizedTensor, Quantizer, Scheme, estimate_params, fake_quantize_tensor,
    quantize_tensor, quantize_with_params,
};

/// The README's code is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
