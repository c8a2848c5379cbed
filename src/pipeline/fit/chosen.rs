//! What each tensor became.

use super::super::source::Source;
use super::fitted::Chosen;
use super::groups::{Candidate, Group};
use crate::recipe::{Decision, Plan};

/// Returns what each tensor became, and what else it could have.
pub(super) fn chosen(groups: &[Group], best: &[usize], constants: &[Source], plans: &[Plan]) -> Vec<Chosen> {
    let mut all = Vec::new();
    for (group, &choice) in groups.iter().zip(best) {
        let code = |option: &Candidate, at: usize| option.plan.and_then(|plan| plans[plan].entries[at].decision.code());
        let treatment = |option: &Candidate, at: usize| match &plans[option.plan?].entries[at].decision {
            Decision::Quantize(treatment) => Some(treatment),
            _ => None,
        };
        let text = |option: &Candidate, at: usize| match treatment(option, at) {
            None => "keep".to_owned(),
            Some(treatment) if treatment.rate.is_some() => {
                format!("{} {}, {}", treatment.scheme.code, treatment.scheme.granularity, treatment.scheme.estimator)
            }
            Some(treatment) => crate::recipe::spoken(treatment.scheme.code),
        };
        let ratio = |option: &Candidate| -10.0 * option.error.log10();
        let mut names: Vec<&str> = Vec::new();
        for &at in &group.constants {
            let constant = &constants[at].constant;
            if names.contains(&constant.name.as_str()) {
                continue;
            }
            names.push(&constant.name);
            let called = |option: &Candidate| match code(option, at) {
                Some(_) => text(option, at),
                None => constant.element_type.name().to_owned(),
            };
            all.push(Chosen {
                name: constant.name.clone(),
                shape: constant.shape.clone(),
                code: code(&group.options[choice], at),
                to: text(&group.options[choice], at),
                rate: treatment(&group.options[choice], at).and_then(|treatment| treatment.rate),
                bytes: group.options[choice].bytes,
                alone_db: ratio(&group.options[choice]),
                choices: group.options.iter().map(|option| (called(option), option.bytes, ratio(option))).collect(),
            });
        }
    }
    all
}
