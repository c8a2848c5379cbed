//! What is asked for is done; a mistake is one line and a code.

use crate::{sample, tensor_quant};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Output;
use tempfile::tempdir;

fn run(arguments: &[&str]) -> Output {
    tensor_quant().args(arguments).output().unwrap()
}

#[test]
fn the_command_line_does_what_it_says() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (input, output, page) = (sample("mnist_cnn.tflite").display().to_string(), at("out.tflite"), at("report.html"));
    let quantize = ["quantize", &input, &output, "--recipe", "int8-weight-only", "--report", &page, "--json"];
    let done = run(&quantize);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["recipe"]["name"], "int8-weight-only");
    assert!(done.stderr.is_empty() && fs::read_to_string(&page).unwrap().contains("<svg"));

    let failed = |arguments: &[&str], code: i32, what: &str| {
        let done = run(arguments);
        let message = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(code), "{arguments:?}: {message}");
        assert!(message.starts_with("error: ") && message.lines().count() == 1 && message.contains(what), "{message}");
    };
    failed(&quantize, 4, "report.html");
    failed(&["quantize", &input, &output, "-r", "float16"], 4, "--force");
    failed(&["quantize", &input, &input, "-r", "float16", "--force"], 4, "is the input");
    failed(&["quantize", &input, &at("x")], 2, "--recipe, a name or a file, or --to, a scheme, is missing");
    failed(&["quantize", &input, &at("x"), "-r", "int9"], 2, "int4-dynamic");
    failed(&["quantize", &input, &at("x"), "-r", "int8-dynamik"], 2, "did you mean \"int8-dynamic\"?");
    failed(&["quantise", &input, &at("x"), "-r", "float16"], 2, "a similar subcommand exists: 'quantize'");
    let unnamed = at("recipe");
    fs::write(&unnamed, "name = \"mine\"").unwrap();
    failed(&["quantize", &input, &at("x"), "-r", &unnamed], 2, "must end in .toml or .json");
    failed(&["quantize", &input, &at("x"), "-r", "float16", "--exclude", "*"], 3, "excluded by");
    failed(&["quantize", &at("none"), &at("x"), "-r", "float16"], 1, "cannot read");
    failed(&["quantize", &input], 2, "--recipe");
    failed(&["inspect", &page], 1, "starts neither as");
    failed(
        &["quantize", &input, &at("x"), "-r", "float16", "--report", &at("x.txt")],
        2,
        ".html, .json or .node-data.json",
    );
    let quantize_with = |reports: [&str; 2], code, what: &str| {
        let reports = ["--report", reports[0], "--report", reports[1]];
        failed(&[&["quantize", &input, &at("x"), "-r", "float16", "--force"], &reports[..]].concat(), code, what);
    };
    quantize_with([&at("a.html"), &at("./a.html")], 2, "would replace");
    quantize_with([&at("a.html"), &at("a.html")], 2, "is given twice");
    let no_folder = format!("there is no folder {}", at("none"));
    failed(&["quantize", &input, &at("none/x"), "-r", "float16"], 1, &no_folder);
    quantize_with([&at("a.html"), &at("none/b.html")], 1, "in one that is not there");
    fs::create_dir(at("folder.html")).unwrap();
    quantize_with([&at("a.html"), &at("folder.html")], 1, "is a folder");
    failed(&["quantize", &input, &at("x.html"), "-r", "float16", "--report", &at("x.html")], 2, "would replace");
    let empty = at("empty.tflite");
    fs::write(&empty, "").unwrap();
    failed(&["inspect", &empty], 1, "it is empty");
    assert!(!Path::new(&at("x")).exists() && !Path::new(&at("a.html")).exists() && !Path::new(&at("x.html")).exists());
    let nothing = run(&[]);
    assert_eq!((nothing.status.code(), nothing.stdout.len()), (Some(2), 0));
    assert!(String::from_utf8(nothing.stderr).unwrap().contains("Exit codes:"));

    let text = |arguments: &[&str]| String::from_utf8(run(arguments).stdout).unwrap();
    assert_eq!(text(&["recipes"]).lines().count(), 9, "a heading, and eight of them");
    assert!(text(&["recipes"]).starts_with("recipe               speed"));
    assert!(text(&["recipes", "int8-dynamic"]).contains("compute = \"dynamic-range\""));
    let compared: Value = serde_json::from_str(&text(&["compare", &input, &output, "--json"])).unwrap();
    // Three of them are integers: shapes and axes.
    let compared = compared["tensors"].as_array().unwrap();
    assert_eq!(compared.len(), 13);
    assert_eq!(compared.iter().filter(|tensor| tensor["same_bytes"] == true).count(), 3);
    let inspected: Value = serde_json::from_str(&text(&["inspect", &output, "--json"])).unwrap();
    assert_eq!(inspected["operators"]["DEQUANTIZE"], 3);
    // What matches nothing is said, with what may have been meant; a threshold is never lowered.
    let excluding =
        ["quantize", &input, &at("y"), "-r", "int8-dynamic", "--exclude", "*MatMull", "--min-elements", "1"];
    let table = text(&excluding);
    assert!(
        table.contains("warning: the exclusion \"*MatMull\" matches no tensor") && table.contains("did you mean"),
        "{table}"
    );
    assert!(table.contains("below the 1024 of the dynamic-range rule"), "{table}");
    assert!(text(&["completions", "bash"]).contains("tensor-quant") && text(&["man"]).contains(".SH"));
    assert!(text(&["--help"]).contains("Exit codes"));
}

#[test]
fn what_nobody_could_have_meant_is_a_mistake_of_the_command_line() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (input, output) = (sample("mnist_cnn.tflite").display().to_string(), at("out.tflite"));
    let data = sample("mnist_test.npz").display().to_string();
    let mistake = |arguments: &[&str], what: &str| {
        let done = run(arguments);
        let message = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(what), "{message}");
    };
    let to = |scheme: &str, what: &str| mistake(&["quantize", &input, &output, "--to", scheme], what);
    to("int8 per block of 0 along axis 1", "a block size of 0 along axis 1 is not possible");
    to("int8 per block of 99999999999999999999 along axis 1", "an axis or block size must be");
    mistake(&["quantize", &input, &output, "-r", "int8-dynamic", "--estimator", "percentile 200"], "200");
    mistake(&["compare", &input, &input, "--min-sqnr", "nan"], "is no number");
    // A report, a recipe or a model is not replaced by another.
    fs::create_dir(at("all")).unwrap();
    fs::copy(&input, at("m.tflite")).unwrap();
    fs::copy(sample("digits_mlp.safetensors"), at("m.safetensors")).unwrap();
    let (several, report) = ([at("m.tflite"), at("m.safetensors"), at("all")], at("r.html"));
    let several: Vec<&str> = several.iter().map(String::as_str).collect();
    let with = ["-r", "int8-weight-only", "--report", &report, "--force"];
    mistake(&[&["quantize"], &several[..], &with].concat(), "one report would replace the other");
    fs::copy(&input, at("m.toml")).unwrap();
    let fit =
        ["fit", &at("m.toml"), &output, "--data", &data, "--max-size", ".5", "--force", "--save-recipe", &at("m.toml")];
    mistake(&fit, "would replace");
    assert_eq!(fs::read(at("m.toml")).unwrap(), fs::read(&input).unwrap());
    // Types and scales of a model in integers are for the kernels to say.
    let integer =
        ["quantize", &input, &output, "-r", "int8", "--data", &data, "--array", "calibration", "--to", "int4"];
    mistake(&integer, "--to says how weights are stored");
    assert!(!Path::new(&output).exists());
}

#[test]
fn the_exit_code_is_the_same_where_nobody_reads_the_message() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let done = tensor_quant().args(["inspect", "no such file.tflite"]).stderr(full).output().unwrap();
    assert_eq!(done.status.code(), Some(1));
}

#[test]
fn options_that_would_have_no_effect_are_refused() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (model, out) = (sample("digits_cnn.tflite").display().to_string(), at("out"));
    let quantize = ["quantize", &model, &out, "-r", "int8-dynamic"];
    let noise = ["quantize", &model, &out, "-r", "int8-dynamic", "--noise", "4"];
    let evaluate = ["evaluate", &model, &model];
    let calibrate = ["calibrate", &model, "--out", &out, "--values", &model];
    let fit = ["fit", &model, &out, "--max-size", "0.5", "--data", &model, "--compute", "integer"];
    for (command, options, expected) in [
        (
            &quantize[..],
            &["--samples 3", "--mean 1", "--scale 1/16", "--signature x", "--runtime rust", "--array x", "--labels x"]
                [..],
            "--data",
        ),
        (&evaluate, &["--mean 1", "--scale 1/16", "--array x", "--labels x"], "--data"),
        (&calibrate, &["--samples 3", "--signature x", "--runtime rust"], "--values"),
        (&calibrate, &["--mean 1", "--scale 1/16", "--array x"], "--values"),
        (&noise, &["--mean 1", "--scale 1/16", "--array x", "--samples 3", "--labels x", "--runtime rust"], "--noise"),
        (&fit, &["--types int8", "--exclude x", "--min-elements 3"], "has no effect"),
    ] {
        for option in options {
            let option: Vec<&str> = option.split(' ').collect();
            let done = run(&[command, &option[..]].concat());
            let message = String::from_utf8(done.stderr).unwrap();
            assert_eq!(done.status.code(), Some(2), "{command:?} {option:?}: {message}");
            assert!(message.contains(expected) && message.lines().count() == 1, "{option:?}: {message}");
        }
    }
}

#[test]
fn a_threshold_that_lowers_nothing_is_told_of() {
    let folder = tempdir().unwrap();
    let (model, out) =
        (sample("digits_cnn.tflite").display().to_string(), folder.path().join("out.tflite").display().to_string());
    let warnings = |least: &str, recipe: &str| {
        let done = run(&["quantize", &model, &out, "-r", recipe, "--min-elements", least, "--force", "--json"]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice::<Value>(&done.stdout).unwrap()["warnings"].to_string()
    };
    assert!(warnings("10", "int8-dynamic").contains("fewer than 1024 elements"));
    assert!(!warnings("1500", "int8-dynamic").contains("no effect"));
}
