//! A cluster of three processes on this machine: a scheduler and two executors, one of which is killed while it runs.
//!
//! The answer is the same, bit for bit, as that of the library on one thread, or an error that says what to do. Nothing is waited for
//! longer than some minutes.

#![forbid(unsafe_code)]

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tensor_quant::calibration::Statistics;
use tensor_quant::ndarray::Array2;
use tensor_quant::range::AnyEstimator;
use tensor_quant_distributed::pack;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tensor-quant-distributed");
/// The longest that anything may take.
const LIMIT: Duration = Duration::from_mins(4);
const ESTIMATOR: &str = "percentile 99.9";
const FILES: usize = 24;

/// A process that does not outlive the test.
struct Process(Child);

impl Process {
    fn start(words: &[&str], log: &Path) -> Self {
        let log = fs::File::create(log).expect("a log");
        let mut command = Command::new(PROGRAM);
        command.args(words).stdout(Stdio::null()).stderr(log);
        Self(command.spawn().expect("the program starts"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail if it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns two ports that follow each other, and that nobody listens at.
fn free_address() -> SocketAddr {
    for _ in 0..100 {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = first.local_addr().expect("its address");
        if let Some(next) = address.port().checked_add(1)
            && TcpListener::bind((Ipv4Addr::LOCALHOST, next)).is_ok()
        {
            return address;
        }
    }
    panic!("there are no two free ports in a row");
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        sleep(Duration::from_millis(20));
    }
}

fn listens(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok()
}

/// Returns whether an executor has written a result.
fn has_results(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| if entry.path().is_dir() { has_results(&entry.path()) } else { true })
}

fn write_npy(path: &Path, x: &Array2<f32>) {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}\n", x.nrows(), x.ncols());
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(x.iter().flat_map(|x| x.to_le_bytes()));
    fs::File::create(path).and_then(|mut file| file.write_all(&bytes)).expect("a file");
}

/// Writes activations in Parquet, and returns what the library finds in them.
fn activations(folder: &Path) -> Statistics<AnyEstimator> {
    let mut want = Statistics::new(ESTIMATOR.parse::<AnyEstimator>().expect("an estimator"));
    let parquet = folder.join("parquet");
    fs::create_dir(&parquet).expect("a folder");
    for file in 0..FILES {
        let source = folder.join(format!("dump{file}"));
        fs::create_dir(&source).expect("a folder");
        for tensor in 0..3 {
            let seed = (file * 7 + tensor) as f32;
            let x =
                Array2::from_shape_fn((20, 3000), |(i, j)| ((i * 3000 + j) as f32 * 0.01 + seed).sin() * (1.0 + seed));
            let name = format!("tensor{tensor}");
            want.observe(&name, &x.view().into_dyn(), false).expect("no channels");
            write_npy(&source.join(format!("{name}.npy")), &x);
        }
        want.count_samples(20);
        pack(&source, &parquet.join(format!("{file}.parquet"))).expect("arrays that are packed");
    }
    want
}

struct Cluster {
    scheduler: Process,
    executors: Vec<Process>,
    url: String,
}

fn cluster(folder: &Path, executors: usize) -> Cluster {
    let address = free_address();
    let text = address.to_string();
    let timing = ["--heartbeat", "1", "--lost-after", "5"];
    let words = [&["scheduler", &text][..], &timing].concat();
    let scheduler = Process::start(&words, &folder.join("scheduler.log"));
    wait_until("the scheduler listens", || listens(address));
    let executors = (0..executors).map(|number| {
        let own = free_address();
        let (own_text, results) = (own.to_string(), folder.join(format!("results{number}")));
        fs::create_dir_all(&results).expect("a folder");
        let results = results.display().to_string();
        let words =
            ["executor", &own_text, "--scheduler", &text, "--tasks", "1", "--folder", &results, "--heartbeat", "1"];
        let executor = Process::start(&words, &folder.join(format!("executor{number}.log")));
        wait_until("an executor listens", || listens(own));
        executor
    });
    Cluster { executors: executors.collect(), scheduler, url: format!("df://{address}") }
}

/// Starts the whole job.
fn calibrate(folder: &Path, url: &str, timeout: &str) -> Child {
    let (parquet, out) =
        (folder.join("parquet").display().to_string(), folder.join("statistics.json").display().to_string());
    let words = [
        "calibrate",
        &parquet,
        "--out",
        &out,
        "--estimator",
        ESTIMATOR,
        "--cluster",
        url,
        "--tasks",
        "6",
        "--timeout",
        timeout,
    ];
    let mut command = Command::new(PROGRAM);
    command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program starts")
}

fn ended(child: Child) -> Output {
    // It has a limit of its own.
    child.wait_with_output().expect("the program ends")
}

#[test]
fn an_executor_that_is_killed_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let want = activations(folder.path());
    let mut cluster = cluster(folder.path(), 2);
    let mut job = calibrate(folder.path(), &cluster.url, "200");
    let results = folder.path().join("results0");
    wait_until("the first executor has results", || has_results(&results));
    cluster.executors[0].0.kill().expect("the executor is killed");
    assert!(job.try_wait().expect("its state").is_none(), "the job ended before anything was killed");
    let killed = Instant::now();
    let output = ended(job);
    let said = String::from_utf8_lossy(&output.stderr);
    println!(
        "killed one of two executors; the job ended {:.1} s later: {}",
        killed.elapsed().as_secs_f32(),
        output.status
    );
    if output.status.success() {
        let json = fs::read_to_string(folder.path().join("statistics.json")).expect("the statistics");
        assert_eq!(json, want.to_json().expect("JSON"));
    } else {
        assert!(said.contains("nothing was written") && said.contains("at least one executor"), "{said}");
        println!("it said: {said}");
    }
    assert!(cluster.scheduler.0.try_wait().expect("its state").is_none(), "the scheduler runs on");
}

#[test]
fn a_cluster_finds_what_the_library_finds() {
    let folder = tempfile::tempdir().expect("a folder");
    let want = activations(folder.path());
    let cluster = cluster(folder.path(), 2);
    let start = Instant::now();
    let output = ended(calibrate(folder.path(), &cluster.url, "200"));
    println!("two executors: the job took {:.1} s", start.elapsed().as_secs_f32());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let json = fs::read_to_string(folder.path().join("statistics.json")).expect("the statistics");
    assert_eq!(json, want.to_json().expect("JSON"));

    let words =
        ["query", "SELECT tq_params(values, 'u9 affine') FROM (VALUES (1.5)) AS t(values)", "--cluster", &cluster.url];
    let output = Command::new(PROGRAM).args(words).output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("u9"), "{said}");
}

#[test]
fn without_executors_the_error_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("parquet")).expect("a folder");
    let source = folder.path().join("dump");
    fs::create_dir(&source).expect("a folder");
    write_npy(&source.join("x.npy"), &Array2::zeros((2, 3)));
    pack(&source, &folder.path().join("parquet/x.parquet")).expect("an array that is packed");
    let cluster = cluster(folder.path(), 0);
    let output = ended(calibrate(folder.path(), &cluster.url, "20"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("nothing was written"), "{said}");
    assert!(said.contains("at least one executor"), "{said}");
    assert!(!folder.path().join("statistics.json").exists());
}
