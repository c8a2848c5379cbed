//! `inspect`: what a model holds.

use crate::argument::{file, json as json_switch};
use crate::failure::Failure;
use crate::job::refuse_a_pipe;
use crate::output::{json, style, width};
use clap::{ArgMatches, Command};
use std::path::PathBuf;
use tensor_quant::pipeline::{Inspected, Inspection, inspect_file};
use tensor_quant::report::{Alignment, Table, bytes, real, shape, shortened};

/// The longest name that is shown in full.
const NAME: usize = 52;

/// Returns what the subcommand takes.
pub(crate) fn command() -> Command {
    Command::new("inspect")
        .about("Shows what a model holds: operators, tensors, ranges, quantization")
        .arg(file("FILE", "The model, or several").num_args(1..))
        .arg(json_switch())
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<String, Failure> {
    let paths: Vec<&PathBuf> = arguments.get_many("FILE").into_iter().flatten().collect();
    let mut inspections = Vec::new();
    for path in paths {
        refuse_a_pipe(path)?;
        inspections.push(inspect_file(path).map_err(|error| Failure::from(error).of(path))?);
    }
    Ok(match (arguments.get_flag("json"), &inspections[..]) {
        (true, [inspection]) => json(&as_json(inspection)),
        (true, several) => json(&several.iter().map(as_json).collect()),
        (false, several) => several.iter().map(as_table).collect::<Vec<_>>().join("\n"),
    })
}

fn as_table(inspection: &Inspection) -> String {
    let values = inspection.tensors.iter().map(|tensor| tensor.values).fold(0, u64::saturating_add);
    let heading = format!(
        "{}: {}, {}, {} tensors of {} values",
        inspection.path.display(),
        inspection.format,
        bytes(inspection.size_in_bytes),
        inspection.tensors.len(),
        values
    );
    let mut graphs = String::new();
    if !inspection.operators.is_empty() {
        let mut operators: Vec<(&String, &usize)> = inspection.operators.iter().collect();
        operators.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), *name));
        let operators: Vec<String> = operators.iter().map(|(name, count)| format!("{count} {name}")).collect();
        let plural = if inspection.subgraphs == 1 { "" } else { "s" };
        graphs = format!("\n{} subgraph{plural}: {}", inspection.subgraphs, operators.join(", "));
    }
    let (left, right) = (Alignment::Left, Alignment::Right);
    let columns = [
        ("tensor", left),
        ("type", left),
        ("shape", right),
        ("bytes", right),
        ("smallest", right),
        ("largest", right),
        ("used by", left),
        ("quantization", left),
    ];
    let mut table = Table::new(&columns, style()).within(width());
    for tensor in &inspection.tensors {
        let number = |x: Option<f32>| x.map_or(String::new(), |x| real(f64::from(x)));
        table.push([
            shortened(&tensor.name, NAME),
            tensor.element_type.clone(),
            shape(&tensor.shape),
            bytes(tensor.size_in_bytes),
            number(tensor.range.map(|(min, _)| min)),
            number(tensor.range.map(|(_, max)| max)),
            tensor.operators.join(", "),
            tensor.quantization.clone().unwrap_or_default(),
        ]);
    }
    format!("{heading}{graphs}\n\n{table}")
}

fn as_json(inspection: &Inspection) -> serde_json::Value {
    let tensor = |tensor: &Inspected| {
        serde_json::json!({
            "name": tensor.name,
            "type": tensor.element_type,
            "shape": tensor.shape,
            "values": tensor.values,
            "bytes": tensor.size_in_bytes,
            "min": tensor.range.map(|(min, _)| min),
            "max": tensor.range.map(|(_, max)| max),
            "operators": tensor.operators,
            "quantization": tensor.quantization,
        })
    };
    serde_json::json!({
        "path": inspection.path.display().to_string(),
        "format": inspection.format.to_string(),
        "bytes": inspection.size_in_bytes,
        "subgraphs": inspection.subgraphs,
        "operators": inspection.operators,
        "tensors": inspection.tensors.iter().map(tensor).collect::<Vec<_>>(),
    })
}
