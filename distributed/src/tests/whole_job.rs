//! Folders of arrays to Parquet to statistics.

use super::wait;
use crate::{Summary, pack, session, summarize};
use std::fs;
use std::io::Write;
use std::path::Path;
use tensor_quant::calibration::Statistics;
use tensor_quant::ndarray::{ArrayD, Axis, IxDyn};
use tensor_quant::range::AnyEstimator;

/// Writes an array as NumPy does.
fn write_npy(path: &Path, array: &ArrayD<f32>) {
    let shape: Vec<String> = array.shape().iter().map(|n| format!("{n},")).collect();
    let shape = shape.join(" ");
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}\n");
    let mut file = fs::File::create(path).expect("a file");
    file.write_all(b"\x93NUMPY\x01\x00").expect("to be written");
    file.write_all(&(header.len() as u16).to_le_bytes()).expect("to be written");
    file.write_all(header.as_bytes()).expect("to be written");
    for x in array {
        file.write_all(&x.to_le_bytes()).expect("to be written");
    }
}

fn array(shape: &[usize], seed: f32) -> ArrayD<f32> {
    let mut i = 0.0_f32;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        i += 1.0;
        (i * seed).sin() * (i * 0.37).cos() * 4.0
    })
}

#[test]
fn packed_arrays_give_the_statistics_of_the_arrays() {
    let folder = tempfile::tempdir().expect("a folder");
    let arrays = folder.path().join("dump");
    fs::create_dir_all(arrays.join("block")).expect("a folder");
    // Rows of more values than a list has, of one channel more than that, of few, and a vector.
    let tensors = [
        ("conv", array(&[5, 40, 40, 3], 0.7)),
        ("block/wide", array(&[2, 3, 5000], 0.11)),
        ("logits", array(&[5, 10], 1.3)),
        ("bias", array(&[7], 0.2)),
    ];
    for (name, x) in &tensors {
        write_npy(&arrays.join(format!("{name}.npy")), x);
    }
    let parquet = folder.path().join("activations.parquet");
    let packed = pack(&arrays, &parquet).expect("arrays that are packed");
    assert_eq!((packed.tensors, packed.values), (4, tensors.iter().map(|(_, x)| x.len()).sum()));

    let estimator: AnyEstimator = "mse".parse().expect("an estimator");
    let mut want = Statistics::new(estimator.clone());
    for (name, x) in &tensors {
        for sample in x.axis_iter(Axis(0)) {
            want.observe(name, &sample, false).expect("no channels");
        }
    }
    want.count_samples(5);
    let paths = [parquet.display().to_string()];
    for threads in [1, 3] {
        let found = wait(summarize(&session(threads), &paths, &Summary::new(estimator.clone()))).expect("statistics");
        assert_eq!(found.to_json().expect("JSON"), want.to_json().expect("JSON"));
    }

    let with_channels = Summary::new(estimator).with_channels();
    let found = wait(summarize(&session(2), &paths, &with_channels)).expect("statistics");
    let means = found.means("conv").expect("channels");
    let conv = &tensors[0].1;
    for (channel, mean) in means.iter().enumerate() {
        let values = conv.index_axis(Axis(3), channel);
        let want = values.iter().map(|x| f64::from(*x)).sum::<f64>() / values.len() as f64;
        assert!((f64::from(*mean) - want).abs() < 1e-7, "{mean} and {want}");
    }
    assert_eq!(found.means("block/wide").map(|means| means.len()), Some(5000));
}

#[test]
fn several_files_are_one_and_wrong_ones_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let x = array(&[6, 8], 0.9);
    let mut paths = Vec::new();
    for part in 0..2 {
        let source = folder.path().join(format!("{part}"));
        fs::create_dir(&source).expect("a folder");
        write_npy(&source.join("x.npy"), &x.slice_axis(Axis(0), (3 * part..3 * part + 3).into()).to_owned());
        let to = folder.path().join(format!("{part}.parquet"));
        pack(&source, &to).expect("an array that is packed");
        paths.push(to.display().to_string());
    }
    let found = wait(summarize(&session(2), &paths, &Summary::new(AnyEstimator::default()))).expect("statistics");
    assert_eq!((found.samples(), found.ranges().seen("x").map(|seen| seen.count)), (6, Some(48)));

    let empty = tempfile::tempdir().expect("a folder");
    let error = pack(empty.path(), &folder.path().join("none.parquet")).expect_err("nothing to pack").to_string();
    assert!(error.contains("holds no .npy"), "{error}");
    assert!(!folder.path().join("none.parquet").exists());
    let missing = [folder.path().join("missing.parquet").display().to_string()];
    assert!(wait(summarize(&session(1), &missing, &Summary::new(AnyEstimator::default()))).is_err());
}
