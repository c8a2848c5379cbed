//! A model: opened, looked at, changed, saved.

use super::attachment::relocate;
use super::constant::{Constant, TensorId, Use};
use super::element_type::ElementType;
use super::names::{self, CUSTOM};
use super::operator::role;
use super::reader::parse;
use super::schema::{
    buffer, external_buffer, metadata as metadata_entry, model, operator as op, operator_code, quantization, subgraph,
    tensor,
};
use super::source::Source;
use super::tree::{Data, Table};
use super::writer::{copy, lay_out};
use crate::error::{Error, Result};
use crate::graph::Quantization;
use crate::model::error::ModelError;
use crate::output::Output;
use std::collections::{HashMap, HashSet};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

/// The longest archive behind a model whose directory is kept right; longer ones are copied as they are.
const LONGEST_ARCHIVE: u64 = 1 << 28;

const TOO_LONG: &str = "its tables are longer than the 2 GiB that an offset can span";

/// A model, taken apart.
///
/// Large data stay in the file until they are asked for, or copied when the model is saved: the file must not change
/// meanwhile.
#[derive(Debug)]
pub struct Model {
    pub(super) source: Source,
    pub(super) root: Table,
    /// How many tensors and metadata entries refer to each buffer.
    pub(super) references: Vec<u32>,
    /// What stands behind everything that the flatbuffer refers to.
    tail: Option<(u64, u64)>,
}

/// An operator of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operator {
    /// Its name, as in `CONV_2D`; the name of a custom operator.
    pub name: String,
    /// Its version.
    pub version: i32,
    /// The tensors that it takes; `None` where an optional one is absent.
    pub inputs: Vec<Option<usize>>,
    /// The tensors that it makes.
    pub outputs: Vec<usize>,
}

impl Model {
    /// Opens a model and reads its tables.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Format`] if the file is of another format, cut off or inconsistent, or holds something that
    /// could not be written back.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::parse(Source::open(path.as_ref())?)
    }

    /// Reads the tables of a model that is held in memory.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        Self::parse(Source::of_bytes(bytes))
    }

    fn parse(source: Source) -> Result<Self> {
        let parsed = parse(&source)?;
        let mut this = Self { source, root: parsed.root, references: Vec::new(), tail: None };
        this.tail = this.find_tail(parsed.end)?;
        this.references = vec![0; this.root.tables(model::BUFFERS).len()];
        let tensors = this.root.tables(model::SUBGRAPHS).iter().flat_map(|graph| graph.tables(subgraph::TENSORS));
        let of_tensors = tensors.map(|table| table.u32(tensor::BUFFER).unwrap_or(0));
        let metadata = this.root.tables(model::METADATA).iter();
        let of_metadata = metadata.map(|entry| entry.u32(metadata_entry::BUFFER).unwrap_or(0));
        let of_model = this.root.i32s(model::METADATA_BUFFERS).into_iter().map(|number| number as u32);
        for number in of_tensors.chain(of_metadata).chain(of_model).collect::<Vec<_>>() {
            let Some(count) = this.references.get_mut(number as usize) else {
                let buffers = this.references.len();
                return Err(this.source.bad(format!("there is no buffer {number}: it has {buffers} of them")));
            };
            *count += 1;
        }
        Ok(this)
    }

    /// Returns the bytes behind the flatbuffer, unless they only fill up.
    fn find_tail(&self, end: u64) -> Result<Option<(u64, u64)>> {
        let len = self.source.len.saturating_sub(end);
        let mut is_filling = len < 64;
        if is_filling {
            let mut bytes = vec![0; len as usize];
            self.source.read_into(end, &mut bytes)?;
            is_filling = bytes.iter().all(|&byte| byte == 0);
        }
        Ok((!is_filling).then_some((end, len)))
    }

    /// Returns the path of the file that was opened.
    pub fn path(&self) -> &Path {
        &self.source.path
    }

    /// Returns the length of the file that was opened, in bytes.
    pub fn size_in_bytes(&self) -> u64 {
        self.source.len
    }

    /// Returns the version of the schema that the file says it follows.
    pub fn version(&self) -> u32 {
        self.root.u32(model::VERSION).unwrap_or(0)
    }

    /// Returns the file's description of itself.
    pub fn description(&self) -> String {
        self.root.text(model::DESCRIPTION)
    }

    pub(super) fn graphs(&self) -> &[Table] {
        self.root.tables(model::SUBGRAPHS)
    }

    /// Returns the name of a tensor; `None` if it is not there.
    pub fn name_of(&self, id: TensorId) -> Option<String> {
        let graph = self.graphs().get(id.subgraph)?;
        graph.tables(subgraph::TENSORS).get(id.tensor).map(|table| table.text(tensor::NAME))
    }

    /// Returns the number of tensors in all subgraphs, constant or not.
    pub fn tensor_count(&self) -> usize {
        self.graphs().iter().map(|graph| graph.tables(subgraph::TENSORS).len()).sum()
    }

    /// Returns the operators of each subgraph, in the order in which they run.
    pub fn operators(&self) -> Vec<Vec<Operator>> {
        let codes = self.operator_codes();
        let operator = |table: &Table| {
            let (_, name, version) = code_of(table, &codes);
            let inputs = table.i32s(op::INPUTS).into_iter().map(|input| usize::try_from(input).ok()).collect();
            let outputs = table.i32s(op::OUTPUTS).into_iter();
            let outputs = outputs.map(|output| usize::try_from(output).unwrap_or(usize::MAX)).collect();
            Operator { name, version, inputs, outputs }
        };
        self.graphs().iter().map(|graph| graph.tables(subgraph::OPERATORS).iter().map(operator).collect()).collect()
    }

    /// Returns code, name and version of each entry of the table of operators.
    pub(super) fn operator_codes(&self) -> Vec<(i32, String, i32)> {
        let entry = |table: &Table| {
            // Files older than schema version 3a fill only the deprecated field, which has no room for codes over 127.
            let deprecated = table.scalar(operator_code::DEPRECATED_BUILTIN).map_or(0, i8::from_le_bytes);
            let code = table.i32(operator_code::BUILTIN).unwrap_or(0).max(i32::from(deprecated));
            let custom = table.text(operator_code::CUSTOM);
            let name = if code == CUSTOM && !custom.is_empty() { custom } else { names::name(code) };
            (code, name, table.i32(operator_code::VERSION).unwrap_or(1))
        };
        self.root.tables(model::OPERATOR_CODES).iter().map(entry).collect()
    }

    /// Returns every constant tensor, in the order of subgraphs and tensors.
    pub fn constants(&self) -> Vec<Constant> {
        let codes = self.operator_codes();
        let mut constants = Vec::new();
        for (number, graph) in self.graphs().iter().enumerate() {
            let edge = [graph.i32s(subgraph::INPUTS), graph.i32s(subgraph::OUTPUTS)].concat();
            let edge: HashSet<i32> = edge.into_iter().collect();
            let mut inputs: HashMap<i32, Vec<(usize, usize)>> = HashMap::new();
            for (i, table) in graph.tables(subgraph::OPERATORS).iter().enumerate() {
                for (input, tensor) in table.i32s(op::INPUTS).into_iter().enumerate() {
                    inputs.entry(tensor).or_default().push((i, input));
                }
            }
            for (i, table) in graph.tables(subgraph::TENSORS).iter().enumerate() {
                let Some(mut constant) = self.constant(TensorId { subgraph: number, tensor: i }, table) else {
                    continue;
                };
                constant.is_at_the_edge = edge.contains(&(i as i32));
                let uses = inputs.get(&(i as i32)).into_iter().flatten().filter_map(|&(operator, input)| {
                    let table = graph.tables(subgraph::OPERATORS).get(operator)?;
                    let (code, name, _) = code_of(table, &codes);
                    Some(Use { operator, name, input, role: role(code, table, input, &constant.shape) })
                });
                constant.uses = uses.collect();
                constants.push(constant);
            }
        }
        constants
    }

    /// Returns what is known of a tensor without the operators, if it has values.
    pub(super) fn constant(&self, id: TensorId, table: &Table) -> Option<Constant> {
        let number = table.u32(tensor::BUFFER).unwrap_or(0) as usize;
        let elsewhere = table.u32(tensor::EXTERNAL_BUFFER).filter(|&external| external != 0);
        let size_in_bytes = match elsewhere {
            Some(external) => self.size_elsewhere(external),
            None => self.data_of(number)?.len(),
        };
        let is_variable = table.u8(tensor::IS_VARIABLE).unwrap_or(0) != 0;
        ((size_in_bytes > 0 || elsewhere.is_some()) && !is_variable).then(|| Constant {
            id,
            name: table.text(tensor::NAME),
            element_type: ElementType::of(table.u8(tensor::TYPE).unwrap_or(0)),
            shape: shape_of(table),
            size_in_bytes,
            buffer: number,
            is_elsewhere: elsewhere.is_some(),
            quantization: quantization_of(table),
            is_sparse: table.child(tensor::SPARSITY).is_some(),
            is_at_the_edge: false,
            uses: Vec::new(),
        })
    }

    /// Returns the length of data that stand in another file; 0 if the model does not tell it.
    fn size_elsewhere(&self, id: u32) -> u64 {
        let buffers = self.root.tables(model::EXTERNAL_BUFFERS).iter();
        let of_id = buffers.filter(|table| table.u32(external_buffer::ID) == Some(id));
        of_id.filter_map(|table| table.scalar(external_buffer::LENGTH)).map(u64::from_le_bytes).next().unwrap_or(0)
    }

    /// Returns the data of a buffer, wherever in the file they stand.
    pub(super) fn data_of(&self, number: usize) -> Option<&Data> {
        let table = self.root.tables(model::BUFFERS).get(number)?;
        table.outside.as_ref().or_else(|| table.vector(buffer::DATA).map(|vector| &vector.data))
    }

    /// Returns a buffer's bytes.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`] if there is no such buffer, or it is empty; [`Error::Io`].
    pub fn bytes(&self, buffer: usize) -> Result<Vec<u8>> {
        let data = self.data_of(buffer).ok_or_else(|| ModelError::NoSuchTensor { name: format!("buffer {buffer}") })?;
        match data {
            Data::Held(bytes) => Ok(bytes.clone()),
            &Data::File { start, len } => {
                let mut bytes = vec![0; len as usize];
                self.source.read_into(start, &mut bytes)?;
                Ok(bytes)
            }
        }
    }

    /// Returns the length of the file that [`save`](Self::save) would write, in bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] if the tables are too long for the format.
    pub fn encoded_len(&self) -> Result<u64> {
        let layout = lay_out(&self.root, self.tail.map(|(start, _)| start)).ok_or_else(|| self.source.bad(TOO_LONG))?;
        Ok(layout.end().saturating_add(self.tail.map_or(0, |(_, len)| len)))
    }

    /// Writes the model under a temporary name in the target's folder, and renames it when it is complete.
    ///
    /// The target may exist, even be the file that the model was opened from: it is replaced whole, or left as it is. It keeps
    /// its permissions; a symbolic link stays, and what it leads to is replaced.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], also for a target that is a folder, a device or read-only; [`Error::Format`] if the tables are too long
    /// for the format.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.save_timed(path.as_ref()).map(|_| ())
    }

    /// The same; returns how long the disk took to take it.
    ///
    /// # Errors
    ///
    /// As [`save`](Self::save).
    pub(crate) fn save_timed(&self, path: &Path) -> Result<Duration> {
        let mut output = Output::create(path)?;
        let mut out = BufWriter::with_capacity(1 << 16, output.file());
        self.write(&mut out, &|source| Error::Io { action: "write", path: path.into(), source })?;
        drop(out);
        output.finish()
    }

    /// Returns the bytes that [`save`](Self::save) would write.
    ///
    /// # Errors
    ///
    /// As [`save`](Self::save).
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.write(&mut bytes, &|source| Error::Io { action: "write", path: "memory".into(), source })?;
        Ok(bytes)
    }

    fn write(&self, out: &mut impl Write, failed: &impl Fn(std::io::Error) -> Error) -> Result<()> {
        let layout = lay_out(&self.root, self.tail.map(|(start, _)| start)).ok_or_else(|| self.source.bad(TOO_LONG))?;
        layout.write(&self.source, out, failed)?;
        if let Some((start, len)) = self.tail {
            let mut data = Data::File { start, len };
            if len <= LONGEST_ARCHIVE {
                let mut bytes = vec![0; len as usize];
                self.source.read_into(start, &mut bytes)?;
                relocate(&mut bytes, start, layout.end());
                data = Data::Held(bytes);
            }
            copy(&data, &self.source, out, failed)?;
        }
        out.flush().map_err(failed)
    }
}

/// Returns code, name and version of an operator.
fn code_of(operator: &Table, codes: &[(i32, String, i32)]) -> (i32, String, i32) {
    let index = operator.u32(op::CODE).unwrap_or(0) as usize;
    codes.get(index).cloned().unwrap_or_else(|| (-1, format!("operator code {index}, which is not there"), 0))
}

/// Returns a tensor's shape; lengths that are not known count as 0.
pub(super) fn shape_of(table: &Table) -> Vec<usize> {
    table.i32s(tensor::SHAPE).into_iter().map(|len| usize::try_from(len).unwrap_or(0)).collect()
}

/// Returns a tensor's scales and zero points, if it has any that belong together.
pub(super) fn quantization_of(table: &Table) -> Option<Quantization> {
    let table = table.table(tensor::QUANTIZATION)?;
    let scales = table.numbers(quantization::SCALE).iter().map(|&bytes| f32::from_le_bytes(bytes));
    let zero_points = table.numbers(quantization::ZERO_POINT).iter().map(|&bytes| i64::from_le_bytes(bytes));
    let quantization = Quantization {
        scales: scales.collect(),
        zero_points: zero_points.collect(),
        axis: usize::try_from(table.i32(quantization::DIMENSION).unwrap_or(0)).unwrap_or(usize::MAX),
        has_details: table.child(quantization::DETAILS).is_some(),
    };
    (!quantization.scales.is_empty() || quantization.has_details).then_some(quantization)
}
