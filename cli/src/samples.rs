//! What a model runs on: the arguments that say so, and the samples that they stand for.

use crate::failure::Failure;
use clap::{Arg, ArgAction, ArgMatches, ValueHint, value_parser};
use std::io::Write;
use std::path::PathBuf;
use tensor_quant::calibration::Runner;
use tensor_quant_run::data::{Classes, Data, Normalization, Reading, Signatures};

/// Samples of noise where there are no data.
const NOISE: usize = 16;

/// Returns the arguments that name samples.
pub(crate) fn arguments() -> Vec<Arg> {
    vec![
        Arg::new("data")
            .long("data")
            .value_name("FILE|FOLDER")
            .value_parser(value_parser!(PathBuf))
            .value_hint(ValueHint::AnyPath)
            .help(
                "Samples for the inputs: .npz with arrays named INPUT or SIGNATURE/INPUT, .npy, .safetensors, images, \
                 or a folder of them; the first axis counts samples",
            ),
        Arg::new("array")
            .long("array")
            .value_name("[INPUT=]ARRAY")
            .action(ArgAction::Append)
            .requires("data")
            .help("The array of the data that an input is given, where its name says something else"),
        Arg::new("mean")
            .long("mean")
            .value_name("NUMBER,…")
            .allow_hyphen_values(true)
            .requires("data")
            .help("What is subtracted from the numbers of the data, for all or for each channel [default: 0]"),
        Arg::new("scale")
            .long("scale")
            .value_name("NUMBER,…")
            .allow_hyphen_values(true)
            .requires("data")
            .help("What they are multiplied with then, as in 1/255 [default: 1]"),
        Arg::new("samples")
            .long("samples")
            .value_name("COUNT")
            .value_parser(value_parser!(usize))
            .help("Take no more samples than this"),
    ]
}

/// Returns the argument that names a signature.
pub(crate) fn signature() -> Arg {
    Arg::new("signature")
        .long("signature")
        .value_name("NAME")
        .help("The signature to run [default: all that there are samples for]")
}

/// Returns the argument that names a file of labels.
pub(crate) fn labels() -> Arg {
    Arg::new("labels")
        .long("labels")
        .value_name("FILE")
        .requires("data")
        .value_parser(value_parser!(PathBuf))
        .value_hint(ValueHint::FilePath)
        .help(
            "The right choices, .npy or .npz, a number for each sample [default: the array labels of the data, if any]",
        )
}

/// Returns how data are to be read.
fn reading(arguments: &ArgMatches) -> Result<Reading, Failure> {
    let text = |name: &str, default| arguments.get_one::<String>(name).map_or(default, String::as_str);
    let normalization = Normalization::new(text("mean", "0"), text("scale", "1"));
    let normalization = normalization.map_err(|reason| Failure::usage_text(&reason))?;
    let mut reading = Reading::default().with_normalization(normalization);
    for array in arguments.get_many::<String>("array").into_iter().flatten() {
        reading = match array.split_once('=') {
            Some((input, array)) => reading.with_array(Some(input), array),
            None => reading.with_array(None, array),
        };
    }
    if let Some(&samples) = arguments.get_one::<usize>("samples") {
        reading = reading.with_limit(samples);
    }
    Ok(reading)
}

/// Returns the samples for a signature of a model, of which there is at least one; noise where no data are named.
pub(crate) fn open(arguments: &ArgMatches, runner: &dyn Runner, signature: Option<&str>) -> Result<Data, Failure> {
    let data = match arguments.get_one::<PathBuf>("data") {
        Some(path) => Data::open(path, runner, &reading(arguments)?.with_signature(signature))?,
        None => Data::noise(runner, signature, arguments.get_one::<usize>("samples").copied().unwrap_or(NOISE))?,
    };
    if data.is_empty() { Err(Failure::file(format!("{} has no samples", named(arguments)))) } else { Ok(data) }
}

/// Returns the samples for every signature of a model that the data have some for.
pub(crate) fn open_all(arguments: &ArgMatches, runner: &dyn Runner) -> Result<Signatures, Failure> {
    let path = arguments.get_one::<PathBuf>("data").cloned().unwrap_or_default();
    let samples = Signatures::open(path, runner, &reading(arguments)?)?;
    if samples.data().all(|(_, data)| data.is_empty()) {
        return Err(Failure::file(format!("{} has no samples", named(arguments))));
    }
    Ok(samples)
}

/// Returns the samples for every signature of a model that the data have some for; noise for all where no data are named.
pub(crate) fn open_all_or_noise(arguments: &ArgMatches, runner: &dyn Runner) -> Result<Signatures, Failure> {
    if arguments.contains_id("data") {
        return open_all(arguments, runner);
    }
    Ok(Signatures::noise(runner, arguments.get_one::<usize>("samples").copied().unwrap_or(NOISE))?)
}

/// Says on the standard error what is odd about the samples, unless nothing is to be said.
pub(crate) fn warn(arguments: &ArgMatches, reason: &str) {
    let is_quiet = arguments.try_get_one::<bool>("quiet").ok().flatten().is_some_and(|quiet| *quiet);
    if !is_quiet {
        let _ = writeln!(std::io::stderr(), "warning: {reason}");
    }
}

/// Returns the labels that were named, or stand beside the samples.
pub(crate) fn classes(arguments: &ArgMatches, data: &Data) -> Result<Option<Classes>, Failure> {
    let Some(path) = arguments.get_one::<PathBuf>("labels") else {
        if let Some(reason) = data.labels_left_out() {
            warn(arguments, &format!("left out: {reason}"));
        }
        return Ok(data.classes().cloned());
    };
    let classes = Classes::open(path)?;
    let is_limited = arguments.contains_id("samples");
    if classes.samples() < data.len() || (classes.samples() > data.len() && !is_limited) {
        let (path, labels, samples) = (path.display(), classes.samples(), data.len());
        return Err(Failure::file(format!("{path} has labels of {labels} samples, and there are {samples}")));
    }
    Ok(Some(classes))
}

/// Returns what the samples come from, in words.
pub(crate) fn named(arguments: &ArgMatches) -> String {
    arguments.get_one::<PathBuf>("data").map_or("noise of the inputs' shapes".into(), |path| path.display().to_string())
}
