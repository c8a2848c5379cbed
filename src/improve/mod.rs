//! Weights that cost a layer's outputs less, at the same bytes.

mod back;
mod block_feedback;
mod codes;
mod coupled_rate;
mod coupling;
mod descent;
mod effort;
mod factor;
mod feedback;
mod lanes;
#[cfg(test)]
mod laws;
mod layer;
mod moments;
mod part;
mod place;
mod product;
mod prune;
mod quadratic;
mod rate;
mod session;
mod solver;
mod statistics;
mod tail;
mod windows;

pub(crate) use back::{Objective, References, Slope, gradients, references, slope};
pub use block_feedback::quantize_blocks_with_feedback;
pub(crate) use codes::Codes;
pub(crate) use coupling::{Coupling, Joint};
pub(crate) use descent::Row;
pub use effort::Effort;
pub(crate) use lanes::Lanes;
pub(crate) use layer::{Belief, Improved, Problem, improve, improve_table, restored, rows_from};
pub(crate) use place::Place;
pub(crate) use product::{Product, rows_of, tensor_of};
pub(crate) use prune::pruned;
pub(crate) use quadratic::Shrinkage;
pub(crate) use session::{batches, batches_within, capture, count, each_sample, observe};
pub(crate) use solver::{Prepared, Task};
pub(crate) use statistics::{Purpose, Statistics, is_for_judging};
pub(crate) use tail::{Tail, tails};
