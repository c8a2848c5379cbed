//! Models that are damaged or ask for too much end in an error.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use ndarray::{Array1, ArrayD};
use ndarray_npy::NpzReader;
use std::fs::File;
use tensor_quant::calibration::{Array, RunError, Runner};
use tensor_quant::graph::ElementType;
use tensor_quant_run::{Executor, Limits};

/// A small generator: the tests are the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n.max(1)
    }
}

/// The files of `data/operators.npz`, by name.
fn models() -> Vec<(String, Vec<u8>)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/operators.npz");
    let mut npz = NpzReader::new(File::open(path).unwrap()).unwrap();
    let index: Array1<u8> = npz.by_name("index").unwrap();
    let bytes: Array1<u8> = npz.by_name("bytes").unwrap();
    let mut at = 0;
    let mut model = |line: &str| {
        let sizes = line.split(' ').skip(2).map(|word| {
            let (kind, shape) = word.split_once(':').unwrap();
            let count: usize =
                shape.split(',').filter(|len| !len.is_empty()).map(|len| len.parse::<usize>().unwrap()).product();
            let width: usize = kind.trim_start_matches(|c: char| c.is_alphabetic()).parse().unwrap_or(8);
            count * width / 8
        });
        let sizes: Vec<usize> = sizes.collect();
        let file = bytes.as_slice().unwrap()[at..at + sizes[0]].to_vec();
        at += sizes.iter().sum::<usize>();
        (line.split(' ').next().unwrap().to_owned(), file)
    };
    String::from_utf8(index.to_vec()).unwrap().lines().map(&mut model).collect()
}

fn limits() -> Limits {
    Limits::default().with_elements(1 << 16).with_multiplications(1 << 24).with_operators(1000)
}

/// Runs a model on ones, if it is one.
fn try_run(bytes: Vec<u8>) -> Result<(), String> {
    let mut executor = Executor::from_bytes(bytes).map_err(|error| error.to_string())?.with_limits(limits());
    let endpoints = executor.inputs(None).map_err(|error| error.to_string())?;
    let array = |kind: ElementType, shape: &Option<Vec<Option<usize>>>| {
        let shape: Vec<usize> = shape.iter().flatten().map(|len| len.unwrap_or(2)).collect();
        if shape.len() > 8 || shape.iter().try_fold(1_usize, |n, &len| n.checked_mul(len)).is_none_or(|n| n > 1 << 16) {
            return Array::F32(ArrayD::zeros(vec![1]));
        }
        match kind {
            ElementType::I32 => Array::I32(ArrayD::ones(shape)),
            ElementType::I64 => Array::I64(ArrayD::ones(shape)),
            ElementType::I8 => Array::I8(ArrayD::ones(shape)),
            ElementType::U8 => Array::U8(ArrayD::ones(shape)),
            ElementType::I16 => Array::I16(ArrayD::ones(shape)),
            ElementType::Bool => Array::Bool(ArrayD::from_elem(shape, true)),
            _ => Array::F32(ArrayD::ones(shape)),
        }
    };
    let inputs: Vec<(&str, Array)> =
        endpoints.iter().map(|input| (input.name.as_str(), array(input.element_type, &input.shape))).collect();
    executor.run(None, &inputs, &mut |_| Ok(())).map(drop).map_err(|error| error.to_string())
}

#[test]
fn damaged_models_end_in_an_error_or_in_values() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut failed, mut ran) = (0, 0);
    // More of them for a night.
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    let seed = std::env::var("SEED").ok().and_then(|text| text.parse().ok());
    random.0 = seed.unwrap_or(random.0);
    for (_, model) in models() {
        for _ in 0..rounds {
            let mut damaged = model.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(damaged.len());
                match random.below(3) {
                    0 => damaged[at] = random.below(256) as u8,
                    1 => damaged[at] ^= 1 << random.below(8),
                    // A number of four bytes that is large, small or negative.
                    _ => {
                        let at = at / 4 * 4;
                        let value = [0, 1, -1, 2, 100, 65536, i32::MAX, i32::MIN][random.below(8)];
                        if let Some(word) = damaged.get_mut(at..at + 4) {
                            word.copy_from_slice(&value.to_le_bytes());
                        }
                    }
                }
            }
            if try_run(damaged).is_ok() { ran += 1 } else { failed += 1 }
        }
    }
    assert!(failed > 1000 && ran > 1000, "{failed} failed, {ran} ran");
}

fn edited(name: &str, old: &[i32], new: &[i32]) -> Vec<u8> {
    let (_, mut model) = models().into_iter().find(|(known, _)| known == name).unwrap();
    let bytes = |numbers: &[i32]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let (old, new) = (bytes(old), bytes(new));
    let at = (0..model.len()).rfind(|&at| model[at..].starts_with(&old)).unwrap();
    model[at..at + new.len()].copy_from_slice(&new);
    model
}

#[test]
fn an_output_beyond_the_limit_is_not_allocated() {
    // The shape that a value is repeated to.
    let error = try_run(edited("broadcast_to", &[2, 3, 4], &[1 << 20, 3, 1 << 20])).unwrap_err();
    assert!(error.contains("BROADCAST_TO") && error.contains("elements"), "{error}");
}

#[test]
fn values_that_are_held_at_a_time_have_a_limit_together() {
    let model = edited("broadcast_to", &[2, 3, 4], &[1000, 3, 4]);
    let held = |held: usize| {
        let mut executor = Executor::from_bytes(model.clone()).unwrap().with_limits(limits().with_held(held));
        let input = executor.inputs(None).unwrap().remove(0);
        let shape: Vec<usize> = input.shape.unwrap().into_iter().map(Option::unwrap).collect();
        let ones = Array::F32(ArrayD::ones(shape));
        // A second run may hold as much as the first did.
        let outputs = (0..3).map(|_| executor.run(None, &[(&input.name, ones.clone())], &mut |_| Ok(())).map(drop));
        outputs.collect::<Result<(), _>>().map_err(|error| error.to_string())
    };
    // The file justifies four for each of its bytes.
    let of_file = 4 * model.len();
    assert!(of_file < 12_000);
    assert_eq!(held(12_100 - of_file), Ok(()));
    let error = held(11_999 - of_file).unwrap_err();
    assert!(error.contains("BROADCAST_TO") && error.contains("may be held"), "{error}");
}

#[test]
fn a_loop_without_end_ends() {
    let (_, model) = models().into_iter().find(|(name, _)| name == "while").unwrap();
    // The factor .5 becomes 2: the largest never falls below 1.
    let at = (0..model.len()).rfind(|&at| model[at..].starts_with(&0.5_f32.to_le_bytes())).unwrap();
    let mut model = model;
    model[at..at + 4].copy_from_slice(&2.0_f32.to_le_bytes());
    let mut executor = Executor::from_bytes(model).unwrap().with_limits(limits());
    let names: Vec<String> = executor.inputs(None).unwrap().into_iter().map(|input| input.name).collect();
    let inputs = [
        (names[0].as_str(), Array::F32(ArrayD::from_elem(vec![3], 5.0))),
        (names[1].as_str(), Array::I32(ArrayD::zeros(vec![]))),
    ];
    let error = executor.run(None, &inputs, &mut |_| Ok(())).unwrap_err();
    assert!(matches!(&error, RunError::Model { reason } if reason.contains("1000 operators")), "{error}");
}

#[test]
fn inputs_that_do_not_fit_are_named() {
    let (_, model) = models().into_iter().find(|(name, _)| name == "conv_same").unwrap();
    let mut executor = Executor::from_bytes(model).unwrap();
    let name = executor.inputs(None).unwrap().remove(0).name;
    let mut run = |inputs: &[(&str, Array)]| executor.run(None, inputs, &mut |_| Ok(())).unwrap_err().to_string();
    let zeros = |shape: &[usize]| Array::F32(ArrayD::zeros(shape));
    assert!(run(&[]).contains("not given"));
    assert!(run(&[("nobody", zeros(&[1]))]).contains("nobody"));
    assert!(run(&[(&name, zeros(&[2, 7, 8]))]).contains("[2, 7, 8, 3]"));
    assert!(run(&[(&name, zeros(&[2, 7, 9, 3]))]).contains("[2, 7, 8, 3]"));
    assert!(run(&[(&name, Array::I32(ArrayD::zeros(vec![2, 7, 8, 3])))]).contains("i32"));
    assert!(executor.run(Some("nothing"), &[], &mut |_| Ok(())).is_err());
    // Another number of samples is taken.
    let outputs = executor.run(None, &[(&name, zeros(&[5, 7, 8, 3]))], &mut |_| Ok(())).unwrap();
    assert_eq!(outputs[0].1.shape(), [5, 7, 8, 5]);
}

#[test]
fn everything_that_cannot_be_run_is_told_at_once() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/tflite/odd.tflite");
    let mut executor = Executor::open(path).unwrap();
    let missing = executor.missing(None).unwrap();
    assert!(!missing.is_empty());
    let inputs: Vec<String> = executor.inputs(None).unwrap().into_iter().map(|input| input.name).collect();
    let inputs: Vec<(&str, Array)> =
        inputs.iter().map(|name| (name.as_str(), Array::F32(ArrayD::zeros(vec![1])))).collect();
    let error = executor.run(None, &inputs, &mut |_| Ok(())).unwrap_err();
    assert!(matches!(&error, RunError::Missing { missing: told } if *told == missing), "{error}");
}
