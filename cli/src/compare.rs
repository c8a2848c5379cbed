//! `compare`: how far one model's weights are from another's.

use crate::argument::{file, json as json_switch};
use crate::failure::Failure;
use crate::output::{json, style, width};
use clap::{ArgMatches, Command};
use std::path::PathBuf;
use tensor_quant::pipeline::{Compared, Comparison, compare_files};
use tensor_quant::report::{Alignment, Measured, Table, decibels, shape, shortened};

/// The longest name that is shown in full.
const NAME: usize = 52;

/// Returns what the subcommand takes.
pub(crate) fn command() -> Command {
    Command::new("compare")
        .about("Shows how far the restored weights of B are from those of A")
        .arg(file("A", "The original"))
        .arg(file("B", "What was made of it; may be of another format"))
        .arg(json_switch())
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<String, Failure> {
    let path = |name| arguments.get_one::<PathBuf>(name).cloned().unwrap_or_default();
    let comparison = compare_files(path("A"), path("B"))?;
    Ok(if arguments.get_flag("json") { as_json(&comparison) } else { as_table(&comparison) })
}

fn as_table(comparison: &Comparison) -> String {
    let (left, right) = (Alignment::Left, Alignment::Right);
    let columns = [("tensor", left), ("shape", right), ("A", left), ("B", left), ("SQNR", right), ("max error", right)];
    let mut table = Table::new(&columns, style()).within(width());
    for tensor in &comparison.tensors {
        let (sqnr, largest) = match (&tensor.error, tensor.same_bytes) {
            (Ok(error), _) => of_reals(&Measured::new(error)),
            (Err(_), Some(true)) => ("the same".into(), String::new()),
            (Err(_), Some(false)) => ("differs".into(), "other bytes".into()),
            (Err(reason), None) => (String::new(), reason.clone()),
        };
        let (a, b) = &tensor.element_types;
        let (name, shape) = (shortened(&tensor.name, NAME), shape(&tensor.shape));
        table.push([name, shape, a.clone(), b.clone().unwrap_or_default(), sqnr, largest]);
    }
    let only_in_second = comparison.only_in_second.iter().map(|name| format!("only in B: {}\n", shortened(name, NAME)));
    table.to_string() + &only_in_second.collect::<Vec<_>>().concat()
}

/// Returns the ratio and the largest error of values that were compared.
fn of_reals(error: &Measured) -> (String, String) {
    let largest = format!("{:.2e}", error.max_abs_error);
    match (error.sqnr_db, error.non_finite_changed) {
        _ if error.lossless => ("the same".into(), String::new()),
        (sqnr_db, 0) => (decibels(sqnr_db), largest),
        // What is finite in both files may well be the same.
        (sqnr_db, changed) => {
            let ratio = sqnr_db.map_or("differs".into(), |db| decibels(Some(db)));
            let values = if changed == 1 { "value differs" } else { "values differ" };
            (ratio, format!("{largest}, {changed} {values} in being finite"))
        }
    }
}

fn as_json(comparison: &Comparison) -> String {
    let tensor = |tensor: &Compared| {
        let (a, b) = &tensor.element_types;
        serde_json::json!({
            "name": tensor.name,
            "shape": tensor.shape,
            "a": a,
            "b": b,
            "error": tensor.error.as_ref().ok().map(Measured::new),
            "same_bytes": tensor.same_bytes,
            "not_compared": tensor.error.as_ref().err(),
        })
    };
    json(&serde_json::json!({
        "tensors": comparison.tensors.iter().map(tensor).collect::<Vec<_>>(),
        "only_in_b": comparison.only_in_second,
    }))
}
