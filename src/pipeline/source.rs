//! A constant of a model as a recipe sees it: what its operators, and those behind what only moves it, do with it.

use crate::graph::{EndRole, Graph, Paths, ValueId};
use crate::model::tflite::{Constant, ElementType, Model, Role, TensorId, Use};
use crate::num::CodeType;
use crate::recipe::{Candidate, Storage, Usage, UsageRole};

/// About what a `DEQUANTIZE` and the tensor behind it take in a file, without that tensor's name.
const COST_OF_RESTORING: u64 = 160;

/// The code types that a `DEQUANTIZE` restores, or that operators take; without zero points, as they are written.
const STORAGE: Storage =
    Storage::Channels { codes: &[CodeType::I8, CodeType::I4, CodeType::I2, CodeType::F16], with_zero_point: &[] };

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

    /// Returns why the constant cannot be touched at all, if it cannot.
    fn obstacle(&self) -> Option<String> {
        let constant = &self.constant;
        if constant.is_elsewhere {
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
        }
    }

    fn usage(&self, used: &Use, flow: &Flow<'_>) -> Vec<Usage> {
        let named = |role| vec![Usage { operator: used.name.clone(), role }];
        let subgraph = self.constant.id.subgraph;
        match used.role {
            Role::Weights { axis, dynamic_range } => named(UsageRole::Weights {
                axis,
                dynamic_int8: dynamic_range.int8 > 0,
                dynamic_int4: dynamic_range.int4 > 0,
                fast: dynamic_range.fast,
            }),
            Role::Table { axis, codes } => {
                // A DEQUANTIZE that is there already stays in front.
                let can =
                    self.restored.is_none() && flow.keeps_columns(subgraph, used, self.constant.shape.len(), axis);
                named(UsageRole::Table { axis, int8: can && codes.int8 > 0, int4: can && codes.int4 > 0 })
            }
            Role::Operand | Role::Passed => {
                let ends = flow.paths.ends(subgraph, used.operator, used.input, &|id| flow.numbers(id));
                let is_passed = used.role == Role::Passed;
                let is_unknown = ends.iter().any(|end| end.role == EndRole::Unknown);
                if ends.is_empty() || (is_unknown && is_passed) {
                    return named(if is_passed { UsageRole::Passed } else { UsageRole::Operand });
                }
                let of_end = |end: crate::graph::End| {
                    let role = match end.role {
                        EndRole::Weights(axis) => {
                            UsageRole::Weights { axis, dynamic_int8: false, dynamic_int4: false, fast: [false; 2] }
                        }
                        EndRole::Table(axis) => UsageRole::Table { axis, int8: false, int4: false },
                        _ => UsageRole::Operand,
                    };
                    let operator = if end.operator.is_empty() { used.name.clone() } else { end.operator };
                    Usage { operator, role }
                };
                ends.into_iter().map(of_end).collect()
            }
            Role::Unknown => named(UsageRole::Unknown),
        }
    }

    fn candidate(&self, flow: &Flow<'_>) -> Candidate {
        let constant = &self.constant;
        let mut uses: Vec<Usage> = self.uses().iter().flat_map(|used| self.usage(used, flow)).collect();
        let has_table = uses.iter().any(|used| matches!(used.role, UsageRole::Table { .. }));
        if self.restored.is_some() && has_table {
            // Rows are looked up in what the one DEQUANTIZE gives, so that it stays for weights, too.
            for used in &mut uses {
                if let UsageRole::Weights { dynamic_int8, dynamic_int4, .. } = &mut used.role {
                    (*dynamic_int8, *dynamic_int4) = (false, false);
                }
            }
        }
        Candidate {
            name: constant.name.clone(),
            element_type: constant.element_type.name().into(),
            shape: constant.shape.clone(),
            size_in_bytes: constant.size_in_bytes,
            uses: Some(uses),
            obstacle: self.obstacle(),
            exact: flow.exact(constant.id),
            cost_of_restoring: match self.restored {
                Some(_) => 0,
                None => COST_OF_RESTORING + constant.name.len() as u64,
            },
            storage: STORAGE,
        }
    }
}

/// Returns the constants as a recipe sees them.
pub(super) fn candidates(sources: &[Source], model: &Model) -> Vec<Candidate> {
    let graph = model.graph();
    let flow = Flow { model, graph: &graph, paths: graph.paths(), exact: graph.exact_values() };
    sources.iter().map(|source| source.candidate(&flow)).collect()
}

/// How values go through a model.
struct Flow<'m> {
    model: &'m Model,
    graph: &'m Graph,
    paths: Paths<'m>,
    exact: Vec<Vec<Option<crate::graph::ExactUse>>>,
}

impl Flow<'_> {
    /// Returns the elements of a constant of integers.
    fn numbers(&self, id: ValueId) -> Option<Vec<i64>> {
        let element_type = self.graph.value(id)?.element_type;
        let bytes = self.model.dense_bytes(TensorId { subgraph: id.subgraph, tensor: id.value }).ok()?;
        match element_type {
            crate::graph::ElementType::I32 => {
                Some(bytes.as_chunks().0.iter().map(|&four| i32::from_le_bytes(four).into()).collect())
            }
            crate::graph::ElementType::I64 => {
                Some(bytes.as_chunks().0.iter().map(|&eight| i64::from_le_bytes(eight)).collect())
            }
            _ => None,
        }
    }

    /// Whether the axes behind the one along which rows are taken are the last of what an operator gives.
    fn keeps_columns(&self, subgraph: usize, used: &Use, ndim: usize, axis: usize) -> bool {
        let part = self.graph.subgraphs.get(subgraph);
        let output = part.and_then(|part| part.operators.get(used.operator)?.outputs.first().copied());
        let value = output.and_then(|value| self.graph.value(ValueId { subgraph, value }));
        value.and_then(crate::graph::Value::ndim).is_some_and(|given| given + axis + 1 >= ndim && given > 0)
    }

    /// Returns why the exact values of a constant decide, if they do.
    fn exact(&self, id: TensorId) -> Option<String> {
        let reason = self.exact.get(id.subgraph)?.get(id.tensor)?.as_ref()?;
        let operator = self.graph.subgraphs.get(reason.subgraph)?.operators.get(reason.operator)?;
        let name = &operator.name;
        Some(if reason.is_phase {
            format!(
                "kept exact: a part of the phase in {name}, where its error would count in full however large the phase"
            )
        } else {
            format!("kept exact: {name} decides by its exact value")
        })
    }
}

/// Whether elements are floating-point numbers that no `DEQUANTIZE` gives.
fn is_wide_or_brain_float(element_type: ElementType) -> bool {
    matches!(element_type.name(), "f64" | "bf16")
}
