//! `calibrate`: what samples tell of a model's values, in a file.

use crate::argument::{json, switch};
use crate::failure::Failure;
use crate::progress::Bar;
use crate::runtime::Runtime;
use crate::{dumped, merge, samples, statistics, target};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tensor_quant::calibration::{RunError, Sample, Statistics};
use tensor_quant::graph::Graph;
use tensor_quant::model::tflite::Model;
use tensor_quant::range::AnyEstimator;
use tensor_quant::recipe::Glob;
use tensor_quant_run::data::{Dump, NamedArray, arrays};
use tensor_quant_run::{Calibration, ValueNames};

/// Samples, one after the other.
type Samples<'a> = dyn Iterator<Item = Result<Sample, RunError>> + 'a;

/// Returns what the subcommand takes.
pub(crate) fn command() -> Command {
    let path = |name: &'static str, help: &'static str| {
        let arg = Arg::new(name).value_parser(value_parser!(PathBuf)).value_hint(ValueHint::AnyPath);
        arg.help(help)
    };
    Command::new("calibrate")
        .about("Runs a .tflite model on samples and saves what they tell of its values: ranges, means and moments of channels")
        .override_usage("tensor-quant calibrate [OPTIONS] <MODEL> --out <FILE>\n       tensor-quant calibrate [OPTIONS] <MODEL> --dump <FOLDER>\n       tensor-quant calibrate merge <FILE>... --out <FILE>")
        .subcommand(merge::command())
        .subcommand_negates_reqs(true)
        .args_conflicts_with_subcommands(true)
        .arg(path("MODEL", "The model").required(true))
        .args(samples::arguments())
        .arg(samples::signature())
        .args(Runtime::arguments())
        // A run elsewhere is over.
        .mut_args(|arg| match arg.get_id().as_str() {
            "samples" | "signature" | "runtime" | "library" | "array" | "mean" | "scale" => arg.conflicts_with("values"),
            _ => arg,
        })
        .arg(
            path("values", "Read what a run elsewhere gave: .npz or .npy files with arrays named as the outputs of the exposed model")
                .long("values")
                .value_name("FILE|FOLDER")
                .conflicts_with("data"),
        )
        .arg(path("out", "The file to write").long("out").short('o').value_name("FILE").required_unless_present("dump"))
        .arg(
            path("dump", "Also write the values themselves: a .npy file for each, whose first axis counts samples, and values.json, the list of them")
                .long("dump")
                .value_name("FOLDER")
                .conflicts_with("values"),
        )
        .arg(
            Arg::new("estimator")
                .long("estimator")
                .value_name("[VALUES=]WHICH")
                .action(ArgAction::Append)
                .help(
                    "How ranges are found: min-max, mse, \"percentile 99.9\", entropy …; with a pattern before it, of the values \
                     whose name or operator it matches, as in \"SOFTMAX=fixed 0..1\"; the first that matches counts [default: min-max]",
                ),
        )
        .arg(switch("second-moments", "Also the second moments of what each dense layer and convolution multiplies: large"))
        .arg(switch("force", "Replace a file that exists"))
        .arg(json())
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<String, Failure> {
    if let Some(("merge", arguments)) = arguments.subcommand() {
        return merge::run(arguments);
    }
    let path = |name| arguments.get_one::<PathBuf>(name);
    let model = path("MODEL").cloned().unwrap_or_default();
    let output = path("out");
    if let Some(output) = output {
        target::check(output, &[&model], arguments.get_flag("force"))?;
    }
    if path("data").or(path("values")).is_none() {
        return Err(Failure::usage_text("calibrate needs samples, by --data, or --values of a run elsewhere"));
    }
    let found = of_model(&model, arguments)?;
    if let Some(output) = output {
        found.save(output)?;
    }
    let output = output.map(PathBuf::as_path);
    let unseen = unseen(&Model::open(&model)?.graph(), &found);
    Ok(if arguments.get_flag("json") {
        statistics::as_json(&found, &unseen)
    } else {
        statistics::as_table(&found, output, &unseen)
    })
}

/// Returns the signatures of a model none of whose values were observed.
fn unseen(graph: &Graph, found: &Statistics<AnyEstimator>) -> Vec<String> {
    let keys = graph.keys();
    let is_unseen = |subgraph: usize| {
        let seen = |key: &String| found.ranges().seen(key).is_some_and(|seen| seen.count > 0);
        !keys.get(subgraph).is_some_and(|keys| keys.iter().any(seen))
    };
    let signatures = graph.signatures.iter().filter(|signature| is_unseen(signature.subgraph));
    signatures.map(|signature| signature.name.clone()).collect()
}

/// Returns what samples tell of a model.
fn of_model(path: &Path, arguments: &ArgMatches) -> Result<Statistics<AnyEstimator>, Failure> {
    let graph = Model::open(path)?.graph();
    let mut calibration = Estimators::asked(arguments)?.calibration(&graph)?;
    if arguments.get_flag("second-moments") {
        for (subgraph, part) in graph.subgraphs.iter().enumerate() {
            for operator in 0..part.operators.len() {
                calibration = calibration.with_second_moments(&graph, subgraph, operator);
            }
        }
    }
    if let Some(values) = arguments.get_one::<PathBuf>("values") {
        let model = of_values(&mut calibration, &graph, values)?;
        let statistics = calibration.into_statistics().of_model(path)?;
        if let Some(model) = model.filter(|model| Some(model.as_str()) != statistics.model()) {
            let (values, path) = (values.display(), path.display());
            let sha = statistics.model().unwrap_or_default();
            let message =
                format!("the values in {values} are of a model with the SHA-256 {model}, and that of {path} is {sha}");
            return Err(Failure::file(message));
        }
        return Ok(statistics);
    }
    let signature = arguments.get_one::<String>("signature").map(String::as_str);
    let dump = arguments.get_one::<PathBuf>("dump").map(Dump::create).transpose()?;
    let dump = RefCell::new(dump);
    let mut runner = Runtime::asked(arguments)?.open(path, signature)?;
    let mut observe = |signature: Option<&str>, samples: &mut Samples<'_>, count: usize| {
        let mut bar = Bar::new();
        let run = samples.enumerate().try_for_each(|(number, sample)| {
            bar.show_samples(number, count);
            let show = &mut |key: &str, value: &tensor_quant::calibration::ValueView<'_>| match &mut *dump.borrow_mut()
            {
                Some(dump) => dump.add(key, value.values.view()),
                None => Ok(()),
            };
            calibration.observe_and(&mut *runner, signature, &sample?, show).map(|_| ())
        });
        bar.finish();
        run
    };
    if signature.is_some() {
        let data = samples::open(arguments, &*Runtime::asked(arguments)?.open(path, signature)?, signature)?;
        observe(signature, &mut data.samples(), data.len())?;
    } else {
        let all = samples::open_all(arguments, &*Runtime::asked(arguments)?.open(path, None)?)?;
        for (name, data) in all.data() {
            observe(Some(name).filter(|name| !name.is_empty()), &mut data.samples(), data.len())?;
        }
    }
    let statistics = calibration.into_statistics().of_model(path)?;
    if let Some(dump) = dump.into_inner() {
        dumped::finish(dump, statistics.model(), statistics.samples())?;
    }
    Ok(statistics)
}

/// Estimators that were asked for: of the values that a pattern matches, and of the others.
struct Estimators {
    patterns: Vec<(Glob, AnyEstimator)>,
    others: AnyEstimator,
}

impl Estimators {
    fn asked(arguments: &ArgMatches) -> Result<Self, Failure> {
        let (mut patterns, mut others) = (Vec::new(), None);
        for text in arguments.get_many::<String>("estimator").into_iter().flatten() {
            match text.rsplit_once('=') {
                Some((pattern, which)) => patterns.push((Glob::new(pattern), which.parse()?)),
                None if others.is_none() => others = Some(text.parse()?),
                None => {
                    let message = "--estimator is given twice for all values: put VALUES= before one of them";
                    return Err(Failure::usage_text(message));
                }
            }
        }
        Ok(Self { patterns, others: others.unwrap_or_default() })
    }

    /// Returns a calibration with them; a pattern that matches nothing is a mistake.
    fn calibration(self, graph: &Graph) -> Result<Calibration<AnyEstimator>, Failure> {
        let mut operators = BTreeMap::new();
        for (part, keys) in graph.subgraphs.iter().zip(graph.keys()) {
            for operator in &part.operators {
                for &output in &operator.outputs {
                    if let Some(key) = keys.get(output) {
                        operators.insert(key.clone(), operator.name.clone());
                    }
                }
            }
        }
        let mut matched = vec![false; self.patterns.len()];
        let calibration = Calibration::with_estimators(graph, self.others, &mut |key| {
            let operator = operators.get(key).map_or("", String::as_str);
            let mut found = None;
            for (matched, (glob, estimator)) in matched.iter_mut().zip(&self.patterns) {
                if glob.matches(key) || glob.matches(operator) {
                    *matched = true;
                    found = found.or_else(|| Some(estimator.clone()));
                }
            }
            found
        });
        if let Some(at) = matched.iter().position(|matched| !matched) {
            let known: Vec<&String> = operators.keys().take(8).collect();
            let pattern = self.patterns[at].0.to_string();
            let message = format!("--estimator: {pattern:?} matches no value and no operator; there are {known:?} …");
            return Err(Failure::usage_text(&message));
        }
        Ok(calibration)
    }
}

/// Takes note of the values that a run elsewhere gave, and returns the hash of the model that it ran, if it is known.
fn of_values(
    calibration: &mut Calibration<AnyEstimator>,
    graph: &Graph,
    path: &Path,
) -> Result<Option<String>, Failure> {
    let listed = dumped::listed(path)?;
    let names = ValueNames::new(graph);
    let (mut unknown, mut found) = (Vec::new(), Vec::<(NamedArray, String, usize)>::new());
    for array in arrays(path)? {
        let name = listed.keys.get(array.name()).map_or(array.name(), String::as_str);
        let failed = |error: RunError| Failure::file(format!("{}: array {name:?}: {error}", path.display()));
        let Some(key) = names.find(name).map_err(failed)?.map(str::to_owned) else {
            unknown.push(name.to_owned());
            continue;
        };
        let samples = names.samples(&key, array.shape()).map_err(failed)?;
        found.push((array, key, samples));
    }
    if !unknown.is_empty() || found.iter().all(|(.., samples)| *samples == 0) {
        let known: Vec<&str> = calibration.keys().take(8).collect();
        let path = path.display();
        return Err(Failure::file(match &unknown[..] {
            [] => format!("{path} holds no samples; values of the model are {known:?} …"),
            _ => format!("{path} has arrays {unknown:?} that are no values of the model: it has {known:?} …"),
        }));
    }
    if listed.samples.is_none() {
        check_counts(&names, &found).map_err(|reason| Failure::file(format!("{}: {reason}", path.display())))?;
    }
    let samples = found.iter().map(|(.., samples)| *samples).max().unwrap_or(0);
    for (array, key, _) in &found {
        for piece in array.pieces()? {
            calibration.observe_value(key, piece?.view())?;
        }
    }
    calibration.count_samples(listed.samples.unwrap_or(samples as u64));
    Ok(listed.model)
}

/// Checks that no value is there twice, and that a run gave all values of a sample.
fn check_counts(names: &ValueNames, found: &[(NamedArray, String, usize)]) -> Result<(), String> {
    let mut by_key = BTreeMap::new();
    // Signatures may have been run on different samples.
    let mut longest: BTreeMap<Option<usize>, (&NamedArray, usize)> = BTreeMap::new();
    for (array, key, samples) in found {
        if let Some(other) = by_key.insert(key, array) {
            let (first, second) = (other.name(), array.name());
            return Err(format!("arrays {first:?} and {second:?} are both of the value {key:?}: leave one out"));
        }
        // One that does not depend on the samples may be there once.
        if *samples == 1 || !names.is_in_every_sample(key) {
            continue;
        }
        let (first, count) = *longest.entry(names.id(key).map(|id| id.subgraph)).or_insert((array, *samples));
        if count != *samples {
            let (first, second) = (first.name(), array.name());
            return Err(format!("array {second:?} has {samples} samples, and {first:?} has {count}"));
        }
    }
    Ok(())
}
