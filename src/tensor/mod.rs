//! Tensors: `ndarray` views in, [`QuantizedTensor`]s out, and back.
//!
//! Any dimension and any memory layout gives what its row-major copy gives, element for element; results are row-major.
//! Contiguous data are read where they lie; others are gathered in tiles of a few KiB.

mod any_scheme;
#[cfg(feature = "serde")]
mod base64;
mod error;
mod estimate;
mod fake_quantize;
mod fully_connected;
mod input;
mod observe;
mod observed;
mod one_pass;
mod output;
mod packed;
mod purpose;
mod quantize;
mod quantized;
mod quantizer;
mod requantize;
mod scheme;
mod scheme_parts;
mod settings;
mod slice;
#[cfg(feature = "serde")]
mod state;
mod tasks;
mod tiles;
mod view;

pub use any_scheme::AnyScheme;
pub use error::TensorError;
pub use fake_quantize::{
    fake_quantize_backward, fake_quantize_backward_into, fake_quantize_tensor, fake_quantize_tensor_into,
    fake_quantize_with_params, fake_quantize_with_params_into,
};
pub use fully_connected::{ActivationParams, FullyConnected, Fused};
#[cfg(feature = "std")]
pub(crate) use input::Input;
pub(crate) use input::for_each_f32_piece_in_any_order;
#[cfg(feature = "std")]
pub(crate) use observe::{for_each_group, observe_groups};
pub use observed::Observed;
pub use packed::PackedTensor;
pub use quantize::{
    estimate_params, quantize_tensor, quantize_tensor_into, quantize_tensors, quantize_with_params,
    quantize_with_params_into,
};
pub use quantized::{QuantizedTensor, dequantize_into};
pub use quantizer::{DynamicQuantizer, DynamicScheme, Quantizer};
pub use scheme::{Scheme, StaticScheme};
pub use scheme_parts::SchemeParts;
pub use settings::Settings;
pub use slice::{dequantize_slice, quantize_slice, quantize_slice_into};
#[cfg(all(feature = "serde", feature = "std"))]
pub(crate) use state::Bytes;
pub use view::AsView;
