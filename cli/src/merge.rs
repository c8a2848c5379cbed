//! `calibrate merge`: statistics of several machines, in one file.

use crate::argument::{json, switch};
use crate::failure::Failure;
use crate::{statistics, target};
use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};
use std::path::{Path, PathBuf};
use tensor_quant::calibration::Statistics;
use tensor_quant::range::AnyEstimator;

/// Returns what the subcommand takes.
pub(crate) fn command() -> Command {
    let file = |name: &'static str| {
        let arg = Arg::new(name).value_name("FILE").value_parser(value_parser!(PathBuf));
        arg.value_hint(ValueHint::FilePath).required(true)
    };
    Command::new("merge")
        .about(
            "Merges statistics of parts of the samples: exact, and the same bits in whatever order and however samples \
             were shared out",
        )
        .arg(file("FILES").num_args(1..).help("Statistics that calibrate saved"))
        .arg(file("out").long("out").short('o').help("The file to write"))
        .arg(switch("force", "Replace a file that exists"))
        .arg(json())
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<String, Failure> {
    let files: Vec<&PathBuf> = arguments.get_many("FILES").into_iter().flatten().collect();
    let output = arguments.get_one::<PathBuf>("out").cloned().unwrap_or_default();
    let read: Vec<&Path> = files.iter().map(|path| path.as_path()).collect();
    target::check(&output, &read, arguments.get_flag("force"))?;
    let mut all: Option<Statistics<AnyEstimator>> = None;
    for (i, path) in files.iter().enumerate() {
        let of = |message: String| Failure::file(format!("{}: {message}", path.display()));
        let more = Statistics::load(path)?;
        if let Some(value) = following(&more).filter(|_| files.len() > 1) {
            let reason = format!("{value:?} has a moving average, which follows the order of samples: parts have none");
            return Err(of(reason));
        }
        let Some(all) = &mut all else {
            all = Some(more);
            continue;
        };
        let same_default = all.ranges().fresh().to_string() == more.ranges().fresh().to_string();
        if !same_default {
            let (theirs, ours) = (more.ranges().fresh(), all.ranges().fresh());
            return Err(of(format!(
                "of the estimator {:?}, and cannot be merged with {:?} of {}",
                theirs.to_string(),
                ours.to_string(),
                files[0].display()
            )));
        }
        if files[..i].contains(path) {
            return Err(Failure::usage_text(&format!(
                "{} is given twice: its samples would count twice",
                path.display()
            )));
        }
        all.merge(&more).map_err(|error| of(error.to_string()))?;
    }
    let all = all.unwrap_or_else(|| Statistics::new(AnyEstimator::default()));
    all.save(&output)?;
    let as_json = arguments.get_flag("json");
    Ok(if as_json { statistics::as_json(&all, &[]) } else { statistics::as_table(&all, Some(&output), &[]) })
}

/// Returns a value whose estimator depends on the order of samples.
fn following(statistics: &Statistics<AnyEstimator>) -> Option<String> {
    let follows = |name: &String| matches!(statistics.ranges().estimator(name), Some(AnyEstimator::MovingAverage(_)));
    statistics.ranges().names().into_iter().find(follows)
}
