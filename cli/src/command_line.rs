//! What can be asked for, and how.

use crate::{calibrate, check, compare, evaluate, expose, fit, generate, inspect, quantize, recipes};
use clap::Command;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  a file cannot be read, written or understood
  2  the command line or the recipe is wrong
  3  the recipe would change nothing
  4  the output exists, or is the input
  5  check found faults, or evaluate or compare more loss than was allowed
  6  fit cannot reach its goal";

/// Returns the command with all its subcommands, each of which says in its own file what it takes.
pub(crate) fn command() -> Command {
    Command::new("tensor-quant")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Quantizes .tflite and .safetensors models, and says what that cost")
        .after_help(EXIT_CODES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(quantize::command())
        .subcommand(fit::command())
        .subcommand(evaluate::command())
        .subcommand(calibrate::command())
        .subcommand(expose::command())
        .subcommand(inspect::command())
        .subcommand(check::command())
        .subcommand(compare::command())
        .subcommand(recipes::command())
        .subcommand(generate::command())
        .subcommand(Command::new("man").about("Prints the manual page"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }
}
