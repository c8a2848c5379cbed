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
        let entry = |recipe: &Recipe| serde_json::json!({"name": recipe.name, "description": recipe.description});
        return Ok(json(&recipes.iter().map(entry).collect()));
    }
    let widest = recipes.iter().map(|recipe| recipe.name.len()).max().unwrap_or(0);
    let line = |recipe: &Recipe| format!("{:widest$}  {}\n", recipe.name, recipe.description);
    Ok(recipes.iter().map(line).collect())
}
