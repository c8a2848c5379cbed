//! Operators that are left in floating point, where outputs gain most by it.

use super::base::{Base, Built, Setting};
use super::judge::Judge;
use super::judged::Judged;
use super::variant::{BiasKind, Settings, Variant};
use crate::error::Result;
use crate::graph::ValueId;
use crate::recipe::integer::Domain;
use crate::threads::on_threads;
use std::collections::BTreeSet;

/// Operators that may be left in floating point where outputs gain most by it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Mixed {
    /// How many.
    pub(crate) operators: usize,
    /// How much longer than the file all in integers the file may be, as a share of it.
    pub(crate) growth: f64,
}

/// Operators that are looked at together with those chosen before, the most promising ones by themselves.
const PROMISING: usize = 6;

/// Returns operators, by an output of each, whose computing in floating point makes outputs lose least: one after the other,
/// each judged together with those before it, as gains do not add up.
pub(crate) fn leave_in_float(
    mixed: Mixed,
    setting: Setting<'_>,
    judges: &[Judge<'_>],
    (base, settings, built): (&Base, Settings, &Built),
    variants: &mut Vec<Variant>,
    progress: &mut dyn FnMut(&str),
) -> Result<BTreeSet<ValueId>> {
    let most_bytes = (built.bytes.len() as f64 * (1.0 + mixed.growth)) as usize;
    let mut left: Vec<(ValueId, String)> = Vec::new();
    for (subgraph, (part, of_part)) in base.graph.subgraphs.iter().zip(&built.plan.parts).enumerate() {
        for (operator, of_operator) in part.operators.iter().zip(&of_part.operators) {
            if let (Domain::Integer(_), Some(&value)) = (of_operator.domain, operator.outputs.first())
                && !operator.op.moves_data()
            {
                left.push((ValueId { subgraph, value }, operator.name.clone()));
            }
        }
    }
    // Layer by layer would be fitted anew for each.
    let quick = match settings.biases {
        BiasKind::LayerByLayer => Settings { biases: BiasKind::Analytic, ..settings },
        _ => settings,
    };
    let mut chosen = BTreeSet::new();
    let mut names: Vec<String> = Vec::new();
    let mut best = judged_by(judges, &base.build(setting, quick, &chosen)?, setting.threads)?;
    for round in 0..mixed.operators {
        let mut tried: Vec<(Judged, usize, usize)> = Vec::new();
        for (place, (value, name)) in left.iter().enumerate() {
            progress(&format!("{name} in floating point"));
            let mut floats = chosen.clone();
            floats.insert(*value);
            let candidate = base.build(setting, quick, &floats)?;
            if candidate.bytes.len() <= most_bytes {
                tried.push((judged_by(judges, &candidate, setting.threads)?, place, candidate.bytes.len()));
            }
        }
        tried.sort_by(|a, b| a.0.noise().total_cmp(&b.0.noise()));
        let Some((gained, place, bytes)) = tried.first().cloned() else { break };
        if !gained.is_better_than(&best) {
            break;
        }
        if let Some((value, name)) = left.get(place) {
            chosen.insert(*value);
            let output = base.graph.value(*value).map(|value| value.name.clone()).unwrap_or_default();
            names.push(format!("{name} {output}"));
        }
        for variant in variants.iter_mut() {
            variant.is_chosen = false;
        }
        let name = format!("{} in floating point", names.join(", "));
        let (sqnr_db, expected_db) = (gained.measured_db(), gained.expected_db());
        variants.push(Variant { name, bytes: bytes as u64, sqnr_db, expected_db, is_chosen: true });
        best = gained;
        // Those that promise most by themselves, from the second round on.
        let kept: Vec<(ValueId, String)> = tried
            .iter()
            .skip(1)
            .take(if round == 0 { PROMISING } else { usize::MAX })
            .filter_map(|(_, place, _)| left.get(*place).cloned())
            .collect();
        left = kept;
    }
    Ok(chosen)
}

/// Returns what a candidate loses on the samples of all judges.
fn judged_by(judges: &[Judge<'_>], candidate: &Built, threads: usize) -> Result<Judged> {
    let judge = |judge: &Judge<'_>| judge.judge((&candidate.bytes, &candidate.plan), &[]);
    let of_judges: Vec<Result<Judged>> =
        if threads > 1 { on_threads(judges.iter().collect(), &judge) } else { judges.iter().map(judge).collect() };
    let mut judged = Judged::default();
    for of_judge in of_judges {
        judged.add(&of_judge?);
    }
    Ok(judged)
}
