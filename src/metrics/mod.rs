//! What quantization cost: one pass over original and restored values.
//!
//! [`ErrorMetrics`] for a tensor ([`QuantizedTensor::error`](crate::QuantizedTensor::error)) and for each channel,
//! a [`Histogram`] of the error, and divergences between histograms. All have the same bits at every SIMD level and for
//! any memory layout: the order of summation is part of the definition (see
//! [`kernel::error_sums`](crate::kernel::error_sums)).

mod accumulator;
mod divergence;
mod error_metrics;
mod histogram;
mod of_packed;
mod of_tensor;
#[cfg(feature = "serde")]
mod state;

pub use divergence::{jensen_shannon_divergence, kl_divergence};
pub use error_metrics::ErrorMetrics;
pub use histogram::Histogram;
pub use of_tensor::{per_channel, per_tensor};
