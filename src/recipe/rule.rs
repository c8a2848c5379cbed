//! A rule: which tensors, and what is done to them.

use super::candidate::{Candidate, Part};
use super::glob::Glob;
use serde::{Deserialize, Serialize};

/// The element types that can be quantized.
pub(super) const FLOATS: [&str; 4] = ["f32", "f64", "f16", "bf16"];

/// Which tensors, and what is done to them. In a recipe, the first rule that matches a tensor decides.
///
/// What is not said matches everything, but `inputs`, which is `weights`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// Names, any of which has to match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Glob>,
    /// Operators, as in `CONV_2D`: every one that uses the tensor has to be among them. Formats without operators are
    /// not matched by a rule that names some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<String>,
    /// What operators do with the tensor.
    #[serde(default)]
    pub inputs: Inputs,
    /// Element types: `f32`, `f64`, `f16`, `bf16`; all of them if none are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub element_types: Vec<String>,
    /// The fewest elements.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub min_elements: usize,
    /// The most elements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_elements: Option<usize>,
    /// What the tensor becomes.
    pub to: Target,
    /// How operators compute with it.
    #[serde(default)]
    pub compute: Compute,
    /// How a scale is found.
    #[serde(default)]
    pub estimator: Estimator,
    /// Which codes are used.
    #[serde(default)]
    pub codes: Codes,
    /// The axis of the channels, in formats without operators.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub axis: usize,
}

/// What operators do with the tensors of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Inputs {
    /// Multiply them with activations; without operators, tensors of two and more dimensions.
    #[default]
    Weights,
    /// Anything.
    Any,
}

/// What a tensor becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Itself.
    Keep,
    /// 16-bit floating point.
    Float16,
    /// 8-bit integers, a scale a channel.
    Int8,
    /// 4-bit integers, a scale a channel.
    Int4,
}

/// How operators compute with quantized weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compute {
    /// In floating point: the weights are restored first.
    #[default]
    WeightOnly,
    /// In integers: the activations are quantized as the operator runs. Operators that cannot do so compute in floating
    /// point.
    DynamicRange,
}

/// How the scale of a channel is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Estimator {
    /// From the largest magnitude: nothing saturates.
    #[default]
    Max,
    /// So that the mean squared error is the smallest: [`Mse`](crate::range::Mse).
    Mse,
    /// By clipping where that is expected to lose least: [`Octav`](crate::range::Octav).
    Octav,
}

impl Estimator {
    /// Returns the estimator of that name.
    pub fn named(name: &str) -> Option<Self> {
        [("max", Self::Max), ("mse", Self::Mse), ("octav", Self::Octav)]
            .into_iter()
            .find_map(|(known, estimator)| (known == name).then_some(estimator))
    }
}

/// Which codes are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Codes {
    /// As many on each side of 0: −127..=127, −7..=7. What operators with integer kernels expect.
    #[default]
    Narrow,
    /// All: −128..=127, −8..=7. Not where operators of a model compute in integers.
    Full,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Why a rule does not decide about a tensor.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// It is for others.
    Other,
    /// It would, if the tensor had another number of elements.
    Size(String),
}

impl Rule {
    pub(super) fn matches(&self, candidate: &Candidate, part: &Part) -> Result<(), Mismatch> {
        let named = self.names.is_empty() || self.names.iter().any(|glob| glob.matches(&candidate.name));
        let used = self.operators.is_empty()
            || candidate.uses.as_ref().is_some_and(|uses| {
                !uses.is_empty() && uses.iter().all(|used| self.operators.contains(&used.operator))
            });
        let element_type = if self.element_types.is_empty() {
            FLOATS.contains(&candidate.element_type.as_str())
        } else {
            self.element_types.contains(&candidate.element_type)
        };
        let input = match (self.inputs, part) {
            (Inputs::Any, Part::Weights { .. } | Part::Operand { .. }) | (Inputs::Weights, Part::Weights { .. }) => {
                true
            }
            (Inputs::Weights, Part::Operand { .. }) | (_, Part::Out(_)) => false,
        };
        if !(named && used && element_type && input) {
            return Err(Mismatch::Other);
        }
        let elements = candidate.elements();
        if elements < self.min_elements {
            let (least, rule) = (self.min_elements, self.title());
            return Err(Mismatch::Size(format!("{elements} elements, below the {least} of the {rule} rule")));
        }
        match self.max_elements {
            Some(most) if elements > most => {
                Err(Mismatch::Size(format!("{elements} elements, above the {most} of the {} rule", self.title())))
            }
            _ => Ok(()),
        }
    }

    /// Returns what a rule is called in reasons.
    fn title(&self) -> &'static str {
        match (self.to, self.compute) {
            (Target::Keep, _) => "keep",
            (Target::Float16, _) => "float16",
            (_, Compute::DynamicRange) => "dynamic-range",
            (_, Compute::WeightOnly) => "weight-only",
        }
    }
}
