//! `compare` tells what is the same from what is not.

use crate::tensor_quant;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::tempdir;

/// Writes a `.safetensors` file of tensors of a name, a type, a shape and these bytes.
fn vectors(path: &Path, tensors: &[(&str, &str, &[usize], Vec<u8>)]) -> PathBuf {
    let (mut entries, mut data) = (Vec::new(), Vec::new());
    for (name, dtype, shape, bytes) in tensors {
        let offsets = [data.len(), data.len() + bytes.len()];
        entries.push(format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":{offsets:?}}}"#));
        data.extend_from_slice(bytes);
    }
    let header = format!("{{{}}}", entries.join(","));
    let header = (header.len() as u64).to_le_bytes().into_iter().chain(header.into_bytes());
    fs::write(path, header.chain(data).collect::<Vec<u8>>()).unwrap();
    path.into()
}

/// What `compare` says of each tensor of two files, in the table and in JSON.
fn compared(a: &Path, b: &Path) -> (Vec<String>, Vec<Value>) {
    let compare = |more: &[&str]| tensor_quant().arg("compare").args([a, b]).args(more).output().unwrap();
    let table = String::from_utf8(compare(&[]).stdout).unwrap();
    let rows = table.lines().skip(1).take_while(|line| !line.is_empty());
    let lines = rows.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let json: Value = serde_json::from_slice(&compare(&["--json"]).stdout).unwrap();
    (lines, json["tensors"].as_array().unwrap().clone())
}

#[test]
fn files_are_the_same_only_if_what_is_not_finite_is_too() {
    let folder = tempdir().unwrap();
    let of = |name: &str, rows: [[f32; 2]; 7]| {
        let row = |x: [f32; 2]| x.iter().flat_map(|x| x.to_le_bytes()).collect();
        let named =
            ["became_nan", "became_inf", "error_on_0", "same", "still_nan", "another", "both"].into_iter().zip(rows);
        let tensors: Vec<(&str, &str, &[usize], Vec<u8>)> = named.map(|(n, x)| (n, "F32", &[2][..], row(x))).collect();
        vectors(&folder.path().join(name), &tensors)
    };
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let a = of("a", [[1.0, 2.0], [1.0, 2.0], [0.0, 0.0], [1.0, inf], [nan, -inf], [inf, 1.0], [1.0, 2.0]]);
    let b = of("b", [[nan, nan], [inf, 2.0], [5.0, 7.0], [1.0, inf], [-nan, -inf], [-inf, 1.0], [inf, 2.5]]);
    let (lines, json) = compared(&a, &b);
    let row = |name: &str| {
        let line = lines.iter().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        let error = &json.iter().find(|tensor| tensor["name"] == name).unwrap()["error"];
        let of_line = line.strip_prefix(&format!("{name} 2 f32 f32 ")).unwrap().to_string();
        (of_line, error["sqnr_db"].clone(), error["non_finite_changed"].as_u64().unwrap())
    };
    let differs = |what: &str| format!("differs 0.00e0, {what} in being finite");
    assert_eq!(row("became_nan"), (differs("2 values differ"), Value::Null, 2));
    assert_eq!(row("became_inf"), (differs("1 value differs"), Value::Null, 1));
    assert_eq!(row("error_on_0"), ("-∞ dB 7.00e0".into(), Value::Null, 0));
    assert_eq!(row("same"), ("the same".into(), Value::Null, 0));
    assert_eq!(row("still_nan"), ("the same".into(), Value::Null, 0));
    assert_eq!(row("another"), (differs("1 value differs"), Value::Null, 1));
    assert_eq!(row("both").0, "12.0 dB 5.00e-1, 1 value differs in being finite");
}

#[test]
fn tensors_that_hold_no_reals_are_compared_byte_for_byte() {
    let folder = tempdir().unwrap();
    let of = |name: &str, last: u8, others: [&str; 2]| {
        let numbers = vec![0, 0, 0, 0, 1, 0, 0, last];
        let at = folder.path().join(name);
        vectors(
            &at,
            &[
                ("i32", "I32", &[2], numbers.clone()),
                ("i8", "I8", &[8], numbers),
                ("same", "I64", &[1], vec![7; 8]),
                ("type", others[0], &[1], vec![3; 4]),
                (others[1], "U8", &[1], vec![3]),
            ],
        )
    };
    let (lines, json) = compared(&of("a", 1, ["I32", "a_alone"]), &of("b", 2, ["U32", "b_alone"]));
    let rest = |name: &str| lines.iter().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap().to_string();
    assert_eq!(rest("i32"), "2 i32 i32 differs other bytes");
    assert_eq!(rest("i8"), "8 i8 i8 differs other bytes");
    assert_eq!(rest("same"), "1 i64 i64 the same");
    assert!(rest("type").ends_with("its type or shape is another"), "{lines:?}");
    assert_eq!(rest("a_alone"), "1 u8 the second file does not hold it");
    assert!(lines.contains(&"only in B: b_alone".into()), "{lines:?}");
    let same_bytes = |name: &str| json.iter().find(|tensor| tensor["name"] == name).unwrap()["same_bytes"].clone();
    assert_eq!([same_bytes("i8"), same_bytes("same"), same_bytes("type")], [false.into(), true.into(), Value::Null]);
}
