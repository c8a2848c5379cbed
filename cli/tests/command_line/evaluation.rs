//! What a quantized model loses on data, what samples tell of a model, and values from elsewhere.

use crate::{sample, tensor_quant};
use serde_json::Value;
use std::fs;
use tempfile::{TempDir, tempdir};

/// A folder, and the paths of a float model, of its data, and of files in the folder.
struct Bench {
    folder: TempDir,
    model: String,
    data: String,
}

/// The arguments that make the digits' pixels what the model takes.
const PIXELS: [&str; 4] = ["--array", "images", "--scale", "1/16"];

impl Bench {
    fn new() -> Self {
        let path = |name| sample(name).display().to_string();
        Self { folder: tempdir().unwrap(), model: path("digits_cnn.tflite"), data: path("digits_test.npz") }
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Returns the path of the model with weights of 8 bits.
    fn quantized(&self) -> String {
        let output = self.at("int8.tflite");
        ran(&["quantize", &self.model, &output, "--recipe", "int8-dynamic", "--force"]);
        output
    }
}

/// Runs the program and returns what it printed.
fn ran(arguments: &[&str]) -> String {
    let done = tensor_quant().args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Runs the program and returns its message, which must come with this exit code.
fn failed(arguments: &[&str], code: i32) -> String {
    let done = tensor_quant().args(arguments).output().unwrap();
    let message = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(code), "{arguments:?}: {message}");
    assert!(message.starts_with("error: ") && message.lines().count() == 1, "{message}");
    message
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

#[test]
fn a_model_is_judged_by_its_outputs() {
    let bench = Bench::new();
    let quantized = bench.quantized();
    let evaluate =
        [&["evaluate", &bench.model, &quantized, "--data", &bench.data, "--samples", "100"], &PIXELS[..]].concat();
    let page = bench.at("page.html");
    let json = parsed(&ran(&[&evaluate[..], &["--json", "--report", &page]].concat()));
    // LiteRT has 51 dB on all of the images.
    let sqnr = json["sqnr_db"].as_f64().unwrap();
    assert!((45.0..60.0).contains(&sqnr), "{sqnr}");
    assert_eq!(json["outputs"].as_array().unwrap().len(), 1);
    assert_eq!(json["outputs"][0]["sqnr_db"], json["sqnr_db"]);
    assert!(json["outputs"][0]["cosine"].as_f64().unwrap() > 0.999);
    assert!(json["outputs"][0]["max_abs_error"].as_f64().unwrap() > 0.0);
    assert!(json["top1_agreement"].as_f64().unwrap() >= 0.99);
    // The labels stand beside the images.
    let (before, after) = (&json["accuracy"]["float"], &json["accuracy"]["quantized"]);
    assert!(before.as_f64().unwrap() > 0.95 && after.as_f64().unwrap() > 0.95);
    assert_eq!((json["samples"].as_u64(), json["is_noise"].as_bool()), (Some(100), Some(false)));
    let values = json["values"].as_array().unwrap();
    assert!(values.len() > 5);
    let ratio = |value: &Value| value["sqnr_db"].as_f64().unwrap_or(f64::INFINITY);
    assert!(values.is_sorted_by(|a, b| ratio(a) <= ratio(b)));
    // A layer by itself loses no more than the same with all before it, or hardly.
    assert!(values.iter().all(|value| value["own_sqnr_db"].as_f64().unwrap_or(f64::INFINITY) >= ratio(value) - 3.0));
    assert!(values.iter().any(|value| value["operator"] == "CONV_2D"));
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("Along the graph") && page.contains("<circle"));

    let table = ran(&evaluate);
    assert!(table.contains("worst output") && table.contains("of 100 labels") && table.contains("made by"), "{table}");
}

#[test]
fn a_loss_beyond_what_was_allowed_is_an_exit_code() {
    let bench = Bench::new();
    let quantized = bench.quantized();
    let evaluate =
        [&["evaluate", &bench.model, &quantized, "--data", &bench.data, "--samples", "20"], &PIXELS[..]].concat();
    let with = |more: &[&str]| failed(&[&evaluate[..], more].concat(), 5);
    assert!(with(&["--min-sqnr", "200"]).contains("200 were asked for"));
    assert!(with(&["--min-agreement", "100.5"]).contains("first choices"));
    assert!(with(&["--max-accuracy-loss", "-1"]).contains("points"));
    ran(&[&evaluate[..], &["--min-sqnr", "20", "--min-agreement", "50", "--max-accuracy-loss", "50"]].concat());
    let done = tensor_quant().args(&evaluate).args(["--min-sqnr", "200", "--json"]).output().unwrap();
    assert!(parsed(&String::from_utf8(done.stdout).unwrap())["sqnr_db"].is_number());
}

#[test]
fn what_is_wrong_with_data_is_told_in_a_line() {
    let bench = Bench::new();
    let evaluate = |more: &[&str], code| failed(&[&["evaluate", &bench.model, &bench.model], more].concat(), code);
    let message = evaluate(&["--data", &bench.data], 1);
    assert!(message.contains("\"images\"") && message.contains("there is no array"), "{message}");
    let message = evaluate(&["--data", &bench.data, "--array", "imags"], 1);
    assert!(message.contains("did you mean \"images\""), "{message}");
    assert!(evaluate(&["--data", &bench.at("none.npz")], 1).contains("none.npz"));
    assert!(evaluate(&["--data", &bench.data, "--array", "images", "--scale", "1/0"], 2).contains("1/0"));
    assert!(evaluate(&["--data", &bench.data, "--array", "images", "--samples", "0"], 1).contains("no samples"));
    assert!(evaluate(&["--signature", "none"], 2).contains("none"));
    assert!(evaluate(&["--labels", &bench.data], 2).contains("--data"));
    let image = bench.at("image.txt");
    fs::write(&image, "no data").unwrap();
    assert!(evaluate(&["--data", &image], 1).contains("neither .npz"));
    assert!(evaluate(&["--library", &image], 2).contains("--runtime litert"));
    // Without data there is noise, which is said.
    let table = ran(&["evaluate", &bench.model, &bench.model]);
    assert!(table.contains("noise tells little") && table.contains("lossless"), "{table}");
}

#[test]
fn the_report_of_a_quantization_has_what_the_outputs_lose() {
    let bench = Bench::new();
    let output = bench.at("out.tflite");
    let quantize = ["quantize", &bench.model, &output, "--recipe", "int8-dynamic", "--json"];
    let data = [&["--data", &bench.data, "--samples", "50"], &PIXELS[..]].concat();
    let json = parsed(&ran(&[&quantize[..], &data].concat()));
    assert!(json["judgement"]["sqnr_db"].as_f64().unwrap() > 40.0);
    assert_eq!(json["judgement"]["samples"], 50);
    let table = ran(&[&quantize[..5], &["--force"], &data[..]].concat());
    assert!(table.contains("worst output"), "{table}");
    // The same samples are what a full-integer model learns its ranges from.
    let integers = bench.at("integers.tflite");
    let quantize = ["quantize", &bench.model, &integers, "--recipe", "int8", "--json"];
    let json = parsed(&ran(&[&quantize[..], &data].concat()));
    assert!(json["judgement"]["sqnr_db"].as_f64().unwrap() > 25.0);
    // Data that do not fit show before anything is written.
    let other = bench.at("other.tflite");
    let message = failed(&["quantize", &bench.model, &other, "-r", "int8-dynamic", "--data", &bench.data], 1);
    assert!(message.contains("images") && !fs::exists(other).unwrap());
}

#[test]
fn statistics_are_saved_and_merged() {
    let bench = Bench::new();
    let (all, first, rest, merged) =
        (bench.at("all.json"), bench.at("first.json"), bench.at("rest.json"), bench.at("merged.json"));
    let calibrate = |array: &str, output: &str, more: &[&str]| {
        let arguments =
            ["calibrate", &bench.model, "--data", &bench.data, "--array", array, "--scale", "1/16", "--out", output];
        parsed(&ran(&[&arguments, more, &["--json"]].concat()))
    };
    let json = calibrate("train_images", &all, &["--samples", "20"]);
    assert_eq!((json["samples"].as_u64(), json["estimator"].as_str()), (Some(20), Some("min-max")));
    let values = json["values"].as_array().unwrap();
    let input = values.iter().find(|value| value["name"].as_str().unwrap().starts_with("serving_default")).unwrap();
    assert_eq!((input["min"].as_f64(), input["max"].as_f64()), (Some(0.0), Some(1.0)));
    assert_eq!(input["count"], 20 * 64);
    assert!(values.iter().any(|value| value["channel_means"].is_array()));

    calibrate("train_images", &first, &["--samples", "20"]);
    calibrate("images", &rest, &["--samples", "20"]);
    let merge = ["calibrate", "--merge", &first, &rest, "--out", &merged];
    let json = parsed(&ran(&[&merge[..], &["--json"]].concat()));
    assert_eq!(json["samples"], 40);
    assert!(failed(&merge, 4).contains("--force"));
    assert_eq!(fs::read(&all).unwrap(), fs::read(&first).unwrap());
    let json = calibrate(
        "images",
        &rest,
        &["--samples", "5", "--estimator", "percentile 99.9", "--force", "--second-moments"],
    );
    assert_eq!(json["estimator"], "percentile 99.9");
    assert!(json["second_moments"].as_array().unwrap().iter().all(|moments| moments["rows"].as_u64().unwrap() > 0));
    assert!(failed(&[&merge[..], &["--force"]].concat(), 1).contains("percentile 99.9"));
    fs::write(&first, "{}").unwrap();
    assert!(failed(&[&merge[..], &["--force"]].concat(), 1).contains("not a usable statistics file"));
    assert!(failed(&["calibrate", &bench.model, "--out", &merged, "--force"], 2).contains("--data"));
    assert!(failed(&["calibrate", "--out", &merged], 2).contains("MODEL"));
}

#[test]
fn values_of_a_run_elsewhere_are_read() {
    let bench = Bench::new();
    let exposed = bench.at("exposed.tflite");
    let json = parsed(&ran(&["expose", &bench.model, &exposed, "--json"]));
    let outputs = json["outputs"].as_array().unwrap();
    assert!(outputs.len() > 4);
    assert!(failed(&["expose", &bench.model, &exposed], 4).contains("--force"));
    assert!(failed(&["expose", &bench.model, &bench.model, "--force"], 4).contains("is the input"));
    // The copy has the same constants.
    ran(&["compare", &bench.model, &exposed, "--min-sqnr", "300"]);

    let name = outputs[0]["name"].as_str().unwrap();
    let folder = bench.folder.path().join("values");
    let file = folder.join(format!("{name}.npy"));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }";
    let mut bytes = b"\x93NUMPY\x01\0\x76\0".to_vec();
    bytes.extend(format!("{header:<118}").as_bytes());
    for x in [1.0_f32, -2.0, 3.0, f32::NAN] {
        bytes.extend(x.to_le_bytes());
    }
    fs::write(&file, &bytes).unwrap();
    let (values, output) = (folder.display().to_string(), bench.at("stats.json"));
    let calibrate = ["calibrate", &bench.model, "--values", &values, "--out", &output, "--force"];
    let json = parsed(&ran(&[&calibrate[..], &["--json"]].concat()));
    let value = &json["values"][0];
    assert_eq!(
        (value["name"].as_str(), value["count"].as_u64(), value["nan"].as_u64()),
        (Some(name), Some(4), Some(1))
    );
    assert_eq!(
        (value["min"].as_f64(), value["max"].as_f64(), json["samples"].as_u64()),
        (Some(-2.0), Some(3.0), Some(2))
    );
    fs::write(folder.join("stranger.npy"), &bytes).unwrap();
    assert!(failed(&calibrate, 1).contains("stranger"));
}
