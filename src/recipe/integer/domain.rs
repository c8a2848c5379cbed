//! Which operators compute in integers, and why the others do not.

use super::choices::{Choices, EdgeType};
use super::form::Width;
use super::ranges::Ranges;
use crate::graph::{Activation, ElementType, Graph, Kernel, Op, Operator, Runtime, Subgraph, ValueId};
use crate::recipe::glob::Glob;
use std::collections::BTreeSet;

/// In what an operator computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// In codes.
    Integer(Width),
    /// In floating point.
    Float,
    /// It has no real operand, or takes any: lengths, numbers, truths.
    Neither,
}

/// Returns the domains of all operators, by subgraph and number, with the reason for those in floating point.
pub(super) fn domains(graph: &Graph, ranges: &Ranges, choices: &Choices) -> Vec<Vec<(Domain, String)>> {
    let entries = entries(graph);
    let of_part = |(number, part): (usize, &Subgraph)| {
        let of_operator = |operator: &Operator| {
            if !has_reals(part, operator) {
                return (Domain::Neither, String::new());
            }
            if !entries.contains(&number) {
                return (Domain::Float, "in a loop, a branch or a function: control flow passes reals".into());
            }
            Judge { part, number, ranges, choices }.domain(operator)
        };
        let mut domains: Vec<_> = part.operators.iter().map(of_operator).collect();
        spread_float(part, choices, &mut domains);
        domains
    };
    graph.subgraphs.iter().enumerate().map(of_part).collect()
}

/// Returns the subgraphs that callers run, and no operator does.
pub(super) fn entries(graph: &Graph) -> BTreeSet<usize> {
    let called = graph.subgraphs.iter().flat_map(|part| &part.operators);
    let called: BTreeSet<usize> = called.flat_map(|operator| operator.attributes.subgraphs()).collect();
    let named = graph.signatures.iter().map(|signature| signature.subgraph);
    named.chain([0]).filter(|number| !called.contains(number)).collect()
}

fn has_reals(part: &Subgraph, operator: &Operator) -> bool {
    let mut values = operator.inputs.iter().flatten().chain(&operator.outputs);
    !matches!(operator.op, Op::Shape | Op::Rank)
        && values.any(|&value| part.values.get(value).is_some_and(|v| v.element_type.is_float()))
}

/// What decides about the operators of a subgraph.
struct Judge<'a> {
    part: &'a Subgraph,
    number: usize,
    ranges: &'a Ranges,
    choices: &'a Choices,
}

impl Judge<'_> {
    fn domain(&self, operator: &Operator) -> (Domain, String) {
        let width = if self.is_named(operator, &self.choices.keep_int16) { Width::Int16 } else { self.choices.width };
        match self.obstacle(operator, width) {
            None => (Domain::Integer(width), String::new()),
            Some(reason) => (Domain::Float, reason),
        }
    }

    fn is_named(&self, operator: &Operator, globs: &[Glob]) -> bool {
        let names = operator.outputs.iter().filter_map(|&output| Some(self.part.values.get(output)?.name.as_str()));
        names.chain([operator.name.as_str()]).any(|name| globs.iter().any(|glob| glob.matches(name)))
    }

    /// Returns why an operator cannot compute in codes of a width.
    fn obstacle(&self, operator: &Operator, width: Width) -> Option<String> {
        let id = |value: usize| ValueId { subgraph: self.number, value };
        if self.is_named(operator, &self.choices.keep_float)
            || operator.outputs.iter().any(|&output| self.choices.float_values.contains(&id(output)))
        {
            return Some(ASKED.into());
        }
        let kernels = Runtime::LiteRt.kernels(operator.op);
        let kernel = if width == Width::Int8 { kernels.int8 } else { kernels.int16 };
        match kernel {
            Kernel::Integer => {}
            Kernel::Missing => return Some(format!("the interpreter has no {width} kernel for {}", operator.name)),
            Kernel::Wrong => return Some(format!("the interpreter's {width} kernel of {} is wrong", operator.name)),
            Kernel::Aborts => {
                return Some(format!("the interpreter's {width} kernel of {} ends the process", operator.name));
            }
        }
        if let activation @ (Activation::Tanh | Activation::SignBit) = operator.attributes.activation() {
            return Some(format!("its fused {activation:?} has no integer kernel"));
        }
        let bias = operator.bias().map(|bias| bias.bias);
        for (input, value) in operator.inputs.iter().enumerate() {
            let Some(value) = *value else { continue };
            let is_weights = is_weights(self.part, operator, input);
            if let Some(reason) = self.value_obstacle(value, is_weights || Some(value) == bias) {
                return Some(reason);
            }
        }
        operator.outputs.iter().find_map(|&output| self.value_obstacle(output, false))
    }

    fn value_obstacle(&self, number: usize, has_to_be_constant: bool) -> Option<String> {
        let value = self.part.values.get(number)?;
        let name = &value.name;
        if !value.element_type.is_float() {
            return None;
        }
        if value.element_type != ElementType::F32 {
            return Some(format!("{name:?} is of {}", value.element_type));
        }
        if value.is_variable {
            return Some(format!("{name:?} is a variable"));
        }
        match &value.constant {
            None if has_to_be_constant => return Some(format!("its weights or bias {name:?} are no constant")),
            Some(constant) if constant.is_elsewhere => return Some(format!("{name:?} stands in another file")),
            _ => {}
        }
        let id = ValueId { subgraph: self.number, value: number };
        match self.ranges.get(&id) {
            Some(_) => None,
            None if value.constant.is_some() => {
                Some(format!("the constant {name:?} holds NaN or infinities, or nothing"))
            }
            None => Some(format!("no finite value of {name:?} was observed")),
        }
    }
}

/// Returns whether an input is multiplied with activations channel by channel. Both sides of a product of matrices are
/// activations, a constant too.
pub(super) fn is_weights(part: &Subgraph, operator: &Operator, input: usize) -> bool {
    let ndim = operator.input(input).and_then(|value| part.values.get(value)?.ndim());
    operator.op != Op::MatMul && ndim.is_some_and(|ndim| operator.weights_axis(input, ndim).is_some())
}

/// Leaves in floating point what gains nothing from codes: operators that move values between operators in floating point,
/// and arithmetic whose results become numbers and truths.
fn spread_float(part: &Subgraph, choices: &Choices, domains: &mut [(Domain, String)]) {
    let consumers = part.consumers();
    let mut producers = vec![None; part.values.len()];
    for (number, operator) in part.operators.iter().enumerate() {
        for &output in &operator.outputs {
            if let Some(producer) = producers.get_mut(output) {
                *producer = Some(number);
            }
        }
    }
    let is_real = |value: usize| part.values.get(value).is_some_and(|v| v.element_type.is_float());
    loop {
        let mut changed = false;
        for (number, operator) in part.operators.iter().enumerate() {
            if !matches!(domains.get(number), Some((Domain::Integer(_), _))) {
                continue;
            }
            let in_float = |other: usize| matches!(domains.get(other), Some((Domain::Float, _)));
            let reals = operator.outputs.iter().copied().filter(|&output| is_real(output));
            let uses: Vec<usize> =
                reals.clone().filter_map(|v| consumers.get(v)).flatten().map(|(user, _)| *user).collect();
            let is_given = reals.clone().any(|output| part.outputs.contains(&output));
            let from_float = operator.inputs.iter().flatten().filter(|&&input| is_real(input)).all(|&input| {
                let is_constant = part.values.get(input).is_some_and(|v| v.constant.is_some());
                is_constant
                    || match producers.get(input) {
                        Some(Some(producer)) => in_float(*producer),
                        _ => choices.inputs == EdgeType::Float,
                    }
            });
            let users_float =
                uses.iter().all(|&user| in_float(user)) && (!is_given || choices.outputs == EdgeType::Float);
            let is_next_to_float = uses.iter().any(|&user| in_float(user))
                || operator.inputs.iter().flatten().any(|&v| producers.get(v).is_some_and(|p| p.is_some_and(in_float)));
            let reason = if operator.op.moves_data() && from_float && users_float && is_next_to_float {
                "moves values between operators in floating point"
            } else if !is_given
                && !uses.is_empty()
                && !(0..operator.inputs.len()).any(|input| is_weights(part, operator, input))
                && uses.iter().all(|&user| {
                    in_float(user)
                        && part.operators.get(user).is_some_and(|o| {
                            o.op.needs_exact_inputs() || domains.get(user).is_some_and(|(_, reason)| reason == EXACT)
                        })
                })
            {
                EXACT
            } else {
                continue;
            };
            if let Some(domain) = domains.get_mut(number) {
                *domain = (Domain::Float, reason.into());
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}

/// The reason of arithmetic whose results are compared, or become numbers.
const EXACT: &str = "its results are compared or become whole numbers";

/// The reason of operators that were named.
pub(super) const ASKED: &str = "kept in floating point as asked";
