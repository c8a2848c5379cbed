//! A plan: what a recipe comes to, tensor by tensor, and why.

use super::candidate::{Candidate, Part};
use super::recipe::Recipe;
use super::rule::{Codes, Compute, Estimator, FLOATS, Inputs, Mismatch, Rule, Target};
use super::survival::{survives_f16, survives_integers};
use crate::error::{Error, Result};
use ndarray::ArrayD;

/// What is decided about each tensor of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The name of the recipe.
    pub recipe: String,
    /// Every tensor, in the order in which they were given.
    pub entries: Vec<Entry>,
}

/// What is decided about a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The tensor.
    pub candidate: Candidate,
    /// What is done to it.
    pub decision: Decision,
    /// Why.
    pub reason: String,
}

/// What is done to a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Nothing.
    Keep,
    /// It is rounded to 16-bit floating point.
    Float16,
    /// It is widened to 32-bit floating point: an operator that computes in integers from now on takes it in no other
    /// form. No rule asks for this; formats with operators do.
    Float32,
    /// It becomes integers.
    Quantize(Treatment),
}

/// How a tensor becomes integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Treatment {
    /// Of how many bits.
    pub bits: Bits,
    /// How operators compute with them.
    pub compute: Compute,
    /// How a scale is found.
    pub estimator: Estimator,
    /// Which codes are used.
    pub codes: Codes,
    /// The axis whose every index has a scale of its own.
    pub axis: usize,
}

/// The bits of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bits {
    /// Eight.
    Eight,
    /// Four.
    Four,
}

impl Decision {
    /// Returns whether operators compute with the tensor in integers.
    pub fn is_dynamic_range(self) -> bool {
        matches!(self, Decision::Quantize(treatment) if treatment.compute == Compute::DynamicRange)
    }
}

impl Recipe {
    /// Returns what the recipe comes to for the tensors of a file. `values` gives those of a tensor by its position, and is
    /// asked only of tensors that a rule matches.
    ///
    /// # Errors
    ///
    /// [`Error::NothingToQuantize`] if no tensor is to be changed; what `values` gives.
    pub fn plan(
        &self,
        candidates: Vec<Candidate>,
        mut values: impl FnMut(usize) -> Result<ArrayD<f32>>,
    ) -> Result<Plan> {
        let mut entries = Vec::with_capacity(candidates.len());
        for (i, candidate) in candidates.into_iter().enumerate() {
            let (decision, reason) = self.decide(&candidate, || values(i))?;
            entries.push(Entry { candidate, decision, reason });
        }
        if entries.iter().all(|entry| entry.decision == Decision::Keep) {
            let largest = entries.iter().max_by_key(|entry| entry.candidate.size_in_bytes);
            let reason = largest.map_or("it holds no constant tensor".into(), |entry| {
                format!("the largest of {} tensors, {:?}: {}", entries.len(), entry.candidate.name, entry.reason)
            });
            return Err(Error::NothingToQuantize { recipe: self.name.clone(), reason });
        }
        Ok(Plan { recipe: self.name.clone(), entries })
    }

    fn decide(
        &self,
        candidate: &Candidate,
        values: impl FnOnce() -> Result<ArrayD<f32>>,
    ) -> Result<(Decision, String)> {
        let keep = |reason: String| Ok((Decision::Keep, reason));
        if let Some(obstacle) = &candidate.obstacle {
            return keep(obstacle.clone());
        }
        if let Some(glob) = self.exclude.iter().find(|glob| glob.matches(&candidate.name)) {
            return keep(format!("excluded by {:?}", glob.to_string()));
        }
        if candidate.elements() == 0 {
            return keep("it has no elements".into());
        }
        let mut size = None;
        for rule in &self.rules {
            let part = Part::of(candidate, rule.axis);
            match rule.matches(candidate, &part) {
                Ok(()) => return apply(rule, candidate, &part, values),
                Err(Mismatch::Size(reason)) => size = Some(reason),
                Err(Mismatch::Other) => {}
            }
        }
        let for_weights = self.rules.iter().all(|rule| rule.inputs == Inputs::Weights);
        keep(size.unwrap_or_else(|| match Part::of(candidate, 0) {
            Part::Out(reason) => reason,
            _ if !FLOATS.contains(&candidate.element_type.as_str()) => {
                format!("{} is not a floating-point type", candidate.element_type)
            }
            Part::Operand { operators } if operators.is_empty() => {
                format!("{} dimensions: no rule for such a tensor", candidate.shape.len())
            }
            Part::Operand { operators } if for_weights => {
                format!("an operand of {operators}: the recipe is for weights")
            }
            Part::Operand { operators } => format!("an operand of {operators}: no rule for it"),
            Part::Weights { operators, .. } if operators.is_empty() => "no rule for it".into(),
            Part::Weights { operators, .. } => {
                format!("{} weights of {operators}: no rule for them", candidate.element_type)
            }
        }))
    }
}

/// Returns what a rule that matches does to a tensor.
fn apply(
    rule: &Rule,
    candidate: &Candidate,
    part: &Part,
    values: impl FnOnce() -> Result<ArrayD<f32>>,
) -> Result<(Decision, String)> {
    let keep = |reason: String| Ok((Decision::Keep, reason));
    let elements = candidate.elements() as u64;
    let (operators, role) = match part {
        Part::Weights { operators, .. } => (operators, "weights"),
        Part::Operand { operators } => (operators, "an operand"),
        Part::Out(reason) => return keep(reason.clone()),
    };
    let role = if operators.is_empty() { String::new() } else { format!("{role} of {operators}, ") };
    let mut reason = format!("{role}{elements} elements");
    let bits = match rule.to {
        Target::Keep => return keep(format!("{role}kept by a rule")),
        Target::Float16 if candidate.element_type == "f16" => return keep("float16 already".into()),
        Target::Float16 => {
            let saved = candidate.size_in_bytes.saturating_sub(elements.saturating_mul(2));
            if saved <= candidate.cost_of_restoring {
                let cost = candidate.cost_of_restoring;
                return keep(format!("would save {saved} bytes, and take {cost} to be restored"));
            }
            let is_weights = matches!(part, Part::Weights { .. });
            return match survives_f16(&values()?, is_weights)? {
                None => Ok((Decision::Float16, reason)),
                Some(obstacle) => keep(obstacle),
            };
        }
        Target::Int8 => Bits::Eight,
        Target::Int4 => Bits::Four,
    };
    let (axis, dynamic) = match (part, bits) {
        (Part::Weights { axis, dynamic_int8, .. }, Bits::Eight) => (*axis, *dynamic_int8),
        (Part::Weights { axis, dynamic_int4, .. }, Bits::Four) => (*axis, *dynamic_int4),
        _ => (rule.axis, false),
    };
    let Some(&channels) = candidate.shape.get(axis) else {
        return keep(format!("{} dimensions, so no axis {axis} of channels", candidate.shape.len()));
    };
    let compute = match rule.compute {
        Compute::DynamicRange if !dynamic => {
            reason += "; restored first, for want of a dynamic-range kernel that takes them";
            Compute::WeightOnly
        }
        compute => compute,
    };
    // Integer kernels turn signs around, and the smallest code has no opposite: LiteRT's built-in ones compute nonsense.
    let codes = match (compute, rule.codes) {
        (Compute::DynamicRange, Codes::Full) if candidate.uses.is_some() => {
            reason += "; narrow codes, as integer kernels go wrong on the smallest of all";
            Codes::Narrow
        }
        (_, codes) => codes,
    };
    // Scales of 4 bytes, zero points of 8.
    let stored = match bits {
        Bits::Eight => elements,
        Bits::Four => elements.div_ceil(2),
    };
    let restoring = if compute == Compute::WeightOnly { candidate.cost_of_restoring } else { 0 };
    // Shapes from files may be absurd.
    let after = stored.saturating_add((channels as u64).saturating_mul(12)).saturating_add(restoring);
    if after >= candidate.size_in_bytes {
        let before = candidate.size_in_bytes;
        return keep(format!("{before} bytes would become {after}, with {channels} scales and what restores it"));
    }
    if let Some(obstacle) = survives_integers(&values()?) {
        return keep(obstacle);
    }
    let treatment = Treatment { bits, compute, estimator: rule.estimator, codes, axis };
    Ok((Decision::Quantize(treatment), reason))
}
