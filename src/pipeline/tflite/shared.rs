//! Constants that share their bytes: what becomes of one becomes of all.
//!
//! A file holds the bytes of tied weights once. If one of the tensors became codes and another stayed as it is, it would hold
//! both, and grow.

use super::super::source::Source;
use crate::graph::same_axis;
use crate::improve::Effort;
use crate::params::Granularity;
use crate::recipe::{Candidate, Decision, Entry, Plan, Treatment, Usage, UsageRole};
use crate::tensor::AnyScheme;
use std::collections::BTreeMap;

/// The numbers of constants that share their bytes, in groups of two and more.
pub(crate) struct Shared(Vec<Vec<usize>>);

impl Shared {
    pub(crate) fn of(constants: &[Source]) -> Self {
        let mut by_buffer: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (i, source) in constants.iter().enumerate().filter(|(_, source)| !source.constant.is_elsewhere) {
            by_buffer.entry(source.constant.buffer).or_default().push(i);
        }
        Self(by_buffer.into_values().filter(|group| group.len() > 1).collect())
    }

    /// Returns the candidates, each with the uses and the obstacles of all that share its bytes.
    pub(crate) fn joined(&self, mut candidates: Vec<Candidate>) -> Vec<Candidate> {
        for group in &self.0 {
            let together = Together::of(group.iter().filter_map(|&i| candidates.get(i)));
            for &i in group {
                if let Some(candidate) = candidates.get_mut(i) {
                    together.join(candidate);
                }
            }
        }
        candidates
    }

    /// Leaves constants as they are that share their bytes with one that stays as it is, or becomes something else. (One that
    /// an integer operator needs in f32 is left out of this.)
    pub(crate) fn decide_once(&self, plan: &mut Plan) {
        for group in &self.0 {
            let entries = || group.iter().filter_map(|&i| plan.entries.get(i));
            let mut codes = entries().filter(|entry| matches!(entry.decision, Decision::Quantize(_)));
            let Some(first) = codes.next() else { continue };
            let kept = entries().find(|entry| entry.decision == Decision::Keep);
            let reason = match (kept, codes.find(|entry| !is_same(first, entry))) {
                (Some(Entry { candidate, reason, .. }), _) => {
                    format!("its bytes are those of {:?}: {reason}", candidate.name)
                }
                (None, Some(other)) => {
                    let (one, other) = (&first.candidate.name, &other.candidate.name);
                    format!("{one:?} and {other:?} have the same bytes, and rules that make different ones of them")
                }
                (None, None) => {
                    // Codes that suit one use of them do not suit another.
                    for &i in group {
                        if let Some(Entry { decision: Decision::Quantize(treatment), .. }) = plan.entries.get_mut(i) {
                            treatment.improve = Some(Effort::None);
                        }
                    }
                    continue;
                }
            };
            for &i in group {
                if let Some(entry) = plan.entries.get_mut(i)
                    && matches!(entry.decision, Decision::Quantize(_))
                {
                    (entry.decision, entry.reason) = (Decision::Keep, reason.clone());
                }
            }
        }
    }
}

/// Whether two tensors become the same bytes: by the same scheme, with scales for the same elements.
fn is_same(a: &Entry, b: &Entry) -> bool {
    let (Decision::Quantize(ours), Decision::Quantize(theirs)) = (&a.decision, &b.decision) else { return false };
    let of =
        |entry: &Treatment| (AnyScheme { granularity: Granularity::Tensor, ..entry.scheme.clone() }, entry.compute);
    let (shape, other) = (&a.candidate.shape, &b.candidate.shape);
    let are_grouped_alike = match (ours.scheme.granularity, theirs.scheme.granularity) {
        (Granularity::Axis(axis), Granularity::Axis(theirs)) => same_axis(shape, other, axis) == Some(theirs),
        (ours, theirs) => {
            ours == theirs && (ours == Granularity::Tensor || shape == other)
                || [ours.groups(shape), theirs.groups(other)]
                    .iter()
                    .all(|groups| groups.as_ref().is_ok_and(|&n| n == 1))
        }
    };
    of(ours) == of(theirs) && are_grouped_alike
}

/// What tensors of the same bytes have in common; there may be thousands of them.
#[derive(Default)]
struct Together {
    /// Each use once, with the shape that its axes are those of.
    uses: Vec<(Vec<usize>, Usage)>,
    /// Each element type, with the name of a tensor that has it.
    types: Vec<(String, String)>,
    /// Why the first that cannot be touched cannot be.
    obstacle: Option<String>,
    /// Why the exact values of the first that has to be exact decide.
    exact: Option<String>,
    cost_of_restoring: u64,
}

impl Together {
    fn of<'c>(candidates: impl Iterator<Item = &'c Candidate>) -> Self {
        let mut this = Self::default();
        for candidate in candidates {
            let because = |why: &String| format!("its bytes are those of {:?}: {why}", candidate.name);
            this.obstacle = this.obstacle.or_else(|| candidate.obstacle.as_ref().map(because));
            this.exact = this.exact.or_else(|| candidate.exact.as_ref().map(because));
            this.cost_of_restoring = this.cost_of_restoring.saturating_add(candidate.cost_of_restoring);
            if !this.types.iter().any(|(known, _)| *known == candidate.element_type) {
                this.types.push((candidate.element_type.clone(), candidate.name.clone()));
            }
            for used in candidate.uses.iter().flatten() {
                let is_known = |(shape, known): &(Vec<usize>, Usage)| *shape == candidate.shape && known == used;
                if !this.uses.iter().any(is_known) {
                    this.uses.push((candidate.shape.clone(), used.clone()));
                }
            }
        }
        this
    }

    /// Gives a candidate all uses, with axes of its own shape. What are weights in another shape, with channels that do not lie along one
    /// axis of this one, is an operand here: it may be a cast, which has no channels.
    fn join(&self, candidate: &mut Candidate) {
        candidate.cost_of_restoring = self.cost_of_restoring;
        candidate.exact = candidate.exact.take().or_else(|| self.exact.clone());
        // What is no reals is kept as it is.
        if !candidate.element_type.starts_with('f') {
            return;
        }
        let other_type = self.types.iter().find(|(element_type, _)| *element_type != candidate.element_type);
        let obstacle = candidate.obstacle.take().or_else(|| self.obstacle.clone()).or_else(|| {
            other_type
                .map(|(element_type, name)| format!("its bytes are those of {name:?}: there they are {element_type}"))
        });
        let mut uses = Vec::with_capacity(self.uses.len());
        for (shape, used) in &self.uses {
            let axis = |axis| same_axis(shape, &candidate.shape, axis);
            let role = match used.role {
                UsageRole::Weights { axis: theirs, dynamic_int8, dynamic_int4, fast } => {
                    axis(theirs).map(|axis| UsageRole::Weights { axis, dynamic_int8, dynamic_int4, fast })
                }
                UsageRole::Table { axis: theirs, int8, int4 } => Some(match axis(theirs) {
                    Some(axis) if *shape == candidate.shape => UsageRole::Table { axis, int8, int4 },
                    axis => UsageRole::Table { axis: axis.unwrap_or(0), int8: false, int4: false },
                }),
                role => Some(role),
            };
            uses.push(Usage { operator: used.operator.clone(), role: role.unwrap_or(UsageRole::Operand) });
        }
        candidate.obstacle = obstacle;
        candidate.uses = candidate.uses.as_ref().map(|_| uses);
    }
}
