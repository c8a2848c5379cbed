//! Operators that run subgraphs: what they hand over and take back.

use super::fault::{Fault, Severity};
use crate::graph::{Attributes, Graph, Op, Value};

/// Looks at the edges of subgraphs that operators run.
pub(super) fn check(graph: &Graph, faults: &mut Vec<Fault>) {
    for (subgraph, part) in graph.subgraphs.iter().enumerate() {
        for (number, operator) in part.operators.iter().enumerate() {
            let mut pairs: Vec<[(usize, usize); 2]> = Vec::new();
            let mut pair = |a: (usize, &[usize]), b: (usize, &[usize])| {
                pairs.extend(a.1.iter().zip(b.1).map(|(&x, &y)| [(a.0, x), (b.0, y)]));
            };
            let inputs: Vec<usize> = operator.inputs.iter().flatten().copied().collect();
            let edges =
                |other: usize| graph.subgraphs.get(other).map(|part| (part.inputs.as_slice(), part.outputs.as_slice()));
            match (operator.op, &operator.attributes) {
                (Op::If, &Attributes::If { then, otherwise }) => {
                    for other in [then, otherwise] {
                        let Some((taken, given)) = edges(other) else { continue };
                        pair((subgraph, inputs.get(1..).unwrap_or_default()), (other, taken));
                        pair((subgraph, &operator.outputs), (other, given));
                    }
                }
                (Op::While, &Attributes::While { condition, body }) => {
                    if let Some((taken, _)) = edges(condition) {
                        pair((subgraph, &inputs), (condition, taken));
                    }
                    if let Some((taken, given)) = edges(body) {
                        pair((subgraph, &inputs), (body, taken));
                        pair((body, taken), (body, given));
                        pair((subgraph, &operator.outputs), (body, given));
                    }
                }
                (Op::Call, &Attributes::Call(other)) => {
                    if let Some((taken, given)) = edges(other) {
                        pair((subgraph, &inputs), (other, taken));
                        pair((subgraph, &operator.outputs), (other, given));
                    }
                }
                _ => continue,
            }
            for [(a_part, a), (b_part, b)] in pairs {
                let value = |part: usize, value: usize| graph.subgraphs.get(part)?.values.get(value);
                let (Some(x), Some(y)) = (value(a_part, a), value(b_part, b)) else { continue };
                if let Some(difference) = difference(x, y) {
                    let (x, y) = (named(graph, a_part, a), named(graph, b_part, b));
                    faults.push(Fault {
                        severity: Severity::Wrong,
                        subgraph,
                        operator: Some(number),
                        name: operator.name.clone(),
                        reason: format!(
                            "{x} of subgraph {a_part} and {y} of subgraph {b_part} are one value, with {difference}"
                        ),
                    });
                }
            }
        }
    }
}

fn difference(a: &Value, b: &Value) -> Option<String> {
    if a.element_type != b.element_type {
        return Some(format!("elements of {} and of {}", a.element_type, b.element_type));
    }
    let of = |value: &Value| value.quantization.as_ref().map(|q| (q.scales.clone(), q.zero_points.clone()));
    (of(a) != of(b) && !a.element_type.is_float()).then(|| "other scales or zero points".into())
}

/// Returns a value's name in quotation marks.
fn named(graph: &Graph, subgraph: usize, value: usize) -> String {
    let name = graph.subgraphs.get(subgraph).and_then(|part| part.values.get(value)).map(|value| value.name.as_str());
    format!("{:?}", name.unwrap_or_default())
}
