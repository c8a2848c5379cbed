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
