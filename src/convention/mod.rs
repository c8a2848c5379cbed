//! What other implementations compute, bit for bit: a module for each.
//!
//! A module is named after the implementation, and what is in it as it is there:
//! [`onnx_runtime::MinMaxCalibrater`] is ONNX Runtime's class,
//! [`range::MinMax`](crate::range::MinMax) this crate's estimator. Use them by way of their module.
//!
//! Who computes what, and how to choose, is on a page of its own: [`docs::conventions`](crate::docs::conventions).

pub mod ai_edge;
mod error;
pub mod onnx;
pub mod onnx_runtime;
pub mod tensorflow;
pub mod tflite;
pub mod torch;
pub mod torchao;

pub use error::ConventionError;
