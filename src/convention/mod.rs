//! What other implementations compute, bit for bit: a module for each.
//!
//! Who computes what, and how to choose, is on a page of its own: [`docs::conventions`](crate::docs::conventions).

pub mod ai_edge;
pub mod onnx;
pub mod onnx_runtime;
pub mod tensorflow;
pub mod tflite;
pub mod torch;
pub mod torchao;
