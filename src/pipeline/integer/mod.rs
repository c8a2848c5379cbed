//! A `.tflite` model all in integers: calibrated, planned, tried in variants, written, checked.

mod arguments;
mod balance;
mod base;
mod conversions;
mod correct;
mod encoding;
mod evidence;
mod head;
mod headroom;
mod importance;
mod judge;
mod judged;
mod mixed;
mod outcome;
mod refit;
mod search;
mod split;
mod statistics;
mod variant;
mod weights;
mod write;
mod write_constants;
mod writer;

pub use evidence::Evidence;
pub use judge::Data;
pub(super) use judge::without_numbers;
pub use outcome::{IntegerOutcome, Island, ValueOutcome};
pub use variant::Variant;

use super::equalization::{Equalizer, fold};
use super::held::Held;
use crate::calibration::{self, CalibrationError};
use crate::error::{Error, Result};
use crate::graph::{Graph, Subgraph, ValueId};
use crate::model::tflite::{Model, TensorId};
use crate::range::AnyEstimator;
use crate::recipe::RecipeError;
use crate::recipe::integer::{Choices, Domain, EdgeType, IntegerPlan, Ranges, Width};
use crate::recipe::{Activations, Improve, Recipe, Warning};
use crate::threads::MOST_THREADS;
use base::{Base, Built};
use encoding::WeightRanges;
use mixed::Mixed;
use search::{Found, Search};
use split::Split;
use statistics::Statistics;
use std::collections::{BTreeMap, BTreeSet};
use variant::{BiasKind, RangeKind, Settings};
pub(super) use writer::WrittenConstant;

/// Bytes of samples that are held.
const HELD: usize = 48 << 20;

/// A model in integers, and what became of its constants and values.
#[derive(Debug)]
pub(super) struct Quantized {
    pub(super) model: Option<Model>,
    /// What became of constants.
    pub(super) tensors: BTreeMap<TensorId, WrittenConstant>,
    pub(super) outcome: IntegerOutcome,
    /// How many tensors each subgraph had before.
    lengths: Vec<usize>,
    /// Constants of operators in floating point for which there is no kernel: rules may make codes of them.
    loose: BTreeSet<TensorId>,
}

impl Quantized {
    /// Returns whether a tensor was added.
    pub(super) fn is_added(&self, id: TensorId) -> bool {
        self.lengths.get(id.subgraph).is_none_or(|&length| id.tensor >= length)
    }

    /// Returns why rules have no say about a constant, if so.
    pub(super) fn obstacle(&self, id: TensorId) -> Option<String> {
        let reason = "an operand in floating point, as are the operators that use it";
        (!self.loose.contains(&id)).then(|| reason.into())
    }
}

/// Returns a model in integers.
///
/// # Errors
///
/// [`CalibrationError::Unusable`] without data and statistics, and if they hold no sample or lack a value;
/// [`RecipeError::NothingToQuantize`] if the model is quantized already
/// or no operator can compute in integers; what running it comes to.
pub(super) fn quantize(
    mut model: Model,
    recipe: &Recipe,
    activations: &Activations,
    (evidence, threads): (Evidence<'_>, usize),
    progress: &mut dyn FnMut(&str),
) -> Result<Quantized> {
    let nothing = |reason: String| Error::from(RecipeError::NothingToQuantize { recipe: recipe.name.clone(), reason });
    fold(&mut model)?;
    let graph = model.graph();
    if let Some(reason) = obstacle(&graph) {
        return Err(nothing(reason));
    }
    let made = match (evidence.statistics, evidence.data) {
        (Some(saved), _) => by_statistics(&model, &graph, saved, (recipe, activations))?,
        (None, Some(data)) => by_samples(&model, &graph, (data, threads), (recipe, activations), progress)?,
        (None, None) => {
            let reason = format!(
                "the recipe {:?} makes codes of activations, and needs samples of the model's inputs to learn their ranges, or \
                 statistics of such samples",
                recipe.name
            );
            return Err(CalibrationError::Unusable { reason }.into());
        }
    };
    if made.built.plan.integer_operators() == 0 {
        let reasons: BTreeSet<&str> =
            made.built.plan.parts.iter().flat_map(|part| &part.operators).map(|o| o.reason.as_str()).collect();
        let reasons: Vec<&str> = reasons.into_iter().filter(|reason| !reason.is_empty()).collect();
        return Err(nothing(match &reasons[..] {
            [] => "there is no operator that could compute in integers".into(),
            reasons => format!("no operator can compute in integers: {}", reasons.join("; ")),
        }));
    }
    let mut outcome = IntegerOutcome::new(&graph, &made.built.plan, &made.built.ranges, &made.built.written);
    outcome.samples = made.samples;
    outcome.variants = made.variants;
    (outcome.is_judged, outcome.sqnr_db) = (made.sqnr_db.is_some(), made.sqnr_db);
    if !outcome.is_judged && activations.float_operators > 0 {
        let message = "float-operators has no effect: with statistics in place of samples nothing is tried";
        outcome.warnings.push(Warning::new(message.to_owned(), String::new()));
    }
    for (id, count) in made.not_finite {
        let name = graph.value(id).map(|value| value.name.clone()).unwrap_or_default();
        let message = format!("{name}: {count} of the values that were observed are NaN or infinite");
        outcome.warnings.push(Warning::new(message, "ranges are those of the others"));
    }
    for signature in without_samples(&graph, &made.built.ranges) {
        let message = format!(
            "signature {signature:?}: none of its values were observed, and its operators compute in floating point"
        );
        outcome.warnings.push(Warning::new(message, "give samples of its inputs, too, named SIGNATURE/INPUT"));
    }
    let mut tensors = BTreeMap::new();
    for written in &made.built.written.constants {
        for raised in &written.raised {
            let name = graph.value(written.id).map(|value| value.name.clone()).unwrap_or_default();
            let message = format!(
                "{name}: the scale of channel {} was raised from {:e} to {:e}, for its bias to fit",
                raised.channel, raised.from, raised.to
            );
            outcome.warnings.push(Warning::new(message, ""));
        }
        let id = TensorId { subgraph: written.id.subgraph, tensor: written.id.value };
        tensors.entry(id).or_insert_with(|| written.clone());
    }
    let lengths = graph.subgraphs.iter().map(|part| part.values.len()).collect();
    let loose = loose(&graph, &made.built.plan);
    Ok(Quantized { model: Some(Model::from_bytes(made.built.bytes)?), tensors, outcome, lengths, loose })
}

/// A model in integers, before it is looked at.
struct Made {
    built: Built,
    variants: Vec<Variant>,
    /// `None` if nothing was run.
    sqnr_db: Option<f64>,
    samples: usize,
    not_finite: Vec<(ValueId, u64)>,
}

/// Returns the best of the variants that are tried on samples.
fn by_samples(
    model: &Model,
    graph: &Graph,
    (data, threads): (Data<'_>, usize),
    (recipe, activations): (&Recipe, &Activations),
    progress: &mut dyn FnMut(&str),
) -> Result<Made> {
    let held = Held::new(data.samples, HELD);
    let data = Data { engine: data.engine, samples: &held };
    let signatures: Vec<Option<String>> = match graph.signatures.len() {
        0 => vec![None],
        _ => graph.signatures.iter().map(|signature| Some(signature.name.clone())).collect(),
    };
    let splits: Vec<Split> = signatures
        .into_iter()
        .map(|signature| Split::new(signature, data.samples))
        .filter(|s| !s.fitting.is_empty())
        .collect();
    if splits.is_empty() {
        return Err(CalibrationError::Unusable { reason: "the data hold no sample".into() }.into());
    }
    let equalizer = Equalizer::new(model, graph);
    let statistics = Statistics::new(graph, asked(graph, activations), equalizer.values());
    let base = Base::new(model, graph, equalizer, statistics)?;
    let choices = choices(recipe, activations)?;
    let samples = splits.iter().map(|split| split.all().len()).sum();
    let folds = Split::folds(splits);
    let mut search = Search {
        data,
        choices: &choices,
        folds: &folds,
        is_searched: activations.improve == Improve::Search,
        mixed: Mixed { operators: activations.float_operators, growth: activations.growth },
        threads: threads.clamp(1, MOST_THREADS),
        progress,
    };
    let Found { built, variants, sqnr_db, not_finite } = search.run(&base)?;
    Ok(Made { built, variants, sqnr_db: Some(sqnr_db), samples, not_finite })
}

/// Returns what follows from statistics that were saved: their ranges, at 16 bits with headroom, and biases that take out the shift of codes
/// by the means of channels. Nothing is run, so that there is nothing to choose by.
fn by_statistics(
    model: &Model,
    graph: &Graph,
    saved: &calibration::Statistics<AnyEstimator>,
    (recipe, activations): (&Recipe, &Activations),
) -> Result<Made> {
    let statistics = Statistics::saved(graph, saved, &asked(graph, activations))?;
    let (samples, not_finite) = (statistics.samples, statistics.not_finite().collect());
    let choices = choices(recipe, activations)?;
    let is_searched = activations.improve == Improve::Search;
    let settings = Settings {
        is_equalized: false,
        ranges: if is_searched && choices.width == Width::Int16 { RangeKind::Wide } else { RangeKind::Asked },
        headroom: headroom::Headroom::default(),
        is_narrowed: false,
        add_rule: choices.add_rule,
        tie_rule: choices.tie_rule,
        biases: if is_searched { BiasKind::Analytic } else { BiasKind::AsTheyAre },
        weights: WeightRanges::MinMax,
    };
    let base = Base::new(model, graph, Equalizer::new(model, graph), statistics)?;
    let built = base.build_alone(&choices, settings)?;
    Ok(Made { built, variants: Vec::new(), sqnr_db: None, samples, not_finite })
}

/// Returns the signatures none of whose values have a range.
fn without_samples<'a>(graph: &'a Graph, ranges: &Ranges) -> Vec<&'a str> {
    let is_unseen = |subgraph: usize| {
        let values = graph.subgraphs.get(subgraph).map(Subgraph::reals).unwrap_or_default();
        !values.is_empty() && values.into_iter().all(|value| !ranges.contains_key(&ValueId { subgraph, value }))
    };
    let unseen = graph.signatures.iter().filter(|signature| is_unseen(signature.subgraph));
    unseen.map(|signature| signature.name.as_str()).collect()
}

/// Returns the constants of operators that could not compute in integers.
fn loose(graph: &Graph, plan: &IntegerPlan) -> BTreeSet<TensorId> {
    let mut loose = BTreeSet::new();
    for (subgraph, (part, of_part)) in graph.subgraphs.iter().zip(&plan.parts).enumerate() {
        for (operator, of_operator) in part.operators.iter().zip(&of_part.operators) {
            if of_operator.domain == Domain::Float && !of_operator.is_asked {
                loose.extend(operator.inputs.iter().flatten().map(|&tensor| TensorId { subgraph, tensor }));
            }
        }
    }
    loose
}

/// Returns why a model is not to be quantized at all.
fn obstacle(graph: &Graph) -> Option<String> {
    let values = graph.subgraphs.iter().flat_map(|part| &part.values);
    let quantized = values.filter(|value| value.quantization.is_some() && !value.element_type.is_float());
    let value = quantized.clone().next()?;
    let (count, name) = (quantized.count(), &value.name);
    Some(format!(
        "the model is quantized already: {count} of its values are codes, {name:?} of {} among them",
        value.element_type
    ))
}

fn asked(graph: &Graph, activations: &Activations) -> BTreeMap<ValueId, AnyEstimator> {
    let mut asked = BTreeMap::new();
    for (subgraph, part) in graph.subgraphs.iter().enumerate() {
        for (value, of_value) in part.values.iter().enumerate() {
            if let Some(estimator) = activations.estimator(&of_value.name) {
                asked.insert(ValueId { subgraph, value }, estimator.clone());
            }
        }
    }
    asked
}

fn choices(recipe: &Recipe, activations: &Activations) -> Result<Choices> {
    if activations.to == Width::Int16 && [activations.inputs, activations.outputs].contains(&EdgeType::Uint8) {
        let reason = "unsigned bytes at the model's edges are for int8 activations: int16 ones have no zero point";
        return Err(RecipeError::Unusable { reason: reason.into() }.into());
    }
    let mut keep_float = activations.keep_float.clone();
    keep_float.extend(recipe.exclude.iter().cloned());
    Ok(Choices {
        width: activations.to,
        inputs: activations.inputs,
        outputs: activations.outputs,
        keep_float,
        keep_int16: activations.keep_int16.clone(),
        ..Choices::default()
    })
}
