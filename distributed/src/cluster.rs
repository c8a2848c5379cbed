//! The functions on many machines: a scheduler and executors of Ballista that know them, and sessions that send queries there.
//!
//! Ballista's own binaries do not know the functions; these processes, which the command starts as well, do. What an executor does not
//! finish, because it is lost, others do again: the answer is the same, for states merge exactly.

use crate::session::settings;
use crate::{functions, register};
use ballista::prelude::{SessionConfigExt, SessionContextExt};
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::utils::default_session_builder;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::start_server;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::{SessionConfig, SessionContext};
use datafusion::execution::{FunctionRegistry, SessionState};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// The largest message between machines, in bytes. States of 128 tensors are some mebibytes.
const LARGEST_MESSAGE: u32 = 256 << 20;

/// How soon machines notice that another one is lost.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Timing {
    /// Executors report so often, in seconds.
    pub heartbeat: u64,
    /// Without a report for so many seconds an executor is lost, and what it did is done again.
    pub timeout: u64,
}

impl Timing {
    /// Returns the timing of reports every so many seconds, and loss after a number of them.
    pub fn new(heartbeat: u64, timeout: u64) -> Self {
        Self { heartbeat, timeout }
    }
}

/// A report every 5 s, and loss after 30.
impl Default for Timing {
    fn default() -> Self {
        Self::new(5, 30)
    }
}

fn cluster_settings() -> SessionConfig {
    settings().upgrade_for_ballista().with_ballista_grpc_client_max_message_size(LARGEST_MESSAGE as usize)
}

/// Returns the state of a session with the functions.
fn with_functions(mut state: SessionState) -> Result<SessionState> {
    for function in functions() {
        state.register_udaf(function)?;
    }
    Ok(state)
}

/// Runs a scheduler that plans queries with the functions, until the process ends.
///
/// # Errors
///
/// One about the address, if nobody can listen there.
pub async fn serve_scheduler(address: SocketAddr, timing: Timing) -> Result<()> {
    let config = SchedulerConfig {
        external_host: address.ip().to_string(),
        bind_host: address.ip().to_string(),
        bind_port: address.port(),
        executor_timeout_seconds: timing.timeout,
        no_executors_grace_period_seconds: timing.timeout,
        expire_dead_executor_interval_seconds: timing.heartbeat.max(1),
        grpc_server_max_decoding_message_size: LARGEST_MESSAGE,
        grpc_server_max_encoding_message_size: LARGEST_MESSAGE,
        grpc_client_max_message_size: LARGEST_MESSAGE,
        override_config_producer: Some(Arc::new(cluster_settings)),
        override_session_builder: Some(Arc::new(|config| with_functions(default_session_builder(config)?))),
        ..SchedulerConfig::default()
    };
    let cluster = BallistaCluster::new_from_config(&config).await.map_err(of_cluster)?;
    start_server(cluster, address, Arc::new(config)).await.map_err(of_cluster)
}

/// What an executor is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Executor {
    /// Where the scheduler is.
    pub scheduler: SocketAddr,
    /// Where others fetch its results; where the scheduler gives it work is the port after that.
    pub address: SocketAddr,
    /// Tasks at a time; 0 for one a core.
    pub tasks: usize,
    /// The folder for results until they are fetched; a temporary one if there is none.
    pub folder: Option<PathBuf>,
    /// How often it reports.
    pub timing: Timing,
}

impl Executor {
    /// Returns an executor with a task a core.
    pub fn new(scheduler: SocketAddr, address: SocketAddr) -> Self {
        Self { scheduler, address, tasks: 0, folder: None, timing: Timing::default() }
    }
}

/// Runs an executor that knows the functions, until the process is asked to end.
///
/// # Errors
///
/// One about the scheduler, if it cannot be reached within ten seconds, or about the address, if nobody can listen there.
pub async fn serve_executor(executor: Executor) -> Result<()> {
    let mut registry = BallistaFunctionRegistry::default();
    for function in functions() {
        registry.aggregate_functions.insert(function.name().to_owned(), function);
    }
    let folder = executor.folder.as_ref().map(|folder| folder.display().to_string());
    let config = ExecutorProcessConfig {
        bind_host: executor.address.ip().to_string(),
        external_host: Some(executor.address.ip().to_string()),
        port: executor.address.port(),
        grpc_port: executor.address.port().saturating_add(1),
        scheduler_host: executor.scheduler.ip().to_string(),
        scheduler_port: executor.scheduler.port(),
        scheduler_connect_timeout_seconds: 10,
        vcores: executor.tasks,
        work_dir: folder,
        executor_heartbeat_interval_seconds: executor.timing.heartbeat,
        grpc_max_decoding_message_size: LARGEST_MESSAGE,
        grpc_max_encoding_message_size: LARGEST_MESSAGE,
        override_function_registry: Some(Arc::new(registry)),
        override_config_producer: Some(Arc::new(cluster_settings)),
        ..ExecutorProcessConfig::default()
    };
    start_executor_process(Arc::new(config)).await.map_err(of_cluster)
}

/// Returns a session whose queries are run by a cluster, in so many tasks a stage; `url` is that of its scheduler, as in
/// `df://10.0.0.1:50050`.
///
/// # Errors
///
/// One about the URL.
pub async fn session(url: &str, tasks: usize) -> Result<SessionContext> {
    let settings = cluster_settings().with_target_partitions(tasks.max(1));
    let session = SessionContext::remote_with_state(url, default_session_builder(settings)?).await?;
    // A state that becomes one of Ballista has its functions alone.
    register(&session);
    Ok(session)
}

/// Returns an error of the cluster with what is to be done about it.
fn of_cluster(error: impl std::fmt::Display) -> DataFusionError {
    DataFusionError::Execution(format!(
        "{error}; start the scheduler before its executors, each with an address of its own"
    ))
}
