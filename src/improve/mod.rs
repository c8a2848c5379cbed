//! Weights that cost a layer's outputs less, at the same bytes.

mod codes;
mod descent;
mod effort;
mod factor;
mod feedback;
#[cfg(test)]
mod laws;
mod layer;
mod moments;
mod part;
mod place;
mod product;
mod quadratic;
mod rate;
mod session;
mod solver;
mod statistics;
mod windows;

pub(crate) use codes::Codes;
pub use effort::Effort;
pub(crate) use layer::{Improved, Problem, improve, restored, rows_from};
pub(crate) use place::Place;
pub(crate) use product::{rows_of, tensor_of};
pub(crate) use session::{batches, capture, count};
pub(crate) use statistics::{Purpose, Statistics, is_for_judging};
