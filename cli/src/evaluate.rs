//! `evaluate`: what the outputs of a quantized model lose on data.

use crate::argument::{file, finite, json as json_switch, switch};
use crate::failure::Failure;
use crate::output::{style, width};
use crate::progress::Bar;
use crate::report_file;
use crate::runtime::Runtime;
use crate::samples;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use std::path::{Path, PathBuf};
use tensor_quant::calibration::Runner;
use tensor_quant::report::{Accuracy, JudgedOutput, JudgedValue, Judgement};
use tensor_quant_run::data::{Classes, Data};
use tensor_quant_run::{Difference, Evaluation, evaluate, evaluate_with_shares};

/// Returns what the subcommand takes.
pub(crate) fn command() -> Command {
    let threshold = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).value_parser(finite).allow_negative_numbers(true).help(help)
    };
    Command::new("evaluate")
        .about("Judges a quantized .tflite model by its outputs: what they lose on data, and where along the graph")
        .arg(file("FLOAT", "The float model"))
        .arg(file("QUANT", "What was made of it"))
        .args(samples::arguments())
        .arg(samples::labels())
        .arg(samples::signature())
        .args(Runtime::arguments())
        .arg(threshold("min-sqnr", "DB", "Fail, with exit code 5, if the worst output has a lower ratio"))
        .arg(threshold("min-agreement", "PERCENT", "Fail if first choices are the same less often"))
        .arg(threshold("max-accuracy-loss", "PERCENT", "Fail if the accuracy falls by more percentage points"))
        .arg(
            Arg::new("report")
                .long("report")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .action(ArgAction::Append)
                .help("Also write a report: a page with a chart along the graph if the name ends in .html, JSON if in .json"),
        )
        .arg(switch("force", "Replace a report that exists"))
        .arg(json_switch())
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<String, Failure> {
    let path = |name| arguments.get_one::<PathBuf>(name).cloned().unwrap_or_default();
    let (float, quant) = (path("FLOAT"), path("QUANT"));
    let reports = report_file::checked(arguments, &[&float, &quant])?;
    let judge = Judge::open(&float, arguments)?;
    let judgement = judge.judge(&quant)?;
    for path in reports {
        judgement.save(path)?;
    }
    let text = if arguments.get_flag("json") { judgement.to_json() } else { judgement.to_table(style(), width()) };
    match shortfall(&judgement, arguments)? {
        None => Ok(text),
        Some(message) => Err(Failure::found(text, message)),
    }
}

/// Returns what is worse than was allowed, if anything is.
fn shortfall(judgement: &Judgement, arguments: &ArgMatches) -> Result<Option<String>, Failure> {
    let asked = |name: &str| arguments.get_one::<f64>(name).copied();
    let missing = |name: &str, what: &str| Failure::usage_text(&format!("--{name} needs {what}"));
    let mut found = Vec::new();
    if let Some(least) = asked("min-sqnr")
        && judgement.sqnr_db < least
    {
        found.push(format!("the worst output has {:.2} dB, and {least} were asked for", judgement.sqnr_db));
    }
    if asked("min-sqnr").is_some() {
        for output in judgement.outputs.iter().filter(|output| output.non_finite_changed > 0) {
            let count = output.non_finite_changed;
            found.push(format!("{count} elements of {:?} are NaN or infinite in one of the models alone", output.name));
        }
    }
    if let Some(least) = asked("min-agreement") {
        let share = judgement.top1_agreement.ok_or_else(|| missing("min-agreement", "outputs with choices"))?;
        if 100.0 * share < least {
            found.push(format!("{:.2}% of first choices are the same, and {least}% were asked for", 100.0 * share));
        }
    }
    if let Some(most) = asked("max-accuracy-loss") {
        let accuracy = judgement.accuracy.ok_or_else(|| missing("max-accuracy-loss", "labels"))?;
        let loss = 100.0 * (accuracy.float - accuracy.quantized);
        if loss > most {
            found.push(format!("the accuracy falls by {loss:.2} points, and {most} were allowed"));
        }
    }
    Ok((!found.is_empty()).then(|| found.join("; ")))
}

/// A float model and samples, to judge others by.
pub(crate) struct Judge {
    float: Box<dyn Runner>,
    path: PathBuf,
    runtime: Runtime,
    /// The samples of each signature; of the one without a name where there is no choice.
    data: Vec<(Option<String>, Data)>,
    /// The classes of the first.
    classes: Option<Classes>,
    /// Whether they were asked for by name.
    has_labels: bool,
    /// Signatures without samples.
    without_samples: Vec<String>,
    origin: String,
}

impl Judge {
    /// Opens the float model and the samples: what is wrong with either shows before any work is done.
    ///
    /// Unless one is named, all signatures are run that there are samples for.
    pub(crate) fn open(float: &Path, arguments: &ArgMatches) -> Result<Self, Failure> {
        let runtime = Runtime::asked(arguments)?;
        let signature = arguments.get_one::<String>("signature").map(String::as_str);
        let runner = runtime.open(float, signature)?;
        let all = runner.signatures();
        let data: Vec<(Option<String>, Data)> = if signature.is_some() || all.len() < 2 {
            vec![(signature.map(str::to_owned), samples::open(arguments, &*runner, signature)?)]
        } else {
            let found = samples::open_all_or_noise(arguments, &*runner)?;
            found
                .data()
                .filter(|(_, data)| !data.is_empty())
                .map(|(name, data)| (Some(name.into()), data.clone()))
                .collect()
        };
        let is_run = |name: &String| data.iter().any(|(run, _)| run.as_ref() == Some(name));
        let without_samples = if data.len() == 1 && data[0].0.as_deref() == signature {
            Vec::new()
        } else {
            all.iter().filter(|name| !is_run(name)).cloned().collect()
        };
        let classes = match data.first() {
            Some((_, first)) => samples::classes(arguments, first)?,
            None => None,
        };
        let has_labels = arguments.contains_id("labels");
        let (path, origin) = (float.into(), samples::named(arguments));
        Ok(Self { float: runner, path, runtime, data, classes, has_labels, without_samples, origin })
    }

    /// Returns what a quantized model loses.
    pub(crate) fn judge(mut self, quant: &Path) -> Result<Judgement, Failure> {
        let mut judgement = Judgement::new(self.path.display().to_string(), quant.display().to_string());
        judgement.data = self.origin;
        judgement.runtime = self.runtime.name();
        judgement.without_samples = self.without_samples;
        let are_named = self.data.len() > 1 || !judgement.without_samples.is_empty();
        for (at, (name, data)) in self.data.iter().enumerate() {
            let signature = name.as_deref();
            let mut judged = self.runtime.open(quant, signature)?;
            let mut apart = self.runtime.apart(quant, signature, &*judged);
            self.float.reset();
            let mut bar = Bar::new();
            let count = data.len();
            let shown = data.samples().enumerate().map(|(number, sample)| {
                bar.show_samples(number, count);
                sample
            });
            let classes = self.classes.as_ref().filter(|_| at == 0);
            let found = match &mut apart {
                Some(apart) => evaluate_with_shares(&mut *self.float, &mut *judged, apart, signature, shown, classes),
                None => evaluate(&mut *self.float, &mut *judged, signature, shown, classes),
            };
            bar.finish();
            judgement.is_noise |= data.is_noise();
            let prefix = match signature {
                Some(name) if are_named => {
                    judgement.signatures.push(name.into());
                    format!("{name}/")
                }
                _ => String::new(),
            };
            fill(&mut judgement, &found?, &prefix);
        }
        if self.has_labels && judgement.accuracy.is_none() {
            let reason =
                "none of the labels could be compared: the first output has no choices, or all of them are below 0";
            return Err(Failure::file(reason.into()));
        }
        Ok(judgement)
    }
}

/// Adds what was found to a judgement; `prefix` tells the names of one signature from those of another.
fn fill(judgement: &mut Judgement, found: &Evaluation, prefix: &str) {
    judgement.samples += found.samples;
    let accuracy = found.labels.filter(|labels| labels.count > 0).map(|labels| {
        let [float, quantized] = labels.accuracy();
        let mut accuracy = Accuracy::default();
        (accuracy.float, accuracy.quantized, accuracy.labels) = (float, quantized, labels.count);
        accuracy
    });
    judgement.accuracy = judgement.accuracy.or(accuracy);
    for output in &found.outputs {
        let difference = &output.difference;
        let mut judged = JudgedOutput::default();
        judged.name = format!("{prefix}{}", output.name);
        judged.sqnr_db = difference.sqnr_db();
        judged.lossless = is_lossless(difference);
        (judged.cosine, judged.max_abs_error) = (difference.cosine(), difference.max_abs_error());
        (judged.top1_agreement, judged.non_finite_changed) = (output.top1_agreement(), difference.non_finite());
        judgement.push_output(judged);
    }
    for value in &found.values {
        let difference = &value.difference;
        let mut judged = JudgedValue::default();
        judged.name = format!("{prefix}{}", value.name);
        judged.operator.clone_from(&value.operator);
        (judged.position, judged.rescaled) = (value.position, value.is_rescaled);
        (judged.sqnr_db, judged.own_sqnr_db) = (difference.sqnr_db(), value.own.map(|own| own.sqnr_db()));
        judged.lossless = is_lossless(difference);
        judged.own_lossless = value.own.as_ref().map(is_lossless);
        (judged.cosine, judged.max_abs_error) = (difference.cosine(), difference.max_abs_error());
        judgement.push_value(judged);
    }
}

fn is_lossless(difference: &Difference) -> bool {
    difference.sqnr_db() == f64::INFINITY && difference.non_finite() == 0
}
