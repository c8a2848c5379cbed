//! Names in `.tflite` files are bytes, of any kind: they are shown as well as can be, and none is lost.
#![cfg(feature = "pipeline")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::Path;
use tempfile::tempdir;
use tensor_quant::model::tflite::Model;
use tensor_quant::pipeline::{Options, compare_files, quantize_file};
use tensor_quant::recipe::Recipe;

/// The bytes of a model, and of the same whose two names of convolutions are no text, and look the same where they are shown as such.
fn renamed() -> [Vec<u8>; 2] {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist_cnn.tflite");
    let bytes = std::fs::read(path).unwrap();
    let mut odd = bytes.clone();
    for (name, other) in [(b"conv2d_2_1", b"conv2d_\xff\xff\xff"), (b"conv2d_1_2", b"conv2d_\xfe\xfe\xfe")] {
        let places: Vec<usize> = (0..bytes.len() - 10).filter(|&at| &bytes[at..at + 10] == name).collect();
        assert!(places.len() > 1);
        for at in places {
            odd[at..at + 10].copy_from_slice(other);
        }
    }
    [bytes, odd]
}

fn count(bytes: &[u8], name: &[u8]) -> usize {
    bytes.windows(name.len()).filter(|window| *window == name).count()
}

#[test]
fn names_that_are_no_text_are_kept_byte_for_byte_and_told_apart() {
    let [usual, odd] = renamed();
    let model = Model::from_bytes(odd.clone()).unwrap();
    let keys: Vec<String> = model.graph().keys().concat();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
    let shown = model.constants().iter().filter(|constant| constant.name.contains("conv2d_\u{fffd}")).count();
    // Weights, and biases that are called after them, too.
    assert_eq!(shown, 4);

    let folder = tempdir().unwrap();
    let [before, after, of_usual] = ["in.tflite", "out.tflite", "usual.tflite"].map(|name| folder.path().join(name));
    std::fs::write(&before, &odd).unwrap();
    std::fs::write(&of_usual, &usual).unwrap();
    for name in ["int8-dynamic", "int8-weight-only", "float16"] {
        let recipe = Recipe::named(name).unwrap();
        let mut written = [&before, &of_usual].map(|input| {
            quantize_file(input, &after, &recipe, &Options::default(), &mut |_| ()).unwrap();
            let written = std::fs::read(&after).unwrap();
            std::fs::remove_file(&after).unwrap();
            written
        });
        for (name, other) in [(b"conv2d_2_1", b"conv2d_\xff\xff\xff"), (b"conv2d_1_2", b"conv2d_\xfe\xfe\xfe")] {
            let (of_odd, of_usual) = (count(&written[0], other), count(&odd, other));
            assert!(of_odd >= of_usual && count(&written[1], name) >= count(&usual, name), "{of_odd} of {of_usual}");
        }
        std::fs::write(&after, std::mem::take(&mut written[0])).unwrap();
        let same = compare_files(&before, &after).unwrap();
        assert_eq!(same.tensors.len(), 13, "every constant has its counterpart");
        std::fs::remove_file(&after).unwrap();
    }
    let mut model = model;
    let exposed = model.expose().unwrap();
    let names: BTreeSet<&str> = exposed.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names.len(), exposed.len());
    let copy = model.to_bytes().unwrap();
    assert!(count(&copy, b"conv2d_\xff\xff\xff") >= count(&odd, b"conv2d_\xff\xff\xff"));
}
