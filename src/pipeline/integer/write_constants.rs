//! Constants in the forms in which operators take them.

use super::encoding::{BiasUse, bias, operand};
use super::weights::{WeightsKey, bias_use, weights_key};
use super::writer::{INT64, Writer, WrittenConstant, element_type, of_scales, spoken};
use crate::error::Result;
use crate::graph::{Quantization, ValueId};
use crate::model::tflite::{ElementType, NewData, NewTensor, Replacement};
use crate::recipe::integer::{Form, Take, ValueCodes};
use std::collections::BTreeMap;

/// What a constant becomes for a use.
#[derive(Clone, Debug, PartialEq)]
enum Encoding {
    Keep,
    Weights(WeightsKey),
    Operand(ValueCodes),
    /// The bias of an operator: the input's scale, and the weights'.
    Bias {
        operator: usize,
    },
}

/// An encoding of a constant, and the operators and inputs that take it.
type Wanted = (Encoding, Vec<(usize, usize)>);

impl Writer<'_> {
    /// Writes constants in the forms in which operators take them; `inputs` are led to the tensors that hold these.
    pub(super) fn write_constants(&mut self, inputs: &mut [Vec<Option<usize>>]) -> Result<()> {
        let mut wanted: BTreeMap<usize, Vec<Wanted>> = BTreeMap::new();
        for (number, (operator, of_operator)) in self.part.operators.iter().zip(&self.plan.operators).enumerate() {
            for (input, take) in of_operator.inputs.iter().enumerate() {
                let Some(value) = operator.input(input) else { continue };
                if self.part.values.get(value).is_none_or(|v| v.constant.is_none()) {
                    continue;
                }
                let encoding = match *take {
                    Take::AsMade | Take::As(Form::Real) => Encoding::Keep,
                    Take::As(Form::Codes(codes)) => Encoding::Operand(codes),
                    Take::Weights { axis } => {
                        weights_key(self.part, value, axis).map_or(Encoding::Keep, Encoding::Weights)
                    }
                    Take::Bias => Encoding::Bias { operator: number },
                };
                let list = wanted.entry(value).or_default();
                match list.iter_mut().find(|(known, _)| self.is_same(known, &encoding)) {
                    Some((_, places)) => places.push((number, input)),
                    None => list.push((encoding, vec![(number, input)])),
                }
            }
        }
        for (value, list) in wanted {
            let is_kept =
                self.part.outputs.contains(&value) || list.iter().any(|(encoding, _)| *encoding == Encoding::Keep);
            let mut is_first = !is_kept;
            for (encoding, places) in list {
                if encoding == Encoding::Keep {
                    continue;
                }
                let tensor = self.write_constant(value, &encoding, is_first)?;
                is_first = false;
                for (operator, input) in places {
                    if let Some(slot) = inputs.get_mut(operator).and_then(|inputs| inputs.get_mut(input)) {
                        *slot = Some(tensor);
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns whether two encodings of one constant give the same codes.
    fn is_same(&self, a: &Encoding, b: &Encoding) -> bool {
        let (Encoding::Bias { operator: a }, Encoding::Bias { operator: b }) = (a, b) else { return a == b };
        let of = |operator: usize| {
            let bias = self.bias(operator)?;
            Some((bias.input_scale.to_bits(), bias.bits, bias.bias, self.weights_of(operator)))
        };
        of(*a) == of(*b)
    }

    fn bias(&self, operator: usize) -> Option<BiasUse> {
        bias_use((self.subgraph, operator), self.part.operators.get(operator)?, self.plan, self.constants, self.tuned)
    }

    /// Returns the weights of an operator's product.
    fn weights_of(&self, operator: usize) -> Option<WeightsKey> {
        let takes = &self.plan.operators.get(operator)?.inputs;
        takes.iter().enumerate().find_map(|(input, take)| match take {
            Take::Weights { axis } => weights_key(self.part, self.part.operators.get(operator)?.input(input)?, *axis),
            _ => None,
        })
    }

    /// Writes a constant in a form, in its own tensor or in a new one; returns which.
    fn write_constant(&mut self, value: usize, encoding: &Encoding, in_place: bool) -> Result<usize> {
        let id = ValueId { subgraph: self.subgraph, value };
        let Some(of_value) = self.part.values.get(value) else { return Ok(value) };
        let Some(values) = self.constants.get(id) else { return Ok(value) };
        let name = of_value.name.clone();
        let failed = |error: crate::error::Error| error.of_tensor(&name);
        let mut row = WrittenConstant { id, after: String::new(), error: None, raised: Vec::new() };
        let (element_type, bytes, quantization) = match encoding {
            Encoding::Keep => return Ok(value),
            Encoding::Weights(key) => {
                let Some((weights, raised)) = self.encoded.by_key.get(key) else { return Ok(value) };
                row.after = "int8 weights".into();
                row.error = Some(weights.error);
                row.raised.clone_from(raised);
                let quantization = of_scales(weights.scales.clone(), weights.axis);
                (ElementType::I8, weights.codes.clone(), quantization)
            }
            Encoding::Operand(codes) => {
                let (bytes, error) = operand(values, *codes).map_err(failed)?;
                row.error = Some(error);
                row.after = format!("{} operand", spoken(codes.code));
                (element_type(codes.code), bytes, Quantization::per_tensor(codes.scale, codes.zero_point.into()))
            }
            Encoding::Bias { operator } => {
                let weights = self.weights_of(*operator).and_then(|key| self.encoded.by_key.get(&key));
                let (Some(of), Some((weights, _))) = (self.bias(*operator), weights) else { return Ok(value) };
                let (bytes, scales, error) = bias(&of, weights).map_err(failed)?;
                row.error = Some(error);
                row.after = format!("int{} bias", of.bits);
                let element_type = if of.bits == 32 { ElementType::I32 } else { INT64 };
                (element_type, bytes, of_scales(scales, 0))
            }
        };
        self.written.constants.push(row);
        let tensor = if in_place {
            value
        } else {
            let new = NewTensor {
                name: format!("{}_{}", of_value.name, element_type.name()),
                element_type,
                shape: of_value.shape.clone().unwrap_or_default(),
                quantization: None,
                data: None,
            };
            self.model.add_tensor(self.subgraph, new)?.tensor
        };
        let id = self.id(tensor);
        let key = (element_type, bytes);
        let data = match self.stored.get(&key) {
            Some(&other) => NewData::Of(other),
            None => NewData::Bytes(key.1.clone()),
        };
        self.stored.entry(key).or_insert(id);
        self.model.replace(id, Replacement { element_type, scales: None, data })?;
        self.model.set_quantization(id, Some(&quantization))?;
        Ok(tensor)
    }
}
