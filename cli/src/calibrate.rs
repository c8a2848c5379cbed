//! `calibrate`: what samples tell of a model's values, in a file.

use crate::argument::{json as json_switch, switch};
use crate::failure::Failure;
use crate::output::{json, style, width};
use crate::progress::Bar;
use crate::runtime::Runtime;
use crate::{samples, target};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use std::path::{Path, PathBuf};
use tensor_quant::calibration::{RunError, Sample};
use tensor_quant::model::tflite::Model;
use tensor_quant::num::CodeType;
use tensor_quant::params::CodeRange;
use tensor_quant::range::AnyEstimator;
use tensor_quant::report::{Alignment, Table, grouped, real, shortened};
use tensor_quant_run::data::arrays;
use tensor_quant_run::{Calibration, Statistics};

/// The longest name that is shown in full.
const NAME: usize = 52;

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
        .arg(path("MODEL", "The model; not needed to merge").required_unless_present("merge"))
        .args(samples::arguments())
        .arg(samples::signature())
        .args(Runtime::arguments())
        .arg(
            path("values", "Read what a run elsewhere gave: .npz or .npy files with arrays named as the outputs of the exposed model")
                .long("values")
                .value_name("FILE|FOLDER")
                .conflicts_with("data"),
        )
        .arg(
            path("merge", "Statistics that were saved before, to be merged")
                .long("merge")
                .value_name("FILE")
                .num_args(1..)
                .action(ArgAction::Append),
        )
        .arg(path("out", "The file to write").long("out").short('o').value_name("FILE").required(true))
        .arg(
            Arg::new("estimator")
                .long("estimator")
                .value_name("WHICH")
                .help("How ranges are found: min-max, mse, \"percentile 99.9\", entropy … [default: min-max]"),
        )
        .arg(switch("second-moments", "Also the second moments of what each dense layer and convolution multiplies: large"))
        .arg(switch("force", "Replace a file that exists"))
        .arg(json_switch())
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<String, Failure> {
    let path = |name| arguments.get_one::<PathBuf>(name);
    let merged: Vec<&PathBuf> = arguments.get_many("merge").into_iter().flatten().collect();
    let output = path("out").cloned().unwrap_or_default();
    let mut read: Vec<&Path> = merged.iter().map(|path| path.as_path()).collect();
    read.extend(path("MODEL").map(PathBuf::as_path));
    target::check(&output, &read, arguments.get_flag("force"))?;
    let estimator = arguments.get_one::<String>("estimator").map(|text| text.parse::<AnyEstimator>()).transpose()?;
    let has_source = path("data").or(path("values")).is_some();
    let mut statistics: Option<Statistics<AnyEstimator>> = None;
    if let Some(model) = path("MODEL").filter(|_| has_source) {
        statistics = Some(of_model(model, estimator.clone().unwrap_or_default(), arguments)?);
    } else if merged.is_empty() {
        return Err(Failure::usage_text("calibrate needs samples, by --data, or --values of a run elsewhere"));
    } else if has_source {
        return Err(Failure::usage_text("--data and --values need the model that they are for"));
    }
    for path in merged {
        let more = Statistics::load(path)?;
        let Some(all) = &mut statistics else {
            statistics = Some(more);
            continue;
        };
        let (ours, theirs) = (all.ranges().fresh().to_string(), more.ranges().fresh().to_string());
        if ours != theirs {
            let path = path.display();
            return Err(Failure::file(format!(
                "{path} is of the estimator {theirs:?}, and cannot be merged with {ours:?}"
            )));
        }
        all.merge(&more)?;
    }
    let statistics = statistics.unwrap_or_else(|| Statistics::new(estimator.unwrap_or_default()));
    statistics.save(&output)?;
    Ok(if arguments.get_flag("json") { as_json(&statistics) } else { as_table(&statistics, &output) })
}

/// Returns what samples tell of a model.
fn of_model(path: &Path, estimator: AnyEstimator, arguments: &ArgMatches) -> Result<Statistics<AnyEstimator>, Failure> {
    let graph = Model::open(path)?.graph();
    let mut calibration = Calibration::new(&graph, estimator);
    if arguments.get_flag("second-moments") {
        for (subgraph, part) in graph.subgraphs.iter().enumerate() {
            for operator in 0..part.operators.len() {
                calibration = calibration.with_second_moments(&graph, subgraph, operator);
            }
        }
    }
    if let Some(values) = arguments.get_one::<PathBuf>("values") {
        of_values(&mut calibration, values)?;
        return Ok(calibration.into_statistics());
    }
    let signature = arguments.get_one::<String>("signature").map(String::as_str);
    let mut runner = Runtime::asked(arguments)?.open(path, signature)?;
    let mut observe = |signature: Option<&str>, samples: &mut Samples<'_>, count: usize| {
        let mut bar = Bar::new();
        let run = samples.enumerate().try_for_each(|(number, sample)| {
            bar.show_samples(number, count);
            calibration.observe(&mut *runner, signature, &sample?).map(|_| ())
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
    Ok(calibration.into_statistics())
}

/// Takes note of the values that a run elsewhere gave.
fn of_values(calibration: &mut Calibration<AnyEstimator>, path: &Path) -> Result<(), Failure> {
    let (mut unknown, mut samples) = (Vec::new(), 0);
    for array in arrays(path)? {
        // As a key, or behind the name of a signature.
        let name = array.name();
        let keys = [Some(name), name.split_once('/').map(|(_, key)| key)];
        let Some(key) = keys.into_iter().flatten().find(|key| calibration.keys().any(|known| known == *key)) else {
            unknown.push(name.to_owned());
            continue;
        };
        samples = samples.max(array.shape().first().copied().unwrap_or(1));
        for piece in array.pieces()? {
            calibration.observe_value(key, piece?.view())?;
        }
    }
    calibration.count_samples(samples as u64);
    if unknown.is_empty() && samples > 0 {
        return Ok(());
    }
    let known: Vec<&str> = calibration.keys().take(8).collect();
    let path = path.display();
    if samples == 0 && unknown.is_empty() {
        return Err(Failure::file(format!("{path} holds no arrays; values of the model are {known:?} …")));
    }
    Err(Failure::file(format!("{path} has arrays {unknown:?} that are no values of the model: it has {known:?} …")))
}

fn as_table(statistics: &Statistics<AnyEstimator>, output: &Path) -> String {
    let (left, right) = (Alignment::Left, Alignment::Right);
    let estimated = statistics.ranges().fresh().to_string();
    let columns = [
        ("value", left),
        ("elements", right),
        ("min", right),
        ("max", right),
        ("from", right),
        ("to", right),
        ("channels", right),
        ("notes", left),
    ];
    let mut table = Table::new(&columns, style()).within(width());
    for name in statistics.ranges().names() {
        let Some(seen) = statistics.ranges().seen(&name) else { continue };
        let [from, to] = range(statistics, &name).unwrap_or_default().map(|x| x.map_or(String::new(), real));
        let odd = seen.nan + seen.infinite;
        table.push([
            shortened(&name, NAME),
            grouped(seen.count),
            real(seen.min.into()),
            real(seen.max.into()),
            from,
            to,
            statistics.means(&name).map_or(String::new(), |means| means.len().to_string()),
            if odd > 0 { format!("{} are NaN, {} infinite", seen.nan, seen.infinite) } else { String::new() },
        ]);
    }
    format!(
        "{table}\n{} values of {} samples, ranges for int8 by {estimated}, in {}\n",
        statistics.ranges().names().len(),
        statistics.samples(),
        output.display()
    )
}

/// Returns the range of a value for int8; of values that have none, nothing.
fn range(statistics: &Statistics<AnyEstimator>, name: &str) -> Option<[Option<f64>; 2]> {
    let range = statistics.ranges().ranges(name, &CodeRange::of_type(CodeType::I8)).ok()?.pop()?;
    Some([Some(range.min().into()), Some(range.max().into())])
}

fn as_json(statistics: &Statistics<AnyEstimator>) -> String {
    let value = |name: String| {
        let seen = statistics.ranges().seen(&name)?;
        let range = range(statistics, &name).unwrap_or_default();
        let finite = |x: f32| x.is_finite().then_some(x);
        Some(serde_json::json!({
            "name": name,
            "count": seen.count,
            "nan": seen.nan,
            "infinite": seen.infinite,
            "min": finite(seen.min),
            "max": finite(seen.max),
            "range": range[0].zip(range[1]).map(|(min, max)| [min, max]),
            "channel_means": statistics.means(&name),
            "channel_mean_squares": statistics.mean_squares(&name),
        }))
    };
    let values: Vec<_> = statistics.ranges().names().into_iter().filter_map(value).collect();
    json(&serde_json::json!({
        "samples": statistics.samples(),
        "estimator": statistics.ranges().fresh().to_string(),
        "values": values,
        "second_moments": statistics.second_moments().iter().map(|moments| {
            let (subgraph, operator) = moments.operator();
            serde_json::json!({ "subgraph": subgraph, "operator": operator, "rows": moments.rows() })
        }).collect::<Vec<_>>(),
    }))
}
