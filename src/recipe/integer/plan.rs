//! The plan of a full-integer model: how each value is held, what each operator computes in, and why.

use super::choices::{Choices, EdgeType};
use super::domain::{ASKED, Domain, domains, is_weights};
use super::form::{Form, ValueCodes, Width};
use super::ranges::Ranges;
use super::scales::{Scales, Ties};
use crate::error::Result;
use crate::graph::{Graph, Subgraph};
use crate::num::CodeType;

/// How each value of a graph is held, and what each operator computes in.
///
/// An operator takes and makes codes, or reals. A value is made in one [`Form`]; where a user takes another, something stands in
/// between that converts it, once for all that take the same.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct IntegerPlan {
    /// The parts, by subgraph.
    pub parts: Vec<PartPlan>,
}

/// The plan of a subgraph.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PartPlan {
    /// The operators, by their numbers.
    pub operators: Vec<OperatorPlan>,
    /// The forms in which values are made, or given to the subgraph; of constants, the form in the file.
    pub made: Vec<Form>,
    /// The forms in which the subgraph gives its outputs, in their order.
    pub given: Vec<Form>,
}

/// The plan of an operator.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OperatorPlan {
    /// What it computes in.
    pub domain: Domain,
    /// Why in floating point; empty for others.
    pub reason: String,
    /// Whether it is in floating point because that was asked for.
    pub is_asked: bool,
    /// How it takes each of its inputs.
    pub inputs: Vec<Take>,
}

/// How an operator takes an input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Take {
    /// As it is: absent, no reals, or whatever it was made as.
    AsMade,
    /// In this form.
    As(Form),
    /// As weights: int8 codes with a scale for each index along this axis.
    Weights {
        /// The axis of the output channels.
        axis: usize,
    },
    /// As a bias: codes with the scale of the accumulator.
    Bias,
}

impl IntegerPlan {
    /// Returns what choices come to for a graph whose values have these ranges.
    ///
    /// # Errors
    ///
    /// Those of the calculator of scales and zero points.
    pub fn new(graph: &Graph, ranges: &Ranges, choices: &Choices) -> Result<Self> {
        let domains = domains(graph, ranges, choices);
        let mut parts = Vec::with_capacity(graph.subgraphs.len());
        for (number, (part, domains)) in graph.subgraphs.iter().zip(&domains).enumerate() {
            let scales = Ties { number, part, domains, ranges, choices }.scales()?;
            parts.push(part_plan(part, domains, &scales, choices));
        }
        Ok(Self { parts })
    }

    /// Returns how many operators compute in integers.
    pub fn integer_operators(&self) -> usize {
        let operators = self.parts.iter().flat_map(|part| &part.operators);
        operators.filter(|operator| matches!(operator.domain, Domain::Integer(_))).count()
    }
}

fn part_plan(part: &Subgraph, domains: &[(Domain, String)], scales: &Scales, choices: &Choices) -> PartPlan {
    let mut made = vec![Form::Real; part.values.len()];
    let set = |made: &mut Vec<Form>, value: usize, codes: Option<ValueCodes>| {
        if let (Some(form), Some(codes)) = (made.get_mut(value), codes) {
            *form = Form::Codes(codes);
        }
    };
    for (operator, (domain, _)) in part.operators.iter().zip(domains) {
        if let Domain::Integer(width) = *domain {
            for &output in &operator.outputs {
                set(&mut made, output, scales.of_value(output, width));
            }
        }
    }
    for &input in &part.inputs {
        let edge = choices.inputs;
        set(&mut made, input, at_edge(codes_of_edge(scales, input, edge, choices.width), edge));
    }
    let given = part.outputs.iter().map(|&output| {
        let is_constant = part.values.get(output).is_some_and(|value| value.constant.is_some());
        match made.get(output).copied().unwrap_or_default() {
            Form::Codes(codes) if choices.outputs != EdgeType::Float && !is_constant => {
                at_edge(Some(codes), choices.outputs).map_or(Form::Real, Form::Codes)
            }
            _ => Form::Real,
        }
    });
    let given = given.collect();
    let operators = part.operators.iter().zip(domains).enumerate().map(|(number, (operator, (domain, reason)))| {
        let bias = operator.bias().map(|bias| bias.bias);
        let take = |(input, value): (usize, &Option<usize>)| {
            let Some(value) = *value else { return Take::AsMade };
            let Some(of_value) = part.values.get(value) else { return Take::AsMade };
            if !of_value.element_type.is_float() {
                return Take::AsMade;
            }
            match *domain {
                Domain::Neither => Take::AsMade,
                Domain::Float => Take::As(Form::Real),
                Domain::Integer(_) if is_weights(part, operator, input) => {
                    let axis = operator.weights_axis(input, of_value.ndim().unwrap_or(0));
                    axis.map_or(Take::AsMade, |axis| Take::Weights { axis })
                }
                Domain::Integer(_) if Some(value) == bias => Take::Bias,
                Domain::Integer(width) => {
                    Take::As(scales.of_use(value, width, number, input).map_or(Form::Real, Form::Codes))
                }
            }
        };
        let inputs = operator.inputs.iter().enumerate().map(take).collect();
        OperatorPlan { domain: *domain, reason: reason.clone(), is_asked: reason == ASKED, inputs }
    });
    PartPlan { operators: operators.collect(), made, given }
}

fn codes_of_edge(scales: &Scales, input: usize, edge: EdgeType, width: Width) -> Option<ValueCodes> {
    if edge == EdgeType::Float { None } else { scales.of_value(input, width) }
}

fn at_edge(codes: Option<ValueCodes>, edge: EdgeType) -> Option<ValueCodes> {
    codes.map(|codes| if edge == EdgeType::Uint8 && codes.code == CodeType::I8 { codes.unsigned() } else { codes })
}
