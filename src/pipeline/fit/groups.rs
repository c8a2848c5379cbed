//! Tensors that become the same, and what each may become.

use super::super::deflated::deflated_len;
use super::super::encoded::encode;
use super::super::improvement::Better;
use super::super::source::Source;
use crate::error::Result;
use crate::model::tflite::Model;
use crate::recipe::{Decision, Plan};
use std::num::NonZeroUsize;

/// Tensors that become the same, since they are stored in one place or have one name.
pub(super) struct Group {
    pub(super) constants: Vec<usize>,
    pub(super) options: Vec<Candidate>,
}

/// What a group may become.
#[derive(Clone)]
pub(super) struct Candidate {
    /// The number of its plan; `None` if it is kept.
    pub(super) plan: Option<usize>,
    pub(super) bytes: u64,
    pub(super) error: f64,
    /// Whether its codes are chosen for their bits.
    is_rated: bool,
}

/// Returns the tensors that may become something, with what that is; the first option is to be kept.
pub(super) fn groups(constants: &[Source], plans: &[Plan]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (at, source) in constants.iter().enumerate() {
        let constant = &source.constant;
        if plans.iter().all(|plan| plan.entries[at].decision.code().is_none()) {
            continue;
        }
        let is_same = |other: &usize| {
            let other = &constants[*other].constant;
            other.buffer == constant.buffer || other.name == constant.name
        };
        match groups.iter_mut().find(|group| group.constants.iter().any(is_same)) {
            Some(group) => group.constants.push(at),
            None => groups.push(Group { constants: vec![at], options: Vec::new() }),
        }
    }
    for group in &mut groups {
        let bytes = |plan: Option<usize>| {
            let mut buffers = Vec::new();
            let mut total = 0;
            for &at in &group.constants {
                let constant = &constants[at].constant;
                if buffers.contains(&constant.buffer) {
                    continue;
                }
                buffers.push(constant.buffer);
                total += match plan.and_then(|plan| Some((plan, plans[plan].entries[at].decision.code()?))) {
                    None => constant.size_in_bytes,
                    Some((plan, code)) => {
                        let entry = &plans[plan].entries[at];
                        let Decision::Quantize(treatment) = &entry.decision else { continue };
                        let scales = if code.is_integer() {
                            treatment.scheme.granularity.groups(&constant.shape).unwrap_or(1)
                        } else {
                            0
                        };
                        let restoring = match treatment.compute {
                            crate::recipe::Compute::WeightOnly => entry.candidate.cost_of_restoring,
                            crate::recipe::Compute::DynamicRange => 0,
                        };
                        let elements = entry.candidate.elements();
                        (code.packed_len(elements) + 12 * scales) as u64 + restoring
                    }
                };
            }
            total
        };
        let mut options = vec![Candidate { plan: None, bytes: bytes(None), error: 0.0, is_rated: false }];
        for (number, plan) in plans.iter().enumerate() {
            if group.constants.iter().all(|&at| plan.entries[at].decision.code().is_some()) {
                let is_rated = group.constants.iter().any(|&at| {
                    matches!(&plan.entries[at].decision, Decision::Quantize(treatment) if treatment.rate.is_some())
                });
                let (plan, bytes) = (Some(number), bytes(Some(number)));
                options.push(Candidate { plan, bytes, error: f64::INFINITY, is_rated });
            }
        }
        group.options = options;
    }
    groups.retain(|group| group.options.len() > 1);
    groups
}

/// Returns the error of an option whose codes were chosen for their bits, as that of the first such option of its group tells:
/// the error of the outputs grows as that of the layer's outputs does.
pub(super) fn scaled(group: &Group, option: usize, better: &[Vec<Better>]) -> Option<f64> {
    let judged = |option: &Candidate| {
        let of_plan = better.get(option.plan?)?;
        let of_group = of_plan.iter().find(|better| better.constants.iter().any(|at| group.constants.contains(at)))?;
        Some(of_group.judged).filter(|judged| *judged > 0.0)
    };
    let option = group.options.get(option).filter(|option| option.is_rated)?;
    let first = group.options.iter().find(|other| other.is_rated && other.error.is_finite())?;
    Some(first.error * judged(option)? / judged(first)?)
}

/// Counts options by what they take when they are deflated.
pub(super) fn count_downloads(
    groups: &mut [Group],
    model: &Model,
    constants: &[Source],
    plans: &[Plan],
    better: &[Vec<Better>],
) -> Result<()> {
    for group in groups {
        let Group { constants: of_group, options } = group;
        let Some(&first) = of_group.first() else { continue };
        let constant = &constants[first].constant;
        let raw = model.bytes(constant.buffer)?;
        for option in options.iter_mut() {
            let Some(number) = option.plan else {
                option.bytes = option.bytes.saturating_sub(raw.len() as u64) + deflated_len(&raw);
                continue;
            };
            let mut of_plan = better[number].iter();
            let chosen = of_plan.find(|better| better.constants.iter().any(|at| of_group.contains(at)));
            let entry = &plans[number].entries[first];
            let deflated = if let Some(bytes) = chosen.and_then(Better::deflated) {
                Some(bytes)
            } else {
                let encoded = encode(&model.values(constant)?, &entry.decision, NonZeroUsize::MIN)?;
                encoded.map(|encoded| deflated_len(&encoded.into_bytes()))
            };
            // Scales and what restores the codes hardly get shorter.
            let plain = entry.decision.code().map_or(0, |code| code.packed_len(entry.candidate.elements()) as u64);
            option.bytes = option.bytes.saturating_sub(plain) + deflated.unwrap_or(plain);
        }
    }
    Ok(())
}
