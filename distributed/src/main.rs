//! `tensor-quant-distributed`: activations in Parquet, to the statistics that `tensor-quant quantize --calibration` reads.

#![forbid(unsafe_code)]

mod arguments;

use arguments::Arguments;
use datafusion::error::DataFusionError;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tensor_quant::range::AnyEstimator;
use tensor_quant_distributed::{Summary, pack, session, summarize};

const USAGE: &str = "\
tensor-quant-distributed pack FOLDER --out FILE.parquet [--force]
    Turns .npy and .npz files, as `tensor-quant calibrate --dump` writes them, into Parquet.

tensor-quant-distributed calibrate FILE.parquet… --out STATISTICS.json [--estimator 'percentile 99.9'] [--channels]
    [--model MODEL.tflite] [--threads N] [--timeout SECONDS] [--force]
    Finds what `tensor-quant quantize --calibration` needs. Paths may be folders; the model is what statistics are checked against.

tensor-quant-distributed query 'SELECT …' [--threads N] [--timeout SECONDS]
    Prints what a query with the functions gives; files are tables: … FROM 'activations.parquet' GROUP BY name.
";

/// What commands come to: a line for the user, or an error.
type Outcome = Result<String, Box<dyn Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let text =
                error.downcast_ref::<DataFusionError>().map_or(error.to_string(), DataFusionError::strip_backtrace);
            eprintln!("error: {text}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let known: &[&str] = match command.as_str() {
        "pack" => &["out"],
        "calibrate" => &["out", "estimator", "model", "threads", "timeout"],
        "query" => &["threads", "timeout"],
        "" | "help" | "--help" | "-h" => return Ok(USAGE.into()),
        other => return Err(format!("there is no command {other:?}\n\n{USAGE}").into()),
    };
    let arguments = Arguments::read(words, known, &["force", "channels"])?;
    match command.as_str() {
        "pack" => packed(&arguments),
        "calibrate" => wait(&arguments, calibrated(&arguments)),
        _ => wait(&arguments, queried(&arguments)),
    }
}

fn packed(arguments: &Arguments) -> Outcome {
    let [from] = arguments.exactly("one folder or file")?;
    let to = output(arguments)?;
    let packed = pack(Path::new(from), &to)?;
    let (tensors, rows, values) = (packed.tensors, packed.rows, packed.values);
    Ok(format!("{tensors} tensors, {values} values in {rows} rows, in {}\n", to.display()))
}

async fn calibrated(arguments: &Arguments) -> Outcome {
    let files = arguments.some("Parquet files or folders of them")?;
    let to = output(arguments)?;
    let estimator: AnyEstimator = arguments.option("estimator").unwrap_or("min-max").parse()?;
    let summary = Summary::new(estimator);
    let summary = if arguments.has("channels") { summary.with_channels() } else { summary };
    let session = session(arguments.number("threads", 0)?);
    let statistics = summarize(&session, files, &summary).await?;
    let statistics = match arguments.option("model") {
        Some(model) => statistics.of_model(model)?,
        None => statistics,
    };
    statistics.save(&to)?;
    let (tensors, samples) = (statistics.ranges().names().len(), statistics.samples());
    let estimator = statistics.ranges().fresh();
    Ok(format!("{tensors} tensors of {samples} samples, ranges by {estimator}, in {}\n", to.display()))
}

async fn queried(arguments: &Arguments) -> Outcome {
    let [query] = arguments.exactly("one query in quotes")?;
    let session = session(arguments.number("threads", 0)?).enable_url_table();
    Ok(session.sql(query).await?.to_string().await? + "\n")
}

/// Runs a job to its end, or to the time that it may take.
fn wait(arguments: &Arguments, job: impl Future<Output = Outcome>) -> Outcome {
    let seconds: u64 = arguments.number("timeout", 24 * 3600)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let limit = std::time::Duration::from_secs(seconds);
    let ended = runtime.block_on(async { tokio::time::timeout(limit, job).await });
    // What still runs is not waited for.
    runtime.shutdown_background();
    ended.unwrap_or_else(|_| {
        Err(format!("there was no answer within {seconds} s, and nothing was written; --timeout allows more").into())
    })
}

/// Returns the file to write, which is not there, or may be replaced.
fn output(arguments: &Arguments) -> Result<PathBuf, Box<dyn Error>> {
    let path = PathBuf::from(arguments.option("out").ok_or("--out FILE is missing")?);
    if path.exists() && !arguments.has("force") {
        return Err(format!("{} exists; --force replaces it", path.display()).into());
    }
    Ok(path)
}
