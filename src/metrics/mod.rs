//! What quantization cost: one pass over original and restored values.
//!
//! [`ErrorMetrics`] for a tensor ([`QuantizedTensor::error`](crate::QuantizedTensor::error)) and for each channel
//! ([`ChannelErrors`] says which is the worst, the median, or lost), a [`Histogram`] of the error, and divergences between histograms. All have the same bits at every SIMD level and for
//! any memory layout: the order of summation is part of the definition (see
//! [`kernel::error_sums`](crate::kernel::error_sums)).

mod accumulator;
mod bounds;
mod channel_errors;
mod columns;
mod divergence;
mod error_metrics;
mod histogram;
mod number;
mod of_quantized;
mod of_slices;
mod of_tensor;
mod source;
#[cfg(feature = "serde")]
mod state;

pub use channel_errors::ChannelErrors;
pub use divergence::{jensen_shannon_divergence, kl_divergence};
pub use error_metrics::ErrorMetrics;
pub use histogram::Histogram;
pub use of_tensor::{per_channel, per_tensor};
