//! Models of one operator or a few give what LiteRT gives; `tests/litert/operators.py` made them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use ndarray::{Array1, ArrayD, IxDyn};
use ndarray_npy::NpzReader;
use std::fs::File;
use tensor_quant::calibration::{Array, Runner};
use tensor_quant_run::Executor;

struct Case {
    name: String,
    model: Vec<u8>,
    inputs: Vec<Array>,
    outputs: Vec<Array>,
}

fn cases() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/operators.npz");
    let mut npz = NpzReader::new(File::open(path).unwrap()).unwrap();
    let index: Array1<u8> = npz.by_name("index").unwrap();
    let bytes: Array1<u8> = npz.by_name("bytes").unwrap();
    let (index, mut bytes) = (String::from_utf8(index.to_vec()).unwrap(), bytes.as_slice().unwrap());
    let case = |line: &str| {
        let mut words = line.split(' ');
        let (name, inputs) = (words.next().unwrap().to_owned(), words.next().unwrap().parse::<usize>().unwrap());
        let mut arrays: Vec<Array> = words.map(|word| array(word, &mut bytes)).collect();
        let outputs = arrays.split_off(1 + inputs);
        let Array::U8(model) = arrays.remove(0) else { panic!("a file is bytes") };
        Case { name, model: model.into_iter().collect(), inputs: arrays, outputs }
    };
    index.lines().map(case).collect()
}

fn array(word: &str, bytes: &mut &[u8]) -> Array {
    let (kind, shape) = word.split_once(':').unwrap();
    let shape: Vec<usize> = shape.split(',').filter(|len| !len.is_empty()).map(|len| len.parse().unwrap()).collect();
    match kind {
        "float32" => Array::F32(elements(&shape, bytes, f32::from_le_bytes)),
        "int64" => Array::I64(elements(&shape, bytes, i64::from_le_bytes)),
        "int32" => Array::I32(elements(&shape, bytes, i32::from_le_bytes)),
        "int16" => Array::I16(elements(&shape, bytes, i16::from_le_bytes)),
        "int8" => Array::I8(elements(&shape, bytes, i8::from_le_bytes)),
        "uint8" => Array::U8(elements(&shape, bytes, u8::from_le_bytes)),
        "bool" => Array::Bool(elements(&shape, bytes, |[byte]: [u8; 1]| byte != 0)),
        other => panic!("{other}"),
    }
}

fn elements<const N: usize, T>(shape: &[usize], bytes: &mut &[u8], from: impl Fn([u8; N]) -> T) -> ArrayD<T> {
    let count: usize = shape.iter().product();
    let (own, rest) = bytes.split_at(count * N);
    *bytes = rest;
    ArrayD::from_shape_vec(IxDyn(shape), own.as_chunks().0.iter().map(|&word| from(word)).collect()).unwrap()
}

fn run(executor: &mut Executor, inputs: &[Array]) -> Result<Vec<Array>, String> {
    let names: Vec<String> = executor.inputs(None).unwrap().into_iter().map(|input| input.name).collect();
    let inputs: Vec<(&str, Array)> = names.iter().map(String::as_str).zip(inputs.iter().cloned()).collect();
    let outputs = executor.run(None, &inputs, &mut |_| Ok(())).map_err(|error| error.to_string())?;
    Ok(outputs.into_iter().map(|(_, array)| array).collect())
}

/// Returns what two outputs differ in. Codes may differ by one, reals by 1e-5 of their range.
fn difference(name: &str, ours: &Array, theirs: &Array) -> Option<String> {
    if ours.shape() != theirs.shape() || ours.element_type() != theirs.element_type() {
        return Some(format!("{:?} {}, not {:?}", ours.shape(), ours.element_type(), theirs.shape()));
    }
    let codes = matches!(theirs, Array::I8(_) | Array::I16(_)) && (name.contains("codes") || name.contains("quantize"));
    let (a, b) = (ours.to_f32(), theirs.to_f32());
    let extent = b.iter().filter(|x| x.is_finite()).fold(0.0_f32, |m, x| m.max(x.abs())).max(1e-30);
    let tolerance = match theirs {
        Array::F32(_) => 1e-5 * extent,
        _ if codes => 1.0,
        _ => 0.0,
    };
    let worst = a.iter().zip(&b).find(|(a, b)| !((*a - *b).abs() <= tolerance || a == b || (a.is_nan() && b.is_nan())));
    worst.map(|(a, b)| format!("{a} is not {b}"))
}

#[test]
fn every_operator_gives_what_the_interpreter_gives() {
    let (mut wrong, cases) = (Vec::new(), cases());
    assert!(cases.len() > 290, "{} cases", cases.len());
    for case in cases {
        let mut executor = Executor::from_bytes(case.model).unwrap();
        match run(&mut executor, &case.inputs) {
            Err(error) => wrong.push(format!("{}: {error}", case.name)),
            Ok(outputs) => {
                let pairs = outputs.iter().zip(&case.outputs);
                wrong.extend(
                    pairs.filter_map(|(a, b)| Some(format!("{}: {}", case.name, difference(&case.name, a, b)?))),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_variable_is_kept_until_it_is_reset() {
    let case = cases().into_iter().find(|case| case.name == "variable").unwrap();
    let mut executor = Executor::from_bytes(case.model).unwrap();
    let first = run(&mut executor, &case.inputs).unwrap();
    let second = run(&mut executor, &case.inputs).unwrap();
    assert_ne!(first, second);
    executor.reset();
    assert_eq!(run(&mut executor, &case.inputs).unwrap(), first);
}

#[test]
fn each_signature_runs_its_own_subgraph() {
    let case = cases().into_iter().find(|case| case.name == "signatures").unwrap();
    let mut executor = Executor::from_bytes(case.model).unwrap();
    assert_eq!(executor.signatures(), ["negated", "exponential"]);
    let mut run = |signature| {
        let outputs = executor.run(signature, &[("x", case.inputs[0].clone())], &mut |_| Ok(())).unwrap();
        assert_eq!(outputs[0].0, "y");
        outputs[0].1.to_f32()
    };
    let x = case.inputs[0].to_f32();
    assert_eq!((run(None), run(Some("negated")), run(Some("exponential"))), (-&x, -&x, x.mapv(f32::exp)));
}

#[test]
fn values_of_a_loop_are_shown_as_often_as_it_runs() {
    let case = cases().into_iter().find(|case| case.name == "while").unwrap();
    let mut executor = Executor::from_bytes(case.model).unwrap();
    let names: Vec<String> = executor.inputs(None).unwrap().into_iter().map(|input| input.name).collect();
    let inputs: Vec<(&str, Array)> = names.iter().map(String::as_str).zip(case.inputs).collect();
    let mut products = 0;
    let outputs = executor.run(None, &inputs, &mut |value| {
        products += usize::from(value.id.subgraph == 2 && value.values.shape() == [3]);
        Ok(())
    });
    let Array::I32(count) = &outputs.unwrap()[1].1 else { panic!("a count is an integer") };
    // The input of the body, and the product.
    assert_eq!(products, 2 * count.sum() as usize);
}
