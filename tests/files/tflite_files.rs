//! What is read is written back; what is changed is what was asked for; and a bad file is an error, never a panic.
#![cfg(feature = "tflite")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use tempfile::{TempDir, tempdir};
use tensor_quant::Error;
use tensor_quant::model::tflite::{Constant, ElementType, Model, NewData, Replacement, Role, TensorId};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn open(bytes: &[u8]) -> Result<Model, Error> {
    Model::from_bytes(bytes.to_vec())
}

fn folder_with(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("in.tflite");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// Saves a model and opens what was saved.
fn saved(model: &Model, folder: &Path) -> Model {
    let path = folder.join("saved.tflite");
    model.save(&path).unwrap();
    Model::open(path).unwrap()
}

/// Constants and operators without what may differ between two files: where data stand.
fn content(model: &Model) -> Vec<(Constant, Vec<u8>)> {
    let bytes =
        |constant: &Constant| if constant.is_elsewhere { vec![] } else { model.bytes(constant.buffer).unwrap() };
    model.constants().into_iter().map(|constant| (constant.clone(), bytes(&constant))).collect()
}

fn constant(model: &Model, name: &str, nth: usize) -> Constant {
    model.constants().into_iter().filter(|constant| constant.name == name).nth(nth).unwrap()
}

#[test]
fn a_file_comes_back_with_all_that_it_holds() {
    let folder = tempdir().unwrap();
    let names = ["odd.tflite", "outside.tflite", "awkward.tflite"].map(|name| format!("tests/tflite/{name}"));
    for name in names.iter().map(String::as_str).chain(["examples/data/mnist_dwcnn.tflite"]) {
        let model = Model::open(sample(name)).unwrap();
        let copy = saved(&model, folder.path());
        assert_eq!(content(&copy), content(&model), "{name}");
        assert_eq!(copy.operators(), model.operators());
        assert_eq!((copy.version(), copy.description()), (model.version(), model.description()));
        // A copy of a copy has the same bytes: nothing is lost or added on the way.
        let first = fs::read(copy.path()).unwrap();
        let again = folder.path().join("again.tflite");
        copy.save(&again).unwrap();
        assert!(fs::read(again).unwrap() == first, "{name}: a copy of a copy differs");
    }
}

#[test]
fn texts_and_numbers_that_no_function_shows_are_in_the_copy() {
    let folder = tempdir().unwrap();
    let copy = saved(&Model::open(sample("tests/tflite/odd.tflite")).unwrap(), folder.path());
    let bytes = fs::read(copy.path()).unwrap();
    let holds = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    for text in ["main", "branch", "serving_default", "notes", "any bytes", "Mystery", "odd: a bit of everything"] {
        assert!(holds(text.as_bytes()), "{text}");
    }
    // Custom options, and the indices of the sparse tensor.
    assert!(holds(&[3, 0, 0, 0, 1, 2, 3]) && holds(&[2, 0, 0, 0, 1, 0, 3, 0]));
}

#[test]
fn an_odd_file_is_understood() {
    let model = Model::open(sample("tests/tflite/odd.tflite")).unwrap();
    let names: Vec<Vec<String>> =
        model.operators().into_iter().map(|graph| graph.into_iter().map(|operator| operator.name).collect()).collect();
    // The code of FULLY_CONNECTED stands in the deprecated field alone.
    let first = ["FULLY_CONNECTED", "DEQUANTIZE", "DEQUANTIZE", "FULLY_CONNECTED", "RESHAPE", "Mystery"];
    assert_eq!(names, [first.map(String::from).to_vec(), vec!["IF".into()]]);
    let w = constant(&model, "w", 0);
    assert_eq!((w.shape.as_slice(), w.element_type, w.uses.len()), (&[8, 128][..], ElementType::F32, 1));
    assert!(matches!(w.uses[0].role, Role::Weights { axis: 0, .. }));
    assert_eq!(constant(&model, "w", 2).uses[0].role, Role::Passed);
    let sparse = constant(&model, "sparse", 0);
    assert_eq!((sparse.is_sparse, sparse.uses[0].role), (true, Role::Unknown));
    assert!(model.values(&sparse).is_err());
    // Two tensors of one name and one buffer, of different types.
    let (zero, integer) = (constant(&model, "zero", 0), constant(&model, "zero", 1));
    assert_eq!((zero.buffer, zero.element_type), (integer.buffer, ElementType::F32));
    assert_eq!(integer.element_type, ElementType::I32);
    let codes = model.values(&constant(&model, "codes", 0)).unwrap();
    assert_eq!(codes.as_slice().unwrap(), [0.0, -1.5, 1.0]);
    assert!(model.constants().iter().all(|constant| constant.name != "state"));
}

#[test]
fn data_in_another_file_are_known_of() {
    let model = Model::open(sample("tests/tflite/awkward.tflite")).unwrap();
    let elsewhere = constant(&model, "elsewhere", 0);
    assert_eq!((elsewhere.is_elsewhere, elsewhere.size_in_bytes, elsewhere.uses[0].name.as_str()), (true, 1024, "ADD"));
    assert!(model.values(&elsewhere).unwrap_err().to_string().contains("another file"));
    let short = constant(&model, "short", 0);
    assert!(!short.is_whole() && constant(&model, "embedding", 0).is_whole());
    assert!(model.values(&short).unwrap_err().to_string().contains("8 bytes"));
}

#[test]
fn data_behind_the_flatbuffer_stay_there_and_the_archive_behind_them_moves() {
    let folder = tempdir().unwrap();
    let mut model = Model::open(sample("tests/tflite/outside.tflite")).unwrap();
    let w = constant(&model, "w", 0);
    assert_eq!((w.size_in_bytes, model.bytes(w.buffer).unwrap().len()), (4096, 4096));
    let values = model.values(&w).unwrap();
    assert_eq!(model.values(&constant(&saved(&model, folder.path()), "w", 0)).unwrap(), values);
    replace(&mut model, w.id, vec![3; 1024]);
    let changed = saved(&model, folder.path());
    assert_eq!(changed.bytes(constant(&changed, "w", 0).buffer).unwrap(), [3; 1024]);
    let bytes = fs::read(changed.path()).unwrap();
    // The last record of an archive tells where its directory is, and that where its file is.
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let directory = u32_at(bytes.len() - 22 + 16);
    assert_eq!(&bytes[directory..directory + 4], b"PK\x01\x02");
    assert_eq!(&bytes[u32_at(directory + 42)..][..4], b"PK\x03\x04");
}

#[test]
fn what_stands_behind_a_file_does_not_move_with_every_copy() {
    for zeros in 0..17 {
        let mut bytes = fs::read(sample("tests/tflite/odd.tflite")).unwrap();
        bytes.resize(bytes.len() + zeros, 0);
        bytes.extend_from_slice(b"no archive");
        let copy = open(&bytes).unwrap().to_bytes().unwrap();
        assert!(copy.ends_with(b"no archive"));
        assert!(open(&copy).unwrap().to_bytes().unwrap() == copy, "behind {zeros} zeros");
    }
}

/// The length would be written over the start, and the data, which nothing refers to any longer, added to every copy.
#[test]
fn a_place_behind_the_file_whose_start_and_length_overlap_is_an_error() {
    let (mut file, field) = Crafted::new(4);
    let buffers = file.word(1);
    file.refer(field, buffers);
    let entry = file.word(0);
    // A buffer without data of its own: its start at 4, its length at 8 of 24 bytes.
    let vtable = file.word(u32::from_le_bytes([10, 0, 24, 0]));
    file.word(u32::from_le_bytes([0, 0, 4, 0]));
    file.word(8);
    let buffer = file.word(0);
    file.0[buffer..buffer + 4].copy_from_slice(&((buffer - vtable) as u32).to_le_bytes());
    file.0.resize(file.0.len() + 20, 0);
    file.refer(entry, buffer);
    assert!(file.reason().contains("field 1 of Buffer") && file.reason().contains("shares bytes"), "{}", file.reason());
}

#[test]
fn a_table_that_is_too_long_to_be_added_to_is_an_error() {
    let (mut file, _) = Crafted::new(5);
    file.0.resize(file.0.len() + 60_000, 0);
    file.0[10..12].copy_from_slice(&50_000_u16.to_le_bytes());
    assert!(file.reason().contains("50000 bytes of fields"), "{}", file.reason());
}

fn replace(model: &mut Model, id: TensorId, bytes: Vec<u8>) {
    let scales = Some((vec![0.25; 8], 0));
    let replacement = Replacement { element_type: ElementType::I8, scales, data: NewData::Bytes(bytes) };
    model.replace(id, replacement).unwrap();
}

#[test]
fn a_shared_buffer_is_copied_when_one_of_its_tensors_changes() {
    let folder = tempdir().unwrap();
    let mut model = Model::open(sample("tests/tflite/odd.tflite")).unwrap();
    let (first, second, third) = (constant(&model, "w", 0), constant(&model, "w", 1), constant(&model, "w", 2));
    let original = model.values(&first).unwrap();
    replace(&mut model, first.id, vec![1; 1024]);
    let of = NewData::Of(first.id);
    let same = Replacement { element_type: ElementType::I8, scales: Some((vec![0.25; 8], 0)), data: of };
    model.replace(second.id, same).unwrap();
    let copy = saved(&model, folder.path());
    let (a, b, c) = (constant(&copy, "w", 0), constant(&copy, "w", 1), constant(&copy, "w", 2));
    assert_eq!((a.buffer, a.element_type), (b.buffer, ElementType::I8));
    assert_eq!(copy.values(&a).unwrap().sum(), 256.0);
    assert_eq!(copy.values(&c).unwrap(), original);
    assert_eq!((c.buffer, c.element_type), (third.buffer, ElementType::F32));
    let all_replaced = fs::metadata(copy.path()).unwrap().len();
    replace(&mut model, third.id, vec![1; 1024]);
    // Nothing refers to the floats any longer: their 4096 bytes are gone, and 1024 codes are in their place.
    let left = fs::metadata(saved(&model, folder.path()).path()).unwrap().len();
    assert!(left < all_replaced - 2900, "{all_replaced} to {left}");
}

#[test]
fn dequantize_goes_in_front_and_can_be_taken_out() {
    let mut model = Model::open(sample("tests/tflite/odd.tflite")).unwrap();
    let w = constant(&model, "w", 0).id;
    replace(&mut model, w, vec![1; 1024]);
    model.dequantize_in_front(0, &[w.tensor]).unwrap();
    let operators = &model.operators()[0];
    assert_eq!((operators.len(), operators[0].name.as_str(), operators[0].version), (7, "DEQUANTIZE", 5));
    let uses = model.uses_behind_dequantize(0, 0).unwrap();
    assert_eq!(uses.iter().map(|used| (used.operator, used.input)).collect::<Vec<_>>(), [(1, 1)]);
    assert_eq!(constant(&model, "w", 0).uses[0].name, "DEQUANTIZE");
    model.bypass_dequantize(0, &[0]).unwrap();
    assert_eq!(constant(&model, "w", 0).uses[0].name, "FULLY_CONNECTED");
    model.run_in_dynamic_range(0, 0, 12).unwrap();
    assert_eq!((model.operators()[0].len(), model.operators()[0][0].version), (6, 12));
    assert_eq!(model.uses_behind_dequantize(0, 0), None);
    assert!(
        model
            .replace(
                TensorId { subgraph: 5, tensor: 0 },
                Replacement { element_type: ElementType::F32, scales: None, data: NewData::Bytes(vec![]) }
            )
            .is_err()
    );
    assert!(model.dequantize_in_front(0, &[999]).is_err() && model.run_in_dynamic_range(0, 99, 1).is_err());
}

#[test]
fn saving_over_the_file_that_was_opened_is_possible() {
    let (_folder, path) = folder_with(&fs::read(sample("tests/tflite/odd.tflite")).unwrap());
    let model = Model::open(&path).unwrap();
    let before = content(&model);
    model.save(&path).unwrap();
    assert_eq!(content(&Model::open(&path).unwrap()), before);
    assert!(model.save(path.parent().unwrap()).is_err());
}

#[test]
fn a_file_cut_off_anywhere_is_an_error_or_has_lost_nothing_that_is_needed() {
    for name in ["tests/tflite/odd.tflite", "tests/tflite/outside.tflite"] {
        let bytes = fs::read(sample(name)).unwrap();
        for len in 0..bytes.len() {
            if let Ok(model) = open(&bytes[..len]) {
                for constant in model.constants() {
                    model.bytes(constant.buffer).unwrap();
                }
            }
        }
    }
    assert!(matches!(open(b"TFL3"), Err(Error::Format { .. })));
}

/// Sets each aligned word of a file to what may lead astray, and uses whatever can still be opened.
#[test]
fn a_word_that_leads_astray_is_no_panic() {
    for name in ["tests/tflite/odd.tflite", "tests/tflite/outside.tflite"] {
        let bytes = fs::read(sample(name)).unwrap();
        let len = bytes.len() as i32;
        for at in (0..bytes.len()).step_by(4).filter(|&at| at + 4 <= bytes.len()) {
            let word = i32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
            let others = [0, -1, i32::MAX, i32::MIN, word.wrapping_add(4), word.wrapping_neg(), len - at as i32];
            for other in others {
                let mut bytes = bytes.clone();
                bytes[at..at + 4].copy_from_slice(&other.to_le_bytes());
                let Ok(model) = Model::from_bytes(bytes) else { continue };
                for constant in model.constants() {
                    let _ = model.values(&constant);
                }
                // What can be read can be written, and that can be read again.
                let copy = model.to_bytes().unwrap();
                assert!(copy.len() < 100_000, "{name} at {at}: {} bytes", copy.len());
                Model::from_bytes(copy).unwrap();
            }
        }
    }
}

/// Builds a flatbuffer by hand, back references and all.
#[derive(Default)]
struct Crafted(Vec<u8>);

impl Crafted {
    /// A file whose root stands at 24 and has a version and a field of its own in `slot`; returns where that field stands.
    fn new(slot: usize) -> (Self, usize) {
        let mut this = Self(Vec::new());
        this.word(32);
        this.0.extend_from_slice(b"TFL3");
        // A vtable of up to ten slots, and the table right behind it.
        let mut vtable = [0_u16; 12];
        (vtable[0], vtable[1], vtable[2], vtable[2 + slot]) = (24, 12, 4, 8);
        this.0.extend(vtable.iter().flat_map(|field| field.to_le_bytes()));
        this.word(24);
        this.word(3);
        this.word(0);
        (this, 40)
    }

    fn word(&mut self, word: u32) -> usize {
        self.0.extend_from_slice(&word.to_le_bytes());
        self.0.len() - 4
    }

    /// Makes the word at `from` lead to `to`.
    fn refer(&mut self, from: usize, to: usize) {
        self.0[from..from + 4].copy_from_slice(&((to as u32).wrapping_sub(from as u32)).to_le_bytes());
    }

    fn reason(&self) -> String {
        open(&self.0).unwrap_err().to_string()
    }
}

#[test]
fn the_crafted_file_is_a_file() {
    let (file, _) = Crafted::new(5);
    let mut file = file;
    let vector = file.word(0);
    file.refer(40, vector);
    assert_eq!(open(&file.0).unwrap().version(), 3);
}

#[test]
fn a_root_beyond_the_file_and_another_identifier_are_errors() {
    let bytes = |root: u32, name: &[u8]| [&root.to_le_bytes()[..], name, &[0; 8]].concat();
    assert!(open(&bytes(u32::MAX, b"TFL3")).unwrap_err().to_string().contains("4294967295"));
    assert!(open(&bytes(8, b"TFL2")).unwrap_err().to_string().contains("TFL2"));
    assert!(open(&[]).is_err() && Model::open(sample("tests")).is_err());
}

#[test]
fn a_vector_of_nearly_2_to_the_32_is_an_error() {
    for slot in [1, 2, 3, 4, 5, 6, 7] {
        for len in [u32::MAX, u32::MAX / 4, u32::MAX / 8 + 1, 1 << 31] {
            let (mut file, field) = Crafted::new(slot);
            let vector = file.word(len);
            file.refer(field, vector);
            assert!(file.reason().contains("but the file ends at"), "{}", file.reason());
        }
    }
}

#[test]
fn a_vtable_before_the_file_or_too_short_is_an_error() {
    for (distance, what) in [(100, "before the file"), (i32::MIN, "but the file ends at"), (0, "a vtable of")] {
        let (mut file, _) = Crafted::new(5);
        file.0[32..36].copy_from_slice(&distance.to_le_bytes());
        assert!(file.reason().contains(what), "{}", file.reason());
    }
}

#[test]
fn fields_that_overlap_a_reference_or_leave_their_table_are_errors() {
    // Slot 5 is a reference at 8; slot 0 is made to stand at 10, at 60, at 2.
    for (field, what) in [(10_u16, "shares bytes"), (60, "of its 12 bytes"), (2, "of its 12 bytes")] {
        let (mut file, _) = Crafted::new(5);
        file.0[12..14].copy_from_slice(&field.to_le_bytes());
        assert!(file.reason().contains(what), "{}", file.reason());
    }
    let (mut file, _) = Crafted::new(5);
    file.0[22..24].copy_from_slice(&10_u16.to_le_bytes());
    assert!(file.reason().contains("shares bytes"), "{}", file.reason());
}

/// One table a thousand times, in a vector that a table holds which is there a thousand times.
#[test]
fn a_small_file_cannot_unfold_into_a_large_tree() {
    let (mut file, field) = Crafted::new(2);
    let graphs = file.word(1000);
    file.refer(field, graphs);
    let first_graph = file.0.len();
    (0..1000).for_each(|_| {
        file.word(0);
    });
    // A subgraph with tensors, and a tensor without anything: vtables of one slot and of none.
    let vtable = file.word(u32::from_le_bytes([6, 0, 8, 0]));
    file.word(u32::from_le_bytes([4, 0, 0, 0]));
    let graph = file.word(0);
    file.0[graph..graph + 4].copy_from_slice(&((graph - vtable) as u32).to_le_bytes());
    let tensors_field = file.word(0);
    let tensors = file.word(1000);
    file.refer(tensors_field, tensors);
    let first_tensor = file.0.len();
    (0..1000).for_each(|_| {
        file.word(0);
    });
    let vtable = file.word(u32::from_le_bytes([4, 0, 4, 0]));
    let tensor = file.word(0);
    file.0[tensor..tensor + 4].copy_from_slice(&((tensor - vtable) as u32).to_le_bytes());
    for i in 0..1000 {
        file.refer(first_graph + 4 * i, graph);
        file.refer(first_tensor + 4 * i, tensor);
    }
    assert!(file.reason().contains("more tables than it has room for"), "{}", file.reason());
}

#[test]
fn a_field_newer_than_the_reader_is_carried_over_or_refused() {
    // Slot 11 of the model is not known. A number stays, what may be a reference is refused.
    let with = |value: u32| {
        let mut file = Crafted::default();
        file.word(36);
        file.0.extend_from_slice(b"TFL3");
        let mut vtable = [0_u16; 14];
        (vtable[0], vtable[1], vtable[13]) = (28, 8, 4);
        file.0.extend(vtable.iter().flat_map(|field| field.to_le_bytes()));
        file.word(28);
        file.word(value);
        file.word(2);
        file.word(0);
        file.0
    };
    assert!(open(&with(4)).unwrap_err().to_string().contains("field 11 of Model"));
    for number in [0, 3, 0x7fff_ffff] {
        let folder = tempdir().unwrap();
        let copy = saved(&open(&with(number)).unwrap(), folder.path());
        let bytes = fs::read(copy.path()).unwrap();
        assert!(bytes.windows(4).any(|window| window == number.to_le_bytes()), "{number}");
    }
}
