//! What samples tell of a model's values: ranges, and means of channels.

use super::super::equalization::ChannelMoments;
use super::arguments::Arguments;
use crate::calibration::{self, CalibrationError, RunError, Runner, Samples, ValueView, sample_of_numbers};
use crate::error::Result;
use crate::graph::{Graph, Value, ValueId};
use crate::kernel::{Extremes, detect, min_max};
use crate::params::{CodeRange, ValueRange};
use crate::range::{AnyEstimator, Mse, RangeEstimator};
use crate::recipe::integer::{Ranges, Width};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// What samples told of a model's values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statistics {
    seen: BTreeMap<ValueId, Extremes>,
    squares: BTreeMap<ValueId, Mse>,
    /// The channels, along the last axis, of what is multiplied with weights and of what can be scaled.
    moments: BTreeMap<ValueId, ChannelMoments>,
    with_channels: BTreeSet<ValueId>,
    arguments: Arguments,
    /// Estimators that were asked for.
    asked: BTreeMap<ValueId, AnyEstimator>,
    pub(crate) samples: usize,
}

impl Statistics {
    /// Returns statistics that have seen nothing.
    /// `asked` has estimators for some values; the channels of `scaled` ones are observed.
    pub(crate) fn new(graph: &Graph, asked: BTreeMap<ValueId, AnyEstimator>, scaled: BTreeSet<ValueId>) -> Self {
        let mut with_channels = scaled;
        for (subgraph, part) in graph.subgraphs.iter().enumerate() {
            for operator in &part.operators {
                let is_weights = |(input, value): (usize, &Option<usize>)| {
                    let ndim = value.and_then(|value| part.values.get(value)).and_then(Value::ndim);
                    ndim.is_some_and(|ndim| operator.weights_axis(input, ndim).is_some())
                };
                if operator.inputs.iter().enumerate().any(is_weights) {
                    with_channels.extend(operator.inputs.iter().flatten().map(|&value| ValueId { subgraph, value }));
                }
            }
        }
        Self { with_channels, asked, arguments: Arguments::new(graph), ..Self::default() }
    }

    /// Returns statistics that were saved before. `rules` has the estimators that the recipe asks for.
    ///
    /// # Errors
    ///
    /// [`CalibrationError::Unusable`] if they lack some of the values of a subgraph, or all of all, or have another estimator than was asked for.
    pub(crate) fn saved(
        graph: &Graph,
        saved: &calibration::Statistics<AnyEstimator>,
        rules: &BTreeMap<ValueId, AnyEstimator>,
    ) -> Result<Self> {
        let unusable = |reason: String| Err(CalibrationError::Unusable { reason }.into());
        if saved.ranges().names().is_empty() {
            return unusable("the statistics are of no sample".into());
        }
        if !saved.ranges().is_per_tensor() {
            return unusable("the statistics have ranges for each channel, and activations have one scale".into());
        }
        let fresh = Self::new(graph, BTreeMap::new(), BTreeSet::new());
        let mut known = Self { samples: saved.samples() as usize, ..fresh };
        let (mut missing, mut unseen) = (Vec::new(), Vec::new());
        for (subgraph, (part, keys)) in graph.subgraphs.iter().zip(graph.keys()).enumerate() {
            let mut missing_here = Vec::new();
            for value in part.reals() {
                let id = ValueId { subgraph, value };
                let Some(key) = keys.get(value) else { continue };
                let (Some(seen), Some(estimator)) = (saved.ranges().seen(key), saved.ranges().estimator(key)) else {
                    missing_here.push(key.clone());
                    continue;
                };
                if let Some(asked) = rules.get(&id).map(AnyEstimator::to_string)
                    && asked != estimator.to_string()
                {
                    let has = estimator.to_string();
                    return unusable(format!(
                        "the recipe asks for {asked:?} for {key:?}, and its statistics are of {has:?}"
                    ));
                }
                known.seen.insert(id, seen);
                known.asked.insert(id, estimator);
                if let (Some(means), Some(squares)) = (saved.means(key), saved.mean_squares(key)) {
                    known.moments.insert(id, ChannelMoments::of_means(&means, &squares));
                }
            }
            // A branch that no sample took has none of its values, nor has a signature that was not run.
            if known.seen.keys().any(|id| id.subgraph == subgraph) {
                missing.extend(missing_here);
            } else {
                unseen.extend(missing_here);
            }
        }
        if known.seen.is_empty() {
            missing = unseen;
        }
        match &missing[..] {
            [] => Ok(known),
            [first, ..] => {
                let (count, all) = (missing.len(), missing.len() + known.seen.len());
                unusable(format!("the statistics lack {count} of {all} values of the model, {first:?} among them"))
            }
        }
    }

    /// Runs a model on samples of a signature, and takes note of its values.
    pub(crate) fn observe(
        &mut self,
        runner: &mut dyn Runner,
        signature: Option<&str>,
        samples: &dyn Samples,
        numbers: &mut dyn Iterator<Item = usize>,
    ) -> Result<()> {
        for number in numbers {
            let sample = sample_of_numbers(samples, signature, number)?;
            let inputs: Vec<(&str, _)> = sample.iter().map(|(name, array)| (name.as_str(), array.clone())).collect();
            runner
                .run(signature, &inputs, &mut |value| {
                    self.take(value);
                    Ok(())
                })
                .map_err(RunError::into_error)?;
            self.samples += 1;
        }
        Ok(())
    }

    fn take(&mut self, value: &ValueView<'_>) {
        let elements: Cow<'_, [f32]> =
            value.values.as_slice().map_or_else(|| value.values.iter().copied().collect(), Cow::Borrowed);
        let elements = &*elements;
        let seen = min_max(detect(), elements);
        let entry = self.seen.entry(value.id).or_default();
        *entry = entry.merge(seen);
        match self.asked.get_mut(&value.id) {
            Some(estimator) => estimator.observe(elements),
            None => self.squares.entry(value.id).or_default().observe(elements),
        }
        self.arguments.observe(value.id, elements);
        let ndim = value.values.ndim();
        if ndim > 0 && self.with_channels.contains(&value.id) {
            let channels = value.values.shape().last().copied().unwrap_or(0);
            let moments = self.moments.entry(value.id).or_insert_with(|| ChannelMoments::new(channels));
            if moments.len() == channels {
                moments.observe(elements);
            }
        }
    }

    /// Takes note of everything that `other` has seen of the same values.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (id, seen) in &other.seen {
            let entry = self.seen.entry(*id).or_default();
            *entry = entry.merge(*seen);
        }
        for (id, estimator) in &other.squares {
            self.squares.entry(*id).or_default().merge(estimator);
        }
        for (id, estimator) in &other.asked {
            if let Some(own) = self.asked.get_mut(id) {
                own.merge(estimator);
            }
        }
        for (id, moments) in &other.moments {
            match self.moments.get_mut(id) {
                Some(own) => own.merge(moments),
                None => {
                    self.moments.insert(*id, moments.clone());
                }
            }
        }
        self.arguments.merge(&other.arguments);
        self.samples += other.samples;
    }

    /// Takes the ranges of others: those of all samples, where it has seen some of them itself. Means of channels are its own.
    pub(crate) fn take_ranges(&mut self, all: &Self) {
        self.seen.clone_from(&all.seen);
        self.squares.clone_from(&all.squares);
        self.asked.clone_from(&all.asked);
        self.arguments.clone_from(&all.arguments);
    }

    /// Returns the same without what was seen.
    pub(crate) fn fresh(&self) -> Self {
        Self {
            with_channels: self.with_channels.clone(),
            asked: self.asked.clone(),
            arguments: self.arguments.fresh(),
            ..Self::default()
        }
    }

    /// Returns the ranges that were asked for; of other values the extremes.
    pub(crate) fn asked(&self, width: Width) -> Ranges {
        let extremes = |(id, seen): (&ValueId, &Extremes)| Some((*id, ValueRange::new(seen.min, seen.max).ok()?));
        let mut ranges: Ranges = self.seen.iter().filter_map(extremes).collect();
        self.extend_by_asked(&mut ranges, width);
        ranges
    }

    /// Returns the ranges with the smallest squared error, but where others were asked for.
    pub(crate) fn least_squares(&self, width: Width) -> Ranges {
        let codes = CodeRange::of_type(width.code());
        let ranges = self.squares.iter();
        let mut ranges: Ranges =
            ranges.filter_map(|(id, estimator)| Some((*id, estimator.range(&codes).ok()?))).collect();
        self.extend_by_asked(&mut ranges, width);
        ranges
    }

    /// Gives the values that estimators were asked for their ranges.
    pub(crate) fn extend_by_asked(&self, ranges: &mut Ranges, width: Width) {
        let codes = CodeRange::of_type(width.code());
        let asked = self.asked.iter().filter(|(id, _)| self.seen.contains_key(id));
        ranges.extend(asked.filter_map(|(id, estimator)| Some((*id, estimator.range(&codes).ok()?))));
    }

    /// Narrows the ranges of what saturating functions are given to where errors count, but for those that were asked for.
    pub(crate) fn narrow(&self, graph: &Graph, ranges: &mut Ranges, width: Width) {
        self.arguments.narrow(graph, ranges, width);
        self.extend_by_asked(ranges, width);
    }

    /// Returns the moments of the channels of a value, if they were observed.
    pub(crate) fn moments(&self, id: ValueId) -> Option<&ChannelMoments> {
        self.moments.get(&id)
    }

    /// Returns values of which some elements were NaN or infinite, with how many.
    pub(crate) fn not_finite(&self) -> impl Iterator<Item = (ValueId, u64)> {
        self.seen
            .iter()
            .filter(|(_, seen)| seen.nan + seen.infinite > 0)
            .map(|(id, seen)| (*id, seen.nan + seen.infinite))
    }
}
