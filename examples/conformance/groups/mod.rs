//! How each group's operations are computed with this crate.

pub(crate) mod affine_blocks;
pub(crate) mod calibration;
#[cfg(feature = "blocks")]
pub(crate) mod codebook_kmeans;
pub(crate) mod dtypes;
pub(crate) mod error_metrics;
pub(crate) mod formats;
#[cfg(feature = "blocks")]
pub(crate) mod ggml_blocks;
pub(crate) mod integer_requant;
#[cfg(feature = "blocks")]
pub(crate) mod mx_formats;
pub(crate) mod onnx_qdq;
pub(crate) mod range_mapping;
pub(crate) mod tf_fake_quant;
pub(crate) mod tflite_kernels;
pub(crate) mod tflite_params;
pub(crate) mod torch_observers;
pub(crate) mod torch_quant;
pub(crate) mod typed;
pub(crate) mod weight_conversion;
