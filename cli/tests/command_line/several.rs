//! Many models at once, nothing written, nothing said: what one wants of a script.

use crate::{sample, tensor_quant};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Output;
use tempfile::tempdir;

fn run(arguments: &[&str]) -> Output {
    tensor_quant().args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn several_models_go_to_a_folder() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let [a, b] = ["mnist_cnn.tflite", "digits_mlp.safetensors"].map(|name| sample(name).display().to_string());
    fs::create_dir(at("out")).unwrap();
    let report = at("report.json");
    let done = run(&["quantize", &a, &b, &at("out"), "-r", "int8-weight-only", "--json", "--report", &report]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let reports: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(reports.as_array().unwrap().len(), 2);
    assert_eq!(names(&folder.path().join("out")), ["digits_mlp.safetensors", "mnist_cnn.tflite"]);
    assert_eq!(names(folder.path()), ["out", "report-digits_mlp.json", "report-mnist_cnn.json"]);

    // One that cannot be quantized keeps no other from it, and gives its code.
    fs::create_dir(at("more")).unwrap();
    let none = at("none.tflite");
    let done = run(&["quantize", &none, &a, &at("more/"), "-r", "float16", "--quiet"]);
    let message = text(&done.stderr);
    assert_eq!((done.status.code(), done.stdout.len()), (Some(1), 0), "{message}");
    assert!(
        message.starts_with("error: ") && message.lines().count() == 1 && message.contains("none.tflite"),
        "{message}"
    );
    assert_eq!(names(&folder.path().join("more")), ["mnist_cnn.tflite"]);

    let failed = |arguments: &[&str], what: &str| {
        let done = run(&[&["quantize"], arguments, &["-r", "float16"]].concat());
        let message = text(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{message}");
        assert!(message.contains(what) && message.lines().count() == 1, "{message}");
    };
    failed(&[&a, &b, &at("file")], "which is no folder");
    failed(&[&a, &a, &at("out")], "would both become");
    failed(&[&a], "--dry-run");
    let inspected: Value = serde_json::from_slice(&run(&["inspect", &a, &b, "--json"]).stdout).unwrap();
    assert_eq!(inspected[1]["format"], "safetensors");
}

#[test]
fn a_dry_run_shows_the_plan_and_writes_nothing() {
    let folder = tempdir().unwrap();
    let input = sample("mnist_cnn.tflite").display().to_string();
    let output = folder.path().join("out.tflite").display().to_string();
    for paths in [&[input.as_str()][..], &[input.as_str(), output.as_str()]] {
        let done = run(&[&["quantize"], paths, &["-r", "int8-dynamic", "--dry-run"]].concat());
        let table = text(&done.stdout);
        assert!(done.status.success() && table.contains("; nothing was written"), "{table}");
        assert!(table.contains("weights of FULLY_CONNECTED") && table.contains("904 kB to 23"), "{table}");
    }
    assert_eq!(names(folder.path()), [""; 0]);
    let nothing = run(&["quantize", &input, "-r", "int8-dynamic", "--dry-run", "--exclude", "*"]);
    assert_eq!(nothing.status.code(), Some(3));
    let quiet = run(&["quantize", &input, &output, "-r", "float16", "--quiet"]);
    assert_eq!((quiet.status.code(), quiet.stdout.len(), quiet.stderr.len()), (Some(0), 0, 0));
}

#[test]
fn names_that_cannot_be_meant_are_refused() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let input = sample("mnist_cnn.tflite").display().to_string();
    let refused = |arguments: &[&str], what: &str| {
        let done = run(arguments);
        let message = text(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{message}");
        assert!(message.contains(what) && message.lines().count() == 1, "{message}");
    };
    for name in ["out.safetensors", "out.ONNX", "out.gguf"] {
        refused(&["quantize", &input, &at(name), "-r", "float16"], "is a .tflite file, and stays one");
    }
    assert_eq!(names(folder.path()), [""; 0]);
    refused(&["quantize", "-", &at("x"), "-r", "float16"], "- cannot be a pipe");
    refused(&["quantize", &input, "-", "-r", "float16"], "- cannot be a pipe");
    refused(&["inspect", "-"], "- cannot be a pipe");
    refused(&["compare", &input, "-"], "- cannot be a pipe");
    let help = run(&["help", "quantize"]);
    assert!(help.status.success() && text(&help.stdout).contains("--dry-run"));
}

#[test]
fn a_comparison_has_totals_and_a_threshold() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let input = sample("mnist_cnn.tflite").display().to_string();
    assert!(run(&["quantize", &input, &at("q"), "-r", "int8-dynamic", "-q"]).status.success());
    let compare = |more: &[&str]| {
        let done = run(&[&["compare", &input, &at("q")], more].concat());
        (done.status.code(), text(&done.stdout))
    };
    let (code, table) = compare(&[]);
    assert_eq!(code, Some(0));
    // The worst first, and what is the same last.
    let sqnr: Vec<&str> = table.lines().skip(1).take(3).filter_map(|line| line.split_whitespace().nth(4)).collect();
    assert_eq!(sqnr, ["41.6", "45.1", "45.4"], "{table}");
    assert!(table.contains("\n13 tensors: 10 the same, 3 differ\n"), "{table}");
    assert!(table.contains("worst 41.6 dB, median 45.1 dB; none of their 160 channels lost"), "{table}");

    let (code, table) = compare(&["--min-sqnr", "40"]);
    assert_eq!(code, Some(0), "{table}");
    assert!(table.ends_with("all 13 tensors reach 40 dB a tensor\n"), "{table}");
    let (code, table) = compare(&["--min-sqnr", "43"]);
    assert!(
        code == Some(5) && table.contains("1 of 13 tensors do not reach 43 dB a tensor, functional_1/dense_1/MatMul"),
        "{table}"
    );
    assert_eq!(compare(&["--min-channel-sqnr", "40"]).0, Some(5));
    assert_eq!(compare(&["--min-channel-sqnr", "30", "--min-sqnr", "30"]).0, Some(0));
    let (code, json) = compare(&["--min-sqnr", "43", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["below_the_limits"][0]), (Some(5), &Value::from("functional_1/dense_1/MatMul")));
    // What is missing cannot be as good as it has to be.
    let other = sample("digits_cnn.tflite").display().to_string();
    assert_eq!(run(&["compare", &input, &other, "--min-sqnr", "-100"]).status.code(), Some(5));
}
