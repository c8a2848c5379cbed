//! What other implementations compute, this crate computes, bit for bit.
//!
//! The vectors and their sources are described in `tests/conformance/README.md`. These tests are part of the example, so that
//! what runs the vectors, which is nearly all of the crate in nearly all of its types, is compiled once.

use crate::case::{Array, Case, Values};
use crate::compare::{Outcome, Outputs, compare};
use crate::suite;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

fn run(group: &str) -> (suite::Counts, String) {
    let mut details = String::new();
    let counts = suite::run_group(&folder(), group, |text| details.push_str(text)).unwrap();
    (counts, details)
}

macro_rules! whole_groups {
    ($($group:ident: $cases:literal;)*) => {$(
        #[test]
        fn $group() {
            let (counts, details) = run(stringify!($group));
            assert_eq!((counts.passed, counts.failed, counts.uncovered), ($cases, 0, 0), "{details}");
        }
    )*};
}

whole_groups! {
    affine_blocks: 57;
    calibration: 270;
    dtypes: 44;
    error_metrics: 24;
    integer_requant: 7;
    onnx_qdq: 246;
    range_mapping: 120;
    tf_fake_quant: 40;
    tflite_kernels: 62;
    tflite_params: 34;
    torch_observers: 184;
    torch_quant: 135;
    weight_conversion: 26;
}

#[cfg(feature = "blocks")]
whole_groups! {
    codebook_kmeans: 30;
    ggml_blocks: 218;
    mx_formats: 227;
}

#[test]
fn every_folder_is_run() {
    let groups = suite::groups_of(&folder()).unwrap();
    assert_eq!(groups.len(), 16, "{groups:?}");
    assert!(suite::groups_of(&folder().join("nowhere")).is_err());
}

fn case_of(expected: Values, tolerance: serde_json::Value, ignore: Option<Vec<u8>>) -> Case {
    let array = |values: Values| Array { shape: vec![3], values };
    Case {
        name: "made here".into(),
        op: "none".into(),
        params: json!({}),
        inputs: BTreeMap::new(),
        expected: BTreeMap::from([("y".into(), array(expected))]),
        tolerance,
        ignore,
    }
}

/// The comparison itself sees a difference, of a bit, a sign, a type, a length, or an array that is missing.
#[test]
fn differences_are_seen() {
    let outcome = |got: Values, want: Values, tolerance, ignore| match compare(
        &case_of(want, tolerance, ignore),
        Some(Outputs::default().with("y", got)),
    ) {
        Outcome::Passed => "passed",
        Outcome::Failed(_) => "failed",
        Outcome::Uncovered(_) => "uncovered",
    };
    let f32s = |x: f32| Values::F32(vec![1.0, x, f32::NAN]);
    let exact = || json!("exact");
    assert_eq!(outcome(f32s(2.0), f32s(2.0), exact(), None), "passed");
    assert_eq!(outcome(f32s(2.0), f32s(2.0_f32.next_up()), exact(), None), "failed");
    assert_eq!(outcome(f32s(0.0), f32s(-0.0), exact(), None), "failed");
    assert_eq!(outcome(f32s(0.0), f32s(-0.0), json!({"abs": 0.0}), None), "passed");
    assert_eq!(outcome(f32s(2.0), f32s(2.1), json!({"rel": 0.1}), None), "passed");
    assert_eq!(outcome(f32s(2.0), f32s(2.5), json!({"y": {"rel": 0.1, "abs": 0.1}}), None), "failed");
    assert_eq!(outcome(f32s(2.0), f32s(9.0), exact(), Some(vec![0, 1, 0])), "passed");
    assert_eq!(outcome(f32s(2.0), f32s(9.0), exact(), Some(vec![1, 0, 1])), "failed");
    assert_eq!(outcome(Values::I8(vec![1; 3]), Values::U8(vec![1; 3]), exact(), None), "failed");
    assert_eq!(outcome(Values::I8(vec![1; 2]), Values::I8(vec![1; 3]), exact(), None), "failed");
    assert_eq!(outcome(f32s(2.0), f32s(2.0), json!("nearly"), None), "uncovered");
    let nothing = compare(&case_of(f32s(1.0), exact(), None), Some(Outputs::default()));
    assert!(matches!(nothing, Outcome::Uncovered(what) if what.contains('y')));
    assert!(matches!(compare(&case_of(f32s(1.0), exact(), None), None), Outcome::Uncovered(_)));
}
