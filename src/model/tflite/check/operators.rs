//! Operators and the codes that they take and make.

use super::super::versions::integer_version;
use super::fault::{Fault, Severity};
use crate::graph::{ElementType, Kernel, Op, Operator, Quantization, Runtime, Subgraph, Value};

/// How far the scale of a bias may be from the product that it stands for: what rounding in f32 gives, and a little.
const BIAS_TOLERANCE: f64 = 1e-5;

/// Looks at an operator; with its version, and whether it says that scales are powers of two.
pub(super) fn check(
    subgraph: usize,
    part: &Subgraph,
    number: usize,
    operator: &Operator,
    options: (Option<i32>, Option<bool>),
    faults: &mut Vec<Fault>,
) {
    let mut found = Vec::new();
    Look { part, operator }.at_all(options, &mut found);
    faults.extend(found.into_iter().map(|(severity, reason)| Fault {
        severity,
        subgraph,
        operator: Some(number),
        name: operator.name.clone(),
        reason,
    }));
}

/// The faults of one operator.
type Found = Vec<(Severity, String)>;

struct Look<'a> {
    part: &'a Subgraph,
    operator: &'a Operator,
}

impl Look<'_> {
    fn at_all(&self, options: (Option<i32>, Option<bool>), found: &mut Found) {
        if matches!(self.operator.op, Op::Quantize | Op::Dequantize | Op::Shape | Op::Rank | Op::Other) {
            return;
        }
        if !self.operator.attributes.subgraphs().is_empty() {
            return;
        }
        let Some(bits) = self.at_types(found) else { return self.at_dynamic_range(found) };
        self.at_kernel(bits, found);
        self.at_scales(bits, found);
        self.at_weights_and_bias(bits, found);
        self.at_options(bits, options, found);
    }

    fn value(&self, number: usize) -> Option<&Value> {
        self.part.values.get(number)
    }

    fn codes(&self, number: usize) -> Option<(u32, &Quantization)> {
        codes(self.value(number)?)
    }

    /// Whether an input is multiplied with activations, or a bias.
    fn is_parameter(&self, input: usize) -> bool {
        let value = self.operator.input(input);
        let ndim = value.and_then(|value| self.value(value)?.ndim());
        let is_weights = self.operator.op != Op::MatMul
            && ndim.is_some_and(|ndim| self.operator.weights_axis(input, ndim).is_some());
        is_weights || self.operator.bias().is_some_and(|bias| Some(bias.bias) == value)
    }

    /// Returns the bits of the codes that an operator computes with, if it does.
    fn at_types(&self, found: &mut Found) -> Option<u32> {
        let mut reals = Vec::new();
        let mut widths = Vec::new();
        let inputs = self.operator.inputs.iter().enumerate().filter(|(input, _)| !self.is_parameter(*input));
        let inputs = inputs.filter_map(|(_, value)| *value);
        for number in inputs.chain(self.operator.outputs.iter().copied()) {
            let Some(value) = self.value(number) else { continue };
            if value.element_type.is_float() {
                reals.push(value.name.as_str());
            } else if let Some((bits, _)) = codes(value) {
                widths.push((bits, value.name.as_str()));
            }
        }
        let &(bits, name) = widths.first()?;
        // Weights of a table that is looked up, with reals as the result.
        let is_table = matches!(self.operator.op, Op::EmbeddingLookup);
        if let Some(real) = reals.first()
            && !is_table
        {
            found.push((
                Severity::Wrong,
                format!("{name:?} is of codes and {real:?} of reals: kernels take one or the other"),
            ));
            return None;
        }
        if is_table {
            return None;
        }
        if let Some((other_bits, other)) = widths.iter().find(|(other, _)| *other != bits) {
            found.push((Severity::Refused, format!("{name:?} has {bits} bits and {other:?} {other_bits}")));
            return None;
        }
        Some(bits)
    }

    fn at_kernel(&self, bits: u32, found: &mut Found) {
        let name = &self.operator.name;
        let kernels = Runtime::LiteRt.kernels(self.operator.op);
        let kernel = if bits == 16 { kernels.int16 } else { kernels.int8 };
        let (severity, reason) = match kernel {
            Kernel::Integer => return,
            Kernel::Missing if self.operator.op == Op::Cast => {
                (Severity::Wrong, "it takes codes as if they were numbers".into())
            }
            // Codes of equal scales are equal where the reals are; it is all the same with one scale.
            Kernel::Missing if self.operator.op == Op::OneHot || self.operator.op.needs_exact_inputs() => return,
            // Zeros are put between the codes of a constant, whose type has 8 bits; it is no activation.
            Kernel::Missing if self.operator.op == Op::Densify && bits == 8 => return,
            Kernel::Missing => (Severity::Refused, format!("there is no {bits}-bit kernel of {name}")),
            Kernel::Wrong => (Severity::Wrong, format!("the {bits}-bit kernel of {name} is wrong")),
            Kernel::Aborts => (Severity::Refused, format!("the {bits}-bit kernel of {name} ends the process")),
        };
        found.push((severity, reason));
    }

    fn at_scales(&self, bits: u32, found: &mut Found) {
        let grid = |number: usize| {
            let (_, quantization) = self.codes(number)?;
            let &[scale] = &quantization.scales[..] else { return None };
            Some((scale, quantization.zero_points.first().copied().unwrap_or(0)))
        };
        let name = |number: usize| self.value(number).map(|value| value.name.clone()).unwrap_or_default();
        let mut shared = self.operator.same_scale().into_iter().filter_map(|number| Some((number, grid(number)?)));
        if let Some((first, of_first)) = shared.next() {
            for (other, of_other) in shared {
                if of_other != of_first {
                    let reason = format!(
                        "codes are copied or compared, and {:?} has the scale {:e} and zero point {}, {:?} {:e} and {}",
                        name(first),
                        of_first.0,
                        of_first.1,
                        name(other),
                        of_other.0,
                        of_other.1
                    );
                    found.push((Severity::Wrong, reason));
                }
            }
        }
        let Some(&output) = self.operator.outputs.first() else { return };
        let Some((scale, zero_point)) = grid(output) else { return };
        if let Some(fixed) = self.operator.op.fixed_output(bits)
            && (scale, zero_point) != (fixed.scale, fixed.zero_point.into())
            && !(self.operator.op == Op::Tanh && bits == 8)
        {
            let reason = format!(
                "the output has the scale {scale:e} and zero point {zero_point}, where kernels compute with {:e} and {}",
                fixed.scale, fixed.zero_point
            );
            found.push((Severity::Refused, reason));
        }
        let first = self.operator.input(0).and_then(|input| Some((input, grid(input)?)));
        match (self.operator.op, first) {
            (Op::Neg, Some((_, (of_input, zero_of_input)))) if of_input != scale || zero_of_input != -zero_point => {
                let reason = format!(
                    "codes are negated: the output's scale {scale:e} and zero point {zero_point} have to be {of_input:e} and {}",
                    -zero_of_input
                );
                found.push((Severity::Wrong, reason));
            }
            (Op::Sum, Some((input, (of_input, _)))) if of_input == scale => {
                let count =
                    |number: usize| self.value(number)?.known_shape().map(|shape| shape.iter().product::<usize>());
                if let (Some(before), Some(after)) = (count(input), count(output))
                    && before > after
                {
                    let terms = before / after.max(1);
                    found.push((
                        Severity::Wrong,
                        format!("the sum of {terms} elements has the scale of one, {scale:e}: it may be cut off"),
                    ));
                }
            }
            _ => {}
        }
    }

    fn at_weights_and_bias(&self, bits: u32, found: &mut Found) {
        for (input, number) in self.operator.inputs.iter().enumerate() {
            let Some(value) = number.and_then(|number| self.value(number)) else { continue };
            let Some(axis) = value.ndim().and_then(|ndim| self.operator.weights_axis(input, ndim)) else {
                // An operand in f32 beside codes.
                if value.element_type.is_float() && self.operator.bias().is_none_or(|bias| Some(bias.bias) != *number) {
                    found.push((Severity::Refused, format!("the operand {:?} is of reals", value.name)));
                }
                continue;
            };
            if self.operator.op == Op::MatMul {
                continue;
            }
            let Some((_, quantization)) = codes(value) else {
                found.push((Severity::Refused, format!("the weights {:?} are of {}", value.name, value.element_type)));
                continue;
            };
            if quantization.scales.len() > 1 && quantization.axis != axis {
                let reason =
                    format!("the weights {:?} have scales along axis {}, not {axis}", value.name, quantization.axis);
                found.push((Severity::Wrong, reason));
            }
            if quantization.zero_points.iter().any(|&zero_point| zero_point != 0)
                && (quantization.scales.len() > 1 || value.element_type != ElementType::U8)
            {
                found.push((Severity::Wrong, format!("the weights {:?} have zero points: kernels take 0", value.name)));
            }
        }
        self.at_bias(bits, found);
    }

    /// Looks at weights of codes beside activations of reals, which kernels quantize as they run.
    fn at_dynamic_range(&self, found: &mut Found) {
        let op = self.operator.op;
        if !matches!(op, Op::Conv | Op::DepthwiseConv | Op::FullyConnected) {
            return;
        }
        let activations = self.operator.input(0).and_then(|number| self.value(number));
        if activations.is_none_or(|value| !value.element_type.is_float()) {
            return;
        }
        let Some((value, axis)) = self.operator.inputs.iter().enumerate().find_map(|(input, number)| {
            let value = self.value((*number)?)?;
            Some((value, self.operator.weights_axis(input, value.ndim()?)?))
        }) else {
            return;
        };
        let (ElementType::I8 | ElementType::U8 | ElementType::I4) = value.element_type else { return };
        let Some(quantization) = value.quantization.as_ref().filter(|quantization| !quantization.scales.is_empty())
        else {
            found.push((Severity::Refused, format!("the weights {:?} are codes without a scale", value.name)));
            return;
        };
        let (name, scales) = (&value.name, quantization.scales.len());
        if scales > 1 && quantization.axis != axis {
            let reason = format!("the weights {name:?} have scales along axis {}, not {axis}", quantization.axis);
            found.push((Severity::Wrong, reason));
        }
        if op == Op::DepthwiseConv {
            let channels = value.known_shape().and_then(|shape| shape.get(axis).copied());
            if value.element_type == ElementType::I4 {
                found.push((Severity::Refused, format!("the weights {name:?} are int4: there is no such kernel")));
            } else if scales == 1 && channels.is_some_and(|channels| channels > 1) {
                let reason = format!(
                    "the weights {name:?} have one scale: the kernel for activations of reals takes one for each channel"
                );
                found.push((Severity::Wrong, reason));
            }
        }
        if quantization.zero_points.iter().any(|&zero_point| zero_point != 0) && value.element_type != ElementType::U8 {
            found.push((Severity::Wrong, format!("the weights {name:?} have zero points: kernels take 0")));
        }
    }

    fn at_bias(&self, bits: u32, found: &mut Found) {
        let Some(bias) = self.operator.bias() else { return };
        let (Some(value), Some((_, input)), Some((_, weights))) =
            (self.value(bias.bias), self.codes(bias.input), self.codes(bias.weights))
        else {
            return;
        };
        let takes_int32 = bits != 16 || matches!(self.operator.op, Op::Conv | Op::TransposeConv);
        let fits = match value.element_type {
            ElementType::I32 => takes_int32,
            ElementType::I64 => bits == 16,
            _ => false,
        };
        if !fits {
            let due = if bits == 16 { "i64" } else { "i32" };
            found.push((
                Severity::Refused,
                format!("the bias {:?} is of {}, where {due} is due", value.name, value.element_type),
            ));
            return;
        }
        let Some(quantization) = &value.quantization else {
            found.push((Severity::Note, format!("the bias {:?} has no scale", value.name)));
            return;
        };
        let &[input] = &input.scales[..] else { return };
        for (channel, &scale) in quantization.scales.iter().enumerate() {
            let of_weights = weights.scales.get(channel).or(weights.scales.first()).copied().unwrap_or(0.0);
            let due = f64::from(input) * f64::from(of_weights);
            if (f64::from(scale) - due).abs() > BIAS_TOLERANCE * due.abs() {
                let reason = format!(
                    "the bias {:?} has the scale {scale:e} in channel {channel}, the accumulator {due:e}",
                    value.name
                );
                found.push((Severity::Wrong, reason));
                return;
            }
        }
    }

    fn at_options(&self, bits: u32, (version, power_of_two): (Option<i32>, Option<bool>), found: &mut Found) {
        if let (Some(version), Some(due)) = (version, integer_version(self.operator, bits))
            && version < due
        {
            found.push((Severity::Note, format!("version {version}, where {bits}-bit codes ask for {due}")));
        }
        if bits == 16 && power_of_two == Some(true) {
            let values = self.operator.inputs.iter().flatten().chain(&self.operator.outputs);
            let is_other = |scale: f32| scale.log2().fract() != 0.0;
            if values.filter_map(|&number| self.codes(number)).any(|(_, q)| q.scales.iter().copied().any(is_other)) {
                found.push((Severity::Wrong, "it says that scales are powers of two, and they are not".into()));
            }
        }
    }
}

/// Returns the bits and parameters of a value of codes with scales.
fn codes(value: &Value) -> Option<(u32, &Quantization)> {
    let bits = match value.element_type {
        ElementType::I8 | ElementType::U8 => 8,
        ElementType::I16 => 16,
        _ => return None,
    };
    let quantization = value.quantization.as_ref()?;
    (!quantization.scales.is_empty()).then_some((bits, quantization))
}
