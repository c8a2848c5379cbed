//! The instructions of x86 that have no portable name, each in a function of its own, for the levels that have them.
//!
//! A file here stands behind the file of its name in [`kernel`](super), which holds the portable twin beside each call, and asks for
//! the level by a constant: [`is_avx512`](super::level::is_avx512).

pub(super) mod doubles;
pub(super) mod error_lanes;
pub(super) mod f16c;
#[cfg(feature = "blocks")]
pub(super) mod float_codes;
pub(super) mod integer_matmul;
pub(super) mod narrow;
pub(super) mod requantize;
#[cfg(feature = "blocks")]
pub(super) mod sixteen;
