//! Files to named tensors and back: one folder and one feature for each format.

pub mod safetensors;
