//! A `.tflite` model whose channels are scaled so that codes of its weights cost less.

use super::equalization::{ChannelMoments, Constants, Equalizer, least_noise};
use super::integer::Data;
use crate::calibration::RunError;
use crate::error::Result;
use crate::graph::ValueId;
use crate::improve::{is_for_judging, observe};
use crate::model::tflite::{Model, TensorId};
use std::collections::{BTreeMap, BTreeSet};

/// A model that computes what another does, and the constants that are others.
pub(super) struct Folded {
    pub(super) model: Model,
    pub(super) scaled: BTreeSet<TensorId>,
}

impl Folded {
    /// Returns a model with channels scaled by what the samples that fit tell of them; `None` if there are none to scale.
    ///
    /// # Errors
    ///
    /// Those of reading and of running the model.
    pub(super) fn new(model: &Model, data: Data<'_>) -> Result<Option<Self>> {
        let graph = model.graph();
        let equalizer = Equalizer::new(model, &graph);
        let wanted = equalizer.values();
        if wanted.is_empty() {
            return Ok(None);
        }
        let bytes = model.to_bytes()?;
        let mut runner = data.engine.open(&bytes).map_err(RunError::into_error)?;
        let mut moments: BTreeMap<ValueId, ChannelMoments> = BTreeMap::new();
        observe(&mut *runner, data.samples, &|sample| !is_for_judging(sample), &mut |value, _| {
            let channels = value.values.shape().last().copied().unwrap_or(0);
            if !wanted.contains(&value.id) {
                return;
            }
            let of_value = moments.entry(value.id).or_insert_with(|| ChannelMoments::new(channels));
            let elements = value.values.as_standard_layout();
            if let Some(elements) = elements.as_slice().filter(|_| of_value.len() == channels) {
                of_value.observe(elements);
            }
        })?;
        let mut constants = Constants::read(model, &graph)?;
        let mut model = Model::from_bytes(bytes)?;
        let mut factors = |subgraph: usize, sets: &_, constants: &_| least_noise(subgraph, sets, constants, &moments);
        let scaled = equalizer.apply(&mut model, &mut constants, &mut factors)?;
        let id = |id: ValueId| TensorId { subgraph: id.subgraph, tensor: id.value };
        Ok((!scaled.is_empty()).then(|| Self { model, scaled: scaled.into_iter().map(id).collect() }))
    }
}
