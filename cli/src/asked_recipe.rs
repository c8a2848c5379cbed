//! The recipe that the command line asks for, with what it changes in it.

use crate::failure::Failure;
use clap::{Arg, ArgAction, ArgMatches, ValueHint, value_parser};
use std::path::Path;
use tensor_quant::recipe::integer::EdgeType;
use tensor_quant::recipe::{Codes, Glob, Recipe, TargetForm, ValueRule, Warning};

/// Options that take a part of a scheme, and what to say of each.
const PARTS: [(&str, &str); 4] = [
    ("estimator", "How ranges are found: min-max, mse, octav, \"percentile 99.9\", entropy, \"mean-std 3\" …"),
    ("calculator", "How scale and zero point are computed: max-abs, symmetric, affine, power-of-two …"),
    ("rounding", "How quotients are rounded: ties-even, half-away, ceil, floor, toward-zero, \"stochastic 42\""),
    ("granularity", "Which elements share a scale: \"per tensor\", \"per axis 0\", \"per block of 32 along axis 1\" …"),
];

/// Returns the arguments that say which recipe.
pub(crate) fn arguments() -> Vec<Arg> {
    let recipe = Arg::new("recipe")
        .long("recipe")
        .short('r')
        .value_name("NAME|FILE")
        .value_hint(ValueHint::AnyPath)
        .help("A ready-made recipe, or a .toml or .json file with one");
    let to = Arg::new("to").long("to").value_name("SCHEME").help(
        "What weights become, whatever the recipe says, as in \"int8\" or \"uint8 per tensor, ceil\"; without a recipe, all weights",
    );
    let exclude = Arg::new("exclude")
        .long("exclude")
        .value_name("PATTERN")
        .action(ArgAction::Append)
        .help("Leave tensors of such names alone: * is any run of characters, ? any one");
    let least = Arg::new("min-elements")
        .long("min-elements")
        .value_name("COUNT")
        .value_parser(value_parser!(usize))
        .help("Leave tensors of fewer elements alone, even where the recipe would not");
    let parts = PARTS.map(|(name, help)| Arg::new(name).long(name).value_name("WHICH").help(help));
    let codes = Arg::new("codes")
        .long("codes")
        .value_name("WHICH")
        .value_parser(["narrow", "full"])
        .help("Use as many codes on each side of zero, or all where operators do not compute with them");
    let edge =
        |name: &'static str| Arg::new(name).long(name).value_name("TYPE").value_parser(["float", "integer", "uint8"]);
    let of_activations =
        [
            edge("inputs").help("How a model in integers is given its inputs, whatever the recipe says"),
            edge("outputs").help("How it gives its outputs"),
            Arg::new("keep-float").long("keep-float").value_name("COUNT").value_parser(value_parser!(usize)).help(
                "Leave so many operators of a model in integers in floating point, those by which outputs gain most",
            ),
            Arg::new("budget").long("budget").value_name("SHARE").value_parser(share).allow_negative_numbers(true).help(
                "How much longer their file may get for it, as a share of the one all in integers [default: 0.01]; alone, as many operators as gain",
            ),
        ];
    [recipe, to, exclude, least].into_iter().chain(parts).chain([codes]).chain(of_activations).collect()
}

/// Returns the recipe that was asked for, or that of weights of a scheme, with what the command line changes in it.
pub(crate) fn of(arguments: &ArgMatches) -> Result<Recipe, Failure> {
    let Some(asked) = arguments.get_one::<String>("recipe").map(String::as_str) else {
        let Some(to) = arguments.get_one::<String>("to") else {
            let reason =
                "--recipe, a name or a file, or --to, a scheme, is missing: recipes lists the names that there are";
            return Err(Failure::usage_text(reason));
        };
        return changed(Recipe::of_weights(to)?, arguments);
    };
    let path = Path::new(asked);
    let is_file = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml") || e.eq_ignore_ascii_case("json"));
    let recipe = match Recipe::named(asked) {
        _ if is_file => Recipe::from_file(path)?,
        Err(_) if path.is_file() => {
            return Err(Failure::usage_text(&format!(
                "the name of the recipe file {asked} must end in .toml or .json"
            )));
        }
        ready_made => ready_made?,
    };
    changed(recipe, arguments)
}

/// Returns what the command line changes in the recipe, as it stands there.
pub(crate) fn overrides(arguments: &ArgMatches) -> Vec<String> {
    let said = |name: &str| arguments.get_one::<String>(name).map(|text| format!("--{name} {text:?}"));
    let excluded = arguments.get_many::<String>("exclude").into_iter().flatten();
    let least = arguments.get_one::<usize>("min-elements").map(|least| format!("--min-elements {least}"));
    let to = arguments.get_one::<String>("recipe").and_then(|_| said("to"));
    let parts = PARTS.iter().filter_map(|(name, _)| said(name));
    let all = to.into_iter().chain(excluded.map(|pattern| format!("--exclude {pattern:?}"))).chain(least);
    let kept = arguments.get_one::<usize>("keep-float").map(|count| format!("--keep-float {count}"));
    let edges = ["inputs", "outputs"].map(said).into_iter().flatten();
    let budget = arguments.get_one::<f64>("budget").map(|share| format!("--budget {share}"));
    all.chain(parts).chain(said("codes")).chain(edges).chain(kept).chain(budget).collect()
}

/// Returns what is said on the command line and changes nothing of the recipe that came of it.
pub(crate) fn without_effect(arguments: &ArgMatches, recipe: &Recipe) -> Option<Warning> {
    let least = *arguments.get_one::<usize>("min-elements")?;
    let thresholds = recipe.rules.iter().filter(|rule| rule.to != TargetForm::Keep).map(|rule| rule.min_elements);
    let lowest = thresholds.min().unwrap_or(usize::MAX);
    (lowest > least).then(|| {
        let message = match lowest {
            usize::MAX => {
                format!("--min-elements {least} has no effect: the recipe has no rule by which tensors become codes")
            }
            _ => format!(
                "--min-elements {least} has no effect: the recipe leaves tensors of fewer than {lowest} elements alone"
            ),
        };
        Warning::new(message, "it raises thresholds, and a recipe of your own can lower them")
    })
}

fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|x: &f64| x.is_finite() && *x >= 0.0).ok_or_else(|| format!("{text:?} is no share"))
}

/// Returns a recipe with what the command line changes in it.
fn changed(mut recipe: Recipe, arguments: &ArgMatches) -> Result<Recipe, Failure> {
    for pattern in arguments.get_many::<String>("exclude").into_iter().flatten() {
        recipe.exclude.push(Glob::new(pattern));
    }
    if let Some(activations) = &mut recipe.activations {
        let of_weights = ["to", "calculator", "rounding", "granularity", "codes"];
        if let Some(name) = of_weights.iter().find(|name| arguments.contains_id(name)) {
            return Err(Failure::usage_text(&format!(
                "--{name} says how weights are stored, and {} decides that for a model in integers as kernels want it",
                recipe.name
            )));
        }
        if let Some(text) = arguments.get_one::<String>("estimator") {
            activations.values.insert(0, ValueRule { names: vec![Glob::new("*")], estimator: text.parse()? });
        }
        let edge = |name: &str| {
            Some(match arguments.get_one::<String>(name)?.as_str() {
                "integer" => EdgeType::Integer,
                "uint8" => EdgeType::Uint8,
                _ => EdgeType::Float,
            })
        };
        activations.inputs = edge("inputs").unwrap_or(activations.inputs);
        activations.outputs = edge("outputs").unwrap_or(activations.outputs);
        if let Some(&count) = arguments.get_one::<usize>("keep-float") {
            activations.float_operators = count;
        }
        if let Some(&budget) = arguments.get_one::<f64>("budget") {
            activations.growth = budget;
            if activations.float_operators == 0 && !arguments.contains_id("keep-float") {
                activations.float_operators = usize::MAX;
            }
        }
    } else if let Some(name) =
        ["inputs", "outputs", "keep-float", "budget"].iter().find(|name| arguments.contains_id(name))
    {
        return Err(Failure::usage_text(&format!("--{name} is for recipes that make codes of activations, as int8")));
    }
    let read = |name: &str| arguments.get_one::<String>(name).map(String::as_str);
    for rule in &mut recipe.rules {
        if let Some(&least) = arguments.get_one::<usize>("min-elements") {
            rule.min_elements = rule.min_elements.max(least);
        }
        if let Some(text) = read("to")
            && rule.to != TargetForm::Keep
        {
            rule.to = text.parse()?;
        }
        if let Some(text) = read("estimator") {
            rule.estimator = Some(text.parse()?);
        }
        if let Some(text) = read("calculator") {
            rule.calculator = Some(text.parse()?);
        }
        if let Some(text) = read("rounding") {
            rule.rounding = Some(text.parse()?);
        }
        if let Some(text) = read("granularity") {
            rule.granularity = Some(text.parse()?);
        }
        match read("codes") {
            Some("full") => rule.codes = Some(Codes::Full),
            Some(_) => rule.codes = Some(Codes::Narrow),
            None => {}
        }
    }
    Ok(recipe)
}
