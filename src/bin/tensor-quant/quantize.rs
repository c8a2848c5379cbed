//! `quantize`: a model by a recipe.

use super::failure::Failure;
use super::output::style;
use super::progress::Bar;
use clap::ArgMatches;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use tensor_quant::Error;
use tensor_quant::pipeline::{Histograms, Options, Overwrite, quantize_file};
use tensor_quant::recipe::{Codes, Estimator, Glob, Recipe};
use tensor_quant::report::Report;

pub(crate) fn run(arguments: &ArgMatches) -> Result<String, Failure> {
    let path = |name| arguments.get_one::<PathBuf>(name).cloned().unwrap_or_default();
    let (input, output) = (path("IN"), path("OUT"));
    let recipe = recipe(arguments)?;
    let reports: Vec<&PathBuf> = arguments.get_many("report").into_iter().flatten().collect();
    let force = arguments.get_flag("force");
    for report in &reports {
        check_report(report, &input, &output, force)?;
    }
    let options = Options {
        overwrite: if force { Overwrite::Existing } else { Overwrite::Never },
        threads: arguments.get_one::<NonZeroUsize>("threads").copied().unwrap_or(NonZeroUsize::MIN),
        histograms: if reports.is_empty() { Histograms::None } else { Histograms::OfChanged },
    };
    let mut bar = Bar::new();
    let outcome = quantize_file(&input, &output, &recipe, &options, &mut |progress| bar.show(progress));
    bar.finish();
    let report = Report::new(&outcome?);
    for path in reports {
        let text = if is_html(path) { report.to_html() } else { report.to_json() };
        std::fs::write(path, text).map_err(|source| Error::Io { action: "write", path: path.clone(), source })?;
    }
    Ok(if arguments.get_flag("json") { report.to_json() } else { report.to_table(style()) })
}

/// Returns the recipe that was asked for, with what the command line changes in it.
fn recipe(arguments: &ArgMatches) -> Result<Recipe, Failure> {
    let asked = arguments.get_one::<String>("recipe").map_or("", String::as_str);
    let path = Path::new(asked);
    let is_file = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml") || e.eq_ignore_ascii_case("json"));
    let mut recipe = if is_file { Recipe::from_file(path)? } else { Recipe::named(asked)? };
    for pattern in arguments.get_many::<String>("exclude").into_iter().flatten() {
        recipe.exclude.push(Glob::new(pattern));
    }
    for rule in &mut recipe.rules {
        if let Some(&least) = arguments.get_one::<usize>("min-elements") {
            rule.min_elements = least;
        }
        if let Some(estimator) = arguments.get_one::<String>("estimator").and_then(|name| Estimator::named(name)) {
            rule.estimator = estimator;
        }
        match arguments.get_one::<String>("codes").map(String::as_str) {
            Some("full") => rule.codes = Codes::Full,
            Some(_) => rule.codes = Codes::Narrow,
            None => {}
        }
    }
    Ok(recipe)
}

fn is_html(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("html") || e.eq_ignore_ascii_case("htm"))
}

/// Returns an error for a report that cannot be written, before any work is done.
fn check_report(report: &Path, input: &Path, output: &Path, force: bool) -> Result<(), Failure> {
    let is_json = report.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"));
    if !is_html(report) && !is_json {
        let message = format!("the name of the report {} must end in .html or .json", report.display());
        return Err(Failure::usage_text(&message));
    }
    let same = |other: &Path| match (report.canonicalize(), other.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => report == other,
    };
    if same(input) || same(output) {
        return Err(Failure::usage_text(&format!("the report {} would replace a model", report.display())));
    }
    if !force && report.exists() {
        return Err(Error::TargetExists { path: report.into() }.into());
    }
    Ok(())
}
