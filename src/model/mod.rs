//! Files to named tensors and back: one folder and one feature for each format.

#[cfg(feature = "safetensors")]
pub mod safetensors;
mod target;
#[cfg(feature = "tflite")]
pub mod tflite;
