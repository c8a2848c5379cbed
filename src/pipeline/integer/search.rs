//! The best of a handful of variants of a whole model.

use super::constants::Constants;
use super::correct::{analytic, layer_by_layer};
use super::encoding::WeightRanges;
use super::equalize::equalize;
use super::judge::{Data, Judge, Judged, Split};
use super::statistics::Statistics;
use super::write::{Tuned, Written, write};
use crate::calibration::{RunError, Runner};
use crate::error::Result;
use crate::graph::{Graph, Op, Operator, ValueId};
use crate::model::tflite::Model;
use crate::params::ValueRange;
use crate::recipe::integer::{AddRule, Choices, Domain, IntegerPlan, Ranges, TieRule, Width};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

/// A variant of a model, and what it gave.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Variant {
    /// What it is, as in `min-max, bias by means`.
    pub name: String,
    /// The bytes of its file.
    pub bytes: u64,
    /// The SQNR of the worst output on the judging samples, in dB.
    pub sqnr_db: f64,
    /// What it is expected to be on others, in dB: by this the best is chosen.
    pub expected_db: f64,
    /// Whether it is the one that was written.
    pub is_chosen: bool,
}

/// How ranges of values are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RangeKind {
    /// As the recipe says, or the extremes.
    Asked,
    LeastSquares,
    /// Half-way between the extremes and the smallest squared error.
    Between,
    /// Twice the extremes: at 16 bits the wider steps cost nothing to speak of, and values beyond those that were observed are not cut
    /// off.
    Wide,
}

/// How much wider.
const HEADROOM: f32 = 2.0;

/// What is done about biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BiasKind {
    AsTheyAre,
    Analytic,
    LayerByLayer,
}

/// A variant's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Settings {
    is_equalized: bool,
    ranges: RangeKind,
    add_rule: AddRule,
    tie_rule: TieRule,
    biases: BiasKind,
    weights: WeightRanges,
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.ranges {
            RangeKind::Asked => "min-max",
            RangeKind::LeastSquares => "mse",
            RangeKind::Between => "between min-max and mse",
            RangeKind::Wide => "min-max with headroom",
        })?;
        if self.add_rule == AddRule::FirstTakesSum {
            f.write_str(", sums' ranges")?;
        }
        if self.tie_rule == TieRule::Joined {
            f.write_str(", joins' ranges")?;
        }
        if self.is_equalized {
            f.write_str(", equalized")?;
        }
        if self.weights == WeightRanges::Mse {
            f.write_str(", mse weights")?;
        }
        f.write_str(match self.biases {
            BiasKind::AsTheyAre => "",
            BiasKind::Analytic => ", bias by means",
            BiasKind::LayerByLayer => ", bias layer by layer",
        })
    }
}

/// A float model, and what samples tell of it.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) bytes: Vec<u8>,
    pub(crate) graph: Graph,
    pub(crate) constants: Constants,
    pub(crate) statistics: Statistics,
    /// The ranges with the smallest squared error: found once.
    pub(crate) least_squares: OnceCell<Ranges>,
}

impl Base {
    /// Returns, for weights, the mean squares of what they are multiplied with.
    fn importance(&self) -> BTreeMap<ValueId, Vec<f32>> {
        let mut importance = BTreeMap::new();
        for (subgraph, part) in self.graph.subgraphs.iter().enumerate() {
            let of = |value: usize| ValueId { subgraph, value };
            for bias in part.operators.iter().filter_map(Operator::bias) {
                if let Some(squares) = self.statistics.mean_squares(of(bias.input)) {
                    importance.entry(of(bias.weights)).or_insert(squares);
                }
            }
        }
        importance
    }
}

impl Base {
    fn least_squares(&self, width: Width) -> &Ranges {
        self.least_squares.get_or_init(|| self.statistics.least_squares(width))
    }
}

/// A model as it was written, and how.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) bytes: Vec<u8>,
    pub(crate) plan: IntegerPlan,
    pub(crate) written: Written,
    pub(crate) ranges: Ranges,
}

/// A variant that was judged.
#[derive(Debug)]
struct Tried {
    settings: Settings,
    judged: Judged,
    bytes: u64,
    plan: IntegerPlan,
}

/// What a search came to.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) built: Built,
    pub(crate) variants: Vec<Variant>,
    /// The SQNR of what was built, in dB.
    pub(crate) sqnr_db: f64,
}

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

/// Finds the best variant.
pub(crate) struct Search<'a> {
    pub(crate) data: Data<'a>,
    pub(crate) splits: &'a [Split],
    pub(crate) choices: &'a Choices,
    pub(crate) is_searched: bool,
    /// Operators that may be left in floating point, and how much longer the file may be for it.
    pub(crate) mixed: Mixed,
    pub(crate) progress: &'a mut dyn FnMut(&str),
}

/// How much better, in dB, a later variant has to be: less may be chance.
const MARGIN_DB: f64 = 0.05;

impl Search<'_> {
    /// Returns the best variant of a model that has been calibrated with the fitting samples.
    pub(crate) fn run(&mut self, base: Base) -> Result<Found> {
        let mut float = self.data.engine.open(&base.bytes).map_err(RunError::into_error)?;
        (self.progress)("the float model's outputs");
        let judge = Judge::new(self.data, self.splits, &base.graph, &mut *float)?;
        let plain = Settings {
            is_equalized: false,
            ranges: RangeKind::Asked,
            add_rule: self.choices.add_rule,
            tie_rule: self.choices.tie_rule,
            biases: BiasKind::AsTheyAre,
            weights: WeightRanges::MinMax,
        };
        let mut tried: Vec<Tried> = Vec::new();
        let mut bases = [Some(base), None];
        if self.is_searched {
            self.stage(&judge, &mut bases, plain, &mut *float, &mut tried)?;
            let equalized = match &bases[0] {
                Some(base) => self.equalized(base)?,
                None => None,
            };
            if equalized.is_some() {
                bases[1] = equalized;
                self.stage(&judge, &mut bases, Settings { is_equalized: true, ..plain }, &mut *float, &mut tried)?;
            }
        } else if let Some(base) = bases.first().and_then(Option::as_ref) {
            let plan = self.plan(base, plain, &BTreeSet::new())?.0;
            let judged = Judged { measured_db: f64::NEG_INFINITY, expected_db: f64::NEG_INFINITY };
            tried.push(Tried { settings: plain, judged, bytes: 0, plan });
        }
        let mut best = 0;
        for (number, variant) in tried.iter().enumerate() {
            if variant.judged.expected_db > tried[best].judged.expected_db + MARGIN_DB {
                best = number;
            }
        }
        let settings = tried[best].settings;
        let place = usize::from(settings.is_equalized);
        let Some(mut base) = bases.get_mut(place).and_then(Option::take) else {
            unreachable!("a variant has its base")
        };
        // What is written is fitted on all samples.
        (self.progress)("the best variant on all samples");
        let mut runner = self.data.engine.open(&base.bytes).map_err(RunError::into_error)?;
        for split in self.splits.iter().filter(|split| split.fitting != split.judging) {
            let signature = split.signature.as_deref();
            base.statistics.observe(&mut *runner, signature, self.data.samples, &mut split.judging.iter().copied())?;
        }
        base.least_squares.take();
        let mut built = self.build(&base, settings, &BTreeSet::new(), &mut *runner)?;
        let mut judged = judge.judge(&built.bytes)?;
        let mut mixed = Vec::new();
        if self.mixed.operators > 0 {
            let floats = self.leave_in_float(&judge, &base, settings, &built, judged, &mut mixed)?;
            built = self.build(&base, settings, &floats, &mut *runner)?;
            judged = judge.judge(&built.bytes)?;
        }
        let mut variants: Vec<Variant> = Vec::new();
        for (number, variant) in tried.iter().enumerate() {
            let is_chosen = number == best;
            let (of, bytes) =
                if self.is_searched { (variant.judged, variant.bytes) } else { (judged, built.bytes.len() as u64) };
            let is_chosen = is_chosen && mixed.is_empty();
            let (sqnr_db, expected_db) = (of.measured_db, of.expected_db);
            variants.push(Variant { name: variant.settings.to_string(), bytes, sqnr_db, expected_db, is_chosen });
        }
        variants.extend(mixed);
        Ok(Found { built, variants, sqnr_db: judged.measured_db })
    }

    /// Tries the variants of one base: ranges first, then biases on the best of them.
    fn stage(
        &mut self,
        judge: &Judge<'_>,
        bases: &mut [Option<Base>; 2],
        plain: Settings,
        float: &mut dyn Runner,
        tried: &mut Vec<Tried>,
    ) -> Result<()> {
        let Some(base) = bases[usize::from(plain.is_equalized)].as_ref() else { return Ok(()) };
        let first = tried.len();
        let has_sums = self.choices.width == Width::Int8
            && base.graph.subgraphs.iter().flat_map(|part| &part.operators).any(|operator| operator.op == Op::Add);
        let mut rules = vec![plain.add_rule];
        if has_sums {
            rules.push(if plain.add_rule == AddRule::Own { AddRule::FirstTakesSum } else { AddRule::Own });
        }
        let kinds: &[RangeKind] = if self.choices.width == Width::Int8 {
            &[RangeKind::Asked, RangeKind::LeastSquares, RangeKind::Between]
        } else {
            &[RangeKind::Wide]
        };
        for &ranges in kinds {
            for &add_rule in &rules {
                for tie_rule in [TieRule::Joined, TieRule::All] {
                    self.attempt(judge, base, Settings { ranges, add_rule, tie_rule, ..plain }, float, tried)?;
                }
            }
        }
        let best_of = |tried: &[Tried]| {
            let best = tried.iter().skip(first).max_by(|a, b| a.judged.expected_db.total_cmp(&b.judged.expected_db));
            best.map_or(plain, |best| best.settings)
        };
        let best = best_of(tried);
        for biases in [BiasKind::Analytic, BiasKind::LayerByLayer] {
            self.attempt(judge, base, Settings { biases, ..best }, float, tried)?;
        }
        let best = best_of(tried);
        self.attempt(judge, base, Settings { weights: WeightRanges::Mse, ..best }, float, tried)?;
        // What was decided first may be another with what was decided since.
        let best = best_of(tried);
        for &ranges in kinds {
            self.attempt(judge, base, Settings { ranges, ..best }, float, tried)?;
        }
        for &add_rule in &rules {
            self.attempt(judge, base, Settings { add_rule, ..best_of(tried) }, float, tried)?;
        }
        for biases in [BiasKind::Analytic, BiasKind::LayerByLayer] {
            self.attempt(judge, base, Settings { biases, ..best_of(tried) }, float, tried)?;
        }
        Ok(())
    }

    /// Builds a variant and judges it, unless it has been tried, or is the same as one that has.
    fn attempt(
        &mut self,
        judge: &Judge<'_>,
        base: &Base,
        settings: Settings,
        float: &mut dyn Runner,
        tried: &mut Vec<Tried>,
    ) -> Result<()> {
        let is_known = |other: &Tried| other.settings == settings;
        if tried.iter().any(is_known) {
            return Ok(());
        }
        (self.progress)(&settings.to_string());
        let plan = self.plan(base, settings, &BTreeSet::new())?.0;
        let is_same = |other: &Tried| {
            let of = |s: Settings| (s.is_equalized, s.biases, s.weights);
            of(other.settings) == of(settings) && other.plan == plan
        };
        if tried.iter().any(is_same) {
            return Ok(());
        }
        let built = self.build_with(base, settings, float)?;
        let judged = judge.judge(&built.bytes)?;
        tried.push(Tried { settings, judged, bytes: built.bytes.len() as u64, plan });
        Ok(())
    }

    /// Returns operators, by an output of each, whose computing in floating point makes outputs lose least: one after the other,
    /// each judged together with those before it, as gains do not add up.
    fn leave_in_float(
        &mut self,
        judge: &Judge<'_>,
        base: &Base,
        settings: Settings,
        built: &Built,
        judged: Judged,
        variants: &mut Vec<Variant>,
    ) -> Result<BTreeSet<ValueId>> {
        let most_bytes = (built.bytes.len() as f64 * (1.0 + self.mixed.growth)) as usize;
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
        let mut float = self.data.engine.open(&base.bytes).map_err(RunError::into_error)?;
        let mut chosen = BTreeSet::new();
        let mut names: Vec<String> = Vec::new();
        let mut best = if quick == settings {
            judged
        } else {
            judge.judge(&self.build(base, quick, &chosen, &mut *float)?.bytes)?
        };
        for round in 0..self.mixed.operators {
            let mut tried: Vec<(Judged, usize, usize)> = Vec::new();
            for (place, (value, name)) in left.iter().enumerate() {
                (self.progress)(&format!("{name} in floating point"));
                let mut floats = chosen.clone();
                floats.insert(*value);
                let candidate = self.build(base, quick, &floats, &mut *float)?;
                if candidate.bytes.len() <= most_bytes {
                    tried.push((judge.judge(&candidate.bytes)?, place, candidate.bytes.len()));
                }
            }
            tried.sort_by(|a, b| b.0.expected_db.total_cmp(&a.0.expected_db));
            let Some(&(gained, place, bytes)) = tried.first() else { break };
            if gained.expected_db <= best.expected_db + MARGIN_DB {
                break;
            }
            best = gained;
            if let Some((value, name)) = left.get(place) {
                chosen.insert(*value);
                let output = base.graph.value(*value).map(|value| value.name.clone()).unwrap_or_default();
                names.push(format!("{name} {output}"));
            }
            for variant in variants.iter_mut() {
                variant.is_chosen = false;
            }
            let name = format!("{} in floating point", names.join(", "));
            let (sqnr_db, expected_db) = (gained.measured_db, gained.expected_db);
            variants.push(Variant { name, bytes: bytes as u64, sqnr_db, expected_db, is_chosen: true });
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

    fn build_with(&self, base: &Base, settings: Settings, float: &mut dyn Runner) -> Result<Built> {
        // The float runner is that of the plain base: layers of an equalized one have outputs of other scales.
        if settings.is_equalized && settings.biases == BiasKind::LayerByLayer {
            let mut own = self.data.engine.open(&base.bytes).map_err(RunError::into_error)?;
            return self.build(base, settings, &BTreeSet::new(), &mut *own);
        }
        self.build(base, settings, &BTreeSet::new(), float)
    }

    fn plan(&self, base: &Base, settings: Settings, floats: &BTreeSet<ValueId>) -> Result<(IntegerPlan, Ranges)> {
        let mut ranges = match settings.ranges {
            RangeKind::Asked => base.statistics.asked(self.choices.width),
            RangeKind::LeastSquares => base.least_squares(self.choices.width).clone(),
            RangeKind::Between => {
                let least = base.least_squares(self.choices.width);
                let ranges = base.statistics.asked(self.choices.width).into_iter();
                ranges.map(|(id, range)| (id, least.get(&id).map_or(range, |least| middle(range, *least)))).collect()
            }
            RangeKind::Wide => {
                let ranges = base.statistics.asked(self.choices.width).into_iter();
                ranges.map(|(id, range)| (id, widened(range))).collect()
            }
        };
        ranges.extend(base.constants.ranges());
        let mut choices = Choices { add_rule: settings.add_rule, tie_rule: settings.tie_rule, ..self.choices.clone() };
        choices.float_values.extend(floats);
        Ok((IntegerPlan::new(&base.graph, &ranges, &choices)?, ranges))
    }

    fn build(
        &self,
        base: &Base,
        settings: Settings,
        floats: &BTreeSet<ValueId>,
        float: &mut dyn Runner,
    ) -> Result<Built> {
        let (plan, ranges) = self.plan(base, settings, floats)?;
        let mut tuned = Tuned { weight_ranges: settings.weights, ..Tuned::default() };
        if settings.weights == WeightRanges::Mse {
            tuned.importance = Rc::new(base.importance());
        }
        if settings.biases != BiasKind::AsTheyAre {
            tuned.biases = analytic(&base.graph, &plan, &base.constants, &tuned, &base.statistics)?;
        }
        if settings.biases == BiasKind::LayerByLayer {
            let (start, _) = candidate(base, &plan, &tuned)?;
            tuned.biases =
                layer_by_layer(&base.graph, &plan, &base.constants, &tuned, self.data, self.splits, float, &start)?;
        }
        let (bytes, written) = candidate(base, &plan, &tuned)?;
        Ok(Built { bytes, plan, written, ranges })
    }

    /// Returns the model with equalized channels, calibrated anew; `None` if there are no pairs of layers for it.
    fn equalized(&mut self, base: &Base) -> Result<Option<Base>> {
        let mut model = Model::from_bytes(base.bytes.clone())?;
        let mut constants = base.constants.clone();
        if equalize(&mut model, &base.graph, &mut constants, &base.statistics)? == 0 {
            return Ok(None);
        }
        (self.progress)("equalized channels");
        let bytes = model.to_bytes()?;
        let mut statistics = base.statistics.fresh();
        let mut runner = self.data.engine.open(&bytes).map_err(RunError::into_error)?;
        for split in self.splits {
            let signature = split.signature.as_deref();
            statistics.observe(&mut *runner, signature, self.data.samples, &mut split.fitting.iter().copied())?;
        }
        Ok(Some(Base { bytes, graph: base.graph.clone(), constants, statistics, least_squares: OnceCell::new() }))
    }
}

fn candidate(base: &Base, plan: &IntegerPlan, tuned: &Tuned) -> Result<(Vec<u8>, Written)> {
    let mut model = Model::from_bytes(base.bytes.clone())?;
    let written = write(&mut model, &base.graph, plan, &base.constants, tuned)?;
    Ok((model.to_bytes()?, written))
}

fn widened(range: ValueRange) -> ValueRange {
    ValueRange::new(HEADROOM * range.min(), HEADROOM * range.max()).unwrap_or(range)
}

fn middle(a: ValueRange, b: ValueRange) -> ValueRange {
    let half = |x: f32, y: f32| x / 2.0 + y / 2.0;
    ValueRange::new(half(a.min(), b.min()), half(a.max(), b.max())).unwrap_or(a)
}
