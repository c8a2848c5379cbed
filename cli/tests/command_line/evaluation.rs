//! What a quantized model loses on data.

use crate::{sample, tensor_quant};
use serde_json::Value;
use std::fs;
use tempfile::{TempDir, tempdir};

/// A folder, and the paths of a float model, of its data, and of files in the folder.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) model: String,
    pub(crate) data: String,
}

/// The arguments that make the digits' pixels what the model takes.
pub(crate) const PIXELS: [&str; 4] = ["--array", "images", "--scale", "1/16"];

impl Bench {
    pub(crate) fn new() -> Self {
        let path = |name| sample(name).display().to_string();
        Self { folder: tempdir().unwrap(), model: path("digits_cnn.tflite"), data: path("digits_test.npz") }
    }

    pub(crate) fn at(&self, name: &str) -> String {
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
pub(crate) fn ran(arguments: &[&str]) -> String {
    let done = tensor_quant().args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Runs the program and returns its message, which must come with this exit code.
pub(crate) fn failed(arguments: &[&str], code: i32) -> String {
    let done = tensor_quant().args(arguments).output().unwrap();
    let message = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(code), "{arguments:?}: {message}");
    assert!(message.starts_with("error: ") && message.lines().count() == 1, "{message}");
    message
}

pub(crate) fn parsed(json: &str) -> Value {
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

/// Returns the path of a small model of a kind.
pub(crate) fn kind(name: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join(format!("tests/tflite/kinds/{name}.tflite")).display().to_string()
}

#[test]
fn all_signatures_are_judged_unless_one_is_named() {
    let bench = Bench::new();
    let (float, quantized) = (kind("signatures"), bench.at("int8.tflite"));
    ran(&["quantize", &float, &quantized, "--recipe", "int8-weight-only"]);
    let evaluate = ["evaluate", &float, &quantized, "--json"];
    let json = parsed(&ran(&evaluate));
    assert_eq!((json["signatures"][0].as_str(), json["signatures"][1].as_str()), (Some("encode"), Some("score")));
    assert_eq!(
        (json["outputs"][0]["name"].as_str(), json["outputs"][1]["name"].as_str()),
        (Some("encode/y"), Some("score/y"))
    );
    assert_eq!((json["samples"].as_u64(), json["without_samples"].as_array().map(Vec::len)), (Some(32), Some(0)));
    let worst = |json: &Value| json["sqnr_db"].as_f64().unwrap();
    let alone = |name| parsed(&ran(&[&evaluate[..], &["--signature", name]].concat()));
    assert_eq!(worst(&json), worst(&alone("encode")).min(worst(&alone("score"))));
    assert_eq!(alone("score")["outputs"][0]["name"], "y");
    // Samples for one alone: the other is named.
    let data = bench.at("data.npz");
    fs::write(&data, npz("score/x", [2, 32])).unwrap();
    let with_data = [&evaluate[..], &["--data", &data]].concat();
    let json = parsed(&ran(&with_data));
    assert_eq!((json["samples"].as_u64(), json["without_samples"][0].as_str()), (Some(2), Some("encode")));
    assert!(ran(&with_data[..3]).contains("score/y"));
    let table = ran(&["evaluate", &float, &quantized, "--data", &data]);
    assert!(table.contains("not run: the signatures encode"), "{table}");
}

#[test]
fn each_operator_of_a_model_with_variables_has_its_own_share() {
    let bench = Bench::new();
    let (float, quantized) = (kind("stateful"), bench.at("int8.tflite"));
    ran(&["quantize", &float, &quantized, "--recipe", "int8-weight-only"]);
    let json = parsed(&ran(&["evaluate", &float, &quantized, "--json"]));
    let value = |name: &str| {
        let values = json["values"].as_array().unwrap();
        values.iter().find(|value| value["name"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
    };
    // What is read is off by what was written in runs before, and reading it adds nothing.
    assert_eq!(
        (value("before")["lossless"].as_bool(), value("before")["own_lossless"].as_bool()),
        (Some(false), Some(true))
    );
    assert_eq!((value("y")["lossless"].as_bool(), value("y")["own_lossless"].as_bool()), (Some(false), Some(true)));
    assert_eq!(value("made")["own_sqnr_db"], value("made")["sqnr_db"]);
}

#[test]
fn labels_that_are_not_those_of_the_samples_are_refused() {
    let bench = Bench::new();
    let labels = bench.at("labels.npy");
    let evaluate =
        [&["evaluate", &bench.model, &bench.model, "--data", &bench.data, "--labels", &labels], &PIXELS[..]].concat();
    let with = |shape: &[usize], label: i64, more: &[&str]| {
        fs::write(&labels, npy(shape, "<i8", &label.to_le_bytes())).unwrap();
        failed(&[&evaluate[..], more].concat(), 1)
    };
    let ten = ["--samples", "10"];
    assert!(with(&[500], 3, &[]).contains("labels of 500 samples, and there are 497"));
    assert!(with(&[9], 3, &ten).contains("labels of 9 samples, and there are 10"));
    assert!(with(&[10], 10, &ten).contains("the label 10, and the first output the choices 0 to 9"));
    assert!(with(&[10, 4], 3, &ten).contains("4 labels, and the first output 1 rows"));
    assert!(with(&[10], -1, &ten).contains("none of the labels could be compared"));
}

/// Returns an array of NumPy's with the same number in every place.
fn npy(shape: &[usize], descr: &str, number: &[u8]) -> Vec<u8> {
    let lengths = shape.iter().map(|len| format!("{len}, ")).collect::<Vec<_>>().concat();
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({lengths}), }}");
    let mut bytes = b"\x93NUMPY\x01\0\x76\0".to_vec();
    bytes.extend(format!("{header:<117}\n").as_bytes());
    bytes.extend(number.repeat(shape.iter().product()));
    bytes
}

/// Returns a `.npz` file of one array of ones, stored as it is.
fn npz(name: &str, shape: [usize; 2]) -> Vec<u8> {
    let (name, array) = (format!("{name}.npy"), npy(&shape, "<f4", &1.0_f32.to_le_bytes()));
    // The checksum, of all bits one by one.
    let crc = !array.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1)))
    });
    let (len, name_len) = ((array.len() as u32).to_le_bytes(), (name.len() as u16).to_le_bytes());
    let about = [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &crc.to_le_bytes(), &len, &len, &name_len, &[0, 0]].concat();
    let entry = [b"PK\x03\x04", &about[..], name.as_bytes(), &array].concat();
    let central = [b"PK\x01\x02\x14\0", &about[..], &[0; 14], name.as_bytes()].concat();
    let (central_len, start) = ((central.len() as u32).to_le_bytes(), (entry.len() as u32).to_le_bytes());
    let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &central_len[..], &start, &[0, 0]].concat();
    [entry, central, end].concat()
}
