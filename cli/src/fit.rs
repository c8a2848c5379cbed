//! `fit`: the best file for a budget.

use crate::argument::{file, finite, json as json_switch, switch};
use crate::failure::Failure;
use crate::fitted::{as_json, as_table, unreached};
use crate::progress::Bar;
use crate::report_file;
use crate::samples;
use crate::zstd;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, ValueHint, value_parser};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use tensor_quant::Error;
use tensor_quant::num::CodeType;
use tensor_quant::pipeline::{Arithmetic, Count, Data, Goal, Options, Overwrite, PipelineError, Request, fit_file};
use tensor_quant::recipe::Glob;
use tensor_quant::report::Report;
use tensor_quant_run::data::{Classes, Signatures};
use tensor_quant_run::{Executor, PureRust};

/// Returns what the subcommand takes.
pub(crate) fn command() -> Command {
    let number = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).value_parser(finite).help(help)
    };
    Command::new("fit")
        .about("Finds the best file for a budget, by running the model: the smallest that loses no more, or the best that is no larger")
        .arg(file("IN", "The model to read"))
        .arg(file("OUT", "The model to write; must not exist, and is never the input"))
        .arg(number("min-sqnr", "DB", "The smallest file whose worst output has at least this signal-to-noise ratio"))
        .arg(number("max-size", "RATIO", "The best file of at most this share of the input's bytes"))
        .arg(
            Arg::new("max-download")
                .long("max-download")
                .value_name("BYTES")
                .value_parser(value_parser!(u64))
                .help("The best file of at most so many bytes when it is deflated, as in an APK"),
        )
        .arg(number("max-accuracy-drop", "POINTS", "The smallest file whose accuracy is at most so many percentage points below the float model's"))
        .group(
            ArgGroup::new("goal")
                .args(["min-sqnr", "max-size", "max-download", "max-accuracy-drop"])
                .required(true),
        )
        .arg(
            Arg::new("compute")
                .long("compute")
                .value_name("HOW")
                .value_parser(["weight-only", "dynamic", "integer"])
                .default_value("weight-only")
                .help("How operators compute with codes: in floating point, in integers with activations that are quantized as the model runs, or in integers from end to end"),
        )
        .arg(
            Arg::new("types")
                .long("types")
                .value_name("TYPE,…")
                .default_value("int8,int4")
                .help("What tensors may become, besides staying as they are: int8, int4, int2, float16"),
        )
        .arg(
            Arg::new("exclude")
                .long("exclude")
                .value_name("PATTERN")
                .action(ArgAction::Append)
                .help("Leave tensors of such names alone: * is any run of characters, ? any one"),
        )
        .arg(
            Arg::new("min-elements")
                .long("min-elements")
                .value_name("COUNT")
                .value_parser(value_parser!(usize))
                .help("Leave tensors of fewer elements alone [default: 64]"),
        )
        .arg(
            Arg::new("evaluations")
                .long("evaluations")
                .value_name("COUNT")
                .value_parser(value_parser!(usize))
                .help("Run so many candidates, beside one for each tensor and type [default: 24]"),
        )
        .arg(
            Arg::new("seed")
                .long("seed")
                .value_name("NUMBER")
                .value_parser(value_parser!(u64))
                .help("What the bound of the measured ratio is drawn with [default: 1]"),
        )
        .arg(
            Arg::new("save-recipe")
                .long("save-recipe")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .help("Also write the recipe that makes this file of the same data, as TOML"),
        )
        .arg(
            Arg::new("report")
                .long("report")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .action(ArgAction::Append)
                .help("Also write what was found: a page with the front if the name ends in .html, JSON if in .json"),
        )
        .arg(
            Arg::new("threads")
                .long("threads")
                .value_name("COUNT")
                .value_parser(value_parser!(NonZeroUsize))
                .help("Improve weights and run samples on so many threads; the result is the same [default: 1]"),
        )
        .args(samples::arguments())
        .arg(samples::labels())
        .mut_arg("data", |data| data.required(true))
        .arg(switch("deflated", "Count bytes as they are when the file is deflated, as in an APK; always so for --max-download"))
        .arg(switch("force", "Replace an output or recipe that exists"))
        .arg(json_switch())
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<String, Failure> {
    let path = |name| arguments.get_one::<PathBuf>(name).cloned();
    let (input, output) = (path("IN").unwrap_or_default(), path("OUT").unwrap_or_default());
    let request = request(arguments)?;
    if request.arithmetic == Arithmetic::Integer {
        let is_asked = |name: &&&str| arguments.value_source(name) == Some(ValueSource::CommandLine);
        if let Some(name) = ["types", "exclude", "min-elements"].iter().find(is_asked) {
            let message = format!(
                "--{name} has no effect with --compute integer: whole operators are in integers, or in floating point"
            );
            return Err(Failure::usage_text(&message));
        }
    }
    let force = arguments.get_flag("force");
    let saved = path("save-recipe");
    if let Some(saved) = &saved {
        if !saved.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml")) {
            return Err(Failure::usage_text(&format!("the name of the recipe {} must end in .toml", saved.display())));
        }
        let place = report_file::place(saved);
        if let Some(other) = [&input, &output].into_iter().find(|other| report_file::place(other) == place) {
            let message = format!("the recipe {} would replace {}", saved.display(), other.display());
            return Err(Failure::usage_text(&message));
        }
        if !force && saved.symlink_metadata().is_ok() {
            return Err(Error::from(PipelineError::TargetExists { path: saved.clone() }).into());
        }
    }
    let reports = report_file::checked(arguments, &[input.as_path(), output.as_path()])?;
    let options = Options {
        overwrite: if force { Overwrite::Existing } else { Overwrite::Never },
        threads: arguments.get_one::<NonZeroUsize>("threads").copied().unwrap_or(NonZeroUsize::MIN),
        ..Options::default()
    };
    let runner = Executor::open(&input)?;
    let data = samples::open_all(arguments, &runner)?;
    let labels = labels(arguments, &data)?;
    let mut bar = Bar::new();
    let with = Data { engine: &PureRust, samples: &data };
    let fitted = fit_file(&input, &output, &request, &options, with, labels.as_deref(), &mut |progress| {
        bar.show_runs(progress);
    });
    bar.finish();
    let mut fitted = fitted?;
    if let Some(written) = &fitted.output {
        fitted.zstd = zstd::len_of(written)?;
    }
    for report in reports {
        let text = if Report::is_page(report) { fitted.to_html() } else { as_json(&fitted) };
        tensor_quant::write_file(report, text.as_bytes())?;
    }
    let text = if arguments.get_flag("json") { as_json(&fitted) } else { as_table(&fitted) };
    if !fitted.is_reached() {
        return Err(Failure::unreached(text, unreached(&fitted)));
    }
    if let Some(saved) = saved {
        fitted.save_recipe(saved)?;
    }
    Ok(text)
}

fn request(arguments: &ArgMatches) -> Result<Request, Failure> {
    let number = |name: &str| arguments.get_one::<f64>(name).copied();
    let goal = match (number("min-sqnr"), number("max-size"), number("max-accuracy-drop")) {
        (Some(db), ..) => Goal::MinSqnr(db),
        (_, Some(ratio), _) => Goal::MaxSize(ratio),
        (.., Some(points)) => Goal::MaxAccuracyDrop(points),
        _ => Goal::MaxDownload(arguments.get_one::<u64>("max-download").copied().unwrap_or(0)),
    };
    let mut request = Request::new(goal);
    request.arithmetic = match arguments.get_one::<String>("compute").map(String::as_str) {
        Some("dynamic") => Arithmetic::Dynamic,
        Some("integer") => Arithmetic::Integer,
        _ => Arithmetic::WeightOnly,
    };
    if arguments.get_flag("deflated") {
        request.count = Count::Download;
    }
    request.types = Vec::new();
    for name in arguments.get_one::<String>("types").map_or("", String::as_str).split(',') {
        let code = name.trim().parse::<CodeType>()?;
        if !request.types.contains(&code) {
            request.types.push(code);
        }
    }
    request.exclude = arguments.get_many::<String>("exclude").into_iter().flatten().map(Glob::new).collect();
    let count = |name: &str| arguments.get_one::<usize>(name).copied();
    request.min_elements = count("min-elements").unwrap_or(request.min_elements);
    request.evaluations = count("evaluations").unwrap_or(request.evaluations);
    request.seed = arguments.get_one::<u64>("seed").copied().unwrap_or(request.seed);
    Ok(request)
}

/// Returns the right choice for each sample, where there is one signature with samples, and labels.
fn labels(arguments: &ArgMatches, data: &Signatures) -> Result<Option<Vec<usize>>, Failure> {
    let mut all = data.data();
    let (Some((_, first)), None) = (all.next(), all.next()) else {
        if arguments.contains_id("labels") {
            let message = format!("--labels are of one signature, and there are samples for {}", data.data().count());
            return Err(Failure::usage_text(&message));
        }
        return Ok(None);
    };
    let classes = samples::classes(arguments, first)?;
    let of = |classes: &Classes, sample: usize| classes.of(sample).first().copied().flatten().unwrap_or(usize::MAX);
    Ok(classes.map(|classes| (0..first.len()).map(|sample| of(&classes, sample)).collect()))
}
