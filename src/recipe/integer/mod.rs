//! Full-integer models: weights and activations as codes, planned on the graph.
//!
//! # From ranges to scales
//!
//! A value with the range \[lo, hi\], 0 included, gets the scale (hi − lo) / 255 and the zero point rint(−128 − lo / scale) in 8
//! bits; in 16 bits the scale max|x| / 32767 and no zero point. Some outputs have scales that kernels prescribe. Operators that
//! copy or compare codes tie their inputs and outputs to one scale: through reshapes, pools and concatenations whole groups
//! of values get the union of their ranges. Where two wishes cannot both be met, a use gets codes of its own, and a
//! requantization stands before it.
//!
//! # What computes in integers
//!
//! Every operator for which the runtime has a right kernel and whose values were observed. Around the others lie islands of
//! floating point, each with its reason; loops, branches and what they call are such, too.
//!
//! Nothing here knows a file format: an [`IntegerPlan`] says in which [`Form`] each value is made and taken.

mod choices;
mod domain;
mod form;
mod plan;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod plan_tests;
mod ranges;
mod scales;

pub use choices::{AddRule, Choices, EdgeType, TieRule};
pub use domain::Domain;
pub use form::{Form, ValueCodes, Width};
pub use plan::{IntegerPlan, OperatorPlan, PartPlan, Take};
pub use ranges::Ranges;
