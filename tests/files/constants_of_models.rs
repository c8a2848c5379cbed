//! Constants of a model become codes however they reach an operator, and stay exact where their exact values decide.
#![cfg(feature = "pipeline")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use tempfile::{TempDir, tempdir};
use tensor_quant::Error;
use tensor_quant::model::tflite::{Constant, ElementType, Model};
use tensor_quant::pipeline::{Options, Outcome, TensorOutcome, quantize_file};
use tensor_quant::recipe::{Glob, Recipe};

fn kind(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/tflite/kinds/{name}.tflite"))
}

fn by(recipe: &Recipe, name: &str) -> Result<(TempDir, Outcome, Model), Error> {
    let folder = tempdir().unwrap();
    let output = folder.path().join("out");
    let outcome = quantize_file(kind(name), &output, recipe, &Options::default(), &mut |_| ())?;
    let model = Model::open(&output).unwrap();
    Ok((folder, outcome, model))
}

fn named(recipe: &str, name: &str) -> (TempDir, Outcome, Model) {
    by(&Recipe::named(recipe).unwrap(), name).unwrap()
}

/// The names and versions of the operators of the first subgraph.
fn operators(model: &Model) -> Vec<(String, i32)> {
    model.operators()[0].iter().map(|operator| (operator.name.clone(), operator.version)).collect()
}

fn constant(model: &Model, name: &str) -> Constant {
    model.constants().into_iter().find(|constant| constant.name == name).unwrap()
}

fn row<'o>(outcome: &'o Outcome, name: &str) -> &'o TensorOutcome {
    outcome.tensors.iter().find(|tensor| tensor.name == name).unwrap()
}

fn scales(constant: &Constant) -> (usize, usize) {
    let quantization = constant.quantization.as_ref().unwrap();
    (quantization.scales.len(), quantization.axis)
}

#[test]
fn rows_of_a_table_are_looked_up_as_codes_and_restored_behind_it() {
    for (recipe, element_type, version) in [
        ("int8-dynamic", ElementType::I8, 2),
        ("int8-weight-only", ElementType::I8, 2),
        ("int4-dynamic", ElementType::I4, 7),
    ] {
        let (_folder, outcome, model) = named(recipe, "gather");
        let restoring = if element_type == ElementType::I4 { 6 } else { 5 };
        assert_eq!(operators(&model), [("GATHER".into(), version), ("DEQUANTIZE".into(), restoring)]);
        let table = constant(&model, "table");
        assert_eq!((table.element_type, scales(&table)), (element_type, (4, 1)));
        // The output is as it was; what is between has the table's scales along its last axis.
        let graph = model.graph();
        let part = &graph.subgraphs[0];
        let [lookup, restored] = &part.operators[..] else { panic!("two operators") };
        assert_eq!((&restored.outputs, &part.values[restored.outputs[0]].name), (&part.outputs, &"y".to_owned()));
        let codes = part.values[lookup.outputs[0]].quantization.clone().unwrap();
        assert_eq!((codes.axis, codes.scales), (2, table.quantization.unwrap().scales));
        let outcome = row(&outcome, "table");
        assert!(outcome.reason.contains("looked up"), "{}", outcome.reason);
    }
}

#[test]
fn tables_that_no_kernel_takes_are_restored_in_front() {
    // Rows of five codes of 4 bits do not begin at a byte: there is no kernel, and where it shall be fast it is 8 bits.
    let (_folder, _, model) = named("int4-weight-only", "gather_odd");
    assert_eq!(operators(&model), [("DEQUANTIZE".into(), 6), ("GATHER".into(), 1)]);
    let (_folder, _, model) = named("int4-dynamic", "gather_odd");
    assert_eq!(operators(&model), [("GATHER".into(), 2), ("DEQUANTIZE".into(), 5)]);
    let (_folder, _, model) = named("int8-dynamic", "hashtable");
    assert_eq!(operators(&model), [("HASHTABLE_LOOKUP".into(), 1), ("DEQUANTIZE".into(), 5)]);
    let mut recipe = Recipe::named("int8-weight-only").unwrap();
    recipe.rules[0].granularity = Some("per tensor".parse().unwrap());
    let (_folder, _, model) = by(&recipe, "gather").unwrap();
    assert_eq!(operators(&model), [("GATHER".into(), 2), ("DEQUANTIZE".into(), 2)]);
}

#[test]
fn sums_of_rows_have_their_table_restored() {
    let (_folder, _, model) = named("int8-weight-only", "embedding_sparse");
    assert_eq!(operators(&model)[0], ("DEQUANTIZE".into(), 5));
    assert_eq!(scales(&constant(&model, "table")), (64, 0));
}

#[test]
fn weights_behind_a_transposition_have_a_scale_for_each_output() {
    let (_folder, outcome, model) = named("int8-weight-only", "transposed");
    assert_eq!(scales(&constant(&model, "w")), (32, 1));
    assert!(row(&outcome, "w").error.as_ref().unwrap().sqnr_db() > 43.0);
    assert!(row(&outcome, "w").reason.starts_with("weights of FULLY_CONNECTED"));
}

#[test]
fn weights_are_followed_into_loops_and_branches() {
    for (name, first) in [("loop", "WHILE"), ("branch", "IF")] {
        for recipe in ["int8-weight-only", "int8-dynamic", "float16"] {
            let (_folder, outcome, model) = named(recipe, name);
            let names: Vec<String> = operators(&model).into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, ["DEQUANTIZE", first], "{recipe}");
            let w = constant(&model, "w");
            if recipe == "float16" {
                assert_eq!(w.element_type, ElementType::F16);
            } else {
                assert_eq!(scales(&w), (32, 0), "{name}: {}", row(&outcome, "w").reason);
            }
        }
    }
}

#[test]
fn bytes_that_two_tensors_share_are_decided_once_and_counted_once() {
    let bytes = |name: &str| std::fs::metadata(kind(name)).unwrap().len();
    for name in ["tied", "tied_shapes"] {
        for recipe in ["float16", "int8-weight-only", "int8-dynamic", "int4-weight-only", "int4-dynamic"] {
            let (_folder, outcome, model) = named(recipe, name);
            let (w, same) = (constant(&model, "w"), constant(&model, "same"));
            assert_eq!((w.buffer, w.element_type), (same.buffer, same.element_type), "{recipe}");
            let total = |of: fn(&TensorOutcome) -> u64| outcome.tensors.iter().map(of).sum::<u64>();
            let saved = total(|row| row.bytes_before) - total(|row| row.bytes_after);
            // The rest of the file grows by what restores the tensors.
            let difference = saved.abs_diff(bytes(name) - outcome.bytes_out);
            assert!(difference < 700, "{name}, {recipe}: {saved} and {} to {}", bytes(name), outcome.bytes_out);
            assert!(row(&outcome, "same").reason.contains("counted there"));
        }
    }
    // FULLY_CONNECTED computes with the codes, and GATHER finds reals.
    let (_folder, _, model) = named("int8-dynamic", "tied");
    let expected = [("DEQUANTIZE".to_owned(), 5), ("FULLY_CONNECTED".into(), 12), ("GATHER".into(), 1)];
    assert_eq!(operators(&model), expected);
}

#[test]
fn a_tensor_that_is_kept_keeps_what_has_the_same_bytes() {
    let mut recipe = Recipe::named("int8-dynamic").unwrap();
    recipe.exclude = vec![Glob::new("same")];
    let error = by(&recipe, "tied").map(|(_, outcome, _)| outcome).unwrap_err();
    let expected = "\"w\": its bytes are those of \"same\": excluded by \"same\"";
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn bytes_that_are_weights_and_an_operand_become_half_floats_once() {
    let (_folder, outcome, model) = named("float16", "tied_operand");
    let (w, same) = (constant(&model, "w"), constant(&model, "same"));
    assert_eq!((w.element_type, same.element_type, w.buffer), (ElementType::F16, ElementType::F16, same.buffer));
    assert!(outcome.bytes_out < outcome.bytes_in * 6 / 10, "{} of {}", outcome.bytes_out, outcome.bytes_in);
    // Codes have channels, which the operand's shape has not.
    let error = by(&Recipe::named("int8-weight-only").unwrap(), "tied_operand").map(|(_, outcome, _)| outcome);
    assert!(error.unwrap_err().to_string().contains("its bytes are those of \"same\""));
}

#[test]
fn operands_whose_exact_values_decide_are_kept_with_the_reason() {
    for (name, operator) in [("equal", "EQUAL"), ("positions", "CAST"), ("phase", "SIN")] {
        for recipe in ["float16", "int8-weight-only"] {
            let error = by(&Recipe::named(recipe).unwrap(), name).map(|(_, outcome, _)| outcome).unwrap_err();
            let reason = error.to_string();
            assert!(reason.contains("kept exact") && reason.contains(operator), "{reason}");
        }
    }
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/data/{name}.tflite"))
}

#[test]
fn integer_kernels_are_given_a_scale_for_each_output_channel_or_none_of_the_codes() {
    let folder = tempdir().unwrap();
    let output = folder.path().join("out.tflite");
    for model in ["mnist_cnn", "mnist_dwcnn"] {
        for granularity in ["per tensor", "per axis 1", "per axis 0"] {
            for to in ["int8-dynamic", "int4-dynamic"] {
                let mut recipe = Recipe::named(to).unwrap();
                recipe.rules.iter_mut().for_each(|rule| rule.granularity = Some(granularity.parse().unwrap()));
                let _ = std::fs::remove_file(&output);
                quantize_file(example(model), &output, &recipe, &Options::default(), &mut |_| ()).unwrap();
                let written = Model::open(&output).unwrap();
                assert_eq!(written.check(), [], "{model} {granularity} {to}");
                for constant in written.constants() {
                    let Some(quantization) = &constant.quantization else { continue };
                    for used in constant.uses.iter().filter(|used| used.name != "DEQUANTIZE") {
                        let channels = if used.name == "DEPTHWISE_CONV_2D" { 3 } else { 0 };
                        let told = (quantization.scales.len(), quantization.axis);
                        assert_eq!(
                            told,
                            (constant.shape[channels], channels),
                            "{model} {granularity} {}",
                            constant.name
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn weights_of_codes_that_kernels_take_wrongly_are_found_beside_activations_of_reals() {
    let folder = tempdir().unwrap();
    let output = folder.path().join("out.tflite");
    let recipe = Recipe::named("int8-dynamic").unwrap();
    quantize_file(example("mnist_cnn"), &output, &recipe, &Options::default(), &mut |_| ()).unwrap();
    let mut model = Model::open(&output).unwrap();
    let dense = model
        .constants()
        .into_iter()
        .find(|constant| {
            constant.quantization.is_some() && constant.uses.iter().any(|used| used.name == "FULLY_CONNECTED")
        })
        .unwrap();
    let mut quantization = model.graph().subgraphs[0].values[dense.id.tensor].quantization.clone().unwrap();
    quantization.axis = 1;
    quantization.scales.resize(dense.shape[1], 0.1);
    quantization.zero_points.resize(dense.shape[1], 0);
    model.set_quantization(dense.id, Some(&quantization)).unwrap();
    let found: Vec<String> = model.check().iter().map(ToString::to_string).collect();
    assert!(found.iter().any(|fault| fault.contains("scales along axis 1, not 0")), "{found:?}");
}
