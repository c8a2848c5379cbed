//! A recipe: what is asked for, before any file is looked at.

use super::activations::Activations;
use super::error::RecipeError;
use super::glob::Glob;
use super::nearest::nearest;
use super::rule::{FLOATS, Rule, TargetForm};
use crate::error::{Error, Result, one_line};
use crate::input;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::Path;

/// The longest recipe file that is read.
const LONGEST: u64 = 1 << 20;

/// What is to be done to the tensors of any file: rules, of which the first that matches decides.
///
/// Recipes are written in TOML or JSON, with the fields of [`Rule`] in kebab-case:
///
/// ```
/// use tensor_quant::num::CodeType;
/// use tensor_quant::recipe::{Recipe, TargetForm};
///
/// let recipe = Recipe::from_toml(r#"
///     name = "careful"
///     description = "int8, but for the head"
///     exclude = ["*head*"]
///
///     [[rule]]
///     operators = ["CONV_2D", "FULLY_CONNECTED"]
///     min-elements = 4096
///     to = "int8"
/// "#)?;
/// assert_eq!(recipe.rules[0].to, TargetForm::codes(CodeType::I8));
/// # Ok::<(), tensor_quant::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Recipe {
    /// What it is called.
    pub name: String,
    /// What it is good for, in a line.
    #[serde(default)]
    pub description: String,
    /// Where a model that it made is fast, and where not, in a few words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub speed: String,
    /// Names of tensors that no rule may touch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Glob>,
    /// How activations become codes, if they do: then operators compute in integers, and the rules are for what is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activations: Option<Activations>,
    /// The rules, in order.
    #[serde(rename = "rule", default)]
    pub rules: Vec<Rule>,
}

/// The recipes that need no file.
const READY_MADE: [&str; 8] = [
    include_str!("ready_made/float16.toml"),
    include_str!("ready_made/int8-weight-only.toml"),
    include_str!("ready_made/int8-dynamic.toml"),
    include_str!("ready_made/int4-weight-only.toml"),
    include_str!("ready_made/int4-dynamic.toml"),
    include_str!("ready_made/ternary-weight-only.toml"),
    include_str!("ready_made/int8.toml"),
    include_str!("ready_made/int16x8.toml"),
];

impl Recipe {
    /// Returns the ready-made recipes: `float16`, `int8-weight-only`, `int8-dynamic`, `int4-weight-only`, `int4-dynamic`,
    /// `ternary-weight-only`, `int8`, `int16x8`.
    ///
    /// # Panics
    ///
    /// Never: that they can be read is tested.
    pub fn ready_made() -> Vec<Self> {
        READY_MADE.iter().filter_map(|text| Self::from_toml(text).ok()).collect()
    }

    /// Returns the ready-made recipe of that name.
    ///
    /// # Errors
    ///
    /// [`RecipeError::Unusable`] names those that there are.
    pub fn named(name: &str) -> Result<Self> {
        let mut recipes = Self::ready_made();
        if let Some(at) = recipes.iter().position(|recipe| recipe.name == name) {
            return Ok(recipes.swap_remove(at));
        }
        let names: Vec<&str> = recipes.iter().map(|recipe| recipe.name.as_str()).collect();
        let (known, none) = (names.join(", "), format!("there is none called {name:?}"));
        let reason = match nearest(name, &names) {
            Some(nearest) => format!("{none}: did you mean {nearest:?}? Those that need no file are {known}"),
            None => format!("{none}; those that need no file are {known}"),
        };
        Err(RecipeError::Unusable { reason }.into())
    }

    /// Returns a recipe that makes all weights codes of a scheme, given as its text, as in `uint8 per tensor, ceil`.
    ///
    /// # Errors
    ///
    /// Those of the text form of [`TargetForm`](super::TargetForm).
    pub fn of_weights(scheme: &str) -> Result<Self> {
        let rule = Rule::new(scheme.parse()?);
        let (name, description) = (scheme.trim().to_owned(), format!("weights become {}", rule.to));
        let (speed, exclude) = (String::new(), Vec::new());
        Ok(Self { name, description, speed, exclude, activations: None, rules: vec![rule] })
    }

    /// Reads a recipe from a file: JSON if its name ends so, TOML otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`RecipeError::Unusable`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let io = |source| Error::Io { action: "read", path: path.into(), source };
        let mut text = String::new();
        let file = input::open(path)?;
        let len = file.metadata().map_err(io)?.len();
        file.take(LONGEST + 1).read_to_string(&mut text).map_err(io)?;
        if text.len() as u64 > LONGEST {
            return Err(RecipeError::Unusable {
                reason: format!("{} has {len} bytes: too long for a recipe", path.display()),
            }
            .into());
        }
        let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let recipe = if is_json { Self::from_json(&text) } else { Self::from_toml(&text) };
        recipe.map_err(|error| match error.floor() {
            Some(RecipeError::Unusable { reason }) => {
                RecipeError::Unusable { reason: format!("{}: {reason}", path.display()) }.into()
            }
            _ => error,
        })
    }

    /// Reads a recipe from TOML.
    ///
    /// # Errors
    ///
    /// [`RecipeError::Unusable`] says where, and what was expected.
    pub fn from_toml(text: &str) -> Result<Self> {
        let parsed: Result<Self, toml::de::Error> = toml::from_str(text);
        let recipe = parsed.map_err(|error| {
            let breaks = |end| text.bytes().take(end).filter(|&byte| byte == b'\n').count();
            let line = error.span().map_or(0, |span| breaks(span.start).saturating_add(1));
            RecipeError::Unusable { reason: format!("line {line}: {}", one_line(&error.message())) }
        })?;
        recipe.checked()
    }

    /// Reads a recipe from JSON.
    ///
    /// # Errors
    ///
    /// [`RecipeError::Unusable`] says where, and what was expected.
    pub fn from_json(text: &str) -> Result<Self> {
        let parsed: Result<Self, serde_json::Error> = serde_json::from_str(text);
        parsed.map_err(|error| RecipeError::Unusable { reason: one_line(&error) })?.checked()
    }

    /// Returns the text of the ready-made recipe of that name, comments included: something to start from.
    ///
    /// # Errors
    ///
    /// [`RecipeError::Unusable`] names those that there are.
    pub fn text_of(name: &str) -> Result<&'static str> {
        let recipe = Self::named(name)?;
        let found = READY_MADE.iter().find(|text| Self::from_toml(text).is_ok_and(|other| other == recipe));
        Ok(found.copied().unwrap_or_default())
    }

    /// Returns the recipe as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).map_or_else(|e| e.to_string(), |text| text + "\n")
    }

    /// Returns the recipe, unless it could never do what it seems to ask for.
    fn checked(self) -> Result<Self> {
        if self.rules.is_empty() && self.activations.is_none() {
            return Err(RecipeError::Unusable { reason: format!("the recipe {:?} has no rule", self.name) }.into());
        }
        for (i, rule) in self.rules.iter().enumerate() {
            let unknown = rule.element_types.iter().find(|name| !FLOATS.contains(&name.as_str()));
            let reason = match (unknown, rule.max_elements) {
                (Some(name), _) => format!("element type {name:?} is none of {}", FLOATS.join(", ")),
                (None, Some(most)) if most < rule.min_elements => {
                    format!("max-elements {most} is below min-elements {}", rule.min_elements)
                }
                _ if rule.rate.is_some_and(|rate| !(rate >= 0.0 && rate.is_finite())) => {
                    format!("rate {} is no number from 0 on", rule.rate.unwrap_or_default())
                }
                _ if rule.sparsity.is_some_and(|share| !(0.0..1.0).contains(&share)) => {
                    format!("sparsity {} is no share from 0 up to 1", rule.sparsity.unwrap_or_default())
                }
                _ if rule.sparsity.is_some() && !matches!(rule.to, TargetForm::Scheme(_)) => {
                    format!("sparsity is of codes, and there are none to be had of {}", rule.to)
                }
                _ => continue,
            };
            return Err(RecipeError::Unusable { reason: format!("rule {}: {reason}", i + 1) }.into());
        }
        Ok(self)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn every_ready_made_recipe_can_be_read_and_written() {
        assert_eq!(Recipe::ready_made().len(), READY_MADE.len());
        for recipe in Recipe::ready_made() {
            assert!(!recipe.description.is_empty() && !recipe.description.contains('\n'));
            assert!(!recipe.speed.contains('\n') && (!recipe.speed.is_empty() || recipe.activations.is_some()));
            assert_eq!(Recipe::named(&recipe.name).unwrap(), recipe);
            assert_eq!(Recipe::from_json(&serde_json::to_string(&recipe).unwrap()).unwrap(), recipe);
        }
    }

    #[test]
    fn what_is_wrong_with_a_recipe_is_said_in_a_line() {
        let error = |text| Recipe::from_toml(text).unwrap_err().to_string().replace("not a usable recipe: ", "");
        assert_eq!(error("name = \"a\"\nrule = []"), "the recipe \"a\" has no rule");
        let unknown = error("name = \"a\"\n[[rule]]\nto = \"int9\"");
        assert!(unknown.starts_with("line 3: \"int9\" is no code type"), "{unknown}");
        assert!(unknown.contains("q4_k") && !unknown.contains("iq2_xs"), "{unknown}");
        assert!(error("name = \"a\"\n[[rule]]\nto = \"int8\"\nmin_elements = 3").contains("min_elements"));
        assert!(Recipe::named("int7").unwrap_err().to_string().contains("int8-dynamic"));
        assert!(Recipe::from_json("{").is_err());
        assert!(!Recipe::from_json(r#"{"name": "a", "li\nne": 1}"#).unwrap_err().to_string().contains('\n'));
        let never =
            error("name = \"a\"\n[[rule]]\nto = \"int8\"\n[[rule]]\nelement-types = [\"float32\"]\nto = \"keep\"");
        assert_eq!(never, "rule 2: element type \"float32\" is none of f32, f64, f16, bf16");
        let never = error("name = \"a\"\n[[rule]]\nmin-elements = 9\nmax-elements = 8\nto = \"int8\"");
        assert_eq!(never, "rule 1: max-elements 8 is below min-elements 9");
    }
}
