//! What is to be chosen before a model's values get their scales.

use super::form::Width;
use crate::graph::ValueId;
use crate::recipe::glob::Glob;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How a model is given its inputs, and gives its outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeType {
    /// As reals, that the model makes codes of and restores.
    #[default]
    Float,
    /// As signed codes of the activations' width.
    Integer,
    /// As unsigned bytes; of 8-bit activations alone.
    Uint8,
}

/// Whether the operand of an `ADD` gets the range of the sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddRule {
    /// Each operand has its own range.
    Own,
    /// As the converter of TensorFlow Lite has it: the first operand that nothing else uses gets the union of its own range and
    /// that of the sum, which is the range of the buffer that both are computed in. Measured on its files.
    #[default]
    FirstTakesSum,
}

/// The range of values that are tied to one scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TieRule {
    /// The union of all their ranges: nothing is cut off.
    All,
    /// As the converter of TensorFlow Lite has it: where values are joined, as in a concatenation, the range of what they are joined
    /// to; elsewhere the union. What is smoothed or cut on the way to a join may then be cut off.
    #[default]
    Joined,
}

/// What is chosen before a model's values get their scales.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices {
    /// The width of activations.
    pub width: Width,
    /// How inputs are given.
    pub inputs: EdgeType,
    /// How outputs are given.
    pub outputs: EdgeType,
    /// The ranges of the operands of sums.
    pub add_rule: AddRule,
    /// The ranges of values that are tied to one scale.
    pub tie_rule: TieRule,
    /// Operators that compute in floating point, by the names of their outputs, or of their kind as in `SOFTMAX`.
    pub keep_float: Vec<Glob>,
    /// Operators whose activations have 16 bits, by the same names.
    pub keep_int16: Vec<Glob>,
    /// Operators that compute in floating point, by an output.
    pub float_values: BTreeSet<ValueId>,
}
