//! Conversions where a value is taken in another form than it is made in.

use super::writer::{Writer, element_type, spoken};
use crate::error::Result;
use crate::graph::Quantization;
use crate::model::tflite::{Edge, ElementType, NewOperator, NewTensor};
use crate::num::CodeType;
use crate::recipe::integer::{Form, Take};

/// The conversions of a subgraph.
#[derive(Debug, Default)]
struct Conversions {
    /// The tensor that holds a value in a form.
    done: Vec<(usize, Form, usize)>,
    /// The operators, and in front of which of the others each stands.
    inserted: Vec<(usize, NewOperator)>,
}

impl Writer<'_> {
    /// Puts conversions where a value is taken in another form than it is made in, one for each form.
    pub(super) fn convert(&mut self, inputs: &mut [Vec<Option<usize>>]) -> Result<()> {
        let mut conversions = Conversions::default();
        for (number, (operator, of_operator)) in self.part.operators.iter().zip(&self.plan.operators).enumerate() {
            for (input, take) in of_operator.inputs.iter().enumerate() {
                let (Take::As(form), Some(value)) = (*take, operator.input(input)) else { continue };
                let Some(tensor) = self.converted(value, form, number, &mut conversions)? else { continue };
                if let Some(slot) = inputs.get_mut(number).and_then(|inputs| inputs.get_mut(input)) {
                    *slot = Some(tensor);
                }
            }
        }
        let end = self.part.operators.len();
        for (&output, &form) in self.part.outputs.iter().zip(&self.plan.given) {
            let Some(tensor) = self.converted(output, form, end, &mut conversions)? else { continue };
            // What is given keeps the name that the model's users know.
            let name = self.part.values.get(output).map(|value| value.name.clone()).unwrap_or_default();
            let codes = self.plan.made.get(output).and_then(|form| form.codes());
            let suffix = codes.map_or("f32".into(), |codes| spoken(codes.code));
            self.model.rename(self.id(output), &format!("{name}_{suffix}"))?;
            self.model.rename(self.id(tensor), &name)?;
            self.model.replace_edge(self.subgraph, Edge::Outputs, output, tensor)?;
        }
        for (number, (new, old)) in inputs.iter().zip(self.part.operators.iter().map(|o| &o.inputs)).enumerate() {
            if new != old {
                self.model.set_inputs(self.subgraph, number, new)?;
            }
        }
        for (at, operator) in conversions.inserted.iter().rev() {
            self.model.insert_operator(self.subgraph, *at, operator)?;
        }
        Ok(())
    }

    /// Returns the tensor that holds a value in a form, for an operator in front of which it can be made; `None` if the value is
    /// made in this form, or a constant.
    fn converted(&mut self, value: usize, form: Form, at: usize, known: &mut Conversions) -> Result<Option<usize>> {
        let is_constant = self.part.values.get(value).is_none_or(|v| v.constant.is_some());
        if is_constant || self.plan.made.get(value) == Some(&form) {
            return Ok(None);
        }
        if let Some(&(.., tensor)) = known.done.iter().find(|(of, as_form, _)| *of == value && *as_form == form) {
            return Ok(Some(tensor));
        }
        let (tensor, new) = self.conversion(value, form)?;
        known.inserted.push((at, new));
        known.done.push((value, form, tensor));
        Ok(Some(tensor))
    }

    /// Returns a new tensor that holds a value in another form, and the operator that makes it.
    fn conversion(&mut self, value: usize, form: Form) -> Result<(usize, NewOperator)> {
        let from = self.plan.made.get(value).copied().unwrap_or_default();
        let of_value = self.part.values.get(value);
        let name = of_value.map(|value| value.name.clone()).unwrap_or_default();
        let (kind, operator, version, suffix) = match (from, form) {
            (Form::Codes(from), Form::Real) => {
                (1, "DEQUANTIZE", if from.code == CodeType::I16 { 3 } else { 2 }, "f32".to_owned())
            }
            (Form::Real, Form::Codes(to)) => {
                (0, "QUANTIZE", if to.code == CodeType::I16 { 2 } else { 1 }, spoken(to.code))
            }
            (_, Form::Codes(to)) => (2, "QUANTIZE", 2, format!("{}_rescaled", spoken(to.code))),
            (Form::Real, Form::Real) => (1, "DEQUANTIZE", 2, "f32".to_owned()),
        };
        if let Some(count) = self.written.conversions.get_mut(kind) {
            *count += 1;
        }
        let codes = form.codes();
        let new = NewTensor {
            name: format!("{name}_{suffix}"),
            element_type: codes.map_or(ElementType::F32, |codes| element_type(codes.code)),
            shape: of_value.and_then(|value| value.shape.clone()).unwrap_or_default(),
            quantization: codes.map(|codes| Quantization::per_tensor(codes.scale, codes.zero_point.into())),
            data: None,
        };
        let tensor = self.model.add_tensor(self.subgraph, new)?.tensor;
        let operator = NewOperator { name: operator.into(), version, inputs: vec![Some(value)], outputs: vec![tensor] };
        Ok((tensor, operator))
    }
}
