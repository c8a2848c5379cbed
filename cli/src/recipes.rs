//! `recipes`: what there is.

use crate::argument::json as json_switch;
use crate::failure::Failure;
use crate::output::json;
use clap::{Arg, ArgMatches, Command};
use tensor_quant::recipe::Recipe;

/// Returns what the subcommand takes.
pub(crate) fn command() -> Command {
    Command::new("recipes")
        .about("Lists the ready-made recipes, or shows one")
        .arg(Arg::new("NAME").help("The recipe to show, as TOML to start from"))
        .arg(json_switch())
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<String, Failure> {
    let as_json = arguments.get_flag("json");
    if let Some(name) = arguments.get_one::<String>("NAME") {
        return Ok(if as_json { Recipe::named(name)?.to_json() } else { Recipe::text_of(name)?.into() });
    }
    let recipes = Recipe::ready_made();
    if as_json {
        let entry = |recipe: &Recipe| serde_json::json!({"name": recipe.name, "description": recipe.description, "speed": recipe.speed});
        return Ok(json(&recipes.iter().map(entry).collect()));
    }
    let of = |recipe: &Recipe| {
        let speed = if recipe.speed.is_empty() { "not measured" } else { &recipe.speed };
        [recipe.name.clone(), speed.into(), recipe.description.clone()]
    };
    let heading = ["recipe", "speed", "what becomes of a file"].map(String::from);
    let rows: Vec<[String; 3]> = std::iter::once(heading).chain(recipes.iter().map(of)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (name, speed) = (width(0), width(1));
    let lines: Vec<String> =
        rows.iter().map(|row| format!("{:name$}  {:speed$}  {}", row[0], row[1], row[2])).collect();
    Ok(lines.join("\n") + "\n")
}
