//! `quantize`: models by a recipe.

use crate::argument::{json, switch};
use crate::asked_recipe;
use crate::evaluate::Judge;
use crate::failure::Failure;
use crate::job::{Job, jobs};
use crate::output::{Answer, style, width};
use crate::progress::Bar;
use crate::runtime::Runtime;
use crate::samples;
use crate::zstd;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use tensor_quant::calibration::Statistics;
use tensor_quant::pipeline::{
    Data, Evidence, Format, Histograms, Options, Overwrite, dry_run_with, quantize_file_with,
};
use tensor_quant::range::AnyEstimator;
use tensor_quant::recipe::Recipe;
use tensor_quant::report::Report;
use tensor_quant_run::data::Signatures;
use tensor_quant_run::{Executor, PureRust};

/// Returns what the subcommand takes.
pub(crate) fn command() -> Command {
    let paths = Arg::new("PATHS")
        .required(true)
        .num_args(1..)
        .value_names(["IN", "OUT"])
        .value_parser(value_parser!(PathBuf))
        .value_hint(ValueHint::FilePath)
        .help("The model to read, and the one to write, which is never the input; or several to read, and a folder");
    let report = Arg::new("report")
        .long("report")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .value_hint(ValueHint::FilePath)
        .action(ArgAction::Append)
        .help(
            "Also write a report: a page if the name ends in .html, JSON if in .json, errors for Model Explorer if in \
             .node-data.json; of several models each gets its own, named after it",
        );
    let threads = Arg::new("threads")
        .long("threads")
        .value_name("COUNT")
        .value_parser(value_parser!(NonZeroUsize))
        .help("Quantize a tensor, and run samples, on so many threads; the result is the same [default: 1]");
    let calibration = Arg::new("calibration")
        .long("calibration")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .value_hint(ValueHint::FilePath)
        .help("Statistics that calibrate saved, for recipes that make codes of activations; with --data, too, these judge");
    Command::new("quantize")
        .about("Quantizes models by a recipe")
        .override_usage("tensor-quant quantize [OPTIONS] <--recipe <NAME|FILE>|--to <SCHEME>> <IN> <OUT>\n       tensor-quant quantize [OPTIONS] <--recipe <NAME|FILE>|--to <SCHEME>> <IN>... <FOLDER>\n       tensor-quant quantize [OPTIONS] <--recipe <NAME|FILE>|--to <SCHEME>> --dry-run <IN>")
        .arg(paths)
        .args(asked_recipe::arguments())
        .arg(report)
        .arg(threads)
        .args(samples::arguments())
        .arg(calibration)
        .arg(samples::labels())
        .arg(samples::signature())
        .args(Runtime::arguments())
        // What judges is run with data alone.
        .mut_args(|arg| match arg.get_id().as_str() {
            "samples" | "signature" | "runtime" | "library" => arg.requires("data"),
            _ => arg,
        })
        .arg(
            Arg::new("noise")
                .long("noise")
                .value_name("COUNT")
                .value_parser(value_parser!(usize))
                .conflicts_with_all([
                    "data", "array", "mean", "scale", "samples", "labels", "signature", "runtime", "library",
                ])
                .help(
                    "Without data, choose weights by so many samples of noise; what loses more than the nearest on other \
                     noise is not written",
                ),
        )
        .arg(switch("dry-run", "Write no model: show what would become of each tensor, and what that would cost; a report is written if it is asked for"))
        .arg(switch("force", "Replace an output or report that exists"))
        .arg(switch("quiet", "Print nothing but errors").short('q').conflicts_with("json"))
        .arg(json())
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<Answer, Failure> {
    let recipe = asked_recipe::of(arguments)?;
    let asked = Asked { arguments, recipe: &recipe };
    let jobs = jobs(arguments)?;
    if let [job] = &jobs[..] {
        return asked.quantize(job).map(|report| Answer::from(asked.shown(&report)));
    }
    // A model that cannot be quantized keeps no other from it.
    let (mut reports, mut code) = (Vec::new(), 0);
    for job in &jobs {
        match asked.quantize(job) {
            Ok(report) => reports.push(report),
            Err(failure) => {
                let failure = failure.of(&job.input);
                failure.say();
                code = if code == 0 { failure.code() } else { code };
            }
        }
    }
    let text = if arguments.get_flag("json") {
        let all = reports.iter().filter_map(|report| serde_json::to_value(report).ok());
        crate::output::json(&all.collect())
    } else {
        reports.iter().map(|report| asked.shown(report)).collect::<Vec<_>>().join("\n")
    };
    Ok(Answer { text, code })
}

/// Returns the time that a build that can be repeated says it is.
fn source_date() -> Option<SystemTime> {
    let seconds = std::env::var("SOURCE_DATE_EPOCH").ok()?.parse().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// What is asked for, of every model.
struct Asked<'a> {
    arguments: &'a ArgMatches,
    recipe: &'a Recipe,
}

impl Asked<'_> {
    fn has(&self, switch: &str) -> bool {
        self.arguments.get_flag(switch)
    }

    fn quantize(&self, job: &Job) -> Result<Report, Failure> {
        let force = self.has("force");
        job.check(force)?;
        let has_reports = !job.reports.is_empty();
        let has_data = self.arguments.contains_id("data");
        self.check_samples(job, has_data)?;
        let is_judged = has_data && !self.has("dry-run");
        let judge = is_judged.then(|| Judge::open(&job.input, self.arguments)).transpose()?;
        let noise = self.arguments.get_one::<usize>("noise").copied();
        let samples = match noise {
            Some(count) => Some(Signatures::noise(&Executor::open(&job.input)?, count)?),
            None => has_data.then(|| samples::open_all(self.arguments, &Executor::open(&job.input)?)).transpose()?,
        };
        let mut evidence = Evidence::from(samples.as_ref().map(|samples| Data { engine: &PureRust, samples }));
        let calibration = self.arguments.get_one::<PathBuf>("calibration");
        let statistics = calibration.map(Statistics::<AnyEstimator>::load).transpose()?;
        if let Some(statistics) = &statistics {
            evidence = evidence.with_statistics(statistics);
        }
        let options = Options {
            overwrite: if force { Overwrite::Existing } else { Overwrite::Never },
            threads: self.arguments.get_one::<NonZeroUsize>("threads").copied().unwrap_or(NonZeroUsize::MIN),
            histograms: if has_reports { Histograms::OfChanged } else { Histograms::None },
        };
        let mut bar = Bar::unless(self.has("quiet"));
        let progress = &mut |progress: tensor_quant::pipeline::Progress<'_>| bar.show(progress);
        let outcome = match &job.output {
            Some(output) if !self.has("dry-run") => {
                quantize_file_with(&job.input, output, self.recipe, &options, evidence, progress)
            }
            _ => dry_run_with(&job.input, self.recipe, &options, evidence, progress),
        };
        bar.finish();
        let mut report = Report::new(&outcome?).with_overrides(asked_recipe::overrides(self.arguments));
        if let Some(warning) = asked_recipe::without_effect(self.arguments, self.recipe) {
            report = report.with_warning(&warning);
        }
        let written = job.output.as_deref().filter(|_| !self.has("dry-run"));
        report.zstd = written.map_or(Ok(None), zstd::len_of)?;
        if has_reports {
            report = report.with_hashes(&job.input, written)?;
        }
        let complete = |failure: Failure| match written {
            Some(output) => failure.and(&format!("; the model {} is complete", output.display())),
            None => failure,
        };
        if let Some((judge, output)) = judge.zip(written) {
            let mut judgement = judge.judge(output).map_err(complete)?;
            if self.recipe.activations.is_some() {
                judgement.data += ", which the model was calibrated with";
            }
            report.judgement = Some(judgement);
        }
        if let Some(time) = source_date() {
            report = report.created_at(time);
        }
        for path in &job.reports {
            // The output is there by now, so that no other name for it goes unseen.
            job.check_report(path, &[], true)?;
            report.save(path).map_err(|error| complete(error.into()))?;
        }
        Ok(report)
    }

    /// Returns an error where samples are missing, or there is nothing that could be run on them.
    fn check_samples(&self, job: &Job, has_data: bool) -> Result<(), Failure> {
        let has_statistics = self.arguments.contains_id("calibration");
        if self.recipe.activations.is_some() && self.arguments.contains_id("noise") && !has_statistics {
            let message = "ranges of activations are not found on noise: a recipe for them needs --data";
            return Err(Failure::usage_text(message));
        }
        let is_tensors_alone = Format::of(&job.input)? == Format::Safetensors;
        if is_tensors_alone && (has_data || has_statistics) {
            let what = if has_data { "--data" } else { "--calibration" };
            let message =
                format!("{what} is for models: {} has tensors alone, and no operators to run", job.input.display());
            return Err(Failure::usage_text(&message));
        }
        if self.recipe.activations.is_some() && !is_tensors_alone && !has_data && !has_statistics {
            let message = format!(
                "the recipe {:?} makes codes of activations, and needs to know their ranges: give samples of the model's inputs by \
                 --data, or what calibrate saved of such by --calibration",
                self.recipe.name
            );
            return Err(Failure::usage_text(&message));
        }
        Ok(())
    }

    /// Returns what is printed of a report.
    fn shown(&self, report: &Report) -> String {
        match (self.has("json"), self.has("quiet")) {
            (true, _) => report.to_json(),
            (_, true) => String::new(),
            _ => report.to_table(style(), width()),
        }
    }
}
