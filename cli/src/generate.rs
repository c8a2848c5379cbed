//! Completions and the manual page, from the command line's own description.

use crate::command_line::command;
use crate::failure::Failure;
use clap::ArgMatches;
use clap_complete::Shell;

pub(crate) fn completions(arguments: &ArgMatches) -> String {
    let mut text = Vec::new();
    if let Some(shell) = arguments.get_one::<Shell>("SHELL") {
        clap_complete::generate(*shell, &mut command(), "tensor-quant", &mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Returns the page of the command, followed by those of its subcommands.
pub(crate) fn man() -> Result<String, Failure> {
    let mut text = Vec::new();
    let mut command = command();
    command.build();
    let failed = |error: std::io::Error| Failure::usage_text(&error.to_string());
    clap_mangen::Man::new(command.clone()).render(&mut text).map_err(failed)?;
    for subcommand in command.get_subcommands() {
        clap_mangen::Man::new(subcommand.clone()).render(&mut text).map_err(failed)?;
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}
