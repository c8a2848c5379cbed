//! The program does what it says, and a model that is there is never lost.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod arguments;
mod comparison;
mod evaluation;
mod fitting;
mod integers;
#[cfg(unix)]
mod outputs;
mod several;
mod statistics;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The program, to be given arguments.
fn tensor_quant() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tensor-quant"))
}

/// One of the models in `examples/data`.
fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data").join(name)
}
