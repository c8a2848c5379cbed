//! A plan, put into a model: constants as codes, values with scales, conversions between, versions of operators.

use super::super::equalization::Constants;
use super::weights::{Tuned, encode_weights};
use super::writer::{Writer, Written, element_type};
use crate::error::Result;
use crate::graph::{Graph, Op, Operator, Quantization};
use crate::model::tflite::{Flag, Model, integer_version};
use crate::recipe::integer::{Domain, Form, IntegerPlan, Take, Width};
use std::collections::HashMap;

/// Puts a plan into the model that it was made for.
pub(crate) fn write(
    model: &mut Model,
    graph: &Graph,
    plan: &IntegerPlan,
    constants: &Constants,
    tuned: &Tuned,
) -> Result<Written> {
    let mut written = Written::default();
    let encoded = encode_weights(graph, plan, constants, tuned)?;
    let mut stored = HashMap::new();
    for (subgraph, (part, plan)) in graph.subgraphs.iter().zip(&plan.parts).enumerate() {
        let mut writer = Writer {
            model,
            subgraph,
            part,
            plan,
            constants,
            tuned,
            encoded: &encoded,
            stored: &mut stored,
            written: &mut written,
        };
        writer.write()?;
    }
    Ok(written)
}

impl Writer<'_> {
    fn write(&mut self) -> Result<()> {
        let mut inputs: Vec<Vec<Option<usize>>> =
            self.part.operators.iter().map(|operator| operator.inputs.clone()).collect();
        self.write_constants(&mut inputs)?;
        self.set_versions()?;
        self.retype_values()?;
        self.convert(&mut inputs)
    }

    fn set_versions(&mut self) -> Result<()> {
        let versions: Vec<i32> = self
            .model
            .operators()
            .get(self.subgraph)
            .map(|operators| operators.iter().map(|operator| operator.version).collect())
            .unwrap_or_default();
        for (number, (operator, of_operator)) in self.part.operators.iter().zip(&self.plan.operators).enumerate() {
            let Domain::Integer(width) = of_operator.domain else { continue };
            let mut version = integer_version(operator, width.bits());
            if operator.op == Op::Mul
                && width == Width::Int8
                && self.needs_large_multiplier(operator, &of_operator.inputs)
            {
                version = version.map(|version| version.max(3));
            }
            if let Some(version) = version.filter(|version| versions.get(number) != Some(version)) {
                self.model.set_operator_version(self.subgraph, number, version)?;
            }
            if width == Width::Int16 {
                self.model.set_flag(self.subgraph, number, Flag::PowerOfTwoScales, false)?;
            }
        }
        Ok(())
    }

    /// Whether the product of the inputs' scales is no smaller than the output's.
    fn needs_large_multiplier(&self, operator: &Operator, takes: &[Take]) -> bool {
        let scale = |take: &Take| match take {
            Take::As(Form::Codes(codes)) => f64::from(codes.scale),
            _ => 1.0,
        };
        let output = operator.outputs.first().and_then(|&output| self.plan.made.get(output)?.codes());
        output.is_some_and(|output| takes.iter().map(scale).product::<f64>() >= f64::from(output.scale))
    }

    /// Gives values that are made as codes their type and scale.
    fn retype_values(&mut self) -> Result<()> {
        for (value, form) in self.plan.made.iter().enumerate() {
            let Form::Codes(codes) = *form else { continue };
            let id = self.id(value);
            self.model.set_element_type(id, element_type(codes.code))?;
            let quantization = Quantization::per_tensor(codes.scale, codes.zero_point.into());
            self.model.set_quantization(id, Some(&quantization))?;
        }
        Ok(())
    }
}
