//! What a quantized model's outputs and values lose against the float one, on data.

use crate::channel_factors::ByChannels;
use crate::data::Classes;
use crate::difference::Difference;
use ndarray::ArrayD;
use std::collections::BTreeMap;
use tensor_quant::calibration::{Array, RunError, Runner, Sample};
use tensor_quant::graph::{ElementType, Graph};

/// What a model loses.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Evaluation {
    /// How many samples were run.
    pub samples: u64,
    /// The outputs, in the order of the signature.
    pub outputs: Vec<OutputLoss>,
    /// The values that both models have by one name, in the order in which the judged one makes them.
    pub values: Vec<ValueLoss>,
    /// Labels that there were, and how many of them the first output of the float and of the judged model chose.
    pub labels: Option<Labels>,
}

/// What an output loses.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OutputLoss {
    /// Its name.
    pub name: String,
    /// How far it is off.
    pub difference: Difference,
    /// Rows along the last axis in which both models have the same first choice.
    pub same_choice: u64,
    /// Rows along the last axis.
    pub choices: u64,
}

impl OutputLoss {
    /// Returns the share of rows with the same first choice; `None` without rows of two and more.
    pub fn top1_agreement(&self) -> Option<f64> {
        (self.choices > 0).then(|| self.same_choice as f64 / self.choices as f64)
    }
}

/// What a value loses.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ValueLoss {
    /// Its name.
    pub name: String,
    /// What the file calls the operator that makes it; "" for inputs.
    pub operator: String,
    /// How far it is off in the judged model.
    pub difference: Difference,
    /// Whether the judged model has its channels multiplied with factors, as equalized models do. They are undone in what it is off.
    pub is_rescaled: bool,
    /// Where the operator stands in its graph, from 1 on; 0 for inputs.
    pub position: usize,
    /// How far it is off when the operator is given the float model's values: its own share. `None` if the judged model's runner cannot
    /// put other values in place of its own.
    pub own: Option<Difference>,
}

/// How often a model is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Labels {
    /// Labels.
    pub count: u64,
    /// Of these the float model chose so many.
    pub float: u64,
    /// And the judged model so many.
    pub judged: u64,
}

impl Labels {
    /// Returns the accuracy of the float and of the judged model.
    pub fn accuracy(&self) -> [f64; 2] {
        [self.float, self.judged].map(|right| right as f64 / self.count.max(1) as f64)
    }
}

impl Evaluation {
    /// Returns the worst SQNR of an output; ∞ without outputs.
    pub fn sqnr_db(&self) -> f64 {
        self.outputs.iter().map(|output| output.difference.sqnr_db()).fold(f64::INFINITY, f64::min)
    }

    /// Returns the values, those that lose most first.
    pub fn worst_first(&self) -> Vec<&ValueLoss> {
        let mut values: Vec<&ValueLoss> = self.values.iter().collect();
        values.sort_by(|a, b| a.difference.sqnr_db().total_cmp(&b.difference.sqnr_db()));
        values
    }
}

/// Runs a float model and one made of it on samples, and returns what the second loses.
///
/// Outputs are compared by their names, or where the names differ by their places. Outputs of codes count as the reals that
/// they stand for; inputs of codes are given the reals of the sample. The judged model runs twice on each sample: by itself, and with
/// each value of a name that the float model has replaced by the float model's as soon as it is there, which shows what each
/// operator adds; but not if it keeps variables from one run to the next, for which there is [`evaluate_with_shares`].
///
/// A value whose channels the judged model has multiplied with factors, to divide by them later, is compared without these.
///
/// Classes, if there are any, are compared with the first choices of the first output, row by row. Values of loops are left
/// out.
///
/// # Errors
///
/// Those of the samples and of [`Runner::run`]; [`RunError::Model`] if the models have different numbers of outputs, or classes are no
/// choices of the first output, or not as many as it has rows.
pub fn evaluate(
    float: &mut dyn Runner,
    judged: &mut dyn Runner,
    signature: Option<&str>,
    samples: impl IntoIterator<Item = Result<Sample, RunError>>,
    classes: Option<&Classes>,
) -> Result<Evaluation, RunError> {
    let replaces = !judged.graph().is_some_and(keeps_variables);
    let shares = if replaces { Shares::ByJudged } else { Shares::Nobody };
    run_all(float, judged, shares, signature, samples, classes)
}

/// The same with a runner of its own for what each operator adds: the judged model once more, in whatever runs it and can put other
/// values in place of those it comes to. So the shares are told of a model that keeps variables, each of them that of the float
/// model, and where what runs the judged model cannot replace values. If this runner cannot run the model either, there are none.
///
/// # Errors
///
/// Those of [`evaluate`].
pub fn evaluate_with_shares(
    float: &mut dyn Runner,
    judged: &mut dyn Runner,
    shares: &mut dyn Runner,
    signature: Option<&str>,
    samples: impl IntoIterator<Item = Result<Sample, RunError>>,
    classes: Option<&Classes>,
) -> Result<Evaluation, RunError> {
    run_all(float, judged, Shares::By(shares), signature, samples, classes)
}

/// What tells the shares of operators.
enum Shares<'a> {
    ByJudged,
    By(&'a mut dyn Runner),
    Nobody,
}

fn run_all(
    float: &mut dyn Runner,
    judged: &mut dyn Runner,
    mut shares: Shares<'_>,
    signature: Option<&str>,
    samples: impl IntoIterator<Item = Result<Sample, RunError>>,
    classes: Option<&Classes>,
) -> Result<Evaluation, RunError> {
    let places = Places::new(float, judged, signature)?;
    let mut evaluation = Evaluation { labels: classes.map(|_| Labels::default()), ..Evaluation::default() };
    evaluation.outputs =
        places.outputs.iter().map(|name| OutputLoss { name: name.clone(), ..OutputLoss::default() }).collect();
    let mut losses: BTreeMap<usize, (ValueLoss, ByChannels)> = BTreeMap::new();
    for (number, sample) in samples.into_iter().enumerate() {
        let sample = sample?;
        let inputs: Vec<(&str, Array)> = sample.iter().map(|(name, array)| (name.as_str(), array.clone())).collect();
        let mut values: BTreeMap<String, ArrayD<f32>> = BTreeMap::new();
        let reference = float.run(signature, &inputs, &mut |value| {
            if value.id.subgraph == places.float_part {
                values.insert(value.name.to_owned(), value.values.to_owned());
            }
            Ok(())
        })?;
        let inputs = places.renamed(&inputs);
        let outputs = judged.run(signature, &inputs, &mut |value| {
            if value.id.subgraph == places.judged_part
                && let Some(reference) = values.get(value.name)
            {
                let new = || ValueLoss {
                    name: value.name.to_owned(),
                    operator: places.maker(value.id.value),
                    difference: Difference::default(),
                    is_rescaled: false,
                    position: places.order.get(&value.id.value).copied().unwrap_or(0),
                    own: None,
                };
                let (_, by_channels) = losses.entry(value.id.value).or_insert_with(|| (new(), ByChannels::default()));
                by_channels.add(&reference.view(), &value.values.view());
            }
            Ok(())
        })?;
        let runner: Option<&mut dyn Runner> = match &mut shares {
            // A model with variables would be one step ahead after a second run.
            Shares::ByJudged => {
                let runner: &mut dyn Runner = judged;
                Some(runner)
            }
            Shares::By(runner) => {
                let runner: &mut dyn Runner = *runner;
                Some(runner)
            }
            Shares::Nobody => None,
        };
        if let Some(runner) = runner {
            let replaced = runner.run_replacing(signature, &inputs, &mut |value| {
                let reference = values.get(value.name).filter(|_| value.id.subgraph == places.judged_part)?;
                let mut given = None;
                if let Some((loss, by_channels)) = losses.get_mut(&value.id.value) {
                    let undone = by_channels.undone(&value.values.view());
                    let value = undone.as_ref().map_or_else(|| value.values.view(), |undone| undone.view());
                    loss.own.get_or_insert_default().add(reference.view(), value);
                    given = by_channels.rescaled(reference);
                }
                (reference.shape() == value.values.shape()).then(|| given.unwrap_or_else(|| reference.clone()))
            });
            match replaced {
                Ok(_) => {}
                // The model has run: it is the runner that cannot.
                Err(RunError::Model { .. } | RunError::Missing { .. }) => shares = Shares::Nobody,
                Err(error) => return Err(error),
            }
        }
        for (place, loss) in evaluation.outputs.iter_mut().enumerate() {
            let pair = (reference.get(place), outputs.get(places.judged_output(place)));
            let (Some((_, x)), Some((_, y))) = pair else { continue };
            let (x, y) = (x.to_f32(), places.reals(place, y));
            loss.difference.add(x.view(), y.view());
            let (ours, theirs) = (choices(&x), choices(&y));
            loss.choices += ours.len() as u64;
            loss.same_choice += ours.iter().zip(&theirs).filter(|(a, b)| a == b).count() as u64;
            if place == 0
                && let (Some(all), Some(classes)) = (&mut evaluation.labels, classes)
            {
                check_classes(classes.of(number), number, ours.len(), x.shape().last().copied().unwrap_or(0))?;
                for ((&class, ours), theirs) in classes.of(number).iter().zip(&ours).zip(&theirs) {
                    let Some(class) = class else { continue };
                    all.count += 1;
                    all.float += u64::from(*ours == class);
                    all.judged += u64::from(*theirs == class);
                }
            }
        }
        evaluation.samples += 1;
    }
    evaluation.values = losses
        .into_values()
        .map(|(loss, by_channels)| {
            let (difference, is_rescaled) = by_channels.difference();
            ValueLoss { difference, is_rescaled, ..loss }
        })
        .collect();
    evaluation.values.sort_by_key(|loss| loss.position);
    Ok(evaluation)
}

/// Returns an error for classes of a sample that are not those of an output with so many rows of so many choices.
fn check_classes(classes: &[Option<usize>], sample: usize, rows: usize, choices: usize) -> Result<(), RunError> {
    // Of an output without choices, or a sample without classes, nothing is counted.
    if rows == 0 || classes.is_empty() {
        return Ok(());
    }
    if classes.len() != rows {
        let reason =
            format!("sample {sample} has {} labels, and the first output {rows} rows of choices", classes.len());
        return Err(RunError::Model { reason });
    }
    match classes.iter().flatten().find(|&&class| class >= choices) {
        None => Ok(()),
        Some(class) => {
            let reason =
                format!("sample {sample} has the label {class}, and the first output the choices 0 to {}", choices - 1);
            Err(RunError::Model { reason })
        }
    }
}

/// Returns whether a model keeps something from one run to the next.
fn keeps_variables(graph: &Graph) -> bool {
    let mut parts = graph.subgraphs.iter();
    parts.any(|part| part.values.iter().any(|value| value.is_variable || value.element_type == ElementType::Resource))
}

/// The position of the largest of each row along the last axis, if rows have more than one element.
fn choices(x: &ArrayD<f32>) -> Vec<usize> {
    let len = x.shape().last().copied().unwrap_or(0);
    let elements: Vec<f32> = x.iter().copied().collect();
    if len < 2 {
        return Vec::new();
    }
    let best = |row: &[f32]| (0..len).fold(0, |best, i| if row[i] > row[best] { i } else { best });
    elements.chunks_exact(len).map(best).collect()
}

/// How the parts of two models belong together.
struct Places {
    float_part: usize,
    judged_part: usize,
    outputs: Vec<String>,
    /// For each output of the float model the place of the judged one's, and its scale and zero point if it is of codes.
    judged_outputs: Vec<(usize, Option<(f32, i64)>)>,
    /// The judged model's names of inputs for the float one's.
    inputs: BTreeMap<String, String>,
    makers: BTreeMap<usize, String>,
    order: BTreeMap<usize, usize>,
}

impl Places {
    fn new(float: &dyn Runner, judged: &dyn Runner, signature: Option<&str>) -> Result<Self, RunError> {
        let (ours, theirs) = (float.outputs(signature)?, judged.outputs(signature)?);
        if ours.len() != theirs.len() {
            let reason = format!("the models have {} and {} outputs", ours.len(), theirs.len());
            return Err(RunError::Model { reason });
        }
        let same_names = ours.iter().all(|output| theirs.iter().any(|other| other.name == output.name));
        let place = |(place, name): (usize, &String)| match theirs.iter().position(|other| other.name == *name) {
            Some(named) if same_names => named,
            _ => place,
        };
        let outputs: Vec<String> = ours.into_iter().map(|output| output.name).collect();
        let judged_outputs = outputs.iter().enumerate().map(place).map(|at| (at, theirs[at].quantization)).collect();
        let (our_inputs, their_inputs) = (float.inputs(signature)?, judged.inputs(signature)?);
        let is_there = |name: &str| their_inputs.iter().any(|input| input.name == name);
        let inputs = if our_inputs.iter().all(|input| is_there(&input.name)) {
            BTreeMap::new()
        } else {
            our_inputs.into_iter().map(|a| a.name).zip(their_inputs.into_iter().map(|b| b.name)).collect()
        };
        let part_of = |runner: &dyn Runner| {
            let found = runner.graph().and_then(|graph| graph.signature(signature));
            found.map_or(0, |signature| signature.subgraph)
        };
        let (float_part, judged_part) = (part_of(float), part_of(judged));
        let (mut makers, mut order) = (BTreeMap::new(), BTreeMap::new());
        if let Some(part) = judged.graph().and_then(|graph| graph.subgraphs.get(judged_part)) {
            for (number, operator) in part.operators.iter().enumerate() {
                for &output in &operator.outputs {
                    makers.insert(output, operator.name.clone());
                    order.insert(output, number + 1);
                }
            }
        }
        Ok(Self { float_part, judged_part, outputs, judged_outputs, inputs, makers, order })
    }

    fn renamed<'a>(&'a self, inputs: &[(&'a str, Array)]) -> Vec<(&'a str, Array)> {
        let name = |name: &'a str| self.inputs.get(name).map_or(name, String::as_str);
        inputs.iter().map(|(given, array)| (name(given), array.clone())).collect()
    }

    fn maker(&self, value: usize) -> String {
        self.makers.get(&value).cloned().unwrap_or_default()
    }

    fn judged_output(&self, place: usize) -> usize {
        self.judged_outputs.get(place).map_or(place, |(at, _)| *at)
    }

    /// Returns the reals of a judged output.
    fn reals(&self, place: usize, output: &Array) -> ArrayD<f32> {
        let codes = output.to_f32();
        match (output, self.judged_outputs.get(place)) {
            (Array::F32(_), _) | (_, None | Some((_, None))) => codes,
            (_, Some((_, Some((scale, zero_point))))) => codes.mapv(|code| (code - *zero_point as f32) * scale),
        }
    }
}
