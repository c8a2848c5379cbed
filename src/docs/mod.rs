//! Pages to read, in the order in which most people need them.
//!
//! | page | |
//! | --- | --- |
//! | [`five_minutes`] | from `cargo add` to a report |
//! | [`choosing`] | which recipe, for what you deploy on |
#![cfg_attr(feature = "pipeline", doc = "| [`full_integer`] | weights and activations in integers |")]
#![cfg_attr(
    feature = "pipeline",
    doc = "| [`better_weights`] | less error at the same bytes; the best file for a budget |"
)]
#![cfg_attr(feature = "std", doc = "| [`reducing_the_error`] | ranges and bias correction, with figures |")]
#![cfg_attr(feature = "proptest", doc = "| [`own_scheme`] | a scheme of your own, and its proof |")]
#![cfg_attr(feature = "serde", doc = "| [`at_scale`] | calibration on many machines, the same bits as on one |")]
//! | [`conventions`] | who computes what, and how to match it bit for bit |
//! | [`real_time`] | activations in a loop: no allocation, no lock, no panic; latencies |
//! | [`speed`] | why it is fast, and how fast |
//! | [`peers`] | beside other tools, and where they win |
//! | [`what_goes_wrong`] | faults that nobody is told of, and what is said here instead |

#[cfg(feature = "serde")]
pub mod at_scale;
#[cfg(feature = "pipeline")]
pub mod better_weights;
pub mod choosing;
pub mod conventions;
pub mod five_minutes;
#[cfg(feature = "pipeline")]
pub mod full_integer;
#[cfg(feature = "proptest")]
pub mod own_scheme;
pub mod peers;
pub mod real_time;
#[cfg(feature = "std")]
pub mod reducing_the_error;
pub mod speed;
pub mod what_goes_wrong;
