//! Scalars: what a tensor may hold before ([`Real`]) and after ([`Code`]), and how a quotient becomes a code.
//!
//! Everything here maps one element and is the single truth about it; the kernels only apply it to slices.
//! Adding a code type is one file here and its line below.

mod bfloat16;
mod binary16;
mod code;
mod int4;
mod integer;
mod real;
mod rounding;
mod scaling;

pub use code::{Code, CodeKind, Grid};
pub use half::{bf16, f16};
pub use int4::{I4, U4};
pub use real::Real;
pub use rounding::{Ceil, Floor, HalfAway, Rounding, Stochastic, TiesEven, TowardZero};
pub use scaling::Scaling;

pub(crate) use bfloat16::{bf16_bits_from_f32, bf16_bits_to_f32};
pub(crate) use binary16::{f16_bits_from_f32, f16_bits_to_f32};
