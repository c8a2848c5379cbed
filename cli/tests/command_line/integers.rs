//! Models all in integers, from a float one and samples in one command.

use crate::{sample, tensor_quant};
use serde_json::Value;
use tempfile::tempdir;

/// Runs `quantize` on the digits' net, and returns its exit code, what it printed and its message.
fn quantize(output: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let model = sample("digits_cnn.tflite").display().to_string();
    let done = tensor_quant().args(["quantize", &model, output]).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

#[test]
fn samples_and_a_recipe_give_a_checked_model_that_says_what_it_lost() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let images = sample("digits_test.npz").display().to_string();
    let data = ["--data", &images, "--array", "images", "--scale", "1/16", "--samples", "40"];
    for (recipe, least) in [("int8", 35.0), ("int16x8", 45.0)] {
        let output = at(recipe);
        let (code, json, message) = quantize(&output, &[&["--recipe", recipe, "--json"][..], &data].concat());
        assert_eq!(code, Some(0), "{message}");
        let json: Value = serde_json::from_str(&json).unwrap();
        let judged = &json["judgement"];
        assert!(judged["sqnr_db"].as_f64().unwrap() > least, "{recipe}: {judged}");
        assert!(judged["data"].as_str().unwrap().contains("calibrated with"), "{judged}");
        assert!(tensor_quant().args(["check", &output]).status().unwrap().success());
    }
    let size = |name: &str| std::fs::metadata(at(name)).unwrap().len() as f64;
    let mixed = [&["--recipe", "int8", "--budget", "0.05", "--quiet"][..], &data].concat();
    assert_eq!(quantize(&at("mixed"), &mixed).0, Some(0));
    assert!(size("mixed") <= 1.05 * size("int8"));
}

#[test]
fn without_samples_it_is_said_what_is_needed() {
    let folder = tempdir().unwrap();
    let output = folder.path().join("x.tflite").display().to_string();
    let (code, _, message) = quantize(&output, &["--recipe", "int8"]);
    assert!(code != Some(0) && message.contains("--data") && message.contains("--calibration"), "{message}");
    let (code, _, message) = quantize(&output, &["--recipe", "int8-dynamic", "--budget", "0.05"]);
    assert!(code == Some(2) && message.contains("--budget is for recipes"), "{message}");
    let (code, _, message) = quantize(&output, &["--recipe", "int8", "--budget", "-1"]);
    assert!(code == Some(2) && message.contains("no share"), "{message}");
    assert!(!std::fs::exists(&output).unwrap());
}
