//! Quantizes a model, and says what that cost.
//!
//! Without arguments: the classifier of handwritten digits in `examples/data`, tensor by tensor, and what each scheme does
//! to its accuracy. With two file names: any `.safetensors` file.
//!
//! ```text
//! cargo run --release --features safetensors --example quantize_model
//! cargo run --release --features safetensors --example quantize_model -- IN OUT [--scheme NAME] [--axis N] [--json]
//! ```

mod arguments;
mod digits;
#[path = "../digits_mlp/mod.rs"]
mod digits_mlp;
mod file;
mod report;
mod scheme;

use arguments::{Arguments, Task};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args_os().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("error: {message}\n\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    let report = match &arguments.task {
        Task::Help => {
            println!("{}", arguments::USAGE);
            return ExitCode::SUCCESS;
        }
        Task::Digits => digits::run(arguments.choice),
        Task::File { input, output } => file::run(input, output, arguments.choice),
    };
    match report {
        Ok(report) => {
            print!("{}", if arguments.json { report.to_json() } else { report.to_string() });
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
