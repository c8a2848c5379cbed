//! A report's figures are those of the file: no large value hides a channel that is lost, no sum stands for all tensors, what was
//! only restored was not changed.
#![cfg(feature = "pipeline")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use tempfile::{TempDir, tempdir};
use tensor_quant::pipeline::{Fate, Histograms, Options, Outcome, quantize_file};
use tensor_quant::recipe::Recipe;
use tensor_quant::report::{Report, Style};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn quantized(input: &Path, recipe: &Recipe) -> (TempDir, Outcome) {
    let folder = tempdir().unwrap();
    let options = Options { histograms: Histograms::OfChanged, ..Options::default() };
    let outcome = quantize_file(input, folder.path().join("out"), recipe, &options, &mut |_| ()).unwrap();
    (folder, outcome)
}

/// A `.safetensors` file of f32 matrices of 8 rows.
fn matrices(folder: &Path, tensors: &[(&str, &[f32])]) -> PathBuf {
    let (mut entries, mut data) = (Vec::new(), Vec::new());
    for (name, values) in tensors {
        let start = data.len();
        data.extend(values.iter().flat_map(|x| x.to_le_bytes()));
        let (columns, end) = (values.len() / 8, data.len());
        entries.push(format!(r#""{name}":{{"dtype":"F32","shape":[8,{columns}],"data_offsets":[{start},{end}]}}"#));
    }
    let header = format!("{{{}}}", entries.join(","));
    let header = (header.len() as u64).to_le_bytes().into_iter().chain(header.into_bytes());
    let path = folder.join("in.safetensors");
    fs::write(&path, header.chain(data).collect::<Vec<u8>>()).unwrap();
    path
}

#[test]
fn one_huge_value_hides_no_row() {
    let folder = tempdir().unwrap();
    let mut values: Vec<f32> = (0..2048).map(|i| (i as f32).sin()).collect();
    values[0] = 1e6;
    let input = matrices(folder.path(), &[("w", &values)]);
    let (_folder, outcome) = quantized(&input, &Recipe::of_weights("int8 per tensor").unwrap());
    let tensor = &outcome.tensors[0];
    let channels = tensor.channels.as_ref().unwrap();
    assert!(tensor.error.unwrap().sqnr_db() > 80.0);
    assert_eq!((channels.count, channels.lost, channels.worst_db, channels.median_db), (8, 7, 0.0, 0.0));
    let warning = &tensor.warnings[0];
    assert_eq!(warning.message, "7 of 8 channels along axis 0 are lost, below 6 dB: 1, 2, 3, 4, 5, 6, 7");
    assert!(warning.advice.contains("per axis 0") && warning.advice.contains("--exclude \"w\""), "{warning}");

    let report = Report::new(&outcome);
    assert_eq!((report.tensors[0].worst_db(), report.distribution.lost_channels), (Some(0.0), 7));
    let page = report.to_html();
    assert!(page.contains("<article class=poor>") && !page.contains("class=good"), "graded by the whole");
    let table = report.to_table(Style::Plain, None);
    let (row, last) = (table.lines().nth(1).unwrap(), table.lines().rev().take(3).collect::<Vec<_>>().join("\n"));
    assert!(row.contains(" 0.0 dB"), "{table}");
    // Warnings come last, where one sees them, with what can be done.
    assert!(last.contains("warning: w: 7 of 8 channels") && last.contains("give each channel its scale"), "{table}");

    // With a scale for each row, the others have all of theirs.
    let (_folder, outcome) = quantized(&input, &Recipe::named("int8-weight-only").unwrap());
    let channels = outcome.tensors[0].channels.as_ref().unwrap();
    assert!(channels.worst_db > 40.0 && channels.median_db > channels.worst_db);
    // But for those of its own row, which its ratio does not show.
    assert_eq!((channels.lost, channels.emptied, channels.first_emptied[0].channel), (0, 1, 0), "{channels:?}");
    assert_eq!(channels.first_emptied[0].without_largest_db, 0.0);
    let warning = &outcome.tensors[0].warnings[0];
    assert!(warning.message.contains("and 0.0 dB without its largest value"), "{warning}");
    assert!(warning.advice.contains("--estimator mse"), "{warning}");
    let report = Report::new(&outcome);
    assert!(report.distribution.to_string().ends_with("none lost, 1 with most values 0"), "{}", report.distribution);
    assert!(report.to_html().contains("channels with most values 0"));
}

/// What f32 cannot hold is lost, whatever becomes of the rest.
#[test]
fn errors_of_f64_are_those_of_the_values_in_the_file() {
    let folder = tempdir().unwrap();
    let values: Vec<u8> = (0..2048).flat_map(|i| (if i % 2 == 0 { 1.0 } else { 1e-50_f64 }).to_le_bytes()).collect();
    let header = format!(r#"{{"w":{{"dtype":"F64","shape":[8,256],"data_offsets":[0,{}]}}}}"#, values.len());
    let header = (header.len() as u64).to_le_bytes().into_iter().chain(header.into_bytes());
    let input = folder.path().join("in.safetensors");
    fs::write(&input, header.chain(values).collect::<Vec<u8>>()).unwrap();
    for recipe in [Recipe::of_weights("int8 per axis 0").unwrap(), blocks("q8_0")] {
        let (_folder, outcome) = quantized(&input, &recipe);
        let tensor = &outcome.tensors[0];
        let (error, channels) = (tensor.error.unwrap(), tensor.channels.as_ref().unwrap());
        assert_eq!((error.zeroed(), error.max_abs_error() >= 1e-50), (1024, true), "{}", recipe.name);
        assert!(channels.worst_db < 1001.0 && channels.median_db < 1001.0, "{}: {channels:?}", recipe.name);
    }
}

fn blocks(format: &str) -> Recipe {
    let mut recipe = Recipe::named("int8-weight-only").unwrap();
    recipe.rules.truncate(1);
    recipe.rules[0].to = format.parse().unwrap();
    recipe
}

#[test]
fn a_file_is_told_by_a_distribution_and_never_by_one_sum() {
    let folder = tempdir().unwrap();
    let exact: Vec<f32> = (0..2048).map(|i| (i % 255 - 127) as f32 / 128.0).collect();
    let large: Vec<f32> = (0..1024).map(|i| 1e5 * (i as f32 * 0.7).sin()).collect();
    let mut poor = vec![0.004_f32; 1024];
    (0..8).for_each(|row| poor[row * 128] = 1.0);
    let input = matrices(folder.path(), &[("exact", &exact), ("large", &large), ("poor", &poor)]);
    let (_folder, outcome) = quantized(&input, &Recipe::named("int8-weight-only").unwrap());
    let report = Report::new(&outcome);
    let of = &report.distribution;
    let sqnr_db = |i: usize| outcome.tensors[i].error.unwrap().sqnr_db();
    assert_eq!((of.tensors, of.lossless, of.channels), (3, 1, 24));
    assert_eq!((of.worst_db, of.median_db, of.best_db), (Some(sqnr_db(2)), Some(sqnr_db(1)), None));
    assert_eq!((of.worst_tensor.as_str(), of.worst_channel_of.as_str()), ("poor", "poor"));
    assert!(of.worst_db < of.median_db, "{of:?}");
    let line = of.to_string();
    assert!(line.starts_with("SQNR of 3 tensors: worst ") && line.contains("; of 24 channels: worst "), "{line}");
    assert!(report.to_table(Style::Plain, None).contains(&line) && !report.to_json().contains("together"));
}

#[test]
fn what_is_restored_to_f32_was_not_changed() {
    let (_folder, outcome) = quantized(&sample("tests/tflite/odd.tflite"), &Recipe::named("int8-dynamic").unwrap());
    let bias = outcome.tensors.iter().find(|tensor| tensor.name == "bias").unwrap();
    assert_eq!((bias.fate, bias.before.as_str(), bias.after.as_str()), (Fate::Restored, "f16", "f32"));
    assert_eq!((bias.error, bias.channels.is_none()), (None, true));
    assert_eq!(outcome.changed().count(), 1);
    let report = Report::new(&outcome);
    assert_eq!(report.distribution.tensors, 1);
    let table = report.to_table(Style::Plain, None);
    assert!(table.contains("\nrestored  ") && table.contains(", 1 of 9 tensors by int8-dynamic"), "{table}");
}

#[test]
fn kept_tensors_are_told_by_their_reasons() {
    let (_folder, outcome) =
        quantized(&sample("examples/data/mnist_cnn.tflite"), &Recipe::named("int8-dynamic").unwrap());
    let table = Report::new(&outcome).to_table(Style::Plain, None);
    assert!(table.contains("144–640 elements, below the 1024 of the dynamic-range rule"), "{table}");
    assert_eq!(table.matches("an operand of CONV_2D: the recipe is for weights").count(), 1, "{table}");
}

#[test]
fn settings_of_a_rule_stand_in_the_rows() {
    let mut recipe = Recipe::named("int8-dynamic").unwrap();
    recipe.rules[0].rounding = Some("ceil".parse().unwrap());
    let (_folder, outcome) = quantized(&sample("examples/data/mnist_cnn.tflite"), &recipe);
    let scheme = outcome.changed().next().unwrap().scheme.as_ref().unwrap().to_string();
    assert_eq!(scheme, "i8 max-abs per axis 0, ceil");
    // And they are what was done: rounded up, restored values are too large on the whole.
    assert!(outcome.changed().all(|tensor| tensor.error.unwrap().bias() < 0.0));
}
