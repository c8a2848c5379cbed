//! What writes a subgraph, and what is known of it afterwards.

use super::super::equalization::Constants;
use super::encoding::Raised;
use super::weights::{EncodedWeights, Tuned};
use crate::graph::{Quantization, Subgraph, ValueId};
use crate::metrics::ErrorMetrics;
use crate::model::tflite::{ElementType, Model, TensorId};
use crate::num::CodeType;
use crate::recipe::integer::PartPlan;
use std::collections::HashMap;

/// What became of a constant.
#[derive(Clone, Debug)]
pub(crate) struct WrittenConstant {
    pub(crate) id: ValueId,
    /// What it is now, as in `int8 weights`.
    pub(crate) after: String,
    pub(crate) error: Option<ErrorMetrics>,
    pub(crate) raised: Vec<Raised>,
}

/// What was written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    pub(crate) constants: Vec<WrittenConstant>,
    /// How many conversions stand between operators: of reals to codes, back, and of codes to others.
    pub(crate) conversions: [usize; 3],
}

/// Writes one subgraph.
pub(super) struct Writer<'a> {
    pub(super) model: &'a mut Model,
    pub(super) subgraph: usize,
    pub(super) part: &'a Subgraph,
    pub(super) plan: &'a PartPlan,
    pub(super) constants: &'a Constants,
    pub(super) tuned: &'a Tuned,
    pub(super) encoded: &'a EncodedWeights,
    /// Tensors by what they hold: what is the same is stored once.
    pub(super) stored: &'a mut HashMap<(ElementType, Vec<u8>), TensorId>,
    pub(super) written: &'a mut Written,
}

impl Writer<'_> {
    /// Returns which tensor of the model a value of the subgraph is.
    pub(super) fn id(&self, tensor: usize) -> TensorId {
        TensorId { subgraph: self.subgraph, tensor }
    }
}

/// 64-bit integers, by their number in the schema.
pub(super) const INT64: ElementType = ElementType::Other(4);

pub(super) fn of_scales(scales: Vec<f32>, axis: usize) -> Quantization {
    let zero_points = vec![0; scales.len()];
    Quantization { scales, zero_points, axis, has_details: false }
}

pub(super) fn element_type(code: CodeType) -> ElementType {
    match code {
        CodeType::U8 => ElementType::U8,
        CodeType::I16 => ElementType::I16,
        _ => ElementType::I8,
    }
}

pub(super) fn spoken(code: CodeType) -> String {
    crate::recipe::spoken(code)
}
