//! The best file for a budget: it keeps its promise, and its recipe makes it again.

use crate::{sample, tensor_quant};
use serde_json::Value;
use std::fs;
use tempfile::tempdir;

#[test]
fn a_fit_keeps_its_promise_and_its_recipe_makes_the_same_file() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let path = |name| sample(name).display().to_string();
    let (model, images) = (path("digits_cnn.tflite"), path("digits_test.npz"));
    let data = ["--data", &images, "--array", "images", "--scale", "1/16", "--samples", "60"];
    let run = |arguments: &[&str]| {
        let done = tensor_quant().args(arguments).args(data).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (done.status.code(), text(done.stdout), text(done.stderr))
    };
    let (output, recipe) = (at("fitted.tflite"), at("fitted.toml"));
    let fit = ["fit", &model, &output, "--min-sqnr", "30", "--save-recipe", &recipe, "--json"];
    let (code, json, message) = run(&fit);
    assert_eq!(code, Some(0), "{message}");
    let json: Value = serde_json::from_str(&json).unwrap();
    let number = |value: &Value| value.as_f64().unwrap();
    assert!(number(&json["measured"]["sqnr_db"]) >= 30.0 && json["reached"] == true, "{json}");
    assert!(number(&json["bound"]["sqnr_db"]) <= number(&json["measured"]["sqnr_db"]));
    assert_eq!(json["bytes"], fs::metadata(&output).unwrap().len());
    assert!(json["zipped"].as_u64().unwrap() < json["bytes"].as_u64().unwrap());
    // Measured where there is an encoder, and absent where there is none.
    assert_eq!(json.get("zstd").is_some(), cfg!(feature = "zstd"));
    assert!(json.get("zstd").is_none_or(|len| len.as_u64().unwrap() < json["bytes"].as_u64().unwrap()));
    assert!(json["tensors"].as_array().unwrap().iter().all(|tensor| tensor["reason"].is_string()));

    let again = at("again.tflite");
    let (code, _, message) = run(&["quantize", &model, &again, "--recipe", &recipe]);
    assert_eq!(code, Some(0), "{message}");
    assert_eq!(fs::read(&again).unwrap(), fs::read(&output).unwrap());

    // What cannot be reached has an exit code of its own, says what is in the way, and writes nothing.
    let never = at("never.tflite");
    let (code, text, message) = run(&["fit", &model, &never, "--max-size", "0.01"]);
    assert_eq!(code, Some(6), "{message}");
    assert!(message.contains("in the way is") && text.contains("predicted, o run, # chosen"), "{message}{text}");
    assert!(!fs::exists(&never).unwrap());
    assert_eq!(run(&["fit", &model, &never, "--max-size", "0.5", "--min-sqnr", "3"]).0, Some(2));
}

#[test]
fn a_sample_with_nan_is_named_and_nothing_is_chosen_by_it() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let shape = "(10, 8, 8, 1)";
    let header = format!("{:<117}\n", format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"));
    let mut bytes = [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
    for i in 0..10 * 64 {
        let x = if i == 3 * 64 + 9 { f32::NAN } else { (i as f32 * 0.37).sin().abs() };
        bytes.extend(x.to_le_bytes());
    }
    fs::write(at("nan.npy"), bytes).unwrap();
    let model = sample("digits_cnn.tflite").display().to_string();
    for asked in
        [&["fit", "--max-size", ".5"][..], &["quantize", "-r", "int4-weight-only"], &["quantize", "-r", "int8"]]
    {
        let done =
            tensor_quant().args(asked).args([&model, &at("out.tflite"), "--data", &at("nan.npy")]).output().unwrap();
        let message = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{asked:?}: {message}");
        assert!(message.contains("sample 3") && message.contains("[0, 1, 1, 0] is NaN"), "{message}");
        assert!(!fs::exists(at("out.tflite")).unwrap());
    }
}
