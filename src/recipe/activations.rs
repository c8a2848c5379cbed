//! What a recipe says of activations: a model all in integers.

use super::glob::Glob;
use super::integer::{EdgeType, Width};
use crate::range::AnyEstimator;
use crate::text;
use serde::{Deserialize, Serialize};

/// How activations become codes, and with them weights and biases: operators compute in integers from then on.
///
/// # Examples
///
/// ```
/// use tensor_quant::recipe::Recipe;
///
/// let recipe = Recipe::from_toml(r#"
///     name = "careful"
///
///     [activations]
///     to = "int8"
///     keep-float = ["SOFTMAX"]
///     outputs = "integer"
///
///     [[activations.values]]
///     names = ["*attention*"]
///     estimator = "percentile 99.99"
/// "#)?;
/// assert!(recipe.activations.is_some());
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Activations {
    /// Their width. Weights have 8 bits with either.
    pub to: Width,
    /// How inputs are given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub inputs: EdgeType,
    /// How outputs are given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub outputs: EdgeType,
    /// What is tried for the outputs' sake.
    #[serde(default, skip_serializing_if = "is_default")]
    pub improve: Improve,
    /// Operators that compute in floating point: patterns of the names of their outputs, or of their kind, as in `SOFTMAX`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep_float: Vec<Glob>,
    /// Operators with 16-bit activations, by the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep_int16: Vec<Glob>,
    /// How many operators are left in floating point, those by which outputs gain most; found by trying.
    #[serde(default, skip_serializing_if = "is_default")]
    pub float_operators: usize,
    /// How much longer the file may get by `float-operators`, as a share of the file all in integers.
    #[serde(default = "one_percent")]
    pub growth: f64,
    /// Values whose ranges are found otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<ValueRule>,
}

/// How the ranges of some values are found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ValueRule {
    /// Names, any of which has to match.
    pub names: Vec<Glob>,
    /// How the range is found, as in `percentile 99.9` or `fixed -1..1`.
    #[serde(with = "text::required")]
    pub estimator: AnyEstimator,
}

/// What is tried for the outputs' sake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Improve {
    /// Nothing: extremes, and the converter's rule for sums, as TensorFlow Lite's converter has it.
    None,
    /// Variants of the whole model, of which the one is kept whose outputs lose least on samples held out.
    #[default]
    Search,
}

impl Activations {
    /// Returns activations of a width, with what is usual.
    pub fn new(to: Width) -> Self {
        Self {
            to,
            inputs: EdgeType::default(),
            outputs: EdgeType::default(),
            improve: Improve::default(),
            keep_float: Vec::new(),
            keep_int16: Vec::new(),
            float_operators: 0,
            growth: one_percent(),
            values: Vec::new(),
        }
    }

    /// Returns the estimator that a value is to have, if one is asked for.
    pub(crate) fn estimator(&self, name: &str) -> Option<&AnyEstimator> {
        let rule = self.values.iter().find(|rule| rule.names.iter().any(|glob| glob.matches(name)));
        rule.map(|rule| &rule.estimator)
    }
}

fn one_percent() -> f64 {
    0.01
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
