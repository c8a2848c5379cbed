//! Reading a file a tensor at a time.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::description::{Description, KEY, TensorDescription, VERSION};
#[cfg(feature = "blocks")]
use crate::block::{BlockTensor, BlockType};
use crate::error::{Error, Result, one_line};
use crate::input;
use crate::model::error::ModelError;
use crate::num::{Code, CodeKind, CodeType, Real, bf16, f16};
use crate::params::{CodeRange, QuantParams};
use crate::tensor::{PackedTensor, QuantizedTensor};
use ::safetensors::tensor::{Dtype, Metadata, TensorInfo as Entry};
use ndarray::{ArrayD, IxDyn};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The longest header that is read: what the format's own reader allows.
const MAX_HEADER: u64 = 100_000_000;
/// Bytes that are read at once: a multiple of every element size.
const CHUNK: usize = 1 << 18;

/// A tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TensorInfo {
    /// Its name.
    pub name: String,
    /// The element type, as the format names it: `F32`.
    pub dtype: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Whether [`Reader::read`] gives its values: `F32`, `F16`, `BF16` and `F64`.
    pub is_float: bool,
    /// The bytes it takes.
    pub size_in_bytes: usize,
    pub(super) entry_dtype: Dtype,
}

/// A `.safetensors` file that tensors are read from, one at a time.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    file: File,
    data_start: u64,
    tensors: Vec<TensorInfo>,
    header: Metadata,
    metadata: HashMap<String, String>,
    quantized: HashMap<String, TensorDescription>,
}

impl Reader {
    /// Opens a file and checks its header.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::Format`] for a file that is truncated, of another format, or whose header does not
    /// describe the data.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let io = |source| Error::Io { action: "read", path: path.clone(), source };
        let bad = |reason: String| Error::Format { path: path.clone(), format: "safetensors", reason };
        let mut file = input::open(&path)?;
        let file_len = file.seek(SeekFrom::End(0)).map_err(io)?;
        file.rewind().map_err(io)?;
        if file_len < 8 {
            return Err(bad(format!("it has {file_len} bytes, and 8 are the length of the header alone")));
        }
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(io)?;
        let length = u64::from_le_bytes(length);
        let behind_it = file_len.saturating_sub(8);
        if length > behind_it {
            return Err(bad(format!("its header would be {length} bytes long, but {behind_it} follow")));
        }
        if length > MAX_HEADER {
            return Err(bad(format!("its header of {length} bytes is longer than the {MAX_HEADER} that are allowed")));
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header).map_err(io)?;
        let header: Metadata =
            serde_json::from_slice(&header).map_err(|e| bad(format!("its header: {}", one_line(&e))))?;

        let data_start = length.saturating_add(8);
        let data_len = file_len.saturating_sub(data_start);
        let described =
            header.offset_keys().iter().filter_map(|name| header.info(name)).map(|t| t.data_offsets.1).max();
        let described = described.unwrap_or(0) as u64;
        if described != data_len {
            return Err(bad(format!("its header describes {described} bytes of data, but {data_len} follow")));
        }
        let metadata = header.metadata().clone().unwrap_or_default();
        let quantized = descriptions(&metadata).map_err(bad)?;
        let tensors = header.offset_keys().into_iter().filter_map(|name| {
            let entry = header.info(&name)?;
            Some(tensor_info(name, entry))
        });
        Ok(Self { tensors: tensors.collect(), path: path.clone(), file, data_start, header, metadata, quantized })
    }

    /// Returns the tensors, in the order of their data.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = &TensorInfo> + '_ {
        self.tensors.iter()
    }

    /// Returns what is known of a tensor, or `None` if the file does not hold it.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    /// Returns the names of the tensors, in the order of their data.
    pub fn names(&self) -> Vec<String> {
        self.tensors.iter().map(|tensor| tensor.name.clone()).collect()
    }

    /// Returns the file's metadata: texts by name.
    pub fn metadata(&self) -> &HashMap<String, String> {
        &self.metadata
    }

    /// Returns whether any of its tensors holds codes that can be restored.
    pub fn is_quantized(&self) -> bool {
        !self.quantized.is_empty()
    }

    /// Returns the file's length, in bytes.
    pub fn size_in_bytes(&self) -> u64 {
        let sizes = self.tensors.iter().map(|tensor| tensor.size_in_bytes as u64);
        sizes.fold(self.data_start, u64::saturating_add)
    }

    /// Returns how a tensor is quantized, as in `i8 per axis 0`; `None` if it is not.
    pub fn quantization(&self, name: &str) -> Option<String> {
        #[cfg(feature = "blocks")]
        if let Some(block) = self.block_type(name) {
            return Some(block.to_string());
        }
        self.quantized.get(name).map(|description| match description.granularity() {
            Ok(granularity) => format!("{} {granularity}", description.code),
            Err(error) => format!("{}, but {error}", description.code),
        })
    }

    /// Returns whether a tensor holds the scales, zero points or offsets of another.
    #[cfg(feature = "pipeline")]
    pub(crate) fn is_parameter(&self, name: &str) -> bool {
        let mut parts = [".scale", ".zero_point", ".offset"].iter().filter_map(|part| name.strip_suffix(part));
        parts.any(|of| self.quantized.contains_key(of))
    }

    /// Returns the shape of a tensor when it is restored.
    #[cfg(feature = "pipeline")]
    pub(crate) fn restored_shape(&self, name: &str) -> &[usize] {
        let described = self.quantized.get(name).map(|description| &description.shape);
        described.or(self.info(name).map(|info| &info.shape)).map_or(&[], Vec::as_slice)
    }

    /// Returns the values of a floating-point tensor, in f32.
    ///
    /// f16 and bf16 widen exactly; f64 is rounded once.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`]; [`Error::Format`] if its type is another; [`Error::Io`].
    pub fn read(&mut self, name: &str) -> Result<ArrayD<f32>> {
        let (shape, values) = match self.entry(name)?.dtype {
            Dtype::F32 => self.values(name, f32::from_le_bytes)?,
            Dtype::F64 => self.values(name, |bytes| f64::from_le_bytes(bytes).to_f32())?,
            Dtype::F16 => self.values(name, |bytes| Real::to_f32(f16::from_le_bytes(bytes)))?,
            Dtype::BF16 => self.values(name, |bytes| Real::to_f32(bf16::from_le_bytes(bytes)))?,
            other => {
                return Err(self.bad(
                    name,
                    &format!("elements of type {other:?} are no reals: those of F32, F64, F16 and BF16 are"),
                ));
            }
        };
        self.array(name, shape, values)
    }

    /// Returns the values of a floating-point tensor, in f64: all as they are.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_wide(&mut self, name: &str) -> Result<ArrayD<f64>> {
        if self.entry(name)?.dtype != Dtype::F64 {
            return Ok(self.read(name)?.mapv(f64::from));
        }
        let (shape, values) = self.values(name, f64::from_le_bytes)?;
        self.array(name, shape, values)
    }

    /// Returns the reals of a tensor: restored if it holds codes, read as it is otherwise.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and [`Error::Format`] if what the file says of its codes does not fit together.
    pub fn restore(&mut self, name: &str) -> Result<ArrayD<f32>> {
        if !self.quantized.contains_key(name) {
            return self.read(name);
        }
        #[cfg(feature = "blocks")]
        if self.block_type(name).is_some() {
            return Ok(self.read_blocks(name)?.dequantize());
        }
        Ok(self.read_packed(name)?.dequantize())
    }

    /// Returns the block format of a tensor; `None` if it is not stored in blocks.
    #[cfg(feature = "blocks")]
    pub fn block_type(&self, name: &str) -> Option<BlockType> {
        let description = self.quantized.get(name)?;
        if CodeType::named(&description.code).is_some() { None } else { description.code.parse().ok() }
    }

    /// Returns the blocks of a tensor.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`] if the file does not hold such a tensor, or not in blocks; [`Error::Format`] if its bytes
    /// are not the
    /// blocks of its shape; [`Error::Io`].
    #[cfg(feature = "blocks")]
    pub fn read_blocks(&mut self, name: &str) -> Result<BlockTensor> {
        let block = self.block_type(name).ok_or_else(|| ModelError::NoSuchTensor { name: name.into() })?;
        let shape = self.quantized.get(name).map(|description| description.shape.clone()).unwrap_or_default();
        let bytes = self.bytes(name)?;
        BlockTensor::from_bytes(block, &shape, bytes).map_err(|e| self.bad(name, &e.to_string()))
    }

    /// Returns the codes and parameters of a quantized tensor, whatever its code type.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`] if the file does not hold such a tensor, or not as codes; [`Error::Format`] if what the
    /// file says of
    /// them does not fit together; [`Error::Io`].
    pub fn read_packed(&mut self, name: &str) -> Result<PackedTensor> {
        let description =
            self.quantized.get(name).cloned().ok_or_else(|| ModelError::NoSuchTensor { name: name.into() })?;
        let code = CodeType::named(&description.code)
            .ok_or_else(|| self.bad(name, &format!("its code type {:?} is unknown", description.code)))?;
        let granularity = description.granularity().map_err(|e| self.bad(name, &e.to_string()))?;
        let count = description.shape.iter().try_fold(1_usize, |n, &len| n.checked_mul(len));
        let bytes = self.bytes(name)?;
        if count.is_none_or(|count| code.packed_len(count) != bytes.len()) {
            let (shape, len) = (&description.shape, bytes.len());
            return Err(self.bad(name, &format!("the shape {shape:?} of its codes does not fit their {len} bytes")));
        }
        let (_, scales) = self.typed(&format!("{name}.scale"), Dtype::F32, f32::from_le_bytes)?;
        let zero_points = if description.zero_points {
            self.typed(&format!("{name}.zero_point"), Dtype::I32, i32::from_le_bytes)?.1
        } else {
            vec![0; scales.len()]
        };
        let (min, max) = description.codes;
        let all = CodeRange::of_type(code);
        let range = match code.kind() {
            CodeKind::Integer => all.between(min as f64, max as f64),
            CodeKind::Float if max == i64::MAX => Ok(all.with_infinities()),
            CodeKind::Float => Ok(all),
        };
        let params = range.and_then(|range| QuantParams::new(granularity, range, scales, zero_points));
        let mut params = params.map_err(|e| e.of_tensor(name))?;
        if description.offset {
            let (_, offsets) = self.typed(&format!("{name}.offset"), Dtype::F32, f32::from_le_bytes)?;
            params = params.with_offsets(offsets).map_err(|e| e.of_tensor(name))?;
        }
        PackedTensor::from_bytes(code, &description.shape, &bytes, params).map_err(|e| e.of_tensor(name))
    }

    /// Returns the codes and parameters of a quantized tensor, of a type that is known.
    ///
    /// # Errors
    ///
    /// As [`read_packed`](Self::read_packed), and [`Error::Format`] if the codes are of another type than `C`.
    pub fn read_quantized<C: Code>(&mut self, name: &str) -> Result<QuantizedTensor<C, IxDyn>> {
        let described = self.quantized.get(name).map(|description| description.code.clone());
        if let Some(code) = described.filter(|code| code != C::NAME) {
            return Err(self.bad(name, &format!("its codes are {code}, not {}", C::NAME)));
        }
        self.read_packed(name)?.to_typed().map_err(|e| e.of_tensor(name))
    }

    fn typed<T, const N: usize>(
        &mut self,
        name: &str,
        dtype: Dtype,
        convert: impl Fn([u8; N]) -> T,
    ) -> Result<(Vec<usize>, Vec<T>)> {
        let actual = self.entry(name)?.dtype;
        if actual != dtype {
            return Err(self.bad(name, &format!("its elements are {actual:?}, not {dtype:?}")));
        }
        self.values(name, convert)
    }

    /// Reads a tensor of elements of `N` bytes, a chunk at a time.
    fn values<T, const N: usize>(
        &mut self,
        name: &str,
        convert: impl Fn([u8; N]) -> T,
    ) -> Result<(Vec<usize>, Vec<T>)> {
        let entry = self.entry(name)?.clone();
        // The header was checked against the file's length, so this is no more than the file holds.
        let mut values = Vec::with_capacity(size_of(&entry).checked_div(N).unwrap_or(0));
        self.for_each_chunk(&entry, |chunk| {
            let (elements, _) = chunk.as_chunks::<N>();
            values.extend(elements.iter().map(|&bytes| convert(bytes)));
            Ok(())
        })?;
        Ok((entry.shape, values))
    }

    /// Returns a tensor's bytes.
    pub(crate) fn bytes(&mut self, name: &str) -> Result<Vec<u8>> {
        let entry = self.entry(name)?.clone();
        let mut bytes = Vec::with_capacity(size_of(&entry));
        self.for_each_chunk(&entry, |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Hands over a tensor's bytes, a chunk at a time.
    pub(super) fn copy(&mut self, name: &str, write: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let entry = self.entry(name)?.clone();
        self.for_each_chunk(&entry, write)
    }

    fn for_each_chunk(&mut self, entry: &Entry, mut visit: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let io = |source| Error::Io { action: "read", path: self.path.clone(), source };
        let start = self.data_start.saturating_add(entry.data_offsets.0 as u64);
        self.file.seek(SeekFrom::Start(start)).map_err(io)?;
        let len = size_of(entry);
        let mut chunk = vec![0; CHUNK.min(len)];
        for at in (0..len).step_by(CHUNK) {
            chunk.truncate(len.saturating_sub(at));
            self.file.read_exact(&mut chunk).map_err(io)?;
            visit(&chunk)?;
        }
        Ok(())
    }

    fn entry(&self, name: &str) -> Result<&Entry> {
        self.header.info(name).ok_or_else(|| ModelError::NoSuchTensor { name: name.into() }.into())
    }

    fn array<T>(&self, name: &str, shape: Vec<usize>, values: Vec<T>) -> Result<ArrayD<T>> {
        ArrayD::from_shape_vec(IxDyn(&shape), values).map_err(|e| self.bad(name, &format!("shape {shape:?}: {e}")))
    }

    fn bad(&self, name: &str, reason: &str) -> Error {
        let reason = format!("tensor {name:?}: {reason}");
        Error::Format { path: self.path.clone(), format: "safetensors", reason }
    }
}

/// Returns the bytes of a tensor; its header's reader has seen to it that they end where they begin, or later.
fn size_of(entry: &Entry) -> usize {
    let (start, end) = entry.data_offsets;
    end.saturating_sub(start)
}

fn tensor_info(name: String, entry: &Entry) -> TensorInfo {
    TensorInfo {
        name,
        dtype: format!("{:?}", entry.dtype),
        shape: entry.shape.clone(),
        is_float: matches!(entry.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F64),
        size_in_bytes: size_of(entry),
        entry_dtype: entry.dtype,
    }
}

fn descriptions(metadata: &HashMap<String, String>) -> Result<HashMap<String, TensorDescription>, String> {
    let Some(text) = metadata.get(KEY) else { return Ok(HashMap::new()) };
    let description: Description =
        serde_json::from_str(text).map_err(|e| format!("the entry {KEY:?} of its metadata: {}", one_line(&e)))?;
    if (1..=VERSION).contains(&description.version) {
        Ok(description.tensors.into_iter().collect())
    } else {
        let version = description.version;
        Err(format!("the entry {KEY:?} of its metadata has version {version}; versions 1 to {VERSION} are read"))
    }
}
