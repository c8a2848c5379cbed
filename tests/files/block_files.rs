//! A recipe that asks for blocks gives a file whose tensors are blocks, described so that they are read back, bit for bit.
#![cfg(feature = "pipeline")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use tempfile::tempdir;
use tensor_quant::block::{BlockSearch, BlockTensor, BlockType};
use tensor_quant::model::safetensors::Reader;
use tensor_quant::pipeline::{Options, Outcome, compare_files, inspect_file, quantize_file};
use tensor_quant::recipe::Recipe;

fn mlp() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/digits_mlp.safetensors")
}

fn recipe(to: &str) -> Recipe {
    let mut recipe = Recipe::named("int8-weight-only").unwrap();
    recipe.rules.truncate(1);
    recipe.rules[0].to = to.parse().unwrap();
    recipe
}

fn quantized(input: &Path, to: &str, output: &Path) -> Outcome {
    quantize_file(input, output, &recipe(to), &Options::default(), &mut |_| ()).unwrap()
}

#[test]
fn blocks_are_written_described_and_read_back() {
    let folder = tempdir().unwrap();
    for (to, block, search) in [
        ("q8_0", BlockType::Q8_0, BlockSearch::Plain),
        ("q4_0 best", BlockType::Q4_0, BlockSearch::Best),
        ("nf4", BlockType::NF4, BlockSearch::Plain),
        ("mxfp4", BlockType::MXFP4, BlockSearch::Plain),
    ] {
        let output = folder.path().join(to.replace(' ', "_"));
        let outcome = quantized(&mlp(), to, &output);
        let (mut original, mut written) = (Reader::open(mlp()).unwrap(), Reader::open(&output).unwrap());
        assert!(outcome.changed().count() > 0, "{:?}", outcome.tensors);
        for tensor in outcome.changed() {
            assert_eq!(tensor.after, to);
            let values = original.read(&tensor.name).unwrap();
            let q = written.read_blocks(&tensor.name).unwrap();
            let want =
                BlockTensor::quantize(values.view(), tensor_quant::block::BlockScheme { block, search }, None).unwrap();
            assert_eq!(q, want, "{to} {}", tensor.name);
            assert_eq!(written.restore(&tensor.name).unwrap(), want.dequantize());
            assert_eq!(written.quantization(&tensor.name).as_deref(), Some(block.name()));
            assert_eq!(tensor.bytes_after, want.bytes().len() as u64);
            assert!(tensor.error.as_ref().unwrap().sqnr_db() > 12.0);
            assert!(written.read_packed(&tensor.name).is_err());
        }
        assert!(outcome.bytes_out < outcome.bytes_in);
        assert!(compare_files(mlp(), &output).is_ok() && inspect_file(&output).is_ok());
    }
}

#[test]
fn rows_that_are_not_whole_blocks_are_kept_and_named() {
    let folder = tempdir().unwrap();
    let output = folder.path().join("out");
    let error = quantize_file(mlp(), &output, &recipe("q4_k"), &Options::default(), &mut |_| ()).unwrap_err();
    assert!(error.to_string().contains("whole blocks of 256"), "{error}");
    let error = quantize_file(mlp(), &output, &recipe("iq2_xs"), &Options::default(), &mut |_| ()).unwrap_err();
    assert!(error.to_string().contains("read, not written"), "{error}");
    assert!(!output.exists());
}

#[test]
fn values_that_blocks_would_make_infinite_are_kept_with_the_reason() {
    let folder = tempdir().unwrap();
    let (input, output) = (folder.path().join("in.safetensors"), folder.path().join("out.safetensors"));
    let tensor = |name: &str, start: usize| {
        format!(r#""{name}":{{"dtype":"F32","shape":[4,64],"data_offsets":[{start},{}]}}"#, start + 1024)
    };
    let header = format!("{{{},{}}}", tensor("large", 0), tensor("usual", 1024));
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    for i in 0..512_u16 {
        let x = if i == 70 { 1e6 } else { (f32::from(i) * 0.37).sin() };
        bytes.extend(x.to_le_bytes());
    }
    std::fs::write(&input, bytes).unwrap();
    let of_any_size = |to: &str| {
        let mut recipe = recipe(to);
        recipe.rules[0].min_elements = 0;
        recipe
    };
    let outcome = quantize_file(&input, &output, &of_any_size("q4_0"), &Options::default(), &mut |_| ()).unwrap();
    let large = outcome.tensors.iter().find(|tensor| tensor.name == "large").unwrap();
    assert_eq!(large.reason, "32 values would not be finite as q4_0: the largest magnitude is 1e6");
    assert_eq!(outcome.changed().map(|tensor| tensor.name.as_str()).collect::<Vec<_>>(), ["usual"]);
    // A format with a scale of 8 bits holds it.
    let output = folder.path().join("mx.safetensors");
    let outcome = quantize_file(&input, &output, &of_any_size("mxfp8_e4m3"), &Options::default(), &mut |_| ()).unwrap();
    assert_eq!(outcome.changed().count(), 2);
}
