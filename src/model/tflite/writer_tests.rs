//! What the writer wrote, read by the model.

use super::model::Model;
use super::schema;
use super::writer::lay_out_outside;
use crate::error::Error;

/// What a file of more than 2 GiB looks like, without its bytes.
#[test]
fn buffers_behind_the_flatbuffer_are_found_again() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tflite/odd.tflite");
    let model = Model::open(path).unwrap();
    let layout = lay_out_outside(&model.root, None).unwrap();
    let mut bytes = Vec::new();
    let failed = |source| Error::Io { action: "write", path: "memory".into(), source };
    layout.write(&model.source, &mut bytes, &failed).unwrap();
    let copy = Model::from_bytes(bytes).unwrap();
    let outside = |model: &Model| {
        let buffers = model.root.tables(schema::model::BUFFERS);
        buffers.iter().map(|buffer| buffer.outside.is_some()).collect::<Vec<_>>()
    };
    // 4096 bytes of weights and as many of halves; the rest is short.
    assert_eq!(outside(&copy).iter().filter(|&&is_outside| is_outside).count(), 2);
    assert!(!outside(&model).contains(&true));
    let content = |model: &Model| -> Vec<_> {
        model.constants().into_iter().map(|c| (model.bytes(c.buffer).unwrap(), c)).collect()
    };
    assert_eq!(content(&copy), content(&model));
    assert_eq!(copy.operators(), model.operators());
    // And once more, from outside to outside.
    assert_eq!(content(&Model::from_bytes(copy.to_bytes().unwrap()).unwrap()), content(&model));
}
