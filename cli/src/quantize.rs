//! `quantize`: a model by a recipe.

use crate::argument::{file, json, switch};
use crate::evaluate::Judge;
use crate::failure::Failure;
use crate::output::{style, width};
use crate::progress::Bar;
use crate::report_file;
use crate::runtime::Runtime;
use crate::samples;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use tensor_quant::pipeline::{Data, Histograms, Options, Overwrite, quantize_file_with};
use tensor_quant::recipe::integer::EdgeType;
use tensor_quant::recipe::{Codes, Glob, Recipe, Target};
use tensor_quant::report::Report;
use tensor_quant_run::{Executor, PureRust};

/// Returns what the subcommand takes.
pub(crate) fn command() -> Command {
    Command::new("quantize")
                .about("Quantizes a model by a recipe")
                .arg(file("IN", "The model to read"))
                .arg(file("OUT", "The model to write; must not exist, and is never the input"))
                .arg(
                    Arg::new("recipe")
                        .long("recipe")
                        .short('r')
                        .value_name("NAME|FILE")
                        .required_unless_present("to")
                        .value_hint(ValueHint::AnyPath)
                        .help("A ready-made recipe, or a .toml or .json file with one"),
                )
                .arg(
                    Arg::new("to")
                        .long("to")
                        .value_name("SCHEME")
                        .help("What weights become, whatever the recipe says, as in \"int8\" or \"uint8 per tensor, ceil\"; without a recipe, all weights"),
                )
                .arg(
                    Arg::new("report")
                        .long("report")
                        .value_name("FILE")
                        .value_parser(value_parser!(PathBuf))
                        .value_hint(ValueHint::FilePath)
                        .action(ArgAction::Append)
                        .help("Also write a report: a page if the name ends in .html, JSON if in .json"),
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
                        .help("Leave tensors of fewer elements alone, even where the recipe would not"),
                )
                .arg(
                    Arg::new("estimator")
                        .long("estimator")
                        .value_name("WHICH")
                        .help("How ranges are found: min-max, mse, octav, \"percentile 99.9\", entropy, \"mean-std 3\" …"),
                )
                .arg(
                    Arg::new("calculator")
                        .long("calculator")
                        .value_name("WHICH")
                        .help("How scale and zero point are computed: max-abs, symmetric, affine, power-of-two …"),
                )
                .arg(
                    Arg::new("rounding")
                        .long("rounding")
                        .value_name("WHICH")
                        .help("How quotients are rounded: ties-even, half-away, ceil, floor, toward-zero, \"stochastic 42\""),
                )
                .arg(
                    Arg::new("granularity")
                        .long("granularity")
                        .value_name("WHICH")
                        .help("Which elements share a scale: \"per tensor\", \"per axis 0\", \"per block of 32 along axis 1\" …"),
                )
                .arg(
                    Arg::new("codes").long("codes").value_name("WHICH").value_parser(["narrow", "full"]).help(
                        "Use as many codes on each side of zero, or all where operators do not compute with them",
                    ),
                )
                .arg(
                    Arg::new("threads")
                        .long("threads")
                        .value_name("COUNT")
                        .value_parser(value_parser!(NonZeroUsize))
                        .help("Quantize a tensor on so many threads; the result is the same [default: 1]"),
                )
                .args(samples::arguments())
                .arg(samples::labels())
                .arg(samples::signature())
                .args(Runtime::arguments())
                .args(of_activations())
                .arg(switch("force", "Replace an output or report that exists"))
                .arg(json())
}

/// Returns the arguments for recipes that make codes of activations.
fn of_activations() -> [Arg; 3] {
    let edge =
        |name: &'static str| Arg::new(name).long(name).value_name("TYPE").value_parser(["float", "integer", "uint8"]);
    [
        edge("inputs").help("How a model in integers is given its inputs, whatever the recipe says"),
        edge("outputs").help("How it gives its outputs"),
        Arg::new("keep-float")
            .long("keep-float")
            .value_name("COUNT")
            .value_parser(value_parser!(usize))
            .help("Leave so many operators of a model in integers in floating point, those by which outputs gain most"),
    ]
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<String, Failure> {
    let path = |name| arguments.get_one::<PathBuf>(name).cloned().unwrap_or_default();
    let (input, output) = (path("IN"), path("OUT"));
    let recipe = recipe(arguments)?;
    let reports = report_file::checked(arguments, &[&input, &output])?;
    let has_data = arguments.contains_id("data");
    let judge = has_data.then(|| Judge::open(&input, arguments)).transpose()?;
    let samples = has_data.then(|| samples::open_all(arguments, &Executor::open(&input)?)).transpose()?;
    let data = samples.as_ref().map(|samples| Data { engine: &PureRust, samples });
    let force = arguments.get_flag("force");
    let options = Options {
        overwrite: if force { Overwrite::Existing } else { Overwrite::Never },
        threads: arguments.get_one::<NonZeroUsize>("threads").copied().unwrap_or(NonZeroUsize::MIN),
        histograms: if reports.is_empty() { Histograms::None } else { Histograms::OfChanged },
    };
    let mut bar = Bar::new();
    let outcome = quantize_file_with(&input, &output, &recipe, &options, data, &mut |progress| bar.show(progress));
    bar.finish();
    let mut report = Report::new(&outcome?);
    let complete = |failure: Failure| failure.and(&format!("; the model {} is complete", output.display()));
    report.judgement = judge.map(|judge| judge.judge(&output)).transpose().map_err(complete)?;
    for path in reports {
        // The output is there by now, so that no other name for it goes unseen.
        report_file::check(path, &[&input, &output], &[], true)?;
        report.save(path).map_err(|error| complete(error.into()))?;
    }
    Ok(if arguments.get_flag("json") { report.to_json() } else { report.to_table(style(), width()) })
}

/// Returns the recipe that was asked for, or that of weights of a scheme, with what the command line changes in it.
fn recipe(arguments: &ArgMatches) -> Result<Recipe, Failure> {
    let Some(asked) = arguments.get_one::<String>("recipe").map(String::as_str) else {
        let to = arguments.get_one::<String>("to").map_or("", String::as_str);
        return changed(Recipe::of_weights(to)?, arguments);
    };
    let path = Path::new(asked);
    let is_file = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml") || e.eq_ignore_ascii_case("json"));
    let recipe = match Recipe::named(asked) {
        _ if is_file => Recipe::from_file(path)?,
        Err(_) if path.is_file() => {
            return Err(Failure::usage_text(&format!(
                "the name of the recipe file {asked} must end in .toml or .json"
            )));
        }
        ready_made => ready_made?,
    };
    changed(recipe, arguments)
}

/// Returns a recipe with what the command line changes in it.
fn changed(mut recipe: Recipe, arguments: &ArgMatches) -> Result<Recipe, Failure> {
    for pattern in arguments.get_many::<String>("exclude").into_iter().flatten() {
        recipe.exclude.push(Glob::new(pattern));
    }
    if let Some(activations) = &mut recipe.activations {
        let edge = |name: &str| {
            Some(match arguments.get_one::<String>(name)?.as_str() {
                "integer" => EdgeType::Integer,
                "uint8" => EdgeType::Uint8,
                _ => EdgeType::Float,
            })
        };
        activations.inputs = edge("inputs").unwrap_or(activations.inputs);
        activations.outputs = edge("outputs").unwrap_or(activations.outputs);
        if let Some(&count) = arguments.get_one::<usize>("keep-float") {
            activations.float_operators = count;
        }
    } else if let Some(name) = ["inputs", "outputs", "keep-float"].iter().find(|name| arguments.contains_id(name)) {
        return Err(Failure::usage_text(&format!("--{name} is for recipes that make codes of activations, as int8")));
    }
    let read = |name: &str| arguments.get_one::<String>(name).map(String::as_str);
    for rule in &mut recipe.rules {
        if let Some(&least) = arguments.get_one::<usize>("min-elements") {
            rule.min_elements = rule.min_elements.max(least);
        }
        if let Some(text) = read("to")
            && rule.to != Target::Keep
        {
            rule.to = text.parse()?;
        }
        if let Some(text) = read("estimator") {
            rule.estimator = Some(text.parse()?);
        }
        if let Some(text) = read("calculator") {
            rule.calculator = Some(text.parse()?);
        }
        if let Some(text) = read("rounding") {
            rule.rounding = Some(text.parse()?);
        }
        if let Some(text) = read("granularity") {
            rule.granularity = Some(text.parse()?);
        }
        match read("codes") {
            Some("full") => rule.codes = Some(Codes::Full),
            Some(_) => rule.codes = Some(Codes::Narrow),
            None => {}
        }
    }
    Ok(recipe)
}
