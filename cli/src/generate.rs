//! Completions and the manual page, from the command line's own description.

use crate::failure::Failure;
use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::Shell;

/// Returns what the subcommand `completions` takes.
pub(crate) fn command() -> Command {
    Command::new("completions")
        .about("Prints completions for a shell")
        .arg(Arg::new("SHELL").required(true).value_parser(value_parser!(Shell)).help("The shell"))
}

/// Returns what completes the words of a command line in the shell that was asked for.
pub(crate) fn completions(mut command_line: Command, arguments: &ArgMatches) -> String {
    let mut text = Vec::new();
    if let Some(shell) = arguments.get_one::<Shell>("SHELL") {
        clap_complete::generate(*shell, &mut command_line, "tensor-quant", &mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Returns the page of the command, followed by those of its subcommands.
pub(crate) fn man(mut command: Command) -> Result<String, Failure> {
    let mut text = Vec::new();
    command.build();
    let failed = |error: std::io::Error| Failure::usage_text(&error.to_string());
    clap_mangen::Man::new(command.clone()).render(&mut text).map_err(failed)?;
    for subcommand in command.get_subcommands() {
        clap_mangen::Man::new(subcommand.clone()).render(&mut text).map_err(failed)?;
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}
