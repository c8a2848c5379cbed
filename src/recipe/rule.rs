//! A rule: which tensors, and what is done to them.

use super::candidate::{Candidate, Part};
use super::glob::Glob;
use crate::block::{BlockScheme, BlockType};
use crate::error::{Error, Result};
use crate::improve::Effort;
use crate::num::{AnyRounding, CodeType};
use crate::params::{AnyCalculator, Granularity, MaxAbs, NanPolicy, Symmetric};
use crate::range::AnyEstimator;
use crate::tensor::{AnyScheme, SchemeParts};
use crate::text;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// The element types that can be quantized.
pub(super) const FLOATS: [&str; 4] = ["f32", "f64", "f16", "bf16"];

/// Which tensors, and what is done to them. In a recipe, the first rule that matches a tensor decides.
///
/// What is not said matches everything, but `inputs`, which is `weights`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// What the tensor becomes: `keep`, or a code type, with whatever else of a scheme shall not be as usual, as in `int8, mse`
    /// ([`SchemeParts`]).
    pub to: TargetForm,
    /// How operators compute with it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub compute: Compute,
    /// What the kernels of the operators that use it have to be.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kernels: NeededKernels,
    /// How a scale is found, as in `mse` or `percentile 99.9`; `max` is `min-max`.
    #[serde(default, with = "text::optional", skip_serializing_if = "Option::is_none")]
    pub estimator: Option<AnyEstimator>,
    /// Which codes symmetric integers use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codes: Option<Codes>,
    /// How scale and zero point are computed, as in `affine`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calculator: Option<AnyCalculator>,
    /// How quotients are rounded, as in `ceil`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounding: Option<AnyRounding>,
    /// Which elements share a scale, as in `per tensor` or `per block of 32 along axis 1`; those of a channel, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granularity: Option<Granularity>,
    /// The axis of the channels, in formats without operators; if nothing is said, see [`Plan`](super::Plan).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub axis: Option<usize>,
    /// What is done, where there are samples, for outputs to lose less at the same bytes; if nothing is said, all of
    /// [`Effort::Model`], in the end with all samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub improve: Option<Effort>,
    /// What a bit of a deflated file is worth, in squared steps, where there are samples: codes are then chosen for their bits,
    /// too. .02 to .05 for 8-bit codes with one scale for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// The share of elements that become 0: those of the smallest magnitude, or where there are samples those that cost the outputs
    /// least. A `.tflite` file holds the tensor without its zeros where that is shorter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sparsity: Option<f64>,
}

/// What operators do with the tensors of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Inputs {
    /// Multiply them with activations, or look rows of them up; without operators, tensors of two and more dimensions.
    #[default]
    Weights,
    /// Anything.
    Any,
}

/// What a tensor becomes. The text form is `keep`, or that of [`BlockScheme`] or [`SchemeParts`].
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "Target")]
pub enum TargetForm {
    /// Itself.
    Keep,
    /// Codes by a scheme, of which some parts are said.
    Scheme(Box<SchemeParts>),
    /// Blocks of a format.
    Blocks(BlockScheme),
}

impl TargetForm {
    /// Returns codes of a type, by the scheme that is usual for weights.
    pub fn codes(code: CodeType) -> Self {
        Self::Scheme(Box::new(SchemeParts::new(code)))
    }
}

impl fmt::Display for TargetForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep => f.write_str("keep"),
            Self::Scheme(parts) => parts.fmt(f),
            Self::Blocks(blocks) => blocks.fmt(f),
        }
    }
}

impl FromStr for TargetForm {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.parse() {
            _ if text.trim() == "keep" => Ok(Self::Keep),
            Ok(blocks) => Ok(Self::Blocks(blocks)),
            Err(_) => text.parse().map(|parts| Self::Scheme(Box::new(parts))).map_err(or_blocks),
        }
    }
}

/// Names the block formats, too, where a code type is not known.
fn or_blocks(error: Error) -> Error {
    match error {
        Error::UnknownName { what: "code type", name, mut expected } => {
            expected.extend(BlockType::ALL.iter().filter(|block| block.can_quantize()).map(|block| block.name()));
            Error::UnknownName { what: "code type or block format", name, expected }
        }
        other => other,
    }
}

text::serde_by_text!(TargetForm);

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

/// What the kernels of the operators that use a tensor have to be, for a rule to be for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[doc(alias = "Kernels")]
pub enum NeededKernels {
    /// Anything.
    #[default]
    Any,
    /// They take the codes as they are, and are faster than in floating point. Formats without operators have whatever it takes.
    Fast,
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

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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
    /// Returns the rule that makes all weights the same.
    pub fn new(to: TargetForm) -> Self {
        Self {
            names: Vec::new(),
            operators: Vec::new(),
            inputs: Inputs::default(),
            element_types: Vec::new(),
            min_elements: 0,
            max_elements: None,
            to,
            compute: Compute::default(),
            kernels: NeededKernels::default(),
            estimator: None,
            codes: None,
            calculator: None,
            rounding: None,
            granularity: None,
            axis: None,
            improve: None,
            rate: None,
            sparsity: None,
        }
    }

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
            (Inputs::Any, Part::Operand { .. }) | (_, Part::Weights { .. } | Part::Table { .. }) => true,
            (Inputs::Weights, Part::Operand { .. }) | (_, Part::Out(_)) => false,
        };
        if !(named && used && element_type && input && self.is_fast_for(part)) {
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

    /// Returns by how many elements a tensor is too small or too large.
    pub(super) fn distance(&self, elements: usize) -> usize {
        let above = self.max_elements.map_or(0, |most| elements.saturating_sub(most));
        self.min_elements.saturating_sub(elements).max(above)
    }

    /// Whether the kernels are as they have to be.
    fn is_fast_for(&self, part: &Part) -> bool {
        let TargetForm::Scheme(parts) = &self.to else { return true };
        match (self.kernels, parts.code, part) {
            (NeededKernels::Any, ..) => true,
            (_, CodeType::I8, Part::Weights { dynamic_int8, fast: [fast, _], .. }) => *dynamic_int8 && *fast,
            (_, CodeType::I4, Part::Weights { dynamic_int4, fast: [_, fast], .. }) => *dynamic_int4 && *fast,
            (_, CodeType::I8, Part::Table { int8, .. }) => *int8,
            (_, CodeType::I4, Part::Table { int4, .. }) => *int4,
            _ => false,
        }
    }

    /// Returns the scheme of the codes that a tensor becomes, and whether which elements share a scale was said; `None` if it is
    /// kept.
    ///
    /// What is not said is as usual for weights: signed integers have the scale max|x| / qmax, without a zero point, unless a search
    /// chooses the range; a cast to 16 bits keeps what is not a number or infinite.
    pub(super) fn scheme(&self) -> Option<(AnyScheme, bool)> {
        let TargetForm::Scheme(parts) = &self.to else { return None };
        let mut parts = SchemeParts::clone(parts);
        parts.estimator = self.estimator.clone().or(parts.estimator);
        parts.rounding = self.rounding.or(parts.rounding);
        parts.granularity = self.granularity.or(parts.granularity);
        parts.calculator = self.calculator.or(parts.calculator);
        let is_usual =
            matches!(AnyCalculator::usual(parts.code), AnyCalculator::Symmetric(_)) && parts.code.is_integer();
        let is_max = parts.estimator.as_ref().is_none_or(|estimator| *estimator == AnyEstimator::default());
        if parts.calculator.is_none() && is_usual {
            parts.calculator = Some(match self.codes {
                Some(Codes::Full) => Symmetric::full().into(),
                _ if is_max => MaxAbs.into(),
                _ => Symmetric::narrow().into(),
            });
        }
        if parts.calculator.is_none() && matches!(AnyCalculator::usual(parts.code), AnyCalculator::Cast(_)) {
            parts.calculator = Some(crate::params::Cast::ieee().into());
            parts.nan_policy = parts.nan_policy.or(Some(NanPolicy::Native));
        }
        let is_said = parts.granularity.is_some();
        Some((parts.scheme(), is_said))
    }

    /// Returns what a rule is called in reasons.
    fn title(&self) -> String {
        match (&self.to, self.compute) {
            (TargetForm::Keep, _) => "keep".into(),
            (TargetForm::Blocks(blocks), _) => blocks.to_string(),
            (TargetForm::Scheme(parts), _) if !parts.code.is_integer() => match parts.code {
                CodeType::F16 => "float16".into(),
                code => code.to_string(),
            },
            (_, Compute::DynamicRange) => "dynamic-range".into(),
            (_, Compute::WeightOnly) => "weight-only".into(),
        }
    }
}
