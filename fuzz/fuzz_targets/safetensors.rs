//! The `.safetensors` reader: any bytes are an error of one line, or a file that can be read, restored and copied.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::HashMap;
use tensor_quant::model::safetensors::{Reader, Stored, Writer};
use tensor_quant::num::{I4, U4};
use tensor_quant::{Error, Result};
use tensor_quant_fuzz::{memory, temporary};

/// Of a packed code of half a byte: its f32, the code, and the same in an array, with room for vectors that grow; of two
/// bytes of a header's shape: an index of 8 bytes in the header, in the table of tensors, and in a copy of each.
const OF_A_BYTE: usize = 64;
/// The chunk in which data are read, and what the standard library and JSON's reader hold.
const ALWAYS: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let bytes = mended(bytes);
    memory::within(ALWAYS + OF_A_BYTE * bytes.len(), || read(&bytes));
});

/// Changes of a header change its length, which stands in front: it is put right where the header's end can be guessed.
fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let (Some(b'{'), Some(end)) = (bytes.get(8), bytes.windows(2).rposition(|two| two == b"}}"))
        && let Some(length) = end.checked_add(2).and_then(|end| end.checked_sub(8))
        && let Some(front) = bytes.first_chunk_mut::<8>()
        && length > usize::from(front[0])
    {
        *front = (length as u64).to_le_bytes();
    }
    bytes
}

fn read(bytes: &[u8]) {
    let path = temporary::file("in.safetensors", bytes);
    let mut reader = match Reader::open(&path) {
        Ok(reader) => reader,
        Err(error) => return one_line(&error),
    };
    for info in reader.tensors().cloned().collect::<Vec<_>>() {
        let name = info.name.as_str();
        let _ = reader.quantization(name);
        let read = report(reader.read(name));
        assert!(read.is_none_or(|values| values.shape() == info.shape));
        report(reader.restore(name));
        report(reader.read_quantized::<i8>(name));
        report(reader.read_quantized::<I4>(name));
        report(reader.read_quantized::<U4>(name));
        report(reader.read_quantized::<i32>(name));
    }
    if let Err(error) = copy(&mut reader) {
        one_line(&error);
    }
}

/// What can be read can be copied, and the copy holds the same.
fn copy(reader: &mut Reader) -> Result<()> {
    let path = temporary::path("out.safetensors");
    let plan = reader.tensors().map(|info| (info.name.clone(), Stored::copy_of(info))).collect();
    let mut writer = Writer::create(&path, plan, HashMap::new())?;
    for name in reader.names() {
        writer.copy(&name, reader)?;
    }
    writer.finish()?;
    let copy = Reader::open(&path)?;
    let entries = |reader: &Reader| {
        let mut entries: Vec<_> = reader.tensors().cloned().collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries
    };
    assert_eq!(entries(&copy), entries(reader));
    Ok(())
}

fn report<T>(result: Result<T>) -> Option<T> {
    result.inspect_err(one_line).ok()
}

fn one_line(error: &Error) {
    let text = error.to_string();
    assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
}
