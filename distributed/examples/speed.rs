//! How fast the functions are, and what they hold: `cargo run --release --example speed`.
//!
//! Gigabytes of f32 in a second of CPU time, of columns in memory and of Parquet files; how much faster two threads are; what a state
//! takes on the wire, and to write, read and merge; the most memory that a process takes of some rows, of four and of sixteen times as many.

#![forbid(unsafe_code)]

use datafusion::arrow::array::{ArrayRef, AsArray, Float32Array, Int64Array, ListArray, RecordBatch, StringArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Float32Type, Schema};
use datafusion::datasource::MemTable;
use datafusion::execution::context::SessionContext;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::prelude::ParquetReadOptions;
use std::error::Error;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;
use tensor_quant::RangeEstimator;
use tensor_quant::range::AnyEstimator;
use tensor_quant_distributed::{properties, session};

const ROW: usize = 4096;
const ROWS: usize = 128;
/// Batches that differ: 128 MiB, more than any cache.
const BATCHES: usize = 64;
const CALLS: [&str; 8] = [
    "tq_min_max(values)",
    "tq_histogram(values)",
    "tq_percentile(values, 99.9)",
    "tq_mse_range(values, 'i8 symmetric')",
    "tq_entropy_range(values, 'u8 affine')",
    "tq_mean_std(values)",
    "tq_channel_means(values, 64)",
    "tq_statistics(name, values, 'percentile 99.9')",
];

fn batch(number: usize) -> Result<RecordBatch, Box<dyn Error>> {
    let mut state = number as u64 * 977 + 1;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    let values: Vec<f32> = (0..ROW * ROWS).map(|_| uniform() + uniform() + uniform() + uniform()).collect();
    let element = Arc::new(Field::new("element", DataType::Float32, false));
    let offsets = OffsetBuffer::from_lengths([ROW; ROWS]);
    let lists = ListArray::new(element.clone(), offsets, Arc::new(Float32Array::from(values)), None);
    let name = format!("tensor{}", number % 8);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![name.as_str(); ROWS])),
        Arc::new(Int64Array::from_iter_values((0..ROWS).map(|row| row as i64))),
        Arc::new(lists),
    ];
    let schema = Schema::new(vec![
        Field::new("name", DataType::Utf8, false),
        Field::new("sample", DataType::Int64, false),
        Field::new("values", DataType::List(element), false),
    ]);
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}

/// Returns the seconds of CPU time that the process has had.
fn cpu() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: Vec<f64> = after.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
    ticks.iter().sum::<f64>() / 100.0
}

/// Returns the most memory that the process had, in MiB.
fn most_memory() -> f64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// Runs a query so often, and returns the least CPU time and the least time.
fn least(session: &SessionContext, query: &str, times: usize) -> Result<(f64, f64), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut least = (f64::MAX, f64::MAX);
    for _ in 0..times {
        let (start, before) = (Instant::now(), cpu());
        runtime.block_on(async { session.sql(query).await?.collect().await })?;
        least = (least.0.min(cpu() - before), least.1.min(start.elapsed().as_secs_f64()));
    }
    Ok(least)
}

/// Returns a session of a table in memory: the batches so often, dealt to the threads.
fn in_memory(batches: &[RecordBatch], repeats: usize, threads: usize) -> Result<SessionContext, Box<dyn Error>> {
    let session = session(threads);
    let mut partitions = vec![Vec::new(); threads];
    for (number, batch) in std::iter::repeat_n(batches, repeats).flatten().enumerate() {
        partitions[number % threads].push(batch.clone());
    }
    session.register_table("t", Arc::new(MemTable::try_new(batches[0].schema(), partitions)?))?;
    Ok(session)
}

fn in_parquet(path: &Path, threads: usize) -> Result<SessionContext, Box<dyn Error>> {
    let session = session(threads);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let options = ParquetReadOptions::default();
    runtime.block_on(session.register_parquet("t", path.display().to_string(), options))?;
    Ok(session)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == "memory") {
        return memory(Path::new(&words.next().ok_or("memory of which folder?")?));
    }
    let batches = (0..BATCHES).map(batch).collect::<Result<Vec<_>, _>>()?;
    let folder = tempfile::tempdir()?;
    for number in 0..8 {
        let file = File::create(folder.path().join(format!("{number}.parquet")))?;
        let mut writer = ArrowWriter::try_new(file, batches[0].schema(), Some(properties()))?;
        for batch in batches.iter().skip(number).step_by(8) {
            writer.write(batch)?;
        }
        writer.close()?;
    }
    let bytes = (BATCHES * ROWS * ROW * 4) as f64 / 1e9;
    println!("| function | GB/s of CPU time, in memory | from Parquet | two threads |");
    println!("| --- | ---: | ---: | ---: |");
    let (one, two) = (in_memory(&batches, 4, 1)?, in_memory(&batches, 4, 2)?);
    let parquet = in_parquet(folder.path(), 1)?;
    for call in CALLS {
        let query = format!("SELECT name, {call} FROM t GROUP BY name");
        let (cpu_of_one, time_of_one) = least(&one, &query, 3)?;
        let (_, time_of_two) = least(&two, &query, 3)?;
        let (cpu_of_parquet, _) = least(&parquet, &query, 3)?;
        println!(
            "| `{call}` | {:.2} | {:.2} | {:.2} × |",
            4.0 * bytes / cpu_of_one,
            bytes / cpu_of_parquet,
            time_of_one / time_of_two
        );
    }
    drop((one, two, batches));
    println!(
        "\n| state | GB/s observed | bytes on the wire, of 4 million values from a bell | behind a ReLU | ms to write | to read | to merge |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for name in ["min-max", "mean-std 3", "percentile 99.9", "mse", "entropy", "octav", "lp-norm 2.4"] {
        let (bell, relu) = (cost(name, |x| x)?, cost(name, |x| x.max(0.0))?);
        println!(
            "| {name} | {:.1} | {} | {} | {:.2} | {:.2} | {:.2} |",
            bell.rate, bell.bytes, relu.bytes, bell.write, bell.read, bell.merge
        );
    }
    // Of a process that does nothing else, of the same rows so many times.
    println!();
    for times in [1, 4, 16] {
        let many = tempfile::tempdir()?;
        for (number, file) in fs::read_dir(folder.path())?.enumerate() {
            let file = file?.path();
            for copy in 0..times {
                fs::hard_link(&file, many.path().join(format!("{number}_{copy}.parquet")))?;
            }
        }
        let own = Command::new(std::env::current_exe()?).arg("memory").arg(many.path()).output()?;
        let mib = String::from_utf8(own.stdout)?;
        println!("{times} × {} MB of Parquet on two threads: at most {} MiB", (bytes * 1e3).round(), mib.trim());
    }
    Ok(())
}

/// What a state costs: gigabytes observed in a second; between machines bytes, and milliseconds.
struct Cost {
    rate: f64,
    bytes: usize,
    write: f64,
    read: f64,
    merge: f64,
}

/// Returns what the state of an estimator costs that has seen 2²² values.
fn cost(name: &str, activation: fn(f32) -> f32) -> Result<Cost, Box<dyn Error>> {
    let fresh: AnyEstimator = name.parse()?;
    let (mut estimator, mut rate) = (fresh.clone(), 0.0_f64);
    for number in 0..(1 << 22) / (ROW * ROWS) {
        let batch = batch(number)?;
        let values = batch.column(2).as_list::<i32>().values().as_primitive::<Float32Type>().values();
        let values: Vec<f32> = values.iter().map(|x| activation(*x)).collect();
        estimator.observe(&values);
        let mut other = fresh.clone();
        let ((), milliseconds) = timed(|| {
            other.observe(&values);
            Ok::<(), Box<dyn Error>>(())
        })?;
        rate = rate.max((ROW * ROWS * 4) as f64 / 1e6 / milliseconds);
    }
    let (text, write) = timed(|| serde_json::to_string(&estimator))?;
    let (theirs, read) = timed(|| serde_json::from_str::<AnyEstimator>(&text))?;
    let mut ours = estimator.clone();
    let ((), merge) = timed(|| {
        ours.merge(&theirs);
        Ok::<(), Box<dyn Error>>(())
    })?;
    Ok(Cost { rate, bytes: text.len(), write, read, merge })
}

/// Returns what work comes to, and the fewest milliseconds that it took.
fn timed<T, E>(mut work: impl FnMut() -> Result<T, E>) -> Result<(T, f64), E> {
    let mut least = f64::MAX;
    let mut timed_once = || {
        let start = Instant::now();
        let result = work();
        least = least.min(start.elapsed().as_secs_f64() * 1e3);
        result
    };
    for _ in 0..20 {
        timed_once()?;
    }
    let result = timed_once()?;
    Ok((result, least))
}

/// Prints the most memory that a query takes, in MiB.
fn memory(folder: &Path) -> Result<(), Box<dyn Error>> {
    let session = in_parquet(folder, 2)?;
    least(&session, "SELECT name, tq_histogram(values) FROM t GROUP BY name", 1)?;
    println!("{:.0}", most_memory());
    Ok(())
}
