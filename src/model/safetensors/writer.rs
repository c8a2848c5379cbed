//! Writing a file a tensor at a time.

use super::description::{Description, KEY, VERSION};
use super::layout::{Kind, Stored, lay_out};
use super::reader::Reader;
#[cfg(feature = "blocks")]
use crate::block::BlockTensor;
use crate::error::{Error, Result};
use crate::model::error::ModelError;
use crate::num::{Code, CodeType};
use crate::output::Output;
use crate::params::QuantParams;
use crate::tensor::{PackedTensor, QuantizedTensor};
use ::safetensors::tensor::TensorInfo as Entry;
use ndarray::Dimension;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Codes that are packed at once; a multiple of those in a byte.
const CHUNK: usize = 1 << 16;
/// Room in the header for the codes in use, which are known only when a tensor is handed over.
const ROOM_FOR_CODES: usize = 48;

/// A `.safetensors` file that is being written under a temporary name.
///
/// Dropped before [`finish`](Self::finish), it leaves nothing behind, and the target as it was.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    /// Nowhere, of a file that is only to be measured.
    output: Option<Output>,
    data_start: u64,
    header_len: usize,
    plan: BTreeMap<String, Stored>,
    entries: Vec<(String, Entry)>,
    index: HashMap<String, usize>,
    written: HashSet<String>,
    metadata: HashMap<String, String>,
    description: Description,
}

impl Writer {
    /// Starts a file: how each tensor will be stored is said here, the tensors follow in any order.
    ///
    /// `metadata` are texts by name that the file will hold; an entry `tensor_quant` is replaced.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the target is a folder, a device or read-only, or its folder cannot be written to;
    /// [`ModelError::DuplicateName`] if two tensors, parameters included, would have the same name.
    pub fn create(
        path: impl AsRef<Path>,
        plan: Vec<(String, Stored)>,
        metadata: HashMap<String, String>,
    ) -> Result<Self> {
        let path = path.as_ref();
        // What is wrong with the plan is said first, and leaves nothing behind.
        lay_out(&plan)?;
        let output = Output::create(path)?;
        Self::new(path, Some(output), plan, metadata)
    }

    /// Starts a file that is written nowhere: its [length](Self::encoded_len) is what there is of it.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create), but for those of writing.
    pub fn nowhere(plan: Vec<(String, Stored)>, metadata: HashMap<String, String>) -> Result<Self> {
        Self::new(Path::new(""), None, plan, metadata)
    }

    fn new(
        path: &Path,
        output: Option<Output>,
        plan: Vec<(String, Stored)>,
        metadata: HashMap<String, String>,
    ) -> Result<Self> {
        let path = path.to_path_buf();
        let entries = lay_out(&plan)?;
        let index = entries.iter().enumerate().map(|(i, (name, _))| (name.clone(), i)).collect();
        let plan: BTreeMap<String, Stored> = plan.into_iter().collect();
        let description = Description { version: VERSION, tensors: BTreeMap::new() };
        let mut writer = Self {
            output,
            data_start: 0,
            header_len: 0,
            plan,
            entries,
            index,
            written: HashSet::new(),
            metadata,
            description,
            path,
        };
        // The header is written last; as long as it can get, rounded up so that the data are aligned.
        let longest = (i64::MIN, i64::MIN);
        for (name, stored) in &writer.plan {
            writer.description.tensors.extend(stored.description(longest).map(|d| (name.clone(), d)));
        }
        writer.header_len = (writer.header()?.len() + ROOM_FOR_CODES).next_multiple_of(8);
        writer.description.tensors.clear();
        writer.data_start = 8 + writer.header_len as u64;
        Ok(writer)
    }

    /// Returns the length that the file will have, in bytes.
    pub fn encoded_len(&self) -> u64 {
        let data = self.entries.iter().map(|(_, entry)| entry.data_offsets.1).max().unwrap_or(0);
        self.data_start.saturating_add(data as u64)
    }

    /// Writes the codes, scales and zero points of a tensor.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`] if the name was not planned; [`ModelError::NotAsPlanned`] or [`Error::ShapeMismatch`] if
    /// the plan
    /// was another; [`Error::Io`].
    pub fn write_quantized<C: Code, D: Dimension>(&mut self, name: &str, q: &QuantizedTensor<C, D>) -> Result<()> {
        self.begin_codes(name, C::TYPE, q.shape(), q.params())?;
        let mut bytes = Vec::new();
        for codes in q.codes().as_slice().unwrap_or(&[]).chunks(CHUNK) {
            bytes.clear();
            C::write_packed(codes, &mut bytes);
            self.append(&bytes)?;
        }
        self.written.insert(name.into());
        Ok(())
    }

    /// Writes the codes, scales and zero points of a tensor whose code type is known at run time.
    ///
    /// # Errors
    ///
    /// As [`write_quantized`](Self::write_quantized).
    pub fn write_packed(&mut self, name: &str, q: &PackedTensor) -> Result<()> {
        self.begin_codes(name, q.code_type(), q.shape(), q.params())?;
        self.append(&q.bytes())?;
        self.written.insert(name.into());
        Ok(())
    }

    /// Writes the blocks of a tensor.
    ///
    /// # Errors
    ///
    /// As [`write_quantized`](Self::write_quantized).
    #[cfg(feature = "blocks")]
    pub fn write_blocks(&mut self, name: &str, q: &BlockTensor) -> Result<()> {
        let stored = self.plan.get(name).cloned().ok_or_else(|| ModelError::NoSuchTensor { name: name.into() })?;
        let Kind::Blocks { block, shape } = &stored.0 else {
            return Err(ModelError::NotAsPlanned { name: name.into(), what: "being stored in blocks" }.into());
        };
        as_planned(shape, q.shape()).map_err(|e| e.of_tensor(name))?;
        if *block != q.block_type() {
            return Err(ModelError::NotAsPlanned { name: name.into(), what: "its block format" }.into());
        }
        self.description.tensors.extend(stored.description((0, 0)).map(|d| (name.into(), d)));
        self.start(name)?;
        self.append(q.bytes())?;
        self.written.insert(name.into());
        Ok(())
    }

    /// Checks a tensor against the plan, writes its parameters, and goes to where its codes stand.
    fn begin_codes(&mut self, name: &str, code: CodeType, shape: &[usize], params: &QuantParams) -> Result<()> {
        let stored = self.plan.get(name).cloned().ok_or_else(|| ModelError::NoSuchTensor { name: name.into() })?;
        let unexpected = |what| Error::from(ModelError::NotAsPlanned { name: name.into(), what });
        match &stored.0 {
            Kind::Copied { .. } => return Err(unexpected("being quantized")),
            #[cfg(feature = "blocks")]
            Kind::Blocks { .. } => return Err(unexpected("having a scale for each group")),
            Kind::Cast { code: planned, shape: expected } => {
                as_planned(expected, shape).map_err(|e| e.of_tensor(name))?;
                if *planned != code || params.scales().iter().any(|&scale| scale != 1.0) {
                    return Err(unexpected("its code type or scale"));
                }
            }
            Kind::Quantized { code: planned, shape: expected, granularity, zero_points, offset } => {
                as_planned(expected, shape).map_err(|e| e.of_tensor(name))?;
                if *planned != code {
                    return Err(unexpected("its code type"));
                }
                if params.granularity() != *granularity {
                    return Err(unexpected("its granularity"));
                }
                if !*zero_points && params.zero_points().iter().any(|&zero_point| zero_point != 0) {
                    return Err(unexpected("having a zero point"));
                }
                if !*offset && !params.offsets().is_empty() {
                    return Err(unexpected("having an offset"));
                }
                self.write_numbers(&format!("{name}.scale"), params.scales().iter().map(|x| x.to_le_bytes()))?;
                if *zero_points {
                    let numbers = params.zero_points().iter().map(|x| x.to_le_bytes());
                    self.write_numbers(&format!("{name}.zero_point"), numbers)?;
                }
                if *offset {
                    let offsets = (0..params.len()).map(|i| params.offsets().get(i).copied().unwrap_or(0.0));
                    self.write_numbers(&format!("{name}.offset"), offsets.map(f32::to_le_bytes))?;
                }
                let codes = (params.codes().min() as i64, params.codes().max() as i64);
                self.description.tensors.extend(stored.description(codes).map(|d| (name.into(), d)));
            }
        }
        self.start(name)
    }

    /// Copies a tensor from another file, byte for byte.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`] if the name was not planned, or the other file does not hold it;
    /// [`ModelError::NotAsPlanned`] or [`Error::ShapeMismatch`] if the plan was another; [`Error::Io`].
    pub fn copy(&mut self, name: &str, from: &mut Reader) -> Result<()> {
        let info = from.info(name).ok_or_else(|| ModelError::NoSuchTensor { name: name.into() })?;
        match self.plan.get(name).map(|stored| &stored.0) {
            Some(Kind::Copied { dtype, shape }) if *dtype == info.entry_dtype => {
                as_planned(shape, &info.shape).map_err(|e| e.of_tensor(name))?;
            }
            Some(_) => return Err(ModelError::NotAsPlanned { name: name.into(), what: "its element type" }.into()),
            None => return Err(ModelError::NoSuchTensor { name: name.into() }.into()),
        }
        self.start(name)?;
        from.copy(name, |bytes| self.append(bytes))?;
        self.written.insert(name.into());
        Ok(())
    }

    /// Writes the header, makes sure that everything has reached the disk, and gives the file its name.
    ///
    /// A file of that name is replaced, whole, and keeps its permissions; a symbolic link stays, and what it leads to is
    /// replaced.
    ///
    /// # Errors
    ///
    /// [`ModelError::NotWritten`] if a planned tensor was not handed over; [`Error::Io`].
    pub fn finish(self) -> Result<()> {
        self.finish_timed().map(|_| ())
    }

    /// The same; returns how long the disk took to take it.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub(crate) fn finish_timed(self) -> Result<Duration> {
        if let Some(name) = self.plan.keys().find(|name| !self.written.contains(*name)) {
            return Err(ModelError::NotWritten { name: name.clone() }.into());
        }
        let mut header = self.header()?;
        header.resize(self.header_len, b' ');
        let front = (header.len() as u64).to_le_bytes();
        let Some(mut output) = self.output else { return Ok(Duration::ZERO) };
        let file = output.file();
        let written = file.rewind().and_then(|()| file.write_all(&front)).and_then(|()| file.write_all(&header));
        written.map_err(|source| output.failed(source))?;
        output.finish()
    }

    fn header(&self) -> Result<Vec<u8>> {
        let bad = |reason: String| Error::Format { path: self.path.clone(), format: "safetensors", reason };
        let mut metadata: BTreeMap<&str, String> = self.metadata.iter().map(|(k, v)| (k.as_str(), v.clone())).collect();
        metadata.remove(KEY);
        if !self.description.tensors.is_empty() {
            let version = self.description.first_version();
            let text = serde_json::to_string(&Description { version, ..self.description.clone() })
                .map_err(|e| bad(e.to_string()))?;
            metadata.insert(KEY, text);
        }
        serde_json::to_vec(&Header { metadata: &metadata, entries: &self.entries }).map_err(|e| bad(e.to_string()))
    }

    /// Goes to where a tensor's data stand.
    fn start(&mut self, name: &str) -> Result<()> {
        let &at = self.index.get(name).ok_or_else(|| ModelError::NoSuchTensor { name: name.into() })?;
        let offset = self.data_start + self.entries[at].1.data_offsets.0 as u64;
        let Some(output) = &mut self.output else { return Ok(()) };
        let moved = output.file().seek(SeekFrom::Start(offset));
        moved.map(|_| ()).map_err(|source| output.failed(source))
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(output) = &mut self.output else { return Ok(()) };
        let written = output.file().write_all(bytes);
        written.map_err(|source| output.failed(source))
    }

    fn write_numbers(&mut self, name: &str, numbers: impl Iterator<Item = [u8; 4]>) -> Result<()> {
        self.start(name)?;
        self.append(&numbers.flatten().collect::<Vec<u8>>())
    }
}

/// The same bytes for the same content: texts by name, tensors in the order of their data.
struct Header<'a> {
    metadata: &'a BTreeMap<&'a str, String>,
    entries: &'a [(String, Entry)],
}

impl Serialize for Header<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.metadata.is_empty() {
            map.serialize_entry("__metadata__", self.metadata)?;
        }
        for (name, entry) in self.entries {
            map.serialize_entry(name, entry)?;
        }
        map.end()
    }
}

fn as_planned(expected: &[usize], actual: &[usize]) -> Result<()> {
    if expected == actual {
        Ok(())
    } else {
        Err(Error::ShapeMismatch { what: "the codes", expected: expected.to_vec(), actual: actual.to_vec() })
    }
}
