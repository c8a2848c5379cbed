//! What each type alone would make of a model's constants.

use super::super::source::{self, Source};
use super::super::tflite::shared::Shared;
use super::request::{Arithmetic, Count, Request};
use crate::error::Result;
use crate::model::tflite::Model;
use crate::num::CodeType;
use crate::params::{Granularity, Symmetric, ValueRange};
use crate::range::Fixed;
use crate::recipe::{Decision, Effort, Inputs, Plan, Recipe, RecipeError, Rule, TargetForm};

/// The steps of codes that are chosen for their bits, as shares of that with which 8 bits hold the largest magnitude. The first is
/// run by itself, and tells what the others cost.
const STEPS: [f32; 17] = [5.0, 1.0, 1.4, 2.0, 2.5, 3.2, 4.0, 6.3, 8.0, 10.0, 12.7, 16.0, 20.0, 25.0, 32.0, 45.0, 64.0];
/// What a bit is worth, in squared steps.
const RATE: f64 = 0.03;
/// Returns what each type alone would make of the constants.
pub(super) fn plans(request: &Request, model: &Model, constants: &[Source]) -> Result<Vec<Plan>> {
    let mut plans = Vec::new();
    let mut reason = None;
    for &code in &request.types {
        let mut rule = Rule::new(TargetForm::codes(code));
        rule.min_elements = request.min_elements;
        if code.is_integer() {
            (rule.compute, rule.improve) = (request.arithmetic.of_weights(), Some(Effort::Full));
        } else {
            rule.inputs = Inputs::Any;
        }
        let recipe = Recipe {
            name: "fit".into(),
            rules: vec![rule],
            exclude: request.exclude.clone(),
            ..Recipe::of_weights("int8")?
        };
        let shared = Shared::of(constants);
        let candidates = shared.joined(source::candidates(constants, model));
        match recipe.plan(candidates, |i| model.values(&constants[i].constant)) {
            Ok(mut plan) => {
                shared.decide_once(&mut plan);
                plans.push(plan);
            }
            Err(error) if matches!(error.floor(), Some(RecipeError::NothingToQuantize { .. })) => reason = Some(error),
            Err(error) => return Err(error),
        }
    }
    // Kernels that compute with codes want a scale for each channel.
    if request.count == Count::Download && request.arithmetic == Arithmetic::WeightOnly {
        rated(&mut plans, model, constants)?;
    }
    match reason {
        Some(error) if plans.is_empty() => Err(error),
        _ => Ok(plans),
    }
}

/// Adds plans whose 8-bit codes are chosen for their bits, with one step for all of a tensor and ever larger steps.
fn rated(plans: &mut Vec<Plan>, model: &Model, constants: &[Source]) -> Result<()> {
    let is_int8 = |plan: &&Plan| plan.entries.iter().any(|entry| entry.decision.code() == Some(CodeType::I8));
    let Some(int8) = plans.iter().find(is_int8).cloned() else { return Ok(()) };
    let mut largest = Vec::with_capacity(constants.len());
    for (entry, source) in int8.entries.iter().zip(constants) {
        largest.push(match entry.decision.code() {
            Some(CodeType::I8) => model.values(&source.constant)?.iter().fold(0.0_f32, |most, x| most.max(x.abs())),
            _ => 0.0,
        });
    }
    for step in STEPS {
        let mut plan = int8.clone();
        for (entry, &largest) in plan.entries.iter_mut().zip(&largest) {
            let Decision::Quantize(treatment) = &mut entry.decision else { continue };
            let Ok(range) = ValueRange::new(-largest * step, largest * step) else { continue };
            if treatment.scheme.code != CodeType::I8 || largest == 0.0 {
                continue;
            }
            treatment.scheme.granularity = Granularity::Tensor;
            treatment.scheme.estimator = Fixed::new(range).into();
            treatment.scheme.calculator = Symmetric::narrow().into();
            treatment.rate = Some(RATE);
        }
        plans.push(plan);
    }
    Ok(())
}
