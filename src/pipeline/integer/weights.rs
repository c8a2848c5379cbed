//! The weights of a model as codes, and the biases that depend on their scales.

use super::super::equalization::Constants;
use super::encoding::{BiasUse, Raised, Refitted, WeightRanges, Weights, refitted, weights};
use super::importance::Importance;
use crate::error::Result;
use crate::graph::{Graph, Operator, Subgraph, ValueId};
use crate::recipe::integer::{Domain, Form, IntegerPlan, PartPlan, Take};
use ndarray::ArrayD;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is better than what the float model holds, where a search found it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tuned {
    /// Biases, by subgraph and operator.
    pub(crate) biases: BTreeMap<(usize, usize), Vec<f32>>,
    /// How the scales of weights are found.
    pub(crate) weight_ranges: WeightRanges,
    /// The mean squares of the channels that weights are multiplied with.
    pub(crate) importance: Arc<Importance>,
    /// Weights that were chosen for what layers make of samples.
    pub(crate) refitted: Arc<BTreeMap<WeightsKey, Refitted>>,
}

impl Tuned {
    /// Returns weights as codes whose scales every use's bias fits in, and the channels where that took other scales.
    pub(super) fn weights(
        &self,
        (part, id): (&Subgraph, ValueId),
        axis: usize,
        values: &ArrayD<f32>,
        uses: &[BiasUse],
    ) -> Result<(Weights, Vec<Raised>)> {
        let chosen = weights_key(part, id.value, axis).and_then(|key| self.refitted.get(&key));
        if let Some(chosen) = chosen.filter(|_| self.weight_ranges == WeightRanges::Refitted)
            && let Some(weights) = refitted(values, axis, chosen, uses)?
        {
            return Ok((weights, Vec::new()));
        }
        let importance = self.importance.has(id).then_some((&*self.importance, id));
        weights(values, axis, self.weight_ranges, importance, uses)
    }
}

/// Which weights: constants of one storage and axis are one, wherever they are used.
pub(super) type WeightsKey = (usize, usize);

/// All weights that are to become codes.
#[derive(Debug)]
pub(super) struct EncodedWeights {
    pub(super) by_key: BTreeMap<WeightsKey, (Weights, Vec<Raised>)>,
}

/// Returns which weights a constant is, with channels along an axis.
pub(super) fn weights_key(part: &Subgraph, value: usize, axis: usize) -> Option<WeightsKey> {
    Some((part.values.get(value)?.constant.as_ref()?.storage, axis))
}

/// Returns the bias of an operator in integers, and what its codes depend on.
pub(crate) fn bias_use(
    id: (usize, usize),
    operator: &Operator,
    plan: &PartPlan,
    constants: &Constants,
    tuned: &Tuned,
) -> Option<BiasUse> {
    let (subgraph, number) = id;
    let of_operator = plan.operators.get(number)?;
    let Domain::Integer(width) = of_operator.domain else { return None };
    let place = of_operator.inputs.iter().position(|take| *take == Take::Bias)?;
    let (bias, of_bias) = (operator.input(place)?, operator.bias()?);
    let input = operator.inputs.iter().position(|&input| input == Some(of_bias.input))?;
    let Some(Take::As(Form::Codes(codes))) = of_operator.inputs.get(input) else { return None };
    let own = tuned.biases.get(&id).cloned();
    let values = || constants.get(ValueId { subgraph, value: bias }).map(|bias| bias.iter().copied().collect());
    Some(BiasUse { input_scale: codes.scale, bias: own.or_else(values)?, bits: width.bias_bits() })
}

/// Returns all weights as codes, with scales that every use allows.
pub(super) fn encode_weights(
    graph: &Graph,
    plan: &IntegerPlan,
    constants: &Constants,
    tuned: &Tuned,
) -> Result<EncodedWeights> {
    let mut uses: BTreeMap<WeightsKey, (ValueId, Vec<BiasUse>)> = BTreeMap::new();
    for (subgraph, (part, plan)) in graph.subgraphs.iter().zip(&plan.parts).enumerate() {
        for (number, (operator, of_operator)) in part.operators.iter().zip(&plan.operators).enumerate() {
            for (input, take) in of_operator.inputs.iter().enumerate() {
                let (Take::Weights { axis }, Some(value)) = (*take, operator.input(input)) else { continue };
                let Some(key) = weights_key(part, value, axis) else { continue };
                let entry = uses.entry(key).or_insert_with(|| (ValueId { subgraph, value }, Vec::new()));
                entry.1.extend(bias_use((subgraph, number), operator, plan, constants, tuned));
            }
        }
    }
    let mut by_key = BTreeMap::new();
    for ((storage, axis), (id, uses)) in uses {
        let (Some(values), Some(part)) = (constants.get(id), graph.subgraphs.get(id.subgraph)) else { continue };
        let name = || graph.value(id).map(|value| value.name.clone()).unwrap_or_default();
        let encoded = tuned.weights((part, id), axis, values, &uses).map_err(|error| error.of_tensor(&name()))?;
        by_key.insert((storage, axis), encoded);
    }
    Ok(EncodedWeights { by_key })
}
