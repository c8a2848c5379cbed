//! Arguments that several subcommands take.

use clap::{Arg, ArgAction, ValueHint, value_parser};
use std::path::PathBuf;

pub(crate) fn file(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).required(true).value_parser(value_parser!(PathBuf)).value_hint(ValueHint::FilePath).help(help)
}

pub(crate) fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

pub(crate) fn json() -> Arg {
    switch("json", "Print JSON")
}

/// Reads a number; one that nothing can be compared with is none.
pub(crate) fn finite(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|x: &f64| x.is_finite()).ok_or_else(|| format!("{text:?} is no number"))
}
