//! What was written is read back, bit for bit; a bad file is an error, never a panic; and a target is replaced whole or
//! left as it was.
#![cfg(feature = "safetensors")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use ndarray::{Array2, ArrayD, IxDyn};
use proptest::prelude::*;
use safetensors::SafeTensors;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::{TempDir, tempdir};
use tensor_quant::model::ModelError;
use tensor_quant::model::safetensors::{Reader, Stored, Writer};
use tensor_quant::num::{
    Code, F4E2M1Fn, F6E2M3Fn, F6E3M2Fn, F8E3M4, F8E4M3, F8E4M3B11Fnuz, F8E4M3Fn, F8E4M3Fnuz, F8E5M2, F8E5M2Fnuz, I1,
    I2, U1, U2,
};
use tensor_quant::params::{Affine, Cast, Granularity};
use tensor_quant::{Error, I4, QuantizedTensor, Scheme, U4, bf16, f16, quantize_tensor};

/// A file of this header and these data.
fn file_of(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// Tensors w (F32, [3, 5]), half (F16, [2]), ids (I64, [1]); a text in the metadata.
fn small_file() -> Vec<u8> {
    let mut data = 7_i64.to_le_bytes().to_vec();
    for i in 0..15 {
        data.extend_from_slice(&weights()[[i / 5, i % 5]].to_le_bytes());
    }
    for x in [1.5, -0.25] {
        data.extend_from_slice(&f16::from_f32(x).to_le_bytes());
    }
    let header = r#"{"__metadata__":{"format":"pt"},"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},
        "w":{"dtype":"F32","shape":[3,5],"data_offsets":[8,68]},"half":{"dtype":"F16","shape":[2],"data_offsets":[68,72]}}"#;
    file_of(header, &data)
}

fn weights() -> Array2<f32> {
    Array2::from_shape_fn((3, 5), |(i, j)| ((i * 5 + j) as f32 * 0.7).sin() * (i + 1) as f32)
}

fn folder_with(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("in.safetensors");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn open(bytes: &[u8]) -> Result<Reader, Error> {
    let (_folder, path) = folder_with(bytes);
    Reader::open(path)
}

fn write<C: Code>(path: &Path, q: &QuantizedTensor<C, IxDyn>, stored: Stored) -> Result<(), Error> {
    let metadata = HashMap::from([("a".into(), "1".into()), ("b".into(), "2".into()), ("c".into(), "3".into())]);
    let mut writer = Writer::create(path, vec![("w".into(), stored)], metadata)?;
    writer.write_quantized("w", q)?;
    writer.finish()
}

fn comes_back<C: Code>(granularity: Granularity) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("out.safetensors");
    let w: ArrayD<f32> = weights().into_dyn();
    let q = quantize_tensor(w.view(), &Scheme::<C>::affine().with_granularity(granularity)).unwrap();
    write(&path, &q, Stored::quantized::<C>(w.shape(), granularity)).unwrap();

    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.restore("w").unwrap(), q.dequantize(), "{} {granularity}", C::NAME);
    let read = reader.read_quantized::<C>("w").unwrap();
    assert_eq!((read.codes(), read.params()), (q.codes(), q.params()));
    assert_eq!(reader.metadata()["b"], "2");

    let bytes = fs::read(&path).unwrap();
    let theirs = SafeTensors::deserialize(&bytes).unwrap();
    let scales: Vec<u8> = q.params().scales().iter().flat_map(|s| s.to_le_bytes()).collect();
    assert_eq!(theirs.tensor("w.scale").unwrap().data(), scales);
    assert_eq!(theirs.tensor("w").unwrap().data().len(), C::packed_len(15));
    write(&path, &q, Stored::quantized::<C>(w.shape(), granularity)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes, "the same content gives the same bytes");
}

#[test]
fn codes_of_every_type_and_granularity_come_back() {
    for granularity in [
        Granularity::Tensor,
        Granularity::Axis(0),
        Granularity::Axis(1),
        Granularity::Block { axis: 1, size: 2 },
        Granularity::Block { axis: 0, size: 2 },
    ] {
        comes_back::<i8>(granularity);
        comes_back::<u8>(granularity);
        comes_back::<i16>(granularity);
        comes_back::<u16>(granularity);
        comes_back::<i32>(granularity);
        comes_back::<I4>(granularity);
        comes_back::<U4>(granularity);
        comes_back::<I2>(granularity);
        comes_back::<U2>(granularity);
        comes_back::<I1>(granularity);
        comes_back::<U1>(granularity);
        floats_come_back::<F8E4M3Fn>(granularity, "F8_E4M3");
        floats_come_back::<F8E5M2>(granularity, "F8_E5M2");
        floats_come_back::<F8E4M3Fnuz>(granularity, "F8_E4M3FNUZ");
        floats_come_back::<F8E5M2Fnuz>(granularity, "F8_E5M2FNUZ");
        floats_come_back::<F8E4M3B11Fnuz>(granularity, "U8");
        floats_come_back::<F8E4M3>(granularity, "U8");
        floats_come_back::<F8E3M4>(granularity, "U8");
        floats_come_back::<F6E2M3Fn>(granularity, "U8");
        floats_come_back::<F6E3M2Fn>(granularity, "U8");
        floats_come_back::<F4E2M1Fn>(granularity, "U8");
    }
}

/// Scaled, and as casts of as many elements as do not fill their last byte; with infinities, where there are some.
fn floats_come_back<C: Code>(granularity: Granularity, dtype: &str) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("out.safetensors");
    let w: ArrayD<f32> = weights().into_dyn();
    let scaled = quantize_tensor(w.view(), &Scheme::<C>::symmetric().with_granularity(granularity)).unwrap();
    let cast = quantize_tensor(w.view(), &Scheme::<C>::cast().with_granularity(granularity)).unwrap();
    let huge = w.mapv(|x| x * 1e9);
    let ieee = quantize_tensor(huge.view(), &Scheme::<C>::symmetric().with_calculator(Cast::ieee())).unwrap();
    for (q, granularity) in [(scaled, granularity), (cast, granularity), (ieee, Granularity::Tensor)] {
        write(&path, &q, Stored::quantized::<C>(w.shape(), granularity)).unwrap();
        let mut reader = Reader::open(&path).unwrap();
        assert_eq!(reader.info("w").unwrap().dtype, dtype);
        let read = reader.read_quantized::<C>("w").unwrap();
        assert_eq!(read, q);
        let (restored, want) = (reader.restore("w").unwrap(), q.dequantize());
        assert!(restored.iter().zip(&want).all(|(a, b)| a.to_bits() == b.to_bits()), "{} {granularity}", C::NAME);
        let bytes = fs::read(&path).unwrap();
        assert!(SafeTensors::deserialize(&bytes).unwrap().tensor("w").is_ok());
    }
}

#[test]
fn casts_are_plain_tensors_of_their_type() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("out.safetensors");
    let w: ArrayD<f32> = weights().into_dyn();
    let q = quantize_tensor(w.view(), &Scheme::<bf16>::cast()).unwrap();
    write(&path, &q, Stored::quantized::<bf16>(w.shape(), Granularity::Tensor)).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.names(), ["w"]);
    assert_eq!(reader.tensors().next().unwrap().dtype, "BF16");
    assert_eq!(reader.read("w").unwrap(), q.dequantize());
    assert_eq!(reader.restore("w").unwrap(), q.dequantize());
}

#[test]
fn offsets_are_stored_where_they_are_planned() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("out.safetensors");
    let w = (weights() + 10.0).into_dyn();
    let scheme = Scheme::<u8>::affine().with_calculator(Affine::without_zero()).with_axis(0);
    let q = quantize_tensor(w.view(), &scheme).unwrap();
    let stored = Stored::quantized::<u8>(w.shape(), scheme.granularity);
    let error = write(&path, &q, stored.clone()).unwrap_err();
    assert!(error.to_string().contains("offset"), "{error}");
    assert!(!path.exists());
    write(&path, &q, stored.with_offset()).unwrap();
    assert_eq!(Reader::open(&path).unwrap().restore("w").unwrap(), q.dequantize());
}

#[test]
fn every_floating_type_is_read_and_others_are_copied() {
    let (folder, path) = folder_with(&small_file());
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.names(), ["ids", "w", "half"]);
    assert_eq!(reader.read("w").unwrap(), weights().into_dyn());
    assert_eq!(reader.read("half").unwrap().as_slice().unwrap(), [1.5, -0.25]);
    let error = reader.read("ids").unwrap_err().to_string();
    assert!(error.contains("\"ids\"") && error.contains("I64"), "{error}");

    let out = folder.path().join("out.safetensors");
    let plan = reader.tensors().map(|t| (t.name.clone(), Stored::copy_of(t))).collect();
    let mut writer = Writer::create(&out, plan, reader.metadata().clone()).unwrap();
    for name in reader.names() {
        writer.copy(&name, &mut reader).unwrap();
    }
    writer.finish().unwrap();
    let (before, after) = (fs::read(&path).unwrap(), fs::read(&out).unwrap());
    let (before, after) = (SafeTensors::deserialize(&before).unwrap(), SafeTensors::deserialize(&after).unwrap());
    for name in ["ids", "w", "half"] {
        let (before, after) = (before.tensor(name).unwrap(), after.tensor(name).unwrap());
        assert_eq!((before.data(), before.shape(), before.dtype()), (after.data(), after.shape(), after.dtype()));
    }
}

#[test]
fn f64_is_rounded_once_and_bf16_widened() {
    let mut data = 0.1_f64.to_le_bytes().to_vec();
    data.extend_from_slice(&bf16::from_f32(-3.0).to_le_bytes());
    let header = r#"{"d":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[],"data_offsets":[8,10]}}"#;
    let (_folder, path) = folder_with(&file_of(header, &data));
    let mut reader = Reader::open(path).unwrap();
    assert_eq!(reader.read("d").unwrap()[[0]], 0.1_f32);
    assert_eq!(reader.read("b").unwrap()[IxDyn(&[])], -3.0);
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let whole = small_file();
    for n in 0..whole.len() {
        let error = open(&whole[..n]).expect_err("a part is not a file").to_string();
        assert!(error.contains("safetensors"), "{n}: {error}");
    }
    let mut longer = whole;
    longer.push(0);
    assert!(open(&longer).is_err(), "bytes behind the data");
}

#[test]
fn headers_that_lie_are_errors() {
    let entry = |dtype: &str, shape: &str, offsets: &str| {
        format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#)
    };
    for header in [
        entry("F32", "[2]", "[0,4]"),
        entry("F32", "[2]", "[4,12]"),
        entry("F32", "[2]", "[8,0]"),
        entry("F32", "[4611686018427387904, 4]", "[0,8]"),
        entry("F32", "[18446744073709551615]", "[0,8]"),
        entry("F99", "[2]", "[0,8]"),
        entry(r"li\nne", "[2]", "[0,8]"),
        entry("F32", "[-2]", "[0,8]"),
        entry("F32", "[2]", "[0,18446744073709551615]"),
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
            .into(),
        "[]".into(),
        "{".into(),
        "\u{0}".into(),
        "[".repeat(100_000),
        "{}".into(),
    ] {
        let error = open(&file_of(&header, &[0; 8])).expect_err(&header[..header.len().min(80)]);
        assert!(matches!(error, Error::Format { .. }), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    for length in [u64::MAX, 1 << 63, 1 << 40, 9] {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend_from_slice(b"{}");
        assert!(matches!(open(&bytes), Err(Error::Format { .. })));
    }
}

#[test]
fn an_empty_shape_with_absurd_lengths_is_no_panic() {
    let header = r#"{"w":{"dtype":"F32","shape":[0,9223372036854775807,4],"data_offsets":[0,0]}}"#;
    let Ok(mut reader) = open(&file_of(header, &[])) else { return };
    assert!(reader.read("w").is_err());
    let shape = reader.tensors().next().unwrap().shape.clone();
    let folder = tempdir().unwrap();
    for granularity in [Granularity::Tensor, Granularity::Axis(1), Granularity::Block { axis: 0, size: 1 }] {
        let plan = vec![("w".into(), Stored::quantized::<i8>(&shape, granularity))];
        let _ = Writer::create(folder.path().join("x"), plan, HashMap::new());
    }
}

/// A quantized file whose description is `description`, with one i8 tensor w of two elements.
fn described(description: &str, scale: f32, zero_point: i32) -> Result<ArrayD<f32>, Error> {
    let text = serde_json::to_string(description).unwrap();
    let header = format!(
        r#"{{"__metadata__":{{"tensor_quant":{text}}},"w.scale":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}},
        "w.zero_point":{{"dtype":"I32","shape":[1],"data_offsets":[4,8]}},"w":{{"dtype":"I8","shape":[2],"data_offsets":[8,10]}}}}"#
    );
    let mut data = scale.to_le_bytes().to_vec();
    data.extend_from_slice(&zero_point.to_le_bytes());
    data.extend_from_slice(&[1, 0xff]);
    let (_folder, path) = folder_with(&file_of(&header, &data));
    Reader::open(path)?.restore("w")
}

#[test]
fn descriptions_that_do_not_fit_are_errors() {
    let tensor = |fields: &str| format!(r#"{{"version":1,"tensors":{{"w":{{{fields}}}}}}}"#);
    let good = tensor(r#""code":"i8","shape":[2],"codes":[-127,127]"#);
    assert_eq!(described(&good, 0.5, 0).unwrap().as_slice().unwrap(), [0.5, -0.5]);

    assert!(described(&good, -0.5, 0).is_err());
    assert!(described(&good, f32::NAN, 0).is_err());
    assert!(described(&good, 0.5, 1000).is_err());
    for description in [
        good.replace("\"version\":1", "\"version\":4"),
        tensor(r#""code":"i9","shape":[2],"codes":[-127,127]"#),
        tensor(r#""code":"i16","shape":[2],"codes":[-127,127]"#),
        tensor(r#""code":"i8","shape":[3],"codes":[-127,127]"#),
        tensor(r#""code":"i8","shape":[18446744073709551615,18446744073709551615],"codes":[-127,127]"#),
        tensor(r#""code":"i8","shape":[0,9223372036854775807,9],"codes":[-127,127]"#),
        tensor(r#""code":"i8","shape":[2],"codes":[5,5]"#),
        tensor(r#""code":"i8","shape":[2],"codes":[-127,127],"axis":1"#),
        tensor(r#""code":"i8","shape":[2],"codes":[-127,127],"axis":0"#),
        tensor(r#""code":"i8","shape":[2],"codes":[-127,127],"axis":0,"block_size":0"#),
        tensor(r#""code":"i8","shape":[2],"codes":[-127,127],"offset":true"#),
        "{}".into(),
        "not JSON".into(),
    ] {
        assert!(described(&description, 0.5, 0).is_err(), "{description}");
    }
}

proptest! {
    #[test]
    fn a_file_with_changed_bytes_never_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let folder = tempdir().unwrap();
        let path = folder.path().join("q.safetensors");
        let w = weights().into_dyn();
        let q = quantize_tensor(w.view(), &Scheme::<I4>::affine().with_blocks(1, 2)).unwrap();
        write(&path, &q, Stored::quantized::<I4>(w.shape(), q.params().granularity())).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        fs::write(&path, bytes).unwrap();
        if let Ok(mut reader) = Reader::open(&path) {
            for name in reader.names() {
                let _ = reader.read(&name);
                let _ = reader.restore(&name);
            }
        }
    }
}

#[test]
fn an_unfinished_writer_leaves_the_target_as_it_was() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("out.safetensors");
    fs::write(&path, "what was there").unwrap();
    let w = weights().into_dyn();
    let q = quantize_tensor(w.view(), &Scheme::<i8>::symmetric()).unwrap();
    let stored = || Stored::quantized::<i8>(&[3, 5], Granularity::Tensor);

    let mut writer = Writer::create(&path, vec![("w".into(), stored())], HashMap::new()).unwrap();
    writer.write_quantized("w", &q).unwrap();
    drop(writer);

    let plan = vec![("w".into(), stored()), ("v".into(), stored())];
    let mut writer = Writer::create(&path, plan, HashMap::new()).unwrap();
    writer.write_quantized("w", &q).unwrap();
    let error = writer.finish().unwrap_err();
    assert!(matches!(error.floor(), Some(ModelError::NotWritten { name }) if name == "v"), "{error}");

    assert_eq!(fs::read_to_string(&path).unwrap(), "what was there");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file is left");
}

#[test]
fn a_writer_takes_what_was_planned_and_nothing_else() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("out.safetensors");
    let w = weights().into_dyn();
    let q = quantize_tensor(w.view(), &Scheme::<i8>::symmetric()).unwrap();
    let create = |stored| Writer::create(&path, vec![("w".into(), stored)], HashMap::new()).unwrap();

    let mut writer = create(Stored::quantized::<i8>(&[3, 5], Granularity::Tensor));
    let error = writer.write_quantized("x", &q).unwrap_err();
    assert!(matches!(error.floor(), Some(ModelError::NoSuchTensor { .. })), "{error}");
    let mut writer = create(Stored::quantized::<i8>(&[5, 3], Granularity::Tensor));
    let error = writer.write_quantized("w", &q).unwrap_err().to_string();
    assert_eq!(error, "tensor \"w\": the codes: expected the shape [5, 3], got [3, 5]");
    for stored in [
        Stored::quantized::<i8>(&[3, 5], Granularity::Axis(0)),
        Stored::quantized::<u8>(&[3, 5], Granularity::Tensor),
        Stored::quantized::<f16>(&[3, 5], Granularity::Tensor),
    ] {
        assert!(create(stored).write_quantized("w", &q).is_err());
    }

    let stored = || Stored::quantized::<i8>(&[1], Granularity::Tensor);
    let twice = vec![("w".into(), stored()), ("w.scale".into(), stored())];
    let error = Writer::create(&path, twice, HashMap::new()).unwrap_err().to_string();
    assert_eq!(error, "two tensors would be named \"w.scale\"");
    let axis = vec![("w".into(), Stored::quantized::<i8>(&[3, 5], Granularity::Axis(2)))];
    let error = Writer::create(&path, axis, HashMap::new()).unwrap_err().to_string();
    assert_eq!(error, "tensor \"w\": axis 2 is out of bounds for a tensor of 2 dimensions");
}

#[test]
fn places_that_cannot_be_written_to_are_named() {
    let folder = tempdir().unwrap();
    let error = |path: &Path| Writer::create(path, vec![], HashMap::new()).unwrap_err().to_string();
    assert!(error(folder.path()).contains("is a directory"));
    let nowhere = folder.path().join("no/such/folder/x.safetensors");
    assert!(error(&nowhere).contains("no/such/folder"));
    assert!(matches!(Reader::open(folder.path()), Err(Error::Io { action: "read", .. })));
    assert!(matches!(Reader::open(nowhere), Err(Error::Io { .. })));
}

#[cfg(unix)]
#[test]
fn a_new_file_can_be_read_by_others_as_any_new_file_can() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempdir().unwrap();
    let (ours, ordinary) = (folder.path().join("ours"), folder.path().join("ordinary"));
    Writer::create(&ours, vec![], HashMap::new()).unwrap().finish().unwrap();
    fs::write(&ordinary, "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&ours), mode(&ordinary));
    assert!(SafeTensors::deserialize(&fs::read(&ours).unwrap()).unwrap().is_empty());
}

#[test]
fn large_tensors_are_aligned_and_in_one_piece() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("out.safetensors");
    let w = ArrayD::from_shape_fn(IxDyn(&[513, 401]), |i| ((i[0] * 401 + i[1]) as f32 * 0.001).sin());
    let q = quantize_tensor(w.view(), &Scheme::<I4>::symmetric().with_axis(0)).unwrap();
    write(&path, &q, Stored::quantized::<I4>(w.shape(), Granularity::Axis(0))).unwrap();
    assert_eq!(Reader::open(&path).unwrap().restore("w").unwrap(), q.dequantize());
    let bytes = fs::read(&path).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    assert_eq!(header % 8, 0);
    let theirs = SafeTensors::deserialize(&bytes).unwrap();
    let start = theirs.tensor("w.scale").unwrap().data().as_ptr() as usize - bytes.as_ptr() as usize;
    assert_eq!(start % 4, 0);
}
