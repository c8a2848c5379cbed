//! A budget, and the choices that meet it.
//!
//! ```text
//! tensors × types ─ errors of each alone ─ Pareto front ─ walk with real files ─ the smallest that holds
//! ```
//!
//! Errors of single tensors add up: as a share of an output's power, the error of a model of which several tensors are quantized
//! is about the sum of what each costs alone. That gives an exact front of all choices from few runs; the walk then lets
//! real files tell the truth.

mod front;
mod walk;

pub(crate) use front::{Choice, Point, front};
pub(crate) use walk::{Bound, Measured, walk};
