//! What of a recipe comes to nothing: parts that match no tensor of a file, rules that cannot be reached, settings without
//! effect. None of it is left in silence: a misspelt exclusion quantizes what it was to keep.

use super::candidate::{Candidate, Part};
use super::nearest::{nearest, nearest_of_pattern};
use super::recipe::Recipe;
use super::rule::{Compute, Inputs, Mismatch, NeededKernels, Rule};
use super::warning::Warning;
use crate::params::AnyCalculator;
use std::collections::BTreeSet;

/// Returns what of a recipe comes to nothing for these tensors. `decided` holds the position of the rule that decided on each, if
/// one did.
pub(super) fn idle_parts(recipe: &Recipe, candidates: &[&Candidate], decided: &[Option<usize>]) -> Vec<Warning> {
    let names: Vec<&str> = candidates.iter().map(|candidate| candidate.name.as_str()).collect();
    let mut warnings = Vec::new();
    for glob in &recipe.exclude {
        if !names.iter().any(|name| glob.matches(name)) {
            let meant = nearest_of_pattern(glob, &names).map(|name| format!("did you mean {name:?}?"));
            warnings.push(warning(format!("the exclusion {:?} matches no tensor", glob.to_string()), meant));
        }
    }
    // Of no tensors there is nothing to say.
    let has_operators = candidates.is_empty() || candidates.iter().any(|candidate| candidate.uses.is_some());
    let tensors = Tensors { candidates, names: &names, has_operators };
    for (at, rule) in recipe.rules.iter().enumerate() {
        let title = if recipe.rules.len() == 1 { "the rule".into() } else { format!("rule {}", at + 1) };
        for setting in idle_settings(rule, has_operators) {
            warnings.push(warning(format!("{title}: {setting}"), None));
        }
        // A recipe that is for any file need not find everything in this one.
        if recipe.has_ready_made_rule(at) {
            continue;
        }
        if let Some(before) = recipe.rules[..at].iter().position(|before| before.covers(rule)) {
            let advice = Some("put the narrower rule first".into());
            let message = format!("{title} cannot be reached: rule {} takes all that it would match", before + 1);
            warnings.push(warning(message, advice));
            continue;
        }
        let found = tensors.idle_selectors(rule);
        let is_explained = !found.is_empty();
        warnings.extend(found.into_iter().map(|(what, meant)| warning(format!("{title}: {what}"), meant)));
        if !is_explained && !decided.contains(&Some(at)) {
            warnings.push(warning(format!("{title} {}", tensors.why_nothing(rule, decided)), None));
        }
    }
    warnings
}

fn warning(message: String, advice: Option<String>) -> Warning {
    Warning::new(message, advice.unwrap_or_default())
}

/// The tensors of a file.
struct Tensors<'a> {
    candidates: &'a [&'a Candidate],
    names: &'a [&'a str],
    has_operators: bool,
}

impl Tensors<'_> {
    /// Returns the names, operators and element types of a rule that no tensor has, each with what may have been meant.
    fn idle_selectors(&self, rule: &Rule) -> Vec<(String, Option<String>)> {
        let mut idle = Vec::new();
        for glob in &rule.names {
            if !self.names.iter().any(|name| glob.matches(name)) {
                let meant = nearest_of_pattern(glob, self.names).map(|name| format!("did you mean {name:?}?"));
                idle.push((format!("the name {:?} matches no tensor", glob.to_string()), meant));
            }
        }
        if !self.has_operators && !rule.operators.is_empty() {
            idle.push((format!("the file has no operators, so no {}", rule.operators.join(", ")), None));
            return idle;
        }
        let used: BTreeSet<&str> =
            self.candidates.iter().flat_map(|c| c.uses.iter().flatten()).map(|used| used.operator.as_str()).collect();
        let used: Vec<&str> = used.into_iter().collect();
        for operator in rule.operators.iter().filter(|operator| !used.contains(&operator.as_str())) {
            let meant = nearest(operator, &used).map(|name| format!("did you mean {name}?"));
            idle.push((format!("no {operator} uses any of the file's tensors"), meant));
        }
        let types: BTreeSet<&str> = self.candidates.iter().map(|candidate| candidate.element_type.as_str()).collect();
        for name in rule.element_types.iter().filter(|name| !types.contains(name.as_str())) {
            let there = types.iter().copied().collect::<Vec<_>>().join(", ");
            idle.push((format!("no tensor is of type {name}"), Some(format!("there are {there}"))));
        }
        idle
    }

    /// Returns why a rule that might have decided on a tensor decided on none.
    fn why_nothing(&self, rule: &Rule, decided: &[Option<usize>]) -> String {
        let mut takers = BTreeSet::new();
        // The tensor whose size is closest to what the rule takes.
        let mut closest: Option<(usize, &str, String)> = None;
        for (candidate, taken_by) in self.candidates.iter().zip(decided) {
            match (rule.matches(candidate, &Part::of(candidate)), taken_by) {
                (Ok(()), Some(taker)) => {
                    takers.insert(taker + 1);
                }
                (Err(Mismatch::Size(reason)), _) => {
                    let distance = rule.distance(candidate.elements());
                    if closest.as_ref().is_none_or(|(least, ..)| distance < *least) {
                        closest = Some((distance, &candidate.name, reason));
                    }
                }
                _ => {}
            }
        }
        let takers: Vec<String> = takers.iter().map(|taker| format!("rule {taker}")).collect();
        match (takers.is_empty(), closest) {
            (false, _) => format!("decides on nothing: {} comes first", takers.join(" or ")),
            (true, Some((_, name, reason))) => format!("matches no tensor: {name:?} has {reason}"),
            (true, None) => "matches no tensor that may be changed".into(),
        }
    }
}

/// Returns the settings of a rule that change nothing, and why.
fn idle_settings(rule: &Rule, has_operators: bool) -> Vec<String> {
    let mut idle = Vec::new();
    let said = |name: &str, is_said: bool| is_said.then(|| format!("{name} has no effect"));
    let Some((scheme, is_granularity_said)) = rule.scheme() else {
        let settings = [
            said("compute", rule.compute != Compute::default()),
            said("estimator", rule.estimator.is_some()),
            said("codes", rule.codes.is_some()),
            said("calculator", rule.calculator.is_some()),
            said("rounding", rule.rounding.is_some()),
            said("granularity", rule.granularity.is_some()),
            said("axis", rule.axis.is_some()),
        ];
        idle.extend(settings.into_iter().flatten().map(|what| format!("{what}: its tensors are kept")));
        return idle;
    };
    let code = scheme.code;
    if let AnyCalculator::Cast(_) = scheme.calculator {
        let settings = [
            said("compute", rule.compute != Compute::default()),
            said("estimator", rule.estimator.is_some()),
            said("codes", rule.codes.is_some()),
            said("granularity", rule.granularity.is_some()),
            said("axis", rule.axis.is_some()),
        ];
        idle.extend(settings.into_iter().flatten().map(|what| format!("{what}: a cast to {code} has no scale")));
        return idle;
    }
    if rule.compute == Compute::DynamicRange {
        if !has_operators {
            idle.push("compute has no effect: the file holds tensors alone, and what runs them decides".into());
        } else if code.bits() > 8 || !code.is_integer() {
            idle.push(format!(
                "compute has no effect: no operator computes in {code} with activations that it quantizes"
            ));
        }
    }
    if rule.codes.is_some() && rule.calculator.is_some() {
        idle.push(format!("codes has no effect: the calculator {} says which there are", scheme.calculator));
    } else if rule.codes.is_some() && !(code.is_integer() && code.min() < 0.0) {
        idle.push(format!("codes has no effect: all codes of {code} are used"));
    }
    if rule.axis.is_some() && is_granularity_said {
        idle.push(format!("axis has no effect: the scales are {}", scheme.granularity));
    } else if rule.axis.is_some() && has_operators {
        idle.push("axis has no effect: the operators know where their output channels are".into());
    }
    idle
}

impl Recipe {
    /// Returns whether a rule is for the same tensors as the one at its place in the ready-made recipe of the same name.
    fn has_ready_made_rule(&self, at: usize) -> bool {
        let selectors = |rule: &Rule| {
            let (names, operators, element_types) = (&rule.names, &rule.operators, &rule.element_types);
            (names.clone(), operators.clone(), rule.inputs, element_types.clone(), rule.max_elements)
        };
        let ready_made = Self::named(&self.name).ok();
        let there = ready_made.as_ref().and_then(|recipe| recipe.rules.get(at)).map(selectors);
        there.is_some() && there == self.rules.get(at).map(selectors)
    }
}

impl Rule {
    /// Returns whether the rule matches every tensor that `other` matches, in any file.
    fn covers(&self, other: &Self) -> bool {
        fn all_of<T: PartialEq>(mine: &[T], others: &[T]) -> bool {
            mine.is_empty() || !others.is_empty() && others.iter().all(|one| mine.contains(one))
        }
        let most = |rule: &Self| rule.max_elements.unwrap_or(usize::MAX);
        all_of(&self.names, &other.names)
            && all_of(&self.operators, &other.operators)
            && all_of(&self.element_types, &other.element_types)
            && (self.inputs == Inputs::Any || self.inputs == other.inputs)
            && self.kernels == NeededKernels::Any
            && self.min_elements <= other.min_elements
            && most(self) >= most(other)
    }
}
