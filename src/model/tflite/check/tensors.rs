//! Scales and zero points by themselves, and values that nothing makes.

use super::fault::{Fault, Severity};
use crate::graph::{ElementType, Subgraph, Value};
use std::collections::BTreeSet;

/// Looks at the tensors of a subgraph; of some it is known how many bytes they have, and take.
pub(super) fn check(subgraph: usize, part: &Subgraph, short: &[Option<[u64; 2]>], faults: &mut Vec<Fault>) {
    let made: BTreeSet<usize> = part
        .operators
        .iter()
        .flat_map(|operator| operator.outputs.iter().copied())
        .chain(part.inputs.iter().copied())
        .collect();
    let taken: BTreeSet<usize> = part
        .operators
        .iter()
        .flat_map(|operator| operator.inputs.iter().flatten().copied())
        .chain(part.outputs.iter().copied())
        .collect();
    for (number, value) in part.values.iter().enumerate() {
        let mut fault = |severity, reason: String| {
            faults.push(Fault { severity, subgraph, operator: None, name: value.name.clone(), reason });
        };
        let is_empty = value.known_shape().is_some_and(|shape| shape.contains(&0));
        if taken.contains(&number)
            && !made.contains(&number)
            && value.constant.is_none()
            && !value.is_variable
            && !is_empty
        {
            fault(Severity::Refused, "operators take it, nothing makes it, and it has no data".into());
        }
        if let Some(&Some([there, taken])) = short.get(number) {
            let (element_type, shape) = (value.element_type, value.known_shape().unwrap_or_default());
            fault(
                Severity::Refused,
                format!("{there} bytes of data, where {element_type} of shape {shape:?} take {taken}"),
            );
        }
        if let Some((severity, reason)) = parameters(value) {
            fault(severity, reason);
        }
    }
}

/// Returns what is wrong with a value's scales and zero points.
fn parameters(value: &Value) -> Option<(Severity, String)> {
    use Severity::{Refused, Wrong};
    let quantization = value.quantization.as_ref()?;
    if quantization.has_details || value.element_type.is_float() {
        return None;
    }
    if let Some((index, scale)) =
        quantization.scales.iter().enumerate().find(|(_, scale)| !(scale.is_finite() && **scale > 0.0))
    {
        return Some((Wrong, format!("scale {index} is {scale}, and no positive number")));
    }
    let (scales, zero_points) = (quantization.scales.len(), quantization.zero_points.len());
    if zero_points != scales && zero_points > 1 {
        return Some((Refused, format!("{scales} scales and {zero_points} zero points")));
    }
    let length = value.shape.as_ref().and_then(|shape| shape.get(quantization.axis).copied()).flatten();
    if scales > 1 && length.is_some_and(|length| length != scales) {
        let (axis, length) = (quantization.axis, length.unwrap_or(0));
        return Some((Refused, format!("{scales} scales along axis {axis}, which has the length {length}")));
    }
    let (min, max) = match value.element_type {
        ElementType::I8 => (-128, 127),
        ElementType::U8 => (0, 255),
        ElementType::I4 => (-8, 7),
        ElementType::I2 => (-2, 1),
        ElementType::I16 | ElementType::I32 | ElementType::I64 => (0, 0),
        _ => return None,
    };
    let outside = quantization.zero_points.iter().find(|zero_point| !(min..=max).contains(*zero_point))?;
    let reason = if min == max {
        format!("the zero point {outside}, where kernels of {} take 0 alone", value.element_type)
    } else {
        format!("the zero point {outside} is none of the codes {min}..={max}")
    };
    Some((if min == max { Refused } else { Wrong }, reason))
}
