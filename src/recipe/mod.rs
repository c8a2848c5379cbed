//! What is asked for, and what it comes to: a [`Recipe`] of rules, and the [`Plan`] of a file.
//!
//! A recipe knows nothing of a file: its rules say which tensors (by name, operator, element type, size) become what. Given
//! the tensors of a file as [`Candidate`]s, it gives a plan: a decision for each of them, and the reason. Nothing is
//! left alone in silence, and a recipe that comes to nothing is an error; what of it matches no tensor, cannot be reached, or has
//! no effect is among the plan's warnings, with the name that may have been meant.
//!
//! | a tensor | is kept, whatever the rules say, if |
//! | --- | --- |
//! | of any kind | the format stands in the way, an exclusion matches, it has no elements |
//! | | its exact values decide: it is compared, hashed, an index or a phase, or what such is calculated from |
//! | | another tool has quantized it, or it is a parameter of such; another tensor has the same bytes and is kept |
//! | of a model with operators | none uses it, a custom one does, what a subgraph that it is passed to does with it is unknown, or its users have their channels along different axes |
//! | to become float16 | a value would overflow; it holds whole numbers, of which some would become others; an operand would lose a value to underflow; as a whole it would keep less than 60 dB |
//! | to become integers | it holds NaN, ±∞ or values next to `f32::MAX`, or none large enough for a scale |
//! | | with its scales and what restores it, it would be no smaller |
//!
//! Ready-made recipes ([`Recipe::ready_made`]) are TOML texts like any other.

mod activations;
mod candidate;
mod error;
mod glob;
mod idle;
pub mod integer;
mod nearest;
mod plan;
#[expect(clippy::module_inception, reason = "the recipe is the noun of this room")]
mod recipe;
mod rule;
mod survival;
mod warning;

pub use crate::improve::Effort;
pub use activations::{Activations, Improve, ValueRule};
pub use candidate::{Candidate, Storage, Usage, UsageRole};
pub use error::RecipeError;
pub use glob::Glob;
pub(crate) use plan::spoken;
pub use plan::{Decision, Entry, Plan, Treatment};
pub use recipe::Recipe;
pub use rule::{Codes, Compute, Inputs, NeededKernels, Rule, TargetForm};
pub(crate) use survival::NO_CODE;
pub use warning::Warning;
