//! `tensor-quant-distributed`: activations in Parquet, to the statistics that `tensor-quant quantize --calibration` reads.

#![forbid(unsafe_code)]

mod arguments;

use arguments::Arguments;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;
use tensor_quant::range::AnyEstimator;
use tensor_quant_distributed::{Summary, pack, session, summarize};
use tokio::time::timeout;

/// After so long a user of a cluster is told what may be missing.
const LONG: Duration = Duration::from_secs(15);

const USAGE: &str = "\
tensor-quant-distributed pack FOLDER --out FILE.parquet [--force]
    Turns .npy and .npz files, as `tensor-quant calibrate --dump` writes them, into Parquet.

tensor-quant-distributed calibrate FILE.parquet… --out STATISTICS.json [--estimator 'percentile 99.9'] [--channels]
    [--model MODEL.tflite] [--threads N | --cluster df://HOST:PORT [--tasks N]] [--timeout SECONDS] [--force]
    Finds what `tensor-quant quantize --calibration` needs. Paths may be folders; the model is what statistics are checked against.

tensor-quant-distributed query 'SELECT …' [--threads N | --cluster df://HOST:PORT [--tasks N]] [--timeout SECONDS]
    Prints what a query with the functions gives; files are tables: … FROM 'activations.parquet' GROUP BY name.

tensor-quant-distributed scheduler ADDRESS:PORT [--heartbeat SECONDS] [--lost-after SECONDS]
tensor-quant-distributed executor ADDRESS:PORT --scheduler ADDRESS:PORT [--tasks N] [--folder FOLDER] [--heartbeat SECONDS]
    A machine of a cluster (feature `cluster`). An executor listens at its port and the next. It reports every --heartbeat seconds (5);
    after --lost-after seconds without a report (30; several times as many) the scheduler has others do its work, and it ends.
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
        "calibrate" => &["out", "estimator", "model", "threads", "cluster", "tasks", "timeout"],
        "query" => &["threads", "cluster", "tasks", "timeout"],
        "scheduler" => &["heartbeat", "lost-after"],
        "executor" => &["scheduler", "tasks", "folder", "heartbeat"],
        "" | "help" | "--help" | "-h" => return Ok(USAGE.into()),
        other => return Err(format!("there is no command {other:?}\n\n{USAGE}").into()),
    };
    let arguments = Arguments::read(words, known, &["force", "channels"])?;
    match command.as_str() {
        "pack" => packed(&arguments),
        "calibrate" => wait(&arguments, calibrated(&arguments)),
        "query" => wait(&arguments, queried(&arguments)),
        _ => serve(&command, &arguments),
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
    let session = asked_session(arguments).await?;
    let statistics = summarize(&session, files, &summary).await.map_err(|error| advised(arguments, error))?;
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
    let session = asked_session(arguments).await?.enable_url_table();
    let found = async { session.sql(query).await?.to_string().await }.await;
    Ok(found.map_err(|error| advised(arguments, error))? + "\n")
}

/// Returns the session that was asked for: threads of this machine, or a cluster.
async fn asked_session(arguments: &Arguments) -> Result<SessionContext, Box<dyn Error>> {
    let Some(url) = arguments.option("cluster") else { return Ok(session(arguments.number("threads", 0)?)) };
    if arguments.option("threads").is_some() {
        return Err("--threads is for this machine; of a cluster say --tasks".into());
    }
    cluster_session(url, arguments).await
}

#[cfg(feature = "cluster")]
async fn cluster_session(url: &str, arguments: &Arguments) -> Result<SessionContext, Box<dyn Error>> {
    Ok(tensor_quant_distributed::cluster::session(url, arguments.number("tasks", 16)?).await?)
}

#[cfg(not(feature = "cluster"))]
fn cluster_session(url: &str, _: &Arguments) -> std::future::Ready<Result<SessionContext, Box<dyn Error>>> {
    std::future::ready(Err(without_clusters(url)))
}

#[cfg(not(feature = "cluster"))]
fn without_clusters(asked: &str) -> Box<dyn Error> {
    format!("{asked}: this program was built without clusters; build it with --features cluster").into()
}

/// Returns an error of a cluster with what is to be done about it.
fn advised(arguments: &Arguments, error: DataFusionError) -> Box<dyn Error> {
    match arguments.option("cluster") {
        None => error.into(),
        Some(url) => format!(
            "{}\nnothing was written: see that the scheduler at {url} and at least one executor run, that all of them can read the files, and ask again",
            error.strip_backtrace()
        )
        .into(),
    }
}

/// Runs a job to its end, or to the time that it may take.
fn wait(arguments: &Arguments, job: impl Future<Output = Outcome>) -> Outcome {
    let seconds: u64 = arguments.number("timeout", 24 * 3600)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let limit = Duration::from_secs(seconds);
    let ended = runtime.block_on(async {
        let mut job = pin!(timeout(limit, job));
        let Some(url) = arguments.option("cluster") else { return job.await };
        // A cluster without executors waits for one, and says nothing.
        if let Ok(ended) = timeout(LONG, &mut job).await {
            return ended;
        }
        let seconds = LONG.as_secs();
        eprintln!(
            "no answer within {seconds} s; waiting on: see that at least one executor of the scheduler at {url} runs"
        );
        job.await
    });
    // What still runs is not waited for.
    runtime.shutdown_background();
    ended.unwrap_or_else(|_| {
        Err(format!("there was no answer within {seconds} s, and nothing was written; --timeout allows more").into())
    })
}

#[cfg(feature = "cluster")]
fn serve(command: &str, arguments: &Arguments) -> Outcome {
    use tensor_quant_distributed::cluster::{Executor, Timing, serve_executor, serve_scheduler};
    let [address] = arguments.exactly("one address, as 127.0.0.1:50050")?;
    let address = address.parse().map_err(|_| format!("{address:?} is no address as 127.0.0.1:50050"))?;
    let usual = Timing::default();
    let heartbeat = arguments.number("heartbeat", usual.heartbeat)?;
    let timing = Timing::new(heartbeat, arguments.number("lost-after", usual.timeout)?);
    if command == "scheduler" && timing.heartbeat >= timing.timeout {
        let (heartbeat, timeout) = (timing.heartbeat, timing.timeout);
        let reason = format!(
            "--heartbeat {heartbeat} s is no shorter than --lost-after {timeout} s: every executor would be lost between two reports"
        );
        return Err(reason.into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if command == "scheduler" {
        runtime.block_on(serve_scheduler(address, timing))?;
    } else {
        let scheduler = arguments.option("scheduler").ok_or("an executor needs --scheduler ADDRESS:PORT")?;
        let scheduler = scheduler.parse().map_err(|_| format!("{scheduler:?} is no address as 127.0.0.1:50050"))?;
        let mut executor = Executor::new(scheduler, address);
        executor.tasks = arguments.number("tasks", 0)?;
        executor.folder = arguments.option("folder").map(PathBuf::from);
        executor.timing = timing;
        runtime.block_on(serve_executor(executor))?;
    }
    Ok(String::new())
}

#[cfg(not(feature = "cluster"))]
fn serve(command: &str, _: &Arguments) -> Outcome {
    Err(without_clusters(command))
}

/// Returns the file to write, which is not there, or may be replaced.
fn output(arguments: &Arguments) -> Result<PathBuf, Box<dyn Error>> {
    let path = PathBuf::from(arguments.option("out").ok_or("--out FILE is missing")?);
    if path.exists() && !arguments.has("force") {
        return Err(format!("{} exists; --force replaces it", path.display()).into());
    }
    Ok(path)
}
