//! Calibration: what ranges a model's activations have, tensor by tensor, from example inputs.
//!
//! ```text
//! inputs ─ your model's float run ─ observe(name, activation) ─ Calibrator ─ params(name, scheme) ─ QuantParams
//! ```
//!
//! A [`Calibrator`] holds an estimator's state for each tensor name. Whatever the number of inputs, a tensor takes at most
//! 64 KiB and a little; and but for moving averages the states are the same, bit for bit, in whatever order the inputs came,
//! from however many threads, and however calibrators were merged. States are saved and loaded as JSON (feature `serde`).
//!
//! A [`Runner`] runs a model on [`Samples`] and shows its values: what feeds a calibrator. An [`Engine`] opens models as
//! runners. The package `tensor-quant-run` has some of each.
//!
//! [`Statistics`] are all that samples told of a model: ranges, means of channels, [second moments](SecondMoments) of what weights are
//! multiplied with. They are saved, merged, and what `quantize --calibration` reads.
//!
//! [`ChannelMeans`] and [`correct_bias`] take out the shift that quantized weights give to a layer's outputs.

mod array;
mod bias_correction;
mod calibrator;
mod channel_means;
#[cfg(feature = "serde")]
mod channel_means_file;
mod engine;
mod error;
mod exact_sum;
#[cfg(feature = "serde")]
mod file;
#[cfg(feature = "serde")]
mod json;
mod runner;
mod samples;
mod second_moments;
#[cfg(feature = "serde")]
mod second_moments_file;
mod statistics;
#[cfg(feature = "serde")]
mod statistics_file;

pub use array::Array;
pub use bias_correction::correct_bias;
pub use calibrator::Calibrator;
pub use channel_means::ChannelMeans;
pub use engine::Engine;
pub use error::CalibrationError;
#[cfg(feature = "serde")]
pub use file::State;
pub use runner::{Backwards, Endpoint, Observe, Replace, RunError, Runner, ValueView};
#[cfg(feature = "pipeline")]
pub(crate) use samples::sample_of_numbers;
pub use samples::{Sample, Samples};
pub use second_moments::SecondMoments;
pub use statistics::{OperatorMoments, Statistics};
