//! The tensors of a `.safetensors` file as arrays.

use super::broken::Broken;
use super::file;
use super::named_array::{NamedArray, Place};
use std::io::Read;
use std::path::Path;
use tensor_quant::calibration::RunError;
use tensor_quant::graph::ElementType;
use tensor_quant::model::safetensors::Reader;

/// Returns the tensors of numbers.
pub(super) fn tensors(path: &Path) -> Result<Vec<NamedArray>, RunError> {
    let reader = Reader::open(path)?;
    let mut len = [0; 8];
    let read = file::open(path).and_then(|mut file| file.read_exact(&mut len));
    read.map_err(|error| Broken::Io(error).of(path, "safetensors"))?;
    // The reader has found the file to hold the header, and one tensor right behind the other.
    let mut offset = 8 + u64::from_le_bytes(len);
    let mut arrays = Vec::new();
    for tensor in reader.tensors() {
        if let Some(element_type) = element_type(&tensor.dtype) {
            let (name, shape) = (tensor.name.clone(), tensor.shape.clone());
            arrays.push(NamedArray::new(name, path, Place::Bytes(offset), element_type, shape));
        }
        offset += tensor.size_in_bytes as u64;
    }
    Ok(arrays)
}

fn element_type(dtype: &str) -> Option<ElementType> {
    Some(match dtype {
        "F64" => ElementType::F64,
        "F32" => ElementType::F32,
        "F16" => ElementType::F16,
        "BF16" => ElementType::BF16,
        "I64" => ElementType::I64,
        "I32" => ElementType::I32,
        "I16" => ElementType::I16,
        "I8" => ElementType::I8,
        "U64" => ElementType::U64,
        "U32" => ElementType::U32,
        "U16" => ElementType::U16,
        "U8" => ElementType::U8,
        "BOOL" => ElementType::Bool,
        _ => return None,
    })
}
