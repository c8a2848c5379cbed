//! A plan, put into a model: constants as codes, values with scales, conversions between, versions of operators.

use super::constants::Constants;
use super::encoding::{BiasUse, Raised, WeightRanges, Weights, bias, operand, weights};
use crate::error::Result;
use crate::graph::{Graph, Op, Operator, Quantization, Subgraph, ValueId};
use crate::metrics::ErrorMetrics;
use crate::model::tflite::{
    Edge, ElementType, Flag, Model, NewData, NewOperator, NewTensor, Replacement, TensorId, integer_version,
};
use crate::num::CodeType;
use crate::recipe::integer::{Codes, Domain, Form, IntegerPlan, PartPlan, Take, Width};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// What is better than what the float model holds, where a search found it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tuned {
    /// Biases, by subgraph and operator.
    pub(crate) biases: BTreeMap<(usize, usize), Vec<f32>>,
    /// How the scales of weights are found.
    pub(crate) weight_ranges: WeightRanges,
    /// The mean squares of the channels that weights are multiplied with.
    pub(crate) importance: Rc<BTreeMap<ValueId, Vec<f32>>>,
}

impl Tuned {
    pub(crate) fn importance(&self, weights: ValueId) -> Option<&[f32]> {
        self.importance.get(&weights).map(Vec::as_slice)
    }
}

/// What became of a constant.
#[derive(Clone, Debug)]
pub(crate) struct WrittenConstant {
    pub(crate) id: ValueId,
    /// What it is now, as in `int8 weights`.
    pub(crate) after: String,
    pub(crate) error: Option<ErrorMetrics>,
    pub(crate) raised: Vec<Raised>,
}

/// What was written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    pub(crate) constants: Vec<WrittenConstant>,
    /// How many conversions stand between operators: of reals to codes, back, and of codes to others.
    pub(crate) conversions: [usize; 3],
}

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

/// Which weights: constants of one storage and axis are one, wherever they are used.
type WeightsKey = (usize, usize);

/// All weights that are to become codes.
struct EncodedWeights {
    by_key: BTreeMap<WeightsKey, (Weights, Vec<Raised>)>,
}

fn weights_key(part: &Subgraph, value: usize, axis: usize) -> Option<WeightsKey> {
    Some((part.values.get(value)?.constant.as_ref()?.storage, axis))
}

/// Returns the bias of an operator in integers, and what its codes depend on.
pub(crate) fn bias_use(
    id: (usize, usize),
    operator: &Operator,
    plan: &PartPlan,
    constants: &Constants,
    tuned: &Tuned,
) -> Option<BiasUse> {
    let (subgraph, number) = id;
    let of_operator = plan.operators.get(number)?;
    let Domain::Integer(width) = of_operator.domain else { return None };
    let place = of_operator.inputs.iter().position(|take| *take == Take::Bias)?;
    let (bias, of_bias) = (operator.input(place)?, operator.bias()?);
    let input = operator.inputs.iter().position(|&input| input == Some(of_bias.input))?;
    let Some(Take::As(Form::Codes(codes))) = of_operator.inputs.get(input) else { return None };
    let own = tuned.biases.get(&id).cloned();
    let values = || constants.get(ValueId { subgraph, value: bias }).map(|bias| bias.iter().copied().collect());
    Some(BiasUse { input_scale: codes.scale, bias: own.or_else(values)?, bits: width.bias_bits() })
}

fn encode_weights(graph: &Graph, plan: &IntegerPlan, constants: &Constants, tuned: &Tuned) -> Result<EncodedWeights> {
    let mut uses: BTreeMap<WeightsKey, (ValueId, Vec<BiasUse>)> = BTreeMap::new();
    for (subgraph, (part, plan)) in graph.subgraphs.iter().zip(&plan.parts).enumerate() {
        for (number, (operator, of_operator)) in part.operators.iter().zip(&plan.operators).enumerate() {
            for (input, take) in of_operator.inputs.iter().enumerate() {
                let (Take::Weights { axis }, Some(value)) = (*take, operator.input(input)) else { continue };
                let Some(key) = weights_key(part, value, axis) else { continue };
                let entry = uses.entry(key).or_insert_with(|| (ValueId { subgraph, value }, Vec::new()));
                entry.1.extend(bias_use((subgraph, number), operator, plan, constants, tuned));
            }
        }
    }
    let mut by_key = BTreeMap::new();
    for ((storage, axis), (id, uses)) in uses {
        let Some(values) = constants.get(id) else { continue };
        let name = || graph.value(id).map(|value| value.name.clone()).unwrap_or_default();
        let encoded = weights(values, axis, tuned.weight_ranges, tuned.importance(id), &uses)
            .map_err(|error| error.of_tensor(&name()))?;
        by_key.insert((storage, axis), encoded);
    }
    Ok(EncodedWeights { by_key })
}

/// What a constant becomes for a use.
#[derive(Clone, Debug, PartialEq)]
enum Encoding {
    Keep,
    Weights(WeightsKey),
    Operand(Codes),
    /// The bias of an operator: the input's scale, and the weights'.
    Bias {
        operator: usize,
    },
}

/// An encoding of a constant, and the operators and inputs that take it.
type Wanted = (Encoding, Vec<(usize, usize)>);

/// The conversions of a subgraph.
#[derive(Debug, Default)]
struct Conversions {
    /// The tensor that holds a value in a form.
    done: Vec<(usize, Form, usize)>,
    /// The operators, and in front of which of the others each stands.
    inserted: Vec<(usize, NewOperator)>,
}

/// Writes one subgraph.
struct Writer<'a> {
    model: &'a mut Model,
    subgraph: usize,
    part: &'a Subgraph,
    plan: &'a PartPlan,
    constants: &'a Constants,
    tuned: &'a Tuned,
    encoded: &'a EncodedWeights,
    /// Tensors by what they hold: what is the same is stored once.
    stored: &'a mut HashMap<(ElementType, Vec<u8>), TensorId>,
    written: &'a mut Written,
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

    fn id(&self, tensor: usize) -> TensorId {
        TensorId { subgraph: self.subgraph, tensor }
    }

    /// Writes constants in the forms in which operators take them; `inputs` are led to the tensors that hold these.
    fn write_constants(&mut self, inputs: &mut [Vec<Option<usize>>]) -> Result<()> {
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

    /// Puts conversions where a value is taken in another form than it is made in, one for each form.
    fn convert(&mut self, inputs: &mut [Vec<Option<usize>>]) -> Result<()> {
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

/// 64-bit integers, by their number in the schema.
const INT64: ElementType = ElementType::Other(4);

fn of_scales(scales: Vec<f32>, axis: usize) -> Quantization {
    let zero_points = vec![0; scales.len()];
    Quantization { scales, zero_points, axis, has_details: false }
}

fn element_type(code: CodeType) -> ElementType {
    match code {
        CodeType::U8 => ElementType::U8,
        CodeType::I16 => ElementType::I16,
        _ => ElementType::I8,
    }
}

fn spoken(code: CodeType) -> String {
    crate::recipe::spoken(code)
}
