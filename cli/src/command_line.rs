//! What can be asked for, and how.

use clap::{Arg, ArgAction, Command, ValueHint, value_parser};
use std::num::NonZeroUsize;
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  a file cannot be read, written or understood
  2  the command line or the recipe is wrong
  3  the recipe would change nothing
  4  the output exists, or is the input";

/// Returns the command with all it takes.
pub(crate) fn command() -> Command {
    Command::new("tensor-quant")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Quantizes .tflite and .safetensors models, and says what that cost")
        .after_help(EXIT_CODES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(quantize())
        .subcommand(
            Command::new("inspect")
                .about("Shows what a model holds: operators, tensors, ranges, quantization")
                .arg(file("FILE", "The model"))
                .arg(json()),
        )
        .subcommand(
            Command::new("compare")
                .about("Shows how far the restored weights of B are from those of A")
                .arg(file("A", "The original"))
                .arg(file("B", "What was made of it; may be of another format"))
                .arg(json()),
        )
        .subcommand(
            Command::new("recipes")
                .about("Lists the ready-made recipes, or shows one")
                .arg(Arg::new("NAME").help("The recipe to show, as TOML to start from"))
                .arg(json()),
        )
        .subcommand(
            Command::new("completions").about("Prints completions for a shell").arg(
                Arg::new("SHELL").required(true).value_parser(value_parser!(clap_complete::Shell)).help("The shell"),
            ),
        )
        .subcommand(Command::new("man").about("Prints the manual page"))
}

/// What a model is quantized with.
fn quantize() -> Command {
    Command::new("quantize")
                .about("Quantizes a model by a recipe")
                .arg(file("IN", "The model to read"))
                .arg(file("OUT", "The model to write; must not exist, and is never the input"))
                .arg(
                    Arg::new("recipe")
                        .long("recipe")
                        .short('r')
                        .value_name("NAME|FILE")
                        .required_unless_present("to")
                        .value_hint(ValueHint::AnyPath)
                        .help("A ready-made recipe, or a .toml or .json file with one"),
                )
                .arg(
                    Arg::new("to")
                        .long("to")
                        .value_name("SCHEME")
                        .help("What weights become, whatever the recipe says, as in \"int8\" or \"uint8 per tensor, ceil\"; without a recipe, all weights"),
                )
                .arg(
                    Arg::new("report")
                        .long("report")
                        .value_name("FILE")
                        .value_parser(value_parser!(PathBuf))
                        .value_hint(ValueHint::FilePath)
                        .action(ArgAction::Append)
                        .help("Also write a report: a page if the name ends in .html, JSON if in .json"),
                )
                .arg(
                    Arg::new("exclude")
                        .long("exclude")
                        .value_name("PATTERN")
                        .action(ArgAction::Append)
                        .help("Leave tensors of such names alone: * is any run of characters, ? any one"),
                )
                .arg(
                    Arg::new("min-elements")
                        .long("min-elements")
                        .value_name("COUNT")
                        .value_parser(value_parser!(usize))
                        .help("Leave tensors of fewer elements alone, whatever the recipe says"),
                )
                .arg(
                    Arg::new("estimator")
                        .long("estimator")
                        .value_name("WHICH")
                        .help("How ranges are found: min-max, mse, octav, \"percentile 99.9\", entropy, \"mean-std 3\" …"),
                )
                .arg(
                    Arg::new("calculator")
                        .long("calculator")
                        .value_name("WHICH")
                        .help("How scale and zero point are computed: max-abs, symmetric, affine, power-of-two …"),
                )
                .arg(
                    Arg::new("rounding")
                        .long("rounding")
                        .value_name("WHICH")
                        .help("How quotients are rounded: ties-even, half-away, ceil, floor, toward-zero, \"stochastic 42\""),
                )
                .arg(
                    Arg::new("granularity")
                        .long("granularity")
                        .value_name("WHICH")
                        .help("Which elements share a scale: \"per tensor\", \"per axis 0\", \"per block of 32 along axis 1\" …"),
                )
                .arg(
                    Arg::new("codes").long("codes").value_name("WHICH").value_parser(["narrow", "full"]).help(
                        "Use as many codes on each side of zero, or all where operators do not compute with them",
                    ),
                )
                .arg(
                    Arg::new("threads")
                        .long("threads")
                        .value_name("COUNT")
                        .value_parser(value_parser!(NonZeroUsize))
                        .help("Quantize a tensor on so many threads; the result is the same [default: 1]"),
                )
                .arg(switch("force", "Replace an output or report that exists"))
                .arg(json())
}

fn file(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).required(true).value_parser(value_parser!(PathBuf)).value_hint(ValueHint::FilePath).help(help)
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn json() -> Arg {
    switch("json", "Print JSON")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }
}
