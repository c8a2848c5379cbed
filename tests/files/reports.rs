//! Reports say of what they are, in a form that is written down, and stay small for models of any size.
#![cfg(feature = "pipeline")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};
use tempfile::{TempDir, tempdir};
use tensor_quant::pipeline::{Histograms, Options, Outcome, Warning, dry_run, quantize_file};
use tensor_quant::recipe::Recipe;
use tensor_quant::report::{Report, SCHEMA, Section, Style};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn quantized(input: &Path, recipe: &str) -> (TempDir, Outcome) {
    let folder = tempdir().unwrap();
    let options = Options { histograms: Histograms::OfChanged, ..Options::default() };
    let recipe = Recipe::named(recipe).unwrap();
    let outcome = quantize_file(input, folder.path().join("out"), &recipe, &options, &mut |_| ()).unwrap();
    (folder, outcome)
}

/// Returns what of a value is not as a schema has it: of JSON Schema what `report.schema.json` uses.
fn violations(value: &Value, schema: &Value, root: &Value, at: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.strip_prefix("#/$defs/").unwrap();
        return violations(value, &root["$defs"][name], root, at);
    }
    for key in schema.as_object().unwrap().keys() {
        let known = [
            "type",
            "description",
            "properties",
            "required",
            "additionalProperties",
            "items",
            "enum",
            "const",
            "minimum",
            "maximum",
            "$schema",
            "title",
            "$defs",
        ];
        assert!(known.contains(&key.as_str()), "this checks no {key}");
    }
    let mut wrong = Vec::new();
    let is_of_type = match schema["type"].as_str().unwrap() {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type {other}"),
    };
    if !is_of_type {
        wrong.push(format!("{at} is {value}, no {}", schema["type"]));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        wrong.push(format!("{at} is {value}, none of {allowed:?}"));
    }
    if !schema["const"].is_null() && schema["const"] != *value {
        wrong.push(format!("{at} is {value}, not {}", schema["const"]));
    }
    let beyond = |limit: &str, is: fn(f64, f64) -> bool| {
        schema[limit].as_f64().zip(value.as_f64()).is_some_and(|(limit, value)| is(value, limit))
    };
    if beyond("minimum", |value, limit| value < limit) || beyond("maximum", |value, limit| value > limit) {
        wrong.push(format!("{at} is {value}, out of bounds"));
    }
    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
        wrong.extend(violations(item, &schema["items"], root, &format!("{at}[{i}]")));
    }
    if let Some(fields) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten() {
            if !fields.contains_key(name.as_str().unwrap()) {
                wrong.push(format!("{at} lacks {name}"));
            }
        }
        for (name, field) in fields {
            match &schema["properties"][name] {
                Value::Null if schema["additionalProperties"] == false => {
                    wrong.push(format!("{at} has a field {name}"));
                }
                Value::Null => {}
                of_field => wrong.extend(violations(field, of_field, root, &format!("{at}.{name}"))),
            }
        }
    }
    wrong
}

#[test]
fn json_is_as_the_schema_has_it() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let check = |report: &Report| {
        let value: Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(violations(&value, &schema, &schema, "report"), [""; 0]);
        value
    };
    let all = &["float16", "int8-dynamic", "int4-weight-only"][..];
    for (input, recipes) in [
        ("examples/data/mnist_cnn.tflite", all),
        ("examples/data/digits_mlp.safetensors", all),
        ("tests/tflite/awkward.tflite", all),
        // It has a tensor that is restored, and nothing for the other recipes.
        ("tests/tflite/odd.tflite", &["int8-dynamic"]),
    ] {
        for recipe in recipes {
            let (_folder, mut outcome) = quantized(&sample(input), recipe);
            outcome.tensors[0].warnings.push(Warning::new("look here", "and do that"));
            let section = Section {
                title: "Outputs".into(),
                note: String::new(),
                columns: vec!["output".into(), "SQNR".into()],
                rows: vec![vec!["y".into(), "30 dB".into()]],
            };
            let report = Report::new(&outcome).with_overrides(vec!["--estimator \"mse\"".into()]).with_section(section);
            let report = report.with_hashes(&outcome.input, Some(&outcome.output)).unwrap();
            let value = check(&report);
            assert!(value["tensors"].as_array().unwrap().iter().any(|row| row["channels"]["profile"].is_object()));
            assert!(report.to_html().contains("<td>30 dB") && report.to_table(Style::Plain, None).contains("30 dB"));
        }
    }
    // And a field of another type is seen.
    let (_folder, outcome) = quantized(&sample("examples/data/mnist_cnn.tflite"), "int8-dynamic");
    let mut value = check(&Report::new(&outcome));
    value["tensors"][0]["shape"] = json!("64");
    value["seconds"] = Value::Null;
    value["more"] = json!(1);
    let wrong = violations(&value, &schema, &schema, "report").join("\n");
    assert!(
        ["report.tensors[0].shape is", "report.seconds is null", "a field more"]
            .iter()
            .all(|part| wrong.contains(part)),
        "{wrong}"
    );
}

#[test]
fn a_report_says_what_it_takes_to_make_the_same_again() {
    let input = sample("examples/data/mnist_cnn.tflite");
    let made = || {
        let (_folder, outcome) = quantized(&input, "int8-dynamic");
        let report = Report::new(&outcome).with_hashes(&outcome.input, Some(&outcome.output)).unwrap();
        let mut report = report.created_at(UNIX_EPOCH + Duration::from_secs(951_782_400));
        (report.seconds, report.seconds_to_disk, report.output) = (1.0, 0.0, "out".into());
        report
    };
    let report = made();
    assert_eq!((report.to_json(), report.to_html()), (made().to_json(), made().to_html()));
    assert_eq!((report.created.as_str(), report.schema_version), ("2000-02-29T00:00:00Z", 1));
    assert!(report.tool.starts_with("tensor-quant ") && report.input_sha256.len() == 64);
    assert_ne!(report.input_sha256, report.output_sha256);
    let page = report.to_html();
    for part in [report.input_sha256.as_str(), &report.output_sha256, &report.created, "dynamic-range"] {
        assert!(page.contains(part), "{part}");
    }
    let recipe: Value = serde_json::from_str(&report.to_json()).unwrap();
    let recipe = Recipe::from_json(&recipe["recipe"].to_string()).unwrap();
    assert_eq!(recipe, Recipe::named("int8-dynamic").unwrap());
}

#[test]
fn a_page_of_five_thousand_tensors_is_small() {
    let (_folder, mut outcome) = quantized(&sample("examples/data/mnist_cnn.tflite"), "int8-dynamic");
    let of = |i: usize, original: &tensor_quant::pipeline::TensorOutcome| {
        let mut tensor = original.clone();
        tensor.name = format!("model/decoder/layers.{i}/self_attention/query_projection/kernel/{}", original.name);
        tensor.warnings.push(Warning::new("its error is large: SQNR 9.9 dB", "exclude it: --exclude \"…\""));
        tensor
    };
    let tensors = (0..5000).map(|i| of(i, &outcome.tensors[i % outcome.tensors.len()])).collect();
    outcome.tensors = tensors;
    let page = Report::new(&outcome).to_html();
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    // Every tensor is there, and most of them on demand.
    let rows = page.matches("<tr>").count();
    assert!(rows >= 5000, "{rows} rows");
    let open = page.split("<details").next().unwrap();
    assert!(open.len() < 200_000 && page.matches("<article").count() <= 40, "{} bytes stand open", open.len());
}

#[test]
fn errors_go_to_model_explorer() {
    let (folder, outcome) = quantized(&sample("examples/data/mnist_cnn.tflite"), "int8-dynamic");
    let report = Report::new(&outcome);
    let path = folder.path().join("errors.node-data.json");
    report.save(&path).unwrap();
    let data: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let row = report.tensors.iter().find(|row| row.name.ends_with("dense_1/MatMul")).unwrap();
    assert_eq!(row.used_for.len(), 1);
    let worst = row.worst_db().unwrap();
    for name in [&row.used_for[0], &row.name] {
        assert_eq!(data["results"][name]["value"].as_f64(), Some(worst), "{name}");
    }
    assert_eq!(data["results"].as_object().unwrap().len(), 2 * outcome.changed().count());
    let thresholds = data["thresholds"].as_array().unwrap();
    let values: Vec<f64> = thresholds.iter().map(|threshold| threshold["value"].as_f64().unwrap()).collect();
    assert!(values.is_sorted() && thresholds.iter().all(|threshold| threshold["bgColor"].is_string()), "{values:?}");
}

#[test]
fn a_dry_run_writes_nothing_and_tells_the_same() {
    let folder = tempdir().unwrap();
    for (input, recipe) in [
        ("examples/data/mnist_cnn.tflite", "int8-dynamic"),
        ("examples/data/digits_mlp.safetensors", "int4-weight-only"),
    ] {
        let (input, recipe) = (sample(input), Recipe::named(recipe).unwrap());
        let dry = dry_run(&input, &recipe, &Options::default(), &mut |_| ()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let wet_folder = tempdir().unwrap();
        let output = wet_folder.path().join("out");
        let wet = quantize_file(&input, &output, &recipe, &Options::default(), &mut |_| ()).unwrap();
        assert_eq!((dry.bytes_out, &dry.tensors, &dry.warnings), (wet.bytes_out, &wet.tensors, &wet.warnings));
        assert_eq!((dry.bytes_out, dry.output), (std::fs::metadata(&output).unwrap().len(), PathBuf::new()));
    }
}
