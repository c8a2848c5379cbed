//! A constant of a `.tflite` file, as a recipe is told of it.

use crate::model::tflite::{Constant, ElementType, Model, Role, Use};
use crate::num::CodeType;
use crate::recipe::{Candidate, Storage, Usage, UsageRole};

/// About what a `DEQUANTIZE` and the tensor behind it take in a file, without that tensor's name.
const COST_OF_RESTORING: u64 = 160;

/// A constant, and the `DEQUANTIZE` that restores it already, if there is one.
pub(super) struct Source {
    pub(super) constant: Constant,
    /// The operator's number, and the users of what it gives.
    pub(super) restored: Option<(usize, Vec<Use>)>,
}

impl Source {
    pub(super) fn of(constant: Constant, model: &Model) -> Self {
        let restored = match (constant.element_type, constant.uses.as_slice()) {
            (ElementType::F16, [used]) => model.uses_behind_dequantize(constant.id.subgraph, used.operator),
            _ => None,
        };
        let restored = restored.map(|uses| (constant.uses.first().map_or(0, |used| used.operator), uses));
        Self { constant, restored }
    }

    pub(super) fn uses(&self) -> &[Use] {
        self.restored.as_ref().map_or(&self.constant.uses, |(_, uses)| uses)
    }

    pub(super) fn candidate(&self) -> Candidate {
        let constant = &self.constant;
        let obstacle = if constant.is_elsewhere {
            Some("its values stand in another file".into())
        } else if constant.is_sparse {
            Some("stored in a sparse format".into())
        } else if constant.is_at_the_edge {
            Some("an input or output of its subgraph".into())
        } else if constant.quantization.is_some() {
            Some(format!("quantized already, {}", constant.element_type))
        } else if constant.element_type == ElementType::F16 && self.restored.is_none() {
            Some("float16 already, and not restored by one DEQUANTIZE that is its only user".into())
        } else if is_wide_or_brain_float(constant.element_type) {
            Some(format!("{}, and what uses it would find the f32 that restoring gives", constant.element_type))
        } else if matches!(constant.element_type, ElementType::F32 | ElementType::F16) && !constant.is_whole() {
            let (bytes, shape) = (constant.size_in_bytes, &constant.shape);
            Some(format!("its {bytes} bytes are not those of {} in the shape {shape:?}", constant.element_type))
        } else {
            None
        };
        Candidate {
            name: constant.name.clone(),
            element_type: constant.element_type.name().into(),
            shape: constant.shape.clone(),
            size_in_bytes: constant.size_in_bytes,
            uses: Some(self.uses().iter().map(usage).collect()),
            obstacle,
            cost_of_restoring: match self.restored {
                Some(_) => 0,
                None => COST_OF_RESTORING + constant.name.len() as u64,
            },
            storage: STORAGE,
        }
    }
}

/// Whether elements are floating-point numbers that no `DEQUANTIZE` gives.
fn is_wide_or_brain_float(element_type: ElementType) -> bool {
    matches!(element_type.name(), "f64" | "bf16")
}

fn usage(used: &Use) -> Usage {
    let role = match used.role {
        Role::Weights { axis, dynamic_range } => {
            UsageRole::Weights { axis, dynamic_int8: dynamic_range.int8 > 0, dynamic_int4: dynamic_range.int4 > 0 }
        }
        Role::Operand => UsageRole::Operand,
        Role::Passed => UsageRole::Passed,
        Role::Unknown => UsageRole::Unknown,
    };
    Usage { operator: used.name.clone(), role }
}

/// The code types that a `DEQUANTIZE` restores, or that operators take; without zero points, as they are written.
const STORAGE: Storage =
    Storage::Channels { codes: &[CodeType::I8, CodeType::I4, CodeType::F16], with_zero_point: &[] };
