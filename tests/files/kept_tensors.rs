//! Tensors of a `.safetensors` file that must not be touched: too large or small for f32, parameters of other tools, broken, or with
//! names in the way. Each stays whole, and the report says why.
#![cfg(feature = "pipeline")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use tempfile::{TempDir, tempdir};
use tensor_quant::Error;
use tensor_quant::model::safetensors::Reader;
use tensor_quant::pipeline::{Options, Outcome, TensorOutcome, compare_files, quantize_file};
use tensor_quant::recipe::Recipe;

/// A tensor: its name, element type, shape and bytes.
type Tensor<'t> = (&'t str, &'t str, &'t [usize], Vec<u8>);

fn file(folder: &Path, tensors: &[Tensor<'_>]) -> PathBuf {
    let mut header = Vec::new();
    let mut data = Vec::new();
    for (name, dtype, shape, bytes) in tensors {
        let from = data.len();
        data.extend_from_slice(bytes);
        header.push(format!(
            "{name:?}:{{\"dtype\":{dtype:?},\"shape\":{shape:?},\"data_offsets\":[{from},{}]}}",
            data.len()
        ));
    }
    let header = format!("{{{}}}", header.join(","));
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.into_bytes());
    bytes.extend(data);
    let path = folder.join("in.safetensors");
    fs::write(&path, bytes).unwrap();
    path
}

/// Values from a wave, of 8 rows and 256 columns.
fn wave(scale: f64) -> Vec<f64> {
    (0..2048).map(|i| (f64::from(i) * 0.37).sin() * scale).collect()
}

fn f64s(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn f32s(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|x| (*x as f32).to_le_bytes()).collect()
}

fn by(recipe: &str, input: &Path) -> Result<(TempDir, Outcome), Error> {
    let folder = tempdir().unwrap();
    let recipe = Recipe::named(recipe).unwrap();
    let outcome = quantize_file(input, folder.path().join("out"), &recipe, &Options::default(), &mut |_| ())?;
    Ok((folder, outcome))
}

fn row<'o>(outcome: &'o Outcome, name: &str) -> &'o TensorOutcome {
    outcome.tensors.iter().find(|tensor| tensor.name == name).unwrap()
}

const MATRIX: &[usize] = &[8, 256];

#[test]
fn f64_beyond_f32_is_kept_and_never_called_lossless() {
    let folder = tempdir().unwrap();
    let input = file(
        folder.path(),
        &[
            ("large", "F64", MATRIX, f64s(&wave(1e60))),
            ("tiny", "F64", MATRIX, f64s(&wave(1e-60))),
            ("ordinary", "F64", MATRIX, f64s(&wave(1.0))),
        ],
    );
    for recipe in ["float16", "int8-dynamic", "int4-weight-only"] {
        let (_folder, outcome) = by(recipe, &input).unwrap();
        let (large, tiny) = (row(&outcome, "large"), row(&outcome, "tiny"));
        assert!(large.error.is_none() && large.reason.starts_with("would overflow f32"), "{}", large.reason);
        assert!(tiny.error.is_none() && tiny.reason.starts_with("would underflow f32"), "{}", tiny.reason);
        let error = row(&outcome, "ordinary").error.unwrap();
        assert!(error.mse() > 0.0);
        // What was kept is the same, and what was rounded is not.
        let comparison = compare_files(&input, &outcome.output).unwrap();
        for compared in &comparison.tensors {
            let found = compared.error.as_ref().unwrap();
            assert_eq!(found.mse() == 0.0, compared.name != "ordinary", "{}", compared.name);
        }
        let ordinary = comparison.tensors.iter().find(|compared| compared.name == "ordinary").unwrap();
        assert_eq!(ordinary.error.as_ref().unwrap().mse(), error.mse());
    }
}

#[test]
fn a_comparison_is_one_of_the_values_in_the_files() {
    let folder = tempdir().unwrap();
    let wide = file(folder.path(), &[("w", "F64", MATRIX, f64s(&wave(1.0))), ("v", "F64", &[1], f64s(&[1e60]))]);
    let wide = fs::copy(&wide, folder.path().join("wide")).map(|_| folder.path().join("wide")).unwrap();
    let narrow = file(
        folder.path(),
        &[("w", "F32", MATRIX, f32s(&wave(1.0))), ("v", "F32", &[1], f32::INFINITY.to_le_bytes().to_vec())],
    );
    let comparison = compare_files(&wide, &narrow).unwrap();
    let [w, v] = [0, 1].map(|i| *comparison.tensors[i].error.as_ref().unwrap());
    assert!(w.mse() > 0.0 && w.sqnr_db() > 140.0, "{w}");
    assert_eq!((v.non_finite(), v.non_finite_changed()), (1, 1));
}

#[test]
fn f64_is_rounded_once_to_a_shorter_type() {
    let folder = tempdir().unwrap();
    // A tie in f32 alone: 1 + 2⁻¹¹ + 2⁻⁴⁰ is above it.
    let mut values = wave(1.0);
    (values[0], values[1]) = (65_519.999_999_99, 1.0 + 2_f64.powi(-11) + 2_f64.powi(-40));
    let input = file(folder.path(), &[("w", "F64", MATRIX, f64s(&values))]);
    let (_folder, outcome) = by("float16", &input).unwrap();
    let restored = Reader::open(&outcome.output).unwrap().read("w").unwrap();
    assert_eq!(restored.as_slice().unwrap()[..2], [65_504.0, 1.0 + 2_f32.powi(-10)]);
}

#[test]
fn what_another_tool_has_quantized_is_left_whole() {
    let folder = tempdir().unwrap();
    let codes = |len: usize| (0..len).map(|i| (i % 120) as u8).collect::<Vec<u8>>();
    let scales = f32s(&wave(0.01));
    let input = file(
        folder.path(),
        &[
            ("a.weight", "F8_E4M3", &[64, 64], codes(4096)),
            ("a.weight_scale_inv", "F32", MATRIX, scales.clone()),
            ("b.qweight", "I32", &[8, 64], codes(2048)),
            ("b.scales", "F32", MATRIX, scales.clone()),
            ("c.weight", "U8", &[2048, 1], codes(2048)),
            ("c.weight.absmax", "F32", &[2048], scales.clone()),
            ("head.weight", "F32", MATRIX, f32s(&wave(1.0))),
            ("norm.scale", "F32", MATRIX, scales),
        ],
    );
    for recipe in ["float16", "int8-weight-only"] {
        let (_folder, outcome) = by(recipe, &input).unwrap();
        for (name, codes) in
            [("a.weight_scale_inv", "a.weight"), ("b.scales", "b.qweight"), ("c.weight.absmax", "c.weight")]
        {
            let tensor = row(&outcome, name);
            assert!(tensor.error.is_none(), "{recipe} {name}");
            assert!(tensor.reason.starts_with(&format!("a parameter of {codes:?}")), "{}", tensor.reason);
            assert!(row(&outcome, codes).reason.contains("quantized already"), "{}", row(&outcome, codes).reason);
        }
        // A scale with no codes beside it is a tensor like any other.
        assert!(row(&outcome, "head.weight").error.is_some() && row(&outcome, "norm.scale").error.is_some());
    }
}

#[test]
fn a_tensor_whose_parameters_have_the_name_of_another_is_kept() {
    let folder = tempdir().unwrap();
    let clash = [
        ("layer", "F32", MATRIX, f32s(&wave(1.0))),
        ("layer.scale", "F32", &[8][..], f32s(&wave(1.0)[..8])),
        ("other", "F32", MATRIX, f32s(&wave(1.0))),
    ];
    let input = file(folder.path(), &clash);
    let (_folder, outcome) = by("int8-dynamic", &input).unwrap();
    let reason = "its parameters would be called \"layer.scale\", as another tensor of the file is";
    assert_eq!((row(&outcome, "layer").reason.as_str(), row(&outcome, "layer").error), (reason, None));
    assert!(row(&outcome, "other").error.is_some());
    // A cast has no parameters.
    assert!(row(&by("float16", &input).unwrap().1, "layer").error.is_some());
    let alone = file(folder.path(), &clash[..2]);
    assert!(by("int8-dynamic", &alone).unwrap_err().to_string().contains(reason));
}

#[test]
fn codes_of_few_bits_are_not_called_something_else_and_broken_weights_are_warned_of() {
    let folder = tempdir().unwrap();
    let mut broken = wave(1.0);
    broken[7] = f64::NAN;
    let input = file(
        folder.path(),
        &[
            ("f8", "F8_E4M3", &[64, 64], vec![3; 4096]),
            ("ids", "I64", &[1, 256], vec![0; 2048]),
            ("broken", "F32", MATRIX, f32s(&broken)),
            ("w", "F32", MATRIX, f32s(&wave(1.0))),
        ],
    );
    let (_folder, outcome) = by("int8-dynamic", &input).unwrap();
    assert_eq!(row(&outcome, "f8").reason, "f8_e4m3 has 8 bits or fewer: it is a form of codes already");
    assert_eq!(row(&outcome, "ids").reason, "i64 is not a floating-point type");
    let warning = "left as it is, for its values are broken: value 7 is NaN, for which there is no code";
    let [found] = &row(&outcome, "broken").warnings[..] else { panic!("one warning") };
    assert_eq!(found.message, warning);
    assert!(row(&outcome, "w").warnings.is_empty());
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let folder = tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let refused = |error: Error| assert!(error.to_string().contains("a pipe or a device"), "{error}");
    refused(tensor_quant::pipeline::inspect_file(&pipe).unwrap_err());
    refused(Reader::open(&pipe).unwrap_err());
    refused(tensor_quant::model::tflite::Model::open(&pipe).unwrap_err());
    refused(by("float16", &pipe).unwrap_err());
}
