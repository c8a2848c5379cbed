//! Sessions that know the functions.

use crate::register;
use datafusion::execution::context::{SessionConfig, SessionContext};

/// Rows that are read, or states that are sent, at once: of 4096 values they are 2 MiB, of states a few.
const ROWS_AT_ONCE: usize = 128;

/// Returns the settings that suit activations: few rows at once, for they are long.
pub fn settings() -> SessionConfig {
    SessionConfig::new().with_batch_size(ROWS_AT_ONCE)
}

/// Returns a session that knows the functions and runs queries here, on so many threads; on all that there are, if it is 0.
pub fn session(threads: usize) -> SessionContext {
    let settings = if threads == 0 { settings() } else { settings().with_target_partitions(threads) };
    let session = SessionContext::new_with_config(settings);
    register(&session);
    session
}
