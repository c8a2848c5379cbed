//! Test data for quantizers: what tensors look like in practice, and where implementations break.
//!
//! Everything here is a proptest [`Strategy`](proptest::strategy::Strategy): use it in `proptest!`, map and combine it. What
//! breaks a test is shrunk to few elements and plain numbers, whatever distribution it came from.
//!
//! | strategy | gives |
//! | --- | --- |
//! | [`Numbers`] | one `f32` of a [`Distribution`] |
//! | [`Values`] | a `Vec<f32>` of one [`Distribution`], or of any of several |
//! | [`Tensors`] | a [`Tensor`]: a shape of 0 to 5 axes, values, and a memory layout to view them in |
//! | [`any_schemes`], [`schemes`] | an [`AnyScheme`](crate::AnyScheme) or a [`Scheme`](crate::Scheme) of any estimator, calculator, rounding, scaling and granularity |
//!
//! # Examples
//!
//! ```
//! use proptest::strategy::{Strategy, ValueTree};
//! use proptest::test_runner::TestRunner;
//! use tensor_quant::laws::strategies::{Distribution, Tensors};
//! use tensor_quant::{Scheme, quantize_tensor};
//!
//! let weights = Tensors::finite().with_axes(1..=3).with_distributions(&[Distribution::Laplace, Distribution::OneOutlier]);
//! let tensor = weights.new_tree(&mut TestRunner::deterministic())?.current();
//! let q = tensor.with_view(|view| quantize_tensor(view, &Scheme::<i8>::symmetric()));
//! assert!(q.is_ok());
//! # Ok::<(), proptest::test_runner::Reason>(())
//! ```

mod distribution;
mod layout;
mod numbers;
mod schemes;
mod tensor;

pub use super::shrink::{Shrink, Simplifying};
pub use distribution::Distribution;
pub use layout::{AxisLayout, Layout};
pub(super) use numbers::List;
pub use numbers::{Numbers, SimplifyingValues, Values};
pub use schemes::{AnyParts, AnySchemeTree, AnySchemes, SchemeTree, Schemes, any_schemes, schemes};
pub use tensor::{Tensor, Tensors};
