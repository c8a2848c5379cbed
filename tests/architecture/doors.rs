//! Every public door that takes or gives the values of a tensor has a row in the benchmark `doors`.

use crate::house::{File, House};
use crate::paths::Path;
use std::collections::BTreeSet;
use std::fs;

/// The floors whose doors are measured.
const MEASURED: &[&str] = &["num", "kernel", "range", "tensor", "convention", "metrics", "calibration", "block"];
/// The types that hold a tensor's values, so that their methods may go through all of them.
const HOLDERS: &[&str] = &["QuantizedTensor", "PackedTensor", "MatMulNBits"];
/// What a slice or a view of values is written as.
const TAKEN: &[&str] = &[
    "[f32]",
    "[f64]",
    "[T]",
    "[C]",
    "[A]",
    "[B]",
    "[V]",
    "[i8]",
    "[u8]",
    "ArrayView",
    "ArrayD<",
    ": V,",
    ": V)",
    "Vec<f32>",
];
/// What values are given as.
const GIVEN: &[&str] = &["Array<", "Array2<", "ArrayD<", "QuantizedTensor<", "Cow<", "Vec<ErrorMetrics>"];
/// Doors without a row, and why.
const APART: &[(&str, &str)] = &[
    ("Codebook::new", "takes at most 256 values"),
    ("CodebookBlocks::scale_and_codes", "one block"),
    ("Mx::scale_and_codes", "one block"),
    ("QuantizedTensor::into_dyn", "moves its parts"),
    ("QuantizedTensor::into_parts", "moves its parts"),
    ("ValueView::new", "keeps the view"),
];

/// Returns the doors of a file, as rows of the benchmark name them.
fn doors(module: &Path, file: &File) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if !MEASURED.contains(&module[0].as_str()) || file.name == "kernel/reference.rs" {
        return found;
    }
    let room = match module[0].as_str() {
        "tensor" | "metrics" | "range" => String::new(),
        "convention" => module.get(1).map_or_else(String::new, |name| format!("{name}::")),
        floor => format!("{floor}::"),
    };
    let mut of_type: Option<String> = None;
    let source = file.source.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines: Vec<&str> = source.lines().collect();
    for (i, line) in lines.iter().enumerate() {
        if let Some(header) = line.strip_prefix("impl") {
            let header = without_generics(header);
            match header.split_once(" for ") {
                Some(("RangeEstimator", name)) => {
                    found.insert(format!("{room}{}", first_word(name)));
                    of_type = None;
                }
                Some(_) => of_type = None,
                None => of_type = Some(first_word(&header).to_owned()),
            }
        } else if *line == "}" {
            of_type = None;
        }
        let indent = line.len() - line.trim_start().len();
        let Some(rest) = line.trim_start().strip_prefix("pub fn ") else { continue };
        if indent > 4 || (indent == 4) != of_type.is_some() {
            continue;
        }
        let signature = signature(&lines[i..]);
        let (taken, given) = signature.split_once(" -> ").unwrap_or((&signature, ""));
        let is_new = !given.starts_with('&');
        let holds = is_new && of_type.as_deref().is_some_and(|name| HOLDERS.contains(&name)) && taken.contains("self");
        if TAKEN.iter().any(|it| taken.contains(it)) || holds && GIVEN.iter().any(|it| given.contains(it)) {
            let name = first_word(rest);
            found.insert(of_type.as_ref().map_or_else(|| format!("{room}{name}"), |of| format!("{of}::{name}")));
        }
    }
    found
}

/// Returns what stands before the body of a function.
fn signature(lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(line);
        text.push(' ');
        if line.ends_with('{') {
            break;
        }
    }
    text
}

/// Returns the header of an implementation without the parameters that it begins with.
fn without_generics(header: &str) -> String {
    let mut depth = 0_usize;
    for (i, c) in header.char_indices() {
        match c {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 => return header[i + 1..].to_owned(),
            _ => {}
        }
    }
    String::new()
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// Returns the names of the benchmark's rows: every string in it.
fn rows() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/doors");
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let sources = files.filter_map(|file| fs::read_to_string(file.ok()?.path()).ok());
    sources.flat_map(|source| source.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn every_door_is_measured() {
    let src = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (house, rows) = (House::read(&src), rows());
    let all: BTreeSet<String> = house.files().flat_map(|(module, file)| doors(module, file)).collect();
    assert!(all.len() > 80 && all.contains("quantize_tensor"), "doors are no longer found: {all:?}");
    let is_row = |door: &str| {
        rows.iter().any(|row| row == door || row.strip_prefix(door).is_some_and(|rest| rest.starts_with(',')))
    };
    let is_apart = |door: &str| APART.iter().any(|(name, _)| *name == door);
    let missing: Vec<&String> = all.iter().filter(|door| !is_row(door) && !is_apart(door)).collect();
    assert!(missing.is_empty(), "doors without a row in benches/doors, whose name it begins with: {missing:?}");
    let idle: Vec<&str> =
        APART.iter().map(|(name, _)| *name).filter(|name| !all.contains(*name) || is_row(name)).collect();
    assert!(idle.is_empty(), "no doors, or measured: {idle:?}");
}

#[test]
fn the_check_itself_sees_a_new_door() {
    let files = [
        (
            "tensor/new.rs",
            "pub fn squash<V>(\n    x: V,\n) -> f32 {\n}\nimpl<C: Code> QuantizedTensor<C, D> {\n    pub fn spread(&self) -> Array<f32, D> {\n    }\n    pub fn shape(&self) -> &[usize] {\n    }\n}\n",
        ),
        (
            "convention/other/row.rs",
            "pub(crate) fn inner(x: &[f32]) {\n}\npub fn row(x: &[f32]) {\n}\nimpl RangeEstimator for Mine {\n}\n#[cfg(test)]\nmod tests {\n    pub fn t(x: &[f32]) {\n    }\n}\n",
        ),
    ];
    let house = House::new(files.map(|(name, source)| (name.into(), source.into())));
    let found: Vec<String> = house.files().flat_map(|(module, file)| doors(module, file)).collect();
    assert_eq!(found, ["other::Mine", "other::row", "QuantizedTensor::spread", "squash"]);
}
