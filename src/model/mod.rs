//! Files to named tensors and back: one folder and one feature for each format.

#[cfg(feature = "safetensors")]
pub mod safetensors;
#[cfg(feature = "tflite")]
pub mod tflite;
