//! What rows say a tensor takes is what the writer wrote: rows and what is elsewhere add up to the file.
#![cfg(feature = "pipeline")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::tempdir;
use tensor_quant::model::safetensors::{Reader, Stored, Writer};
use tensor_quant::model::tflite::Model;
use tensor_quant::num::CodeType;
use tensor_quant::params::Granularity;
use tensor_quant::pipeline::{Options, Outcome, compare_files, quantize_file};
use tensor_quant::recipe::{Candidate, Decision, Recipe, RecipeError, Storage, Usage, UsageRole};
use tensor_quant::report::Report;

fn samples(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
    paths.sort();
    paths
}

/// Calls `check` with what every ready-made recipe makes of a file.
fn for_each_recipe(input: &Path, check: &dyn Fn(&Outcome)) {
    let (folder, name) = (tempdir().unwrap(), input.display());
    // Those that make codes of activations need samples.
    for recipe in Recipe::ready_made().into_iter().filter(|recipe| recipe.activations.is_none()) {
        let output = folder.path().join(&recipe.name);
        match quantize_file(input, output, &recipe, &Options::default(), &mut |_| ()) {
            Ok(outcome) => {
                let report = Report::new(&outcome);
                let sum = |bytes: fn(&tensor_quant::report::Row) -> u64| report.tensors.iter().map(bytes).sum::<u64>();
                let (before, after) = (sum(|row| row.bytes_before), sum(|row| row.bytes_after));
                assert_eq!(before + report.bytes_elsewhere_in, fs::metadata(input).unwrap().len(), "{name}");
                assert_eq!(after + report.bytes_elsewhere_out, fs::metadata(&outcome.output).unwrap().len(), "{name}");
                check(&outcome);
            }
            Err(error) if matches!(error.floor(), Some(RecipeError::NothingToQuantize { .. })) => {}
            Err(error) => panic!("{name} by {}: {error}", recipe.name),
        }
    }
}

/// The bytes of a model's constants, scales and zero points, counted once where they are the same.
fn recounted(path: &Path) -> u64 {
    let model = Model::open(path).unwrap();
    let (mut buffers, mut vectors) = (HashSet::new(), HashSet::new());
    let mut sum = 0;
    for constant in model.constants() {
        if buffers.insert(constant.buffer) && !constant.is_elsewhere {
            sum += model.bytes(constant.buffer).unwrap().len() as u64;
        }
        let Some(quantization) = constant.quantization else { continue };
        let scales: Vec<u8> = quantization.scales.iter().flat_map(|x| x.to_le_bytes()).collect();
        let zero_points: Vec<u8> = quantization.zero_points.iter().flat_map(|x| x.to_le_bytes()).collect();
        for (kind, vector) in [("scale", scales), ("zero point", zero_points)] {
            if vectors.insert((kind, vector.clone())) {
                sum += vector.len() as u64;
            }
        }
    }
    sum
}

#[test]
fn rows_add_up_to_the_tflite_file() {
    for input in [samples("examples/data", "tflite"), samples("tests/tflite", "tflite")].concat() {
        let name = input.display();
        for_each_recipe(&input, &|outcome| {
            let after: u64 = outcome.tensors.iter().map(|tensor| tensor.bytes_after).sum();
            assert_eq!(after, recounted(&outcome.output), "{name} by {}", outcome.recipe.name);
            let before: u64 = outcome.tensors.iter().map(|tensor| tensor.bytes_before).sum();
            assert_eq!(before, recounted(&input), "{name}");
            // What restores a tensor is an operator and a tensor of a longer name.
            let (elsewhere_in, elsewhere_out) = (outcome.bytes_in - before, outcome.bytes_out - after);
            let names: usize = outcome.changed().map(|tensor| tensor.name.len() + 400).sum();
            assert!(elsewhere_out <= elsewhere_in + names as u64 + 64, "{elsewhere_in} {elsewhere_out} {name}");
        });
    }
}

#[test]
fn rows_and_the_header_add_up_to_the_safetensors_file() {
    for input in samples("examples/data", "safetensors") {
        let name = input.display();
        for_each_recipe(&input, &|outcome| {
            let header = u64::from_le_bytes(fs::read(&outcome.output).unwrap()[..8].try_into().unwrap());
            let after: u64 = outcome.tensors.iter().map(|tensor| tensor.bytes_after).sum();
            assert_eq!(8 + header + after, outcome.bytes_out, "{name} by {}", outcome.recipe.name);
        });
    }
}

#[test]
fn symmetric_tensors_have_no_zero_points_in_a_file() {
    let folder = tempdir().unwrap();
    let input = &samples("examples/data", "safetensors")[0];
    for (scheme, has_zero_points) in [("int8 per axis 0", false), ("f8e4m3fn", false), ("uint8 per tensor", true)] {
        let output = folder.path().join(scheme.replace(' ', "-"));
        let recipe = Recipe::of_weights(scheme).unwrap();
        let outcome = quantize_file(input, &output, &recipe, &Options::default(), &mut |_| ()).unwrap();
        let names = Reader::open(&output).unwrap().names();
        assert_eq!(names.iter().any(|name| name.ends_with(".zero_point")), has_zero_points, "{scheme}: {names:?}");
        // And it is restored as it was measured.
        let compared = compare_files(input, &output).unwrap();
        for (compared, tensor) in compared.tensors.iter().zip(&outcome.tensors) {
            let expected = tensor.error.map_or(0.0, |error| error.mse());
            assert_eq!(compared.error.as_ref().unwrap().mse(), expected, "{scheme} {}", tensor.name);
        }
    }
    // A plan without zero points takes none but 0.
    let granularity = Granularity::Tensor;
    let plan = vec![("w".into(), Stored::packed(CodeType::U8, &[2], granularity).without_zero_points())];
    let mut writer = Writer::create(folder.path().join("w"), plan, HashMap::new()).unwrap();
    let q = "uint8 per tensor".parse::<tensor_quant::AnyScheme>().unwrap().quantize(&ndarray::array![-1.0_f32, 1.0]);
    let error = writer.write_packed("w", &q.unwrap()).unwrap_err().to_string();
    assert!(error.contains("zero point"), "{error}");
}

#[test]
fn zero_points_that_tensors_share_are_paid_for_together() {
    const CODES: Storage = Storage::Channels { codes: &[CodeType::I8], with_zero_point: &[] };
    // Of a channel of four values, 16 bytes become 8, and its zero point takes 8.
    let candidate = |name: &str| Candidate {
        name: name.into(),
        shape: vec![256, 4],
        size_in_bytes: 4096,
        storage: CODES,
        ..weights()
    };
    let decisions = |names: &[&str]| {
        // A second size, so that there is a plan.
        let other = Candidate { name: "other".into(), shape: vec![4, 256], ..candidate("") };
        let candidates = names.iter().map(|name| candidate(name)).chain([other]).collect();
        let values = |i| Ok(ndarray::ArrayD::from_elem(if i < names.len() { vec![256, 4] } else { vec![4, 256] }, 0.5));
        let plan = Recipe::named("int8-dynamic").unwrap().plan(candidates, values).unwrap();
        plan.entries.into_iter().take(names.len()).map(|entry| (entry.decision, entry.reason)).collect::<Vec<_>>()
    };
    let alone = decisions(&["a"]);
    let reason = "would save 2048 bytes with others of as many channels, whose zero points take 2048";
    assert_eq!(alone, [(Decision::Keep, reason.into())]);
    let both = decisions(&["a", "b"]);
    assert!(both.iter().all(|(decision, _)| *decision != Decision::Keep), "{both:?}");
}

/// Weights of a convolution.
fn weights() -> Candidate {
    let role = UsageRole::Weights { axis: 0, dynamic_int8: true, dynamic_int4: false, fast: [true, false] };
    Candidate {
        name: String::new(),
        element_type: "f32".into(),
        shape: Vec::new(),
        size_in_bytes: 0,
        uses: Some(vec![Usage { operator: "CONV_2D".into(), role }]),
        obstacle: None,
        exact: None,
        cost_of_restoring: 0,
        storage: Storage::Any,
    }
}
