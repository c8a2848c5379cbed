//! Who computes what, and how to choose.
//!
//! Implementations round, divide and saturate differently, on purpose or not: on halfway values, and on values one rounding
//! error beside them, they give different codes for the same scale. None is wrong, and each is here by name.
//!
//! s = scale, z = zero point, rint = nearest with halves to even, away = nearest with halves away from zero; f32 unless
//! said otherwise. All of them add the zero point after rounding (but for one of TFLite's hybrid
//! kernels) and clamp, and all dequantize with `(code − z) · s`.
//!
//! | to match | use | it computes |
//! | --- | --- | --- |
//! | ONNX `QuantizeLinear`, ONNX Runtime | [`convention::onnx::quantize_linear`] | `rint(x / s) + z`; NaN gives the smallest code |
//! | ONNX `DynamicQuantizeLinear` | [`convention::onnx::dynamic_quantize_linear`] | s from the range with zero, over 255; z = rint(−min / s) |
//! | ONNX Runtime's calibrators | [`convention::onnx_runtime`], the table there | a range, from a histogram that grows with the data |
//! | ONNX Runtime's static quantization | [`convention::onnx_runtime::scheme`] | `rint(x / s) + z`, s from the range's width in f64 |
//! | ONNX Runtime's `MatMulNBits` weights | [`convention::onnx_runtime::quantize_matmul_nbits`] | `away(w · (1 / s) + z)` in blocks along K, 2, 4 or 8 bits |
//! | PyTorch `quantize_per_tensor`, `_per_channel` | [`convention::torch::scheme`] | `rint(x · (1 / s)) + z` |
//! | PyTorch `fake_quantize_*` and gradients | [`convention::torch::scheme`] with [`fake_quantize_backward`](crate::tensor::fake_quantize_backward), [`convention::torch::fake_quantize_learnable`] | the same, then back |
//! | PyTorch's observers | [`convention::torch`], the table there | extremes, their moving average, or the range of least error on a histogram; [`QParams`](convention::torch::QParams) |
//! | PyTorch's dynamic quantization | [`convention::torch::Dynamic`] | s and z in f64, from whichever end has the smaller error |
//! | torchao affine blocks | [`convention::torchao::quantize_affine`] | the same, over blocks of any shape |
//! | TensorFlow `FakeQuantWithMinMaxVars` | [`convention::tensorflow::FakeQuant`] | the range nudged so that zero is exact; `⌊q + ½⌋` |
//! | TFLite `QUANTIZE`, reference kernel | [`convention::tflite::scheme`] | `away(x / s) + z` |
//! | TFLite weights, full integer | [`convention::tflite::weights`] | `away(x · (1 / s))`, s = max\|w\| / 127 |
//! | TFLite weights, dynamic range | [`convention::tflite::dynamic_range_weights`] | `away(x / (max\|w\| / 127))`, all in f64 |
//! | TFLite biases | [`convention::tflite::quantize_bias`] | `away(b · (1 / (s_in · s_w)))` |
//! | TFLite's hybrid kernels | [`convention::tflite::symmetric_row`], [`convention::tflite::asymmetric_row`] | a row of activations at run time |
//! | ai-edge-quantizer weights | [`convention::ai_edge::weights`] | `rint(x / s)`, s = max\|w\| / 127 or / 7 |
//! | integer-only inference | [`FixedPointMultiplier`](crate::params::FixedPointMultiplier), [`FullyConnected`](crate::tensor::FullyConnected) | Jacob et al. 2018, as TFLite's reference kernels round |
//!
//! # How to choose
//!
//! - **Nothing to match:** [`Scheme::symmetric`](crate::Scheme::symmetric) per axis for weights,
//!   [`Scheme::affine`](crate::Scheme::affine) for activations.
//! - **The model will run in ONNX Runtime:** quantize weights with the default scheme, which divides and rounds halves to
//!   even as `QuantizeLinear` does; a graph with QDQ nodes then gives the same codes at run time.
//! - **It was trained with fake quantization in PyTorch:** [`convention::torch::scheme`], or the weights at export will not be those
//!   that were trained.
//! - **It will run in TFLite (LiteRT):** [`convention::tflite`].
//! - **A range as another tool finds it:** the calibrators and observers of [`convention::onnx_runtime`] and
//!   [`convention::torch`] reproduce theirs, whose answer depends on how the data were cut in batches. Nothing to match?
//!   [`range`](crate::range) has those whose answer does not, with bounds on their error.
//! - **llama.cpp:** the block formats of ggml have scales of their own, and are the floor `block` (feature `blocks`), byte for byte.

#[cfg(doc)]
use crate::convention;
