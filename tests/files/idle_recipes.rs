//! What of a recipe comes to nothing is said, with the name that may have been meant.
#![cfg(feature = "pipeline")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use tempfile::tempdir;
use tensor_quant::pipeline::{Options, quantize_file};
use tensor_quant::recipe::{Glob, Recipe, RecipeError};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data").join(name)
}

/// What is said of a recipe for a file.
fn said_of(recipe: &Recipe, input: &str) -> Vec<String> {
    let folder = tempdir().unwrap();
    let outcome = quantize_file(sample(input), folder.path().join("out"), recipe, &Options::default(), &mut |_| ());
    outcome.unwrap().warnings.iter().map(ToString::to_string).collect()
}

/// What is said of the rules of a recipe.
fn said(rules: &str, input: &str) -> Vec<String> {
    said_of(&Recipe::from_toml(&format!("name = \"mine\"\n{rules}")).unwrap(), input)
}

const REST: &str = "\n[[rule]]\nmin-elements = 1024\nto = \"int8\"\n";

#[test]
fn a_ready_made_recipe_need_not_find_everything() {
    // Those that make codes of activations need samples.
    for recipe in Recipe::ready_made().into_iter().filter(|recipe| recipe.activations.is_none()) {
        assert_eq!(said_of(&recipe, "mnist_cnn.tflite"), [""; 0], "{}", recipe.name);
    }
    let dynamic = "the rule: compute has no effect: the file holds tensors alone, and what runs them decides";
    assert_eq!(said_of(&Recipe::named("int8-dynamic").unwrap(), "digits_mlp.safetensors"), [dynamic]);
}

#[test]
fn a_misspelt_exclusion_is_said() {
    let mut recipe = Recipe::named("int8-weight-only").unwrap();
    recipe.exclude =
        vec![Glob::new("*dnese_1/MatMul"), Glob::new("*conv2d_1/*"), Glob::new("*DENSE*"), Glob::new("head")];
    assert_eq!(
        said_of(&recipe, "mnist_cnn.tflite"),
        [
            "the exclusion \"*dnese_1/MatMul\" matches no tensor; did you mean \"functional_1/dense_1/MatMul\"?",
            "the exclusion \"*DENSE*\" matches no tensor; did you mean \"functional_1/dense_1/MatMul\"?",
            "the exclusion \"head\" matches no tensor",
        ]
    );
}

#[test]
fn names_operators_and_types_that_match_nothing_are_said() {
    let first = |rule: &str, input| said(&format!("[[rule]]\n{rule}\nto = \"int8\"\n{REST}"), input).remove(0);
    let of_mnist = |rule: &str| first(rule, "mnist_cnn.tflite");
    assert_eq!(
        of_mnist("names = [\"*/conv2d_3/*\", \"*conv2d_2*\"]"),
        "rule 1: the name \"*/conv2d_3/*\" matches no tensor; did you mean \"functional_1/conv2d_1/convolution\"?"
    );
    assert_eq!(
        of_mnist("operators = [\"CONV2D\"]"),
        "rule 1: no CONV2D uses any of the file's tensors; did you mean CONV_2D?"
    );
    assert_eq!(of_mnist("element-types = [\"bf16\"]"), "rule 1: no tensor is of type bf16; there are f32, i32");
    let expected = "rule 1 matches no tensor: \"functional_1/dense_1_2/MatMul\" has 640 elements, above the 100 of the weight-only rule";
    assert_eq!(of_mnist("operators = [\"FULLY_CONNECTED\"]\nmax-elements = 100"), expected);
    let no_operators = "rule 1: the file has no operators, so no CONV_2D";
    assert_eq!(first("operators = [\"CONV_2D\"]", "digits_mlp.safetensors"), no_operators);
}

#[test]
fn a_rule_that_cannot_be_reached_is_said() {
    let narrow = "[[rule]]\nnames = [\"*dense*\"]\nmin-elements = 2048\nto = \"int4\"";
    assert_eq!(
        said(&format!("{REST}{narrow}"), "mnist_cnn.tflite"),
        ["rule 2 cannot be reached: rule 1 takes all that it would match; put the narrower rule first"]
    );
    assert_eq!(said(&format!("{narrow}{REST}"), "mnist_cnn.tflite"), [""; 0]);
    // Not in every file, but in this one.
    let other = "[[rule]]\noperators = [\"CONV_2D\", \"FULLY_CONNECTED\"]\nto = \"int8\"\n";
    let all = "[[rule]]\nto = \"int4\"";
    assert_eq!(said(&format!("{other}{all}"), "mnist_cnn.tflite"), ["rule 2 decides on nothing: rule 1 comes first"]);
}

#[test]
fn settings_without_effect_are_said() {
    let of = |rule: &str, input| said(&format!("[[rule]]\n{rule}\nmin-elements = 100"), input);
    let cast = "has no effect: a cast to f16 has no scale";
    assert_eq!(
        of("to = \"float16\"\ncompute = \"dynamic-range\"\nestimator = \"mse\"", "mnist_cnn.tflite"),
        [format!("the rule: compute {cast}"), format!("the rule: estimator {cast}")]
    );
    let axis = "the rule: axis has no effect: the operators know where their output channels are";
    assert_eq!(of("to = \"int8\"\naxis = 7", "mnist_cnn.tflite"), [axis]);
    assert_eq!(
        of("to = \"uint8 per tensor\"\naxis = 1\ncodes = \"full\"", "digits_mlp.safetensors"),
        [
            "the rule: codes has no effect: all codes of u8 are used",
            "the rule: axis has no effect: the scales are per tensor"
        ]
    );
    let without_samples = "improve has no effect in 1 of 1 rules: there are no samples; \
                           give samples of the model's inputs, and weights are chosen by them";
    for (effort, expected) in [("full", vec![without_samples]), ("bias", vec![without_samples]), ("none", vec![])] {
        assert_eq!(of(&format!("to = \"int8\"\nimprove = \"{effort}\""), "mnist_cnn.tflite"), expected);
    }
    let kept = "[[rule]]\nnames = [\"*dense_1_2*\"]\nto = \"keep\"\nestimator = \"mse\"";
    let kept = said(&format!("{kept}{REST}"), "mnist_cnn.tflite");
    assert_eq!(kept, ["rule 1: estimator has no effect: its tensors are kept"]);
}

#[test]
fn a_recipe_that_comes_to_nothing_says_what_may_have_been_meant() {
    let recipe = Recipe::from_toml("name = \"mine\"\n[[rule]]\noperators = [\"CONV2D\"]\nto = \"int8\"").unwrap();
    let folder = tempdir().unwrap();
    let input = sample("mnist_cnn.tflite");
    let error = quantize_file(input, folder.path().join("out"), &recipe, &Options::default(), &mut |_| ()).unwrap_err();
    assert!(
        matches!(error.floor(), Some(RecipeError::NothingToQuantize { .. }))
            && error.to_string().contains("did you mean CONV_2D?"),
        "{error}"
    );
    // An axis that a matrix has not.
    let recipe = Recipe::from_toml("name = \"mine\"\n[[rule]]\nto = \"int8\"\naxis = 7").unwrap();
    let input = sample("digits_mlp.safetensors");
    let error = quantize_file(input, folder.path().join("out"), &recipe, &Options::default(), &mut |_| ()).unwrap_err();
    assert!(error.to_string().contains("2 dimensions, so no axis 7 of channels"), "{error}");
}
