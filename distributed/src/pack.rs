//! Arrays as runners write them, turned into Parquet.

use datafusion::arrow::array::{
    ArrayRef, Float32Builder, Int32Builder, Int64Builder, ListBuilder, RecordBatch, StringBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, Encoding};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::schema::types::ColumnPath;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use tensor_quant_run::data::arrays;

/// The most values in a row, but for a tensor of more channels.
const ROW: usize = 4096;
/// Values that are held before they are written: 16 MiB.
const HELD: usize = 1 << 22;
/// Rows whose values are a group that is read at once: 64 MiB.
const ROW_GROUP: usize = (16 << 20) / ROW;

/// Returns how Parquet files of activations are best written: a column `values` of lists that are not compressed and not looked up in a
/// dictionary, in groups of 64 MiB.
pub fn properties() -> WriterProperties {
    let values = ColumnPath::from(vec!["values".to_owned(), "list".to_owned(), "element".to_owned()]);
    WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_column_dictionary_enabled(values.clone(), false)
        .set_column_encoding(values.clone(), Encoding::PLAIN)
        .set_column_statistics_enabled(values, EnabledStatistics::None)
        .build()
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packed {
    /// Arrays.
    pub tensors: usize,
    /// Rows of the file.
    pub rows: usize,
    /// Numbers in all of them.
    pub values: usize,
}

/// Turns a folder of `.npy` or `.npz` files, as `tensor-quant calibrate --dump` and NumPy write them, or one such file, into Parquet, and
/// returns what it wrote.
///
/// An array is a tensor, named as its file is, or as the list `values.json` beside it says, its first axis samples and its last one channels. Its rows have the columns `name`; `sample`
/// and `part`, the number of the sample and that of the row in it; `channels`; and `values`, a list of whole places of all channels, at most
/// 4096 numbers unless there are more channels. Numbers are not compressed: activations do not shrink by much, and reading would be bound
/// by it. The file is complete under a temporary name before it gets its own.
///
/// # Errors
///
/// Those of reading the arrays, which name the file, and of writing.
pub fn pack(from: &Path, to: &Path) -> Result<Packed> {
    let arrays = arrays(from).map_err(external)?;
    if arrays.is_empty() {
        return Err(DataFusionError::Execution(format!("{} holds no .npy or .npz files", from.display())));
    }
    let keys = keys(from)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unfinished = tempfile::NamedTempFile::new_in(folder)?;
    let mut rows = Rows::new(unfinished.reopen()?)?;
    let mut packed = Packed { tensors: arrays.len(), ..Packed::default() };
    for array in &arrays {
        let shape = array.shape();
        // A vector is one sample: whatever its numbers are, they are not one each.
        let in_sample: usize = shape.iter().skip(usize::from(shape.len() > 1)).product();
        let channels = if shape.len() > 1 { shape.last().copied().unwrap_or(1) } else { 1 };
        let mut at = 0;
        for piece in array.pieces().map_err(external)? {
            let piece = piece.map_err(external)?;
            let owned: Vec<f32>;
            let values = if let Some(values) = piece.as_slice() {
                values
            } else {
                owned = piece.iter().copied().collect();
                &owned
            };
            let name = keys.get(array.name()).map_or(array.name(), String::as_str);
            let place = Place { name, channels, in_sample };
            packed.rows += rows.add(&place, at, values)?;
            at += values.len();
        }
        packed.values += at;
    }
    rows.finish()?;
    unfinished.persist(to).map_err(|error| error.error)?;
    Ok(packed)
}

/// Returns which value each array of a folder is, by the list that `tensor-quant calibrate --dump` leaves there; of a folder without one,
/// arrays are named as their files.
fn keys(folder: &Path) -> Result<BTreeMap<String, String>> {
    let path = folder.join("values.json");
    let Ok(text) = fs::read_to_string(&path) else { return Ok(BTreeMap::new()) };
    let broken =
        |reason: &str| DataFusionError::Execution(format!("{} is no list of values: {reason}", path.display()));
    let list: Value = serde_json::from_str(&text).map_err(|error| broken(&error.to_string()))?;
    let values = list["values"].as_array().ok_or_else(|| broken("it has no values"))?;
    let key = |value: &Value| {
        let (key, file) = (value["key"].as_str()?, value["file"].as_str()?);
        Some((file.strip_suffix(".npy").unwrap_or(file).to_owned(), key.to_owned()))
    };
    values.iter().map(|value| key(value).ok_or_else(|| broken("a value without key or file"))).collect()
}

/// Where values are from.
struct Place<'a> {
    name: &'a str,
    channels: usize,
    /// Values in a sample.
    in_sample: usize,
}

/// Rows that are being written.
struct Rows {
    schema: SchemaRef,
    writer: ArrowWriter<File>,
    names: StringBuilder,
    samples: Int64Builder,
    parts: Int32Builder,
    channels: Int32Builder,
    values: ListBuilder<Float32Builder>,
    held: usize,
}

impl Rows {
    fn new(file: File) -> Result<Self> {
        let element = Arc::new(Field::new("element", DataType::Float32, false));
        let schema: SchemaRef = Arc::new(Schema::new(vec![
            Field::new("name", DataType::Utf8, false),
            Field::new("sample", DataType::Int64, false),
            Field::new("part", DataType::Int32, false),
            Field::new("channels", DataType::Int32, false),
            Field::new("values", DataType::List(element.clone()), false),
        ]));
        Ok(Self {
            writer: ArrowWriter::try_new(file, schema.clone(), Some(properties()))?,
            schema,
            names: StringBuilder::new(),
            samples: Int64Builder::new(),
            parts: Int32Builder::new(),
            channels: Int32Builder::new(),
            values: ListBuilder::new(Float32Builder::new()).with_field(element),
            held: 0,
        })
    }

    /// Adds values of a tensor, the first of which has the number `at`; returns how many rows they are.
    fn add(&mut self, place: &Place<'_>, mut at: usize, mut values: &[f32]) -> Result<usize> {
        let channels = place.channels.max(1);
        let longest = (ROW / channels).max(1) * channels;
        let mut rows = 0;
        while !values.is_empty() {
            let in_sample = place.in_sample.max(1);
            let len = longest.min(in_sample - at % in_sample).min(values.len());
            let (now, later) = values.split_at(len);
            self.names.append_value(place.name);
            self.samples.append_value((at / in_sample) as i64);
            self.parts.append_value((at % in_sample / longest) as i32);
            self.channels.append_value(channels as i32);
            self.values.values().append_slice(now);
            self.values.append(true);
            self.held += len;
            if self.held >= HELD {
                self.write()?;
            }
            (at, values, rows) = (at + len, later, rows + 1);
        }
        Ok(rows)
    }

    fn write(&mut self) -> Result<()> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.names.finish()),
            Arc::new(self.samples.finish()),
            Arc::new(self.parts.finish()),
            Arc::new(self.channels.finish()),
            Arc::new(self.values.finish()),
        ];
        self.held = 0;
        self.writer.write(&RecordBatch::try_new(self.schema.clone(), columns)?)?;
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.write()?;
        self.writer.close()?;
        Ok(())
    }
}

fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
