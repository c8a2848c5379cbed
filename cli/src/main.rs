//! The command line: quantizes model files, looks into them, compares them.
//!
//! Exit codes: 0 done; 1 a file cannot be read, written or understood; 2 the command line is wrong; 3 the recipe would
//! change nothing; 4 the output exists, or is the input; 5 a model has faults, or loses more than was allowed; 6 a
//! goal cannot be reached. Errors are one line on the standard error. What can be checked is
//! checked before any work is done; if a report cannot be written all the same, the model is there, and the code is 1.

#![forbid(unsafe_code)]

mod argument;
mod asked_recipe;
mod calibrate;
mod check;
mod command_line;
mod compare;
mod dumped;
mod evaluate;
mod expose;
mod failure;
mod fit;
mod fitted;
mod generate;
mod inspect;
mod job;
mod merge;
mod output;
mod progress;
mod quantize;
mod recipes;
mod report_file;
mod runtime;
mod samples;
mod statistics;
mod target;
mod zstd;

use clap::error::ErrorKind;
use failure::Failure;
use output::Answer;
use std::process::ExitCode;

fn main() -> ExitCode {
    let matches = match command_line::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) if !error.use_stderr() => return output::print(&error.render().to_string()),
        // Nothing was asked for, so there is no mistake to tell in a line.
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            eprint!("{}", error.render());
            return ExitCode::from(2);
        }
        Err(error) => return Failure::usage(&error).report(),
    };
    let result: Result<Answer, Failure> = match matches.subcommand() {
        Some(("inspect", arguments)) => inspect::run(arguments).map(Answer::from),
        Some(("evaluate", arguments)) => evaluate::run(arguments).map(Answer::from),
        Some(("calibrate", arguments)) => calibrate::run(arguments).map(Answer::from),
        Some(("expose", arguments)) => expose::run(arguments).map(Answer::from),
        Some(("quantize", arguments)) => quantize::run(arguments),
        Some(("fit", arguments)) => fit::run(arguments).map(Answer::from),
        Some(("check", arguments)) => check::run(arguments).map(Answer::from),
        Some(("compare", arguments)) => compare::run(arguments),
        Some(("recipes", arguments)) => recipes::run(arguments).map(Answer::from),
        Some(("completions", arguments)) => Ok(generate::completions(command_line::command(), arguments).into()),
        Some(("man", _)) => generate::man(command_line::command()).map(Answer::from),
        _ => Err(Failure::usage_text("no command was given: see tensor-quant --help")),
    };
    match result {
        Ok(answer) => answer.print(),
        Err(failure) => failure.report(),
    }
}
