//! Files as samples: what is read, what is refused and why.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::*;
use ndarray::{Array, Array1, ArrayD, ShapeBuilder, arr1, arr2};
use ndarray_npy::{NpzWriter, WritableElement, write_npy};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tensor_quant::calibration::{Array as Values, Endpoint, Observe, RunError, Runner, Sample, Samples};
use tensor_quant::graph::ElementType;

/// A model that takes what it is told to.
struct Model(Vec<(&'static str, Vec<Endpoint>)>);

impl Runner for Model {
    fn signatures(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| (*name).into()).collect()
    }
    fn inputs(&self, signature: Option<&str>) -> Result<Vec<Endpoint>, RunError> {
        let found = self.0.iter().find(|(name, _)| signature.is_none_or(|wanted| wanted == *name));
        let missing = || RunError::NoSignature { name: signature.unwrap_or_default().into(), known: self.signatures() };
        Ok(found.ok_or_else(missing)?.1.clone())
    }
    fn outputs(&self, _: Option<&str>) -> Result<Vec<Endpoint>, RunError> {
        Ok(Vec::new())
    }
    fn run(
        &mut self,
        _: Option<&str>,
        _: &[(&str, Values)],
        _: &mut Observe<'_>,
    ) -> Result<Vec<(String, Values)>, RunError> {
        Ok(Vec::new())
    }
}

fn takes(name: &str, element_type: ElementType, shape: &[usize]) -> Endpoint {
    Endpoint::new(name, element_type, Some(shape.iter().map(|&len| (len > 0).then_some(len)).collect()))
}

/// A model of one input `x` of reals.
fn model(shape: &[usize]) -> Model {
    Model(vec![("serve", vec![takes("x", ElementType::F32, shape)])])
}

fn npz(folder: &TempDir, name: &str, write: impl FnOnce(&mut NpzWriter<File>)) -> PathBuf {
    let path = folder.path().join(name);
    let mut writer = NpzWriter::new_compressed(File::create(&path).unwrap());
    write(&mut writer);
    writer.finish().unwrap();
    path
}

fn npy<E: WritableElement>(folder: &TempDir, name: &str, array: &ArrayD<E>) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_npy(&path, array).unwrap();
    path
}

fn read(path: &Path, model: &Model, reading: &Reading) -> Result<Vec<Sample>, RunError> {
    Data::open(path, model, reading)?.samples().collect()
}

fn reals(path: &Path, model: &Model, reading: &Reading) -> Vec<Vec<f32>> {
    let samples = read(path, model, reading).unwrap();
    samples.iter().map(|sample| sample[0].1.to_f32().into_iter().collect()).collect()
}

fn refused(path: &Path, model: &Model, reading: &Reading) -> String {
    read(path, model, reading).unwrap_err().to_string()
}

fn plain() -> Reading {
    Reading::default()
}

#[test]
fn labels_that_do_not_fit_are_left_out_and_told() {
    let folder = TempDir::new().unwrap();
    let left_out = |name: &str, labels: &dyn Fn(&mut NpzWriter<File>)| {
        let path = npz(&folder, name, |npz| {
            npz.add_array("x", &arr2(&[[1.0_f32, 2.0], [3.0, 4.0], [5.0, 6.0]])).unwrap();
            labels(npz);
        });
        let data = Data::open(path, &model(&[1, 2]), &plain()).unwrap();
        (data.classes().is_some(), data.labels_left_out().map(str::to_owned))
    };
    assert_eq!(left_out("right.npz", &|npz| npz.add_array("labels", &arr1(&[2_i64, -1, 0])).unwrap()), (true, None));
    let (has, reason) = left_out("few.npz", &|npz| npz.add_array("labels", &arr1(&[2_i64, 0])).unwrap());
    assert!(!has && reason.unwrap().contains("of 2, and there are 3 samples"));
    let (has, reason) = left_out("real.npz", &|npz| npz.add_array("labels", &arr1(&[2.0_f32, 0.0, 1.0])).unwrap());
    assert!(!has && reason.unwrap().contains("no whole numbers"));
}

#[test]
fn arrays_of_a_npz_are_found_by_signature_and_input() {
    let folder = TempDir::new().unwrap();
    let path = npz(&folder, "data.npz", |npz| {
        npz.add_array("serve/x", &arr2(&[[1.0_f32, 2.0], [3.0, 4.0], [5.0, 6.0]])).unwrap();
        npz.add_array("other/x", &arr2(&[[7.0_f32, 8.0]])).unwrap();
        npz.add_array("labels", &arr1(&[2_i64, -1, 0])).unwrap();
    });
    let input = || vec![takes("x", ElementType::F32, &[1, 2])];
    let two = Model(vec![("serve", input()), ("other", input())]);
    assert_eq!(reals(&path, &two, &plain()), [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    assert_eq!(reals(&path, &two, &plain().with_signature(Some("other"))), [[7.0, 8.0]]);
    assert_eq!(reals(&path, &two, &plain().with_limit(2)).len(), 2);
    let data = Data::open(&path, &two, &plain()).unwrap();
    let classes = data.classes().unwrap();
    assert_eq!((classes.of(0), classes.of(1), classes.of(2)), (&[Some(2)][..], &[None][..], &[Some(0)][..]));
    // Labels of other samples are none of these.
    assert!(Data::open(&path, &two, &plain().with_signature(Some("other"))).unwrap().classes().is_none());
    let all = Signatures::open(&path, &two, &plain()).unwrap();
    assert_eq!((all.count(None), all.count(Some("other")), all.count(Some("third"))), (3, 1, 0));
    assert!(all.sample(Some("third"), 0).is_err() && all.sample(None, 3).is_err());
    let first = |number| all.sample(None, number).unwrap()[0].1.to_f32()[[0, 0]];
    assert_eq!([2, 0, 1, 1, 2].map(first), [5.0, 1.0, 3.0, 3.0, 5.0]);
    assert!(matches!(read(&path, &two, &plain().with_signature(Some("none"))), Err(RunError::NoSignature { .. })));
}

#[test]
fn an_array_named_after_a_signature_has_to_fit_it() {
    let folder = TempDir::new().unwrap();
    let path = npz(&folder, "data.npz", |npz| {
        npz.add_array("serve/x", &arr2(&[[1.0_f32, 2.0]])).unwrap();
        npz.add_array("other/x", &arr2(&[[1.0_f32, 2.0, 3.0]])).unwrap();
    });
    let input = || vec![takes("x", ElementType::F32, &[1, 2])];
    let model = |second| Model(vec![("serve", input()), (second, input())]);
    let error = Signatures::open(&path, &model("other"), &plain()).unwrap_err().to_string();
    assert!(error.contains("other/x") && error.contains("[1, 2]"), "{error}");
    // Of a signature that nothing is named after there are no samples.
    let all = Signatures::open(&path, &model("third"), &plain()).unwrap();
    assert_eq!((all.count(Some("serve")), all.count(Some("third"))), (1, 0));
}

#[test]
fn a_name_that_is_not_there_is_told_with_the_nearest() {
    let folder = TempDir::new().unwrap();
    let path = npz(&folder, "data.npz", |npz| {
        npz.add_array("imagse", &arr2(&[[1.0_f32]])).unwrap();
        npz.add_array("mask", &arr2(&[[1.0_f32]])).unwrap();
    });
    let model = Model(vec![("serve", vec![takes("images", ElementType::F32, &[1, 1])])]);
    let error = refused(&path, &model, &plain());
    assert!(error.contains("did you mean \"imagse\"") && error.contains("\"mask\""), "{error}");
    let error = refused(&path, &model, &plain().with_array(None, "depth"));
    assert!(error.contains("there is no array \"depth\"; there are"), "{error}");
    assert_eq!(reals(&path, &model, &plain().with_array(Some("images"), "mask")), [[1.0]]);
    let error = refused(&path, &model, &plain().with_array(Some("picture"), "mask"));
    assert!(error.contains("picture"), "{error}");

    let two = npz(&folder, "two.npz", |npz| {
        npz.add_array("calib/images", &arr2(&[[1.0_f32]])).unwrap();
        npz.add_array("test/images", &arr2(&[[2.0_f32]])).unwrap();
    });
    let error = refused(&two, &model, &plain());
    assert!(error.contains("calib/images") && error.contains("say which"), "{error}");
    assert_eq!(reals(&two, &model, &plain().with_array(None, "test/images")), [[2.0]]);
}

#[test]
fn numbers_become_what_the_input_takes() {
    let folder = TempDir::new().unwrap();
    let bytes = npy(&folder, "bytes.npy", &arr2(&[[0_u8, 255]]).into_dyn());
    let scaled = plain().with_normalization(Normalization::new("0", "1/255").unwrap());
    assert_eq!(reals(&bytes, &model(&[1, 2]), &scaled), [[0.0, 1.0]]);
    assert_eq!(reals(&bytes, &model(&[1, 2]), &plain()), [[0.0, 255.0]]);
    let of = |endpoint: Endpoint| Model(vec![("serve", vec![endpoint])]);
    let mut codes = takes("x", ElementType::U8, &[1, 2]);
    codes.quantization = Some((0.5, 0));
    let codes = of(codes);
    assert!(matches!(read(&bytes, &codes, &plain()).unwrap()[0][0].1, Values::U8(_)));
    assert!(matches!(read(&bytes, &codes, &scaled).unwrap()[0][0].1, Values::F32(_)));

    let ids = npy(&folder, "ids.npy", &arr2(&[[1_i64, 1 << 40]]).into_dyn());
    assert!(matches!(
        read(&ids, &of(takes("x", ElementType::I64, &[1, 2])), &plain()).unwrap()[0][0].1,
        Values::I64(_)
    ));
    let error = refused(&ids, &of(takes("x", ElementType::I32, &[1, 2])), &plain());
    assert!(error.contains("1099511627776 does not fit into elements of i32"), "{error}");
    let floats = npy(&folder, "floats.npy", &arr2(&[[1.0_f64, f64::NAN]]).into_dyn());
    assert!(refused(&floats, &of(takes("x", ElementType::I32, &[1, 2])), &plain()).contains("elements of f64"));
    assert!(reals(&floats, &model(&[1, 2]), &plain())[0][1].is_nan());
    let truths = npy(&folder, "truths.npy", &arr2(&[[true, false]]).into_dyn());
    assert!(matches!(
        read(&truths, &of(takes("x", ElementType::Bool, &[1, 2])), &plain()).unwrap()[0][0].1,
        Values::Bool(_)
    ));
    let channels = plain().with_normalization(Normalization::new("1, 2, 3", "1").unwrap());
    assert!(refused(&bytes, &model(&[1, 2]), &channels).contains("2 channels"));
}

#[test]
fn an_array_in_fortran_order_and_one_of_big_endian_numbers_are_read() {
    let folder = TempDir::new().unwrap();
    let expected = [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0, 11.0]];
    let counted = Array::from_shape_fn((2, 2, 3), |(i, j, k)| (i * 6 + j * 3 + k) as f32);
    let mut fortran = Array::zeros((2, 2, 3).f());
    fortran.assign(&counted);
    let path = npy(&folder, "fortran.npy", &fortran.into_dyn());
    assert!(fs::read(&path).unwrap().windows(4).any(|w| w == b"True"));
    assert_eq!(reals(&path, &model(&[1, 2, 3]), &plain()), expected);

    let mut big = b"\x93NUMPY\x01\0\x40\0".to_vec();
    big.extend(format!("{:<64}", "{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }").as_bytes());
    big.extend([1, 0, 0xff, 0xfe]);
    let path = folder.path().join("big.npy");
    fs::write(&path, &big).unwrap();
    assert_eq!(reals(&path, &model(&[1]), &plain()), [[256.0], [-2.0]]);
}

#[test]
fn a_folder_holds_inputs_or_samples() {
    let folder = TempDir::new().unwrap();
    let two =
        Model(vec![("serve", vec![takes("a", ElementType::F32, &[1, 1]), takes("b", ElementType::F32, &[1, 2])])]);
    npy(&folder, "inputs/serve/a.npy", &arr2(&[[1.0_f32], [2.0]]).into_dyn());
    npy(&folder, "inputs/serve/b.npy", &arr2(&[[3.0_f32, 4.0], [5.0, 6.0]]).into_dyn());
    let samples = read(&folder.path().join("inputs"), &two, &plain()).unwrap();
    assert_eq!((samples.len(), samples[1][0].1.to_f32()[[0, 0]], samples[1][1].1.to_f32()[[0, 1]]), (2, 2.0, 6.0));
    npy(&folder, "inputs/serve/b.npy", &arr2(&[[3.0_f32, 4.0]]).into_dyn());
    let error = refused(&folder.path().join("inputs"), &two, &plain());
    assert!(error.contains("has 1 samples") && error.contains("has 2"), "{error}");

    npy(&folder, "samples/1.npy", &arr1(&[1.0_f32, 2.0]).into_dyn());
    npy(&folder, "samples/2.npy", &arr2(&[[3.0_f32, 4.0], [5.0, 6.0]]).into_dyn());
    fs::write(folder.path().join("samples/notes.txt"), "not data").unwrap();
    assert_eq!(reals(&folder.path().join("samples"), &model(&[1, 2]), &plain()), [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    let both = Data::open(folder.path().join("samples"), &model(&[1, 2]), &plain()).unwrap();
    assert_eq!((both.len(), both.is_empty(), both.is_noise()), (3, false, false));

    fs::create_dir(folder.path().join("empty")).unwrap();
    assert!(refused(&folder.path().join("empty"), &model(&[1]), &plain()).contains("npz"));
    assert!(refused(&folder.path().join("absent"), &model(&[1]), &plain()).contains("absent"));
}

#[test]
fn no_samples_are_no_error_of_the_reader() {
    let folder = TempDir::new().unwrap();
    let path = npy(&folder, "x.npy", &ArrayD::<f32>::zeros(vec![0, 2]));
    let data = Data::open(&path, &model(&[1, 2]), &plain()).unwrap();
    assert!(data.is_empty() && data.samples().next().is_none());
    let held = Data::held(vec![vec![("x".into(), ArrayD::zeros(vec![1]).into())]]);
    assert_eq!((held.len(), held.samples().count()), (1, 1));
}

#[test]
fn noise_has_the_inputs_shapes() {
    let data = Data::noise(&model(&[0, 3]), None, 4).unwrap();
    let samples: Vec<Sample> = data.samples().collect::<Result<_, _>>().unwrap();
    assert!(data.is_noise() && samples.len() == 4 && samples[0] != samples[1]);
    assert_eq!(samples[3][0].1.shape(), [1, 3]);
}

#[test]
fn classes_stand_in_files_of_their_own() {
    let folder = TempDir::new().unwrap();
    let path = npy(&folder, "y.npy", &arr2(&[[1_u8, 0], [2, 5]]).into_dyn());
    let classes = Classes::open(path).unwrap();
    assert_eq!((classes.samples(), classes.of(1)), (2, &[Some(2), Some(5)][..]));
    let path = npy(&folder, "reals.npy", &Array1::<f32>::zeros(3).into_dyn());
    assert!(Classes::open(path).unwrap_err().to_string().contains("integers are due"));
    let path = npz(&folder, "two.npz", |npz| {
        npz.add_array("a", &arr1(&[1_u8])).unwrap();
        npz.add_array("b", &arr1(&[1_u8])).unwrap();
    });
    assert!(Classes::open(path).unwrap_err().to_string().contains("\"labels\""));
}

#[test]
fn damaged_files_are_errors() {
    let folder = TempDir::new().unwrap();
    let ones = arr2(&[[1.0_f32; 64]; 64]);
    let path = npz(&folder, "good.npz", |npz| npz.add_array("x", &ones).unwrap());
    let good = fs::read(&path).unwrap();
    let model = model(&[1, 64]);
    assert_eq!(reals(&path, &model, &plain()).len(), 64);
    let bad = folder.path().join("bad.npz");
    // Cut off anywhere, it is refused; with a bit changed, it is too, or what counts is as it was.
    for len in (0..good.len()).step_by(3) {
        fs::write(&bad, &good[..len]).unwrap();
        assert!(read(&bad, &model, &plain()).is_err(), "{len} bytes");
    }
    for at in (0..good.len()).step_by(2) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at / 2 % 8);
        fs::write(&bad, &bytes).unwrap();
        if let Ok(samples) = read(&bad, &model, &plain()) {
            assert!(samples.iter().all(|sample| sample[0].1.to_f32().iter().all(|&x| x == 1.0)), "byte {at}");
        }
    }
    let path = npy(&folder, "good.npy", &ones.into_dyn());
    let good = fs::read(&path).unwrap();
    let bad = folder.path().join("bad.npy");
    for len in (0..good.len()).step_by(7) {
        fs::write(&bad, &good[..len]).unwrap();
        assert!(read(&bad, &model, &plain()).is_err(), "{len} bytes");
    }
    fs::write(&bad, "shape").unwrap();
    assert!(refused(&bad, &model, &plain()).contains("NumPy"));
}

#[test]
fn sizes_that_no_file_has_are_refused_before_anything_is_allocated() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.npy");
    for shape in ["(9223372036854775807, 4)", "(0, 18446744073709551615, 18446744073709551615)", "(1000000000000,)"] {
        let mut bytes = b"\x93NUMPY\x01\0\x80\0".to_vec();
        let header = format!("{{'descr': '<f4', 'fortran_order': True, 'shape': {shape}, }}");
        bytes.extend(format!("{header:<128}").as_bytes());
        fs::write(&path, &bytes).unwrap();
        let error = refused(&path, &model(&[1, 4]), &plain());
        assert!(error.contains("too many elements") || error.contains("follow the header"), "{error}");
    }
}

#[cfg(feature = "safetensors")]
#[test]
fn tensors_of_safetensors_are_arrays() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.safetensors");
    let header = r#"{"b":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"x":{"dtype":"BF16","shape":[2,2],"data_offsets":[8,16]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(7_i64.to_le_bytes());
    for x in [0x3f80_u16, 0x4000, 0xbf80, 0] {
        bytes.extend(x.to_le_bytes());
    }
    fs::write(&path, bytes).unwrap();
    assert_eq!(reals(&path, &model(&[1, 2]), &plain()), [[1.0, 2.0], [-1.0, 0.0]]);
    assert_eq!(arrays(&path).unwrap()[0].read_integers().unwrap(), [7]);
}

#[cfg(feature = "images")]
#[test]
fn images_are_resized_and_normalized() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.png");
    let picture = image::RgbImage::from_fn(4, 2, |x, _| image::Rgb([if x < 2 { 255 } else { 0 }, 128, 0]));
    picture.save(&path).unwrap();
    let scaled = plain().with_normalization(Normalization::new("0", "1/255").unwrap());
    let samples = read(&path, &model(&[1, 2, 4, 3]), &scaled).unwrap();
    let pixels = samples[0][0].1.to_f32();
    assert_eq!((pixels[[0, 0, 0, 0]], pixels[[0, 1, 3, 0]], pixels[[0, 0, 0, 1]]), (1.0, 0.0, 128.0 / 255.0));
    let first = read(&path, &model(&[1, 3, 2, 4]), &scaled).unwrap()[0][0].1.to_f32();
    assert_eq!(first.clone().permuted_axes(vec![0, 2, 3, 1]), pixels);
    let small = read(folder.path(), &model(&[1, 1, 2, 3]), &scaled).unwrap()[0][0].1.to_f32();
    assert_eq!(small.shape(), [1, 1, 2, 3]);
    assert!(small[[0, 0, 0, 0]] > 0.8 && small[[0, 0, 1, 0]] < 0.2);
    let grey = read(&path, &model(&[1, 0, 0, 1]), &plain()).unwrap()[0][0].1.to_f32();
    assert_eq!(grey.shape(), [1, 2, 4, 1]);
    let channels = plain().with_normalization(Normalization::new("255,128,0", "1,1,1").unwrap());
    assert_eq!(reals(&path, &model(&[1, 2, 4, 3]), &channels)[0][..3], [0.0, 0.0, 0.0]);
    assert!(refused(&path, &model(&[1, 10]), &plain()).contains("[Some(1), Some(10)]"));
    fs::write(&path, "no picture").unwrap();
    assert!(refused(&path, &model(&[1, 2, 4, 3]), &plain()).contains("image"));
}

#[cfg(feature = "images")]
#[test]
fn a_folder_of_images_is_one_sample_for_each_in_the_order_of_names() {
    let folder = TempDir::new().unwrap();
    let save = |name: &str, level: u8, (width, height)| {
        let picture = image::GrayImage::from_pixel(width, height, image::Luma([level]));
        picture.save(folder.path().join(name)).unwrap();
    };
    save("b.PNG", 51, (3, 3));
    save("a.png", 255, (2, 2));
    save("c.jpeg", 102, (5, 4));
    fs::write(folder.path().join("notes.txt"), "no image").unwrap();
    fs::create_dir(folder.path().join("more")).unwrap();
    let scaled = plain().with_normalization(Normalization::new("0", "1/255").unwrap());
    let takes_pixels = model(&[1, 2, 2, 1]);
    let samples = read(folder.path(), &takes_pixels, &scaled).unwrap();
    let means: Vec<f32> = samples.iter().map(|sample| sample[0].1.to_f32().mean().unwrap()).collect();
    assert_eq!(samples.len(), 3);
    for (mean, expected) in means.iter().zip([1.0, 0.2, 0.4]) {
        assert!((mean - expected).abs() < 0.01, "{means:?}");
    }
    let first = plain().with_limit(2);
    assert_eq!(read(folder.path(), &takes_pixels, &first).unwrap().len(), 2);
    // One that is broken is named.
    fs::write(folder.path().join("d.png"), "no picture").unwrap();
    assert!(refused(folder.path(), &takes_pixels, &plain()).contains("d.png"));
    let empty = TempDir::new().unwrap();
    assert!(refused(empty.path(), &takes_pixels, &plain()).contains("no files of"));
}
