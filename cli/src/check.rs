//! `check`: what interpreters do not check, and get wrong.

use crate::argument::{file, json as json_switch};
use crate::failure::Failure;
use crate::output::{json, style, width};
use clap::{ArgMatches, Command};
use std::path::PathBuf;
use tensor_quant::model::tflite::{Fault, Model, Severity};
use tensor_quant::report::{Alignment, Table, shortened};

/// The longest name that is shown in full.
const NAME: usize = 40;

/// Returns what the subcommand takes.
pub(crate) fn command() -> Command {
    Command::new("check")
        .about(
            "Finds what interpreters refuse or silently get wrong in a .tflite model: scales, biases, types, versions",
        )
        .arg(file("FILE", "The model"))
        .arg(json_switch())
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<String, Failure> {
    let path = arguments.get_one::<PathBuf>("FILE").cloned().unwrap_or_default();
    let mut faults = Model::open(&path)?.check();
    faults.sort_by_key(|fault| std::cmp::Reverse(fault.severity));
    let found = |severity: Severity| faults.iter().filter(|fault| fault.severity == severity).count();
    let text = if arguments.get_flag("json") { as_json(&faults) } else { as_table(&faults) };
    let (wrong, refused, notes) = (found(Severity::Wrong), found(Severity::Refused), found(Severity::Note));
    if wrong + refused == 0 {
        let none = format!("{}: no faults, {notes} notes\n", path.display());
        return Ok(if arguments.get_flag("json") { text } else { text + &none });
    }
    let message = format!(
        "{} has {wrong} faults that give wrong results, {refused} that are refused, and {notes} notes",
        path.display()
    );
    Err(Failure::found(text, message))
}

fn as_table(faults: &[Fault]) -> String {
    if faults.is_empty() {
        return String::new();
    }
    let (left, right) = (Alignment::Left, Alignment::Right);
    let columns = [("fault", left), ("part", right), ("operator", right), ("of", left), ("what", left)];
    let mut table = Table::new(&columns, style()).within(width());
    for fault in faults {
        table.push([
            fault.severity.to_string(),
            fault.subgraph.to_string(),
            fault.operator.map(|number| number.to_string()).unwrap_or_default(),
            shortened(&fault.name, NAME),
            fault.reason.clone(),
        ]);
    }
    format!("{table}\n")
}

fn as_json(faults: &[Fault]) -> String {
    let fault = |fault: &Fault| {
        serde_json::json!({
            "severity": fault.severity.to_string(),
            "subgraph": fault.subgraph,
            "operator": fault.operator,
            "name": fault.name,
            "reason": fault.reason,
        })
    };
    json(&serde_json::json!({ "faults": faults.iter().map(fault).collect::<Vec<_>>() }))
}
