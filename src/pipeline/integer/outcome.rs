//! What became of a model's values and operators.

use super::variant::Variant;
use super::writer::Written;
use crate::graph::{Graph, ValueId};
use crate::recipe::Warning;
use crate::recipe::integer::{Domain, Form, IntegerPlan, Ranges, Take, ValueCodes};

/// What became of a model's values and operators.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct IntegerOutcome {
    /// How many samples were run.
    pub samples: usize,
    /// How many operators compute in integers.
    pub integer_operators: usize,
    /// How many there are that have to do with reals.
    pub operators: usize,
    /// The values that are codes now.
    pub values: Vec<ValueOutcome>,
    /// The operators that compute in floating point.
    pub islands: Vec<Island>,
    /// The variants that were tried.
    pub variants: Vec<Variant>,
    /// Whether the outputs of what was written were compared with those of the float model.
    pub is_judged: bool,
    /// The SQNR of the worst output of what was written, on the judging samples, in dB; `None` if nothing was run.
    pub sqnr_db: Option<f64>,
    /// How many `QUANTIZE` of reals, `DEQUANTIZE`, and `QUANTIZE` of codes stand between operators.
    pub conversions: [usize; 3],
    /// What one should know.
    pub warnings: Vec<Warning>,
}

/// A value that is codes now.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ValueOutcome {
    /// Its name.
    pub name: String,
    /// The type of its codes, as in `int8`.
    pub codes: String,
    /// The scale.
    pub scale: f32,
    /// The zero point.
    pub zero_point: i32,
    /// The smallest and the largest real that it was given a range for; `None` for constants and what has a fixed scale.
    pub range: Option<(f32, f32)>,
}

/// An operator that computes in floating point.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Island {
    /// Its kind, as in `CONV_3D`.
    pub operator: String,
    /// The name of its first output.
    pub output: String,
    /// Why.
    pub reason: String,
}

impl IntegerOutcome {
    /// Returns what a plan came to.
    pub(super) fn new(graph: &Graph, plan: &IntegerPlan, ranges: &Ranges, written: &Written) -> Self {
        let mut outcome = Self { conversions: written.conversions, ..Self::default() };
        for (subgraph, (part, of_part)) in graph.subgraphs.iter().zip(&plan.parts).enumerate() {
            let name = |value: usize| part.values.get(value).map(|value| value.name.clone()).unwrap_or_default();
            for (operator, of_operator) in part.operators.iter().zip(&of_part.operators) {
                match of_operator.domain {
                    Domain::Neither => continue,
                    Domain::Integer(_) => outcome.integer_operators += 1,
                    Domain::Float => outcome.islands.push(Island {
                        operator: operator.name.clone(),
                        output: operator.outputs.first().map(|&output| name(output)).unwrap_or_default(),
                        reason: of_operator.reason.clone(),
                    }),
                }
                outcome.operators += 1;
            }
            let mut listed: Vec<(usize, ValueCodes)> = Vec::new();
            let made = of_part.made.iter().enumerate().filter_map(|(value, form)| Some((value, form.codes()?)));
            let taken = part.operators.iter().zip(&of_part.operators).flat_map(|(operator, of_operator)| {
                operator.inputs.iter().zip(&of_operator.inputs).filter_map(|(value, take)| match (value, take) {
                    (Some(value), Take::As(Form::Codes(codes))) => Some((*value, *codes)),
                    _ => None,
                })
            });
            for (value, codes) in made.chain(taken) {
                let is_constant = part.values.get(value).is_none_or(|v| v.constant.is_some());
                if is_constant || listed.contains(&(value, codes)) {
                    continue;
                }
                listed.push((value, codes));
                let range = ranges.get(&ValueId { subgraph, value }).map(|range| (range.min(), range.max()));
                outcome.values.push(ValueOutcome {
                    name: name(value),
                    codes: crate::recipe::spoken(codes.code),
                    scale: codes.scale,
                    zero_point: codes.zero_point,
                    range,
                });
            }
        }
        outcome
    }
}
