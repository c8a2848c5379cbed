//! A float model with what samples tell of it, and the files in integers that are built of it.

use super::super::equalization::{ChannelSets, Constants, Equalizer};
use super::balance::Balance;
use super::correct::{analytic, layer_by_layer};
use super::encoding::{Refitted, WeightRanges};
use super::importance::Importance;
use super::judge::Data;
use super::refit::refit;
use super::split::{Split, fitting};
use super::statistics::Statistics;
use super::variant::{BiasKind, RangeKind, Settings};
use super::weights::{Tuned, WeightsKey};
use super::write::write;
use super::writer::Written;
use crate::calibration::{RunError, Runner};
use crate::error::Result;
use crate::graph::{Graph, Operator, Subgraph, ValueId};
use crate::model::tflite::Model;
use crate::params::ValueRange;
use crate::recipe::integer::{Choices, IntegerPlan, Ranges, Width};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// How much wider ranges with headroom are.
const HEADROOM: f32 = 2.0;

/// A float model, and what samples tell of it.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) bytes: Vec<u8>,
    pub(crate) graph: Graph,
    pub(crate) constants: Constants,
    pub(crate) statistics: Statistics,
    pub(crate) equalizer: Arc<Equalizer>,
    /// The ranges with the smallest squared error: found once, for all that have the same statistics of them.
    pub(crate) least_squares: Arc<OnceLock<Ranges>>,
    /// Weights chosen for what layers make of samples: found once.
    pub(crate) refitted: OnceLock<Arc<BTreeMap<WeightsKey, Refitted>>>,
    /// How much inputs of weights count: found once.
    pub(crate) importance: OnceLock<Arc<Importance>>,
}

/// A model as it was written, and how.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) bytes: Vec<u8>,
    pub(crate) plan: IntegerPlan,
    pub(crate) written: Written,
    pub(crate) ranges: Ranges,
}

/// What a variant is built for, and with.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) data: Data<'a>,
    pub(crate) splits: &'a [Split],
    pub(crate) choices: &'a Choices,
    /// How many threads solve for weights.
    pub(crate) threads: usize,
}

impl Base {
    /// Returns a model with what is known of it.
    pub(crate) fn new(model: &Model, graph: &Graph, equalizer: Equalizer, statistics: Statistics) -> Result<Self> {
        Ok(Self {
            bytes: model.to_bytes()?,
            graph: graph.clone(),
            constants: Constants::read(model, graph)?,
            statistics,
            equalizer: Arc::new(equalizer),
            least_squares: Arc::default(),
            refitted: OnceLock::new(),
            importance: OnceLock::new(),
        })
    }

    /// Returns the ranges and the plan of a variant. `floats` are outputs of operators that are left in floating point.
    pub(crate) fn plan(
        &self,
        choices: &Choices,
        settings: Settings,
        floats: &BTreeSet<ValueId>,
    ) -> Result<(IntegerPlan, Ranges)> {
        let width = choices.width;
        let asked = || self.statistics.asked(width);
        let mut ranges: Ranges = match settings.ranges {
            RangeKind::Asked => asked(),
            RangeKind::LeastSquares => self.least_squares(width).clone(),
            RangeKind::Between => {
                let least = self.least_squares(width);
                let between = |(id, range)| (id, least.get(&id).map_or(range, |least| middle(range, *least)));
                asked().into_iter().map(between).collect()
            }
            RangeKind::Wide => asked().into_iter().map(|(id, range)| (id, widened(range))).collect(),
        };
        settings.headroom.widen(&self.graph, &mut ranges);
        self.statistics.extend_by_asked(&mut ranges, width);
        if settings.is_narrowed {
            self.statistics.narrow(&self.graph, &mut ranges, width);
        }
        ranges.extend(self.constants.ranges());
        let mut choices = Choices { add_rule: settings.add_rule, tie_rule: settings.tie_rule, ..choices.clone() };
        choices.float_values.extend(floats);
        Ok((IntegerPlan::new(&self.graph, &ranges, &choices)?, ranges))
    }

    /// Returns a variant's file.
    pub(crate) fn build(&self, setting: Setting<'_>, settings: Settings, floats: &BTreeSet<ValueId>) -> Result<Built> {
        let (plan, ranges) = self.plan(setting.choices, settings, floats)?;
        let mut tuned = Tuned { weight_ranges: settings.weights, ..Tuned::default() };
        if settings.weights == WeightRanges::Mse {
            tuned.importance = self.importance.get_or_init(|| Arc::new(Importance::new(self.squares()))).clone();
        }
        if settings.weights == WeightRanges::Refitted {
            tuned.refitted = self.refitted(setting)?;
        }
        if settings.biases != BiasKind::AsTheyAre {
            tuned.biases = analytic(&self.graph, &plan, &self.constants, &tuned, &self.statistics)?;
        }
        if settings.biases == BiasKind::LayerByLayer {
            let (start, _) = self.write(&plan, &tuned)?;
            let mut float = setting.data.engine.open(&self.bytes).map_err(RunError::into_error)?;
            tuned.biases = layer_by_layer(
                (&self.graph, &plan, &self.constants),
                &tuned,
                (setting.data, setting.splits),
                &mut *float,
                &start,
            )?;
        }
        let (bytes, written) = self.write(&plan, &tuned)?;
        Ok(Built { bytes, plan, written, ranges })
    }

    /// Returns the file of a variant that takes nothing but statistics.
    pub(crate) fn build_alone(&self, choices: &Choices, settings: Settings) -> Result<Built> {
        let (plan, ranges) = self.plan(choices, settings, &BTreeSet::new())?;
        let mut tuned = Tuned { weight_ranges: settings.weights, ..Tuned::default() };
        if settings.biases != BiasKind::AsTheyAre {
            tuned.biases = analytic(&self.graph, &plan, &self.constants, &tuned, &self.statistics)?;
        }
        let (bytes, written) = self.write(&plan, &tuned)?;
        Ok(Built { bytes, plan, written, ranges })
    }

    fn write(&self, plan: &IntegerPlan, tuned: &Tuned) -> Result<(Vec<u8>, Written)> {
        let mut model = Model::from_bytes(self.bytes.clone())?;
        let written = write(&mut model, &self.graph, plan, &self.constants, tuned)?;
        Ok((model.to_bytes()?, written))
    }

    /// Returns the model with channels equalized by what `statistics` tell of them, of which nothing has been observed; `None` if there
    /// are none to equalize.
    pub(crate) fn equalized(&self, statistics: &Statistics, width: Width) -> Result<Option<Self>> {
        let mut model = Model::from_bytes(self.bytes.clone())?;
        let mut constants = self.constants.clone();
        let groups: Vec<_> = self.graph.subgraphs.iter().map(Subgraph::scale_groups).collect();
        let mut factors = |subgraph: usize, sets: &ChannelSets, constants: &Constants| {
            Balance::new(subgraph, sets, constants, statistics, &groups[subgraph]).best(width)
        };
        if self.equalizer.apply(&mut model, &mut constants, &mut factors)?.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { bytes: model.to_bytes()?, constants, ..self.fresh() }))
    }

    /// Returns the model of which nothing has been observed.
    pub(crate) fn fresh(&self) -> Self {
        Self {
            bytes: self.bytes.clone(),
            graph: self.graph.clone(),
            constants: self.constants.clone(),
            statistics: self.statistics.fresh(),
            equalizer: self.equalizer.clone(),
            least_squares: Arc::default(),
            refitted: OnceLock::new(),
            importance: OnceLock::new(),
        }
    }

    /// Runs the model on samples of each signature, and takes note of its values.
    pub(crate) fn observe(&mut self, data: Data<'_>, samples: &[(Option<&str>, Vec<usize>)]) -> Result<()> {
        let mut runner: Box<dyn Runner> = data.engine.open(&self.bytes).map_err(RunError::into_error)?;
        for (signature, numbers) in samples {
            self.statistics.observe(&mut *runner, *signature, data.samples, &mut numbers.iter().copied())?;
        }
        self.least_squares = Arc::default();
        self.refitted.take();
        self.importance.take();
        Ok(())
    }

    /// Takes the ranges of others: those of all samples.
    pub(crate) fn take_ranges(&mut self, all: &Statistics, least_squares: &Arc<OnceLock<Ranges>>) {
        self.statistics.take_ranges(all);
        self.least_squares.clone_from(least_squares);
    }

    fn refitted(&self, setting: Setting<'_>) -> Result<Arc<BTreeMap<WeightsKey, Refitted>>> {
        if let Some(refitted) = self.refitted.get() {
            return Ok(refitted.clone());
        }
        let samples = fitting(setting.splits);
        let found =
            Arc::new(refit((&self.bytes, &self.graph, &self.constants), setting.data, &samples, setting.threads)?);
        Ok(self.refitted.get_or_init(|| found).clone())
    }

    fn least_squares(&self, width: Width) -> &Ranges {
        self.least_squares.get_or_init(|| self.statistics.least_squares(width))
    }

    /// Returns, for weights, the mean squares of what they are multiplied with.
    fn squares(&self) -> BTreeMap<ValueId, Vec<f32>> {
        let mut importance = BTreeMap::new();
        for (subgraph, part) in self.graph.subgraphs.iter().enumerate() {
            let of = |value: usize| ValueId { subgraph, value };
            for bias in part.operators.iter().filter_map(Operator::bias) {
                if let Some(moments) = self.statistics.moments(of(bias.input)) {
                    let squares = moments.mean_squares().into_iter().map(|square| square as f32).collect();
                    importance.entry(of(bias.weights)).or_insert(squares);
                }
            }
        }
        importance
    }
}

fn widened(range: ValueRange) -> ValueRange {
    ValueRange::new(HEADROOM * range.min(), HEADROOM * range.max()).unwrap_or(range)
}

fn middle(a: ValueRange, b: ValueRange) -> ValueRange {
    let half = |x: f32, y: f32| x / 2.0 + y / 2.0;
    ValueRange::new(half(a.min(), b.min()), half(a.max(), b.max())).unwrap_or(a)
}
