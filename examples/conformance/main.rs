//! Runs conformance vectors: inputs and results of other implementations, which this crate's must equal.
//!
//! ```text
//! cargo run --release --all-features --example conformance -- FOLDER [--verbose]
//! ```
//!
//! FOLDER holds a folder for each group, in the format that `tests/conformance/README.md` describes. Prints a line for each
//! group, and the total; with `--verbose` the first differences of each failing case. The exit code is 0 only if nothing
//! failed.

mod case;
mod compare;
mod groups;
mod suite;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let (mut folder, mut verbose) = (None, false);
    for argument in std::env::args_os().skip(1) {
        match argument.to_str() {
            Some("--verbose") => verbose = true,
            Some(option) if option.starts_with("--") => return usage(&format!("there is no option {option:?}")),
            _ if folder.is_none() => folder = Some(PathBuf::from(argument)),
            _ => return usage("one folder is enough"),
        }
    }
    let Some(folder) = folder else { return usage("which folder?") };
    match run(&folder, verbose) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn usage(message: &str) -> ExitCode {
    eprintln!("error: {message}\n\nusage: conformance FOLDER [--verbose]");
    ExitCode::from(2)
}

/// Returns how many cases failed.
fn run(folder: &std::path::Path, verbose: bool) -> Result<usize, Box<dyn std::error::Error>> {
    let mut total = suite::Counts::default();
    for group in suite::groups_of(folder)? {
        let mut details = String::new();
        let counts = suite::run_group(folder, &group, |text| details.push_str(text))?;
        println!("{group} {counts}");
        if verbose {
            print!("{details}");
        }
        total += counts;
    }
    println!("total {total}");
    Ok(total.failed)
}
