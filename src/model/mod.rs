//! Files to named tensors and back: one folder and one feature for each format.

#[cfg(any(feature = "safetensors", feature = "tflite"))]
mod error;
#[cfg(feature = "safetensors")]
pub mod safetensors;
#[cfg(feature = "tflite")]
pub mod tflite;

#[cfg(any(feature = "safetensors", feature = "tflite"))]
pub use error::ModelError;
