//! What a model computes, without its file format: values, operators, subgraphs, signatures.
//!
//! # The parts
//!
//! A [`Graph`] is one or more [`Subgraph`]s: the model proper, the branches of an `IF`, the body of a `WHILE`. A subgraph
//! has [`Value`]s (what flows, and what is constant) and [`Operator`]s in the order in which they run. An operator says
//! what it computes by its [`Op`], and how by its [`Attributes`]: paddings, strides, axes, adjoints, a fused activation.
//! A [`Signature`] names the inputs and outputs of a subgraph as its callers know them.
//!
//! Each format lowers into this vocabulary in its own room of [`model`](crate::model), and numbers values and operators
//! as its file does: the number is the handle by which an edit goes back. An operator that is not understood is carried
//! as [`Op::Other`], with the name that its file gives it.
//!
//! # What follows from an operator stands here once
//!
//! | question | answer |
//! | --- | --- |
//! | which inputs are weights, along which axis are their channels? | [`Operator::weights_axis`] |
//! | which input is a bias, and of which weights? | [`Operator::bias`] |
//! | which inputs are tables whose rows are looked up? | [`Operator::table_axis`] |
//! | which values must not be rounded? | [`Graph::exact_values`] |
//! | where do moves and calls lead a constant? | [`Paths::ends`] |
//! | which values share a scale when codes are integers? | [`Operator::same_scale`], [`Subgraph::scale_groups`] |
//! | which outputs have a fixed scale and zero point? | [`Op::fixed_output`] |
//! | does it only move values? | [`Op::moves_data`] |
//! | does a runtime have an integer kernel? | [`Runtime::kernels`] |
//!
//! The answers are rows of tables ([`Op`]'s declaration, `fixed.rs`, `runtime.rs`); no other part of the library has
//! a list of operators that it decides by.

#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod attributes;
mod element_type;
mod ends;
mod exact;
mod fixed;
mod handed;
mod op;
mod operator;
mod runtime;
mod scale_groups;
mod subgraph;
mod value;

pub use attributes::{Activation, Attributes, Layout, Mirror, Padding, Recurrent, StridedSlice, Window};
pub use element_type::ElementType;
pub use ends::{End, EndRole, Numbers, Paths, same_axis};
pub use exact::ExactUse;
pub use fixed::FixedOutput;
pub use op::Op;
pub use operator::{Bias, Operator};
pub use runtime::{Kernel, Kernels, Runtime, Unequal};
pub use subgraph::{Graph, Port, Signature, Subgraph};
pub use value::{Constant, Quantization, Value, ValueId};
