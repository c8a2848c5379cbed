//! `expose`: a model in which every value is an output, for whatever runs it.

use crate::argument::{file, json as json_switch, switch};
use crate::failure::Failure;
use crate::output::json;
use crate::target;
use clap::{ArgMatches, Command};
use std::path::PathBuf;
use tensor_quant::model::tflite::Model;
use tensor_quant::report::shortened;

/// Returns what the subcommand takes.
pub(crate) fn command() -> Command {
    Command::new("expose")
        .about("Writes a .tflite model with every activation as an output: what it gives on any device, calibrate --values reads")
        .arg(file("IN", "The model to read"))
        .arg(file("OUT", "The model to write; must not exist, and is never the input"))
        .arg(switch("force", "Replace an output that exists"))
        .arg(json_switch())
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<String, Failure> {
    let path = |name| arguments.get_one::<PathBuf>(name).cloned().unwrap_or_default();
    let (input, output) = (path("IN"), path("OUT"));
    target::check(&output, &[&input], arguments.get_flag("force"))?;
    let mut model = Model::open(&input)?;
    let exposed = model.expose()?;
    model.save(&output)?;
    if arguments.get_flag("json") {
        let value = |(id, name): &(tensor_quant::graph::ValueId, String)| serde_json::json!({ "name": name, "subgraph": id.subgraph, "tensor": id.value });
        return Ok(json(&serde_json::json!({ "outputs": exposed.iter().map(value).collect::<Vec<_>>() })));
    }
    // Names are from the file, and may hold what a terminal obeys.
    let names: Vec<String> = exposed.iter().map(|(_, name)| shortened(name, usize::MAX)).collect();
    Ok(format!("{}\n{} values became outputs of {}\n", names.join("\n"), exposed.len(), output.display()))
}
